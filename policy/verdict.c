/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts: what they own, and the roles and client ids that they carry.
 */
#include "verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
trust_verdict_clear(struct trust_verdict *verdict)
{
	for (size_t i = 0; i < verdict->n_roles; i++)
		free(verdict->roles[i]);
	free(verdict->roles);
	memset(verdict, 0, sizeof(*verdict));
}

static enum trust_err
reserve_roles(struct trust_verdict *out, size_t n)
{
	out->n_roles = 0;
	out->roles = calloc(n + 1, sizeof(*out->roles));
	return out->roles != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
}

static enum trust_err
add_role(struct trust_verdict *out, const char *id)
{
	out->roles[out->n_roles] = strdup(id);
	if (out->roles[out->n_roles] == NULL)
		return TRUST_ERR_NOMEM;
	out->n_roles++;
	return TRUST_OK;
}

enum trust_err
trust_verdict_copy(const struct trust_verdict *from, struct trust_verdict *out)
{
	enum trust_err r;

	*out = *from;
	r = reserve_roles(out, from->n_roles);
	for (size_t i = 0; i < from->n_roles && r == TRUST_OK; i++)
		r = add_role(out, from->roles[i]);
	if (r != TRUST_OK)
		trust_verdict_clear(out);
	return r;
}

bool
trust_verdict_deny(struct trust_verdict *verdict, struct trust_steps *steps,
    enum trust_reason reason, const char *fmt, ...)
{
	va_list ap;

	verdict->outcome = TRUST_DENY;
	verdict->reason = reason;
	va_start(ap, fmt);
	(void)vsnprintf(verdict->detail, sizeof(verdict->detail), fmt, ap);
	va_end(ap);
	trust_steps_add(steps, TRUST_STEP_FAILED, "%s", verdict->detail);
	return false;
}

static bool
has_same_roles(const struct trust_verdict *a, const struct trust_verdict *b)
{
	bool same =
	    a->default_role == b->default_role && a->n_roles == b->n_roles;

	for (size_t i = 0; same && i < a->n_roles; i++)
		same = strcmp(a->roles[i], b->roles[i]) == 0;
	return same;
}

bool
trust_verdict_equal(
    const struct trust_verdict *a, const struct trust_verdict *b)
{
	return a->outcome == b->outcome && a->reason == b->reason &&
	       strcmp(a->device, b->device) == 0 &&
	       strcmp(a->group, b->group) == 0 &&
	       a->registered == b->registered && a->client_id == b->client_id &&
	       has_same_roles(a, b) && a->pin_first == b->pin_first &&
	       a->valid_until == b->valid_until;
}

static enum trust_err
set_roles(struct trust_verdict *out, const struct trust_strings *roles)
{
	enum trust_err r = reserve_roles(out, roles->n);

	for (size_t i = 0; i < roles->n && r == TRUST_OK; i++)
		r = add_role(out, roles->v[i]);
	return r;
}

enum trust_err
trust_verdict_set_roles(struct trust_verdict *verdict,
    const struct trust_device *device, const struct trust_group *group)
{
	if (device != NULL && device->has_roles)
		return set_roles(verdict, &device->roles);
	if (group != NULL && group->has_roles)
		return set_roles(verdict, &group->roles);
	verdict->default_role = true;
	return TRUST_OK;
}

enum trust_client_id
trust_verdict_client_id(
    const struct trust_device *device, const struct trust_group *group)
{
	if (device != NULL && device->client_id != TRUST_CLIENT_ID_UNSET)
		return device->client_id;
	if (group != NULL && group->client_id != TRUST_CLIENT_ID_UNSET)
		return group->client_id;
	return TRUST_CLIENT_ID_EXACT;
}
