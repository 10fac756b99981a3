/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica, fetching: what is needed, what is missing, asked for and
 * taken.
 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "replica_internal.h"

/* Between two requests for the same parts, in seconds. The first is longer
 * than the second in which an origin joins equal requests, with a satellite's
 * round trip; the last spares a line that is down, and is back within minutes
 * of it. */
#define WAIT_FIRST_S 5
#define WAIT_MAX_S   300

/* ---- The path ---- */

bool
trust_replica_holds_newest(const struct trust_replica *replica)
{
	return trust_replica_judge_is_held(
	    &replica->state.newest, &replica->state.held);
}

static enum trust_replica_path
choose_path(const struct trust_replica *replica)
{
	const struct trust_registry_replica_state *state = &replica->state;

	if (replica->newest == NULL ||
	    state->way == TRUST_REGISTRY_REPLICA_WAIT)
		return TRUST_REPLICA_NOWHERE;
	return trust_replica_judge_path(replica->newest, &state->newest,
	    &state->held, state->way == TRUST_REGISTRY_REPLICA_SNAPSHOT);
}

int64_t
trust_replica_path_start(const struct trust_replica *replica)
{
	return replica->path == TRUST_REPLICA_BY_SNAPSHOT
		   ? replica->newest->snapshot.serial
		   : replica->state.held.serial;
}

/* ---- What it needs ---- */

static enum trust_err
keep_parts(struct trust_replica *replica, const struct trust_parts *parts,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < parts->n; i++)
		r = trust_registry_staging_keep(
		    replica->staging, &parts->v[i].sha256, msg);
	return r;
}

/* What the newest notification names may stay until its state is held. */
static enum trust_err
clean_staging(struct trust_replica *replica, struct trust_message *msg)
{
	const struct trust_notification *n = replica->newest;
	bool done = n == NULL || (replica->path == TRUST_REPLICA_NOWHERE &&
				     trust_replica_holds_newest(replica));
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_staging_begin_keep(replica->staging, msg);
	if (r == TRUST_OK && !done)
		r = keep_parts(replica, &n->snapshot, msg);
	for (size_t i = 0; r == TRUST_OK && !done && i < n->n_deltas; i++)
		r = keep_parts(replica, &n->deltas[i], msg);
	if (r != TRUST_OK)
		return r;
	return trust_registry_staging_end_keep(replica->staging, msg);
}

static enum trust_err
need_parts(struct trust_replica *replica, const struct trust_parts *parts,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < parts->n; i++) {
		struct trust_replica_need *need =
		    &replica->needs[replica->n_needs];

		need->sha256 = parts->v[i].sha256;
		r = trust_registry_staging_has(
		    replica->staging, &need->sha256, &need->staged, msg);
		if (r != TRUST_OK)
			break;
		replica->n_needs++;
		if (!need->staged)
			replica->n_missing++;
	}
	return r;
}

static size_t
count_parts(const struct trust_notification *n)
{
	size_t count = n->snapshot.n;

	for (size_t i = 0; i < n->n_deltas; i++)
		count += n->deltas[i].n;
	return count;
}

static enum trust_err
fill_needs(struct trust_replica *replica, struct trust_message *msg)
{
	const struct trust_notification *n = replica->newest;
	int64_t start = trust_replica_path_start(replica);
	enum trust_err r = TRUST_OK;

	/* One more, since nothing is no allocation. */
	replica->needs = calloc(count_parts(n) + 1, sizeof(*replica->needs));
	if (replica->needs == NULL)
		return TRUST_ERR_NOMEM;
	if (replica->path == TRUST_REPLICA_BY_SNAPSHOT)
		r = need_parts(replica, &n->snapshot, msg);
	for (size_t i = 0; r == TRUST_OK && i < n->n_deltas; i++) {
		if (n->deltas[i].serial > start)
			r = need_parts(replica, &n->deltas[i], msg);
	}
	return r;
}

/* Parts that are on their way, as far as is known. */
struct on_the_way {
	struct trust_thumbprint sha256[TRUST_REQUEST_WANT_MAX];
	size_t n;
};

static bool
is_on_the_way(
    const struct on_the_way *parts, const struct trust_thumbprint *sha256)
{
	bool found = false;

	for (size_t i = 0; i < parts->n; i++)
		found |= trust_thumbprint_equal(&parts->sha256[i], sha256);
	return found;
}

static void
list_asked(const struct trust_replica *replica, struct on_the_way *out)
{
	out->n = 0;
	/* A notification came, and the line is there again. */
	if (replica->in_vain)
		return;
	for (size_t i = 0; i < replica->n_needs; i++) {
		const struct trust_replica_need *need = &replica->needs[i];

		if (need->asked && out->n < TRUST_REQUEST_WANT_MAX &&
		    !is_on_the_way(out, &need->sha256))
			out->sha256[out->n++] = need->sha256;
	}
}

