/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in one connection (Mosquitto 2.0 and 2.1, OpenSSL 3): the broker
 * makes an SSL for its client; OpenSSL tells of each step of the handshake
 * (SSL_CTX_set_info_callback(3ssl)) and, within such a step, asks the broker
 * for the key, which asks the plugin. With TLS 1.3 that is while the
 * ClientHello is read, for each identity in it until one is known, and again
 * after a HelloRetryRequest; with TLS 1.2 it is when the ClientKeyExchange is
 * read, and other connections may have had their turns since the ClientHello.
 * So the SSL of the last step is the one that is asked for. Then the key is
 * proved, the handshake is finished, and only then CONNECT can be read. The
 * broker frees the SSL before it frees the client or uses it again.
 */
#include "handshake_psk.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "handshake.h"

/* What a connection claims. Owned by both tables together. */
struct claim {
	const SSL *ssl;
	const struct mosquitto *client;
	struct trust_admission *admission; /* counted */
	UT_hash_handle by_ssl;
	UT_hash_handle by_client;
};

struct trust_handshake_psk {
	struct trust_refusals *refusals;
	/* Ex_data of SSL: the SSL itself, which OpenSSL shows as const. That
	 * it is freed tells of its end. */
	int ssl_index;
	const SSL *current; /* whose handshake made a step last; or NULL */
	size_t n_asked;     /* identities, since that step */
	struct claim *by_ssl;
	struct claim *by_client;
};

/* What OpenSSL's callback, which takes no argument, is about. */
static struct trust_handshake_psk *watching;

/* ---- Claims ---- */

static struct claim *
find_ssl(const struct trust_handshake_psk *psk, const SSL *ssl)
{
	struct claim *claim;

	HASH_FIND(by_ssl, psk->by_ssl, &ssl, sizeof(ssl), claim);
	return claim;
}

static struct claim *
find_client(
    const struct trust_handshake_psk *psk, const struct mosquitto *client)
{
	struct claim *claim;

	HASH_FIND(by_client, psk->by_client, &client, sizeof(client), claim);
	return claim;
}

static void
drop(struct trust_handshake_psk *psk, struct claim *claim)
{
	if (claim == NULL)
		return;
	HASH_DELETE(by_ssl, psk->by_ssl, claim);
	HASH_DELETE(by_client, psk->by_client, claim);
	trust_admission_free(claim->admission);
	free(claim);
}

/* False without memory; the claim is in no table then. */
static bool
add(struct trust_handshake_psk *psk, struct claim *claim)
{
	HASH_ADD(by_ssl, psk->by_ssl, ssl, sizeof(claim->ssl), claim);
	if (claim->by_ssl.tbl == NULL)
		return false;
	HASH_ADD(
	    by_client, psk->by_client, client, sizeof(claim->client), claim);
	if (claim->by_client.tbl != NULL)
		return true;
	HASH_DELETE(by_ssl, psk->by_ssl, claim);
	return false;
}

/* A ticket without a certificate is declined (handshake.c), and with TLS 1.3 a
 * client would claim it as one more identity. */
static void
make_no_ticket(const struct trust_handshake_psk *psk)
{
	SSL *ssl = SSL_get_ex_data(psk->current, psk->ssl_index);

	if (ssl != NULL)
		(void)SSL_set_num_tickets(ssl, 0);
}

size_t
trust_handshake_psk_count(struct trust_handshake_psk *psk)
{
	return ++psk->n_asked;
}

bool
trust_handshake_psk_claim(struct trust_handshake_psk *psk,
    const struct mosquitto *client, struct trust_admission *admission)
{
	struct claim *claim = NULL;

	drop(psk, find_client(psk, client));
	if (psk->current != NULL)
		drop(psk, find_ssl(psk, psk->current));
	if (admission == NULL)
		return true;
	if (psk->current != NULL && SSL_in_init(psk->current) != 0)
		claim = calloc(1, sizeof(*claim));
	if (claim != NULL) {
		claim->ssl = psk->current;
		claim->client = client;
		claim->admission = admission;
		make_no_ticket(psk);
		if (add(psk, claim))
			return true;
	}
	free(claim);
	trust_admission_free(admission);
	return false;
}

/* ---- Proofs ---- */

/* Of a finished handshake without a certificate: whether it rests on a
 * pre-shared key. With TLS 1.3 a session that is resumed does, and tickets
 * without a certificate are declined (handshake.c); with TLS 1.2 the cipher
 * says so (RFC 4279, 5489). */
static bool
is_by_key(const SSL *ssl)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);

	if (SSL_version(ssl) >= TLS1_3_VERSION)
		return SSL_session_reused(ssl) == 1;
	switch (cipher != NULL ? SSL_CIPHER_get_kx_nid(cipher) : NID_undef) {
	case NID_kx_psk:
	case NID_kx_ecdhe_psk:
	case NID_kx_dhe_psk:
	case NID_kx_rsa_psk:
		return true;
	default:
		return false;
	}
}

