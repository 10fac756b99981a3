/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REGISTRY.local: what a gateway remembers by itself. A database of its own,
 * so that it never meets what sync writes.
 */
#include <stdlib.h>
#include <string.h>

#include "registry_draft.h"
#include "registry_local_internal.h"
#include "version.h"

/* "TrLo": what file(1) and we know it by. */
#define APPLICATION_ID 0x54724c6f

/* The broker waits for nobody: it alone writes here. */
#define LOCAL_BUSY_MS 100

/* Rows keep their seq, and go in its order: it has no holes. */
static const char schema_1[] =
    "PRAGMA application_id = 0x54724c6f;"
    "CREATE TABLE device(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " group_id TEXT NOT NULL) STRICT;"
    "CREATE TABLE bridge(seq INTEGER PRIMARY KEY,"
    " client_id TEXT NOT NULL UNIQUE) STRICT;"
    "PRAGMA user_version = 1";

static const char schema_2[] =
    "CREATE TABLE block(device TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"
    "CREATE TABLE floor(one INTEGER PRIMARY KEY CHECK (one = 1),"
    " time INTEGER NOT NULL) STRICT;"
    "PRAGMA user_version = 2";

/* Who came in, and with what; see struct trust_seen. */
static const char schema_3[] =
    "CREATE TABLE seen(seq INTEGER PRIMARY KEY, device TEXT NOT NULL UNIQUE,"
    " at INTEGER NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL,"
    " thumbprint BLOB NOT NULL, not_after INTEGER NOT NULL) STRICT;"
    "CREATE INDEX seen_by_end ON seen(not_after, device);"
    "PRAGMA user_version = 3";

/* The key of a device's first certificate, as SHA-256 of it. */
static const char schema_4[] =
    "CREATE TABLE pin(device TEXT PRIMARY KEY, key BLOB NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 4";

/* By which anchor it came. */
static const char schema_5[] =
    "ALTER TABLE seen ADD COLUMN anchor TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX seen_by_anchor ON seen(anchor, device) WHERE anchor <> '';"
    "PRAGMA user_version = 5";

/* The key that an enrollment is about to replace it with; what tokens were
 * used for: token.h. */
static const char schema_6[] =
    "ALTER TABLE pin ADD COLUMN next BLOB;"
    "CREATE TABLE token_use(token TEXT, secret BLOB, key BLOB,"
    " device TEXT NOT NULL, finished INTEGER NOT NULL,"
    " PRIMARY KEY(token, secret, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX token_use_open ON token_use(device, key)"
    " WHERE finished = 0;"
    "PRAGMA user_version = 6";

/* Certificates of servers that were shown here, as SHA-256; and whose memory
 * this is. */
static const char schema_7[] =
    "CREATE TABLE server(seq INTEGER PRIMARY KEY,"
    " thumbprint BLOB NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE gateway(one INTEGER PRIMARY KEY CHECK (one = 1),"
    " id TEXT NOT NULL) STRICT;"
    "PRAGMA user_version = 7";

/* The first that has a floor. */
#define FLOOR_SCHEMA 2

static const char *const migrations[] = {
    schema_1, schema_2, schema_3, schema_4, schema_5, schema_6, schema_7};

/* Nobody decides that for the operator: what is in it keeps devices out. */
#define MOVE_IT_AWAY                                                     \
	"move it away with its -wal and -shm, and the gateway makes an " \
	"empty one: nobody is blocked then"

static const struct trust_registry_format format = {
    .name = "memory of a gateway",
    .if_foreign = MOVE_IT_AWAY,
    .if_damaged = "restore a copy of it; or " MOVE_IT_AWAY,
    .application_id = APPLICATION_ID,
    .pragmas = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024",
    .migrations = migrations,
    .schema = sizeof(migrations) / sizeof(migrations[0]),
};

#define SEEN "device, at, address, reason, thumbprint, not_after, anchor"

