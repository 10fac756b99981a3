/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica: opened, kept in step with the clock and with other processes,
 * and what it tells.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "replica_internal.h"
#include "statement.h"
#include "version.h"

/* sync.md, "Requests and reports". */
#define REPORT_INTERVAL_S (15 * 60)
#define REPORT_JOIN_S     1

/* ---- Opening ---- */

static enum trust_err
copy_id(const char *name, const char *id, char out[TRUST_ID_MAX + 1],
    struct trust_message *msg)
{
	size_t len = strlen(id);

	if (!trust_id_check((const uint8_t *)id, len))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want an id of 1 to %d characters, got another", name,
		    TRUST_ID_MAX);
	memcpy(out, id, len + 1);
	return TRUST_OK;
}

static enum trust_err
configure(struct trust_replica *replica,
    const struct trust_replica_config *config, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = copy_id("gateway", config->gateway, replica->gateway, msg);
	if (r != TRUST_OK)
		return r;
	r = copy_id("scope", config->scope, replica->scope, msg);
	if (r != TRUST_OK)
		return r;
	replica->anchors = X509_chain_up_ref(config->anchors);
	if (replica->anchors == NULL)
		return TRUST_ERR_NOMEM;
	replica->n_signatures = config->n_signatures;
	replica->clock_skew_s = config->clock_skew_s;
	replica->max_removals = config->max_removals;
	replica->ahead = config->ahead;
	replica->random = config->jitter_seed;
	replica->try_at = TRUST_CLOCK_NEVER;
	return TRUST_OK;
}

