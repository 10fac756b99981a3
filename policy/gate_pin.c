/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and first keys: groups with "pin":"first".
 */
#include "gate_internal.h"

enum trust_err
trust_gate_pin(struct trust_gate *gate, const struct trust_admission *admission,
    bool *news, struct trust_message *msg)
{
	const struct trust_verdict *v = &admission->verdict;
	const struct trust_thumbprint *key;
	struct trust_local_pin pin;
	enum trust_err r;

	*news = false;
	if (!v->pin_first)
		return TRUST_OK;
	key = &admission->certificate->pin; /* groups want certificates */
	r = trust_gate_want_local_to_write(gate, msg);
	if (r == TRUST_OK)
		r = trust_local_find_pin(gate->local, v->device, &pin, msg);
	if (r == TRUST_OK && trust_thumbprint_equal(&pin.key, key))
		return TRUST_OK;
	if (r == TRUST_OK && pin.renewed &&
	    trust_thumbprint_equal(&pin.next, key))
		r = trust_local_take_pin(gate->local, v->device, key, msg);
	else if (r == TRUST_OK)
		return trust_err_set(msg, TRUST_ERR_CONFLICT,
		    "device %s came with another key first", v->device);
	else if (r == TRUST_ERR_NOT_FOUND)
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
