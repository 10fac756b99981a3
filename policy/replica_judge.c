/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications judged.
 */
#include "replica_judge.h"

#include <string.h>

#include "clock.h"

/* A notification under judgement, and what has come out. */
struct hearing {
	const struct trust_replica_rules *rules;
	const struct trust_replica_known *known;
	struct trust_span der;
	int64_t now;  /* the clock's */
	int64_t time; /* to decide by */
	struct trust_statement *statement;
	struct trust_replica_judgement *out;
};

/* One step of the judgement; a reason ends it. */
typedef enum trust_err judge(struct hearing *h);

int64_t
trust_replica_judge_time(const struct trust_replica_known *known, int64_t now)
{
	return now > known->floor ? now : known->floor;
}

enum trust_err
trust_replica_judge_again(const struct trust_replica_known *known,
    struct trust_span der, struct trust_thumbprint *sha256, bool *again)
{
	static const struct trust_thumbprint none;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*sha256 = none;
	*again = false;
	/* More than that is refused, and not worth a digest. */
	if (der.len > TRUST_NOTIFICATION_MAX)
		return TRUST_OK;
	r = trust_thumbprint_of(der, sha256);
	if (r != TRUST_OK)
		return r;
	*again = !trust_thumbprint_equal(&known->newest_sha256, &none) &&
		 trust_thumbprint_equal(&known->newest_sha256, sha256);
	return TRUST_OK;
}

/* ---- Who signed, and what ---- */

static enum trust_err
open_statement(struct hearing *h)
{
	return trust_statement_open(
	    h->der, &h->statement, &h->out->reason, &h->out->detail);
}

static enum trust_err
check_signers(struct hearing *h, int64_t this_update)
{
	const struct trust_replica_rules *rules = h->rules;

	if (rules->insecure_any_signer)
		return TRUST_OK;
	return trust_statement_check_signers(h->statement, rules->anchors,
	    rules->n_signatures, h->time, this_update, &h->out->reason,
	    &h->out->detail);
}

/* Nothing inside is parsed before this. */
static enum trust_err
check_signers_now(struct hearing *h)
{
	return check_signers(h, h->time);
}

static enum trust_err
parse(struct hearing *h)
{
	struct trust_replica_judgement *out = h->out;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_notification_parse(trust_statement_get0_content(h->statement),
	    &out->notification, &out->reason, &out->detail);
	if (r != TRUST_OK || out->reason != TRUST_SYNC_ACCEPTED)
		return r;
	return trust_notification_mark(out->notification, &out->mark);
}

static enum trust_err
check_signers_then(struct hearing *h)
{
	return check_signers(h, h->out->notification->this_update);
}

/* ---- In sequence ---- */

/* What was wanted, for a person. */
static void
describe(struct hearing *h)
{
	const struct trust_notification_mark *newest = &h->known->newest;
	const struct trust_notification *n = h->out->notification;
	struct trust_message *detail = &h->out->detail;
	char want[TRUST_CLOCK_TEXT], got[TRUST_CLOCK_TEXT];

	switch ((int)h->out->reason) {
	case TRUST_SYNC_WRONG_SCOPE:
		(void)trust_err_set(detail, TRUST_OK,
		    "scope: want %s, got %s; want topics of the bridge that "
		    "end in trust/v1/%s/, look for trust/v1/%s/",
		    h->rules->scope, n->scope, h->rules->scope, n->scope);
		break;
	case TRUST_SYNC_FROM_FUTURE:
		(void)trust_err_set(detail, TRUST_OK,
		    "this_update: want now, %s, at the latest, got %s",
		    trust_clock_format(h->time, want),
		    trust_clock_format(n->this_update, got));
		break;
	case TRUST_SYNC_SERIAL_REGRESSED:
		(void)trust_err_set(detail, TRUST_OK,
		    "serial: want %lld or later, got %lld",
		    (long long)newest->serial, (long long)n->serial);
		break;
	case TRUST_SYNC_THIS_UPDATE_REGRESSED:
		(void)trust_err_set(detail, TRUST_OK,
		    "this_update: want %s or later, got %s",
		    trust_clock_format(newest->this_update, want),
		    trust_clock_format(n->this_update, got));
		break;
	case TRUST_SYNC_EQUIVOCATION:
		(void)trust_err_set(detail, TRUST_OK,
		    "serial %lld: want the state and the parts that were "
		    "accepted under it, got others",
		    (long long)n->serial);
		break;
	case TRUST_SYNC_SESSION_REPLACED_BY_OLDER:
		(void)trust_err_set(detail, TRUST_OK,
		    "session %s: want this_update later than %s, got %s",
		    n->session, trust_clock_format(newest->this_update, want),
		    trust_clock_format(n->this_update, got));
		break;
	case TRUST_SYNC_EXPIRED:
		(void)trust_err_set(detail, TRUST_OK,
		    "next_update: want now, %s, or later, got %s",
		    trust_clock_format(h->time, want),
		    trust_clock_format(n->next_update, got));
		break;
	}
}

