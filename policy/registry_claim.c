/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: which device has which thumbprint or key. Two may claim one within a
 * change; who still does at its end is refused.
 *
 * A change that begins without any defers them, and enters them in their
 * order. They come in none, and a million of them one by one would read and
 * write most of their index over and over.
 */
#include <string.h>

#include "registry_internal.h"

/* ---- Deferred ---- */

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

static enum trust_err
defer(struct trust_registry *registry, enum trust_registry_claim claim,
    const struct trust_thumbprint *digest, const char *device,
    struct trust_message *msg)
{
	sqlite3_stmt *add = registry->statements[TRUST_REGISTRY_DEFER];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_bind_claim(registry, add, claim, digest, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_text(add, 3, device, -1, SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return trust_registry_file_exec(&registry->file, add, msg);
}

static enum trust_err
exec(struct trust_registry *registry, enum trust_registry_statement statement,
    struct trust_message *msg)
{
	return trust_registry_file_exec(
	    &registry->file, registry->statements[statement], msg);
}

static enum trust_err
enter_deferred(struct trust_registry *registry, struct trust_message *msg)
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

/* ---- Made and given up ---- */

/* Bind claim, digest and device: the parameters of all about claims. */
static enum trust_err
bind_device(const struct trust_registry *registry, sqlite3_stmt *statement,
    const struct trust_registry_claims *claims, size_t i, const char *device,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_bind_claim(
	    registry, statement, claims->claim, &claims->v[i], msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_text(statement, 3, device, -1, SQLITE_STATIC) !=
	    SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return TRUST_OK;
}

static const char *
claim_name(enum trust_registry_claim claim)
{
	return claim == TRUST_REGISTRY_CLAIM_PIN ? "key" : "thumbprint";
}

/* A rival may yet give the claim up: the commit looks again. */
static enum trust_err
note_rival(struct trust_registry *registry,
    const struct trust_registry_claims *claims, size_t i, const char *device,
    int64_t line, struct trust_message *msg)
{
	sqlite3_stmt *find = registry->statements[TRUST_REGISTRY_FIND_RIVAL];
	sqlite3_stmt *add = registry->statements[TRUST_REGISTRY_ADD_SUSPECT];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool rival;

	r = bind_device(registry, find, claims, i, device, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_step(&registry->file, find, &rival, msg);
	trust_registry_file_reset(find);
	if (r != TRUST_OK || !rival)
		return r;
	r = bind_device(registry, add, claims, i, device, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_int64(add, 4, line) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	registry->change.has_suspects = true;
	return trust_registry_file_exec(&registry->file, add, msg);
}

static enum trust_err
claim_one(struct trust_registry *registry,
    const struct trust_registry_claims *claims, size_t i, const char *device,
    int64_t line, struct trust_message *msg)
{
	sqlite3_stmt *claim = registry->statements[TRUST_REGISTRY_CLAIM];
	char text[TRUST_THUMBPRINT_TEXT];
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (registry->change.defers)
		return defer(
		    registry, claims->claim, &claims->v[i], device, msg);
	r = note_rival(registry, claims, i, device, line, msg);
	if (r != TRUST_OK)
		return r;
	r = bind_device(registry, claim, claims, i, device, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_exec(&registry->file, claim, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_changes(registry->file.db) == 1)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_CONFLICT,
	    "device %s: %s %s stands in it twice", device,
	    claim_name(claims->claim),
	    trust_thumbprint_format(&claims->v[i], text));
}

enum trust_err
trust_registry_claim_all(struct trust_registry *registry,
    const struct trust_record *record, int64_t line, struct trust_message *msg)
{
	struct trust_registry_claims claims =
	    trust_registry_get0_claims(record);
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < claims.n; i++)
		r = claim_one(registry, &claims, i, record->id, line, msg);
	return r;
}

enum trust_err
trust_registry_unclaim_all(struct trust_registry *registry,
    const struct trust_record *device, struct trust_message *msg)
{
	sqlite3_stmt *unclaim = registry->statements[TRUST_REGISTRY_UNCLAIM];
	struct trust_registry_claims claims =
	    trust_registry_get0_claims(device);
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = enter_deferred(registry, msg);
	for (size_t i = 0; r == TRUST_OK && i < claims.n; i++) {
		r = bind_device(registry, unclaim, &claims, i, device->id, msg);
		if (r == TRUST_OK)
			r = trust_registry_file_exec(
			    &registry->file, unclaim, msg);
	}
	return r;
}

/* ---- Judged ---- */

static enum trust_err
tell_conflict(sqlite3_stmt *found, struct trust_message *msg)
{
	struct trust_span bytes = trust_registry_file_get0_bytes(found, 1);
	const char *device = (const char *)sqlite3_column_text(found, 2);
	int64_t line = sqlite3_column_int64(found, 3);
	const char *rival = (const char *)sqlite3_column_text(found, 4);
	struct trust_thumbprint digest = {0};
	char text[TRUST_THUMBPRINT_TEXT];

	if (bytes.len == sizeof(digest.b))
		memcpy(digest.b, bytes.p, bytes.len);
	(void)trust_err_set(msg, TRUST_ERR_CONFLICT,
	    "device %s: %s %s is claimed by device %s already",
	    device != NULL ? device : "?",
	    claim_name((enum trust_registry_claim)sqlite3_column_int(found, 0)),
	    trust_thumbprint_format(&digest, text),
	    rival != NULL ? rival : "?");
	if (line == 0)
		return TRUST_ERR_CONFLICT;
	return trust_err_prefix(
	    msg, TRUST_ERR_CONFLICT, "line %lld", (long long)line);
}

enum trust_err
trust_registry_check_claims(
    struct trust_registry *registry, struct trust_message *msg)
{
	sqlite3_stmt *find = registry->statements[TRUST_REGISTRY_FIND_CONFLICT];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = enter_deferred(registry, msg);
	if (r != TRUST_OK || !registry->change.has_suspects)
		return r;
	r = trust_registry_file_step(&registry->file, find, &row, msg);
	if (r == TRUST_OK && row)
		r = tell_conflict(find, msg);
	trust_registry_file_reset(find);
	if (r != TRUST_OK)
		return r;
	return trust_registry_file_exec(&registry->file,
	    registry->statements[TRUST_REGISTRY_CLEAR_SUSPECTS], msg);
}
