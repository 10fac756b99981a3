/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate, asked about an upstream: the server that a bridge connects to.
 */
#include <stdio.h>
#include <string.h>

#include "anchor.h"
#include "gate_internal.h"

static enum trust_err
deny(struct trust_verdict *verdict, enum trust_reason reason, const char *text)
{
	verdict->outcome = TRUST_DENY;
	verdict->reason = reason;
	(void)snprintf(
	    verdict->detail, sizeof(verdict->detail), "upstream: %s", text);
	return TRUST_OK;
}

static enum trust_err
deny_chain(struct trust_verdict *verdict, const struct trust_chain *chain)
{
	char text[TRUST_SHOWN_MAX + TRUST_DETAIL_MAX + 64];

	if (chain->depth == 0)
		(void)snprintf(text, sizeof(text),
		    "the server's certificate (%s): %s", chain->subject,
		    chain->detail);
	else
		(void)snprintf(text, sizeof(text),
		    "the CA certificate at depth %d (%s): %s", chain->depth,
		    chain->subject, chain->detail);
	return deny(verdict, chain->reason, text);
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

	if (sk_X509_num(anchors) == 0)
		return deny(verdict, TRUST_REASON_CHAIN_UNTRUSTED,
		    "the registry has no anchor with purpose upstream");
	r = trust_chain_verify(&input, &chain, msg);
	if (r != TRUST_OK)
		return r;
	if (!chain.valid)
		return deny_chain(verdict, &chain);
	verdict->outcome = TRUST_ALLOW;
	verdict->valid_until = chain.valid_until;
	return TRUST_OK;
}

static enum trust_err
ask_registry(struct trust_gate *gate, X509 *leaf, STACK_OF(X509) *untrusted,
    int64_t now, struct trust_verdict *verdict, STACK_OF(X509) **anchors,
    struct trust_message *msg)
{
	enum trust_err r;

	if (gate->registry == NULL)
		return deny(verdict, TRUST_REASON_REGISTRY_MISSING,
		    "there is no registry that has its anchors");
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
