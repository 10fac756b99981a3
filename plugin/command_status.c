/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getStatus: how the gateway is.
 */
#include "command_call.h"

static json_t *
registry_json(
    const struct trust_plugin *plugin, const struct trust_gate_status *status)
{
	static const char *const states[] = {
	    [TRUST_REGISTRY_STATE_MISSING] = "missing",
	    [TRUST_REGISTRY_STATE_STALE] = "stale",
	    [TRUST_REGISTRY_STATE_READY] = "ready",
	};

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:I, s:b}",
	    "version", TRUST_VERSION, "gateway", plugin->options.gateway,
	    "scope", plugin->options.scope, "registry", states[status->state],
	    "replica", plugin->sync != NULL, "stale",
	    trust_gate_check_age(plugin->gate, trust_plugin_now()) != 0,
	    "serial", (json_int_t)status->held.serial, "records",
	    (json_int_t)status->n_records, "age", (json_int_t)status->age_s,
	    "clock_behind", status->clock_behind);
}

static json_t *
upstream_json(const struct trust_plugin *plugin)
{
	int64_t heard =
	    trust_upstream_age(&plugin->upstream, trust_plugin_now_ms());

	return json_pack("{s:b, s:o}", "upstream_away",
	    (int)plugin->upstream.away, "upstream_heard",
	    heard < 0 ? json_null() : json_integer(heard));
}

static json_t *
crls_json(const struct trust_gate_status *status)
{
	return json_pack("{s:{s:I, s:I, s:I}}", "crls", "current",
	    (json_int_t)status->n_crls[TRUST_GATE_CRL_CURRENT], "stale",
	    (json_int_t)status->n_crls[TRUST_GATE_CRL_STALE], "overdue",
	    (json_int_t)status->n_crls[TRUST_GATE_CRL_OVERDUE]);
}

/* Null where nobody can tell. */
static json_t *
local_json(const struct trust_gate_status *status)
{
	return json_pack("{s:o, s:o, s:o}", "blocked",
	    status->n_blocked >= 0 ? json_integer(status->n_blocked)
				   : json_null(),
	    "local_error", trust_json_text(status->local_trouble),
	    "gateway_key_error", trust_json_text(status->keys_trouble));
}

static json_t *
sessions_json(
    const struct trust_plugin *plugin, const struct trust_gate_status *status)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "sessions",
	    (json_int_t)trust_sessions_count_live(plugin->sessions),
	    "newcomers",
	    (json_int_t)trust_sessions_count_newcomers(plugin->sessions),
	    "cached", (json_int_t)status->n_cached, "hits",
	    (json_int_t)status->cache_hits, "misses",
	    (json_int_t)status->cache_misses);
}

/* By the clock, not the time floor: what a person compares with another. */
static json_t *
clock_json(void)
{
	char now[TRUST_CLOCK_TEXT];

	return json_pack(
	    "{s:s}", "time", trust_clock_format(trust_plugin_now(), now));
}

json_t *
trust_command_get_status(
    const struct trust_call *call, struct trust_message *msg)
{
	const struct trust_plugin *plugin = call->plugin;
	struct trust_gate_status status;
	json_t *data;

	(void)msg;
	trust_gate_get_status(plugin->gate, trust_plugin_now(), &status);
	data = registry_json(plugin, &status);
	(void)json_object_update_new(data, clock_json());
	(void)json_object_update_new(data, upstream_json(plugin));
	(void)json_object_update_new(data, crls_json(&status));
	(void)json_object_update_new(data, local_json(&status));
	(void)json_object_update_new(data, sessions_json(plugin, &status));
	return data;
}
