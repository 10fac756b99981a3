/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate, asked about an upstream: the server that a bridge connects to.
 */
#include <string.h>

#include "anchor.h"
#include "gate_internal.h"

static void
deny_chain(struct trust_verdict *verdict, const struct trust_chain *chain)
{
	if (chain->depth == 0)
		(void)trust_verdict_deny(verdict, NULL, chain->reason,
		    "upstream: the server's certificate (%s): %s",
		    chain->subject, chain->detail);
	else
		(void)trust_verdict_deny(verdict, NULL, chain->reason,
		    "upstream: the CA certificate at depth %d (%s): %s",
		    chain->depth, chain->subject, chain->detail);
}

/* ---- */

/* Within a read. The age of the registry does not matter: what would make it
 * fresh comes over this very line. */
static enum trust_err
ask(struct trust_gate *gate, X509 *leaf, STACK_OF(X509) *untrusted, int64_t now,
    STACK_OF(X509) *anchors, struct trust_verdict *verdict,
    struct trust_message *msg)
{
	const struct trust_chain_input input = {
	    .leaf = leaf,
	    .untrusted = untrusted,
	    .anchors = anchors,
	    .crls = trust_sets_get0_crls(gate->sets),
	    .now = trust_gate_time(gate, now),
	    .purpose = TRUST_PURPOSE_SERVER,
	    .revocation = gate->config.revocation,
	    .crl_grace_s = gate->config.crl_grace_s,
	    .takes_old_crls = true,
	    .max_depth = -1,
	};
	struct trust_chain chain;
	enum trust_err r;

	if (sk_X509_num(anchors) == 0) {
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_CHAIN_UNTRUSTED,
		    "upstream: the registry has no anchor with purpose "
		    "upstream");
		return TRUST_OK;
	}
	r = trust_chain_verify(&input, &chain, msg);
	if (r != TRUST_OK)
		return r;
	if (chain.valid) {
		verdict->outcome = TRUST_ALLOW;
		verdict->valid_until = chain.valid_until;
	} else {
		deny_chain(verdict, &chain);
	}
	return TRUST_OK;
}

static enum trust_err
ask_registry(struct trust_gate *gate, X509 *leaf, STACK_OF(X509) *untrusted,
    int64_t now, struct trust_verdict *verdict, STACK_OF(X509) **anchors,
    struct trust_message *msg)
{
	enum trust_err r;

	if (gate->registry == NULL) {
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_REGISTRY_MISSING,
		    "upstream: there is no registry that has its anchors");
		return TRUST_OK;
	}
	r = trust_gate_begin_read(gate, msg);
	if (r != TRUST_OK)
		return r;
	/* Read anew for each upstream: bridges seldom connect. */
	r = trust_anchor_load(
	    gate->registry, TRUST_PURPOSE_BIT_UPSTREAM, anchors, msg);
	if (r == TRUST_OK)
		r = ask(gate, leaf, untrusted, now, *anchors, verdict, msg);
	trust_registry_end_read(gate->registry);
	return r;
}

void
trust_gate_decide_upstream(struct trust_gate *gate, X509 *leaf,
    STACK_OF(X509) *untrusted, int64_t now, struct trust_verdict *verdict,
    STACK_OF(X509) **anchors)
{
	struct trust_message msg = {0};
	enum trust_err r;

	memset(verdict, 0, sizeof(*verdict));
	*anchors = NULL;
	r = ask_registry(gate, leaf, untrusted, now, verdict, anchors, &msg);
	if (r != TRUST_OK)
		trust_gate_deny_error(verdict, r, &msg);
	if (verdict->outcome == TRUST_ALLOW)
		return;
	sk_X509_pop_free(*anchors, X509_free);
	*anchors = NULL;
}
