/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thumbprint: SHA-256 of a certificate's DER, or (a key pin) of its
 * SubjectPublicKeyInfo (RFC 7469 section 2.4). Issuer and serial number are
 * never a key to anything here: others may repeat them.
 */
#ifndef TRUST_THUMBPRINT_H
#define TRUST_THUMBPRINT_H

#include <stdbool.h>

#include "span.h"

#define TRUST_THUMBPRINT_LEN  32 /* octets of SHA-256 */
#define TRUST_THUMBPRINT_TEXT (2 * TRUST_THUMBPRINT_LEN + 1)

struct trust_thumbprint {
	uint8_t b[TRUST_THUMBPRINT_LEN];
};

/* SHA-256 of the bytes. */
enum trust_err trust_thumbprint_of(
    struct trust_span bytes, struct trust_thumbprint *out) TRUST_MUST_CHECK;

/* 64 hex digits in any case, colons allowed between octets. */
enum trust_err trust_thumbprint_parse(
    const char *text, struct trust_thumbprint *out) TRUST_MUST_CHECK;

/* 64 hex digits in lower case. Returns `out`. */
char *trust_thumbprint_format(
    const struct trust_thumbprint *thumbprint, char out[TRUST_THUMBPRINT_TEXT]);

/* In constant time. */
bool trust_thumbprint_equal(
    const struct trust_thumbprint *a, const struct trust_thumbprint *b);

#endif
