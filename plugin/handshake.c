/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS hook: documented OpenSSL calls only. An ex_data index on SSL_CTX
 * has its new_func called for every context that the broker makes; there the
 * certificate's verification and the ticket's acceptance become ours.
 */
#include "handshake.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "handshake_psk.h"
#include "plugin.h"

struct trust_handshake {
	struct trust_handshake_config config;
	int ssl_ctx_index; /* ex_data of SSL_CTX; holds nothing */
	int x509_index;    /* ex_data of X509; holds an admission */
};

/* An error that OpenSSL's table of alerts does not have, so that the alert is
 * certificate_unknown: "some other issue arose" (RFC 8446 section 6.2). */
#define UNACCEPTABLE X509_V_ERR_SUBJECT_ISSUER_MISMATCH

/* Of a full handshake with TLS 1.3: a sensor has one connection, and comes
 * back with one ticket. OpenSSL makes two, and reads the client's certificate
 * once more for each, which is a tenth of a connect. */
#define N_TICKETS 1

/* The X.509 error whose TLS alert says most nearly what the reason says.
 * Everything that is not here is certificate_unknown (46). */
static const struct alert {
	enum trust_reason reason;
	int error;
} alerts[] = {
    /* internal_error (80): it is not the client's fault. */
    {TRUST_REASON_INTERNAL_ERROR, X509_V_ERR_UNSPECIFIED},
    {TRUST_REASON_REGISTRY_MISSING, X509_V_ERR_UNSPECIFIED},
    {TRUST_REASON_REGISTRY_STALE, X509_V_ERR_UNSPECIFIED},
    /* certificate_expired (45): "expired or not currently valid". */
    {TRUST_REASON_CERTIFICATE_EXPIRED, X509_V_ERR_CERT_HAS_EXPIRED},
    {TRUST_REASON_CERTIFICATE_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED},
    /* certificate_revoked (44). */
    {TRUST_REASON_CERTIFICATE_REVOKED, X509_V_ERR_CERT_REVOKED},
    /* unknown_ca (48). */
    {TRUST_REASON_CHAIN_UNTRUSTED,
	X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY},
    {TRUST_REASON_CHAIN_TOO_DEEP, X509_V_ERR_CERT_CHAIN_TOO_LONG},
    /* unsupported_certificate (43). */
    {TRUST_REASON_PURPOSE_NOT_ALLOWED, X509_V_ERR_INVALID_PURPOSE},
    /* bad_certificate (42). */
    {TRUST_REASON_CHAIN_INVALID, X509_V_ERR_CERT_REJECTED},
    {TRUST_REASON_KEY_TOO_WEAK, X509_V_ERR_EE_KEY_TOO_SMALL},
    {TRUST_REASON_SIGNATURE_TOO_WEAK, X509_V_ERR_CA_MD_TOO_WEAK},
    {TRUST_REASON_VALIDITY_TOO_LONG, X509_V_ERR_CERT_REJECTED},
};

static int
error_of(enum trust_reason reason)
{
	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
		if (alerts[i].reason == reason)
			return alerts[i].error;
	}
	return UNACCEPTABLE;
}

const char *
trust_handshake_peer(const SSL *ssl, char out[TRUST_ADDRESS_MAX])
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage storage;
	} address = {0};
	socklen_t len = sizeof(address);
	const char *text = NULL;

	if (getpeername(SSL_get_fd(ssl), &address.any, &len) == 0) {
		if (address.any.sa_family == AF_INET)
			text = inet_ntop(AF_INET, &address.v4.sin_addr, out,
			    TRUST_ADDRESS_MAX);
		else if (address.any.sa_family == AF_INET6)
			text = inet_ntop(AF_INET6, &address.v6.sin6_addr, out,
			    TRUST_ADDRESS_MAX);
	}
	return text != NULL ? text : "an unknown address";
}

/* Let the admission travel with the certificate; takes the reference. */
static bool
attach(const struct trust_handshake *handshake, X509 *leaf,
    struct trust_admission *admission)
{
	struct trust_admission *old =
	    X509_get_ex_data(leaf, handshake->x509_index);

	if (X509_set_ex_data(leaf, handshake->x509_index, admission) != 1) {
		trust_admission_free(admission);
		return false;
	}
	trust_admission_free(old);
	return true;
}

struct trust_admission *
trust_handshake_get0_admission(
    const struct trust_handshake *handshake, X509 *leaf)
{
	return X509_get_ex_data(leaf, handshake->x509_index);
}

/* What refuses a peer through no fault of its own. */
static void
tell_failure(const struct trust_handshake *handshake, const SSL *ssl,
    X509 *leaf, const char *why)
{
	char address[TRUST_ADDRESS_MAX];

	trust_refusal_tell_client(handshake->config.refusals,
	    TRUST_REASON_INTERNAL_ERROR, NULL, leaf,
	    ssl != NULL ? trust_handshake_peer(ssl, address)
			: "an unknown address",
	    "%s", why);
}

/* ---- The certificate ---- */

