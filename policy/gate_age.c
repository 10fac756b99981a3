/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and time: how old the registry is, what that asks for, and the
 * floor below which no decision's time falls (sync.md, "Freshness and time").
 */
#include <string.h>

#include "gate_internal.h"

int64_t
trust_gate_time(const struct trust_gate *gate, int64_t now)
{
	return now > gate->floor ? now : gate->floor;
}

enum trust_err
trust_gate_read_role(struct trust_gate *gate, struct trust_message *msg)
{
	struct trust_registry_info info;
	enum trust_err r;

	r = trust_registry_get_info(gate->registry, &info, msg);
	gate->is_replica = r == TRUST_OK && info.role == TRUST_REGISTRY_REPLICA;
	gate->held_version = -1;
	return r;
}

/* What is written while it is read has another version: read again then. */
static enum trust_err
read_held(struct trust_gate *gate, struct trust_message *msg)
{
	int64_t version = trust_registry_get_version(gate->registry);
	enum trust_err r;

	if (version != -1 && version == gate->held_version)
		return TRUST_OK;
	r = trust_registry_get_held(gate->registry, &gate->held, msg);
	if (r == TRUST_OK)
		gate->held_version = version;
	return r;
}

enum trust_err
trust_gate_read_age(struct trust_gate *gate, struct trust_message *msg)
{
	enum trust_err r = read_held(gate, msg);

	if (r != TRUST_OK || !trust_gate_keeps_local(gate))
		return r;
	return trust_local_get_floor(gate->local, &gate->floor, msg);
}

static int64_t
age_of(const struct trust_gate *gate, int64_t now)
{
	if (!gate->is_replica || gate->held.serial == 0)
		return 0;
	return trust_gate_time(gate, now) - gate->held.this_update;
}

enum trust_on_stale
trust_gate_check_age(const struct trust_gate *gate, int64_t now)
{
	if (gate->config.max_offline_s == 0 ||
	    age_of(gate, now) <= gate->config.max_offline_s)
		return 0;
	return gate->config.on_stale;
}

enum trust_registry_state
trust_gate_state(const struct trust_gate *gate, int64_t now, bool live)
{
	enum trust_on_stale age = trust_gate_check_age(gate, now);

	/* A replica that holds nothing yet knows nobody. */
	if (gate->registry == NULL ||
	    (gate->is_replica && gate->held.serial == 0))
		return TRUST_REGISTRY_STATE_MISSING;
	if (age == TRUST_ON_STALE_DENY_ALL ||
	    (age == TRUST_ON_STALE_DENY_NEW && !live))
		return TRUST_REGISTRY_STATE_STALE;
	return TRUST_REGISTRY_STATE_READY;
}

const struct trust_registry_held *
trust_gate_get0_held(const struct trust_gate *gate)
{
	return &gate->held;
}

void
trust_gate_get_status(
    struct trust_gate *gate, int64_t now, struct trust_gate_status *out)
{
	struct trust_registry_info info;

	*out = (struct trust_gate_status){
	    .state = trust_gate_state(gate, now, false),
	    .is_replica = gate->is_replica,
	    .held = gate->held,
	    .age_s = age_of(gate, now),
	    .clock_behind = now < gate->floor,
	    .generation = gate->told_generation,
	    .cache_hits = gate->hits,
	    .cache_misses = gate->misses,
	    .chains_built = gate->chains_built,
	    .n_cached =
		gate->cache != NULL ? trust_cache_count(gate->cache) : 0,
	};
	trust_gate_describe_local(gate, out);
	out->keys_trouble = gate->keys.told.text;
	memcpy(out->n_crls, gate->n_crls, sizeof(out->n_crls));
	if (gate->registry == NULL ||
	    trust_registry_get_info(gate->registry, &info, NULL) != TRUST_OK)
		return;
	for (int kind = TRUST_KIND_FIRST; kind <= TRUST_KIND_LAST; kind++)
		out->n_records += info.n_records[kind];
}