static enum trust_err
open_files(
    struct trust_replica *replica, const char *path, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_replica_open(path, &replica->registry, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_staging_open(path, &replica->staging, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_local_open(path, TRUST_LOCAL_MAKE, &replica->local, msg);
	if (r != TRUST_OK)
		return r;
	return trust_local_get_floor(replica->local, &replica->floor, msg);
}

/* Read a notification that was accepted once. It is judged no more. */
static enum trust_err
read_accepted(struct trust_span der, struct trust_notification **out,
    struct trust_message *msg)
{
	struct trust_statement *statement = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;
	enum trust_sync_reason reason;

	*out = NULL;
	r = trust_statement_open(der, &statement, &reason, msg);
	if (r == TRUST_OK && reason == TRUST_SYNC_ACCEPTED)
		r = trust_notification_parse(
		    trust_statement_get0_content(statement), out, &reason, msg);
	if (r == TRUST_OK && reason != TRUST_SYNC_ACCEPTED)
		r = TRUST_ERR_INPUT;
	trust_statement_free(statement);
	return r;
}

/* The newest accepted as a registry has it, and the digest of its octets. One
 * that this program does not read any more is none, and the message says why
 * not; its mark counts all the same. */
static enum trust_err
read_newest(struct trust_registry_replica *registry,
    struct trust_notification **out, struct trust_thumbprint *sha256,
    struct trust_message *msg)
{
	struct trust_buf der = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	*sha256 = (struct trust_thumbprint){0};
	r = trust_registry_replica_get_newest(registry, &der, msg);
	if (r == TRUST_ERR_NOT_FOUND)
		r = TRUST_OK;
	if (r != TRUST_OK || der.len == 0)
		goto out;
	r = read_accepted(trust_buf_get0(&der), out, msg);
	if (r == TRUST_ERR_INPUT)
		r = TRUST_OK;
	else if (r == TRUST_OK)
		r = trust_thumbprint_of(trust_buf_get0(&der), sha256);
out:
	trust_buf_free(&der);
	return r;
}

static enum trust_err
load_newest(struct trust_replica *replica, struct trust_message *msg)
{
	struct trust_message why = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	trust_notification_free(replica->newest);
	r = read_newest(
	    replica->registry, &replica->newest, &replica->newest_sha256, &why);
	if (r != TRUST_OK)
		return trust_err_set(msg, r, "%s", why.text);
	if (replica->newest == NULL && why.text[0] != '\0')
		trust_log_printf(&replica->events.log, TRUST_LOG_WARNING,
		    "the notification accepted last cannot be read any more, "
		    "waiting for the next: %s",
		    why.text);
	return TRUST_OK;
}

enum trust_err
trust_replica_accept_again(struct trust_replica *replica,
    enum trust_registry_replica_way way, struct trust_message *msg)
{
	struct trust_notification_mark mark;
	struct trust_buf der = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_notification_mark(replica->newest, &mark);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_replica_get_newest(replica->registry, &der, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_replica_accept(
	    replica->registry, &mark, way, trust_buf_get0(&der), msg);
	if (r != TRUST_OK)
		goto out;
	replica->state.newest = mark;
	replica->state.way = way;
	replica->unsettled = true;
	r = TRUST_OK;
out:
	trust_buf_free(&der);
	return r;
}

static bool
is_same_mark(const struct trust_notification_mark *a,
    const struct trust_notification_mark *b)
{
	if (strcmp(a->session, b->session) != 0)
		return false;
	return a->serial == b->serial && a->this_update == b->this_update &&
	       a->next_update == b->next_update &&
	       a->n_records == b->n_records &&
	       trust_thumbprint_equal(&a->state, &b->state) &&
	       trust_thumbprint_equal(&a->parts, &b->parts);
}

/* What stands beside the newest notification repeats it. Where that is damaged,
 * go by the notification: a time from nowhere would raise the time floor for
 * good. */
static enum trust_err
heal_newest(struct trust_replica *replica, struct trust_message *msg)
{
	struct trust_notification_mark mark;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (replica->newest == NULL)
		return TRUST_OK;
	r = trust_notification_mark(replica->newest, &mark);
	if (r != TRUST_OK || is_same_mark(&mark, &replica->state.newest))
		return r;
	return trust_replica_accept_again(replica, replica->state.way, msg);
}

/* Load what the registry keeps, if it is not known yet; *changed tells. */
static enum trust_err
load(struct trust_replica *replica, bool *changed, struct trust_message *msg)
{
	struct trust_registry_replica_state state;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_replica_load(
	    replica->registry, &state, changed, msg);
	if (r != TRUST_OK || !*changed)
		return r;
	replica->state = state;
	for (int i = 0; i < TRUST_N_SYNC_REASONS; i++)
		replica->state.refused[i] += replica->uncounted[i];
	replica->unsettled = true;
	r = load_newest(replica, msg);
	if (r == TRUST_OK)
		r = heal_newest(replica, msg);
	if (r != TRUST_OK)
		trust_registry_replica_unload(replica->registry);
	return r;
}

enum trust_err
trust_replica_open(const struct trust_replica_config *config,
    const struct trust_replica_events *events, struct trust_replica **out,
    struct trust_message *msg)
{
	struct trust_replica *replica = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool changed;

	*out = NULL;
	replica = calloc(1, sizeof(*replica));
	if (replica == NULL) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	replica->events = *events;
	r = configure(replica, config, msg);
	if (r != TRUST_OK)
		goto out;
	r = open_files(replica, config->registry_path, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_replica_check_anchors(
	    replica->anchors, config->registry_path, msg);
	if (r != TRUST_OK)
		goto out;
	r = load(replica, &changed, msg);
	if (r != TRUST_OK)
		goto out;
	*out = replica;
	replica = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_replica_close(replica);
	return r;
}

static enum trust_err
store_refused(struct trust_replica *replica, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	uint64_t n = 0;

	for (int i = 0; i < TRUST_N_SYNC_REASONS; i++)
		n += replica->uncounted[i];
	if (n == 0)
		return TRUST_OK;
	r = trust_registry_replica_add_refused(
	    replica->registry, replica->uncounted, msg);
	if (r == TRUST_OK)
		memset(replica->uncounted, 0, sizeof(replica->uncounted));
	return r;
}

void
trust_replica_close(struct trust_replica *replica)
{
	if (replica == NULL)
		return;
	/* Counts that cannot be stored are lost, and nothing else. */
	if (replica->registry != NULL)
		(void)!store_refused(replica, NULL);
	trust_registry_replica_close(replica->registry);
	trust_registry_staging_close(replica->staging);
	trust_local_close(replica->local);
	trust_notification_free(replica->newest);
	sk_X509_pop_free(replica->anchors, X509_free);
	free(replica->needs);
	free(replica);
}

/* ---- In step ---- */

struct trust_replica_known
trust_replica_get_known(const struct trust_replica *replica)
{
	return (struct trust_replica_known){
	    .held = replica->state.held,
	    .newest = replica->state.newest,
	    .newest_sha256 = replica->newest_sha256,
	    .by_snapshot =
		replica->state.way == TRUST_REGISTRY_REPLICA_SNAPSHOT,
	    .floor = replica->floor,
	};
}

int64_t
trust_replica_time(const struct trust_replica *replica, int64_t now)
{
	return now > replica->floor ? now : replica->floor;
}

static void
shift(int64_t *when, int64_t by)
{
	if (*when != TRUST_CLOCK_NEVER)
		*when += by;
}

/* A clock that is set back must not make anybody wait for it. */
static void
follow_clock(struct trust_replica *replica, int64_t now)
{
	if (now < replica->last_now) {
		shift(&replica->try_at, now - replica->last_now);
		shift(&replica->report_at, now - replica->last_now);
		shift(&replica->heard_at, now - replica->last_now);
	}
	replica->last_now = now;
}

static enum trust_err
raise_floor(struct trust_replica *replica, struct trust_message *msg)
{
	int64_t floor = replica->state.newest.this_update;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (floor <= replica->floor)
		return TRUST_OK;
	r = trust_local_raise_floor(replica->local, floor, msg);
	if (r == TRUST_OK)
		replica->floor = floor;
	return r;
}

/* What is held was signed anew: it is as fresh as that. */
static enum trust_err
renew(struct trust_replica *replica, struct trust_message *msg)
{
	struct trust_notification_mark *held = &replica->state.held;
	const struct trust_notification_mark *newest = &replica->state.newest;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (!trust_replica_holds_newest(replica) ||
	    (held->this_update == newest->this_update &&
		held->next_update == newest->next_update))
		return TRUST_OK;
	r = trust_registry_replica_renew(replica->registry, msg);
	if (r != TRUST_OK)
		return r;
	*held = *newest;
	replica->events.applied(replica->events.arg, held);
	return TRUST_OK;
}

enum trust_err
trust_replica_settle(struct trust_replica *replica, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = raise_floor(replica, msg);
	if (r != TRUST_OK)
		return r;
	r = renew(replica, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_replica_plan(replica, msg);
	if (r != TRUST_OK)
		return r;
	replica->unsettled = false;
	return TRUST_OK;
}

/* What another process has brought in counts as applied here. */
static enum trust_err
follow_others(
    struct trust_replica *replica, int64_t now, struct trust_message *msg)
{
	struct trust_notification_mark held = replica->state.held;
	const struct trust_notification_mark *is = &replica->state.held;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool changed;

	r = load(replica, &changed, msg);
	if (r != TRUST_OK || !changed)
		return r;
	if (strcmp(held.session, is->session) == 0 &&
	    held.serial == is->serial && held.this_update == is->this_update &&
	    held.next_update == is->next_update)
		return TRUST_OK;
	replica->events.applied(replica->events.arg, is);
	return trust_replica_report(replica, now, msg);
}

enum trust_err
trust_replica_follow(
    struct trust_replica *replica, int64_t now, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	follow_clock(replica, now);
	r = follow_others(replica, now, msg);
	if (r != TRUST_OK || !replica->unsettled)
		return r;
	return trust_replica_settle(replica, msg);
}

/* ---- What it tells ---- */

void
trust_replica_refuse(struct trust_replica *replica,
    enum trust_sync_reason reason, const char *detail, int64_t now)
{
	int64_t soon = now + REPORT_JOIN_S;

	replica->state.refused[reason]++;
	replica->uncounted[reason]++;
	if (replica->report_at > soon)
		replica->report_at = soon;
	if (detail[0] == '\0')
		detail = trust_sync_reason_meaning(reason);
	replica->events.refused(replica->events.arg, reason, detail);
}

static void
describe(
    const struct trust_replica *replica, int64_t now, struct trust_report *out)
{
	const struct trust_notification_mark *held = &replica->state.held;

	*out = (struct trust_report){
	    .serial = held->serial,
	    .state = held->state,
	    .n_records = held->n_records,
	    .applied_at = replica->state.applied_at,
	    .stale = held->session[0] == '\0' ||
		     held->next_update < trust_replica_time(replica, now),
	    .version = TRUST_VERSION,
	    .format = TRUST_FORMAT,
	};
	memcpy(out->gateway, replica->gateway, sizeof(out->gateway));
	memcpy(out->scope, replica->scope, sizeof(out->scope));
	memcpy(out->session, held->session, sizeof(out->session));
	memcpy(out->refused, replica->state.refused, sizeof(out->refused));
}

enum trust_err
trust_replica_report(
    struct trust_replica *replica, int64_t now, struct trust_message *msg)
{
	struct trust_report report;
	struct trust_buf json = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	replica->report_at = now + REPORT_INTERVAL_S;
	describe(replica, now, &report);
	r = trust_report_encode(&report, &json);
	if (r != TRUST_OK)
		goto out;
	replica->events.report(replica->events.arg, trust_buf_get0(&json));
	r = store_refused(replica, msg);
out:
	trust_buf_free(&json);
	return r;
}

void
trust_replica_get_marks(const struct trust_replica *replica,
    struct trust_notification_mark *held,
    struct trust_notification_mark *newest)
{
	*held = replica->state.held;
	*newest = replica->state.newest;
}

static enum trust_err
load_known(struct trust_registry_replica *registry,
    struct trust_replica_known *out, struct trust_message *msg)
{
	struct trust_notification *newest = NULL;
	struct trust_registry_replica_state state;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool changed;

	r = trust_registry_replica_load(registry, &state, &changed, msg);
	if (r != TRUST_OK)
		return r;
	out->held = state.held;
	out->newest = state.newest;
	out->by_snapshot = state.way == TRUST_REGISTRY_REPLICA_SNAPSHOT;
	r = read_newest(registry, &newest, &out->newest_sha256, msg);
	trust_notification_free(newest);
	return r;
}

enum trust_err
trust_replica_load_known(const char *registry_path,
    struct trust_replica_known *out, struct trust_message *msg)
{
	struct trust_registry_replica *registry = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = (struct trust_replica_known){0};
	r = trust_registry_replica_open_read(registry_path, &registry, msg);
	if (r != TRUST_OK)
		return r;
	r = load_known(registry, out, msg);
	trust_registry_replica_close(registry);
	if (r != TRUST_OK)
		return r;
	return trust_local_read_floor(registry_path, &out->floor, msg);
}

/* ---- Time passes ---- */

enum trust_err
trust_replica_tick(
    struct trust_replica *replica, int64_t now, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_replica_follow(replica, now, msg);
	if (r == TRUST_OK && now >= replica->try_at)
		r = trust_replica_advance(replica, now, msg);
	if (now < replica->report_at)
		return r;
	/* Who cannot go on (a full disk) must not fall silent over it. */
	if (r == TRUST_OK)
		return trust_replica_report(replica, now, msg);
	(void)!trust_replica_report(replica, now, NULL);
	return r;
}
