/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of a replica, changed: from one state to another in one
 * transaction.
 */
#include <string.h>

#include "content.h"
#include "registry_replica_internal.h"

static enum trust_err
exec(const struct trust_registry_replica *replica,
    enum trust_registry_replica_statement statement, struct trust_message *msg)
{
	return trust_registry_file_exec(
	    &replica->registry->file, replica->statements[statement], msg);
}

/* Run a statement on a kind and an id; *n becomes the number of rows that it
 * changed. */
static enum trust_err
run_on(const struct trust_registry_replica *replica,
    enum trust_registry_replica_statement which, enum trust_kind kind,
    const char *id, int *n, struct trust_message *msg)
{
	sqlite3_stmt *statement = replica->statements[which];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_bind_record(
	    replica->registry, statement, kind, id, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_exec(&replica->registry->file, statement, msg);
	*n = sqlite3_changes(replica->registry->file.db);
	return r;
}

static enum trust_err
clear(struct trust_registry_replica *replica, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = exec(replica, TRUST_REGISTRY_REPLICA_CLEAR_PASSED, msg);
	if (r != TRUST_OK)
		return r;
	return exec(replica, TRUST_REGISTRY_REPLICA_CLEAR_TOUCHED, msg);
}

/* From the state held, as it was noted. */
static enum trust_err
start_from_held(
    struct trust_registry_replica *replica, struct trust_message *msg)
{
	struct trust_registry_replica_change *change = &replica->change;
	struct trust_notification_mark held;
	struct trust_registry_info info;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_replica_get_mark(
	    replica, TRUST_REGISTRY_REPLICA_HELD, &held, NULL, NULL, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_get_info(replica->registry, &info, msg);
	if (r != TRUST_OK)
		return r;
	change->state = held.state;
	change->n_devices = info.n_records[TRUST_KIND_DEVICE];
	change->has_devices = change->n_devices > 0;
	return TRUST_OK;
}

static enum trust_err
find_devices(struct trust_registry_replica *replica, struct trust_message *msg)
{
	sqlite3_stmt *has =
	    replica->statements[TRUST_REGISTRY_REPLICA_HAS_DEVICES];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_file_step(
	    &replica->registry->file, has, &replica->change.has_devices, msg);
	trust_registry_file_reset(has);
	return r;
}

/* From nothing: neither digest nor counts that were noted are relied on. */
static enum trust_err
start_walk(struct trust_registry_replica *replica, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	replica->change.walks = true;
	/* Of a delta, a claim or two: no need to sort them. */
	trust_registry_defer_claims(replica->registry);
	r = trust_registry_clear_counts(replica->registry, msg);
	if (r != TRUST_OK)
		return r;
	return find_devices(replica, msg);
}

/* Who has read anything of what is held reads all of it again. */
static enum trust_err
start_anew(struct trust_registry_replica *replica, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = exec(replica, TRUST_REGISTRY_REPLICA_DROP_ODD, msg);
	if (r != TRUST_OK)
		return r;
	trust_registry_reindex_claims(replica->registry);
	replica->registry->change.n_touched = TRUST_REGISTRY_CHANGES_MAX + 1;
	return start_walk(replica, msg);
}

/* What the change begins with, read within its transaction. */
static enum trust_err
start(struct trust_registry_replica *replica, enum trust_registry_replica_by by,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	replica->change = (struct trust_registry_replica_change){0};
	r = clear(replica, msg);
	if (r != TRUST_OK)
		return r;
	switch (by) {
	case TRUST_REGISTRY_REPLICA_BY_DELTAS:
		return start_from_held(replica, msg);
	case TRUST_REGISTRY_REPLICA_BY_SNAPSHOT:
		return start_walk(replica, msg);
	case TRUST_REGISTRY_REPLICA_ANEW:
		return start_anew(replica, msg);
	}
	return TRUST_ERR_INTERNAL;
}

static enum trust_err
check_unchanged(
    struct trust_registry_replica *replica, struct trust_message *msg)
{
	struct trust_registry *registry = replica->registry;
	sqlite3_stmt *get = registry->statements[TRUST_REGISTRY_DATA_VERSION];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = trust_registry_file_step(&registry->file, get, &row, msg);
	if (r == TRUST_OK &&
	    (!row || sqlite3_column_int64(get, 0) != replica->data_version))
		r = trust_err_set(msg, TRUST_ERR_CONFLICT,
		    "%s: another process has written it meanwhile",
		    registry->file.path);
	trust_registry_file_reset(get);
	return r;
}

enum trust_err
trust_registry_replica_begin(struct trust_registry_replica *replica,
    enum trust_registry_replica_by by, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_begin_any(replica->registry, msg);
	if (r != TRUST_OK)
		return r;
	r = check_unchanged(replica, msg);
	if (r != TRUST_OK)
		goto out;
	r = start(replica, by, msg);
	if (r != TRUST_OK)
		goto out;
	r = TRUST_OK;
out:
	if (r != TRUST_OK)
		trust_registry_replica_rollback(replica);
	return r;
}

/* Note for the guard what was put or removed; into an empty registry there is
 * nothing to guard. */
static enum trust_err
touch(struct trust_registry_replica *replica, enum trust_kind kind,
    const char *id, struct trust_message *msg)
{
	struct trust_registry_replica_change *change = &replica->change;
	enum trust_err r = TRUST_ERR_INTERNAL;
	int n;

	if (!change->has_devices)
		return TRUST_OK;
	switch (kind) {
	case TRUST_KIND_DEVICE:
	case TRUST_KIND_ANCHOR:
	case TRUST_KIND_GROUP:
	case TRUST_KIND_ROLE:
		break;
	case TRUST_KIND_CRL:
	case TRUST_KIND_TOKEN:
	case TRUST_KIND_GATEWAY:
		return TRUST_OK;
	}
	r = run_on(replica, TRUST_REGISTRY_REPLICA_TOUCH, kind, id, &n, msg);
	if (r != TRUST_OK)
		return r;
	if (kind == TRUST_KIND_DEVICE)
		change->n_touched_devices += n;
	else
		change->touched_sets = true;
	return TRUST_OK;
}

/* A device that gets in as before, whatever else is new about it, is as good
 * as untouched. */
static bool
is_news(const struct trust_record *record,
    const struct trust_registry_former *former)
{
	return former->device == NULL ||
	       !trust_registry_replica_rests_on_same(former->device, record);
}

void
trust_registry_replica_meet(
    struct trust_registry_replica *replica, enum trust_kind kind)
{
	replica->registry->change.n_added[kind]++;
	if (kind == TRUST_KIND_DEVICE)
		replica->change.n_devices++;
}

enum trust_err
trust_registry_replica_put(struct trust_registry_replica *replica,
    const struct trust_record *record, const struct trust_thumbprint *sent,
    struct trust_message *msg)
{
	struct trust_registry_replica_change *change = &replica->change;
	struct trust_registry_former former = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool absent = false, first = false;

	if (change->walks) {
		r = trust_registry_replica_walk_to(
		    replica, record->kind, record->id, &absent, &first, msg);
		if (r != TRUST_OK)
			return r;
	}
	if (absent)
		r = trust_registry_add_sent(
		    replica->registry, record, sent, msg);
	else
		r = trust_registry_put_sent(
		    replica->registry, record, sent, 0, &former, msg);
	if (r != TRUST_OK)
		goto out;
	if (former.found && first)
		trust_registry_replica_meet(replica, record->kind);
	else if (former.found)
		trust_content_state_subtract(&change->state, &former.sent);
	trust_content_state_add(&change->state, sent);
	if (!former.same && is_news(record, &former))
		r = touch(replica, record->kind, record->id, msg);
out:
	trust_record_free(former.device);
	return r;
}

/* Take a record out; `sent` is what it counted for in the state. */
static enum trust_err
take_out(struct trust_registry_replica *replica, enum trust_kind kind,
    const char *id, struct trust_thumbprint *sent, struct trust_message *msg)
{
	struct trust_registry_former former;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_remove_sent(
	    replica->registry, kind, id, &former, msg);
	trust_record_free(former.device);
	*sent = former.sent;
	return r;
}

enum trust_err
trust_registry_replica_remove(struct trust_registry_replica *replica,
    enum trust_kind kind, const char *id, struct trust_message *msg)
{
	struct trust_thumbprint sent;
	enum trust_err r = take_out(replica, kind, id, &sent, msg);

	if (r == TRUST_ERR_NOT_FOUND)
		return TRUST_OK;
	if (r != TRUST_OK)
		return r;
	trust_content_state_subtract(&replica->change.state, &sent);
	return touch(replica, kind, id, msg);
}

enum trust_err
trust_registry_replica_remove_passed(struct trust_registry_replica *replica,
    enum trust_kind kind, const char *id, struct trust_message *msg)
{
	struct trust_thumbprint sent;
	enum trust_err r = take_out(replica, kind, id, &sent, msg);

	if (r != TRUST_OK)
		return r;
	trust_registry_replica_meet(replica, kind);
	return touch(replica, kind, id, msg);
}

/* The number of records, as they are now. */
static enum trust_err
count_records(struct trust_registry_replica *replica, int64_t *out,
    struct trust_message *msg)
{
	const struct trust_registry *registry = replica->registry;
	struct trust_registry_info info;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = 0;
	r = trust_registry_get_info(replica->registry, &info, msg);
	if (r != TRUST_OK)
		return r;
	for (int i = TRUST_KIND_FIRST; i <= TRUST_KIND_LAST; i++)
		*out += info.n_records[i] + registry->change.n_added[i];
	return TRUST_OK;
}

enum trust_err
trust_registry_replica_check_claims(
    struct trust_registry_replica *replica, struct trust_message *msg)
{
	return trust_registry_check_claims(replica->registry, msg);
}

enum trust_err
trust_registry_replica_get_sum(struct trust_registry_replica *replica,
    struct trust_thumbprint *state, int64_t *n_records,
    struct trust_message *msg)
{
	*state = replica->change.state;
	return count_records(replica, n_records, msg);
}

/* The newest accepted becomes what is held. */
static enum trust_err
hold(struct trust_registry_replica *replica, int64_t applied_at,
    struct trust_message *msg)
{
	sqlite3_stmt *statement =
	    replica->statements[TRUST_REGISTRY_REPLICA_HOLD];
	const struct trust_registry_file *file = &replica->registry->file;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_replica_set_way(
	    replica, TRUST_REGISTRY_REPLICA_DELTAS, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_int64(statement, 1, applied_at) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	return trust_registry_file_exec(file, statement, msg);
}

enum trust_err
trust_registry_replica_commit(struct trust_registry_replica *replica,
    int64_t applied_at, struct trust_message *msg)
{
	int64_t n_touched = replica->registry->change.n_touched;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = hold(replica, applied_at, msg);
	if (r != TRUST_OK)
		goto out;
	r = clear(replica, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_commit(replica->registry, msg);
out:
	trust_registry_replica_rollback(replica);
	if (n_touched > TRUST_REGISTRY_CHANGES_MAX)
		(void)sqlite3_db_release_memory(replica->registry->file.db);
	return r;
}

void
trust_registry_replica_rollback(struct trust_registry_replica *replica)
{
	trust_registry_replica_end_walk(replica);
	trust_registry_rollback(replica->registry);
	replica->change = (struct trust_registry_replica_change){0};
}
