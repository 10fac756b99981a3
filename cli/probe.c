/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TLS connection to a server, to learn what there is to learn.
 */
#include "probe.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"

/* Octets that are read of a server that speaks first. */
#define READ_MAX 256

/* A connection under way. */
struct talk {
	const struct trust_probe_want *want;
	struct trust_probe *probe;
	int64_t deadline_ms;
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

/* ---- Called by OpenSSL ---- */

/* In place of X509_verify_cert: whatever it is, it is taken down. */
static int
on_verify(X509_STORE_CTX *store, void *arg)
{
	struct talk *talk = arg;

	if (talk->probe->sent == NULL)
		talk->probe->sent =
		    X509_chain_up_ref(X509_STORE_CTX_get0_untrusted(store));
	return 1;
}

static int
on_certificate_wanted(SSL *ssl, void *arg)
{
	struct talk *talk = arg;

	(void)ssl;
	talk->probe->asked = true;
	return 1;
}

/* A ticket (TLS 1.3), or the end of the handshake (before). */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct talk *talk = SSL_get_app_data(ssl);

	(void)session;
	talk->probe->welcomed = true;
	return 0;
}

static void
on_info(const SSL *ssl, int where, int value)
{
	struct talk *talk = SSL_get_app_data(ssl);
	int alert = value & 0xff;

	/* close_notify (0) is an end like others. */
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && alert != 0)
		talk->probe->alert = alert;
}

/* ---- Setting up ---- */

static enum trust_err
fail(struct trust_message *msg, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	enum trust_err r = trust_err_set(msg, TRUST_ERR_INTERNAL,
	    "OpenSSL: %s: %s", what, reason != NULL ? reason : "failed");

	ERR_clear_error();
	return r;
}

static const char *
cipher_list(enum trust_probe_ciphers ciphers)
{
	switch (ciphers) {
	case TRUST_PROBE_CIPHERS_ALL:
		/* Those that encrypt nothing too; a certificate there is. */
		return "ALL:COMPLEMENTOFALL:!aNULL:!PSK:!SRP:@SECLEVEL=0";
	case TRUST_PROBE_CIPHERS_GOOD:
		return "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:@SECLEVEL=2";
	default:
		return NULL;
	}
}

static bool
set_versions(struct talk *talk)
{
	const struct trust_probe_want *want = talk->want;
	const char *ciphers = cipher_list(want->ciphers);
	int least = want->version != TRUST_PROBE_TLS_ANY ? (int)want->version
		    : ciphers != NULL                    ? TLS1_VERSION
							 : TLS1_2_VERSION;

	return SSL_set_min_proto_version(talk->ssl, least) == 1 &&
	       SSL_set_max_proto_version(talk->ssl, (int)want->version) == 1 &&
	       (ciphers == NULL ||
		   SSL_set_cipher_list(talk->ssl, ciphers) == 1);
}

/* What OpenSSL completes the client's chain from. */
static bool
add_anchors(struct talk *talk)
{
	X509_STORE *store = SSL_CTX_get_cert_store(talk->ctx);

	for (int i = 0; i < sk_X509_num(talk->want->anchors); i++) {
		if (X509_STORE_add_cert(
			store, sk_X509_value(talk->want->anchors, i)) != 1)
			return false;
	}
	return true;
}

static bool
set_certificate(struct talk *talk)
{
	STACK_OF(X509) *own = talk->want->certificates;
	int i;

	if (own == NULL || talk->want->key == NULL)
		return true;
	if (SSL_use_certificate(talk->ssl, sk_X509_value(own, 0)) != 1 ||
	    SSL_use_PrivateKey(talk->ssl, talk->want->key) != 1)
		return false;
	for (i = 1; i < sk_X509_num(own); i++) {
		if (SSL_add1_chain_cert(talk->ssl, sk_X509_value(own, i)) != 1)
			return false;
	}
	return true;
}

