/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table "token_use" of REGISTRY.local.
 */
#include "registry_local_internal.h"
#include "token.h"

/* The first two parameters of many a statement. */
static enum trust_err
bind_token(const struct trust_local *local, sqlite3_stmt *statement,
    const struct trust_token_id *token, struct trust_message *msg)
{
	enum trust_err r =
	    trust_local_bind(local, statement, 1, token->id, msg);

	if (r == TRUST_OK)
		r = trust_local_bind_digest(
		    local, statement, 2, token->secret_sha256, msg);
	return r;
}

static enum trust_err
find_use(const struct trust_local *local, const struct trust_token_id *token,
    const struct trust_thumbprint *key, struct trust_token_uses *out,
    struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_FIND_USE];
	enum trust_err r = bind_token(local, statement, token, msg);

	if (r == TRUST_OK)
		r = trust_local_bind_digest(local, statement, 3, key, msg);
	if (r == TRUST_OK)
		r = trust_registry_file_step(
		    &local->file, statement, &out->is_spent, msg);
	if (r == TRUST_OK && out->is_spent)
		out->is_finished = sqlite3_column_int(statement, 0) != 0;
	trust_registry_file_reset(statement);
	return r;
}

enum trust_err
trust_token_count(struct trust_local *local, const struct trust_token_id *token,
    const struct trust_thumbprint *key, struct trust_token_uses *out,
    struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_COUNT_USES];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	*out = (struct trust_token_uses){0};
	r = bind_token(local, statement, token, msg);
	if (r == TRUST_OK)
		r = trust_registry_file_step(
		    &local->file, statement, &row, msg);
	if (r == TRUST_OK && row) {
		out->n_spent = sqlite3_column_int64(statement, 0);
		out->n_finished = sqlite3_column_int64(statement, 1);
	}
	trust_registry_file_reset(statement);
	if (r == TRUST_OK && key != NULL)
		r = find_use(local, token, key, out, msg);
	return r;
}

/* One statement, so that nothing comes between the count and the use. */
static enum trust_err
spend(struct trust_local *local, const struct trust_token_id *token,
    int64_t uses, const char *device, const struct trust_thumbprint *key,
    struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_PUT_USE];
	enum trust_err r = bind_token(local, statement, token, msg);

	if (r == TRUST_OK)
		r = trust_local_bind_digest(local, statement, 3, key, msg);
	if (r == TRUST_OK)
		r = trust_local_bind(local, statement, 4, device, msg);
	if (r == TRUST_OK &&
	    sqlite3_bind_int64(statement, 5, uses) != SQLITE_OK)
		r = trust_registry_file_fail(&local->file, msg);
	if (r == TRUST_OK)
		r = trust_local_exec_durably(local, statement, msg);
	if (r == TRUST_OK && sqlite3_changes(local->file.db) == 0)
		return TRUST_ERR_CONFLICT;
	return r;
}

enum trust_err
trust_token_spend(struct trust_local *local, const struct trust_token_id *token,
    int64_t uses, const char *device, const struct trust_thumbprint *key,
    struct trust_message *msg)
{
	struct trust_token_uses known = {0};
	enum trust_err r = find_use(local, token, key, &known, msg);

	if (r != TRUST_OK || known.is_spent)
		return r;
	local->has_open_uses = true;
	return spend(local, token, uses, device, key, msg);
}

enum trust_err
trust_token_finish(struct trust_local *local, const char *device,
    const struct trust_thumbprint *key, bool *any, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_FINISH_USES];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*any = false;
	if (!local->has_open_uses)
		return TRUST_OK;
	r = trust_local_bind(local, statement, 1, device, msg);
	if (r == TRUST_OK)
		r = trust_local_bind_digest(local, statement, 2, key, msg);
	if (r == TRUST_OK)
		r = trust_local_exec_durably(local, statement, msg);
	if (r != TRUST_OK)
		return r;
	*any = sqlite3_changes(local->file.db) > 0;
	return *any ? trust_local_find_any(local, TRUST_LOCAL_FIND_OPEN_USE,
			  &local->has_open_uses, msg)
		    : TRUST_OK;
}
