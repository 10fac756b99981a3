/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims deferred: a change that begins without any gathers them, and enters
 * them in their order. They come in none, and a million of them one by one
 * would read and write most of their index over and over.
 */
#include "registry_internal.h"

enum trust_err
trust_registry_defer_claims(
    struct trust_registry *registry, struct trust_message *msg)
{
	sqlite3_stmt *find = registry->statements[TRUST_REGISTRY_FIND_ANY];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = trust_registry_file_step(&registry->file, find, &row, msg);
	trust_registry_file_reset(find);
	if (r == TRUST_OK)
		registry->change.defers = !row;
	return r;
}

enum trust_err
trust_registry_defer_claim(struct trust_registry *registry,
    enum trust_registry_claim claim, const struct trust_thumbprint *digest,
    const char *device, struct trust_message *msg)
{
	sqlite3_stmt *defer = registry->statements[TRUST_REGISTRY_DEFER];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_bind_claim(registry, defer, claim, digest, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_text(defer, 3, device, -1, SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return trust_registry_file_exec(&registry->file, defer, msg);
}

static enum trust_err
exec(struct trust_registry *registry, enum trust_registry_statement statement,
    struct trust_message *msg)
{
	return trust_registry_file_exec(
	    &registry->file, registry->statements[statement], msg);
}

enum trust_err
trust_registry_enter_claims(
    struct trust_registry *registry, struct trust_message *msg)
{
	struct trust_registry_change *change = &registry->change;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (!change->defers)
		return TRUST_OK;
	change->defers = false;
	r = exec(registry, TRUST_REGISTRY_ENTER_DEFERRED, msg);
	if (r != TRUST_OK)
		return r;
	r = exec(registry, TRUST_REGISTRY_CLEAR_DEFERRED, msg);
	if (r != TRUST_OK)
		return r;
	change->has_suspects = true;
	return exec(registry, TRUST_REGISTRY_SUSPECT_ALL, msg);
}
