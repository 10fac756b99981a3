/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry, changed: one change is one transaction.
 */
#include <string.h>

#include "registry_internal.h"

static enum trust_err
refuse(const struct trust_registry *registry, enum trust_err err,
    const char *why, struct trust_message *msg)
{
	return trust_err_set(msg, err, "%s: %s", registry->file.path, why);
}

enum trust_err
trust_registry_begin_any(
    struct trust_registry *registry, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	int64_t generation;

	if (registry->mode != TRUST_REGISTRY_WRITE)
		return refuse(registry, r, "opened for reading alone", msg);
	if (registry->change.open)
		return refuse(registry, r, "a change is under way", msg);
	r = trust_registry_file_exec(&registry->file,
	    registry->statements[TRUST_REGISTRY_BEGIN_WRITE], msg);
	if (r != TRUST_OK)
		return r;
	registry->change = (struct trust_registry_change){.open = true};
	r = trust_registry_get_meta(
	    registry, TRUST_REGISTRY_META_GENERATION, &generation, msg);
	if (r != TRUST_OK) {
		trust_registry_rollback(registry);
		return r;
	}
	registry->change.generation = generation + 1;
	return TRUST_OK;
}

enum trust_err
trust_registry_begin(struct trust_registry *registry, struct trust_message *msg)
{
	if (registry->role == TRUST_REGISTRY_REPLICA) {
		return refuse(registry, TRUST_ERR_REPLICA,
		    "replica, written by sync alone; edit the origin", msg);
	}
	return trust_registry_begin_any(registry, msg);
}

/*
 * SQLite ends a transaction by itself when the disk is full: what came after
 * it would be committed line by line.
 */
static enum trust_err
check_open(const struct trust_registry *registry, struct trust_message *msg)
{
	if (!registry->change.open)
		return refuse(registry, TRUST_ERR_INTERNAL,
		    "no change is under way", msg);
	if (registry->change.failed != TRUST_OK)
		return refuse(registry, registry->change.failed,
		    "a step of this change has failed", msg);
	if (sqlite3_get_autocommit(registry->file.db))
		return refuse(registry, TRUST_ERR_IO,
		    "this change was undone by SQLite", msg);
	return TRUST_OK;
}

/* Find what stands in the place of a record; the caller resets the
 * statement. */
static enum trust_err
find_former(struct trust_registry *registry, enum trust_kind kind,
    const char *id, struct trust_registry_former *former,
    struct trust_message *msg)
{
	sqlite3_stmt *find = registry->statements[TRUST_REGISTRY_FIND_FORMER];
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span sent;

	r = trust_registry_bind_record(registry, find, kind, id, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_step(
	    &registry->file, find, &former->found, msg);
	if (r != TRUST_OK || !former->found)
		return r;
	/* One that is none is not known: the state will not come out right. */
	sent = trust_registry_file_get0_bytes(find, 1);
	if (sent.len == sizeof(former->sent.b))
		memcpy(former->sent.b, sent.p, sent.len);
	return TRUST_OK;
}

/* What was found goes: a device gives up its claims. */
static enum trust_err
displace(struct trust_registry *registry, enum trust_kind kind, const char *id,
    struct trust_registry_former *former, struct trust_message *msg)
{
	sqlite3_stmt *find = registry->statements[TRUST_REGISTRY_FIND_FORMER];
	enum trust_err r = TRUST_OK;

