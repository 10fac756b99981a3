/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A response to a request for a certificate, as an Edge CA sends it: PEM of
 * the certificate, its chain and the bundle; or {"error":"…"}.
 */
#ifndef TRUST_ENROLL_RESPONSE_H
#define TRUST_ENROLL_RESPONSE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "thumbprint.h"

/* Octets of a serial number as text: 20 octets (RFC 5280 section 4.1.2.2) in
 * hex; of a longer one the rest is cut. */
#define TRUST_SERIAL_TEXT 41

struct trust_enroll_response {
	bool is_error; /* the rest is zero then */
	/* Of the first certificate. */
	struct trust_thumbprint thumbprint;
	struct trust_thumbprint key; /* SHA-256 of SubjectPublicKeyInfo */
	int64_t not_after;
	char serial[TRUST_SERIAL_TEXT];
};

/* Read one. TRUST_ERR_INPUT: it is neither, or longer than
 * TRUST_RESPONSE_MAX. */
enum trust_err trust_enroll_response_read(struct trust_span bytes,
    struct trust_enroll_response *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* What one with this certificate says. */
enum trust_err trust_enroll_response_describe(X509 *x509,
    struct trust_enroll_response *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
