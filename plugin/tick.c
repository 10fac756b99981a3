/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tick: follow the registry, close who would no longer be let in, drop
 * what is no longer needed. Mosquitto calls it about every 100 ms.
 */
#include <string.h>

#include "control.h"
#include "plugin.h"

/* How often the registry and the sessions are looked at, in milliseconds. */
#define LOOK_EVERY_MS 100
/* How often it is looked whether upstream is there, likewise. */
#define UPSTREAM_EVERY_MS 1000
/* After how much of a tick no further session is looked at, in microseconds:
 * with the last one, which may take a path validation, and whatever else a
 * tick has to do, clients wait no longer than 2 ms. */
#define SLICE_US 750
/* How long what was seen and the counters wait for a tick with time for them,
 * in seconds. */
#define BOOKS_WAIT_S 5
/* How long a reload takes at the most, in milliseconds, where no tick tells
 * that it is over. */
#define RELOAD_MS 2000

/* The client id may be another's by now; where it is nobody's, somebody came
 * with it whom others refused. */
static void
kick(const struct trust_plugin *plugin, const struct trust_session *session)
{
	const struct trust_session *holder =
	    trust_session_find_id(plugin->sessions, session->client_id);

	if (holder == NULL || holder == session)
		(void)mosquitto_kick_client_by_clientid(
		    session->client_id, false);
}

static void
close_session(struct trust_plugin *plugin, struct trust_session *session,
    enum trust_reason reason, const char *detail)
{
	char shown[TRUST_SHOWN_MAX];

	/* Who is away stays known, and may do nothing from now on. */
	if (session->offline) {
		trust_session_revoke(plugin->sessions, session);
		return;
	}
	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: closed client %s: %s: %s",
	    trust_span_show(
		trust_span_of(session->client_id), shown, sizeof(shown)),
	    trust_reason_name(reason), detail);
	session->closing = true;
	trust_session_event_tell(plugin, session, TRUST_EVENT_DISCONNECTED,
	    trust_reason_name(reason), detail);
	kick(plugin, session);
	trust_session_revoke(plugin->sessions, session);
}

/* ---- Looking at a session again ---- */

static void
review_guest(struct trust_plugin *plugin, struct trust_session *session)
{
	if (trust_gate_is_device(plugin->gate, session->client_id))
		close_session(plugin, session, TRUST_REASON_NO_CERTIFICATE,
		    "its client id has become a device's");
}

/* The group may have come to want the first key remembered. Where it did so
 * before, this one was, and if it is no more, trustctl unpin made room for the
 * next one. */
static enum trust_err
pin(struct trust_plugin *plugin, const struct trust_verdict *was,
    const struct trust_admission *fresh, struct trust_message *msg)
{
	bool news;

	if (was->pin_first)
		return TRUST_OK;
	return trust_gate_pin(plugin->gate, fresh, &news, msg);
}

/* Takes over the fresh admission. */
static void
renew(struct trust_plugin *plugin, struct trust_session *session,
    struct trust_admission *fresh)
{
	const struct trust_verdict *was =
	    trust_admission_get0_verdict(session->admission);
	const struct trust_verdict *is = trust_admission_get0_verdict(fresh);
	struct trust_access *access = NULL;
	struct trust_message msg = {0};

	if (strcmp(was->device, is->device) != 0 ||
	    !trust_identity_check_client_id(
		is->device, is->client_id, session->client_id)) {
		close_session(plugin, session, TRUST_REASON_CLIENT_ID_MISMATCH,
		    "its certificate stands for another device now");
		trust_admission_free(fresh);
		return;
	}
	if (pin(plugin, was, fresh, &msg) != TRUST_OK ||
	    trust_gate_access(plugin->gate, fresh, session->client_id, &access,
		&msg) != TRUST_OK) {
		close_session(
		    plugin, session, TRUST_REASON_INTERNAL_ERROR, msg.text);
		trust_admission_free(fresh);
		return;
	}
	if (trust_session_renew(plugin->sessions, session, fresh, access) !=
	    TRUST_OK)
		close_session(plugin, session, TRUST_REASON_INTERNAL_ERROR,
		    trust_err_text(TRUST_ERR_NOMEM));
}

static void
kick_as_asked(struct trust_plugin *plugin, struct trust_session *session)
{
	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: kicked client %s, as it was asked for",
	    session->client_id);
	session->closing = true;
	trust_session_event_tell(plugin, session, TRUST_EVENT_DISCONNECTED,
	    NULL, "kicked, as it was asked for");
	kick(plugin, session);
}

static void
judge(struct trust_plugin *plugin, struct trust_session *session, int64_t now)
{
	struct trust_admission *fresh = NULL;
	struct trust_verdict verdict;

	if (session->kind == TRUST_SESSION_GUEST) {
		review_guest(plugin, session);
		return;
	}
	trust_gate_review(
	    plugin->gate, session->admission, now, true, &fresh, &verdict);
	if (fresh != NULL)
		renew(plugin, session, fresh);
	else
		close_session(plugin, session, verdict.reason, verdict.detail);
	trust_verdict_clear(&verdict);
}

