/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge: gathers what the registry and the chain builder know of one
 * certificate, the cheapest first, and lets decide.h answer.
 */
#ifndef TRUST_JUDGE_H
#define TRUST_JUDGE_H

#include "block.h"
#include "decide.h"
#include "sets.h"

/* How the chain to one group's anchors came out. */
struct trust_group_chain {
	char group[TRUST_ID_MAX + 1];
	struct trust_chain chain;
};

/* The chains of one certificate, for use again while the sets and the time
 * allow. Zeroed memory is empty. */
struct trust_group_chains {
	struct trust_group_chain *v; /* owned */
	size_t n;
	size_t n_built; /* of them; the others were known or alike */
};

/* Frees what it owns and zeroes it. */
void trust_group_chains_clear(struct trust_group_chains *chains);

/* One certificate and where to ask about it. All borrowed. */
struct trust_judge_input {
	struct trust_registry *registry; /* NULL: there is none */
	const struct trust_sets *sets;   /* NULL without a registry */
	enum trust_registry_state state;
	struct trust_local *local; /* NULL: nobody is blocked */
	const struct trust_certificate *certificate;
	X509 *leaf;                /* NULL: decoded from `der` if need be */
	struct trust_span der;     /* looked at in that case alone */
	STACK_OF(X509) *untrusted; /* may be NULL */
	/* Chains validated before against the same sets, or NULL. */
	const struct trust_group_chains *known;
	enum trust_revocation revocation;
	int64_t crl_grace_s;
	int64_t now;
};

/*
 * Decide, within the caller's read of the registry. `chains` gets the chains
 * that the answer rests on (empty when it rests on none); the caller clears
 * it and the verdict. `steps` may be NULL.
 */
enum trust_err trust_judge(const struct trust_judge_input *in,
    struct trust_verdict *verdict, struct trust_group_chains *chains,
    struct trust_steps *steps, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
