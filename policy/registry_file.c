/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SQLite file of this project. Opening one never changes what is not ours:
 * the header is read before SQLite looks for a journal to roll back.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "registry_file.h"
#include "user.h"

/* SQLite file format, section 1.3. */
#define HEADER_LEN            100
#define HEADER_MAGIC          "SQLite format 3"
#define HEADER_WRITE_VERSION  18
#define HEADER_READ_VERSION   19
#define HEADER_VERSION_WAL    2
#define HEADER_USER_VERSION   60
#define HEADER_APPLICATION_ID 68

/* SQLite's WAL-mode file format, section 2: the index is mapped in parts of so
 * many octets, and begins with its header, in which one says that it is. */
#define INDEX_PART       32768
#define INDEX_HEADER_LEN (TRUST_REGISTRY_MARK_LEN / 2)
#define INDEX_IS_INIT    12

/* Octets of a value; more than the longest notification, so that a damaged
 * length costs little memory. */
#define VALUE_MAX (2 * 1024 * 1024)

enum trust_err
trust_registry_file_damaged(const struct trust_registry_file *file,
    struct trust_message *msg, const char *what)
{
	const struct trust_registry_format *format = file->format;

	return trust_err_set(msg, TRUST_ERR_DAMAGED, "%s: damaged %s (%s); %s",
	    file->path, format->name, what, format->if_damaged);
}

static enum trust_err
foreign(const struct trust_registry_file *file, struct trust_message *msg,
    const char *got)
{
	const struct trust_registry_format *format = file->format;

	return trust_err_set(msg, TRUST_ERR_FOREIGN,
	    "%s: not a trust %s, got %s; %s", file->path, format->name, got,
	    format->if_foreign);
}

/* SQLite wants to make files beside the database, and cannot. */
static bool
wants_directory(int code)
{
	return code == SQLITE_CANTOPEN || code == SQLITE_READONLY_DIRECTORY ||
	       code == SQLITE_READONLY_CANTINIT ||
	       code == SQLITE_READONLY_CANTLOCK ||
	       code == SQLITE_READONLY_RECOVERY;
}

/* The system does not let this user at the file, or into its directory. */
static enum trust_err
fail_rights(const struct trust_registry_file *file, int error,
    struct trust_message *msg)
{
	char user[TRUST_USER_TEXT];

	return trust_err_set(msg, TRUST_ERR_IO,
	    "%s: %s; want the file and its directory writable for %s",
	    file->path, strerror(error), trust_user_show(user));
}

static enum trust_err
fail_io(
    const struct trust_registry_file *file, int code, struct trust_message *msg)
{
	int saved = sqlite3_system_errno(file->db);
	char user[TRUST_USER_TEXT];

	if (wants_directory(code)) {
		return trust_err_set(msg, TRUST_ERR_IO,
		    "%s: cannot use its -wal and -shm files, want them, the "
		    "file and its directory writable for %s",
		    file->path, trust_user_show(user));
	}
	if (trust_user_lacks_rights(saved))
		return fail_rights(file, saved, msg);
	return trust_err_set(msg, TRUST_ERR_IO, "%s: %s%s%s", file->path,
	    sqlite3_errstr(code), saved != 0 ? ": " : "",
	    saved != 0 ? strerror(saved) : "");
}

enum trust_err
trust_registry_file_fail(
    const struct trust_registry_file *file, struct trust_message *msg)
{
	int code = sqlite3_extended_errcode(file->db);

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_TOOBIG:
		return trust_registry_file_damaged(
		    file, msg, sqlite3_errmsg(file->db));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return trust_err_set(msg, TRUST_ERR_BUSY,
		    "%s: somebody else is writing it, try again", file->path);
	case SQLITE_NOMEM:
		return trust_err_set(
		    msg, TRUST_ERR_NOMEM, "%s: out of memory", file->path);
	case SQLITE_IOERR:
	case SQLITE_FULL:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return fail_io(file, code, msg);
	default:
		return trust_err_set(msg, TRUST_ERR_INTERNAL, "%s: SQLite: %s",
		    file->path, sqlite3_errmsg(file->db));
	}
}

/* Only a regular file is opened at all. */
static enum trust_err
look_at(const struct trust_registry_file *file, struct trust_message *msg)
{
	struct stat st;

	if (stat(file->path, &st) != 0) {
		if (errno == ENOENT || errno == ENOTDIR) {
			return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
			    "%s: there is no such %s", file->path,
			    file->format->name);
		}
		if (trust_user_lacks_rights(errno))
			return fail_rights(file, errno, msg);
		return trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", file->path, strerror(errno));
	}
	if (S_ISDIR(st.st_mode))
		return foreign(file, msg, "a directory");
	if (!S_ISREG(st.st_mode))
		return foreign(file, msg, "no regular file");
	return TRUST_OK;
}

