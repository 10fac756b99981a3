/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table "block" of REGISTRY.local.
 */
#include <string.h>

#include "block.h"
#include "registry_local_internal.h"

/* ---- Looking ---- */

/* What cannot be read is told, by who asks for it (local.h). A damaged file
 * stays one, also where another page of it is sound. */
static enum trust_err
note(struct trust_local *local, enum trust_err r,
    const struct trust_message *trouble, struct trust_message *msg)
{
	if (r == TRUST_OK || r == TRUST_ERR_NOT_FOUND) {
		if (!local->damaged)
			local->trouble.text[0] = '\0';
		return r;
	}
	local->damaged |= r == TRUST_ERR_DAMAGED;
	(void)trust_err_set(&local->trouble, r, "%s",
	    trouble->text[0] != '\0' ? trouble->text : trust_err_text(r));
	return trust_err_set(msg, r, "%s", local->trouble.text);
}

static enum trust_err
find(struct trust_local *local, const char *device, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_FIND_BLOCK];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_local_step_to(local, statement, device, msg);
	trust_registry_file_reset(statement);
	return r;
}

enum trust_err
trust_block_find(
    struct trust_local *local, const char *device, struct trust_message *msg)
{
	struct trust_message trouble = {0};

	if (!local->has_blocks)
		return TRUST_ERR_NOT_FOUND;
	return note(local, find(local, device, &trouble), &trouble, msg);
}

enum trust_err
trust_block_count(
    struct trust_local *local, int64_t *n, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_COUNT_BLOCKS];
	struct trust_message trouble = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	*n = 0;
	if (!local->has_blocks)
		return TRUST_OK;
	r = trust_registry_file_step(&local->file, statement, &row, &trouble);
	if (r == TRUST_OK && row)
		*n = sqlite3_column_int64(statement, 0);
	trust_registry_file_reset(statement);
	return note(local, r, &trouble, msg);
}

static enum trust_err
take_id(const struct trust_local *local, sqlite3_stmt *row,
    char out[TRUST_ID_MAX + 1], struct trust_message *msg)
{
	struct trust_span id = trust_registry_file_get0_bytes(row, 0);

	if (!trust_id_check(id.p, id.len))
		return trust_registry_file_damaged(
		    &local->file, msg, "device id");
	memcpy(out, id.p, id.len);
	out[id.len] = '\0';
	return TRUST_OK;
}

enum trust_err
trust_block_list(struct trust_local *local, const char *after,
    char (*v)[TRUST_ID_MAX + 1], size_t max, size_t *n,
    struct trust_message *msg)
{
	sqlite3_stmt *list = local->statements[TRUST_LOCAL_LIST_BLOCKS];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row = false;

	*n = 0;
	if (!local->has_blocks)
		return TRUST_OK;
	r = trust_local_bind(local, list, 1, after, msg);
	if (r != TRUST_OK)
		return r;
	for (;;) {
		r = trust_registry_file_step(&local->file, list, &row, msg);
		if (r != TRUST_OK || !row || *n == max)
			break;
		r = take_id(local, list, v[*n], msg);
		if (r != TRUST_OK)
			break;
		(*n)++;
	}
	trust_registry_file_reset(list);
	return r;
}

/* ---- Changing ---- */

static enum trust_err
change_one(struct trust_local *local, struct trust_block_change *change,
    struct trust_message *msg)
{
	sqlite3_stmt *statement =
	    local->statements[change->block ? TRUST_LOCAL_PUT_BLOCK
					    : TRUST_LOCAL_DROP_BLOCK];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool changed;

	r = trust_local_bind(local, statement, 1, change->device, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_exec(&local->file, statement, msg);
	changed = sqlite3_changes(local->file.db) > 0;
	change->was_blocked = changed != change->block;
	return r;
}

static enum trust_err
change_all(struct trust_local *local, struct trust_block_change *v, size_t n,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_run(&local->file, "BEGIN IMMEDIATE", msg);
	for (size_t i = 0; r == TRUST_OK && i < n; i++)
		r = change_one(local, &v[i], msg);
	if (r == TRUST_OK)
		r = trust_registry_file_run(&local->file, "COMMIT", msg);
	if (r != TRUST_OK && sqlite3_get_autocommit(local->file.db) == 0)
		(void)!trust_registry_file_run(&local->file, "ROLLBACK", NULL);
	return r;
}

/* What an operator asked for must not be lost with the power, nor with a file
 * that the next start will not find. */
enum trust_err
trust_block_change(struct trust_local *local, struct trust_block_change *v,
    size_t n, struct trust_message *msg)
{
	enum trust_err r = trust_local_check_place(local, msg);

	if (r == TRUST_OK)
		r = trust_local_be_durable(local, msg);
	if (r != TRUST_OK)
		return r;
	local->has_blocks = true;
	r = change_all(local, v, n, msg);
	trust_local_be_quick(local);
	return r;
}