	if (former->found && kind == TRUST_KIND_DEVICE)
		r = trust_registry_parse(registry, kind, id,
		    trust_registry_file_get0_bytes(find, 0), &former->device,
		    msg);
	/* Nobody asks what it claimed. */
	if (r == TRUST_ERR_DAMAGED && registry->change.reindexes)
		r = TRUST_OK;
	/* Before a write to its table: it would save its place. */
	trust_registry_file_reset(find);
	if (r != TRUST_OK || former->device == NULL)
		return r;
	return trust_registry_unclaim_all(registry, former->device, msg);
}

/* Whether the line is what was found. */
static bool
is_found(const struct trust_registry *registry, struct trust_span line,
    const struct trust_registry_former *former)
{
	struct trust_span found = {0};

	if (former->found)
		found = trust_registry_file_get0_bytes(
		    registry->statements[TRUST_REGISTRY_FIND_FORMER], 0);
	return former->found && found.len == line.len &&
	       memcmp(found.p, line.p, line.len) == 0;
}

/* Note that a record was touched, as long as the list of them is of use. */
static enum trust_err
touch(struct trust_registry *registry, enum trust_kind kind, const char *id,
    int n_added, struct trust_message *msg)
{
	sqlite3_stmt *add = registry->statements[TRUST_REGISTRY_ADD_CHANGE];
	struct trust_registry_change *change = &registry->change;

	change->n_touched++;
	change->n_added[kind] += n_added;
	if (change->n_touched > TRUST_REGISTRY_CHANGES_MAX)
		return TRUST_OK;
	if (sqlite3_bind_int64(add, 1, change->generation) != SQLITE_OK ||
	    sqlite3_bind_int(add, 2, (int)kind) != SQLITE_OK ||
	    sqlite3_bind_text(add, 3, id, -1, SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return trust_registry_file_exec(&registry->file, add, msg);
}

static enum trust_err
bind_sent(const struct trust_registry *registry, sqlite3_stmt *statement,
    const struct trust_thumbprint *sent, struct trust_message *msg)
{
	if (sent != NULL && sqlite3_bind_blob(statement, 4, sent->b,
				sizeof(sent->b), SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return TRUST_OK;
}

static enum trust_err
store(struct trust_registry *registry, const struct trust_record *record,
    struct trust_span line, const struct trust_thumbprint *sent,
    struct trust_message *msg)
{
	sqlite3_stmt *put = registry->statements[TRUST_REGISTRY_PUT];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_bind_record(
	    registry, put, record->kind, record->id, msg);
	if (r != TRUST_OK)
		return r;
	r = bind_sent(registry, put, sent, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_blob64(put, 3, line.p, line.len, SQLITE_STATIC) !=
	    SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return trust_registry_file_exec(&registry->file, put, msg);
}

/* Put the line in the place of what was found. */
static enum trust_err
replace(struct trust_registry *registry, const struct trust_record *record,
    struct trust_span line, const struct trust_thumbprint *sent,
    int64_t line_number, struct trust_registry_former *former,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = displace(registry, record->kind, record->id, former, msg);
	if (r != TRUST_OK)
		return r;
	r = store(registry, record, line, sent, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_claim_all(registry, record, line_number, msg);
	if (r != TRUST_OK)
		return r;
	return touch(
	    registry, record->kind, record->id, former->found ? 0 : 1, msg);
}

static enum trust_err
add(struct trust_registry *registry, const struct trust_record *record,
    const struct trust_thumbprint *sent, struct trust_message *msg)
{
	struct trust_registry_former former = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	registry->line.len = 0;
	r = trust_record_encode(record, &registry->line);
	if (r != TRUST_OK)
		return r;
	return replace(registry, record, trust_buf_get0(&registry->line), sent,
	    0, &former, msg);
}

enum trust_err
trust_registry_add_sent(struct trust_registry *registry,
    const struct trust_record *record, const struct trust_thumbprint *sent,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = check_open(registry, msg);
	if (r != TRUST_OK)
		return r;
	r = add(registry, record, sent, msg);
	registry->change.failed = r;
	return r;
}

static enum trust_err
put(struct trust_registry *registry, const struct trust_record *record,
    const struct trust_thumbprint *sent, int64_t line_number,
    struct trust_registry_former *former, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span line;

	r = find_former(registry, record->kind, record->id, former, msg);
	if (r != TRUST_OK)
		return r;
	/* By the line itself: a digest beside it does not tell of damage. */
	registry->line.len = 0;
	r = trust_record_encode(record, &registry->line);
	if (r != TRUST_OK)
		return r;
	line = trust_buf_get0(&registry->line);
	former->same = is_found(registry, line, former);
	if (!former->same)
		return replace(
		    registry, record, line, sent, line_number, former, msg);
	if (sent == NULL || trust_thumbprint_equal(sent, &former->sent))
		return TRUST_OK;
	/* The same record, sent in another form. */
	return store(registry, record, line, sent, msg);
}

enum trust_err
trust_registry_put_sent(struct trust_registry *registry,
    const struct trust_record *record, const struct trust_thumbprint *sent,
    int64_t line, struct trust_registry_former *former,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	*former = (struct trust_registry_former){0};
	r = check_open(registry, msg);
	if (r != TRUST_OK)
		return r;
	r = put(registry, record, sent, line, former, msg);
	trust_registry_file_reset(
	    registry->statements[TRUST_REGISTRY_FIND_FORMER]);
	registry->change.failed = r;
	return r;
}

enum trust_err
trust_registry_put(struct trust_registry *registry,
    const struct trust_record *record, int64_t line, struct trust_message *msg)
{
	struct trust_registry_former former;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (record->kind == TRUST_KIND_ANCHOR) {
		r = trust_registry_check_anchor(registry, record, msg);
		if (r != TRUST_OK) {
			registry->change.failed = r;
			return r;
		}
	}
	r = trust_registry_put_sent(registry, record, NULL, line, &former, msg);
	trust_record_free(former.device);
	return r;
}

static enum trust_err
remove_record(struct trust_registry *registry, enum trust_kind kind,
    const char *id, struct trust_registry_former *former,
    struct trust_message *msg)
{
	sqlite3_stmt *statement = registry->statements[TRUST_REGISTRY_REMOVE];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = find_former(registry, kind, id, former, msg);
	if (r != TRUST_OK)
		return r;
	if (!former->found)
		return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "there is no %s %s", trust_kind_name(kind), id);
	r = displace(registry, kind, id, former, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_bind_record(registry, statement, kind, id, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_exec(&registry->file, statement, msg);
	if (r != TRUST_OK)
		return r;
	return touch(registry, kind, id, -1, msg);
}

enum trust_err
trust_registry_remove_sent(struct trust_registry *registry,
    enum trust_kind kind, const char *id, struct trust_registry_former *former,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	*former = (struct trust_registry_former){0};
	r = check_open(registry, msg);
	if (r != TRUST_OK)
		return r;
	r = remove_record(registry, kind, id, former, msg);
	trust_registry_file_reset(
	    registry->statements[TRUST_REGISTRY_FIND_FORMER]);
	if (r != TRUST_ERR_NOT_FOUND)
		registry->change.failed = r;
	return r;
}

enum trust_err
trust_registry_remove(struct trust_registry *registry, enum trust_kind kind,
    const char *id, struct trust_message *msg)
{
	struct trust_registry_former former;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_remove_sent(registry, kind, id, &former, msg);
	trust_record_free(former.device);
	return r;
}

static enum trust_err
set_meta(struct trust_registry *registry, const char *key, int64_t value,
    struct trust_message *msg)
{
	sqlite3_stmt *set = registry->statements[TRUST_REGISTRY_SET_META];

	if (sqlite3_bind_text(set, 1, key, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_int64(set, 2, value) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return trust_registry_file_exec(&registry->file, set, msg);
}

static enum trust_err
add_count(struct trust_registry *registry, int kind, int64_t n,
    struct trust_message *msg)
{
	sqlite3_stmt *add = registry->statements[TRUST_REGISTRY_ADD_COUNT];

	if (sqlite3_bind_int(add, 1, kind) != SQLITE_OK ||
	    sqlite3_bind_int64(add, 2, n) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return trust_registry_file_exec(&registry->file, add, msg);
}

static enum trust_err
add_counts(struct trust_registry *registry, struct trust_message *msg)
{
	const int64_t *n_added = registry->change.n_added;
	enum trust_err r = TRUST_OK;

	for (int kind = TRUST_KIND_FIRST; kind <= TRUST_KIND_LAST; kind++) {
		if (r == TRUST_OK && n_added[kind] != 0)
			r = add_count(registry, kind, n_added[kind], msg);
	}
	return r;
}

enum trust_err
trust_registry_clear_counts(
    struct trust_registry *registry, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_exec(&registry->file,
	    registry->statements[TRUST_REGISTRY_CLEAR_COUNTS], msg);
	for (int kind = TRUST_KIND_FIRST; kind <= TRUST_KIND_LAST; kind++) {
		if (r == TRUST_OK)
			r = add_count(registry, kind, 0, msg);
	}
	return r;
}

/* Too much has changed to be listed: forget the list. */
static enum trust_err
clear_changes(struct trust_registry *registry, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_exec(&registry->file,
	    registry->statements[TRUST_REGISTRY_CLEAR_CHANGES], msg);
	if (r != TRUST_OK)
		return r;
	return set_meta(registry, TRUST_REGISTRY_META_CHANGES_AFTER,
	    registry->change.generation, msg);
}

/* Bind the rows to keep, and step. */
static enum trust_err
step_kept(struct trust_registry *registry, sqlite3_stmt *statement, bool *row,
    struct trust_message *msg)
{
	if (sqlite3_bind_int(statement, 1, TRUST_REGISTRY_CHANGES_MAX) !=
	    SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return trust_registry_file_step(&registry->file, statement, row, msg);
}

/* Drop the oldest of the list, and note since when it is complete. */
static enum trust_err
trim_changes(struct trust_registry *registry, struct trust_message *msg)
{
	sqlite3_stmt *last = registry->statements[TRUST_REGISTRY_LAST_DROPPED];
	sqlite3_stmt *drop = registry->statements[TRUST_REGISTRY_DROP_CHANGES];
	enum trust_err r = TRUST_ERR_INTERNAL;
	int64_t generation;
	bool row = false;

	r = step_kept(registry, last, &row, msg);
	generation = r == TRUST_OK && row ? sqlite3_column_int64(last, 0) : 0;
	trust_registry_file_reset(last);
	if (r != TRUST_OK || !row)
		return r;
	r = step_kept(registry, drop, &row, msg);
	trust_registry_file_reset(drop);
	if (r != TRUST_OK)
		return r;
	return set_meta(
	    registry, TRUST_REGISTRY_META_CHANGES_AFTER, generation, msg);
}

static enum trust_err
complete(struct trust_registry *registry, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_check_claims(registry, msg);
	if (r != TRUST_OK)
		return r;
	if (registry->change.n_touched > TRUST_REGISTRY_CHANGES_MAX)
		r = clear_changes(registry, msg);
	else
		r = trim_changes(registry, msg);
	if (r != TRUST_OK)
		return r;
	return set_meta(registry, TRUST_REGISTRY_META_GENERATION,
	    registry->change.generation, msg);
}

/*
 * Bring a large WAL into the database and cut it, if nobody is in the way; if
 * somebody is, a later commit does it. Most is done before writers are shut
 * out, which cutting it takes.
 */
void
trust_registry_checkpoint(struct trust_registry *registry)
{
	sqlite3 *db = registry->file.db;

	(void)sqlite3_busy_timeout(db, 0);
	(void)sqlite3_wal_checkpoint_v2(
	    db, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	(void)sqlite3_wal_checkpoint_v2(
	    db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	(void)sqlite3_busy_timeout(db, TRUST_REGISTRY_FILE_BUSY_MS);
}

enum trust_err
trust_registry_commit(
    struct trust_registry *registry, struct trust_message *msg)
{
	struct trust_registry_change *change = &registry->change;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = check_open(registry, msg);
	if (r != TRUST_OK)
		goto out;
	/* A change that touched no record may have counted them anew. */
	r = add_counts(registry, msg);
	if (r != TRUST_OK)
		goto out;
	if (change->n_touched > 0) {
		r = complete(registry, msg);
		if (r != TRUST_OK)
			goto out;
	}
	r = trust_registry_file_exec(
	    &registry->file, registry->statements[TRUST_REGISTRY_END], msg);
	if (r != TRUST_OK)
		goto out;
	if (change->n_touched > 0)
		registry->generation = change->generation;
	if (change->n_touched > TRUST_REGISTRY_CHANGES_MAX)
		trust_registry_checkpoint(registry);
	r = TRUST_OK;
out:
	trust_registry_rollback(registry);
	return r;
}

void
trust_registry_rollback(struct trust_registry *registry)
{
	if (!registry->change.open)
		return;
	/* A rollback that fails leaves nothing committed, either. */
	if (!sqlite3_get_autocommit(registry->file.db))
		(void)!trust_registry_file_exec(&registry->file,
		    registry->statements[TRUST_REGISTRY_ROLLBACK], NULL);
	registry->change = (struct trust_registry_change){0};
}
