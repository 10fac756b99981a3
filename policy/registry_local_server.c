/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table "server" of REGISTRY.local: the certificates that this gateway's
 * listeners have shown.
 */
#include "registry_local_internal.h"

enum trust_err
trust_local_has_server(
    struct trust_local *local, bool *any, struct trust_message *msg)
{
	sqlite3_stmt *statement =
	    local->statements[TRUST_LOCAL_FIND_ANY_SERVER];
	enum trust_err r =
	    trust_registry_file_step(&local->file, statement, any, msg);

	trust_registry_file_reset(statement);
	return r;
}

static enum trust_err
bind(const struct trust_local *local, sqlite3_stmt *statement,
    const struct trust_thumbprint *thumbprint, struct trust_message *msg)
{
	if (sqlite3_bind_blob(statement, 1, thumbprint->b,
		sizeof(thumbprint->b), SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return TRUST_OK;
}

static enum trust_err
find(const struct trust_local *local, const struct trust_thumbprint *thumbprint,
    bool *found, struct trust_message *msg)
{
	sqlite3_stmt *statement = local->statements[TRUST_LOCAL_FIND_SERVER];
	enum trust_err r = bind(local, statement, thumbprint, msg);

	if (r == TRUST_OK)
		r = trust_registry_file_step(
		    &local->file, statement, found, msg);
	trust_registry_file_reset(statement);
	return r;
}

/* One that is known becomes the youngest again: while it is shown it is not
 * dropped, however many another listener has had. */
enum trust_err
trust_local_remember_server(struct trust_local *local,
    const struct trust_thumbprint *thumbprint, bool *news,
    struct trust_message *msg)
{
	sqlite3_stmt *put = local->statements[TRUST_LOCAL_PUT_SERVER];
	sqlite3_stmt *drop = local->statements[TRUST_LOCAL_DROP_SERVERS];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool found = false;

	*news = false;
	r = find(local, thumbprint, &found, msg);
	if (r == TRUST_OK)
		r = bind(local, put, thumbprint, msg);
	if (r == TRUST_OK)
		r = trust_registry_file_exec(&local->file, put, msg);
	if (r != TRUST_OK)
		return r;
	*news = !found;
	if (sqlite3_bind_int(drop, 1, TRUST_LOCAL_SERVERS_MAX) != SQLITE_OK)
		return trust_registry_file_fail(&local->file, msg);
	return trust_registry_file_exec(&local->file, drop, msg);
}
