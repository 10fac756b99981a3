/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of a replica: opened, and what it keeps of sync.
 */
#include <stdlib.h>
#include <string.h>

#include "registry_replica_internal.h"

/*
 * It lives in the broker's process, and does with less memory than a tool.
 *
 * passed   what is held, and a snapshot has passed over
 * touched  what a change has put or removed and the guard against mass
 *          removals has to look at
 */
static const char setup[] =
    "PRAGMA cache_size = -12288;"
    "CREATE TEMP TABLE passed(kind INTEGER, id TEXT, PRIMARY KEY(kind, id))"
    " WITHOUT ROWID;"
    "CREATE TEMP TABLE touched(kind INTEGER, id TEXT, PRIMARY KEY(kind, id))"
    " WITHOUT ROWID";

static const char *const sql[TRUST_REGISTRY_REPLICA_N_STATEMENTS] = {
    [TRUST_REGISTRY_REPLICA_GET_MARK] =
	"SELECT session, serial, this_update, next_update, records, state,"
	" parts, way, applied_at FROM replica WHERE which = ?1",
    [TRUST_REGISTRY_REPLICA_GET_NOTIFICATION] =
	"SELECT notification FROM replica WHERE which = ?1",
    [TRUST_REGISTRY_REPLICA_GET_REFUSALS] =
	"SELECT reason, n FROM replica_refusal",
    [TRUST_REGISTRY_REPLICA_PUT_NEWEST] =
	"INSERT OR REPLACE INTO replica"
	" VALUES(2, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9)",
    [TRUST_REGISTRY_REPLICA_SET_WAY] =
	"UPDATE replica SET way = ?1 WHERE which = 2",
    [TRUST_REGISTRY_REPLICA_RENEW] =
	"UPDATE replica SET (this_update, next_update, notification)"
	" = (SELECT this_update, next_update, notification"
	" FROM replica WHERE which = 2) WHERE which = 1",
    [TRUST_REGISTRY_REPLICA_HOLD] =
	"INSERT OR REPLACE INTO replica SELECT 1, session, serial,"
	" this_update, next_update, records, state, parts, 0, ?1, notification"
	" FROM replica WHERE which = 2",
    [TRUST_REGISTRY_REPLICA_ADD_REFUSED] =
	"INSERT INTO replica_refusal VALUES(?1, ?2)"
	" ON CONFLICT DO UPDATE SET n = n + excluded.n",
    [TRUST_REGISTRY_REPLICA_HAS_DEVICES] =
	"SELECT 1 FROM record WHERE kind = 1 LIMIT 1",
    /* What no record can be called. */
    [TRUST_REGISTRY_REPLICA_DROP_ODD] =
	"DELETE FROM record WHERE kind NOT BETWEEN 1 AND 7"
	" OR length(CAST(id AS BLOB)) NOT BETWEEN 1 AND 128"
	" OR length(CAST(id AS BLOB)) <> length(id)",
    [TRUST_REGISTRY_REPLICA_CLEAR_PASSED] = "DELETE FROM temp.passed",
    [TRUST_REGISTRY_REPLICA_WALK] =
	"SELECT kind, id, sent, line FROM record WHERE (kind, id) > (?1, ?2)"
	" ORDER BY kind, id",
    [TRUST_REGISTRY_REPLICA_PASS_OVER] =
	"INSERT INTO temp.passed SELECT kind, id FROM record"
	" WHERE (kind, id) > (?1, ?2) AND (kind, id) < (?3, ?4)"
	" ORDER BY kind, id",
    [TRUST_REGISTRY_REPLICA_TAKE_BACK] =
	"DELETE FROM temp.passed WHERE kind = ?1 AND id = ?2",
    [TRUST_REGISTRY_REPLICA_LIST_PASSED] =
	"SELECT kind, id FROM temp.passed ORDER BY kind, id",
    [TRUST_REGISTRY_REPLICA_CLEAR_TOUCHED] = "DELETE FROM temp.touched",
    [TRUST_REGISTRY_REPLICA_TOUCH] =
	"INSERT INTO temp.touched VALUES(?1, ?2) ON CONFLICT DO NOTHING",
    [TRUST_REGISTRY_REPLICA_LIST_TOUCHED] =
	"SELECT id FROM temp.touched WHERE kind = ?1",
    [TRUST_REGISTRY_REPLICA_LIST_UNTOUCHED_DEVICES] =
	"SELECT id, line FROM record AS r WHERE kind = 1"
	" AND NOT EXISTS (SELECT 1 FROM temp.touched AS t"
	" WHERE t.kind = 1 AND t.id = r.id)",
};

