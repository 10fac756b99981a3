/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry, read.
 */
#include <string.h>

#include "registry_internal.h"

/*
 * A statement that stands at a row keeps its state of the file, and all others
 * read that: as good as BEGIN and COMMIT, and two statements less.
 */
enum trust_err
trust_registry_begin_read(
    struct trust_registry *registry, struct trust_message *msg)
{
	sqlite3_stmt *state = registry->statements[TRUST_REGISTRY_READ_STATE];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = trust_registry_file_step(&registry->file, state, &row, msg);
	if (r == TRUST_OK &&
	    (!row || sqlite3_column_type(state, 0) != SQLITE_INTEGER))
		r = trust_registry_file_damaged(
		    &registry->file, msg, TRUST_REGISTRY_META_GENERATION);
	if (r != TRUST_OK) {
		trust_registry_file_reset(state);
		return r;
	}
	registry->read_generation = sqlite3_column_int64(state, 0);
	registry->reading = true;
	return TRUST_OK;
}

void
trust_registry_end_read(struct trust_registry *registry)
{
	registry->reading = false;
	trust_registry_file_reset(
	    registry->statements[TRUST_REGISTRY_READ_STATE]);
}

enum trust_err
trust_registry_bind_record(const struct trust_registry *registry,
    sqlite3_stmt *statement, enum trust_kind kind, const char *id,
    struct trust_message *msg)
{
	if (sqlite3_bind_int(statement, 1, (int)kind) != SQLITE_OK ||
	    sqlite3_bind_text(statement, 2, id, -1, SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return TRUST_OK;
}

enum trust_err
trust_registry_bind_claim(const struct trust_registry *registry,
    sqlite3_stmt *statement, enum trust_registry_claim claim,
    const struct trust_thumbprint *digest, struct trust_message *msg)
{
	if (sqlite3_bind_int(statement, 1, (int)claim) != SQLITE_OK ||
	    sqlite3_bind_blob(statement, 2, digest->b, TRUST_THUMBPRINT_LEN,
		SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return TRUST_OK;
}

/* trust_record_parse, or trust_record_parse_stored. */
typedef enum trust_err parse_line(struct trust_span line,
    struct trust_record **out, struct trust_message *msg);

static enum trust_err
parse(const struct trust_registry *registry, parse_line *how,
    enum trust_kind kind, const char *id, struct trust_span line,
    struct trust_record **out, struct trust_message *msg)
{
	struct trust_record *record = NULL;
	struct trust_message what = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	r = how(line, &record, &what);
	if (r == TRUST_OK && record->kind == kind &&
	    strcmp(record->id, id) == 0) {
		*out = record;
		record = NULL; /* transferred */
	} else if (r == TRUST_OK || r == TRUST_ERR_INPUT) {
		(void)trust_err_prefix(
		    &what, r, "%s %s", trust_kind_name(kind), id);
		r = trust_registry_file_damaged(
		    &registry->file, msg, what.text);
	}
	trust_record_free(record);
	return r;
}

enum trust_err
trust_registry_parse(const struct trust_registry *registry,
    enum trust_kind kind, const char *id, struct trust_span line,
    struct trust_record **out, struct trust_message *msg)
{
	return parse(
	    registry, trust_record_parse_stored, kind, id, line, out, msg);
}

/* The record of a bound statement's row; resets the statement. */
static enum trust_err
find(struct trust_registry *registry, sqlite3_stmt *statement,
    enum trust_kind kind, struct trust_record **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char *id;
	bool row;

	r = trust_registry_file_step(&registry->file, statement, &row, msg);
	if (r != TRUST_OK)
		goto out;
	if (!row) {
		r = TRUST_ERR_NOT_FOUND;
		goto out;
	}
	id = (const char *)sqlite3_column_text(statement, 0);
	if (id == NULL) {
		r = trust_registry_file_fail(&registry->file, msg);
		goto out;
	}
	r = parse(registry, trust_record_parse, kind, id,
	    trust_registry_file_get0_bytes(statement, 1), out, msg);
out:
	trust_registry_file_reset(statement);
	return r;
}

enum trust_err
trust_registry_find(struct trust_registry *registry, enum trust_kind kind,
    const char *id, struct trust_record **out, struct trust_message *msg)
{
	sqlite3_stmt *statement = registry->statements[TRUST_REGISTRY_FIND];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	r = trust_registry_bind_record(registry, statement, kind, id, msg);
	if (r != TRUST_OK)
		return r;
	return find(registry, statement, kind, out, msg);
}

struct trust_registry_claims
trust_registry_get0_claims(const struct trust_record *record)
{
	const struct trust_device *device = &record->u.device;

	if (record->kind != TRUST_KIND_DEVICE)
		return (struct trust_registry_claims){0};
	switch (device->auth) {
	case TRUST_AUTH_THUMBPRINT:
		return (struct trust_registry_claims){
		    TRUST_REGISTRY_CLAIM_THUMBPRINT, device->thumbprints,
		    device->n_thumbprints};
	case TRUST_AUTH_KEY:
		return (struct trust_registry_claims){
		    TRUST_REGISTRY_CLAIM_PIN, device->pins, device->n_pins};
	case TRUST_AUTH_PSK:
		return (struct trust_registry_claims){
		    TRUST_REGISTRY_CLAIM_IDENTITY, &device->identity_sha256, 1};
	case TRUST_AUTH_CA:
		break;
	}
	return (struct trust_registry_claims){0};
}

static bool
makes_claim(const struct trust_record *record, enum trust_registry_claim claim,
    const struct trust_thumbprint *digest)
{
	struct trust_registry_claims claims =
	    trust_registry_get0_claims(record);
	bool found = false;

	for (size_t i = 0; claims.claim == claim && i < claims.n; i++)
		found |= trust_thumbprint_equal(&claims.v[i], digest);
	return found;
}

/*
 * The index leads to the device; that its own record says so, too, keeps a
 * damaged index from letting anybody in.
 */
static enum trust_err
find_claim(struct trust_registry *registry, enum trust_registry_claim claim,
    const struct trust_thumbprint *digest, struct trust_record **out,
    struct trust_message *msg)
{
	sqlite3_stmt *statement =
	    registry->statements[TRUST_REGISTRY_FIND_CLAIM];
	struct trust_record *record = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	r = trust_registry_bind_claim(registry, statement, claim, digest, msg);
	if (r != TRUST_OK)
		goto out;
	r = find(registry, statement, TRUST_KIND_DEVICE, &record, msg);
	if (r != TRUST_OK)
		goto out;
	if (!makes_claim(record, claim, digest)) {
		r = trust_registry_file_damaged(&registry->file, msg,
		    "index of thumbprints, pins and identities");
		goto out;
	}
	*out = record;
	record = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_record_free(record);
	return r;
}

enum trust_err
trust_registry_find_thumbprint(struct trust_registry *registry,
    const struct trust_thumbprint *thumbprint, struct trust_record **out,
    struct trust_message *msg)
{
	return find_claim(
	    registry, TRUST_REGISTRY_CLAIM_THUMBPRINT, thumbprint, out, msg);
}

enum trust_err
trust_registry_find_pin(struct trust_registry *registry,
    const struct trust_thumbprint *pin, struct trust_record **out,
    struct trust_message *msg)
{
	return find_claim(registry, TRUST_REGISTRY_CLAIM_PIN, pin, out, msg);
}

enum trust_err
trust_registry_find_identity(struct trust_registry *registry,
    const char *identity, struct trust_record **out, struct trust_message *msg)
{
	struct trust_thumbprint digest;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	r = trust_thumbprint_of(trust_span_of(identity), &digest);
	if (r != TRUST_OK)
		return r;
	return find_claim(
	    registry, TRUST_REGISTRY_CLAIM_IDENTITY, &digest, out, msg);
}

/* All rows of a statement whose parameters are bound. */
static enum trust_err
visit_all(struct trust_registry *registry, sqlite3_stmt *list,
    trust_registry_visit *visit, void *arg, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span line;
	const char *id;
	bool row;

	for (;;) {
		r = trust_registry_file_step(&registry->file, list, &row, msg);
		if (r != TRUST_OK || !row)
			break;
		id = (const char *)sqlite3_column_text(list, 0);
		line = trust_registry_file_get0_bytes(list, 1);
		/* An empty line may be damage, or a lack of memory. */
		if (id == NULL ||
		    (line.len == 0 &&
			sqlite3_errcode(registry->file.db) == SQLITE_NOMEM)) {
			r = trust_registry_file_fail(&registry->file, msg);
			break;
		}
		r = visit(arg, id, line);
		if (r != TRUST_OK)
			break;
	}
	trust_registry_file_reset(list);
	return r;
}

enum trust_err
trust_registry_list(struct trust_registry *registry, enum trust_kind kind,
    trust_registry_visit *visit, void *arg, struct trust_message *msg)
{
	sqlite3_stmt *list = registry->statements[TRUST_REGISTRY_LIST];

	if (sqlite3_bind_int(list, 1, (int)kind) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return visit_all(registry, list, visit, arg, msg);
}

enum trust_err
trust_registry_list_one(struct trust_registry *registry, enum trust_kind kind,
    const char *id, trust_registry_visit *visit, void *arg,
    struct trust_message *msg)
{
	sqlite3_stmt *find_one = registry->statements[TRUST_REGISTRY_FIND];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_bind_record(registry, find_one, kind, id, msg);
	if (r != TRUST_OK)
		return r;
	return visit_all(registry, find_one, visit, arg, msg);
}

enum trust_err
trust_registry_list_after(struct trust_registry *registry, enum trust_kind kind,
    const char *after, size_t max, trust_registry_visit *visit, void *arg,
    struct trust_message *msg)
{
	sqlite3_stmt *list = registry->statements[TRUST_REGISTRY_LIST_AFTER];

	if (sqlite3_bind_int(list, 1, (int)kind) != SQLITE_OK ||
	    sqlite3_bind_text(list, 2, after, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_int64(list, 3, (sqlite3_int64)max) != SQLITE_OK)
		return trust_registry_file_fail(&registry->file, msg);
	return visit_all(registry, list, visit, arg, msg);
}

enum trust_err
trust_registry_get_generation(struct trust_registry *registry,
    int64_t *generation, struct trust_message *msg)
{
	sqlite3_stmt *get = registry->statements[TRUST_REGISTRY_DATA_VERSION];
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_registry_mark mark;
	int64_t data_version;
	bool row;

	*generation = registry->read_generation;
	if (registry->reading)
		return TRUST_OK;
	*generation = registry->generation;
	if (trust_registry_file_is_at(&registry->file, &registry->mark))
		return TRUST_OK;
	*generation = 0;
	registry->mark.whole = false;
	/* What is committed from here on makes it another one. */
	trust_registry_file_mark(&registry->file, &mark);
	r = trust_registry_file_step(&registry->file, get, &row, msg);
	data_version = r == TRUST_OK && row ? sqlite3_column_int64(get, 0) : -1;
	trust_registry_file_reset(get);
	if (r != TRUST_OK)
		return r;
	if (data_version == -1 || data_version != registry->data_version) {
		r = trust_registry_get_meta(registry,
		    TRUST_REGISTRY_META_GENERATION, &registry->generation, msg);
		if (r != TRUST_OK)
			return r;
		registry->data_version = data_version;
	}
	registry->mark = mark;
	*generation = registry->generation;
	return TRUST_OK;
}

int64_t
trust_registry_get_version(const struct trust_registry *registry)
{
	return registry->data_version;
}

/* Newest first, so that the walk is as long as the answer. */
static enum trust_err
visit_changes(struct trust_registry *registry, int64_t since,
    trust_registry_changed *visit, void *arg, struct trust_message *msg)
{
	sqlite3_stmt *changes = registry->statements[TRUST_REGISTRY_CHANGES];
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char *id;
	bool row;

	for (;;) {
		r = trust_registry_file_step(
		    &registry->file, changes, &row, msg);
		if (r != TRUST_OK || !row ||
		    sqlite3_column_int64(changes, 0) <= since)
			break;
		id = (const char *)sqlite3_column_text(changes, 2);
		if (id == NULL) {
			r = trust_registry_file_fail(&registry->file, msg);
			break;
		}
		visit(arg, (enum trust_kind)sqlite3_column_int(changes, 1), id);
	}
	trust_registry_file_reset(changes);
	return r;
}

static enum trust_err
changes(struct trust_registry *registry, int64_t since,
    trust_registry_changed *visit, void *arg, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	int64_t generation;
	int64_t after;

	r = trust_registry_get_meta(
	    registry, TRUST_REGISTRY_META_GENERATION, &generation, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_get_meta(
	    registry, TRUST_REGISTRY_META_CHANGES_AFTER, &after, msg);
	if (r != TRUST_OK)
		return r;
	if (since < after || since > generation)
		return TRUST_ERR_NOT_FOUND;
	return visit_changes(registry, since, visit, arg, msg);
}

enum trust_err
trust_registry_changes(struct trust_registry *registry, int64_t since,
    trust_registry_changed *visit, void *arg, struct trust_message *msg)
{
	bool alone = !registry->reading &&
		     sqlite3_get_autocommit(registry->file.db) != 0;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (alone) {
		r = trust_registry_begin_read(registry, msg);
		if (r != TRUST_OK)
			return r;
	}
	r = changes(registry, since, visit, arg, msg);
	if (alone)
		trust_registry_end_read(registry);
	return r;
}

enum trust_err
trust_registry_get_held(struct trust_registry *registry,
    struct trust_registry_held *out, struct trust_message *msg)
{
	sqlite3_stmt *get = registry->statements[TRUST_REGISTRY_GET_HELD];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	*out = (struct trust_registry_held){0};
	r = trust_registry_file_step(&registry->file, get, &row, msg);
	if (r == TRUST_OK && row) {
		out->serial = sqlite3_column_int64(get, 0);
		out->this_update = sqlite3_column_int64(get, 1);
		out->next_update = sqlite3_column_int64(get, 2);
	}
	trust_registry_file_reset(get);
	return r;
}
