/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tick: follow the registry, have those looked at whom it concerns, drop
 * what is no longer needed. Mosquitto calls it about every 100 ms.
 */
#include <stdlib.h>

#include "control.h"
#include "plugin.h"

/* How often the registry and the sessions are looked at, in milliseconds. */
#define LOOK_EVERY_MS 100
/* How often it is looked whether upstream is there, likewise. */
#define UPSTREAM_EVERY_MS 1000
/* How long what was seen and the counters wait for a tick with time for them,
 * in seconds. */
#define BOOKS_WAIT_S 5
/* How long a reload takes at the most, in milliseconds, where no tick tells
 * that it is over. */
#define RELOAD_MS 2000
/* What glibc calls large, and more than it keeps for its thread: octets. */
#define LARGE 4096

/* ---- The registry's age ---- */

static void
act_on_age(struct trust_plugin *plugin)
{
	static const char *const acts[] = {
	    [0] = "the registry is fresh again",
	    [TRUST_ON_STALE_WARN] = "the registry is older than max_offline; "
				    "going on with it (on_stale warn)",
	    [TRUST_ON_STALE_DENY_NEW] =
		"the registry is older than max_offline; nobody new comes in "
		"(on_stale deny_new)",
	    [TRUST_ON_STALE_DENY_ALL] =
		"the registry is older than max_offline; closing every "
		"session (on_stale deny_all)",
	};
	enum trust_on_stale was = plugin->acted;
	enum trust_on_stale act =
	    trust_gate_check_age(plugin->gate, trust_plugin_now());

	if (act == was)
		return;
	plugin->acted = act;
	if (act != 0)
		trust_event_tell(plugin->events,
		    &(struct trust_event){.kind = TRUST_EVENT_STALE,
			.reason =
			    trust_reason_name(TRUST_REASON_REGISTRY_STALE),
			.detail = acts[act]});
	mosquitto_log_printf(act == 0 ? MOSQ_LOG_NOTICE : MOSQ_LOG_WARNING,
	    "mosquitto_trust: %s", acts[act]);
	/* Who is away then may have its queue again when that is over. */
	if (act == TRUST_ON_STALE_DENY_ALL || was == TRUST_ON_STALE_DENY_ALL)
		trust_sessions_await_all(plugin->sessions);
}

/* ---- Upstream ---- */

static void
watch_upstream(struct trust_plugin *plugin)
{
	int64_t now = trust_plugin_now();
	int64_t now_ms = trust_plugin_now_ms();

	if (plugin->sync == NULL || now_ms < plugin->next_upstream_ms)
		return;
	plugin->next_upstream_ms = now_ms + UPSTREAM_EVERY_MS;
	trust_upstream_tick(&plugin->upstream,
	    trust_gate_get0_held(plugin->gate),
	    trust_gate_time(plugin->gate, now), now_ms);
}

/* ---- Sessions that have departed ---- */

static void
remove_departed(struct trust_plugin *plugin, int64_t until)
{
	while (trust_sessions_remove_departed(plugin->sessions)) {
		if (trust_plugin_now_us() >= until)
			return;
	}
}

/* ---- Following ---- */

static void
on_device(void *arg, const char *device)
{
	struct trust_plugin *plugin = arg;

	trust_sessions_await_device(plugin->sessions, device);
}

static void
on_ground(void *arg, uint64_t ground)
{
	struct trust_plugin *plugin = arg;

	trust_sessions_await_ground(plugin->sessions, ground);
}

/* Where no tick comes there is none to wait for. */
static bool
on_crls(void *arg, struct trust_span ids)
{
	struct trust_plugin *plugin = arg;

	return plugin->ticks && trust_crl_ahead_begin(plugin->crl_ahead, ids);
}

static void
follow(struct trust_plugin *plugin)
{
	/* What has not been parsed by then cannot be, or is too much. */
	bool parsed = trust_crl_ahead_is_done(plugin->crl_ahead);
	const struct trust_gate_visitor visitor = {.device = on_device,
	    .ground = on_ground,
	    .crls = parsed ? NULL : on_crls,
	    .arg = plugin};
	enum trust_gate_news news = trust_gate_follow(plugin->gate, &visitor);

	if (parsed)
		trust_crl_ahead_end(plugin->crl_ahead);
	plugin->more_news = news == TRUST_GATE_MORE_NEWS;
	if (news == TRUST_GATE_EVERYTHING)
		trust_sessions_await_all(plugin->sessions);
}

/* Whether a session would be looked at again that meets a change before the
 * tick does, and has the sets loaded by it, long CRLs and all. */
static bool
is_behind(const struct trust_plugin *plugin)
{
	return !plugin->more_news &&
	       !trust_crl_ahead_is_busy(plugin->crl_ahead) &&
	       trust_review_waits(plugin) && trust_gate_has_moved(plugin->gate);
}

/* Mosquitto 2.0 ticks at every turn of its main loop, so at every message:
 * what is looked at costs system calls, and is looked at ten times a second,
 * and at once when another thread has something for it. */