/* ---- Opening ---- */

static enum trust_err
check_role(
    const struct trust_registry_replica *replica, struct trust_message *msg)
{
	if (replica->registry->role == TRUST_REGISTRY_REPLICA)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_CONFLICT,
	    "%s: want a replica, got an origin, which no sync may write",
	    replica->registry->file.path);
}

static enum trust_err
prepare(
    struct trust_registry_replica *replica, size_t n, struct trust_message *msg)
{
	return trust_registry_file_prepare(
	    &replica->registry->file, sql, n, replica->statements, msg);
}

static enum trust_err
open_to_write(const char *path, struct trust_registry_replica *replica,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_open(
	    path, TRUST_REGISTRY_WRITE, &replica->registry, msg);
	if (r == TRUST_ERR_NOT_FOUND) {
		r = trust_registry_create(path, TRUST_REGISTRY_REPLICA, msg);
		if (r == TRUST_OK)
			r = trust_registry_open(path, TRUST_REGISTRY_WRITE,
			    &replica->registry, msg);
	}
	if (r == TRUST_OK)
		r = check_role(replica, msg);
	if (r == TRUST_OK)
		r = trust_registry_file_run(
		    &replica->registry->file, setup, msg);
	if (r != TRUST_OK)
		return r;
	return prepare(replica, TRUST_REGISTRY_REPLICA_N_STATEMENTS, msg);
}

static enum trust_err
open_to_read(const char *path, struct trust_registry_replica *replica,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_open(
	    path, TRUST_REGISTRY_READ, &replica->registry, msg);
	if (r == TRUST_OK)
		r = check_role(replica, msg);
	if (r != TRUST_OK)
		return r;
	return prepare(replica, TRUST_REGISTRY_REPLICA_N_READING, msg);
}

static enum trust_err
open_by(enum trust_err (*open_file)(const char *,
	    struct trust_registry_replica *, struct trust_message *),
    const char *path, struct trust_registry_replica **out,
    struct trust_message *msg)
{
	struct trust_registry_replica *replica = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	replica = calloc(1, sizeof(*replica));
	if (replica == NULL)
		return TRUST_ERR_NOMEM;
	replica->data_version = -1;
	r = open_file(path, replica, msg);
	if (r != TRUST_OK) {
		trust_registry_replica_close(replica);
		return r;
	}
	*out = replica;
	return TRUST_OK;
}

enum trust_err
trust_registry_replica_open(const char *path,
    struct trust_registry_replica **out, struct trust_message *msg)
{
	return open_by(open_to_write, path, out, msg);
}

enum trust_err
trust_registry_replica_open_read(const char *path,
    struct trust_registry_replica **out, struct trust_message *msg)
{
	return open_by(open_to_read, path, out, msg);
}

void
trust_registry_replica_close(struct trust_registry_replica *replica)
{
	if (replica == NULL)
		return;
	trust_registry_close(replica->registry);
	trust_buf_free(&replica->held_line);
	free(replica);
}

/* ---- What it keeps ---- */

static enum trust_err
read_digest(const struct trust_registry_replica *replica, sqlite3_stmt *row,
    int column, struct trust_thumbprint *out, struct trust_message *msg)
{
	struct trust_span bytes = trust_registry_file_get0_bytes(row, column);

	if (bytes.len != sizeof(out->b))
		return trust_registry_file_damaged(
		    &replica->registry->file, msg, "digest of a notification");
	memcpy(out->b, bytes.p, bytes.len);
	return TRUST_OK;
}

static enum trust_err
read_mark(const struct trust_registry_replica *replica, sqlite3_stmt *row,
    struct trust_notification_mark *out, struct trust_message *msg)
{
	struct trust_span session = trust_registry_file_get0_bytes(row, 0);
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (session.len != TRUST_SESSION_LEN)
		return trust_registry_file_damaged(
		    &replica->registry->file, msg, "session");
	memcpy(out->session, session.p, session.len);
	out->serial = sqlite3_column_int64(row, 1);
	out->this_update = sqlite3_column_int64(row, 2);
	out->next_update = sqlite3_column_int64(row, 3);
	out->n_records = sqlite3_column_int64(row, 4);
	if (out->serial < 1 || out->serial > TRUST_SERIAL_MAX ||
	    out->n_records < 0 || out->n_records > TRUST_RECORDS_MAX)
		return trust_registry_file_damaged(&replica->registry->file,
		    msg, "serial, or number of records");
	r = read_digest(replica, row, 5, &out->state, msg);
	if (r != TRUST_OK)
		return r;
	return read_digest(replica, row, 6, &out->parts, msg);
}

