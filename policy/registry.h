/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device registry: a SQLite file (WAL, synchronous FULL), written by one
 * at a time, read by any number meanwhile. Records are kept as their
 * canonical lines; thumbprints, pins and PSK identities are indexed beside
 * them.
 */
#ifndef TRUST_REGISTRY_H
#define TRUST_REGISTRY_H

#include <openssl/x509.h>

#include "record.h"

/* An open registry, for one thread at a time. Threads, and processes, have one
 * each. */
struct trust_registry;

enum trust_registry_role {
	TRUST_REGISTRY_ORIGIN = 1,  /* administered here */
	TRUST_REGISTRY_REPLICA = 2, /* written by sync alone */
};

enum trust_registry_mode {
	TRUST_REGISTRY_READ,
	TRUST_REGISTRY_WRITE,
};

struct trust_registry_info {
	enum trust_registry_role role;
	int64_t n_records[TRUST_KIND_LAST + 1]; /* by enum trust_kind */
	int64_t generation; /* the number of the last change */
};

/* Make an empty registry. TRUST_ERR_CONFLICT when the path is taken: nothing
 * that exists is ever overwritten. */
enum trust_err trust_registry_create(const char *path,
    enum trust_registry_role role, struct trust_message *msg) TRUST_MUST_CHECK;
/* The same for an origin that says of itself that it is for development, where
 * anchors may be trusted whose keys are anybody's. Gateways are not told. */
