/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate, asked what a device may do with a topic, and why.
 */
#include <stdlib.h>
#include <string.h>

#include "gate_internal.h"

/* ---- The device ---- */

static bool
deny(struct trust_verdict *verdict, enum trust_reason reason)
{
	verdict->outcome = TRUST_DENY;
	verdict->reason = reason;
	return false;
}

static const char *
words_for(enum trust_reason reason)
{
	switch (reason) {
	case TRUST_REASON_BLOCKED_LOCALLY:
		return "is blocked at this gateway";
	case TRUST_REASON_DEVICE_DISABLED:
		return "is disabled";
	case TRUST_REASON_CHAIN_UNTRUSTED:
		return "is of a group that is disabled, or not there";
	default:
		return "has no record, and its group wants one";
	}
}

static bool
judge_absentee(const struct trust_absentee *a, const char *device,
    const char *client_id, struct trust_verdict *verdict,
    struct trust_steps *steps)
{
	enum trust_reason reason;

	if (!trust_gate_absentee_may_return(a, &reason)) {
		trust_steps_add(steps, TRUST_STEP_FAILED,
		    "device %s %s: it would not be let in", device,
		    words_for(reason));
		return deny(verdict, reason);
	}
	trust_steps_add(steps, TRUST_STEP_PASSED,
	    "device %s %s, and nothing keeps it out by name", device,
	    a->record != NULL ? "is registered" : "was here");
	if (!trust_gate_absentee_owns_client_id(a, device, client_id)) {
		trust_steps_add(steps, TRUST_STEP_FAILED,
		    "client id %s is not one of its own", client_id);
		return deny(verdict, TRUST_REASON_CLIENT_ID_MISMATCH);
	}
	verdict->outcome = TRUST_ALLOW;
	return true;
}

/* ---- Its roles ---- */

static const char *
source_of_roles(const struct trust_absentee *a)
{
	if (a->record != NULL && a->record->u.device.has_roles)
		return "its record";
	return a->set != NULL && a->set->group->has_roles ? "its group" : NULL;
}

static void
tell_roles(const struct trust_absentee *a, const struct trust_verdict *verdict,
    const struct trust_gate_roles *roles, struct trust_steps *steps)
{
	const char *source = source_of_roles(a);

	if (verdict->group[0] != '\0')
		trust_steps_add(steps, TRUST_STEP_FACT, "it is of group %s",
		    verdict->group);
	if (roles->n == 0)
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "%s gives it an empty list of roles", source);
	for (size_t i = 0; i < roles->n; i++) {
		const char *name = roles->names[i];

		/* The role of whom nobody gave roles always exists. */
		if (source == NULL)
			trust_steps_add(steps, TRUST_STEP_FACT,
			    "role %s applies, as nobody named roles", name);
		else if (roles->v[i] == NULL)
			trust_steps_add(steps, TRUST_STEP_FACT,
			    "role %s, from %s, does not exist: it grants "
			    "nothing",
			    name, source);
		else
			trust_steps_add(steps, TRUST_STEP_FACT,
			    "role %s applies, from %s", name, source);
	}
}

static enum trust_err
ask(struct trust_gate *gate, const struct trust_absentee *a,
    const char *client_id, const struct trust_access_request *request,
    const struct trust_verdict *verdict, struct trust_access_ruling *ruling,
    struct trust_steps *steps)
{
	struct trust_gate_roles roles;
	enum trust_err r;

	r = trust_gate_find_roles(gate, verdict, client_id, &roles);
	if (r != TRUST_OK)
		return r;
	tell_roles(a, verdict, &roles, steps);
	r = trust_access_explain(&roles.values, roles.v, roles.names, roles.n,
	    request, ruling, steps);
	trust_gate_roles_clear(&roles);
	return r;
}

/* There is nothing to say of its roles. */
static enum trust_err
deny_unknown(struct trust_gate *gate, const char *device,
    struct trust_verdict *verdict, struct trust_steps *steps,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool blocked;

	memcpy(verdict->device, device, strlen(device) + 1);
	r = trust_gate_find_block(gate, device, &blocked, msg);
	if (r != TRUST_OK)
		return r;
	(void)deny(verdict, blocked ? TRUST_REASON_BLOCKED_LOCALLY
				    : TRUST_REASON_DEVICE_UNKNOWN);
	if (blocked)
		trust_steps_add(steps, TRUST_STEP_FAILED,
		    "device %s %s: it would not be let in", device,
		    words_for(verdict->reason));
	else
		trust_steps_add(steps, TRUST_STEP_FAILED,
		    "device %s has no record; only a group with automatic "
		    "enrollment would let it in",
		    device);
	return TRUST_OK;
}

enum trust_err
trust_gate_explain_topic(struct trust_gate *gate, const char *device,
    const char *client_id, const struct trust_access_request *request,
    struct trust_verdict *verdict, struct trust_access_ruling *ruling,
    struct trust_steps *steps, struct trust_message *msg)
{
	struct trust_absentee a = {0};
	enum trust_err r;

	*verdict = (struct trust_verdict){0};
	*ruling = (struct trust_access_ruling){0};
	if (gate->registry == NULL)
		return trust_err_set(
		    msg, TRUST_ERR_NOT_FOUND, "there is no registry");
	if (!trust_id_check((const uint8_t *)device, strlen(device)))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "device: want an id, got \"%s\"", device);
	r = trust_gate_begin_read(gate, msg);
	if (r != TRUST_OK)
		return r;
	trust_gate_tell_local(gate, steps);
	r = trust_gate_find_absentee(gate, device, &a, msg);
	if (r == TRUST_OK)
		r = trust_gate_describe_absentee(&a, device, verdict);
	if (r == TRUST_OK &&
	    judge_absentee(&a, device, client_id, verdict, steps)) {
		r = ask(gate, &a, client_id, request, verdict, ruling, steps);
	} else if (r == TRUST_ERR_NOT_FOUND) {
		r = deny_unknown(gate, device, verdict, steps, msg);
	}
	trust_registry_end_read(gate->registry);
	trust_record_free(a.record);
	return r;
}
