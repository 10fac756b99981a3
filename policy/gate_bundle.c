/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate, telling the trust bundle: the anchors that devices are given.
 */
#include "anchor.h"
#include "gate_internal.h"

/* Whether there is something to wait for: what the records say does not change
 * before they do, and then this is asked again. */
static bool
may_do_better(enum trust_err r)
{
	return r != TRUST_OK && r != TRUST_ERR_INPUT && r != TRUST_ERR_DAMAGED;
}

bool
trust_gate_take_bundle(struct trust_gate *gate, struct trust_buf *out)
{
	struct trust_message msg = {0};
	struct trust_buf bundle = {0};
	enum trust_err r = TRUST_OK;

	if (gate->bundle_told)
		return false;
	if (gate->registry != NULL)
		r = trust_anchor_encode_bundle(gate->registry, &bundle, &msg);
	gate->bundle_told = !may_do_better(r);
	if (r != TRUST_OK) {
		trust_gate_complain(gate, &msg);
		trust_buf_free(&bundle);
		return false;
	}
	*out = bundle; /* transferred */
	return true;
}