static const char *const sql[TRUST_LOCAL_N_STATEMENTS] = {
    [TRUST_LOCAL_FIND_DEVICE] = "SELECT group_id FROM device WHERE id = ?1",
    [TRUST_LOCAL_PUT_DEVICE] = "INSERT INTO device(id, group_id) VALUES(?1, ?2)"
			       " ON CONFLICT(id) DO UPDATE"
			       " SET group_id = excluded.group_id",
    [TRUST_LOCAL_DROP_DEVICES] =
	"DELETE FROM device"
	" WHERE seq <= (SELECT max(seq) FROM device) - ?1",
    [TRUST_LOCAL_FIND_BRIDGE] = "SELECT 1 FROM bridge WHERE client_id = ?1",
    [TRUST_LOCAL_PUT_BRIDGE] = "INSERT INTO bridge(client_id) VALUES(?1)"
			       " ON CONFLICT DO NOTHING",
    [TRUST_LOCAL_DROP_BRIDGES] =
	"DELETE FROM bridge"
	" WHERE seq <= (SELECT max(seq) FROM bridge) - ?1",
    [TRUST_LOCAL_GET_FLOOR] = "SELECT time FROM floor",
    [TRUST_LOCAL_RAISE_FLOOR] =
	"INSERT INTO floor VALUES(1, ?1)"
	" ON CONFLICT DO UPDATE SET time = max(time, excluded.time)",
    [TRUST_LOCAL_FIND_BLOCK] = "SELECT 1 FROM block WHERE device = ?1",
    [TRUST_LOCAL_FIND_ANY_BLOCK] = "SELECT 1 FROM block LIMIT 1",
    [TRUST_LOCAL_COUNT_BLOCKS] = "SELECT count(*) FROM block",
    [TRUST_LOCAL_LIST_BLOCKS] =
	"SELECT device FROM block WHERE device > ?1 ORDER BY device",
    [TRUST_LOCAL_CHECK_BLOCKS] = "PRAGMA integrity_check(block)",
    [TRUST_LOCAL_PUT_BLOCK] =
	"INSERT INTO block VALUES(?1) ON CONFLICT DO NOTHING",
    [TRUST_LOCAL_DROP_BLOCK] = "DELETE FROM block WHERE device = ?1",
    [TRUST_LOCAL_PUT_SEEN] =
	"INSERT INTO seen(" SEEN ")"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(device) DO UPDATE SET"
	" at = excluded.at, address = excluded.address,"
	" reason = excluded.reason, thumbprint = excluded.thumbprint,"
	" not_after = excluded.not_after, anchor = excluded.anchor",
    [TRUST_LOCAL_DROP_SEEN] = "DELETE FROM seen"
			      " WHERE seq <= (SELECT max(seq) FROM seen) - ?1",
    [TRUST_LOCAL_FIND_SEEN] = "SELECT " SEEN " FROM seen WHERE device = ?1",
    [TRUST_LOCAL_LIST_SEEN] = "SELECT " SEEN " FROM seen WHERE device > ?1"
			      " ORDER BY device LIMIT ?2",
    [TRUST_LOCAL_LIST_ANCHOR] =
	"SELECT " SEEN " FROM seen WHERE anchor = ?1 AND anchor <> ''"
	" AND device > ?2 ORDER BY device LIMIT ?3",
    [TRUST_LOCAL_LIST_ENDING] =
	"SELECT " SEEN " FROM seen WHERE not_after <= ?1"
	" ORDER BY not_after, device LIMIT ?2 OFFSET ?3",
    [TRUST_LOCAL_FIND_PIN] = "SELECT key, next FROM pin"
			     " WHERE device = ?1",
    [TRUST_LOCAL_PUT_PIN] = "INSERT INTO pin(device, key) VALUES(?1, ?2)",
    [TRUST_LOCAL_RENEW_PIN] =
	"UPDATE pin SET next = ?2 WHERE device = ?1 AND key <> ?2",
    [TRUST_LOCAL_TAKE_PIN] = "UPDATE pin SET key = next, next = NULL"
			     " WHERE device = ?1 AND next = ?2",
    [TRUST_LOCAL_CHECK_PINS] = "PRAGMA integrity_check(pin)",
    [TRUST_LOCAL_DROP_PIN] = "DELETE FROM pin WHERE device = ?1",
    [TRUST_LOCAL_COUNT_USES] =
	"SELECT count(*), coalesce(sum(finished), 0) FROM token_use"
	" WHERE token = ?1 AND secret = ?2",
    [TRUST_LOCAL_FIND_USE] = "SELECT finished FROM token_use"
			     " WHERE token = ?1 AND secret = ?2 AND key = ?3",
    [TRUST_LOCAL_PUT_USE] =
	"INSERT INTO token_use(token, secret, key, device, finished)"
	" SELECT ?1, ?2, ?3, ?4, 0 WHERE (SELECT count(*) FROM token_use"
	" WHERE token = ?1 AND secret = ?2) < ?5",
    [TRUST_LOCAL_FIND_OPEN_USE] =
	"SELECT 1 FROM token_use WHERE finished = 0 LIMIT 1",
    [TRUST_LOCAL_FINISH_USES] =
	"UPDATE token_use SET finished = 1"
	" WHERE device = ?1 AND key = ?2 AND finished = 0",
    [TRUST_LOCAL_CHECK_USES] = "PRAGMA integrity_check(token_use)",
    [TRUST_LOCAL_GET_GATEWAY] = "SELECT id FROM gateway",
    [TRUST_LOCAL_PUT_GATEWAY] = "INSERT INTO gateway VALUES(1, ?1)"
				" ON CONFLICT DO UPDATE SET id = excluded.id"
				" WHERE id <> excluded.id",
    [TRUST_LOCAL_FIND_ANY_SERVER] = "SELECT 1 FROM server LIMIT 1",
    [TRUST_LOCAL_FIND_SERVER] = "SELECT 1 FROM server WHERE thumbprint = ?1",
    [TRUST_LOCAL_PUT_SERVER] =
	"INSERT OR REPLACE INTO server(thumbprint) VALUES(?1)",
    [TRUST_LOCAL_DROP_SERVERS] =
	"DELETE FROM server WHERE seq <= (SELECT max(seq) FROM server) - ?1",
};