/* They need not be asked for again because of another notification. */
static void
mark_asked(struct trust_replica *replica, const struct on_the_way *parts)
{
	for (size_t i = 0; i < replica->n_needs && parts->n > 0; i++) {
		struct trust_replica_need *need = &replica->needs[i];

		need->asked =
		    !need->staged && is_on_the_way(parts, &need->sha256);
		if (need->asked)
			replica->n_asked++;
	}
}

static void
forget_asked(struct trust_replica *replica)
{
	for (size_t i = 0; i < replica->n_needs; i++)
		replica->needs[i].asked = false;
	replica->n_asked = 0;
}

static void
forget_needs(struct trust_replica *replica)
{
	free(replica->needs);
	replica->needs = NULL;
	replica->n_needs = 0;
	replica->n_missing = 0;
	replica->n_asked = 0;
	replica->in_vain = false;
}

static enum trust_err
plan_needs(struct trust_replica *replica, const struct on_the_way *parts,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = fill_needs(replica, msg);
	if (r != TRUST_OK)
		return r;
	mark_asked(replica, parts);
	if (replica->n_asked > 0)
		return TRUST_OK; /* the waits go on, too */
	replica->wait_s = WAIT_FIRST_S;
	replica->heard_at = replica->last_now;
	replica->try_at = replica->last_now;
	return TRUST_OK;
}

enum trust_err
trust_replica_plan(struct trust_replica *replica, struct trust_message *msg)
{
	struct on_the_way parts;
	enum trust_err r = TRUST_ERR_INTERNAL;

	list_asked(replica, &parts);
	forget_needs(replica);
	replica->path = choose_path(replica);
	r = clean_staging(replica, msg);
	if (r == TRUST_OK && replica->path != TRUST_REPLICA_NOWHERE)
		return plan_needs(replica, &parts, msg);
	replica->try_at = TRUST_CLOCK_NEVER;
	return r;
}

/* ---- Asking ---- */

/* SplitMix64, for jitter alone. */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* Up to half as much again: gateways that lost the same line do not come back
 * in one instant. If nothing comes of it, the next wait is longer. */
static void
wait_from(struct trust_replica *replica, int64_t now)
{
	uint64_t range = (uint64_t)replica->wait_s / 2 + 1;

	replica->try_at = now + replica->wait_s +
			  (int64_t)(next_random(&replica->random) % range);
	replica->wait_s *= 2;
	if (replica->wait_s > WAIT_MAX_S)
		replica->wait_s = WAIT_MAX_S;
}

/* Something came: what is lost from now on is asked for after the first wait
 * again. A line on which a part takes longer than that must not have the
 * others sent twice meanwhile, so two parts' time is waited for at least; that
 * much the wait has grown by then. */
static void
wait_afresh(struct trust_replica *replica, int64_t now)
{
	int64_t wait_s = 2 * (now - replica->heard_at);

	if (wait_s < WAIT_FIRST_S)
		wait_s = WAIT_FIRST_S;
	if (replica->wait_s > wait_s)
		replica->wait_s = wait_s;
	replica->heard_at = now;
	replica->in_vain = false;
}

void
trust_replica_hurry(struct trust_replica *replica, int64_t now)
{
	if (replica->n_missing == 0)
		return;
	replica->wait_s = WAIT_FIRST_S;
	replica->heard_at = now;
	if (replica->try_at > now + 1)
		replica->try_at = now + 1;
}

static bool
is_wanted(
    const struct trust_request *request, const struct trust_thumbprint *sha256)
{
	bool found = false;

	for (size_t i = 0; i < request->n_want; i++)
		found |= trust_thumbprint_equal(&request->want[i], sha256);
	return found;
}

/* The first that are missing and not on their way, each once; with those that
 * are, no more than a request may name. */
static void
choose_wanted(struct trust_replica *replica, struct trust_request *request)
{
	size_t n_asked = replica->n_asked;

	for (size_t i = 0; i < replica->n_needs; i++) {
		struct trust_replica_need *need = &replica->needs[i];

		if (need->staged || need->asked)
			continue;
		need->asked = is_wanted(request, &need->sha256);
		if (!need->asked &&
		    n_asked + request->n_want < TRUST_REQUEST_WANT_MAX) {
			request->want[request->n_want++] = need->sha256;
			need->asked = true;
		}
		if (need->asked)
			replica->n_asked++;
	}
}

