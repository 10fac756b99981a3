/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica, notified: the refusals of sync.md in their order, and what is
 * stored before anything else.
 */
#include <string.h>

#include "clock.h"
#include "replica_internal.h"
#include "statement.h"

/* A notification under judgement, and what has come out. */
struct hearing {
	struct trust_span der;
	struct trust_statement *statement;
	struct trust_notification *notification;
	struct trust_notification_mark mark;
	enum trust_sync_reason reason;
	struct trust_message detail; /* of a refusal, or of an error */
};

/* One step of the judgement; a reason ends it. */
typedef enum trust_err judge(
    struct trust_replica *replica, struct hearing *h, int64_t now);

static enum trust_err
open_statement(struct trust_replica *replica, struct hearing *h, int64_t now)
{
	return trust_statement_open(
	    h->der, &h->statement, &h->reason, &h->detail);
}

static enum trust_err
check_signers(struct trust_replica *replica, struct hearing *h, int64_t now,
    int64_t this_update)
{
	return trust_statement_check_signers(h->statement, replica->anchors,
	    replica->n_signatures, now, this_update, &h->reason, &h->detail);
}

static enum trust_err
check_signers_now(struct trust_replica *replica, struct hearing *h, int64_t now)
{
	int64_t time = trust_replica_time(replica, now);

	return check_signers(replica, h, time, time);
}

static enum trust_err
parse(struct trust_replica *replica, struct hearing *h, int64_t now)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_notification_parse(trust_statement_get0_content(h->statement),
	    &h->notification, &h->reason, &h->detail);
	if (r != TRUST_OK || h->reason != TRUST_SYNC_ACCEPTED)
		return r;
	return trust_notification_mark(h->notification, &h->mark);
}

static enum trust_err
check_signers_then(
    struct trust_replica *replica, struct hearing *h, int64_t now)
{
	return check_signers(replica, h, trust_replica_time(replica, now),
	    h->notification->this_update);
}

/* What was wanted, for a person. */
static void
describe(const struct trust_replica *replica, struct hearing *h, int64_t now)
{
	const struct trust_notification_mark *newest = &replica->state.newest;
	const struct trust_notification *n = h->notification;
	char want[TRUST_CLOCK_TEXT], got[TRUST_CLOCK_TEXT];

	switch ((int)h->reason) {
	case TRUST_SYNC_WRONG_SCOPE:
		(void)trust_err_set(&h->detail, TRUST_OK,
		    "scope: want %s, got %s", replica->scope, n->scope);
		break;
	case TRUST_SYNC_FROM_FUTURE:
		(void)trust_err_set(&h->detail, TRUST_OK,
		    "this_update: want now, %s, at the latest, got %s",
		    trust_clock_format(now, want),
		    trust_clock_format(n->this_update, got));
		break;
	case TRUST_SYNC_SERIAL_REGRESSED:
		(void)trust_err_set(&h->detail, TRUST_OK,
		    "serial: want %lld or later, got %lld",
		    (long long)newest->serial, (long long)n->serial);
		break;
	case TRUST_SYNC_THIS_UPDATE_REGRESSED:
		(void)trust_err_set(&h->detail, TRUST_OK,
		    "this_update: want %s or later, got %s",
		    trust_clock_format(newest->this_update, want),
		    trust_clock_format(n->this_update, got));
		break;
	case TRUST_SYNC_EQUIVOCATION:
		(void)trust_err_set(&h->detail, TRUST_OK,
		    "serial %lld: want the state and the parts that were "
		    "accepted under it, got others",
		    (long long)n->serial);
		break;
	case TRUST_SYNC_SESSION_REPLACED_BY_OLDER:
		(void)trust_err_set(&h->detail, TRUST_OK,
		    "session %s: want this_update later than %s, got %s",
		    n->session, trust_clock_format(newest->this_update, want),
		    trust_clock_format(n->this_update, got));
		break;
	case TRUST_SYNC_EXPIRED:
		(void)trust_err_set(&h->detail, TRUST_OK,
		    "next_update: want now, %s, or later, got %s",
		    trust_clock_format(now, want),
		    trust_clock_format(n->next_update, got));
		break;
	}
}