static enum trust_err
prepare(struct talk *talk, struct trust_message *msg)
{
	/* OpenSSL's macro takes no const. */
	char name[TLSEXT_MAXLEN_host_name + 1];

	(void)snprintf(name, sizeof(name), "%s",
	    talk->want->name != NULL ? talk->want->name : "");
	talk->ctx = SSL_CTX_new(TLS_client_method());
	if (talk->ctx == NULL)
		return fail(msg, "SSL_CTX_new");
	SSL_CTX_set_cert_verify_callback(talk->ctx, on_verify, talk);
	SSL_CTX_set_verify(talk->ctx, SSL_VERIFY_PEER, NULL);
	(void)SSL_CTX_set_session_cache_mode(
	    talk->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(talk->ctx, on_session);
	/* Old servers; nothing is said that they could listen to. */
	(void)SSL_CTX_set_options(talk->ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	if (!add_anchors(talk))
		return fail(msg, "the anchors");
	talk->ssl = SSL_new(talk->ctx);
	if (talk->ssl == NULL || SSL_set_app_data(talk->ssl, talk) != 1)
		return fail(msg, "SSL_new");
	SSL_set_info_callback(talk->ssl, on_info);
	SSL_set_cert_cb(talk->ssl, on_certificate_wanted, talk);
	if (!set_versions(talk) ||
	    (name[0] != '\0' &&
		SSL_set_tlsext_host_name(talk->ssl, name) != 1) ||
	    SSL_set_fd(talk->ssl, talk->fd) != 1)
		return fail(msg, "the connection");
	if (!set_certificate(talk))
		return fail(msg, "the client's certificate");
	return TRUST_OK;
}

/* ---- Talking ---- */

/* Wait for the socket as OpenSSL wants it. False: not in time. */
static bool
await(const struct talk *talk, int ssl_error)
{
	struct pollfd wait = {.fd = talk->fd,
	    .events = ssl_error == SSL_ERROR_WANT_WRITE ? POLLOUT : POLLIN};
	int64_t left;
	int n;

	do {
		left = talk->deadline_ms - trust_progress_now_ms();
		n = left > 0 ? poll(&wait, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* Why an operation did not go through. */
static void
end(struct talk *talk, int ssl_error, int error)
{
	struct trust_probe *probe = talk->probe;
	unsigned long code = ERR_peek_error();
	const char *reason = ERR_reason_error_string(code);

	if (probe->alert >= 0)
		probe->end = TRUST_PROBE_ALERT;
	else if (ssl_error == SSL_ERROR_ZERO_RETURN ||
		 ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING ||
		 (ssl_error == SSL_ERROR_SYSCALL && code == 0))
		probe->end = TRUST_PROBE_CLOSED;
	else
		probe->end = TRUST_PROBE_FAILED;
	(void)snprintf(probe->error, sizeof(probe->error), "%s",
	    reason != NULL                                 ? reason
	    : ssl_error == SSL_ERROR_SYSCALL && error != 0 ? strerror(error)
							   : "closed");
	ERR_clear_error();
}

/* Go on until it is done. False: it ended. */
static bool
go(struct talk *talk, int (*step)(struct talk *talk))
{
	int n, ssl_error, error;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		n = step(talk);
		error = errno;
		if (n > 0)
			return true;
		ssl_error = SSL_get_error(talk->ssl, n);
		if (ssl_error != SSL_ERROR_WANT_READ &&
		    ssl_error != SSL_ERROR_WANT_WRITE) {
			end(talk, ssl_error, error);
			return false;
		}
		if (talk->probe->finished && talk->probe->welcomed)
			return true;
		if (!await(talk, ssl_error)) {
			talk->probe->end = TRUST_PROBE_SILENT;
			return false;
		}
	}
}

static int
shake_hands(struct talk *talk)
{
	return SSL_connect(talk->ssl);
}

/* What the server says before it is asked: an alert, or a ticket. */
static int
listen_to(struct talk *talk)
{
	char text[READ_MAX];

	return SSL_read(talk->ssl, text, sizeof(text));
}

static void
note(struct talk *talk)
{
	struct trust_probe *probe = talk->probe;

	probe->version = SSL_get_version(talk->ssl);
	probe->number = (enum trust_probe_version)SSL_version(talk->ssl);
	probe->cipher = SSL_get_cipher_name(talk->ssl);
}

static void
talk_to(struct talk *talk)
{
	struct trust_probe *probe = talk->probe;

	if (!go(talk, shake_hands)) {
		if (probe->sent != NULL)
			note(talk);
		return;
	}
	probe->finished = true;
	note(talk);
	/* Before TLS 1.3 the server has spoken by now. */
	if (probe->number < TRUST_PROBE_TLS_1_3)
		probe->welcomed = true;
	if (talk->want->waits && probe->asked && !probe->welcomed)
		(void)go(talk, listen_to);
	if (probe->end == TRUST_PROBE_OPEN)
		(void)SSL_shutdown(talk->ssl);
	ERR_clear_error();
}

enum trust_err
trust_probe_run(const struct trust_probe_want *want, struct trust_probe *out,
    struct trust_message *msg)
{
	struct talk talk = {.want = want, .probe = out};
	enum trust_err r = TRUST_OK;

	*out = (struct trust_probe){.alert = -1};
	talk.deadline_ms = trust_progress_now_ms() + want->timeout_ms;
	talk.fd = trust_dial_connect(want->to, want->timeout_ms);
	if (talk.fd < 0) {
		out->end = TRUST_PROBE_FAILED;
		(void)snprintf(
		    out->error, sizeof(out->error), "%s", strerror(errno));
		return TRUST_OK;
	}
	r = prepare(&talk, msg);
	if (r == TRUST_OK)
		talk_to(&talk);
	SSL_free(talk.ssl);
	SSL_CTX_free(talk.ctx);
	(void)close(talk.fd);
	return r;
}

void
trust_probe_clear(struct trust_probe *probe)
{
	sk_X509_pop_free(probe->sent, X509_free);
	*probe = (struct trust_probe){0};
}