/* What was asked for too long ago is asked for again. */
static enum trust_err
ask(struct trust_replica *replica, int64_t now)
{
	const struct trust_notification_mark *held = &replica->state.held;
	struct trust_request request = {.have = held->serial};
	struct trust_buf json = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool is_due;

	if (now >= replica->try_at) {
		replica->in_vain = replica->n_asked > 0;
		forget_asked(replica);
	}
	is_due = replica->n_asked == 0;
	memcpy(request.gateway, replica->gateway, sizeof(request.gateway));
	memcpy(request.scope, replica->scope, sizeof(request.scope));
	memcpy(request.session, held->session, sizeof(request.session));
	choose_wanted(replica, &request);
	/* What is on its way is waited for no longer for the others' sake. */
	if (is_due)
		wait_from(replica, now);
	if (request.n_want == 0)
		return TRUST_OK;
	r = trust_request_encode(&request, &json);
	if (r == TRUST_OK)
		replica->events.request(
		    replica->events.arg, trust_buf_get0(&json));
	trust_buf_free(&json);
	return r;
}

enum trust_err
trust_replica_advance(
    struct trust_replica *replica, int64_t now, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (replica->path == TRUST_REPLICA_NOWHERE)
		return TRUST_OK;
	if (replica->n_missing > 0)
		return ask(replica, now);
	wait_from(replica, now);
	r = trust_replica_apply(replica, now, msg);
	if (r != TRUST_OK || replica->n_missing == 0)
		return r;
	return ask(replica, now);
}

/* ---- Taking ---- */

static bool
is_missing(
    const struct trust_replica *replica, const struct trust_thumbprint *sha256)
{
	bool found = false;

	for (size_t i = 0; i < replica->n_needs; i++) {
		const struct trust_replica_need *need = &replica->needs[i];

		found |= !need->staged &&
			 trust_thumbprint_equal(&need->sha256, sha256);
	}
	return found;
}

static void
mark_staged(
    struct trust_replica *replica, const struct trust_thumbprint *sha256)
{
	for (size_t i = 0; i < replica->n_needs; i++) {
		struct trust_replica_need *need = &replica->needs[i];

		if (need->staged ||
		    !trust_thumbprint_equal(&need->sha256, sha256))
			continue;
		need->staged = true;
		replica->n_missing--;
		if (need->asked)
			replica->n_asked--;
		need->asked = false;
	}
}

void
trust_replica_lose(
    struct trust_replica *replica, const struct trust_thumbprint *sha256)
{
	for (size_t i = 0; i < replica->n_needs; i++) {
		struct trust_replica_need *need = &replica->needs[i];

		if (!need->staged ||
		    !trust_thumbprint_equal(&need->sha256, sha256))
			continue;
		need->staged = false;
		replica->n_missing++;
	}
}

static void
refuse_part(struct trust_replica *replica, struct trust_span part, int64_t now)
{
	struct trust_message detail;

	(void)trust_err_set(&detail, TRUST_OK,
	    "part: want one of %zu that are missing, got %zu other octets",
	    replica->n_missing, part.len);
	trust_replica_refuse(replica, TRUST_SYNC_UNSOLICITED, detail.text, now);
}

/* A part came: on with the next request, or with the wait for the others. */
static enum trust_err
proceed(struct trust_replica *replica, int64_t now, struct trust_message *msg)
{
	wait_afresh(replica, now);
	if (replica->n_missing > 0 && replica->n_asked > 0) {
		wait_from(replica, now);
		return TRUST_OK;
	}
	return trust_replica_advance(replica, now, msg);
}

static enum trust_err
take(struct trust_replica *replica, struct trust_span part,
    const struct trust_thumbprint *sha256, int64_t now,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_staging_put(replica->staging, sha256, part, msg);
	if (r != TRUST_OK)
		return r;
	mark_staged(replica, sha256);
	return proceed(replica, now, msg);
}

enum trust_err
trust_replica_receive(struct trust_replica *replica, struct trust_span part,
    int64_t now, struct trust_message *msg)
{
	struct trust_thumbprint sha256;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_replica_follow(replica, now, msg);
	if (r != TRUST_OK)
		return r;
	/* What is no part, or comes unasked, is not worth a digest. */
	if (part.len > TRUST_PART_MAX || replica->n_missing == 0) {
		refuse_part(replica, part, now);
		return TRUST_OK;
	}
	r = trust_thumbprint_of(part, &sha256);
	if (r != TRUST_OK)
		return r;
	if (!is_missing(replica, &sha256)) {
		refuse_part(replica, part, now);
		return TRUST_OK;
	}
	return take(replica, part, &sha256, now, msg);
}

/* ---- From the beginning ---- */

enum trust_err
trust_replica_resync(
    struct trust_replica *replica, int64_t now, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_replica_follow(replica, now, msg);
	if (r != TRUST_OK)
		return r;
	if (replica->newest == NULL)
		return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "want a notification to begin from, none has come yet");
	forget_asked(replica);
	r = trust_registry_staging_clear(replica->staging, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_replica_accept_again(
	    replica, TRUST_REGISTRY_REPLICA_SNAPSHOT, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_replica_settle(replica, msg);
	if (r != TRUST_OK)
		return r;
	return trust_replica_advance(replica, now, msg);
}
