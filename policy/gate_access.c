/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's answers about topics and names: for who is connected, and for
 * who is away.
 */
#include "gate_internal.h"

#include <stdlib.h>
#include <string.h>

#include "identity.h"

static const struct trust_role *
find_role(const struct trust_sets *sets, const char *id)
{
	const struct trust_role *role = trust_sets_get0_role(sets, id);

	if (role == NULL && strcmp(id, TRUST_ROLE_DEFAULT) == 0)
		return trust_role_get0_default();
	return role;
}

enum trust_err
trust_gate_find_roles(const struct trust_gate *gate,
    const struct trust_verdict *verdict, const char *client_id,
    struct trust_gate_roles *out)
{
	size_t n = verdict->default_role ? 1 : verdict->n_roles;

	*out = (struct trust_gate_roles){
	    .values =
		{
		    .device = verdict->device,
		    .group = verdict->group,
		    .gateway = gate->config.gateway,
		    .client = client_id,
		},
	    .v = calloc(n + 1, sizeof(const struct trust_role *)),
	    .names = calloc(n + 1, sizeof(const char *)),
	    .n = n,
	};
	if (out->v == NULL || out->names == NULL) {
		trust_gate_roles_clear(out);
		return TRUST_ERR_NOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		out->names[i] = verdict->default_role ? TRUST_ROLE_DEFAULT
						      : verdict->roles[i];
		out->v[i] = find_role(gate->sets, out->names[i]);
	}
	return TRUST_OK;
}

void
trust_gate_roles_clear(struct trust_gate_roles *roles)
{
	free(roles->v);
	free(roles->names);
	*roles = (struct trust_gate_roles){0};
}

static enum trust_err
compile(struct trust_gate *gate, const struct trust_verdict *verdict,
    const char *client_id, struct trust_access **out)
{
	struct trust_gate_roles roles;
	enum trust_err r;

	r = trust_gate_find_roles(gate, verdict, client_id, &roles);
	if (r != TRUST_OK)
		return r;
	r = trust_access_new(&roles.values, roles.v, roles.n, out);
	trust_gate_roles_clear(&roles);
	return r;
}

static enum trust_err
compile_admitted(struct trust_gate *gate,
    const struct trust_admission *admission, const char *client_id,
    struct trust_access **out, struct trust_message *msg)
{
	enum trust_err r;

	*out = NULL;
	if (gate->registry == NULL)
		return trust_err_set(
		    msg, TRUST_ERR_NOT_FOUND, "there is no registry");
	/* The sets that the verdict was reached with are still at hand. */
	if (gate->sets != NULL && admission->epoch == gate->epoch &&
	    admission->generation == gate->sets_generation)
		return compile(gate, &admission->verdict, client_id, out);
	r = trust_gate_begin_read(gate, msg);
	if (r != TRUST_OK)
		return r;
	r = compile(gate, &admission->verdict, client_id, out);
	trust_registry_end_read(gate->registry);
	return r;
}

/* Without memory the next client compiles for itself. */
static void
keep(struct trust_admission *admission, const char *client_id,
    struct trust_access *access)
{
	char *id = strdup(client_id);

	if (id == NULL)
		return;
	free(admission->client_id);
	trust_access_free(admission->access);
	admission->client_id = id;
	admission->access = trust_access_get1(access);
}

enum trust_err
trust_gate_access(struct trust_gate *gate, struct trust_admission *admission,
    const char *client_id, struct trust_access **out, struct trust_message *msg)
{
	enum trust_err r;

	if (admission->client_id != NULL &&
	    strcmp(admission->client_id, client_id) == 0) {
		*out = trust_access_get1(admission->access);
		return TRUST_OK;
	}
	r = compile_admitted(gate, admission, client_id, out, msg);
	if (r == TRUST_OK)
		keep(admission, client_id, *out);
	return r;
}

/* ---- Devices that are away ---- */

/* Of a device without a record: the group through which it came in here. */
static enum trust_err
find_group_seen(struct trust_gate *gate, const char *device,
    char group[TRUST_ID_MAX + 1], struct trust_message *msg)
{
	enum trust_err r = trust_gate_want_local(gate, msg);

	if (r != TRUST_OK)
		return r;
	return gate->local != NULL
		   ? trust_local_find_device(gate->local, device, group, msg)
		   : TRUST_ERR_NOT_FOUND;
}

