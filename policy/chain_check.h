/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One path, certificate by certificate, against the rules of RFC 5280
 * section 6, and all that it breaks.
 */
#ifndef TRUST_CHAIN_CHECK_H
#define TRUST_CHAIN_CHECK_H

#include "chain.h"

/* A path: each certificate was issued under the name of the next, and its
 * signature verifies with the key of the next. */
struct trust_chain_path {
	X509 *v[TRUST_CHAIN_PATH_MAX]; /* borrowed; leaf first, anchor last */
	int n;
	/* The place of the one certificate whose signature does not verify;
	 * -1: they all do. */
	int forged;
};

/* Places of a path where more than the path is wrong, as bits (1 << place):
 * see enum trust_chain_scope. */
struct trust_chain_flaws {
	uint32_t prefixes;
	uint32_t links;
	uint32_t certificates;
	/* Nothing is wrong but that the path is beyond a bound of the input. */
	bool bounds_alone;
};

/*
 * Validate the path for the leaf, time, purpose, CRLs and policies of `in`.
 * Its signatures are the caller's to verify, the rest is OpenSSL's, which
 * gets no choice of certificates. `in->untrusted` holds those of the path
 * between leaf and anchor, and may hold signers of CRLs. The answer, good or
 * bad, is in `out`; an error means that there is none.
 */
enum trust_err trust_chain_check(const struct trust_chain_input *in,
    const struct trust_chain_path *path, struct trust_chain *out,
    struct trust_chain_flaws *flaws,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
