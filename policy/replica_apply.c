/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica, applying: every part of the path in its order, and the state
 * judged as a whole before anybody sees it.
 */
#include "content.h"
#include "replica_internal.h"

/* Fewer devices than this go without a question, whatever their share: half
 * of a dozen is a person's work. Interface, max_removals. */
#define REMOVALS_LEAST 10

/* Why it does not come to an end, when no error is to blame. */
enum outcome {
	COMPLETE = 0,
	REFUSED,
	LACKING,   /* a part was lost from the disk */
	STOPPED,   /* nobody waits for it any more */
	OVERTAKEN, /* another process has written */
};

struct application {
	struct trust_replica *replica;
	enum trust_registry_replica_by by;
	enum outcome outcome;
	enum trust_sync_reason reason; /* REFUSED */
	struct trust_message detail;   /* of a refusal, or of an error */
	struct trust_buf part;         /* being read */
	bool is_snapshot;              /* it is a part of one */
	int64_t serial;
	size_t n_part; /* from 1, within the serial */
	int64_t n_line;
};

/* What ends the walk without being an error. */
static enum trust_err
end(struct application *a, enum outcome outcome)
{
	a->outcome = outcome;
	return TRUST_ERR_INPUT;
}

static enum trust_err
refuse(struct application *a, enum trust_sync_reason reason)
{
	a->reason = reason;
	return end(a, REFUSED);
}

static enum trust_err
refuse_line(struct application *a, enum trust_sync_reason reason)
{
	(void)trust_err_prefix(&a->detail, TRUST_OK,
	    "serial %lld, part %zu, line %lld", (long long)a->serial, a->n_part,
	    (long long)a->n_line);
	return refuse(a, reason);
}

/* ---- Lines ---- */

static enum trust_err
put(struct application *a, const struct trust_content_line *line)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_replica_check_anchor(
	    a->replica->anchors, line->put, &a->detail);
	if (r == TRUST_ERR_CONFLICT)
		return refuse_line(a, TRUST_SYNC_MALFORMED_RECORD);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_replica_put(
	    a->replica->registry, line->put, &line->digest, &a->detail);
	if (r == TRUST_ERR_CONFLICT)
		return refuse_line(a, TRUST_SYNC_DUPLICATE_CLAIM);
	/* Before the commit: whoever sees the change has no need to wait. */
	if (r == TRUST_OK && a->replica->ahead != NULL)
		trust_ahead_add(a->replica->ahead, line->put, &line->digest);
	return r;
}

static enum trust_err
remove_record(struct application *a, const struct trust_content_line *line)
{
	if (a->is_snapshot) {
		(void)trust_err_set(&a->detail, TRUST_OK,
		    "line: want put in a snapshot, got remove");
		return refuse_line(a, TRUST_SYNC_MALFORMED_RECORD);
	}
	return trust_registry_replica_remove(
	    a->replica->registry, line->kind, line->id, &a->detail);
}

/* Most of a snapshot is what is held already, and was read when it came. */
static enum trust_err
keep(struct application *a, struct trust_span text, bool *kept)
{
	struct trust_span record;

	*kept = false;
	if (!a->is_snapshot || !trust_content_get0_put(text, &record))
		return TRUST_OK;
	return trust_registry_replica_keep(
	    a->replica->registry, record, kept, &a->detail);
}

static enum trust_err
visit(void *arg, struct trust_span text)
{
	struct application *a = arg;
	struct trust_content_line line;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool kept;

	a->n_line++;
	r = keep(a, text, &kept);
	if (r != TRUST_OK || kept)
		return r;
	r = trust_content_parse(text, &line, &a->detail);
	if (r == TRUST_ERR_INPUT)
		return refuse_line(a, TRUST_SYNC_MALFORMED_RECORD);
	if (r != TRUST_OK)
		return r;
	if (line.put != NULL)
		r = put(a, &line);
	else
		r = remove_record(a, &line);
	trust_record_free(line.put);
	return r;
}

/* ---- Parts ---- */

static bool
is_stopping(const struct trust_replica_events *events)
{
	return events->is_stopping != NULL && events->is_stopping(events->arg);
}