enum trust_err
trust_gate_find_absentee(struct trust_gate *gate, const char *device,
    struct trust_absentee *out, struct trust_message *msg)
{
	enum trust_err r;

	memset(out, 0, sizeof(*out));
	r = trust_registry_find(
	    gate->registry, TRUST_KIND_DEVICE, device, &out->record, msg);
	if (r == TRUST_ERR_NOT_FOUND) {
		r = find_group_seen(gate, device, out->group, msg);
	} else if (r == TRUST_OK && out->record->u.device.group != NULL) {
		memcpy(out->group, out->record->u.device.group,
		    strlen(out->record->u.device.group) + 1);
	}
	if (r == TRUST_OK && out->group[0] != '\0')
		out->set = trust_sets_get0_group(gate->sets, out->group);
	if (r != TRUST_OK)
		return r;
	return trust_gate_find_block(gate, device, &out->blocked, msg);
}

/* Chains lead nowhere where the group, or its record, does not count. */
static enum trust_reason
reason_to_refuse(const struct trust_absentee *a)
{
	if (a->blocked)
		return TRUST_REASON_BLOCKED_LOCALLY;
	if (a->record != NULL && !a->record->enabled)
		return TRUST_REASON_DEVICE_DISABLED;
	if (a->group[0] != '\0' && (a->set == NULL || !a->set->enabled))
		return TRUST_REASON_CHAIN_UNTRUSTED;
	return TRUST_REASON_DEVICE_UNKNOWN;
}

bool
trust_gate_absentee_may_return(
    const struct trust_absentee *a, enum trust_reason *reason)
{
	if (reason != NULL)
		*reason = reason_to_refuse(a);
	if (a->blocked || (a->record != NULL && !a->record->enabled))
		return false;
	if (a->group[0] == '\0')
		return a->record != NULL;
	return a->set != NULL && a->set->enabled &&
	       (a->record != NULL || a->set->group->automatic);
}

bool
trust_gate_absentee_owns_client_id(
    const struct trust_absentee *a, const char *device, const char *client_id)
{
	return trust_identity_check_client_id(device,
	    trust_verdict_client_id(
		a->record != NULL ? &a->record->u.device : NULL,
		a->set != NULL ? a->set->group : NULL),
	    client_id);
}

enum trust_err
trust_gate_describe_absentee(const struct trust_absentee *a, const char *device,
    struct trust_verdict *verdict)
{
	memcpy(verdict->device, device, strlen(device) + 1);
	memcpy(verdict->group, a->group, sizeof(verdict->group));
	return trust_verdict_set_roles(verdict,
	    a->record != NULL ? &a->record->u.device : NULL,
	    a->set != NULL ? a->set->group : NULL);
}

static enum trust_err
compile_absentee(struct trust_gate *gate, const struct trust_absentee *a,
    const char *device, const char *client_id, struct trust_access **out)
{
	struct trust_verdict verdict = {0};
	enum trust_err r;

	r = trust_gate_describe_absentee(a, device, &verdict);
	if (r == TRUST_OK)
		r = compile(gate, &verdict, client_id, out);
	trust_verdict_clear(&verdict);
	return r;
}

