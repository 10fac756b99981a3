/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signers and their anchors, as real keys and certificates, for one test.
 */
#ifndef TESTS_SIGNER_SCRATCH_H
#define TESTS_SIGNER_SCRATCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../certs/pair.h"

#define SIGNER_NOW   INT64_C(1795176000) /* 2026-11-20T12:00:00Z */
#define SIGNER_DAY   INT64_C(86400)
#define SIGNER_BEGIN (SIGNER_NOW - 10 * SIGNER_DAY)
#define SIGNER_END   (SIGNER_NOW + 10 * SIGNER_DAY)

/* A pair valid from SIGNER_BEGIN to SIGNER_END. */
static inline struct trust_pair
signer_make(
    enum trust_profile profile, const char *cn, const struct trust_pair *issuer)
{
	struct trust_issue issue = {
	    .profile = profile,
	    .cn = cn,
	    .not_before = SIGNER_BEGIN,
	    .not_after = SIGNER_END,
	};
	struct trust_pair pair = {0};
	struct trust_message msg = {0};

	if (trust_pair_make(TRUST_KEY_P256, &issue, issuer, &pair, &msg) !=
	    TRUST_OK)
		fail_msg("%s: %s", cn, msg.text);
	return pair;
}

/* Signed once more, after its owner changed something in it. */
static inline void
signer_resign(
    struct trust_pair *pair, const struct trust_pair *issuer, const EVP_MD *md)
{
	assert_true(X509_sign(pair->certificate, issuer->key, md) > 0);
}

static inline STACK_OF(X509) *
signer_anchors(X509 *a, X509 *b)
{
	STACK_OF(X509) *anchors = sk_X509_new_null();

	assert_non_null(anchors);
	assert_true(a == NULL || sk_X509_push(anchors, a) > 0);
	assert_true(b == NULL || sk_X509_push(anchors, b) > 0);
	return anchors;
}

#endif