static bool
admit(struct trust_handshake *handshake, const SSL *ssl, X509 *leaf,
    STACK_OF(X509) *untrusted, enum trust_reason *reason)
{
	struct trust_admission *admission;
	struct trust_verdict verdict;
	char address[TRUST_ADDRESS_MAX];
	bool allowed;

	trust_gate_decide(handshake->config.gate, leaf, untrusted,
	    trust_plugin_now(), &verdict, &admission, NULL);
	*reason = verdict.reason;
	allowed = verdict.outcome == TRUST_ALLOW && admission != NULL;
	if (!allowed)
		trust_refusal_tell(handshake->config.refusals, &verdict, NULL,
		    leaf, trust_handshake_peer(ssl, address));
	trust_verdict_clear(&verdict);
	if (!allowed || attach(handshake, leaf, admission))
		return allowed;
	*reason = TRUST_REASON_INTERNAL_ERROR;
	tell_failure(handshake, ssl, leaf, "out of memory");
	return false;
}

/* ---- The upstream's certificate ---- */

/* Mosquitto 2.0 looks at the host name in a callback of its own, which sets no
 * error; 2.1 lets OpenSSL look. */
static bool
is_about_host(int error)
{
	return error == X509_V_ERR_UNSPECIFIED ||
	       error == X509_V_ERR_HOSTNAME_MISMATCH ||
	       error == X509_V_ERR_IP_ADDRESS_MISMATCH;
}

static void
refuse_by_broker(struct trust_verdict *verdict, int error)
{
	(void)trust_verdict_deny(verdict, NULL, TRUST_REASON_CHAIN_INVALID,
	    "upstream: %s",
	    is_about_host(error)
		? "its certificate is not for the host name that the bridge "
		  "connects to (RFC 9525 section 6)"
		: X509_verify_cert_error_string(error));
}

/* By the registry's rules first, which have reasons, then by the broker's. */
static bool
admit_upstream(const struct trust_handshake *handshake, X509_STORE_CTX *ctx,
    X509 *leaf, STACK_OF(X509) *sent, struct trust_verdict *verdict)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	STACK_OF(X509) *anchors;
	int64_t now = trust_plugin_now();
	bool allowed;

	trust_gate_decide_upstream(
	    handshake->config.gate, leaf, sent, now, verdict, &anchors);
	if (verdict->outcome != TRUST_ALLOW)
		return false;
	X509_STORE_CTX_set0_trusted_stack(ctx, anchors);
	X509_VERIFY_PARAM_set_time(
	    param, (time_t)trust_gate_time(handshake->config.gate, now));
	allowed = X509_VERIFY_PARAM_set_flags(
		      param, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
		  X509_VERIFY_PARAM_set_purpose(
		      param, X509_PURPOSE_SSL_SERVER) == 1 &&
		  X509_verify_cert(ctx) == 1;
	if (!allowed)
		refuse_by_broker(verdict, X509_STORE_CTX_get_error(ctx));
	sk_X509_pop_free(anchors, X509_free);
	return allowed;
}

static int
verify_upstream(const struct trust_handshake *handshake, X509_STORE_CTX *ctx,
    const SSL *ssl, X509 *leaf, STACK_OF(X509) *sent)
{
	struct trust_verdict verdict;
	char address[TRUST_ADDRESS_MAX];
	bool allowed = admit_upstream(handshake, ctx, leaf, sent, &verdict);

	if (!allowed) {
		trust_refusal_tell(handshake->config.refusals, &verdict, NULL,
		    leaf, trust_handshake_peer(ssl, address));
		X509_STORE_CTX_set_error(ctx, error_of(verdict.reason));
	}
	trust_verdict_clear(&verdict);
	return allowed ? 1 : 0;
}

/* ---- */

/* What the peer sent, as much of it as is read: the same stack, or a shorter
 * copy in `cut`, which the caller frees. NULL without memory. */
static STACK_OF(X509) *
cut_sent(STACK_OF(X509) *sent, STACK_OF(X509) **cut)
{
	*cut = NULL;
	if (sk_X509_num(sent) <= TRUST_CHAIN_SENT_MAX + 1)
		return sent;
	*cut = sk_X509_dup(sent);
	while (sk_X509_num(*cut) > TRUST_CHAIN_SENT_MAX + 1)
		(void)sk_X509_pop(*cut);
	return *cut;
}

static int
verify_device(struct trust_handshake *handshake, X509_STORE_CTX *ctx, SSL *ssl,
    X509 *leaf, STACK_OF(X509) *sent)
{
	enum trust_reason reason;
	bool allowed = admit(handshake, ssl, leaf, sent, &reason);

	/* It is nobody that enrolls. */
	trust_handshake_reads_leave(handshake->config.reads, ssl);
	if (allowed)
		(void)SSL_set_num_tickets(ssl, N_TICKETS);
	X509_STORE_CTX_set_error(ctx, allowed ? X509_V_OK : error_of(reason));
	return allowed ? 1 : 0;
}

/* Called in place of X509_verify_cert, before the peer has proved to own the
 * key: SSL_CTX_set_cert_verify_callback(3ssl). */
