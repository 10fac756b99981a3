/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the replica share.
 */
#ifndef TRUST_REPLICA_INTERNAL_H
#define TRUST_REPLICA_INTERNAL_H

#include "local.h"
#include "registry_replica.h"
#include "registry_staging.h"
#include "replica.h"

/* A part on this path; one may be needed twice. */
struct trust_replica_need {
	struct trust_thumbprint sha256;
	bool staged;
	bool asked; /* and not come yet */
};

struct trust_replica {
	char gateway[TRUST_ID_MAX + 1];
	char scope[TRUST_ID_MAX + 1];
	STACK_OF(X509) *anchors; /* owned */
	size_t n_signatures;
	int64_t clock_skew_s;
	int max_removals;          /* percent */
	struct trust_ahead *ahead; /* NULL: none */
	struct trust_replica_events events;

	struct trust_registry_replica *registry;
	struct trust_registry_staging *staging;
	struct trust_local *local;

	/* As in the registry, but for what is counted and not stored yet. */
	struct trust_registry_replica_state state;
	uint64_t uncounted[TRUST_N_SYNC_REASONS]; /* in state.refused already */
	int64_t floor;                            /* the time floor */

	/* The state has moved, and what follows from it is not done yet. */
	bool unsettled;

	/* The newest accepted; NULL: none, or none that can be read. */
	struct trust_notification *newest;
	struct trust_thumbprint newest_sha256; /* of its octets; else zero */

	enum trust_replica_path path;
	struct trust_replica_need *needs; /* owned; in the order of use */
	size_t n_needs;
	size_t n_missing; /* needs that are not staged */
	size_t n_asked;   /* of these */
	bool in_vain;     /* asked again, and nothing has come since */

	/* Times of the clock; TRUST_CLOCK_NEVER: not set. */
	int64_t last_now;
	int64_t try_at;   /* to ask again, or to apply again */
	int64_t wait_s;   /* until then, the next time */
	int64_t heard_at; /* since then nothing wanted has come */
	int64_t report_at;
	uint64_t random;
};

/* ---- replica.c ---- */

/* What a notification is compared with. */
struct trust_replica_known trust_replica_get_known(
    const struct trust_replica *replica);
/* Accept the newest notification once more, to be followed by `way`. */
enum trust_err trust_replica_accept_again(struct trust_replica *replica,
    enum trust_registry_replica_way way,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The time to decide by: the clock's, but never before the floor. */
int64_t trust_replica_time(const struct trust_replica *replica, int64_t now);
/* Do what follows from the state: raise the floor, renew what is held, plan.
 * After an error it is done by trust_replica_follow. */
enum trust_err trust_replica_settle(
    struct trust_replica *replica, struct trust_message *msg) TRUST_MUST_CHECK;
/* First in every function that is given a time: follow the clock, and what
 * another process has written. */
enum trust_err trust_replica_follow(struct trust_replica *replica, int64_t now,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Count a refusal and tell of it; `detail` may be empty. */
void trust_replica_refuse(struct trust_replica *replica,
    enum trust_sync_reason reason, const char *detail, int64_t now);
/* Tell what is held, now. */
enum trust_err trust_replica_report(struct trust_replica *replica, int64_t now,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- replica_fetch.c ---- */

/* Whether the newest accepted is of the very state that is held. */
bool trust_replica_holds_newest(const struct trust_replica *replica);
/* Choose the path and see what it needs; what the newest notification does
 * not name leaves the staging. */
enum trust_err trust_replica_plan(
    struct trust_replica *replica, struct trust_message *msg) TRUST_MUST_CHECK;
/* The path goes by the deltas after this serial. */
int64_t trust_replica_path_start(const struct trust_replica *replica);
/* Ask for what is missing, or apply when nothing is. */
enum trust_err trust_replica_advance(struct trust_replica *replica, int64_t now,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The line is there again: do not wait much longer. */
void trust_replica_hurry(struct trust_replica *replica, int64_t now);
/* A part that was staged is not there any more. */
void trust_replica_lose(
    struct trust_replica *replica, const struct trust_thumbprint *sha256);

/* ---- replica_anchor.c ---- */

/* TRUST_ERR_CONFLICT: an anchor record with the key of a registry anchor.
 * Other kinds of records pass. */
enum trust_err trust_replica_check_anchor(STACK_OF(X509) *anchors,
    const struct trust_record *record,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The same for all that a registry holds. */
enum trust_err trust_replica_check_anchors(STACK_OF(X509) *anchors,
    const char *registry_path, struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- replica_apply.c ---- */

/* All that the path needs is staged: walk it. */
enum trust_err trust_replica_apply(struct trust_replica *replica, int64_t now,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