static bool
is_time(struct trust_plugin *plugin)
{
	int64_t now = trust_plugin_now_ms();

	if (now < plugin->next_look_ms &&
	    !trust_crl_ahead_is_done(plugin->crl_ahead) &&
	    (plugin->sync == NULL || !trust_sync_has_news(plugin->sync)) &&
	    !is_behind(plugin))
		return false;
	plugin->next_look_ms = now + LOOK_EVERY_MS;
	return true;
}

/* What is nobody's business but an operator's: where something was loaded it
 * waits for another look, for some seconds at most. */
static void
keep_books(struct trust_plugin *plugin, int64_t now, int64_t until)
{
	if (trust_plugin_now_us() >= until && now >= plugin->books_at &&
	    now < plugin->books_at + BOOKS_WAIT_S)
		return;
	plugin->books_at = now;
	trust_gate_store_seen(plugin->gate, now);
	trust_counters_publish(plugin->counters, now);
}

static void
look(struct trust_plugin *plugin, int64_t until)
{
	int64_t now = trust_plugin_now();

	if (plugin->sync != NULL)
		trust_control_drain(plugin);
	follow(plugin);
	trust_bundle_publish(plugin);
	act_on_age(plugin);
	trust_crl_event_tell_all(plugin, now);
	trust_server_event_tell_all(plugin);
	watch_upstream(plugin);
	trust_refusals_flush(plugin->refusals, now);
	keep_books(plugin, now, until);
	remove_departed(plugin, until);
}

/* What one turn left for the next, and what came in between. */
static bool
has_more_to_do(const struct trust_plugin *plugin)
{
	return plugin->more_news || plugin->intruders != NULL ||
	       trust_crl_ahead_is_busy(plugin->crl_ahead) ||
	       trust_review_waits(plugin);
}

/*
 * glibc keeps small pieces that were freed as they are until somebody asks for
 * a large one, and joins them all then. After a change that ten thousand
 * sessions feel these are so many that it takes milliseconds: so ask in each
 * turn, while they are few. Volatile, because a compiler may leave out what
 * comes to nothing.
 */
static void
join_freed(void)
{
	void *volatile large = malloc(LARGE);

	free(large);
}

/* Whether something is left for the next turn. */
static bool
take_turn(struct trust_plugin *plugin)
{
	bool looks = is_time(plugin);
	int64_t until;

	if (!looks && !has_more_to_do(plugin))
		return false;
	until = trust_review_slice(plugin);
	if (plugin->intruders != NULL)
		trust_intruder_close_all(plugin);
	if (looks)
		look(plugin, until);
	else if (plugin->more_news)
		follow(plugin);
	/* What was found may wait for the next tick, but not for ever. */
	plugin->postponed =
	    !plugin->postponed && trust_plugin_now_us() >= until;
	if (!plugin->postponed && !trust_crl_ahead_is_busy(plugin->crl_ahead))
		trust_review_some(plugin, until);
	join_freed();
	return has_more_to_do(plugin);
}

void
trust_tick_look(struct trust_plugin *plugin)
{
	(void)take_turn(plugin);
}

int
trust_tick_on_tick(int event, void *data, void *userdata)
{
	struct trust_plugin *plugin = userdata;

	(void)event;
	(void)data;
	plugin->reloading_until_ms = 0;
	plugin->ticks = true;
	trust_handshake_reads_forget(plugin->reads);
	trust_wake_set(plugin->wake, take_turn(plugin));
	return MOSQ_ERR_SUCCESS;
}

bool
trust_tick_is_reloading(const struct trust_plugin *plugin)
{
	return plugin->reloading_until_ms != 0 &&
	       trust_plugin_now_ms() < plugin->reloading_until_ms;
}

/* A bridge may have been added. Of one that is gone, that it was one is
 * remembered if it brought something (access.c). */
static void
read_broker_config(struct trust_plugin *plugin)
{
	struct trust_broker_config *config;
	struct trust_message msg = {0};

	if (trust_broker_config_load(plugin->options.optional_certificates,
		&config, &msg) != TRUST_OK) {
		mosquitto_log_printf(MOSQ_LOG_WARNING, "mosquitto_trust: %s",
		    msg.text[0] != '\0' ? msg.text : "out of memory");
		return;
	}
	trust_broker_config_free(plugin->broker_config);
	plugin->broker_config = config;
}

int
trust_tick_on_reload(int event, void *data, void *userdata)
{
	struct trust_plugin *plugin = userdata;

	(void)event;
	(void)data;
	plugin->reloading_until_ms = trust_plugin_now_ms() + RELOAD_MS;
	trust_handshake_reads_forget(plugin->reads);
	trust_events_reopen(plugin->events);
	/* The broker reads its certificates before the next tick, into the
	 * contexts that there are or into others. */
	trust_handshake_server_settle(plugin->shown, true);
	read_broker_config(plugin);
	/* Mosquitto 2.0 tells nobody behind who answers; 2.1 tells everybody,
	 * and ends for who does not. */
	return plugin->is_2_1 ? MOSQ_ERR_SUCCESS : MOSQ_ERR_PLUGIN_DEFER;
}
