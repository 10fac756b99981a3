/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an EST server is asked with: PKCS #10 in base64 (RFC 7030 section 4.2).
 */
#ifndef TRUST_EST_REQUEST_H
#define TRUST_EST_REQUEST_H

#include <openssl/x509.h>

#include "span.h"

/* What a certificate is wanted for. All borrowed. */
struct trust_est_subject {
	/* To be renewed: its subject and its names, as RFC 7030 section 4.2.2
	 * wants them. The rest is of a first one, where this is NULL. */
	const X509 *renewed;
	const char *cn; /* 1 to 64 characters */
	/* subjectAltName: DNS names, or IP addresses as text. */
	const char *const *hosts;
	size_t n_hosts;
};

/* Append the request, signed by its key. TRUST_ERR_INPUT: a name cannot stand
 * in a certificate. */
enum trust_err trust_est_request_make(const struct trust_est_subject *subject,
    EVP_PKEY *key, struct trust_buf *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
