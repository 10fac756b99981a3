/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the gate share. Not for others.
 */
#ifndef TRUST_GATE_INTERNAL_H
#define TRUST_GATE_INTERNAL_H

#include <sys/types.h>

/* Without memory an entry is not added. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "cache.h"
#include "gate.h"
#include "pool.h"
#include "seen.h"
#include "sets.h"

/* Which file is open: a path may lead to another one tomorrow. */
struct file_id {
	dev_t device;
	ino_t inode;
};

/* The rules of the client that was away and asked about last: one retained
 * message after the other is from the same. Zeroed memory is none. */
struct trust_gate_absent {
	char device[TRUST_ID_MAX + 1];
	char client_id[TRUST_CLIENT_MAX + 1];
	struct trust_access *access; /* counted */
	uint64_t epoch;              /* of the gate, when it was asked about */
	uint64_t blocks;             /* likewise */
	int64_t generation;          /* of the registry, likewise */
};

struct trust_gate_opened; /* gate_keys.c */

/* Pre-shared keys. Zeroed memory knows none. */
struct trust_gate_keys {
	struct trust_gate_opened *opened; /* owned */
	/* Of the gateway's record, and fit for its key; else NULL, and then
	 * `trouble` says why. As of this state of the registry. */
	X509 *certificate;
	struct trust_message trouble;
	struct trust_message told; /* of trouble, last; "": none */
	uint64_t epoch;
	int64_t generation;
};

struct trust_gate {
	struct trust_gate_config config;
	struct trust_registry *registry; /* NULL: missing */
	struct file_id file;
	uint64_t epoch; /* counts registries opened: each has generations of
			 * its own */
	bool is_replica;
	struct trust_registry_held held; /* as of held_version */
	int64_t held_version;            /* of the registry */
	/* NULL: there is none, which is trouble if it is to be kept. */
	struct trust_local *local;
	struct trust_message local_trouble; /* as told last; "": none */
	int64_t floor;      /* the time floor; 0 without local */
	uint64_t blocks;    /* counts changes of who is blocked */
	int64_t generation; /* of the registry, when it was asked last */
	struct trust_sets *sets;
	int64_t sets_generation; /* up to which the sets are current */
	uint64_t sets_serial;    /* counts loads of the sets */
	int64_t told_generation; /* up to which trust_gate_follow told */
	bool bundle_told;        /* as the anchors are, as far as is known */
	bool reopened;           /* since trust_gate_follow was asked last */
	struct trust_gate_absent absent;
	/* Reads failed since the last one that did not: who was decided then
	 * was refused for that alone. */
	bool unread;
	bool told_unread;       /* everybody was told of it */
	int64_t bad_generation; /* whose sets do not parse; -1: none */
	/* Since then, by loads of the sets. */
	struct trust_grounds moved;
	bool all_moved; /* or so much that it cannot be told */
	/* Devices to tell of, the last one first: ids, a NUL after each. */
	struct trust_buf touched;
	struct trust_gate_moved *ledger; /* gate_ledger.c; owned */
	/* What rests on older sets than these counts as moved. */
	uint64_t ledger_from;
	struct trust_cache *cache;
	struct trust_pool *pool;
	struct trust_gate_keys keys;
	uint64_t hits, misses;
	uint64_t chains_built;
	struct trust_gate_pending *pending; /* gate_seen.c */
	int64_t store_at;                   /* when pending is to be stored */
	struct trust_gate_late_crl *late_crls;  /* gate_crl.c; owned */
	size_t n_crls[TRUST_GATE_N_CRL_STATES]; /* at the last look */
	char complaint[TRUST_MESSAGE_MAX];      /* the last one logged */
};

/* Open what the path leads to. TRUST_ERR_NOT_FOUND: it leads nowhere. */
enum trust_err trust_gate_open_registry(
    struct trust_gate *gate, struct trust_message *msg) TRUST_MUST_CHECK;
/* Forget the rules of who is away. */
void trust_gate_forget_absent(struct trust_gate *gate);
/* Forget which CRLs were told to be late. */
void trust_gate_forget_late_crls(struct trust_gate *gate);
/* Let go of the registry and all that rests on it. */
void trust_gate_forget_registry(struct trust_gate *gate);
/* Whether the path leads to the file that is open. */
bool trust_gate_is_same_file(const struct trust_gate *gate);

/* What is not told yet will not be: nobody rests on it any more. */
void trust_gate_forget_news(struct trust_gate *gate);

/* Log a trouble, once for each new one: a tick comes ten times a second. */
void trust_gate_complain(
    struct trust_gate *gate, const struct trust_message *msg);

/* What a decision at this time finds; `live`: about who is connected. */
enum trust_registry_state trust_gate_state(
    const struct trust_gate *gate, int64_t now, bool live);
/* Read what the registry that has just been opened is. */
enum trust_err trust_gate_read_role(
    struct trust_gate *gate, struct trust_message *msg) TRUST_MUST_CHECK;
/* Read how fresh the registry is, if that can have changed since its
 * generation was asked for last, and the time floor. */
enum trust_err trust_gate_read_age(
    struct trust_gate *gate, struct trust_message *msg) TRUST_MUST_CHECK;

/* Ask the registry for its generation. */
enum trust_err trust_gate_ask_generation(
    struct trust_gate *gate, struct trust_message *msg) TRUST_MUST_CHECK;

