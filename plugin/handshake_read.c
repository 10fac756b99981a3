/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections without a certificate, by what OpenSSL tells of their records:
 * SSL_set_msg_callback(3ssl).
 */
#include "handshake_read.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "handshake.h"
#include "handshake_psk.h"

/* A connection that is watched. Owned by its SSL. */
struct visitor {
	struct trust_handshake_reads *reads;
	SSL *ssl;
	bool has_sent; /* and is among the senders */
	struct visitor *prev, *next;
};

struct trust_handshake_reads {
	int ssl_index; /* ex_data of SSL; holds a visitor */
	/* Of whom a record of data has begun to come, and not all of it has
	 * been dealt with. */
	struct visitor *senders;
};

/* ---- Records ---- */

/* Each record of data, before it is decrypted, as soon as its header is there.
 * With TLS 1.3 records of the handshake look like it. */
static void
on_record(int sent, int version, int type, const void *record, size_t len,
    SSL *ssl, void *arg)
{
	struct visitor *visitor = arg;
	const uint8_t *header = record;

	(void)version;
	if (visitor == NULL || visitor->has_sent || sent != 0 ||
	    type != SSL3_RT_HEADER || len == 0 ||
	    header[0] != SSL3_RT_APPLICATION_DATA ||
	    SSL_is_init_finished(ssl) != 1 ||
	    trust_handshake_psk_is_proved(ssl))
		return;
	visitor->has_sent = true;
	DL_APPEND(visitor->reads->senders, visitor);
}

static void
forget(struct visitor *visitor)
{
	if (visitor->has_sent)
		DL_DELETE(visitor->reads->senders, visitor);
	visitor->has_sent = false;
}

/* Whether the broker waits for more of it, before there is a packet. */
static bool
is_awaited(const struct visitor *visitor)
{
	return SSL_want_read(visitor->ssl);
}

/* A peer that has no such address may have any. */
static bool
is_from(const struct visitor *visitor, const char *address)
{
	char known[TRUST_ADDRESS_MAX];
	const char *peer = trust_handshake_peer(visitor->ssl, known);

	return address == NULL || peer != known || strcmp(peer, address) == 0;
}

/* The first that may have sent a CONNECT, this one or behind it. */
static struct visitor *
next_sender(struct visitor *visitor, const char *address)
{
	while (visitor != NULL &&
	       (is_awaited(visitor) || !is_from(visitor, address)))
		visitor = visitor->next;
	return visitor;
}

bool
trust_handshake_reads_any(
    const struct trust_handshake_reads *reads, const char *address)
{
	return next_sender(reads->senders, address) != NULL;
}

void
trust_handshake_reads_forget(struct trust_handshake_reads *reads)
{
	struct visitor *visitor, *next;

	/* What a record still has comes without another header. */
	DL_FOREACH_SAFE(reads->senders, visitor, next)
	{
		if (!is_awaited(visitor) && SSL_pending(visitor->ssl) == 0)
			forget(visitor);
	}
}

/* Of more than one nobody can tell. */
void
trust_handshake_reads_settle(
    struct trust_handshake_reads *reads, const char *address)
{
	struct visitor *visitor = next_sender(reads->senders, address);

	if (visitor != NULL && next_sender(visitor->next, address) == NULL)
		trust_handshake_reads_leave(reads, visitor->ssl);
	trust_handshake_reads_forget(reads);
}

/* ---- Connections ---- */

/* CRYPTO_EX_free: CRYPTO_get_ex_new_index(3ssl). */
static void
on_free_connection(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	struct visitor *visitor = ptr;

	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	if (visitor != NULL)
		forget(visitor);
	free(visitor);
}

bool
trust_handshake_reads_watch(struct trust_handshake_reads *reads, SSL *ssl)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor));

	if (visitor == NULL)
		return false;
	visitor->reads = reads;
	visitor->ssl = ssl;
	if (SSL_set_ex_data(ssl, reads->ssl_index, visitor) != 1) {
		free(visitor);
		return false;
	}
	SSL_set_msg_callback(ssl, on_record);
	SSL_set_msg_callback_arg(ssl, visitor);
	return true;
}

void
trust_handshake_reads_leave(struct trust_handshake_reads *reads, SSL *ssl)
{
	struct visitor *visitor = SSL_get_ex_data(ssl, reads->ssl_index);

	if (visitor == NULL)
		return;
	SSL_set_msg_callback(ssl, NULL);
	(void)SSL_set_ex_data(ssl, reads->ssl_index, NULL);
	forget(visitor);
	free(visitor);
}

/* ---- */

enum trust_err
trust_handshake_reads_new(
    struct trust_handshake_reads **out, struct trust_message *msg)
{
	struct trust_handshake_reads *reads = calloc(1, sizeof(*reads));

	*out = NULL;
	if (reads == NULL)
		return TRUST_ERR_NOMEM;
	reads->ssl_index =
	    SSL_get_ex_new_index(0, NULL, NULL, NULL, on_free_connection);
	if (reads->ssl_index < 0) {
		free(reads);
		return trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "OpenSSL: no ex_data index could be had");
	}
	*out = reads;
	return TRUST_OK;
}

void
trust_handshake_reads_free(struct trust_handshake_reads *reads)
{
	if (reads == NULL)
		return;
	(void)CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, reads->ssl_index);
	free(reads);
}
