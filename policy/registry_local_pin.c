/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table "pin" of REGISTRY.local: the keys of devices' first certificates.
 */
#include <string.h>

#include "registry_local_internal.h"

/* What was promised about a key must not be lost with the power, nor with a
 * file that the next start will not find. */
static enum trust_err
exec_durably(const struct trust_local *local, sqlite3_stmt *statement,
    struct trust_message *msg)
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
trust_local_find_pin(struct trust_local *local, const char *device,
    struct trust_thumbprint *out, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_FIND_PIN];
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span key;

	r = trust_local_step_to(local, statement, device, msg);
	if (r != TRUST_OK)
		goto out;
	key = trust_registry_file_get0_bytes(statement, 0);
	if (key.len != sizeof(out->b)) {
		r = trust_registry_file_damaged(&local->file, msg, "pin");
		goto out;
	}
	memcpy(out->b, key.p, sizeof(out->b));
	r = TRUST_OK;
out:
	trust_registry_file_reset(statement);
	return r;
}

enum trust_err
trust_local_pin(struct trust_local *local, const char *device,
    const struct trust_thumbprint *key, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_PUT_PIN];
	enum trust_err r = trust_local_bind(local, statement, 1, device, msg);

	if (r == TRUST_OK && sqlite3_bind_blob(statement, 2, key->b,
				 sizeof(key->b), SQLITE_STATIC) != SQLITE_OK)
		r = trust_registry_file_fail(&local->file, msg);
	return r == TRUST_OK ? exec_durably(local, statement, msg) : r;
}

enum trust_err
trust_local_unpin(
    struct trust_local *local, const char *device, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_DROP_PIN];
	enum trust_err r = trust_local_bind(local, statement, 1, device, msg);

	if (r == TRUST_OK)
		r = exec_durably(local, statement, msg);
	if (r == TRUST_OK && sqlite3_changes(local->file.db) == 0)
		return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "no key of device %s is remembered", device);
	return r;
}