enum trust_err
trust_registry_replica_get_mark(struct trust_registry_replica *replica,
    enum trust_registry_replica_which which,
    struct trust_notification_mark *out, enum trust_registry_replica_way *way,
    int64_t *applied_at, struct trust_message *msg)
{
	sqlite3_stmt *get =
	    replica->statements[TRUST_REGISTRY_REPLICA_GET_MARK];
	const struct trust_registry_file *file = &replica->registry->file;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	*out = (struct trust_notification_mark){0};
	if (sqlite3_bind_int(get, 1, (int)which) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	r = trust_registry_file_step(file, get, &row, msg);
	if (r == TRUST_OK && row)
		r = read_mark(replica, get, out, msg);
	if (way != NULL)
		*way = (enum trust_registry_replica_way)(
		    row ? sqlite3_column_int(get, 7) : 0);
	if (applied_at != NULL)
		*applied_at = row ? sqlite3_column_int64(get, 8) : 0;
	trust_registry_file_reset(get);
	return r;
}

/* Reasons of a newer program are passed over. */
static enum trust_err
load_refusals(struct trust_registry_replica *replica,
    uint64_t refused[TRUST_N_SYNC_REASONS], struct trust_message *msg)
{
	sqlite3_stmt *get =
	    replica->statements[TRUST_REGISTRY_REPLICA_GET_REFUSALS];
	enum trust_err r = TRUST_ERR_INTERNAL;
	enum trust_sync_reason reason;
	const char *name;
	bool row;

	for (;;) {
		r = trust_registry_file_step(
		    &replica->registry->file, get, &row, msg);
		if (r != TRUST_OK || !row)
			break;
		name = (const char *)sqlite3_column_text(get, 0);
		if (name != NULL && trust_sync_reason_parse(name, &reason))
			refused[reason] =
			    (uint64_t)sqlite3_column_int64(get, 1);
	}
	trust_registry_file_reset(get);
	return r;
}

static enum trust_err
get_data_version(struct trust_registry_replica *replica, int64_t *out,
    struct trust_message *msg)
{
	struct trust_registry *registry = replica->registry;
	sqlite3_stmt *get = registry->statements[TRUST_REGISTRY_DATA_VERSION];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = trust_registry_file_step(&registry->file, get, &row, msg);
	*out = r == TRUST_OK && row ? sqlite3_column_int64(get, 0) : -1;
	trust_registry_file_reset(get);
	return r;
}

static enum trust_err
load(struct trust_registry_replica *replica,
    struct trust_registry_replica_state *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = (struct trust_registry_replica_state){0};
	r = trust_registry_replica_get_mark(replica,
	    TRUST_REGISTRY_REPLICA_HELD, &out->held, NULL, &out->applied_at,
	    msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_replica_get_mark(replica,
	    TRUST_REGISTRY_REPLICA_NEWEST, &out->newest, &out->way, NULL, msg);
	if (r != TRUST_OK)
		return r;
	return load_refusals(replica, out->refused, msg);
}

enum trust_err
trust_registry_replica_load(struct trust_registry_replica *replica,
    struct trust_registry_replica_state *out, bool *changed,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	int64_t data_version;

	*changed = false;
	r = get_data_version(replica, &data_version, msg);
	if (r != TRUST_OK || data_version == replica->data_version)
		return r;
	r = trust_registry_begin_read(replica->registry, msg);
	if (r != TRUST_OK)
		return r;
	/* Again, of the very state that is read. */
	r = get_data_version(replica, &data_version, msg);
	if (r == TRUST_OK)
		r = load(replica, out, msg);
	trust_registry_end_read(replica->registry);
	if (r != TRUST_OK)
		return r;
	replica->data_version = data_version;
	*changed = true;
	return TRUST_OK;
}

void
trust_registry_replica_unload(struct trust_registry_replica *replica)
{
	replica->data_version = -1;
}

enum trust_err
trust_registry_replica_get_newest(struct trust_registry_replica *replica,
    struct trust_buf *out, struct trust_message *msg)
{
	sqlite3_stmt *get =
	    replica->statements[TRUST_REGISTRY_REPLICA_GET_NOTIFICATION];
	const struct trust_registry_file *file = &replica->registry->file;
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span bytes;
	bool row;

	if (sqlite3_bind_int(get, 1, TRUST_REGISTRY_REPLICA_NEWEST) !=
	    SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	r = trust_registry_file_step(file, get, &row, msg);
	if (r == TRUST_OK && !row)
		r = TRUST_ERR_NOT_FOUND;
	if (r == TRUST_OK) {
		bytes = trust_registry_file_get0_bytes(get, 0);
		r = trust_buf_add(out, bytes.p, bytes.len);
	}
	trust_registry_file_reset(get);
	return r;
}

static bool
bind_mark(sqlite3_stmt *put, const struct trust_notification_mark *mark)
{
	return sqlite3_bind_text(put, 1, mark->session, -1, SQLITE_STATIC) ==
		   SQLITE_OK &&
	       sqlite3_bind_int64(put, 2, mark->serial) == SQLITE_OK &&
	       sqlite3_bind_int64(put, 3, mark->this_update) == SQLITE_OK &&
	       sqlite3_bind_int64(put, 4, mark->next_update) == SQLITE_OK &&
	       sqlite3_bind_int64(put, 5, mark->n_records) == SQLITE_OK &&
	       sqlite3_bind_blob(put, 6, mark->state.b, sizeof(mark->state.b),
		   SQLITE_STATIC) == SQLITE_OK &&
	       sqlite3_bind_blob(put, 7, mark->parts.b, sizeof(mark->parts.b),
		   SQLITE_STATIC) == SQLITE_OK;
}

enum trust_err
trust_registry_replica_accept(struct trust_registry_replica *replica,
    const struct trust_notification_mark *newest,
    enum trust_registry_replica_way way, struct trust_span notification,
    struct trust_message *msg)
{
	sqlite3_stmt *put =
	    replica->statements[TRUST_REGISTRY_REPLICA_PUT_NEWEST];
	const struct trust_registry_file *file = &replica->registry->file;

	if (!bind_mark(put, newest) ||
	    sqlite3_bind_int(put, 8, (int)way) != SQLITE_OK ||
	    sqlite3_bind_blob64(put, 9, notification.p, notification.len,
		SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	return trust_registry_file_exec(file, put, msg);
}

enum trust_err
trust_registry_replica_set_way(struct trust_registry_replica *replica,
    enum trust_registry_replica_way way, struct trust_message *msg)
{
	sqlite3_stmt *set = replica->statements[TRUST_REGISTRY_REPLICA_SET_WAY];
	const struct trust_registry_file *file = &replica->registry->file;

	if (sqlite3_bind_int(set, 1, (int)way) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	return trust_registry_file_exec(file, set, msg);
}

enum trust_err
trust_registry_replica_renew(
    struct trust_registry_replica *replica, struct trust_message *msg)
{
	return trust_registry_file_exec(&replica->registry->file,
	    replica->statements[TRUST_REGISTRY_REPLICA_RENEW], msg);
}

static enum trust_err
add_refused(struct trust_registry_replica *replica,
    const uint64_t refused[TRUST_N_SYNC_REASONS], struct trust_message *msg)
{
	sqlite3_stmt *add =
	    replica->statements[TRUST_REGISTRY_REPLICA_ADD_REFUSED];
	const struct trust_registry_file *file = &replica->registry->file;
	enum trust_err r = TRUST_OK;
	const char *name;

	for (int i = 0; r == TRUST_OK && i < TRUST_N_SYNC_REASONS; i++) {
		if (refused[i] == 0)
			continue;
		name = trust_sync_reason_name((enum trust_sync_reason)i);
		if (sqlite3_bind_text(add, 1, name, -1, SQLITE_STATIC) !=
			SQLITE_OK ||
		    sqlite3_bind_int64(add, 2, (int64_t)refused[i]) !=
			SQLITE_OK)
			return trust_registry_file_fail(file, msg);
		r = trust_registry_file_exec(file, add, msg);
	}
	return r;
}

enum trust_err
trust_registry_replica_add_refused(struct trust_registry_replica *replica,
    const uint64_t refused[TRUST_N_SYNC_REASONS], struct trust_message *msg)
{
	sqlite3_stmt *const *statements = replica->registry->statements;
	const struct trust_registry_file *file = &replica->registry->file;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_exec(
	    file, statements[TRUST_REGISTRY_BEGIN_WRITE], msg);
	if (r != TRUST_OK)
		return r;
	r = add_refused(replica, refused, msg);
	if (r == TRUST_OK)
		r = trust_registry_file_exec(
		    file, statements[TRUST_REGISTRY_END], msg);
	if (r != TRUST_OK && !sqlite3_get_autocommit(file->db))
		(void)!trust_registry_file_exec(
		    file, statements[TRUST_REGISTRY_ROLLBACK], NULL);
	return r;
}
