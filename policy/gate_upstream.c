/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate, asked about an upstream: the server that a bridge connects to.
 */
#include <stdio.h>
#include <string.h>

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
	char text[TRUST_SHOWN_MAX + TRUST_DETAIL_MAX + 32];

	(void)snprintf(text, sizeof(text), "%s certificate (%s): %s",
	    chain->depth == 0 ? "the server's" : "a CA's", chain->subject,
	    chain->detail);
	return deny(verdict, chain->reason, text);
}

/* Within a read. The age of the registry does not matter: what would make it
 * fresh comes over this very line. */
static enum trust_err
ask(struct trust_gate *gate, X509 *leaf, STACK_OF(X509) *untrusted, int64_t now,
    struct trust_verdict *verdict, struct trust_message *msg)
{
	const struct trust_chain_input input = {
	    .leaf = leaf,
	    .untrusted = untrusted,
	    .anchors = trust_sets_get0_upstream(gate->sets),
	    .crls = trust_sets_get0_crls(gate->sets),
	    .now = trust_gate_time(gate, now),
	    .purpose = TRUST_PURPOSE_SERVER,
	    .revocation = gate->config.revocation,
	    .crl_grace_s = gate->config.crl_grace_s,
	    .max_depth = -1,
	};
	struct trust_chain chain;
	enum trust_err r;

	if (sk_X509_num(input.anchors) == 0)
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
	r = ask(gate, leaf, untrusted, now, verdict, msg);
	trust_registry_end_read(gate->registry);
	if (r != TRUST_OK || verdict->outcome != TRUST_ALLOW)
		return r;
	*anchors = X509_chain_up_ref(trust_sets_get0_upstream(gate->sets));
	return *anchors != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
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
}