static enum trust_err
walk_part(struct application *a, const struct trust_thumbprint *sha256)
{
	struct trust_replica *replica = a->replica;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (is_stopping(&replica->events))
		return end(a, STOPPED);
	a->n_part++;
	a->n_line = 0;
	a->part.len = 0;
	r = trust_registry_staging_get(
	    replica->staging, sha256, &a->part, &a->detail);
	if (r == TRUST_ERR_NOT_FOUND) {
		trust_replica_lose(replica, sha256);
		return end(a, LACKING);
	}
	if (r != TRUST_OK)
		return r;
	r = trust_content_walk(trust_buf_get0(&a->part), visit, a, &a->detail);
	if (r == TRUST_ERR_INPUT && a->outcome == COMPLETE)
		return refuse_line(a, TRUST_SYNC_MALFORMED_RECORD);
	return r;
}

static enum trust_err
walk_parts(struct application *a, const struct trust_parts *parts)
{
	enum trust_err r = TRUST_OK;

	a->serial = parts->serial;
	a->n_part = 0;
	for (size_t i = 0; r == TRUST_OK && i < parts->n; i++)
		r = walk_part(a, &parts->v[i].sha256);
	return r;
}

static enum trust_err
walk_snapshot(struct application *a)
{
	struct trust_replica *replica = a->replica;
	enum trust_err r = TRUST_ERR_INTERNAL;

	a->is_snapshot = true;
	r = walk_parts(a, &replica->newest->snapshot);
	a->is_snapshot = false;
	if (r != TRUST_OK)
		return r;
	return trust_registry_replica_sweep(replica->registry, &a->detail);
}

static enum trust_err
walk_path(struct application *a)
{
	const struct trust_notification *n = a->replica->newest;
	int64_t start = trust_replica_path_start(a->replica);
	enum trust_err r = TRUST_OK;

	if (a->replica->path == TRUST_REPLICA_BY_SNAPSHOT)
		r = walk_snapshot(a);
	for (size_t i = 0; r == TRUST_OK && i < n->n_deltas; i++) {
		if (n->deltas[i].serial > start)
			r = walk_parts(a, &n->deltas[i]);
	}
	return r;
}

/* ---- The whole ---- */

static enum trust_err
judge_claims(struct application *a)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_replica_check_claims(
	    a->replica->registry, &a->detail);
	return r == TRUST_ERR_CONFLICT ? refuse(a, TRUST_SYNC_DUPLICATE_CLAIM)
				       : r;
}

static enum trust_err
judge_state(struct application *a)
{
	const struct trust_notification *n = a->replica->newest;
	char want[TRUST_THUMBPRINT_TEXT], got[TRUST_THUMBPRINT_TEXT];
	struct trust_thumbprint state;
	enum trust_err r = TRUST_ERR_INTERNAL;
	int64_t n_records;

	r = trust_registry_replica_get_sum(
	    a->replica->registry, &state, &n_records, &a->detail);
	if (r != TRUST_OK)
		return r;
	if (n_records == n->n_records &&
	    trust_thumbprint_equal(&state, &n->state))
		return TRUST_OK;
	(void)trust_err_set(&a->detail, TRUST_OK,
	    "serial %lld: want %lld records with the state %s, got %lld with "
	    "%s",
	    (long long)n->serial, (long long)n->n_records,
	    trust_thumbprint_format(&n->state, want), (long long)n_records,
	    trust_thumbprint_format(&state, got));
	return refuse(a, TRUST_SYNC_STATE_MISMATCH);
}

static enum trust_err
judge_removals(struct application *a)
{
	struct trust_replica *replica = a->replica;
	int64_t n_held, n_lost;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (replica->newest->mass_removal)
		return TRUST_OK;
	r = trust_registry_replica_count_lost(replica->registry,
	    replica->max_removals, REMOVALS_LEAST, &n_held, &n_lost,
	    &a->detail);
	if (r != TRUST_OK)
		return r;
	if (n_lost <= REMOVALS_LEAST ||
	    n_lost * 100 <= replica->max_removals * n_held)
		return TRUST_OK;
	(void)trust_err_set(&a->detail, TRUST_OK,
	    "serial %lld: want at most %d %% of %lld devices shut out, got "
	    "%lld",
	    (long long)replica->newest->serial, replica->max_removals,
	    (long long)n_held, (long long)n_lost);
	return refuse(a, TRUST_SYNC_MASS_REMOVAL_HELD);
}

static enum trust_err
judge(struct application *a)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = judge_claims(a);
	if (r != TRUST_OK)
		return r;
	r = judge_state(a);
	if (r != TRUST_OK)
		return r;
	return judge_removals(a);
}

