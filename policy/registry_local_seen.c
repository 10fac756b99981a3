/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table "seen" of REGISTRY.local.
 */
#include <string.h>

#include "registry_local_internal.h"
#include "seen.h"

bool
trust_seen_is_psk(const struct trust_seen *seen)
{
	static const struct trust_thumbprint none;

	return trust_thumbprint_equal(&seen->thumbprint, &none);
}

/* ---- Writing ---- */

static enum trust_err
put(struct trust_local *local, const struct trust_seen *seen,
    struct trust_message *msg)
{
	sqlite3_stmt *put = local->statements[TRUST_LOCAL_PUT_SEEN];

	if (sqlite3_bind_text(put, 1, seen->device, -1, SQLITE_STATIC) !=
		SQLITE_OK ||
	    sqlite3_bind_int64(put, 2, seen->at) != SQLITE_OK ||
	    sqlite3_bind_text(put, 3, seen->address, -1, SQLITE_STATIC) !=
		SQLITE_OK ||
	    sqlite3_bind_text(put, 4, trust_reason_name(seen->reason), -1,
		SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_blob(put, 5, seen->thumbprint.b,
		sizeof(seen->thumbprint.b), SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 6, seen->not_after) != SQLITE_OK ||
	    sqlite3_bind_text(put, 7, seen->anchor, -1, SQLITE_STATIC) !=
		SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return trust_registry_file_exec(&local->file, put, msg);
}

static enum trust_err
drop(struct trust_local *local, struct trust_message *msg)
{
	sqlite3_stmt *drop = local->statements[TRUST_LOCAL_DROP_SEEN];

	if (sqlite3_bind_int(drop, 1, TRUST_LOCAL_DEVICES_MAX) != SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return trust_registry_file_exec(&local->file, drop, msg);
}

enum trust_err
trust_seen_store(struct trust_local *local, const struct trust_seen *v,
    size_t n, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	enum trust_err back = TRUST_OK;

	r = trust_registry_file_run(&local->file, "BEGIN IMMEDIATE", msg);
	if (r != TRUST_OK)
		return r;
	for (size_t i = 0; r == TRUST_OK && i < n; i++)
		r = put(local, &v[i], msg);
	if (r == TRUST_OK)
		r = drop(local, msg);
	if (r == TRUST_OK)
		r = trust_registry_file_run(&local->file, "COMMIT", msg);
	if (r != TRUST_OK && sqlite3_get_autocommit(local->file.db) == 0)
		back = trust_registry_file_run(&local->file, "ROLLBACK", NULL);
	return r != TRUST_OK ? r : back;
}

/* ---- Reading ---- */

/* Copy a text; false when it does not fit. */
static bool
copy(sqlite3_stmt *row, int column, char *out, size_t size)
{
	struct trust_span text = trust_registry_file_get0_bytes(row, column);

	if (text.len >= size)
		return false;
	if (text.len > 0)
		memcpy(out, text.p, text.len);
	out[text.len] = '\0';
	return true;
}

static enum trust_err
read_row(struct trust_local *local, sqlite3_stmt *row, struct trust_seen *out,
    struct trust_message *msg)
{
	struct trust_span digest = trust_registry_file_get0_bytes(row, 4);
	char reason[64];

	*out = (struct trust_seen){
	    .at = sqlite3_column_int64(row, 1),
	    .not_after = sqlite3_column_int64(row, 5),
	};
	if (!copy(row, 0, out->device, sizeof(out->device)) ||
	    !copy(row, 2, out->address, sizeof(out->address)) ||
	    !copy(row, 3, reason, sizeof(reason)) ||
	    !copy(row, 6, out->anchor, sizeof(out->anchor)) ||
	    digest.len != sizeof(out->thumbprint.b))
		return trust_registry_file_damaged(
		    &local->file, msg, "device seen");
	memcpy(out->thumbprint.b, digest.p, digest.len);
	/* A reason of a later version is one that nobody here knows. */
	(void)trust_reason_parse(reason, &out->reason);
	return TRUST_OK;
}

/* All rows of a statement whose parameters are bound. */
static enum trust_err
read_rows(struct trust_local *local, sqlite3_stmt *rows, struct trust_seen *v,
    size_t max, size_t *n, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row = false;

	*n = 0;
	for (;;) {
		r = trust_registry_file_step(&local->file, rows, &row, msg);
		if (r != TRUST_OK || !row || *n == max)
			break;
		r = read_row(local, rows, &v[*n], msg);
		if (r != TRUST_OK)
			break;
		(*n)++;
	}
	trust_registry_file_reset(rows);
	return r;
}

enum trust_err
trust_seen_find(struct trust_local *local, const char *device,
    struct trust_seen *out, struct trust_message *msg)
{
	sqlite3_stmt *find = local->statements[TRUST_LOCAL_FIND_SEEN];
	enum trust_err r = TRUST_ERR_INTERNAL;
	size_t n;

	*out = (struct trust_seen){0};
	r = trust_local_bind(local, find, 1, device, msg);
	if (r != TRUST_OK)
		return r;
	r = read_rows(local, find, out, 1, &n, msg);
	return r == TRUST_OK && n == 0 ? TRUST_ERR_NOT_FOUND : r;
}

enum trust_err
trust_seen_list(struct trust_local *local, const char *after,
    struct trust_seen *v, size_t max, size_t *n, struct trust_message *msg)
{
	sqlite3_stmt *list = local->statements[TRUST_LOCAL_LIST_SEEN];

	*n = 0;
	if (sqlite3_bind_text(list, 1, after, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_int64(list, 2, (sqlite3_int64)max) != SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return read_rows(local, list, v, max, n, msg);
}

enum trust_err
trust_seen_list_anchor(struct trust_local *local, const char *anchor,
    const char *after, struct trust_seen *v, size_t max, size_t *n,
    struct trust_message *msg)
{
	sqlite3_stmt *list = local->statements[TRUST_LOCAL_LIST_ANCHOR];

	*n = 0;
	if (sqlite3_bind_text(list, 1, anchor, -1, SQLITE_STATIC) !=
		SQLITE_OK ||
	    sqlite3_bind_text(list, 2, after, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_int64(list, 3, (sqlite3_int64)max) != SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return read_rows(local, list, v, max, n, msg);
}

enum trust_err
trust_seen_list_ending(struct trust_local *local, int64_t until, size_t skip,
    struct trust_seen *v, size_t max, size_t *n, struct trust_message *msg)
{
	sqlite3_stmt *list = local->statements[TRUST_LOCAL_LIST_ENDING];

	*n = 0;
	if (sqlite3_bind_int64(list, 1, until) != SQLITE_OK ||
	    sqlite3_bind_int64(list, 2, (sqlite3_int64)max) != SQLITE_OK ||
	    sqlite3_bind_int64(list, 3, (sqlite3_int64)skip) != SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return read_rows(local, list, v, max, n, msg);
}