/* Refusals 4 to 7. A clock below the floor is known to be wrong. */
static enum trust_err
check_sequence(struct hearing *h)
{
	const struct trust_replica_known *known = h->known;
	struct trust_replica_judgement *out = h->out;

	out->reason = trust_notification_check(out->notification, &out->mark,
	    h->rules->scope, &known->newest, &known->held, h->time,
	    h->rules->clock_skew_s, h->now >= known->floor);
	describe(h);
	return TRUST_OK;
}

/* ---- What follows ---- */

bool
trust_replica_judge_is_held(const struct trust_notification_mark *mark,
    const struct trust_notification_mark *held)
{
	if (strcmp(held->session, mark->session) != 0)
		return false;
	return held->serial == mark->serial &&
	       held->n_records == mark->n_records &&
	       trust_thumbprint_equal(&held->state, &mark->state);
}

/* Whether the deltas lead on from the state held. */
static bool
deltas_reach(const struct trust_notification *n,
    const struct trust_notification_mark *held)
{
	return n->n_deltas > 0 && strcmp(n->session, held->session) == 0 &&
	       held->serial < n->serial &&
	       n->deltas[0].serial <= held->serial + 1;
}

enum trust_replica_path
trust_replica_judge_path(const struct trust_notification *notification,
    const struct trust_notification_mark *mark,
    const struct trust_notification_mark *held, bool by_snapshot)
{
	if (by_snapshot)
		return TRUST_REPLICA_BY_SNAPSHOT;
	if (trust_replica_judge_is_held(mark, held))
		return TRUST_REPLICA_NOWHERE;
	return deltas_reach(notification, held) ? TRUST_REPLICA_BY_DELTAS
						: TRUST_REPLICA_BY_SNAPSHOT;
}

/* ---- The whole ---- */

static enum trust_err
hear(struct hearing *h)
{
	static judge *const judges[] = {open_statement, check_signers_now,
	    parse, check_signers_then, check_sequence};
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
		r = judges[i](h);
		if (r != TRUST_OK || h->out->reason != TRUST_SYNC_ACCEPTED)
			break;
	}
	return r;
}

enum trust_err
trust_replica_judge(const struct trust_replica_rules *rules,
    const struct trust_replica_known *known, struct trust_span der, int64_t now,
    struct trust_replica_judgement *out, struct trust_message *msg)
{
	struct hearing h = {
	    .rules = rules,
	    .known = known,
	    .der = der,
	    .now = now,
	    .time = trust_replica_judge_time(known, now),
	    .out = out,
	};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = (struct trust_replica_judgement){.reason = TRUST_SYNC_MALFORMED};
	r = hear(&h);
	trust_statement_free(h.statement);
	if (r != TRUST_OK) {
		(void)trust_err_set(msg, r, "%s", out->detail.text);
		trust_replica_judgement_clear(out);
	} else if (out->reason == TRUST_SYNC_ACCEPTED) {
		out->path = trust_replica_judge_path(out->notification,
		    &out->mark, &known->held, known->by_snapshot);
	}
	return r;
}

void
trust_replica_judgement_clear(struct trust_replica_judgement *judgement)
{
	trust_notification_free(judgement->notification);
	*judgement =
	    (struct trust_replica_judgement){.reason = TRUST_SYNC_MALFORMED};
}