static enum trust_err
open_or_make(const char *path, enum trust_local_mode mode,
    struct trust_local *local, struct trust_message *msg)
{
	enum trust_registry_mode as = mode == TRUST_LOCAL_READ
					  ? TRUST_REGISTRY_READ
					  : TRUST_REGISTRY_WRITE;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_open(path, &format, as, &local->file, msg);
	if (r == TRUST_OK && mode == TRUST_LOCAL_MAKE)
		trust_registry_draft_clean(path);
	if (r != TRUST_ERR_NOT_FOUND || mode != TRUST_LOCAL_MAKE)
		return r;
	if (trust_registry_draft_create(path, &format, "", msg) != TRUST_OK)
		return trust_err_prefix(
		    msg, TRUST_ERR_NOT_FOUND, "%s: cannot be made", path);
	return trust_registry_file_open(path, &format, as, &local->file, msg);
}

/* In a table that is out of order a look-up misses who is there. */
static enum trust_err
check_table(struct trust_local *local, enum trust_local_statement check,
    const char *what, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[check];
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span found;
	bool row;

	r = trust_registry_file_step(&local->file, statement, &row, msg);
	if (r != TRUST_OK)
		goto out;
	found = trust_registry_file_get0_bytes(statement, 0);
	if (!row || found.len != 2 || memcmp(found.p, "ok", 2) != 0)
		r = trust_registry_file_damaged(&local->file, msg, what);
out:
	trust_registry_file_reset(statement);
	return r;
}

static enum trust_err
open_local(const char *path, enum trust_local_mode mode,
    struct trust_local *local, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = open_or_make(path, mode, local, msg);
	if (r != TRUST_OK)
		return r;
	sqlite3_busy_timeout(local->file.db, LOCAL_BUSY_MS);
	r = trust_registry_file_prepare(&local->file, sql,
	    TRUST_LOCAL_N_STATEMENTS, local->statements, msg);
	if (r == TRUST_OK)
		r = check_table(
		    local, TRUST_LOCAL_CHECK_BLOCKS, "who is blocked", msg);
	if (r == TRUST_OK)
		r = check_table(
		    local, TRUST_LOCAL_CHECK_PINS, "first keys", msg);
	if (r == TRUST_OK)
		r = check_table(
		    local, TRUST_LOCAL_CHECK_USES, "uses of tokens", msg);
	if (r == TRUST_OK)
		r = trust_local_find_any(
		    local, TRUST_LOCAL_FIND_ANY_BLOCK, &local->has_blocks, msg);
	if (r == TRUST_OK)
		r = trust_local_find_any(local, TRUST_LOCAL_FIND_OPEN_USE,
		    &local->has_open_uses, msg);
	return r;
}

enum trust_err
trust_local_open(const char *registry_path, enum trust_local_mode mode,
    struct trust_local **out, struct trust_message *msg)
{
	struct trust_local *local = NULL;
	struct trust_buf path = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	local = calloc(1, sizeof(*local));
	if (local == NULL) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	r = trust_buf_printf(&path, "%s.local", registry_path);
	if (r != TRUST_OK)
		goto out;
	r = open_local((const char *)path.p, mode, local, msg);
	if (r != TRUST_OK)
		goto out;
	*out = local;
	local = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_local_close(local);
	trust_buf_free(&path);
	return r;
}

