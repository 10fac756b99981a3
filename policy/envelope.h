/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelopes: a device's pre-shared key in a CMS EnvelopedData (RFC 5652
 * section 6) for the gateways that may know it, as its record carries it.
 */
#ifndef TRUST_ENVELOPE_H
#define TRUST_ENVELOPE_H

#include <openssl/x509.h>

#include "span.h"

/* Octets of a pre-shared key: the most that Mosquitto's clients and RFC 4279
 * section 5.3 are sure to take. */
#define TRUST_SECRET_MAX 64
/* The fewest that count: 16 octets are the first step past the
 * TRUST_STRENGTH_MIN bits that every key has to have. */
#define TRUST_SECRET_MIN 16

/* A pre-shared key in the clear: for as short as can be, and never logged. */
struct trust_secret {
	uint8_t b[TRUST_SECRET_MAX];
	size_t len; /* octets in use; 0: none */
};

/* Wipe it. */
void trust_secret_clear(struct trust_secret *secret);

/*
 * Seal a secret for the keys of these certificates, each RSA (OAEP) or EC
 * (ECDH), into base64 that is appended to `out`. TRUST_ERR_INPUT: no
 * certificate, one of another key, or a secret of a length that does not
 * count.
 */
enum trust_err trust_envelope_seal(const struct trust_secret *secret,
    STACK_OF(X509) *recipients, struct trust_buf *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Open one with the key of this certificate. Takes an AuthEnvelopedData (RFC
 * 5083) as well. TRUST_ERR_NOT_FOUND: it is not for this certificate.
 * TRUST_ERR_INPUT: it is no envelope, is damaged, or has something in it that
 * is no secret. The caller clears `out`, which may be shorter than
 * TRUST_SECRET_MIN.
 */
enum trust_err trust_envelope_open(const char *text, X509 *certificate,
    EVP_PKEY *key, struct trust_secret *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether one is for the key of this certificate, TRUST_ERR_NOT_FOUND if not;
 * for which no private key is needed. */
enum trust_err trust_envelope_find(const char *text, X509 *certificate,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
