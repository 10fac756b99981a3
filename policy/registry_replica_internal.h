/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of a replica's registry share.
 */
#ifndef TRUST_REGISTRY_REPLICA_INTERNAL_H
#define TRUST_REGISTRY_REPLICA_INTERNAL_H

#include "registry_internal.h"
#include "registry_replica.h"

/* Rows of the table replica. */
enum trust_registry_replica_which {
	TRUST_REGISTRY_REPLICA_HELD = 1,
	TRUST_REGISTRY_REPLICA_NEWEST = 2,
};

/* Every statement beside the registry's own; registry_replica.c has them. */
enum trust_registry_replica_statement {
	TRUST_REGISTRY_REPLICA_GET_MARK,         /* which */
	TRUST_REGISTRY_REPLICA_GET_NOTIFICATION, /* which */
	TRUST_REGISTRY_REPLICA_GET_REFUSALS,
	TRUST_REGISTRY_REPLICA_PUT_NEWEST, /* the columns */
	TRUST_REGISTRY_REPLICA_SET_WAY,    /* way */
	TRUST_REGISTRY_REPLICA_RENEW,
	TRUST_REGISTRY_REPLICA_HOLD,        /* applied_at */
	TRUST_REGISTRY_REPLICA_ADD_REFUSED, /* reason, n */
	TRUST_REGISTRY_REPLICA_HAS_DEVICES,
	TRUST_REGISTRY_REPLICA_DROP_ODD,
	TRUST_REGISTRY_REPLICA_CLEAR_PASSED,
	TRUST_REGISTRY_REPLICA_WALK,      /* kind, id: the one before */
	TRUST_REGISTRY_REPLICA_PASS_OVER, /* kind, id, kind, id: in between */
	TRUST_REGISTRY_REPLICA_TAKE_BACK, /* kind, id */
	TRUST_REGISTRY_REPLICA_LIST_PASSED,
	TRUST_REGISTRY_REPLICA_CLEAR_TOUCHED,
	TRUST_REGISTRY_REPLICA_TOUCH,        /* kind, id */
	TRUST_REGISTRY_REPLICA_LIST_TOUCHED, /* kind */
	TRUST_REGISTRY_REPLICA_LIST_UNTOUCHED_DEVICES,
	TRUST_REGISTRY_REPLICA_N_STATEMENTS,
	/* Those before it only read, and need no temporary tables. */
	TRUST_REGISTRY_REPLICA_N_READING = TRUST_REGISTRY_REPLICA_PUT_NEWEST,
};

/* The place of a record in their order. */
struct trust_registry_replica_place {
	enum trust_kind kind;
	char id[TRUST_ID_MAX + 1];
};

/* How far a snapshot has come along what is held. */
struct trust_registry_replica_walk {
	struct trust_registry_replica_place at;   /* named, or passed over */
	struct trust_registry_replica_place next; /* held, behind it */
	struct trust_thumbprint sent;             /* of the next; its line is
						   * in held_line */
	bool has_next;                            /* known so far */
	bool knows_sent;
	bool at_end;      /* there is no next */
	int64_t n_passed; /* passed over, and not named since */
};

/* The change that is under way. */
struct trust_registry_replica_change {
	struct trust_thumbprint state; /* the state digest so far */
	bool has_devices;              /* the state held */
	int64_t n_devices; /* of the state held; of a snapshot, met so far */
	bool walks;        /* it is a snapshot, not swept yet */
	struct trust_registry_replica_walk walk;
	int64_t n_touched_devices; /* each once */
	bool touched_sets;         /* an anchor, a group or a role */
};

struct trust_registry_replica {
	struct trust_registry *registry;
	sqlite3_stmt *statements[TRUST_REGISTRY_REPLICA_N_STATEMENTS];
	struct trust_registry_replica_change change;
	struct trust_buf held_line; /* of the walk's next */
	/* SQLite's data_version at the last load; -1: never loaded. */
	int64_t data_version;
};

/* Whether two records of a device need the same to come in: registry_replica_
 * lost.c cannot tell them apart. */
bool trust_registry_replica_rests_on_same(
    const struct trust_record *a, const struct trust_record *b);

/* Before a snapshot's record is put: what stands before it and was not named
 * is to go, unless it is named yet. *absent: there is no such record, for sure.
 * *first: if there is one, the snapshot has not named it before. */
enum trust_err trust_registry_replica_walk_to(
    struct trust_registry_replica *replica, enum trust_kind kind,
    const char *id, bool *absent, bool *first,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* A snapshot begins at no record: count one that was held when it is met. Its
 * digest is another matter. */
void trust_registry_replica_meet(
    struct trust_registry_replica *replica, enum trust_kind kind);
/* Remove what a snapshot has passed over: counted neither before nor after. */
enum trust_err trust_registry_replica_remove_passed(
    struct trust_registry_replica *replica, enum trust_kind kind,
    const char *id, struct trust_message *msg) TRUST_MUST_CHECK;
/* Before the change is over. */
void trust_registry_replica_end_walk(struct trust_registry_replica *replica);

/* The mark of a row; empty when there is none. `way` and `applied_at` may be
 * NULL. */
enum trust_err trust_registry_replica_get_mark(
    struct trust_registry_replica *replica,
    enum trust_registry_replica_which which,
    struct trust_notification_mark *out, enum trust_registry_replica_way *way,
    int64_t *applied_at, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
