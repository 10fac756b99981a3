/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and first keys: groups with "pin":"first".
 */
#include "gate_internal.h"

enum trust_err
trust_gate_pin(struct trust_gate *gate, const struct trust_admission *admission,
    bool *news, struct trust_message *msg)
{
	const struct trust_thumbprint *key = &admission->certificate->pin;
	const struct trust_verdict *v = &admission->verdict;
	struct trust_thumbprint first;
	enum trust_err r;

	*news = false;
	if (!v->pin_first)
		return TRUST_OK;
	r = trust_gate_want_local_to_write(gate, msg);
	if (r == TRUST_OK)
		r = trust_local_find_pin(gate->local, v->device, &first, msg);
	if (r == TRUST_OK)
		return trust_thumbprint_equal(&first, key)
			   ? TRUST_OK
			   : trust_err_set(msg, TRUST_ERR_CONFLICT,
				 "device %s came with another key first",
				 v->device);
	if (r != TRUST_ERR_NOT_FOUND)
		return r;
	r = trust_local_pin(gate->local, v->device, key, msg);
	gate->blocks++; /* other keys of its were let in so far */
	*news = r == TRUST_OK;
	return r;
}

enum trust_err
trust_gate_unpin(
    struct trust_gate *gate, const char *device, struct trust_message *msg)
{
	enum trust_err r = trust_gate_want_local_to_write(gate, msg);

	if (r == TRUST_OK)
		r = trust_local_unpin(gate->local, device, msg);
	gate->blocks++;
	return r;
}
