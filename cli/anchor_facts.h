/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate says of itself that is to be, or is, a trust anchor; for
 * people before they trust it.
 */
#ifndef TRUST_ANCHOR_FACTS_H
#define TRUST_ANCHOR_FACTS_H

#include "output.h"

/* What can be wrong with one at once. */
#define TRUST_ANCHOR_FLAWS_MAX 4

struct trust_anchor_facts {
	struct trust_certificate *certificate; /* owned */
	bool is_ca;          /* by its own words, and it may sign others */
	bool is_self_signed; /* a root */
	int path_len;        /* CAs that may be below it; -1: any number */
	/* Of names and purposes that it may vouch for: an array of lines. */
	json_t *constraints; /* owned */
	/* Why nobody should trust it, a rule each: "it ended at …". */
	struct trust_message flaws[TRUST_ANCHOR_FLAWS_MAX];
	size_t n_flaws;
};

/* The caller clears it in any case. */
enum trust_err trust_anchor_facts_read(X509 *x509, int64_t now,
    struct trust_anchor_facts *out, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_anchor_facts_clear(struct trust_anchor_facts *facts);

/* Whole days until it ends; negative when it has. */
int64_t trust_anchor_facts_days(
    const struct trust_anchor_facts *facts, int64_t now);

/* Several lines on standard output. */
void trust_anchor_facts_print(
    const struct trust_anchor_facts *facts, const char *id, int64_t now);

/* The same as a JSON object, a new reference; NULL without memory. */
json_t *trust_anchor_facts_json(
    const struct trust_anchor_facts *facts, const char *id, int64_t now);

#endif
