/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content parts on disk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registry_draft.h"
#include "registry_staging.h"

/* "TrSt": what file(1) and we know it by. */
#define APPLICATION_ID 0x54725374

/* Free pages of 4 KiB that are left for the next delta; with more of them, an
 * empty file shrinks. */
#define FREE_PAGES_MAX 2048

enum statement {
	HAS,  /* sha256 */
	PUT,  /* sha256, bytes */
	GET,  /* sha256 */
	DROP, /* sha256 */
	CLEAR_NAMED,
	NAME, /* sha256 */
	DROP_OTHERS,
	FREE_PAGES,
	N_STATEMENTS,
};

struct trust_registry_staging {
	struct trust_registry_file file;
	sqlite3_stmt *statements[N_STATEMENTS];
};

static const char schema_1[] =
    "PRAGMA application_id = 0x54725374;"
    "CREATE TABLE part(sha256 BLOB PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
    "PRAGMA user_version = 1";

static const char *const migrations[] = {schema_1};

/* What a crash of the system loses is fetched again. */
static const struct trust_registry_format format = {
    .name = "staging file",
    .if_foreign = "move it away, the gateway makes its own",
    .if_damaged = "remove it, the gateway makes it anew",
    .application_id = APPLICATION_ID,
    .pragmas = "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024;"
	       "PRAGMA journal_size_limit = 16777216",
    .migrations = migrations,
    .schema = sizeof(migrations) / sizeof(migrations[0]),
};

/* What is to be kept. */
static const char setup[] =
    "CREATE TEMP TABLE named(sha256 BLOB PRIMARY KEY) WITHOUT ROWID";

static const char *const sql[N_STATEMENTS] = {
    [HAS] = "SELECT 1 FROM part WHERE sha256 = ?1",
    [PUT] = "INSERT INTO part VALUES(?1, ?2) ON CONFLICT DO NOTHING",
    [GET] = "SELECT bytes FROM part WHERE sha256 = ?1",
    [DROP] = "DELETE FROM part WHERE sha256 = ?1",
    [CLEAR_NAMED] = "DELETE FROM temp.named",
    [NAME] = "INSERT INTO temp.named VALUES(?1) ON CONFLICT DO NOTHING",
    [DROP_OTHERS] = "DELETE FROM part WHERE sha256 NOT IN temp.named",
    [FREE_PAGES] = ("SELECT freelist_count FROM pragma_freelist_count"
		    " WHERE NOT EXISTS (SELECT 1 FROM part)"),
};

static enum trust_err
remove_file(const char *path, const char *suffix, struct trust_message *msg)
{
	struct trust_buf name = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_buf_printf(&name, "%s%s", path, suffix);
	if (r != TRUST_OK)
		goto out;
	if (unlink((const char *)name.p) != 0 && errno != ENOENT) {
		r = trust_err_set(msg, TRUST_ERR_IO, "%s: %s",
		    (const char *)name.p, strerror(errno));
		goto out;
	}
	r = TRUST_OK;
out:
	trust_buf_free(&name);
	return r;
}

static enum trust_err
remove_all(const char *path, struct trust_message *msg)
{
	static const char *const suffixes[] = {"-wal", "-shm", ""};
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < 3; i++)
		r = remove_file(path, suffixes[i], msg);
	return r;
}

static enum trust_err
open_or_make(const char *path, struct trust_registry_staging *staging,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_open(
	    path, &format, TRUST_REGISTRY_WRITE, &staging->file, msg);
	if (r == TRUST_ERR_DAMAGED) {
		r = remove_all(path, msg);
		if (r == TRUST_OK)
			r = TRUST_ERR_NOT_FOUND;
	}
	if (r == TRUST_OK)
		trust_registry_draft_clean(path);
	if (r != TRUST_ERR_NOT_FOUND)
		return r;
	r = trust_registry_draft_create(path, &format, "", msg);
	if (r != TRUST_OK)
		return r;
	return trust_registry_file_open(
	    path, &format, TRUST_REGISTRY_WRITE, &staging->file, msg);
}

