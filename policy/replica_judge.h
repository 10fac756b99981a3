/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a notification: the refusals of sync.md in their order, and
 * what follows where there is none. Pure functions of the octets, of what is
 * known, and of the time: the replica goes by them, and so does whoever wants
 * to know beforehand.
 */
#ifndef TRUST_REPLICA_JUDGE_H
#define TRUST_REPLICA_JUDGE_H

#include "notification.h"
#include "statement.h"

/* How the state of a notification is reached. */
enum trust_replica_path {
	TRUST_REPLICA_NOWHERE = 0, /* it is held, or another has to come */
	TRUST_REPLICA_BY_DELTAS,
	TRUST_REPLICA_BY_SNAPSHOT, /* and the deltas after it */
};

/* Whom a gateway follows. Borrowed. */
struct trust_replica_rules {
	const char *scope;
	STACK_OF(X509) *anchors; /* of registry signers */
	size_t n_signatures;     /* distinct signers wanted */
	int64_t clock_skew_s;
	/* Who signed is not asked at all; for looking at one, never for
	 * taking it. */
	bool insecure_any_signer;
};

/* What a gateway has accepted and holds. */
struct trust_replica_known {
	struct trust_notification_mark held;   /* its state is held in full */
	struct trust_notification_mark newest; /* accepted */
	/* Of the octets of the newest; zero: none, or none that can be read. */
	struct trust_thumbprint newest_sha256;
	/* A way by snapshot was begun, and is gone to its end. */
	bool by_snapshot;
	int64_t floor; /* the time floor */
};

struct trust_replica_judgement {
	enum trust_sync_reason reason;
	/* Of a refusal, for a person. */
	struct trust_message detail;
	/* Owned; NULL unless it was read: of an accepted one it was. */
	struct trust_notification *notification;
	/* What follows from an accepted one. */
	struct trust_notification_mark mark;
	enum trust_replica_path path;
};

/* The time to decide by: the clock's, but never before the floor. */
int64_t trust_replica_judge_time(
    const struct trust_replica_known *known, int64_t now);

/* Whether these are the octets of the newest accepted: that is no refusal, and
 * changes nothing. `sha256` is theirs; zero when there are more of them than
 * any notification has. */
enum trust_err trust_replica_judge_again(
    const struct trust_replica_known *known, struct trust_span der,
    struct trust_thumbprint *sha256, bool *again) TRUST_MUST_CHECK;

/* `now` is the clock's time. An error is the machinery's, and then there is no
 * judgement; the message says of what. */
enum trust_err trust_replica_judge(const struct trust_replica_rules *rules,
    const struct trust_replica_known *known, struct trust_span der, int64_t now,
    struct trust_replica_judgement *out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_replica_judgement_clear(struct trust_replica_judgement *judgement);

/* Whether a notification is of the very state that is held. */
bool trust_replica_judge_is_held(const struct trust_notification_mark *mark,
    const struct trust_notification_mark *held);
/* The path to the state of an accepted notification. */
enum trust_replica_path trust_replica_judge_path(
    const struct trust_notification *notification,
    const struct trust_notification_mark *mark,
    const struct trust_notification_mark *held, bool by_snapshot);

#endif