bool
trust_handshake_psk_is_proved(const SSL *ssl)
{
	return SSL_is_init_finished(ssl) == 1 &&
	       SSL_get0_peer_certificate(ssl) == NULL && is_by_key(ssl);
}

struct trust_admission *
trust_handshake_psk_get0(
    const struct trust_handshake_psk *psk, const struct mosquitto *client)
{
	const struct claim *claim = find_client(psk, client);

	return claim != NULL && trust_handshake_psk_is_proved(claim->ssl)
		   ? claim->admission
		   : NULL;
}

/* ---- Steps of handshakes ---- */

/* Whether this is what OpenSSL says to who does not have the key: of the
 * Finished with TLS 1.2, of the binder with TLS 1.3 (RFC 8446 section
 * 4.2.11.2), which it called illegal_parameter before 3.5. A listener with a
 * certificate may go on without the key, and fail of something else. */
static bool
is_about_key(int alert)
{
	switch (alert & 0xff) {
	case SSL_AD_BAD_RECORD_MAC:
	case SSL_AD_ILLEGAL_PARAMETER:
	case SSL_AD_DECRYPT_ERROR:
		return alert >> 8 == SSL3_AL_FATAL;
	default:
		return false;
	}
}

/* Who knows an identity and not its key is told about, once: a typing error in
 * a key is what goes wrong most. */
static void
tell_failed(struct trust_handshake_psk *psk, const SSL *ssl, int alert)
{
	struct claim *claim = find_ssl(psk, ssl);
	struct trust_verdict verdict = {
	    .reason = TRUST_REASON_THUMBPRINT_MISMATCH,
	};
	char address[TRUST_ADDRESS_MAX];

	if (claim == NULL || SSL_in_init(ssl) == 0 || !is_about_key(alert))
		return;
	(void)snprintf(verdict.device, sizeof(verdict.device), "%s",
	    trust_admission_get0_verdict(claim->admission)->device);
	(void)snprintf(verdict.detail, sizeof(verdict.detail),
	    "device %s: whoever claims its PSK identity did not prove to have "
	    "its key (%s)",
	    verdict.device, SSL_alert_desc_string_long(alert));
	trust_refusal_tell_psk(psk->refusals, &verdict, NULL,
	    trust_admission_get0_identity(claim->admission),
	    trust_handshake_peer(ssl, address));
	drop(psk, claim);
}

static void
begin_step(struct trust_handshake_psk *psk, const SSL *ssl)
{
	psk->current = ssl;
	psk->n_asked = 0;
}

static void
on_step(const SSL *ssl, int where, int value)
{
	if (watching == NULL || SSL_is_server(ssl) == 0)
		return;
	if (where == SSL_CB_WRITE_ALERT)
		tell_failed(watching, ssl, value);
	else
		begin_step(watching, ssl);
}

void
trust_handshake_psk_watch(SSL_CTX *ctx)
{
	SSL_CTX_set_info_callback(ctx, on_step);
}

/* CRYPTO_EX_new and CRYPTO_EX_free for every SSL:
 * CRYPTO_get_ex_new_index(3ssl). */
static void
on_new_connection(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	(void)ptr;
	(void)argl;
	(void)argp;
	(void)CRYPTO_set_ex_data(data, index, parent);
}

static void
on_free_connection(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	struct trust_handshake_psk *psk = argp;
	const SSL *ssl = parent;

	(void)ptr;
	(void)data;
	(void)index;
	(void)argl;
	drop(psk, find_ssl(psk, ssl));
	if (psk->current == ssl)
		psk->current = NULL;
}

/* ---- */

enum trust_err
trust_handshake_psk_new(struct trust_refusals *refusals,
    struct trust_handshake_psk **out, struct trust_message *msg)
{
	struct trust_handshake_psk *psk = calloc(1, sizeof(*psk));

	*out = NULL;
	if (psk == NULL)
		return TRUST_ERR_NOMEM;
	psk->refusals = refusals;
	psk->ssl_index = SSL_get_ex_new_index(
	    0, psk, on_new_connection, NULL, on_free_connection);
	if (psk->ssl_index < 0) {
		free(psk);
		return trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "OpenSSL: no ex_data index could be had");
	}
	watching = psk;
	*out = psk;
	return TRUST_OK;
}

void
trust_handshake_psk_free(struct trust_handshake_psk *psk)
{
	struct claim *claim, *next;

	if (psk == NULL)
		return;
	watching = NULL;
	(void)CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, psk->ssl_index);
	HASH_ITER(by_ssl, psk->by_ssl, claim, next)
	drop(psk, claim);
	free(psk);
}