enum trust_err
trust_registry_staging_open(const char *registry_path,
    struct trust_registry_staging **out, struct trust_message *msg)
{
	struct trust_registry_staging *staging = NULL;
	struct trust_buf path = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	staging = calloc(1, sizeof(*staging));
	if (staging == NULL) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	r = trust_buf_printf(&path, "%s.staging", registry_path);
	if (r != TRUST_OK)
		goto out;
	r = open_or_make((const char *)path.p, staging, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_file_run(&staging->file, setup, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_file_prepare(
	    &staging->file, sql, N_STATEMENTS, staging->statements, msg);
	if (r != TRUST_OK)
		goto out;
	*out = staging;
	staging = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_registry_staging_close(staging);
	trust_buf_free(&path);
	return r;
}

void
trust_registry_staging_close(struct trust_registry_staging *staging)
{
	if (staging == NULL)
		return;
	trust_registry_file_close(&staging->file);
	free(staging);
}

/* Bind the digest, the first parameter of them all. */
static enum trust_err
bind(const struct trust_registry_staging *staging, sqlite3_stmt *statement,
    const struct trust_thumbprint *sha256, struct trust_message *msg)
{
	if (sqlite3_bind_blob(statement, 1, sha256->b, sizeof(sha256->b),
		SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(&staging->file, msg);
	return TRUST_OK;
}

static enum trust_err
run_with(const struct trust_registry_staging *staging, sqlite3_stmt *statement,
    const struct trust_thumbprint *sha256, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = bind(staging, statement, sha256, msg);
	if (r != TRUST_OK)
		return r;
	return trust_registry_file_exec(&staging->file, statement, msg);
}

enum trust_err
trust_registry_staging_has(struct trust_registry_staging *staging,
    const struct trust_thumbprint *sha256, bool *has, struct trust_message *msg)
{
	sqlite3_stmt *statement = staging->statements[HAS];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*has = false;
	r = bind(staging, statement, sha256, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_step(&staging->file, statement, has, msg);
	trust_registry_file_reset(statement);
	return r;
}

enum trust_err
trust_registry_staging_put(struct trust_registry_staging *staging,
    const struct trust_thumbprint *sha256, struct trust_span part,
    struct trust_message *msg)
{
	sqlite3_stmt *put = staging->statements[PUT];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = bind(staging, put, sha256, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_blob64(put, 2, part.p, part.len, SQLITE_STATIC) !=
	    SQLITE_OK)
		return trust_registry_file_fail(&staging->file, msg);
	return trust_registry_file_exec(&staging->file, put, msg);
}

static enum trust_err
check_digest(struct trust_span part, const struct trust_thumbprint *sha256)
{
	struct trust_thumbprint is;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_thumbprint_of(part, &is);
	if (r == TRUST_OK && !trust_thumbprint_equal(&is, sha256))
		r = TRUST_ERR_NOT_FOUND;
	return r;
}

enum trust_err
trust_registry_staging_get(struct trust_registry_staging *staging,
    const struct trust_thumbprint *sha256, struct trust_buf *out,
    struct trust_message *msg)
{
	sqlite3_stmt *get = staging->statements[GET];
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span part;
	bool row;

	r = bind(staging, get, sha256, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_step(&staging->file, get, &row, msg);
	if (r != TRUST_OK)
		goto out;
	part = trust_registry_file_get0_bytes(get, 0);
	r = row ? check_digest(part, sha256) : TRUST_ERR_NOT_FOUND;
	if (r == TRUST_OK)
		r = trust_buf_add(out, part.p, part.len);
out:
	trust_registry_file_reset(get);
	if (r != TRUST_ERR_NOT_FOUND)
		return r;
	r = run_with(staging, staging->statements[DROP], sha256, msg);
	return r != TRUST_OK ? r : TRUST_ERR_NOT_FOUND;
}

enum trust_err
trust_registry_staging_begin_keep(
    struct trust_registry_staging *staging, struct trust_message *msg)
{
	return trust_registry_file_exec(
	    &staging->file, staging->statements[CLEAR_NAMED], msg);
}

enum trust_err
trust_registry_staging_keep(struct trust_registry_staging *staging,
    const struct trust_thumbprint *sha256, struct trust_message *msg)
{
	return run_with(staging, staging->statements[NAME], sha256, msg);
}

/* Give the room back to the file system. */
static enum trust_err
shrink(struct trust_registry_staging *staging, struct trust_message *msg)
{
	sqlite3_stmt *statement = staging->statements[FREE_PAGES];
	enum trust_err r = TRUST_ERR_INTERNAL;
	int n_free;
	bool row;

	r = trust_registry_file_step(&staging->file, statement, &row, msg);
	n_free = r == TRUST_OK && row ? sqlite3_column_int(statement, 0) : 0;
	trust_registry_file_reset(statement);
	if (r != TRUST_OK || n_free <= FREE_PAGES_MAX)
		return r; /* in use, or hardly any */
	return trust_registry_file_run(
	    &staging->file, "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", msg);
}

enum trust_err
trust_registry_staging_end_keep(
    struct trust_registry_staging *staging, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_exec(
	    &staging->file, staging->statements[DROP_OTHERS], msg);
	if (r != TRUST_OK)
		return r;
	return shrink(staging, msg);
}

enum trust_err
trust_registry_staging_clear(
    struct trust_registry_staging *staging, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_staging_begin_keep(staging, msg);
	if (r != TRUST_OK)
		return r;
	return trust_registry_staging_end_keep(staging, msg);
}