/* Who is kicked is judged first: a durable one stays with its queue. */
static void
review(struct trust_plugin *plugin, struct trust_session *session, int64_t now)
{
	bool asked = session->kick_asked;

	session->kick_asked = false;
	judge(plugin, session, now);
	if (asked && trust_session_is_live(session) && !session->closing)
		kick_as_asked(plugin, session);
}

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
	struct trust_gate_status status;

	if (plugin->sync == NULL || now_ms < plugin->next_upstream_ms)
		return;
	plugin->next_upstream_ms = now_ms + UPSTREAM_EVERY_MS;
	trust_gate_get_status(plugin->gate, now, &status);
	trust_upstream_tick(&plugin->upstream, &status.held,
	    trust_gate_time(plugin->gate, now), now_ms);
}

/* ---- In slices ---- */

static int64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Whoever has to wait for the next slice keeps its old rules until then;
 * who comes in meanwhile is decided by the new ones. Where no tick comes, the
 * next slice may be far. One is looked at in any case. */
static void
review_some(struct trust_plugin *plugin, int64_t until)
{
	int64_t now = trust_plugin_now();
	struct trust_session *session;

	do {
		session = trust_sessions_next(
		    plugin->sessions, trust_gate_time(plugin->gate, now));
		if (session == NULL)
			return;
		review(plugin, session, now);
	} while (now_us() < until);
}

static bool
somebody_waits(const struct trust_plugin *plugin)
{
	return trust_sessions_wait(plugin->sessions,
	    trust_gate_time(plugin->gate, trust_plugin_now()));
}

/* What does not fit into a slice goes on with the ticks, where some come. */
static void
review_first(struct trust_plugin *plugin)
{
	review_some(plugin, plugin->ticks ? now_us() + SLICE_US : INT64_MAX);
}

void
trust_tick_review_device(struct trust_plugin *plugin, const char *device)
{
	trust_sessions_await_device(plugin->sessions, device);
	review_first(plugin);
}

bool
trust_tick_kick_device(struct trust_plugin *plugin, const char *device)
{
	struct trust_session *session = NULL;
	bool found = false;

	while ((session = trust_session_of_device(
		    plugin->sessions, device, session)) != NULL) {
		session->kick_asked = trust_session_is_live(session);
		found |= session->kick_asked;
	}
	trust_sessions_await_device(plugin->sessions, device);
	review_first(plugin);
	return found;
}

static void
remove_departed(struct trust_plugin *plugin, int64_t until)
{
	while (trust_sessions_remove_departed(plugin->sessions)) {
		if (now_us() >= until)
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

static void
follow(struct trust_plugin *plugin)
{
	const struct trust_gate_visitor visitor = {
	    .device = on_device, .ground = on_ground, .arg = plugin};
	enum trust_gate_news news = trust_gate_follow(plugin->gate, &visitor);

	plugin->more_news = news == TRUST_GATE_MORE_NEWS;
	if (news == TRUST_GATE_EVERYTHING)
		trust_sessions_await_all(plugin->sessions);
}

/* Mosquitto 2.0 ticks at every turn of its main loop, so at every message:
 * what is looked at costs system calls, and is looked at ten times a second,
 * and at once when the sync thread has something to say. */
static bool
is_time(struct trust_plugin *plugin)
{
	int64_t now = trust_plugin_now_ms();

	if (now < plugin->next_look_ms &&
	    (plugin->sync == NULL || !trust_sync_has_news(plugin->sync)))
		return false;
	plugin->next_look_ms = now + LOOK_EVERY_MS;
	return true;
}

/* What is nobody's business but an operator's: where something was loaded it
 * waits for another look, for some seconds at most. */
static void
keep_books(struct trust_plugin *plugin, int64_t now, int64_t until)
{
	if (now_us() >= until && now >= plugin->books_at &&
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
	act_on_age(plugin);
	trust_crl_event_tell_all(plugin, now);
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
	       somebody_waits(plugin);
}

void
trust_tick_look(struct trust_plugin *plugin)
{
	bool looks = is_time(plugin);
	int64_t until;

	if (!looks && !has_more_to_do(plugin))
		return;
	until = plugin->ticks ? now_us() + SLICE_US : INT64_MAX;
	if (plugin->intruders != NULL)
		trust_intruder_close_all(plugin);
	if (looks)
		look(plugin, until);
	else if (plugin->more_news)
		follow(plugin);
	/* What was found may wait for the next tick, but not for ever. */
	plugin->postponed = !plugin->postponed && now_us() >= until;
	if (!plugin->postponed)
		review_some(plugin, until);
}

int
trust_tick_on_tick(int event, void *data, void *userdata)
{
	struct trust_plugin *plugin = userdata;

	(void)event;
	(void)data;
	plugin->reloading_until_ms = 0;
	plugin->ticks = true;
	trust_tick_look(plugin);
	trust_wake_set(
	    plugin->wake, plugin->more_news || somebody_waits(plugin));
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

	if (trust_broker_config_load(&config, &msg) != TRUST_OK) {
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
	trust_events_reopen(plugin->events);
	read_broker_config(plugin);
	/* Mosquitto 2.0 tells nobody behind who answers; 2.1 tells everybody,
	 * and ends for who does not. */
	return plugin->is_2_1 ? MOSQ_ERR_SUCCESS : MOSQ_ERR_PLUGIN_DEFER;
}