static enum trust_err
compile_by_name(struct trust_gate *gate, const char *device,
    const char *client_id, struct trust_access **out, struct trust_message *msg)
{
	struct trust_absentee a = {0};
	enum trust_err r;

	r = trust_gate_begin_read(gate, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_gate_find_absentee(gate, device, &a, msg);
	if (r == TRUST_OK &&
	    (!trust_gate_absentee_may_return(&a, NULL) ||
		!trust_gate_absentee_owns_client_id(&a, device, client_id)))
		r = TRUST_ERR_NOT_FOUND;
	if (r == TRUST_OK)
		r = compile_absentee(gate, &a, device, client_id, out);
	trust_registry_end_read(gate->registry);
	trust_record_free(a.record);
	return r;
}

void
trust_gate_forget_absent(struct trust_gate *gate)
{
	trust_access_free(gate->absent.access);
	memset(&gate->absent, 0, sizeof(gate->absent));
}

/* Of a device and its client id, which are as long as they may be at most. */
static void
keep_absent(struct trust_gate *gate, const char *device, const char *client_id,
    struct trust_access *access)
{
	struct trust_gate_absent *absent = &gate->absent;

	trust_gate_forget_absent(gate);
	memcpy(absent->device, device, strlen(device) + 1);
	memcpy(absent->client_id, client_id, strlen(client_id) + 1);
	absent->access = trust_access_get1(access);
	absent->epoch = gate->epoch;
	absent->blocks = gate->blocks;
	absent->generation = gate->generation;
}

static bool
is_absent(struct trust_gate *gate, const char *device, const char *client_id)
{
	const struct trust_gate_absent *absent = &gate->absent;

	return absent->access != NULL && absent->epoch == gate->epoch &&
	       absent->blocks == gate->blocks &&
	       strcmp(absent->device, device) == 0 &&
	       strcmp(absent->client_id, client_id) == 0 &&
	       trust_gate_ask_generation(gate, NULL) == TRUST_OK &&
	       absent->generation == gate->generation;
}

enum trust_err
trust_gate_access_by_name(struct trust_gate *gate, const char *device,
    const char *client_id, struct trust_access **out, struct trust_message *msg)
{
	enum trust_err r;

	*out = NULL;
	if (gate->registry == NULL ||
	    !trust_id_check((const uint8_t *)device, strlen(device)))
		return TRUST_ERR_NOT_FOUND;
	if (is_absent(gate, device, client_id)) {
		*out = trust_access_get1(gate->absent.access);
		return TRUST_OK;
	}
	r = compile_by_name(gate, device, client_id, out, msg);
	if (r == TRUST_OK)
		keep_absent(gate, device, client_id, *out);
	return r;
}

enum trust_err
trust_gate_check_device(
    struct trust_gate *gate, const char *client_id, struct trust_message *msg)
{
	char device[TRUST_ID_MAX + 1];
	struct trust_absentee a = {0};
	enum trust_err r;

	if (gate->registry == NULL ||
	    !trust_identity_client_device(client_id, device))
		return TRUST_ERR_NOT_FOUND;
	r = trust_gate_begin_read(gate, msg);
	/* No error of the read is an answer. */
	if (r != TRUST_OK)
		return r == TRUST_ERR_NOT_FOUND ? TRUST_ERR_IO : r;
	r = trust_gate_find_absentee(gate, device, &a, msg);
	if (r == TRUST_OK &&
	    !trust_gate_absentee_owns_client_id(&a, device, client_id))
		r = TRUST_ERR_NOT_FOUND;
	trust_registry_end_read(gate->registry);
	trust_record_free(a.record);
	return r;
}

bool
trust_gate_is_device(struct trust_gate *gate, const char *client_id)
{
	return trust_gate_check_device(gate, client_id, NULL) !=
	       TRUST_ERR_NOT_FOUND;
}

bool
trust_gate_remember_device(
    struct trust_gate *gate, const struct trust_admission *admission)
{
	const struct trust_verdict *v = &admission->verdict;
	struct trust_message msg = {0};
	bool news = false;

	if (!trust_gate_keeps_local(gate) || v->registered)
		return false;
	trust_gate_forget_absent(gate);
	if (trust_local_remember_device(
		gate->local, v->device, v->group, &news, &msg) != TRUST_OK)
		trust_gate_complain(gate, &msg);
	return news;
}

/* ---- Bridges ---- */

void
trust_gate_remember_bridge(struct trust_gate *gate, const char *client_id)
{
	struct trust_message msg = {0};

	if (trust_gate_keeps_local(gate) &&
	    trust_local_remember_bridge(gate->local, client_id, &msg) !=
		TRUST_OK)
		trust_gate_complain(gate, &msg);
}

bool
trust_gate_is_bridge(struct trust_gate *gate, const char *client_id)
{
	return gate->local != NULL && trust_local_find_bridge(gate->local,
					  client_id, NULL) == TRUST_OK;
}
