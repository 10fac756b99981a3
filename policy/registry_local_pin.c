/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table "pin" of REGISTRY.local: the keys of devices' first certificates.
 */
#include <string.h>

#include "registry_local_internal.h"

static bool
copy(sqlite3_stmt *row, int column, struct trust_thumbprint *out)
{
	struct trust_span key = trust_registry_file_get0_bytes(row, column);

	if (key.len != sizeof(out->b))
		return false;
	memcpy(out->b, key.p, sizeof(out->b));
	return true;
}

enum trust_err
trust_local_find_pin(struct trust_local *local, const char *device,
    struct trust_local_pin *out, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_FIND_PIN];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = (struct trust_local_pin){0};
	r = trust_local_step_to(local, statement, device, msg);
	if (r != TRUST_OK)
		goto out;
	out->renewed = sqlite3_column_type(statement, 1) != SQLITE_NULL;
	if (!copy(statement, 0, &out->key) ||
	    (out->renewed && !copy(statement, 1, &out->next)))
		r = trust_registry_file_damaged(&local->file, msg, "pin");
out:
	trust_registry_file_reset(statement);
	return r;
}

/* Run a statement whose parameters are a device and a key. */
static enum trust_err
change(struct trust_local *local, enum trust_local_statement which,
    const char *device, const struct trust_thumbprint *key,
    struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[which];
	enum trust_err r = trust_local_bind(local, statement, 1, device, msg);

	if (r == TRUST_OK)
		r = trust_local_bind_digest(local, statement, 2, key, msg);
	return r == TRUST_OK ? trust_local_exec_durably(local, statement, msg)
			     : r;
}

enum trust_err
trust_local_pin(struct trust_local *local, const char *device,
    const struct trust_thumbprint *key, struct trust_message *msg)
{
	return change(local, TRUST_LOCAL_PUT_PIN, device, key, msg);
}

enum trust_err
trust_local_renew_pin(struct trust_local *local, const char *device,
    const struct trust_thumbprint *next, struct trust_message *msg)
{
	return change(local, TRUST_LOCAL_RENEW_PIN, device, next, msg);
}

enum trust_err
trust_local_take_pin(struct trust_local *local, const char *device,
    const struct trust_thumbprint *next, struct trust_message *msg)
{
	return change(local, TRUST_LOCAL_TAKE_PIN, device, next, msg);
}

enum trust_err
trust_local_unpin(
    struct trust_local *local, const char *device, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_DROP_PIN];
	enum trust_err r = trust_local_bind(local, statement, 1, device, msg);

	if (r == TRUST_OK)
		r = trust_local_exec_durably(local, statement, msg);
	if (r == TRUST_OK && sqlite3_changes(local->file.db) == 0)
		return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "no key of device %s is remembered", device);
	return r;
}
