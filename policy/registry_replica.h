/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of a replica: what it keeps of sync (the notification whose
 * state it holds, the newest accepted, the refusals), and the one transaction
 * that leads from the one to the other. Nothing is judged by sync's rules
 * here; that is replica.h.
 */
#ifndef TRUST_REGISTRY_REPLICA_H
#define TRUST_REGISTRY_REPLICA_H

#include "notification.h"
#include "registry.h"

struct trust_registry_replica;

/* What is to be tried with the newest accepted notification. Stored: never
 * renumber. */
enum trust_registry_replica_way {
	/* Deltas where they reach back to what is held, else the snapshot. */
	TRUST_REGISTRY_REPLICA_DELTAS = 0,
	TRUST_REGISTRY_REPLICA_SNAPSHOT = 1, /* the snapshot */
	TRUST_REGISTRY_REPLICA_WAIT = 2,     /* another has to come */
};

struct trust_registry_replica_state {
	struct trust_notification_mark held;   /* its state is held in full */
	struct trust_notification_mark newest; /* accepted */
	enum trust_registry_replica_way way;
	int64_t applied_at; /* 0: never */
	uint64_t refused[TRUST_N_SYNC_REASONS];
};

/* Open for sync, and make it if need be. TRUST_ERR_CONFLICT: the file there
 * is an origin. */
enum trust_err trust_registry_replica_open(const char *path,
    struct trust_registry_replica **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Open for looking at it: nothing is made or written. TRUST_ERR_NOT_FOUND:
 * there is none. */
enum trust_err trust_registry_replica_open_read(const char *path,
    struct trust_registry_replica **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_registry_replica_close(struct trust_registry_replica *replica);

/* Load the state if another process may have changed it since the last load;
 * *changed tells. */
enum trust_err trust_registry_replica_load(
    struct trust_registry_replica *replica,
    struct trust_registry_replica_state *out, bool *changed,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The next load is to load, whoever wrote. */
void trust_registry_replica_unload(struct trust_registry_replica *replica);

/* The newest accepted notification as it came. TRUST_ERR_NOT_FOUND, without
 * a message: there is none. */
enum trust_err trust_registry_replica_get_newest(
    struct trust_registry_replica *replica, struct trust_buf *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Each of these is durable when it returns. */
enum trust_err trust_registry_replica_accept(
    struct trust_registry_replica *replica,
    const struct trust_notification_mark *newest,
    enum trust_registry_replica_way way, struct trust_span notification,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_registry_replica_set_way(
    struct trust_registry_replica *replica, enum trust_registry_replica_way way,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The newest accepted is of the very state that is held. */
enum trust_err trust_registry_replica_renew(
    struct trust_registry_replica *replica,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Add to the counts of refusals. */
enum trust_err trust_registry_replica_add_refused(
    struct trust_registry_replica *replica,
    const uint64_t refused[TRUST_N_SYNC_REASONS],
    struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- From the state held to another ---- */

/* What a change goes by. */
enum trust_registry_replica_by {
	TRUST_REGISTRY_REPLICA_BY_DELTAS, /* from the state held */
	/* What is put before trust_registry_replica_sweep is all that there is
	 * after it, whatever there was: records are compared octet by octet.
	 * TRUST_ERR_DAMAGED, or a conflict of claims that are none: what is
	 * held is damaged, and has to be gone over anew. */
	TRUST_REGISTRY_REPLICA_BY_SNAPSHOT,
	/* The same, and what is kept beside records is made anew. It costs
	 * what the first snapshot does. */
	TRUST_REGISTRY_REPLICA_ANEW,
};

/*
 * Begin a change; see trust_registry_begin. TRUST_ERR_CONFLICT: another process
 * has written since the state was loaded. TRUST_ERR_DAMAGED from here on: what
 * is held is. After an error nothing has begun.
 */
enum trust_err trust_registry_replica_begin(
    struct trust_registry_replica *replica, enum trust_registry_replica_by by,
    struct trust_message *msg) TRUST_MUST_CHECK;
/*
 * In a snapshot: whether the record held next, in the order of kind and id, is
 * a device that was sent, and stands there, as this very canonical line. Then
 * it is as good as put. Nothing needs to be read for that; `line` may be
 * anything.
 */
enum trust_err trust_registry_replica_keep(
    struct trust_registry_replica *replica, struct trust_span line, bool *kept,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* `sent` is the digest of the record's canonical line as it was sent. */
enum trust_err trust_registry_replica_put(
    struct trust_registry_replica *replica, const struct trust_record *record,
    const struct trust_thumbprint *sent,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* What is not there is not missed: the state digest tells in the end. */
enum trust_err trust_registry_replica_remove(
    struct trust_registry_replica *replica, enum trust_kind kind,
    const char *id, struct trust_message *msg) TRUST_MUST_CHECK;
/* The snapshot is through: remove what it did not name. */
enum trust_err trust_registry_replica_sweep(
    struct trust_registry_replica *replica,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* TRUST_ERR_CONFLICT: two devices claim one thumbprint or key. */
enum trust_err trust_registry_replica_check_claims(
    struct trust_registry_replica *replica,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The state digest and the number of records as they are now. */
enum trust_err trust_registry_replica_get_sum(
    struct trust_registry_replica *replica, struct trust_thumbprint *state,
    int64_t *n_records, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * How many devices the state held has, and how many of them this change takes
 * away: gone, disabled, or unable to come in because their anchor, group or
 * roles went. It counts only if that may be more than `percent` of them and
 * more than `least`; else n_lost is 0.
 */
enum trust_err trust_registry_replica_count_lost(
    struct trust_registry_replica *replica, int percent, int64_t least,
    int64_t *n_held, int64_t *n_lost,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Commit, and with it: the newest accepted is what is held. After an error
 * nothing has changed, and the change is over. */
enum trust_err trust_registry_replica_commit(
    struct trust_registry_replica *replica, int64_t applied_at,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_registry_replica_rollback(struct trust_registry_replica *replica);

#endif