/* SQLite asks whether the path still leads to the file that it has open. */
enum trust_err
trust_local_check_place(
    const struct trust_local *local, struct trust_message *msg)
{
	int moved = 0;

	if (sqlite3_file_control(local->file.db, "main", SQLITE_FCNTL_HAS_MOVED,
		&moved) == SQLITE_OK &&
	    moved == 0)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_IO,
	    "%s: moved away, removed or replaced while it is in use; who is "
	    "blocked stays so until the next start, want it back in its place",
	    local->file.path);
}

const char *
trust_local_get0_trouble(const struct trust_local *local)
{
	return local->trouble.text;
}

void
trust_local_close(struct trust_local *local)
{
	if (local == NULL)
		return;
	trust_registry_file_close(&local->file);
	free(local);
}

enum trust_err
trust_local_be_durable(
    const struct trust_local *local, struct trust_message *msg)
{
	return trust_registry_file_run(
	    &local->file, "PRAGMA synchronous = FULL", msg);
}

void
trust_local_be_quick(const struct trust_local *local)
{
	/* Where that fails, the rest is written as carefully. */
	(void)!trust_registry_file_run(
	    &local->file, "PRAGMA synchronous = NORMAL", NULL);
}

enum trust_err
trust_local_exec_durably(const struct trust_local *local,
    sqlite3_stmt *statement, struct trust_message *msg)
{
	enum trust_err r = trust_local_check_place(local, msg);

	if (r == TRUST_OK)
		r = trust_local_be_durable(local, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_exec(&local->file, statement, msg);
	trust_local_be_quick(local);
	return r;
}

enum trust_err
trust_local_bind(const struct trust_local *local, sqlite3_stmt *statement,
    int parameter, const char *text, struct trust_message *msg)
{
	if (sqlite3_bind_text(statement, parameter, text, -1, SQLITE_STATIC) !=
	    SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return TRUST_OK;
}

enum trust_err
trust_local_bind_digest(const struct trust_local *local,
    sqlite3_stmt *statement, int parameter,
    const struct trust_thumbprint *digest, struct trust_message *msg)
{
	if (sqlite3_bind_blob(statement, parameter, digest->b,
		sizeof(digest->b), SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return TRUST_OK;
}

enum trust_err
trust_local_find_any(const struct trust_local *local,
    enum trust_local_statement which, bool *found, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[which];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = trust_registry_file_step(&local->file, statement, &row, msg);
	if (r == TRUST_OK)
		*found = row;
	trust_registry_file_reset(statement);
	return r;
}

enum trust_err
trust_local_step_to(const struct trust_local *local, sqlite3_stmt *statement,
    const char *key, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = trust_local_bind(local, statement, 1, key, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_step(&local->file, statement, &row, msg);
	if (r == TRUST_OK && !row)
		r = TRUST_ERR_NOT_FOUND;
	return r;
}

/* Write a row, then drop what is beyond the bound. */
static enum trust_err
put(const struct trust_local *local, sqlite3_stmt *statement,
    sqlite3_stmt *drop, int keep, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_exec(&local->file, statement, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_int(drop, 1, keep) != SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return trust_registry_file_exec(&local->file, drop, msg);
}

enum trust_err
trust_local_remember_device(struct trust_local *local, const char *device,
    const char *group, bool *news, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_PUT_DEVICE];
	char known[TRUST_ID_MAX + 1];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*news = false;
	r = trust_local_find_device(local, device, known, msg);
	if (r == TRUST_OK && strcmp(known, group) == 0)
		return TRUST_OK;
	if (r != TRUST_OK && r != TRUST_ERR_NOT_FOUND)
		return r;
	r = trust_local_bind(local, statement, 1, device, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_local_bind(local, statement, 2, group, msg);
	if (r != TRUST_OK)
		return r;
	r = put(local, statement, local->statements[TRUST_LOCAL_DROP_DEVICES],
	    TRUST_LOCAL_DEVICES_MAX, msg);
	*news = r == TRUST_OK;
	return r;
}

enum trust_err
trust_local_find_device(struct trust_local *local, const char *device,
    char group[TRUST_ID_MAX + 1], struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_FIND_DEVICE];
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span id;

	group[0] = '\0';
	r = trust_local_step_to(local, statement, device, msg);
	if (r != TRUST_OK)
		goto out;
	id = trust_registry_file_get0_bytes(statement, 0);
	if (!trust_id_check(id.p, id.len)) {
		r = trust_registry_file_damaged(&local->file, msg, "group id");
		goto out;
	}
	memcpy(group, id.p, id.len);
	group[id.len] = '\0';
	r = TRUST_OK;
out:
	trust_registry_file_reset(statement);
	return r;
}

enum trust_err
trust_local_remember_bridge(
    struct trust_local *local, const char *client_id, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_PUT_BRIDGE];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_local_find_bridge(local, client_id, msg);
	if (r != TRUST_ERR_NOT_FOUND)
		return r;
	r = trust_local_bind(local, statement, 1, client_id, msg);
	if (r != TRUST_OK)
		return r;
	return put(local, statement,
	    local->statements[TRUST_LOCAL_DROP_BRIDGES],
	    TRUST_LOCAL_BRIDGES_MAX, msg);
}

enum trust_err
trust_local_find_bridge(
    struct trust_local *local, const char *client_id, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_FIND_BRIDGE];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_local_step_to(local, statement, client_id, msg);
	trust_registry_file_reset(statement);
	return r;
}

/* ---- Whose memory it is ---- */

enum trust_err
trust_local_put_gateway(
    struct trust_local *local, const char *gateway, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_PUT_GATEWAY];
	enum trust_err r = trust_local_bind(local, statement, 1, gateway, msg);

	return r == TRUST_OK
		   ? trust_registry_file_exec(&local->file, statement, msg)
		   : r;
}

enum trust_err
trust_local_get_gateway(struct trust_local *local,
    char gateway[TRUST_ID_MAX + 1], struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_GET_GATEWAY];
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span id;
	bool row;

	gateway[0] = '\0';
	r = trust_registry_file_step(&local->file, statement, &row, msg);
	if (r == TRUST_OK && !row)
		r = TRUST_ERR_NOT_FOUND;
	if (r != TRUST_OK)
		goto out;
	id = trust_registry_file_get0_bytes(statement, 0);
	if (!trust_id_check(id.p, id.len)) {
		r = trust_registry_file_damaged(
		    &local->file, msg, "gateway id");
		goto out;
	}
	memcpy(gateway, id.p, id.len);
	gateway[id.len] = '\0';
out:
	trust_registry_file_reset(statement);
	return r;
}

/* ---- The time floor ---- */

static enum trust_err
get_floor(const struct trust_registry_file *file, sqlite3_stmt *statement,
    int64_t *floor, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	*floor = TRUST_BUILD_DATE;
	r = trust_registry_file_step(file, statement, &row, msg);
	if (r == TRUST_OK && row &&
	    sqlite3_column_int64(statement, 0) > TRUST_BUILD_DATE)
		*floor = sqlite3_column_int64(statement, 0);
	trust_registry_file_reset(statement);
	return r;
}

enum trust_err
trust_local_get_floor(
    struct trust_local *local, int64_t *floor, struct trust_message *msg)
{
	return get_floor(
	    &local->file, local->statements[TRUST_LOCAL_GET_FLOOR], floor, msg);
}

/* A file of an older schema knows of none. */
static enum trust_err
read_floor(const struct trust_registry_file *file, int64_t *floor,
    struct trust_message *msg)
{
	const char *const get[] = {sql[TRUST_LOCAL_GET_FLOOR]};
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *statement = NULL;

	if (file->schema < FLOOR_SCHEMA)
		return TRUST_OK;
	r = trust_registry_file_prepare(file, get, 1, &statement, msg);
	if (r != TRUST_OK)
		return r;
	return get_floor(file, statement, floor, msg);
}

enum trust_err
trust_local_read_floor(
    const char *registry_path, int64_t *floor, struct trust_message *msg)
{
	struct trust_registry_file file = {0};
	struct trust_buf path = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*floor = TRUST_BUILD_DATE;
	r = trust_buf_printf(&path, "%s.local", registry_path);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_file_open(
	    (const char *)path.p, &format, TRUST_REGISTRY_READ, &file, msg);
	if (r == TRUST_OK)
		r = read_floor(&file, floor, msg);
	else if (r == TRUST_ERR_NOT_FOUND)
		r = TRUST_OK;
out:
	trust_registry_file_close(&file);
	trust_buf_free(&path);
	return r;
}

enum trust_err
trust_local_raise_floor(
    struct trust_local *local, int64_t floor, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_RAISE_FLOOR];
	enum trust_err r = TRUST_ERR_INTERNAL;
	int64_t present;

	r = trust_local_get_floor(local, &present, msg);
	if (r != TRUST_OK || floor <= present)
		return r;
	if (sqlite3_bind_int64(statement, 1, floor) != SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	/* The rest of the file can be lost; this must not go back. */
	r = trust_local_be_durable(local, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_exec(&local->file, statement, msg);
	trust_local_be_quick(local);
	return r;
}