static uint32_t
read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static enum trust_err
check_schema(struct trust_registry_file *file, uint32_t schema,
    struct trust_message *msg)
{
	file->schema = schema;
	if (schema <= file->format->schema)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_FOREIGN,
	    "%s: %s of a newer program, want schema %u or older, got %u; "
	    "update this program",
	    file->path, file->format->name, file->format->schema, schema);
}

/* SQLite's own descriptor; NULL: it does not say. */
static sqlite3_file *
get0_raw(const struct trust_registry_file *file)
{
	sqlite3_file *raw = NULL;

	if (sqlite3_file_control(file->db, "main", SQLITE_FCNTL_FILE_POINTER,
		(void *)&raw) != SQLITE_OK ||
	    raw == NULL || raw->pMethods == NULL)
		return NULL;
	return raw;
}

/*
 * Read the header through SQLite's own descriptor: to open and close the file
 * a second time would drop the locks that this process holds on it. Nothing
 * is locked, recovered or rolled back by it.
 */
static enum trust_err
recognize(struct trust_registry_file *file, struct trust_message *msg)
{
	uint8_t header[HEADER_LEN] = {0};
	sqlite3_file *raw = get0_raw(file);
	int code;

	if (raw == NULL)
		return trust_registry_file_fail(file, msg);
	code = raw->pMethods->xRead(raw, header, HEADER_LEN, 0);
	if (code == SQLITE_IOERR_SHORT_READ)
		return foreign(file, msg, "less than a SQLite file");
	if (code != SQLITE_OK)
		return fail_io(file, code, msg);
	if (memcmp(header, HEADER_MAGIC, sizeof(HEADER_MAGIC)) != 0)
		return foreign(file, msg, "something else than SQLite");
	if (read_u32(header + HEADER_APPLICATION_ID) !=
	    file->format->application_id)
		return foreign(file, msg, "another program's SQLite file");
	file->has_wal = header[HEADER_WRITE_VERSION] == HEADER_VERSION_WAL &&
			header[HEADER_READ_VERSION] == HEADER_VERSION_WAL;
	if (read_u32(header + HEADER_USER_VERSION) == 0)
		return trust_registry_file_damaged(file, msg, "no schema");
	return check_schema(file, read_u32(header + HEADER_USER_VERSION), msg);
}