static int
verify(X509_STORE_CTX *ctx, void *arg)
{
	struct trust_handshake *handshake = arg;
	SSL *ssl = X509_STORE_CTX_get_ex_data(
	    ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
	STACK_OF(X509) *all = X509_STORE_CTX_get0_untrusted(ctx);
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	STACK_OF(X509) *sent, *cut = NULL;
	int answer = 0;

	if (ssl != NULL && SSL_is_server(ssl) == 0 &&
	    !handshake->config.judges_upstream)
		return X509_verify_cert(ctx);
	sent = cut_sent(all, &cut);
	if (ssl == NULL || (sent == NULL && all != NULL)) {
		tell_failure(handshake, ssl, leaf,
		    ssl != NULL ? "out of memory" : "no connection has it");
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_UNSPECIFIED);
		return 0;
	}
	if (SSL_is_server(ssl) == 0)
		answer = verify_upstream(handshake, ctx, ssl, leaf, sent);
	else
		answer = verify_device(handshake, ctx, ssl, leaf, sent);
	sk_X509_free(cut);
	return answer;
}

/* ---- The ticket ---- */

/*
 * A ticket is worth what its certificate is worth now: it is taken while an
 * allowing verdict is cached and current. Else a full handshake decides, and
 * the client gets a new ticket: SSL_CTX_set_session_ticket_cb(3ssl).
 */
static SSL_TICKET_RETURN
on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
    size_t name_len, SSL_TICKET_STATUS status, void *arg)
{
	struct trust_handshake *handshake = arg;
	struct trust_admission *admission;
	X509 *leaf = NULL;

	(void)ssl;
	(void)name;
	(void)name_len;
	if (status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW)
		leaf = SSL_SESSION_get0_peer(session);
	if (leaf == NULL)
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	admission =
	    trust_gate_recall(handshake->config.gate, leaf, trust_plugin_now());
	if (admission == NULL || !attach(handshake, leaf, admission))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE
					    : SSL_TICKET_RETURN_USE_RENEW;
}

/* ---- Clients without a certificate ---- */

/*
 * A listener of Mosquitto requires a certificate or asks for none; here the
 * others ask for one that is optional. Who sends none has nothing that would be
 * worth a ticket: SSL_CTX_set_client_hello_cb(3ssl).
 */
static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	const struct trust_handshake *handshake = arg;

	if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)
		return SSL_CLIENT_HELLO_SUCCESS;
	if (!trust_handshake_reads_watch(handshake->config.reads, ssl)) {
		tell_failure(handshake, ssl, NULL, "out of memory");
		*alert = SSL_AD_INTERNAL_ERROR;
		return SSL_CLIENT_HELLO_ERROR;
	}
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	(void)SSL_set_num_tickets(ssl, 0);
	return SSL_CLIENT_HELLO_SUCCESS;
}

/* ---- The hook ---- */

/* CRYPTO_EX_new for every SSL_CTX: CRYPTO_get_ex_new_index(3ssl). */
static void
on_new_context(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	const struct trust_handshake *handshake = argp;
	SSL_CTX *ctx = parent;

	(void)ptr;
	(void)data;
	(void)index;
	(void)argl;
	SSL_CTX_set_cert_verify_callback(ctx, verify, argp);
	(void)SSL_CTX_set_session_ticket_cb(ctx, NULL, on_ticket, argp);
	trust_handshake_psk_watch(ctx);
	/* A session from the server's cache would come back unasked. */
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (handshake->config.asks_all)
		SSL_CTX_set_client_hello_cb(ctx, on_hello, argp);
}

static void
on_free_certificate(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index,
    long argl, void *argp)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	trust_admission_free(ptr);
}

enum trust_err
trust_handshake_install(const struct trust_handshake_config *config,
    struct trust_handshake **out, struct trust_message *msg)
{
	struct trust_handshake *handshake = calloc(1, sizeof(*handshake));

	*out = NULL;
	if (handshake == NULL)
		return TRUST_ERR_NOMEM;
	handshake->config = *config;
	handshake->x509_index =
	    X509_get_ex_new_index(0, NULL, NULL, NULL, on_free_certificate);
	handshake->ssl_ctx_index = CRYPTO_get_ex_new_index(
	    CRYPTO_EX_INDEX_SSL_CTX, 0, handshake, on_new_context, NULL, NULL);
	if (handshake->x509_index < 0 || handshake->ssl_ctx_index < 0) {
		trust_handshake_remove(handshake);
		return trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "OpenSSL: no ex_data index could be had");
	}
	*out = handshake;
	return TRUST_OK;
}

void
trust_handshake_remove(struct trust_handshake *handshake)
{
	if (handshake == NULL)
		return;
	if (handshake->ssl_ctx_index >= 0)
		(void)CRYPTO_free_ex_index(
		    CRYPTO_EX_INDEX_SSL_CTX, handshake->ssl_ctx_index);
	if (handshake->x509_index >= 0)
		(void)CRYPTO_free_ex_index(
		    CRYPTO_EX_INDEX_X509, handshake->x509_index);
	free(handshake);
}