enum trust_err trust_registry_create_development(
    const char *path, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Open one. Older ones are brought to the present schema when opened for
 * writing, and read as they are otherwise where that is possible.
 * TRUST_ERR_NOT_FOUND: no such file. TRUST_ERR_FOREIGN: something else, or
 * newer than this program. TRUST_ERR_DAMAGED: a registry, but broken. The
 * message names the file and what to do.
 */
enum trust_err trust_registry_open(const char *path,
    enum trust_registry_mode mode, struct trust_registry **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_registry_close(struct trust_registry *registry);

/* The path it was opened by; borrowed. */
const char *trust_registry_get0_path(const struct trust_registry *registry);

enum trust_err trust_registry_get_info(struct trust_registry *registry,
    struct trust_registry_info *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether it was made for development. */
enum trust_err trust_registry_is_development(struct trust_registry *registry,
    bool *out, struct trust_message *msg) TRUST_MUST_CHECK;

/* How fresh a replica is: of the notification whose state it holds in full.
 * Zeroed memory is a replica that holds none yet. */
struct trust_registry_held {
	int64_t serial;
	int64_t this_update;
	int64_t next_update;
};

/* Zero for an origin, which is as fresh as it gets. */
enum trust_err trust_registry_get_held(struct trust_registry *registry,
    struct trust_registry_held *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- Reading ---- */

/*
 * Between begin and end, everything read comes from one state of the
 * registry. Does not block and is not blocked by a writer. Not nested.
 */
enum trust_err trust_registry_begin_read(struct trust_registry *registry,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_registry_end_read(struct trust_registry *registry);

/* TRUST_ERR_NOT_FOUND (without a message) when there is none. The caller
 * frees the record. */
enum trust_err trust_registry_find(struct trust_registry *registry,
    enum trust_kind kind, const char *id, struct trust_record **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The device with this thumbprint, primary or secondary. */
enum trust_err trust_registry_find_thumbprint(struct trust_registry *registry,
    const struct trust_thumbprint *thumbprint, struct trust_record **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The device with this key pin. */
enum trust_err trust_registry_find_pin(struct trust_registry *registry,
    const struct trust_thumbprint *pin, struct trust_record **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The device of type psk with this identity. */
enum trust_err trust_registry_find_identity(struct trust_registry *registry,
    const char *identity, struct trust_record **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Called for each record with its canonical line, in the order of ids. What
 * is not TRUST_OK ends the walk and is returned. Who wants the record parses
 * the line with trust_registry_parse. */
typedef enum trust_err trust_registry_visit(
    void *arg, const char *id, struct trust_span line);
enum trust_err trust_registry_list(struct trust_registry *registry,
    enum trust_kind kind, trust_registry_visit *visit, void *arg,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The same for the one with this id, if there is one. */
enum trust_err trust_registry_list_one(struct trust_registry *registry,
    enum trust_kind kind, const char *id, trust_registry_visit *visit,
    void *arg, struct trust_message *msg) TRUST_MUST_CHECK;

/* The same for the first `max` whose ids come after `after`. */
enum trust_err trust_registry_list_after(struct trust_registry *registry,
    enum trust_kind kind, const char *after, size_t max,
    trust_registry_visit *visit, void *arg,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The scopes of which this origin has been published, in the order of their
 * ids; a visit gets the id alone. */
enum trust_err trust_registry_list_scopes(struct trust_registry *registry,
    trust_registry_visit *visit, void *arg,
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Parse a line that came out of the registry, where only good ones go in, as
 * trust_record_parse_stored does: TRUST_ERR_DAMAGED when it is none, or another
 * record than the one that the registry has it for.
 */
enum trust_err trust_registry_parse(const struct trust_registry *registry,
    enum trust_kind kind, const char *id, struct trust_span line,
    struct trust_record **out, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * The number of the last change. Costs some microseconds while nobody wrote:
 * SQLite locks the file and unlocks it.
 */
enum trust_err trust_registry_get_generation(struct trust_registry *registry,
    int64_t *generation, struct trust_message *msg) TRUST_MUST_CHECK;
/* Another number for each state of the file that others have written, records
 * or not, as of the last time that the generation was asked for. */
int64_t trust_registry_get_version(const struct trust_registry *registry);

/*
 * What changed after generation `since`: `visit` for each record touched,
 * with its kind and id, the last one first; one may come more than once.
 * TRUST_ERR_NOT_FOUND when that is too long ago or too much
 * (TRUST_REGISTRY_CHANGES_MAX records): count everything as changed.
 */
#define TRUST_REGISTRY_CHANGES_MAX 10000
typedef void trust_registry_changed(
    void *arg, enum trust_kind kind, const char *id);
enum trust_err trust_registry_changes(struct trust_registry *registry,
    int64_t since, trust_registry_changed *visit, void *arg,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- Writing ---- */

/*
 * One change: begin, any number of put and remove, then commit, or rollback.
 * All or nothing; memory does not grow with it. TRUST_ERR_REPLICA: sync alone
 * writes there. TRUST_ERR_BUSY: another writer kept the lock for 10 s.
 */
enum trust_err trust_registry_begin(struct trust_registry *registry,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Add or replace. `line` is the number in the source, for messages; 0: none.
 * TRUST_ERR_CONFLICT: a thumbprint or pin stands twice in the record.
 * TRUST_ERR_INPUT: an anchor that stands for a signer of this registry. */
enum trust_err trust_registry_put(struct trust_registry *registry,
    const struct trust_record *record, int64_t line,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* TRUST_ERR_NOT_FOUND when there is none. */
enum trust_err trust_registry_remove(struct trust_registry *registry,
    enum trust_kind kind, const char *id,
    struct trust_message *msg) TRUST_MUST_CHECK;
/*
 * Judge the state after the whole change: TRUST_ERR_CONFLICT when two devices
 * claim one thumbprint, pin or identity; the message names both. Then make it
 * durable. After an error nothing has changed, and the change is over. Once a
 * put or a remove has failed (other than for TRUST_ERR_NOT_FOUND), so does the
 * commit.
 */
enum trust_err trust_registry_commit(struct trust_registry *registry,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_registry_rollback(struct trust_registry *registry);

/*
 * Note who signs a scope of this origin, instead of who did; outside of a
 * change. TRUST_ERR_INPUT: an anchor of the registry has a signer's key, or
 * has issued one. From then on trust_registry_put refuses such an anchor.
 */
enum trust_err trust_registry_note_signers(struct trust_registry *registry,
    const char *scope, X509 *const *v, size_t n,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Bring what was written lately from SQLite's log into the file, so that no
 * other writer has to. Nobody waits for it, and nothing needs it. */
void trust_registry_checkpoint(struct trust_registry *registry);

#endif
