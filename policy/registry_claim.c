/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims: which device has which thumbprint, key or PSK identity. Two may
 * claim one within a change; who still does at its end is refused.
 *
 * Digests come in no order, and a million of them one by one would read and
 * write most of their index over and over. A change that may be large defers
 * what it makes and gives up, and does it in the order of the index. One that
 * does not rely on the index drops it, and makes all of it anew.
 */
#include <string.h>

#include "registry_internal.h"

/* One row of the index; borrowed. */
struct claim {
	enum trust_registry_claim claim;
	const struct trust_thumbprint *digest;
	const char *device;
};

static enum trust_err
bind(const struct trust_registry *registry, sqlite3_stmt *statement,
    const struct claim *claim, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_bind_claim(
	    registry, statement, claim->claim, claim->digest, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_text(statement, 3, claim->device, -1, SQLITE_STATIC) !=
	    SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return TRUST_OK;
}

static enum trust_err
exec(struct trust_registry *registry, enum trust_registry_statement which,
    const struct claim *claim, struct trust_message *msg)
{
	sqlite3_stmt *statement = registry->statements[which];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = bind(registry, statement, claim, msg);
	if (r != TRUST_OK)
		return r;
	return trust_registry_file_exec(&registry->file, statement, msg);
}

static const char *
claim_name(enum trust_registry_claim claim)
{
	switch (claim) {
	case TRUST_REGISTRY_CLAIM_THUMBPRINT:
		return "thumbprint";
	case TRUST_REGISTRY_CLAIM_PIN:
		return "key";
	case TRUST_REGISTRY_CLAIM_IDENTITY:
		return "PSK identity";
	}
	return "claim";
}

/* ---- One ---- */

/* A rival may yet give the claim up: the commit looks again. */
static enum trust_err
note_rival(struct trust_registry *registry, const struct claim *claim,
    int64_t line, struct trust_message *msg)
{
	sqlite3_stmt *find = registry->statements[TRUST_REGISTRY_FIND_RIVAL];
	sqlite3_stmt *add = registry->statements[TRUST_REGISTRY_ADD_SUSPECT];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool rival;

	r = bind(registry, find, claim, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_step(&registry->file, find, &rival, msg);
	trust_registry_file_reset(find);
	if (r != TRUST_OK || !rival)
		return r;
	if (sqlite3_bind_int64(add, 4, line) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	registry->change.has_suspects = true;
	return exec(registry, TRUST_REGISTRY_ADD_SUSPECT, claim, msg);
}

static enum trust_err
enter(struct trust_registry *registry, const struct claim *claim, int64_t line,
    struct trust_message *msg)
{
	char text[TRUST_THUMBPRINT_TEXT];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = note_rival(registry, claim, line, msg);
	if (r != TRUST_OK)
		return r;
	r = exec(registry, TRUST_REGISTRY_CLAIM, claim, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_changes(registry->file.db) == 1)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_CONFLICT,
	    "device %s: %s %s stands in it twice", claim->device,
	    claim_name(claim->claim),
	    trust_thumbprint_format(claim->digest, text));
}

/* ---- Deferred ---- */

void
trust_registry_defer_claims(struct trust_registry *registry)
{
	registry->change.defers = true;
}

/* A claim that is made (1) or given up (-1). */
static enum trust_err
defer(struct trust_registry *registry, const struct claim *claim, int n,
    struct trust_message *msg)
{
	sqlite3_stmt *add = registry->statements[TRUST_REGISTRY_DEFER];

	if (sqlite3_bind_int(add, 4, n) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return exec(registry, TRUST_REGISTRY_DEFER, claim, msg);
}

void
trust_registry_reindex_claims(struct trust_registry *registry)
{
	registry->change.reindexes = true;
}

/* Devices, read again. */
struct reindexing {
	struct trust_registry *registry;
	struct trust_message *msg;
};

static enum trust_err
claim_again(void *arg, const char *id, struct trust_span line)
{
	const struct reindexing *reindexing = arg;
	struct trust_record *device = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_parse(reindexing->registry, TRUST_KIND_DEVICE, id,
	    line, &device, reindexing->msg);
	if (r == TRUST_OK)
		r = trust_registry_claim_all(
		    reindexing->registry, device, 0, reindexing->msg);
	trust_record_free(device);
	return r;
}

/* Drop all claims, and defer what the devices claim now. */
static enum trust_err
reindex(struct trust_registry *registry, struct trust_message *msg)
{
	struct reindexing reindexing = {registry, msg};
	enum trust_err r = TRUST_ERR_INTERNAL;

	registry->change.reindexes = false;
	r = trust_registry_file_exec(&registry->file,
	    registry->statements[TRUST_REGISTRY_CLEAR_CLAIMS], msg);
	if (r != TRUST_OK)
		return r;
	trust_registry_defer_claims(registry);
	return trust_registry_list(
	    registry, TRUST_KIND_DEVICE, claim_again, &reindexing, msg);
}

/* Do what a row of the list says. */
static enum trust_err
settle(struct trust_registry *registry, sqlite3_stmt *row,
    struct trust_message *msg)
{
	struct trust_span bytes = trust_registry_file_get0_bytes(row, 1);
	struct trust_thumbprint digest;
	struct claim claim = {
	    .claim = (enum trust_registry_claim)sqlite3_column_int(row, 0),
	    .digest = &digest,
	    .device = (const char *)sqlite3_column_text(row, 2),
	};

	if (claim.device == NULL || bytes.len != sizeof(digest.b))
		return trust_registry_file_fail(&registry->file, msg);
	memcpy(digest.b, bytes.p, bytes.len);
	if (sqlite3_column_int(row, 3) < 0)
		return exec(registry, TRUST_REGISTRY_UNCLAIM, &claim, msg);
	return enter(registry, &claim, 0, msg);
}

/* Do all that was deferred; from here on nothing is. */
static enum trust_err
settle_all(struct trust_registry *registry, struct trust_message *msg)
{
	sqlite3_stmt *list = registry->statements[TRUST_REGISTRY_LIST_DEFERRED];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	if (!registry->change.defers)
		return TRUST_OK;
	registry->change.defers = false;
	for (;;) {
		r = trust_registry_file_step(&registry->file, list, &row, msg);
		if (r != TRUST_OK || !row)
			break;
		r = settle(registry, list, msg);
		if (r != TRUST_OK)
			break;
	}
	trust_registry_file_reset(list);
	if (r != TRUST_OK)
		return r;
	return trust_registry_file_exec(&registry->file,
	    registry->statements[TRUST_REGISTRY_CLEAR_DEFERRED], msg);
}

/* ---- All of a device ---- */

enum trust_err
trust_registry_claim_all(struct trust_registry *registry,
    const struct trust_record *record, int64_t line, struct trust_message *msg)
{
	struct trust_registry_claims claims =
	    trust_registry_get0_claims(record);
	enum trust_err r = TRUST_OK;

	if (registry->change.reindexes)
		return TRUST_OK;
	for (size_t i = 0; r == TRUST_OK && i < claims.n; i++) {
		struct claim claim = {claims.claim, &claims.v[i], record->id};

		r = registry->change.defers
			? defer(registry, &claim, 1, msg)
			: enter(registry, &claim, line, msg);
	}
	return r;
}

enum trust_err
trust_registry_unclaim_all(struct trust_registry *registry,
    const struct trust_record *device, struct trust_message *msg)
{
	struct trust_registry_claims claims =
	    trust_registry_get0_claims(device);
	enum trust_err r = TRUST_OK;

	if (registry->change.reindexes)
		return TRUST_OK;
	for (size_t i = 0; r == TRUST_OK && i < claims.n; i++) {
		struct claim claim = {claims.claim, &claims.v[i], device->id};

		r = registry->change.defers
			? defer(registry, &claim, -1, msg)
			: exec(registry, TRUST_REGISTRY_UNCLAIM, &claim, msg);
	}
	return r;
}

/* ---- Judged ---- */

/* What is claimed, as people write it: of an identity the index has only the
 * digest, and the device's record what it was made of. */
static const char *
show_claimed(struct trust_registry *registry, enum trust_registry_claim claim,
    const struct trust_thumbprint *digest, const char *device,
    char out[TRUST_SHOWN_MAX])
{
	struct trust_record *record = NULL;

	(void)trust_thumbprint_format(digest, out);
	if (claim == TRUST_REGISTRY_CLAIM_IDENTITY &&
	    trust_registry_find(registry, TRUST_KIND_DEVICE, device, &record,
		NULL) == TRUST_OK &&
	    record->u.device.identity != NULL)
		(void)trust_span_show(trust_span_of(record->u.device.identity),
		    out, TRUST_SHOWN_MAX);
	trust_record_free(record);
	return out;
}

static enum trust_err
tell_conflict(struct trust_registry *registry, sqlite3_stmt *found,
    struct trust_message *msg)
{
	enum trust_registry_claim claim =
	    (enum trust_registry_claim)sqlite3_column_int(found, 0);
	struct trust_span bytes = trust_registry_file_get0_bytes(found, 1);
	const char *device = (const char *)sqlite3_column_text(found, 2);
	int64_t line = sqlite3_column_int64(found, 3);
	const char *rival = (const char *)sqlite3_column_text(found, 4);
	struct trust_thumbprint digest = {0};
	char shown[TRUST_SHOWN_MAX];

	if (device == NULL || rival == NULL)
		return trust_registry_file_fail(&registry->file, msg);
	if (bytes.len == sizeof(digest.b))
		memcpy(digest.b, bytes.p, bytes.len);
	(void)trust_err_set(msg, TRUST_ERR_CONFLICT,
	    "device %s: %s %s is claimed by device %s already", device,
	    claim_name(claim),
	    show_claimed(registry, claim, &digest, device, shown), rival);
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

	if (registry->change.reindexes) {
		r = reindex(registry, msg);
		if (r != TRUST_OK)
			return r;
	}
	r = settle_all(registry, msg);
	if (r != TRUST_OK || !registry->change.has_suspects)
		return r;
	r = trust_registry_file_step(&registry->file, find, &row, msg);
	if (r == TRUST_OK && row)
		r = tell_conflict(registry, find, msg);
	trust_registry_file_reset(find);
	if (r != TRUST_OK)
		return r;
	return trust_registry_file_exec(&registry->file,
	    registry->statements[TRUST_REGISTRY_CLEAR_SUSPECTS], msg);
}
