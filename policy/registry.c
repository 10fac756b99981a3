/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry, made and opened.
 */
#include <stdlib.h>
#include <string.h>

#include "registry_draft.h"
#include "registry_internal.h"

/*
 * A reader keeps the upper levels of a million records in its page cache, and
 * must never write. A writer keeps most of the claims of a million devices,
 * which come in no order.
 *
 * suspect   claims to look at again at commit
 * deferred  claims made (1) and given up (-1), to be entered in their order
 */
static const char setup_read[] =
    "PRAGMA query_only = ON; PRAGMA cache_size = -8192";
static const char setup_write[] =
    "PRAGMA cache_size = -65536;"
    "CREATE TEMP TABLE suspect(claim INTEGER, digest BLOB, device TEXT,"
    " line INTEGER);"
    "CREATE TEMP TABLE deferred(claim INTEGER, digest BLOB, device TEXT,"
    " n INTEGER)";

enum trust_err
trust_registry_create(
    const char *path, enum trust_registry_role role, struct trust_message *msg)
{
	const char *seed = NULL;

	switch (role) {
	case TRUST_REGISTRY_ORIGIN:
		seed = "INSERT INTO meta VALUES('role', 'origin')";
		break;
	case TRUST_REGISTRY_REPLICA:
		seed = "INSERT INTO meta VALUES('role', 'replica')";
		break;
	}
	if (seed == NULL) {
		return trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "%s: want an origin or a replica, got role %d", path,
		    (int)role);
	}
	return trust_registry_draft_create(
	    path, &trust_registry_schema, seed, msg);
}

enum trust_err
trust_registry_create_development(const char *path, struct trust_message *msg)
{
	return trust_registry_draft_create(path, &trust_registry_schema,
	    "INSERT INTO meta VALUES('role', 'origin'), ('development', 1)",
	    msg);
}

static enum trust_err
bind_key(const struct trust_registry *registry, sqlite3_stmt *statement,
    const char *key, struct trust_message *msg)
{
	if (sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC) !=
	    SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return TRUST_OK;
}

/* Find the row of a key; the caller resets the statement. */
static enum trust_err
step_meta(
    struct trust_registry *registry, const char *key, struct trust_message *msg)
{
	sqlite3_stmt *get = registry->statements[TRUST_REGISTRY_GET_META];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = bind_key(registry, get, key, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_step(&registry->file, get, &row, msg);
	if (r == TRUST_OK && !row)
		r = trust_registry_file_damaged(&registry->file, msg, key);
	return r;
}

enum trust_err
trust_registry_get_meta(struct trust_registry *registry, const char *key,
    int64_t *out, struct trust_message *msg)
{
	sqlite3_stmt *get = registry->statements[TRUST_REGISTRY_GET_META];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = 0;
	r = step_meta(registry, key, msg);
	if (r != TRUST_OK)
		goto out;
	if (sqlite3_column_type(get, 0) != SQLITE_INTEGER) {
		r = trust_registry_file_damaged(&registry->file, msg, key);
		goto out;
	}
	*out = sqlite3_column_int64(get, 0);
	r = TRUST_OK;
out:
	trust_registry_file_reset(get);
	return r;
}

static enum trust_err
load_role(struct trust_registry *registry, struct trust_message *msg)
{
	sqlite3_stmt *get = registry->statements[TRUST_REGISTRY_GET_META];
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char *role;

	r = step_meta(registry, TRUST_REGISTRY_META_ROLE, msg);
	if (r != TRUST_OK)
		goto out;
	role = (const char *)sqlite3_column_text(get, 0);
	if (role != NULL && strcmp(role, "origin") == 0) {
		registry->role = TRUST_REGISTRY_ORIGIN;
	} else if (role != NULL && strcmp(role, "replica") == 0) {
		registry->role = TRUST_REGISTRY_REPLICA;
	} else {
		r = trust_registry_file_damaged(&registry->file, msg, "role");
		goto out;
	}
	r = TRUST_OK;
out:
	trust_registry_file_reset(get);
	return r;
}

enum trust_err
trust_registry_is_development(
    struct trust_registry *registry, bool *out, struct trust_message *msg)
{
	sqlite3_stmt *get = registry->statements[TRUST_REGISTRY_GET_META];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = false;
	r = bind_key(registry, get, TRUST_REGISTRY_META_DEVELOPMENT, msg);
	if (r == TRUST_OK)
		r = trust_registry_file_step(&registry->file, get, out, msg);
	trust_registry_file_reset(get);
	return r;
}

static enum trust_err
set_up(struct trust_registry *registry, struct trust_message *msg)
{
	bool write = registry->mode == TRUST_REGISTRY_WRITE;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_run(
	    &registry->file, write ? setup_write : setup_read, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_prepare(&registry->file,
	    trust_registry_schema_statements,
	    write ? TRUST_REGISTRY_N_STATEMENTS : TRUST_REGISTRY_N_READING,
	    registry->statements, msg);
	if (r != TRUST_OK)
		return r;
	return load_role(registry, msg);
}

enum trust_err
trust_registry_open(const char *path, enum trust_registry_mode mode,
    struct trust_registry **out, struct trust_message *msg)
{
	struct trust_registry *registry = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	registry = calloc(1, sizeof(*registry));
	if (registry == NULL) {
		r = trust_err_set(msg, TRUST_ERR_NOMEM, "out of memory");
		goto out;
	}
	registry->mode = mode;
	registry->data_version = -1;
	r = trust_registry_file_open(
	    path, &trust_registry_schema, mode, &registry->file, msg);
	if (r != TRUST_OK)
		goto out;
	r = set_up(registry, msg);
	if (r != TRUST_OK)
		goto out;
	if (mode == TRUST_REGISTRY_WRITE)
		trust_registry_draft_clean(path);
	*out = registry;
	registry = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_registry_close(registry);
	return r;
}

void
trust_registry_close(struct trust_registry *registry)
{
	if (registry == NULL)
		return;
	trust_registry_rollback(registry);
	trust_registry_file_close(&registry->file);
	trust_buf_free(&registry->line);
	free(registry);
}

const char *
trust_registry_get0_path(const struct trust_registry *registry)
{
	return registry->file.path;
}

enum trust_err
trust_registry_get_info(struct trust_registry *registry,
    struct trust_registry_info *out, struct trust_message *msg)
{
	sqlite3_stmt *get = registry->statements[TRUST_REGISTRY_GET_INFO];
	enum trust_err r = TRUST_ERR_INTERNAL;
	int64_t n;
	bool row;
	int kind;

	*out = (struct trust_registry_info){.role = registry->role};
	for (;;) {
		r = trust_registry_file_step(&registry->file, get, &row, msg);
		if (r != TRUST_OK || !row)
			break;
		kind = sqlite3_column_int(get, 0);
		n = sqlite3_column_int64(get, 1);
		/* So many as can be added up, and no file can hold. */
		if (kind < TRUST_KIND_FIRST || kind > TRUST_KIND_LAST ||
		    n < 0 || n > INT32_MAX) {
			r = trust_registry_file_damaged(
			    &registry->file, msg, "number of records");
			break;
		}
		out->n_records[kind] = n;
		out->generation = sqlite3_column_int64(get, 2);
	}
	trust_registry_file_reset(get);
	return r;
}