/* The database may be hostile, too: nothing that it says is run. */
static enum trust_err
guard(const struct trust_registry_file *file, struct trust_message *msg)
{
	static const struct {
		int option;
		int value;
	} guards[] = {
	    {SQLITE_DBCONFIG_DEFENSIVE, 1},
	    {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
	    {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
	    {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
	    {SQLITE_DBCONFIG_DQS_DML, 0},
	    {SQLITE_DBCONFIG_DQS_DDL, 0},
	};

	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
		if (sqlite3_db_config(file->db, guards[i].option,
			guards[i].value, NULL) != SQLITE_OK)
			return trust_registry_file_fail(file, msg);
	}
	sqlite3_limit(file->db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	if (sqlite3_busy_timeout(file->db, TRUST_REGISTRY_FILE_BUSY_MS) !=
	    SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	/* Debian's SQLite writes every page that it frees full of zeros. There
	 * is no secret in these files, and as much again to write is what flash
	 * wears out of: zeros where that costs no write. */
	return trust_registry_file_run(file,
	    "PRAGMA cell_size_check = ON; PRAGMA secure_delete = FAST;"
	    "PRAGMA temp_store = FILE; PRAGMA temp.secure_delete = FAST",
	    msg);
}

/* Open without creating; without the right to write, SQLite reads. */
static enum trust_err
connect_to(struct trust_registry_file *file, struct trust_message *msg)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	int code = sqlite3_open_v2(file->path, &file->db, flags, NULL);

	if (file->db == NULL)
		return trust_err_set(msg, TRUST_ERR_NOMEM, "out of memory");
	if (code != SQLITE_OK) {
		int error = sqlite3_system_errno(file->db);

		if (trust_user_lacks_rights(error))
			return fail_rights(file, error, msg);
		return trust_err_set(msg, TRUST_ERR_IO, "%s: cannot open: %s",
		    file->path, strerror(error));
	}
	if (sqlite3_extended_result_codes(file->db, 1) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	return TRUST_OK;
}

static enum trust_err
start(const char *path, const struct trust_registry_format *format,
    struct trust_registry_file *out, struct trust_message *msg)
{
	*out = (struct trust_registry_file){.format = format};
	out->path = strdup(path);
	if (out->path == NULL)
		return trust_err_set(msg, TRUST_ERR_NOMEM, "out of memory");
	return TRUST_OK;
}

static enum trust_err
read_schema(struct trust_registry_file *file, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *statement = NULL;
	uint32_t schema;
	bool row;

	if (sqlite3_prepare_v2(file->db, "PRAGMA user_version", -1, &statement,
		NULL) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	r = trust_registry_file_step(file, statement, &row, msg);
	schema = r == TRUST_OK && row
		     ? (uint32_t)sqlite3_column_int(statement, 0)
		     : UINT32_MAX;
	sqlite3_finalize(statement);
	return r != TRUST_OK ? r : check_schema(file, schema, msg);
}

/* One step of the schema; done by another process meanwhile is done, too. */
static enum trust_err
migrate_once(struct trust_registry_file *file, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_run(file, "BEGIN IMMEDIATE", msg);
	if (r != TRUST_OK)
		return r;
	r = read_schema(file, msg);
	if (r != TRUST_OK)
		goto out;
	if (file->schema < file->format->schema) {
		r = trust_registry_file_run(
		    file, file->format->migrations[file->schema], msg);
		if (r != TRUST_OK)
			goto out;
	}
	r = trust_registry_file_run(file, "COMMIT", msg);
	if (r != TRUST_OK)
		goto out;
	r = read_schema(file, msg);
out:
	if (r != TRUST_OK && !sqlite3_get_autocommit(file->db))
		(void)sqlite3_exec(file->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

static enum trust_err
migrate(struct trust_registry_file *file, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	while (r == TRUST_OK && file->schema < file->format->schema)
		r = migrate_once(file, msg);
	return r;
}

/* A file system without shared memory has no WAL, and SQLite only says so. */
static enum trust_err
use_wal(const struct trust_registry_file *file, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *statement = NULL;
	const char *mode;
	bool row;

	if (sqlite3_prepare_v2(file->db, "PRAGMA journal_mode = WAL", -1,
		&statement, NULL) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	r = trust_registry_file_step(file, statement, &row, msg);
	if (r != TRUST_OK)
		goto out;
	mode = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (mode == NULL || strcmp(mode, "wal") != 0) {
		r = trust_err_set(msg, TRUST_ERR_IO,
		    "%s: want a local file system, this one has no shared "
		    "memory for SQLite's WAL",
		    file->path);
		goto out;
	}
	r = TRUST_OK;
out:
	sqlite3_finalize(statement);
	return r;
}

enum trust_err
trust_registry_file_fill(const char *path,
    const struct trust_registry_format *format, const char *seed,
    struct trust_message *msg)
{
	struct trust_registry_file file;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = start(path, format, &file, msg);
	if (r != TRUST_OK)
		goto out;
	r = connect_to(&file, msg);
	if (r != TRUST_OK)
		goto out;
	r = migrate(&file, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_file_run(&file, seed, msg);
	if (r != TRUST_OK)
		goto out;
	r = use_wal(&file, msg);
out:
	trust_registry_file_close(&file);
	return r;
}

static enum trust_err
make_writable(struct trust_registry_file *file, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (sqlite3_db_readonly(file->db, "main") != 0) {
		return trust_err_set(msg, TRUST_ERR_IO,
		    "%s: want it writable for this user, it is not",
		    file->path);
	}
	r = use_wal(file, msg);
	return r != TRUST_OK ? r : migrate(file, msg);
}

static enum trust_err
open_known(struct trust_registry_file *file, enum trust_registry_mode mode,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = look_at(file, msg);
	if (r != TRUST_OK)
		return r;
	r = connect_to(file, msg);
	if (r != TRUST_OK)
		return r;
	r = recognize(file, msg);
	if (r != TRUST_OK)
		return r;
	r = guard(file, msg);
	if (r != TRUST_OK)
		return r;
	/* The header may be behind the WAL, so the version is read again. */
	r = read_schema(file, msg);
	if (r != TRUST_OK)
		return r;
	return mode == TRUST_REGISTRY_WRITE ? make_writable(file, msg) : r;
}

enum trust_err
trust_registry_file_open(const char *path,
    const struct trust_registry_format *format, enum trust_registry_mode mode,
    struct trust_registry_file *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = start(path, format, out, msg);
	if (r != TRUST_OK)
		goto out;
	r = open_known(out, mode, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_file_run(out, format->pragmas, msg);
out:
	if (r != TRUST_OK)
		trust_registry_file_close(out);
	return r;
}

void
trust_registry_file_close(struct trust_registry_file *file)
{
	sqlite3_stmt *statement;

	if (file->db != NULL) {
		while ((statement = sqlite3_next_stmt(file->db, NULL)) != NULL)
			sqlite3_finalize(statement);
		sqlite3_close(file->db);
	}
	free(file->path);
	*file = (struct trust_registry_file){0};
}

enum trust_err
trust_registry_file_run(const struct trust_registry_file *file, const char *sql,
    struct trust_message *msg)
{
	if (sqlite3_exec(file->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	return TRUST_OK;
}

/* SQL that a file of an older schema does not understand is no fault. */
static enum trust_err
fail_prepare(const struct trust_registry_file *file, struct trust_message *msg)
{
	if (sqlite3_errcode(file->db) != SQLITE_ERROR ||
	    file->schema == file->format->schema)
		return trust_registry_file_fail(file, msg);
	return trust_err_set(msg, TRUST_ERR_FOREIGN,
	    "%s: %s of an older program, want schema %u, got %u; open it once "
	    "for writing",
	    file->path, file->format->name, file->format->schema, file->schema);
}

enum trust_err
trust_registry_file_prepare(const struct trust_registry_file *file,
    const char *const *sql, size_t n, sqlite3_stmt **out,
    struct trust_message *msg)
{
	for (size_t i = 0; i < n; i++) {
		if (sqlite3_prepare_v3(file->db, sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &out[i], NULL) != SQLITE_OK)
			return fail_prepare(file, msg);
	}
	return TRUST_OK;
}

enum trust_err
trust_registry_file_step(const struct trust_registry_file *file,
    sqlite3_stmt *statement, bool *row, struct trust_message *msg)
{
	int code = sqlite3_step(statement);

	*row = code == SQLITE_ROW;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return trust_registry_file_fail(file, msg);
	return TRUST_OK;
}

enum trust_err
trust_registry_file_exec(const struct trust_registry_file *file,
    sqlite3_stmt *statement, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = trust_registry_file_step(file, statement, &row, msg);
	trust_registry_file_reset(statement);
	return r;
}

void
trust_registry_file_reset(sqlite3_stmt *statement)
{
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

struct trust_span
trust_registry_file_get0_bytes(sqlite3_stmt *statement, int column)
{
	/* In this order: the call for the bytes may change their number. */
	const void *p = sqlite3_column_blob(statement, column);
	int len = sqlite3_column_bytes(statement, column);

	return (struct trust_span){p, p == NULL ? 0 : (size_t)len};
}

/* ---- Where it is ---- */

/* The first part of the index, as SQLite has it in memory; NULL: it does not
 * yet, or not so that others write there, too. Where there is no WAL, to ask
 * for its index would make one. */
static const volatile uint8_t *
get0_index(const struct trust_registry_file *file)
{
	sqlite3_file *raw = file->has_wal ? get0_raw(file) : NULL;
	volatile void *index = NULL;

	if (raw == NULL || raw->pMethods->iVersion < 2 ||
	    raw->pMethods->xShmMap == NULL ||
	    raw->pMethods->xShmMap(raw, 0, INDEX_PART, 0, &index) != SQLITE_OK)
		return NULL;
	return index;
}

void
trust_registry_file_mark(
    const struct trust_registry_file *file, struct trust_registry_mark *out)
{
	const volatile uint8_t *index = get0_index(file);

	*out = (struct trust_registry_mark){0};
	if (index == NULL)
		return;
	atomic_thread_fence(memory_order_seq_cst);
	for (size_t i = 0; i < sizeof(out->headers); i++)
		out->headers[i] = index[i];
	out->whole = out->headers[INDEX_IS_INIT] != 0 &&
		     memcmp(out->headers, out->headers + INDEX_HEADER_LEN,
			 INDEX_HEADER_LEN) == 0;
}

bool
trust_registry_file_is_at(const struct trust_registry_file *file,
    const struct trust_registry_mark *mark)
{
	struct trust_registry_mark now;

	if (!mark->whole)
		return false;
	trust_registry_file_mark(file, &now);
	return now.whole &&
	       memcmp(now.headers, mark->headers, sizeof(now.headers)) == 0;
}