/* Begin a read of the registry, with the generation and the sets as this state
 * of it has them. The caller ends it with trust_registry_end_read. */
enum trust_err trust_gate_begin_read(
    struct trust_gate *gate, struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- Chains that stand: gate_ledger.c ---- */

/* With the sets that have just been taken paths moved on these grounds. */
void trust_gate_note_paths(
    struct trust_gate *gate, const struct trust_grounds *paths);
/* All may have moved. */
void trust_gate_forget_ledger(struct trust_gate *gate);
/* Whether nothing that the admission's chains rest on has moved since. Time
 * is another matter. */
bool trust_gate_chains_stand(
    const struct trust_gate *gate, const struct trust_admission *admission);

/* The one place where an error becomes a denial. */
void trust_gate_deny_error(struct trust_verdict *verdict, enum trust_err r,
    const struct trust_message *msg);

/* ---- Topics: gate_access.c ---- */

/* The roles of a verdict as they are, and what their placeholders stand for.
 * The arrays are owned, what they point to is the verdict's, the sets' or
 * static. */
struct trust_gate_roles {
	struct trust_role_values values;
	const struct trust_role **v; /* NULL for one that does not exist */
	const char **names;
	size_t n;
};

/* The caller clears `out` when that is well. */
enum trust_err trust_gate_find_roles(const struct trust_gate *gate,
    const struct trust_verdict *verdict, const char *client_id,
    struct trust_gate_roles *out) TRUST_MUST_CHECK;
void trust_gate_roles_clear(struct trust_gate_roles *roles);

/* What is known of a device by its name alone. */
struct trust_absentee {
	struct trust_record *record;        /* owned; NULL: no record */
	bool blocked;                       /* at this gateway */
	char group[TRUST_ID_MAX + 1];       /* "" without one */
	const struct trust_sets_group *set; /* of the group, or NULL */
};

/* TRUST_ERR_NOT_FOUND: neither registered nor seen here. Within a read; the
 * caller frees the record in any case. */
enum trust_err trust_gate_find_absentee(struct trust_gate *gate,
    const char *device, struct trust_absentee *out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Whether it would be let in, as far as its name can tell; else `reason` says
 * what it would be refused for, unless that is NULL. */
bool trust_gate_absentee_may_return(
    const struct trust_absentee *a, enum trust_reason *reason);
bool trust_gate_absentee_owns_client_id(
    const struct trust_absentee *a, const char *device, const char *client_id);
/* Its names and roles, into a zeroed verdict that the caller clears. */
enum trust_err trust_gate_describe_absentee(const struct trust_absentee *a,
    const char *device, struct trust_verdict *verdict) TRUST_MUST_CHECK;

/* ---- REGISTRY.local: gate_local.c ---- */

/* Open it, as trust_local_open does; make it where it is to be kept. */
enum trust_err trust_gate_open_local(
    struct trust_gate *gate, struct trust_message *msg) TRUST_MUST_CHECK;
/* Open it where that failed, see whether it is in its place, and tell of what
 * is wrong with it. */
void trust_gate_follow_local(struct trust_gate *gate);
/* Whether there is one to write to. */
bool trust_gate_keeps_local(const struct trust_gate *gate);
/* TRUST_ERR_IO: it has to be there, and is not: nobody is let in. */
enum trust_err trust_gate_want_local(
    const struct trust_gate *gate, struct trust_message *msg) TRUST_MUST_CHECK;
/* The same to write to. */
enum trust_err trust_gate_want_local_to_write(
    const struct trust_gate *gate, struct trust_message *msg) TRUST_MUST_CHECK;
/* Whether a device is blocked here. An error is no answer. */
enum trust_err trust_gate_find_block(struct trust_gate *gate,
    const char *device, bool *blocked,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Its part of the status; and the step that says that it was looked at, which
 * is none where there is no such file. */
void trust_gate_describe_local(
    struct trust_gate *gate, struct trust_gate_status *out);
void trust_gate_tell_local(struct trust_gate *gate, struct trust_steps *steps);

/* ---- Pre-shared keys: gate_keys.c, gate_psk.c ---- */

/* Open a device's key, within a read. The caller clears it. */
enum trust_err trust_gate_open_key(struct trust_gate *gate,
    const struct trust_record *device, struct trust_secret *key,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Look at the gateway's record, if the registry moved since, as its generation
 * was asked for last, and tell of what is wrong with it. */
void trust_gate_follow_keys(struct trust_gate *gate);
/* Wipe all that were opened. */
void trust_gate_forget_keys(struct trust_gate *gate);
/* As trust_gate_review, of an admission with an identity. */
void trust_gate_review_psk(struct trust_gate *gate,
    struct trust_admission *admission, int64_t now, bool live,
    struct trust_admission **fresh, struct trust_verdict *verdict);
/* Whether nothing that an admission rests on can have moved. */
bool trust_gate_is_current(struct trust_gate *gate,
    const struct trust_admission *admission, int64_t clock, bool live);
/* Note the state of the gate that an admission was reached in. */
void trust_gate_date(
    const struct trust_gate *gate, struct trust_admission *admission);

/* Store some of what trust_gate_note_seen was told. Whether there is more. */
bool trust_gate_store_some_seen(struct trust_gate *gate);

#endif
