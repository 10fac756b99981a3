/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what an EST server has answered leads to somebody who is trusted:
 * new roots (RFC 7030 section 4.1.3), and a certificate of ours.
 */
#ifndef TRUST_EST_TRUST_H
#define TRUST_EST_TRUST_H

#include <openssl/x509.h>
#include <stdint.h>

#include "est_answer.h"

/* Why a root is one, weakest first. */
enum trust_est_standing {
	TRUST_EST_UNKNOWN, /* nobody stands for it */
	TRUST_EST_OVER,    /* it is not valid now */
	TRUST_EST_VOUCHED, /* a root that is trusted has certified its key */
	TRUST_EST_NAMED,   /* the user says so */
	TRUST_EST_KNOWN,   /* it was trusted before */
};

struct trust_est_root {
	X509 *certificate; /* borrowed of the answer */
	enum trust_est_standing standing;
};

/* The self-signed certificates of an answer, each once. */
struct trust_est_roots {
	struct trust_est_root v[TRUST_EST_CERTIFICATES_MAX];
	size_t n;
};

/* Find them: known, over or unknown. */
void trust_est_trust_find_roots(STACK_OF(X509) *answer, STACK_OF(X509) *known,
    int64_t now, struct trust_est_roots *out);

/*
 * Spread trust among them: an unknown root is vouched for where the answer has
 * a certificate for its name and key, valid now, that one of the trusted roots
 * has signed, as NewWithOld and OldWithNew are (RFC 4210 section 4.4). That has
 * to be a CA's, and give it all that a root has: whoever is bound to less, and
 * signs himself, is no root for it. `known` count as trusted, whether the
 * answer has them or not.
 */
void trust_est_trust_spread(STACK_OF(X509) *answer, STACK_OF(X509) *known,
    int64_t now, struct trust_est_roots *roots);

/*
 * The path from a certificate to one of the anchors, valid now, by way of the
 * others: without the anchor, unless that is the certificate itself.
 * TRUST_ERR_INPUT: there is none, and why. The caller frees with
 * sk_X509_pop_free.
 */
enum trust_err trust_est_trust_find_path(X509 *certificate,
    STACK_OF(X509) *others, STACK_OF(X509) *anchors, int64_t now,
    STACK_OF(X509) **out, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
