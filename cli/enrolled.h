/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an Edge CA answers to a device, read and judged by the device.
 */
#ifndef TRUST_ENROLLED_H
#define TRUST_ENROLLED_H

#include "trust.h"

/* What stands before the bundle in an answer, between the PEM blocks, where
 * RFC 7468 lets text stand. */
#define TRUST_ENROLLED_BUNDLE "# trust/v1/bundle\n"

/* Owned. Zeroed memory is empty. */
struct trust_enrolled {
	X509 *leaf;
	STACK_OF(X509) *chain;  /* the CAs above it, in order; may be none */
	STACK_OF(X509) *bundle; /* may be none */
	char device[TRUST_ID_MAX + 1];
};

/* What it has to be; all borrowed. */
struct trust_enrolled_wanted {
	EVP_PKEY *key;
	const char *device;      /* NULL: whoever the common name says */
	STACK_OF(X509) *anchors; /* known besides */
	int64_t now;
};

/*
 * Read an answer: the certificate is for this key and this device, for TLS
 * clients, valid now, and verifies under a CA that came with it, or one of the
 * anchors. TRUST_ERR_CONFLICT: it is a refusal, whose words are the message.
 * TRUST_ERR_INPUT: it is something else. The caller clears.
 */
enum trust_err trust_enrolled_read(struct trust_span answer,
    const struct trust_enrolled_wanted *wanted, struct trust_enrolled *out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_enrolled_clear(struct trust_enrolled *enrolled);

#endif
