/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at sessions again: who would no longer be let in is closed, who
 * would is given the new rules, some in each slice of a tick.
 */
#include <string.h>

#include "plugin.h"

/* After how much of a tick no further session is looked at, in microseconds:
 * with the last one, which may take a path validation, and whatever else a
 * tick has to do, clients wait no longer than 2 ms. */
#define SLICE_US 750

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
	struct trust_message msg = {0}, why = {0};
	enum trust_err r =
	    trust_gate_check_device(plugin->gate, session->client_id, &msg);

	if (r == TRUST_ERR_NOT_FOUND)
		return;
	if (r == TRUST_OK) {
		close_session(plugin, session, TRUST_REASON_NO_CERTIFICATE,
		    "its client id has become a device's");
		return;
	}
	(void)trust_err_set(&why, r,
	    "nobody can tell whether its client id is a device's: %s",
	    msg.text[0] != '\0' ? msg.text : trust_err_text(r));
	close_session(plugin, session, TRUST_REASON_INTERNAL_ERROR, why.text);
}

/* Its client id may have become a device's, as a guest's may. */
static void
review_newcomer(
    struct trust_plugin *plugin, struct trust_session *session, int64_t now)
{
	struct trust_verdict verdict;

	trust_gate_review_newcomer(
	    plugin->gate, session->newcomer, now, &verdict);
	if (verdict.outcome != TRUST_ALLOW)
		close_session(plugin, session, verdict.reason, verdict.detail);
	else if (!trust_gate_may_newcomer_be(
		     plugin->gate, session->newcomer, session->client_id))
		close_session(plugin, session, TRUST_REASON_CLIENT_ID_MISMATCH,
		    "its client id has become a device's");
	else if (trust_session_keep(plugin->sessions, session) != TRUST_OK)
		close_session(plugin, session, TRUST_REASON_INTERNAL_ERROR,
		    trust_err_text(TRUST_ERR_NOMEM));
	trust_verdict_clear(&verdict);
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

/* A chain may come to end at another anchor, while there are two. */
static bool
has_another_anchor(
    const struct trust_admission *was, const struct trust_admission *is)
{
	const char *a = trust_admission_get0_anchor(was);
	const char *b = trust_admission_get0_anchor(is);

	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

/* Takes over the fresh admission. */
static void
renew(struct trust_plugin *plugin, struct trust_session *session,
    struct trust_admission *fresh)
{
	const struct trust_verdict *was =
	    trust_admission_get0_verdict(session->admission);
	const struct trust_verdict *is = trust_admission_get0_verdict(fresh);
	bool moves = has_another_anchor(session->admission, fresh);
	struct trust_access *access = NULL;
	struct trust_message msg = {0};

	if (strcmp(was->device, is->device) != 0 ||
	    !trust_identity_check_client_id(
		is->device, is->client_id, session->client_id)) {
		close_session(plugin, session, TRUST_REASON_CLIENT_ID_MISMATCH,
		    "it stands for another device now");
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
	else if (moves && !session->offline)
		trust_gate_note_seen(plugin->gate, session->admission,
		    session->address, trust_plugin_now());
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
	if (session->kind == TRUST_SESSION_NEWCOMER) {
		review_newcomer(plugin, session, now);
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

/* ---- In slices ---- */

int64_t
trust_review_slice(const struct trust_plugin *plugin)
{
	return plugin->ticks ? trust_plugin_now_us() + SLICE_US : INT64_MAX;
}

/* Whoever has to wait for the next slice keeps its old rules until then;
 * who comes in meanwhile is decided by the new ones. Where no tick comes, the
 * next slice may be far. One is looked at in any case. */
void
trust_review_some(struct trust_plugin *plugin, int64_t until)
{
	int64_t now = trust_plugin_now();
	struct trust_session *session;

	do {
		session = trust_sessions_next(
		    plugin->sessions, trust_gate_time(plugin->gate, now));
		if (session == NULL)
			return;
		review(plugin, session, now);
	} while (trust_plugin_now_us() < until);
}

bool
trust_review_waits(const struct trust_plugin *plugin)
{
	return trust_sessions_wait(plugin->sessions,
	    trust_gate_time(plugin->gate, trust_plugin_now()));
}

/* What does not fit into a slice goes on with the ticks, where some come. */
static void
review_first(struct trust_plugin *plugin)
{
	trust_review_some(plugin, trust_review_slice(plugin));
}

void
trust_review_device(struct trust_plugin *plugin, const char *device)
{
	trust_sessions_await_device(plugin->sessions, device);
	review_first(plugin);
}

bool
trust_review_kick(struct trust_plugin *plugin, const char *device)
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
