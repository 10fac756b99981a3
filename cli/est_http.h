/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP over TLS to an EST server (RFC 7030 sections 3.2 and 3.3), by libcurl.
 */
#ifndef TRUST_EST_HTTP_H
#define TRUST_EST_HTTP_H

#include <openssl/x509.h>

#include "trust.h"

/* Who is at the other end, and who we are. All borrowed, as long as the
 * connection is open. */
struct trust_est_peer {
	/* https://HOST[:PORT], nothing behind it. */
	const char *server;
	const char *label; /* path segment between est and operation, or NULL */
	/* What the server's certificate has to lead to. NULL: whoever answers
	 * is taken, and what it says is worth nothing by itself; then nothing
	 * below may be given, so that nobody gets it. */
	STACK_OF(X509) *anchors;
	STACK_OF(X509) *certificates; /* ours, with its CAs; or NULL */
	EVP_PKEY *key;                /* with certificates */
	const char *username;         /* HTTP Basic; or NULL */
	const char *password;
};

struct trust_est_http;

/* TRUST_ERR_INPUT: the server or the label is none. Nothing is connected. */
enum trust_err trust_est_http_open(const struct trust_est_peer *peer,
    struct trust_est_http **out, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_est_http_close(struct trust_est_http *http);

/* An answer. Zeroed memory is none. */
struct trust_est_reply {
	long status; /* of HTTP */
	struct trust_buf body;
	char type[64];         /* Content-Type, without parameters */
	int64_t retry_after_s; /* 0: not said */
};
void trust_est_reply_clear(struct trust_est_reply *reply);

/*
 * Ask for an operation ("cacerts"): GET, or with a `body` POST of
 * application/pkcs10. Redirections are followed where they stay with the
 * server (section 3.2.1). Any answer of HTTP is TRUST_OK; TRUST_ERR_IO says
 * what kept it from coming: name, connection, TLS, size. The caller clears
 * `out`, also after an error.
 */
enum trust_err trust_est_http_ask(struct trust_est_http *http,
    const char *operation, struct trust_span body, struct trust_est_reply *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