/* One transaction, from the state held to the newest. */
static enum trust_err
change(struct application *a, int64_t applied_at)
{
	struct trust_replica *replica = a->replica;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_replica_begin(replica->registry, a->by, &a->detail);
	if (r == TRUST_ERR_CONFLICT)
		return end(a, OVERTAKEN);
	if (r != TRUST_OK)
		return r;
	r = walk_path(a);
	if (r != TRUST_OK)
		goto out;
	r = judge(a);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_replica_commit(
	    replica->registry, applied_at, &a->detail);
out:
	if (r != TRUST_OK)
		trust_registry_replica_rollback(replica->registry);
	return r;
}

/* A snapshot that was asked for because what is held is not right is to rely
 * on nothing of it. */
static enum trust_registry_replica_by
choose_by(const struct trust_replica *replica)
{
	if (replica->path == TRUST_REPLICA_BY_DELTAS)
		return TRUST_REGISTRY_REPLICA_BY_DELTAS;
	return replica->state.way == TRUST_REGISTRY_REPLICA_SNAPSHOT
		   ? TRUST_REGISTRY_REPLICA_ANEW
		   : TRUST_REGISTRY_REPLICA_BY_SNAPSHOT;
}

/* Whether damage to what is held may be why it did not come to an end. */
static bool
may_be_misled(const struct application *a, enum trust_err r)
{
	if (a->outcome == REFUSED)
		return a->reason == TRUST_SYNC_DUPLICATE_CLAIM;
	return a->outcome == COMPLETE && r == TRUST_ERR_DAMAGED;
}

/* By the snapshot again at once, when damage misled it; deltas from a damaged
 * state lead to another than the notification's. */
static enum trust_err
change_or_heal(struct application *a, int64_t applied_at)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = change(a, applied_at);
	if (r == TRUST_OK || !may_be_misled(a, r))
		return r;
	if (a->by == TRUST_REGISTRY_REPLICA_BY_SNAPSHOT) {
		a->by = TRUST_REGISTRY_REPLICA_ANEW;
		a->outcome = COMPLETE;
		a->detail = (struct trust_message){0};
		return change(a, applied_at);
	}
	if (a->by == TRUST_REGISTRY_REPLICA_BY_DELTAS && a->outcome == COMPLETE)
		return refuse(a, TRUST_SYNC_STATE_MISMATCH);
	return r;
}

/* ---- And then ---- */

static enum trust_err
finish(struct trust_replica *replica, int64_t applied_at, int64_t now,
    struct trust_message *msg)
{
	struct trust_registry_replica_state *state = &replica->state;
	enum trust_err r = TRUST_ERR_INTERNAL;

	state->held = state->newest;
	state->way = TRUST_REGISTRY_REPLICA_DELTAS;
	state->applied_at = applied_at;
	replica->unsettled = true;
	replica->events.applied(replica->events.arg, &state->held);
	r = trust_replica_report(replica, now, msg);
	if (r != TRUST_OK)
		return r;
	return trust_replica_settle(replica, msg);
}

/* Deltas that lead astray are followed by the snapshot, once. A removal that
 * is held waits for a person, and would be the same by snapshot. */
static enum trust_err
give_up(struct application *a, int64_t now, struct trust_message *msg)
{
	struct trust_replica *replica = a->replica;
	enum trust_registry_replica_way way = TRUST_REGISTRY_REPLICA_WAIT;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (replica->path == TRUST_REPLICA_BY_DELTAS &&
	    a->reason != TRUST_SYNC_MASS_REMOVAL_HELD)
		way = TRUST_REGISTRY_REPLICA_SNAPSHOT;
	r = trust_registry_replica_set_way(replica->registry, way, msg);
	if (r != TRUST_OK)
		return r;
	replica->state.way = way;
	replica->unsettled = true;
	trust_replica_refuse(replica, a->reason, a->detail.text, now);
	return trust_replica_settle(replica, msg);
}

enum trust_err
trust_replica_apply(
    struct trust_replica *replica, int64_t now, struct trust_message *msg)
{
	struct application a = {.replica = replica, .by = choose_by(replica)};
	int64_t applied_at = trust_replica_time(replica, now);
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = change_or_heal(&a, applied_at);
	trust_buf_free(&a.part);
	switch (a.outcome) {
	case COMPLETE:
		break;
	case REFUSED:
		return give_up(&a, now, msg);
	case LACKING:
	case STOPPED:
	case OVERTAKEN:
		return TRUST_OK;
	}
	if (r != TRUST_OK)
		return trust_err_set(msg, r, "%s",
		    a.detail.text[0] != '\0' ? a.detail.text
					     : trust_err_text(r));
	return finish(replica, applied_at, now, msg);
}