/* Refusals 4 to 7. A clock below the floor is known to be wrong. */
static enum trust_err
check_sequence(struct trust_replica *replica, struct hearing *h, int64_t now)
{
	int64_t time = trust_replica_time(replica, now);

	h->reason = trust_notification_check(h->notification, &h->mark,
	    replica->scope, &replica->state.newest, &replica->state.held, time,
	    replica->clock_skew_s, now >= replica->floor);
	describe(replica, h, time);
	return TRUST_OK;
}

static enum trust_err
hear(struct trust_replica *replica, struct hearing *h, int64_t now)
{
	static judge *const judges[] = {open_statement, check_signers_now,
	    parse, check_signers_then, check_sequence};
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
		r = judges[i](replica, h, now);
		if (r != TRUST_OK || h->reason != TRUST_SYNC_ACCEPTED)
			break;
	}
	return r;
}

/* ---- Accepted ---- */

/* A way by snapshot that was begun, or asked for, is gone to its end. */
static enum trust_registry_replica_way
choose_way(const struct trust_replica *replica)
{
	return replica->state.way == TRUST_REGISTRY_REPLICA_SNAPSHOT
		   ? TRUST_REGISTRY_REPLICA_SNAPSHOT
		   : TRUST_REGISTRY_REPLICA_DELTAS;
}

/* Durable first: neither the sequence nor the time goes back after this. */
static enum trust_err
accept(struct trust_replica *replica, struct hearing *h,
    const struct trust_thumbprint *sha256, struct trust_message *msg)
{
	enum trust_registry_replica_way way = choose_way(replica);
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_replica_accept(
	    replica->registry, &h->mark, way, h->der, msg);
	if (r != TRUST_OK)
		return r;
	replica->state.newest = h->mark;
	replica->state.way = way;
	trust_notification_free(replica->newest);
	replica->newest = h->notification;
	h->notification = NULL; /* transferred */
	replica->newest_sha256 = *sha256;
	replica->unsettled = true;
	return TRUST_OK;
}

static enum trust_err
take(struct trust_replica *replica, struct hearing *h,
    const struct trust_thumbprint *sha256, int64_t now,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = accept(replica, h, sha256, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_replica_settle(replica, msg);
	if (r != TRUST_OK)
		return r;
	return trust_replica_advance(replica, now, msg);
}

static enum trust_err
judge_and_take(struct trust_replica *replica, struct trust_span der,
    const struct trust_thumbprint *sha256, int64_t now,
    struct trust_message *msg)
{
	struct hearing h = {.der = der};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = hear(replica, &h, now);
	if (r != TRUST_OK)
		(void)trust_err_set(msg, r, "%s", h.detail.text);
	else if (h.reason != TRUST_SYNC_ACCEPTED)
		trust_replica_refuse(replica, h.reason, h.detail.text, now);
	else
		r = take(replica, &h, sha256, now, msg);
	trust_notification_free(h.notification);
	trust_statement_free(h.statement);
	return r;
}

enum trust_err
trust_replica_notify(struct trust_replica *replica, struct trust_span der,
    int64_t now, struct trust_message *msg)
{
	struct trust_thumbprint sha256 = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_replica_follow(replica, now, msg);
	if (r != TRUST_OK)
		return r;
	/* More than that is refused, and not worth a digest. */
	if (der.len <= TRUST_NOTIFICATION_MAX) {
		r = trust_thumbprint_of(der, &sha256);
		if (r != TRUST_OK)
			return r;
	}
	if (replica->newest != NULL &&
	    trust_thumbprint_equal(&sha256, &replica->newest_sha256)) {
		trust_replica_hurry(replica, now);
		return TRUST_OK;
	}
	return judge_and_take(replica, der, &sha256, now, msg);
}
