/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A snapshot walked side by side with what is held.
 *
 * Both come in the order of kind and id, as origins send it: what a snapshot
 * passes over is gone, and what it repeats to the octet need not be read. The
 * octets themselves are compared, so that damage on the disk is healed. One
 * that comes in another order is the same snapshot, only slower: what it passed
 * over is noted, and struck out again when it is named after all.
 */
#include <string.h>

#include "content.h"
#include "registry_replica_internal.h"

static int
compare(const struct trust_registry_replica_place *a,
    const struct trust_registry_replica_place *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return strcmp(a->id, b->id);
}

static sqlite3_stmt *
get0_cursor(const struct trust_registry_replica *replica)
{
	return replica->statements[TRUST_REGISTRY_REPLICA_WALK];
}

/* Rows that cannot be told from others by kind and id. */
static bool
is_odd(int kind, struct trust_span id)
{
	return kind < TRUST_KIND_FIRST || kind > TRUST_KIND_LAST ||
	       id.len == 0 || id.len > TRUST_ID_MAX ||
	       memchr(id.p, '\0', id.len) != NULL;
}

/* The cursor stands at a row: make it the next. */
static enum trust_err
read_next(struct trust_registry_replica *replica, struct trust_message *msg)
{
	struct trust_registry_replica_walk *walk = &replica->change.walk;
	sqlite3_stmt *row = get0_cursor(replica);
	struct trust_span id = trust_registry_file_get0_bytes(row, 1);
	struct trust_span sent = trust_registry_file_get0_bytes(row, 2);
	struct trust_span line = trust_registry_file_get0_bytes(row, 3);

	if (is_odd(sqlite3_column_int(row, 0), id))
		return trust_registry_file_damaged(
		    &replica->registry->file, msg, "kind or id of a record");
	walk->next.kind = (enum trust_kind)sqlite3_column_int(row, 0);
	memcpy(walk->next.id, id.p, id.len);
	walk->next.id[id.len] = '\0';
	walk->knows_sent = sent.len == sizeof(walk->sent.b);
	if (walk->knows_sent)
		memcpy(walk->sent.b, sent.p, sent.len);
	walk->has_next = true;
	replica->held_line.len = 0;
	return trust_buf_add(&replica->held_line, line.p, line.len);
}

/* Know the record held behind the present place, if there is one. */
static enum trust_err
look_ahead(struct trust_registry_replica *replica, struct trust_message *msg)
{
	struct trust_registry_replica_walk *walk = &replica->change.walk;
	sqlite3_stmt *cursor = get0_cursor(replica);
	enum trust_err r = TRUST_OK;
	bool row;

	if (walk->has_next || walk->at_end)
		return TRUST_OK;
	if (!sqlite3_stmt_busy(cursor))
		r = trust_registry_bind_record(
		    replica->registry, cursor, walk->at.kind, walk->at.id, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_step(
	    &replica->registry->file, cursor, &row, msg);
	if (r != TRUST_OK)
		return r;
	walk->at_end = !row;
	return row ? read_next(replica, msg) : TRUST_OK;
}

/* Before anything is written: SQLite does not say what a cursor finds in a
 * table that changes under it. */
static void
rest(struct trust_registry_replica *replica)
{
	trust_registry_file_reset(get0_cursor(replica));
}

/* Note what is held between the present place and another; NULL: up to the
 * end. */
static enum trust_err
pass_over(struct trust_registry_replica *replica,
    const struct trust_registry_replica_place *to, struct trust_message *msg)
{
	struct trust_registry_replica_walk *walk = &replica->change.walk;
	const struct trust_registry_file *file = &replica->registry->file;
	/* No kind is as high, so that is the end. */
	const struct trust_registry_replica_place end = {
	    .kind = (enum trust_kind)INT32_MAX};
	sqlite3_stmt *note =
	    replica->statements[TRUST_REGISTRY_REPLICA_PASS_OVER];
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (to == NULL)
		to = &end;
	r = trust_registry_bind_record(
	    replica->registry, note, walk->at.kind, walk->at.id, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_int(note, 3, (int)to->kind) != SQLITE_OK ||
	    sqlite3_bind_text(note, 4, to->id, -1, SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	r = trust_registry_file_exec(file, note, msg);
	if (r != TRUST_OK)
		return r;
	walk->n_passed += sqlite3_changes64(file->db);
	walk->has_next = false;
	return TRUST_OK;
}

/* Named after all, if it was passed over. */
static enum trust_err
take_back(struct trust_registry_replica *replica,
    const struct trust_registry_replica_place *place, bool *taken,
    struct trust_message *msg)
{
	struct trust_registry_replica_walk *walk = &replica->change.walk;
	const struct trust_registry_file *file = &replica->registry->file;
	sqlite3_stmt *take =
	    replica->statements[TRUST_REGISTRY_REPLICA_TAKE_BACK];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*taken = false;
	if (walk->n_passed == 0)
		return TRUST_OK;
	r = trust_registry_bind_record(
	    replica->registry, take, place->kind, place->id, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_exec(file, take, msg);
	if (r != TRUST_OK)
		return r;
	*taken = sqlite3_changes64(file->db) > 0;
	walk->n_passed -= *taken ? 1 : 0;
	return TRUST_OK;
}

enum trust_err
trust_registry_replica_walk_to(struct trust_registry_replica *replica,
    enum trust_kind kind, const char *id, bool *absent, bool *first,
    struct trust_message *msg)
{
	struct trust_registry_replica_walk *walk = &replica->change.walk;
	struct trust_registry_replica_place place = {.kind = kind};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*absent = false;
	*first = true;
	memcpy(place.id, id, strlen(id) + 1);
	rest(replica);
	if (compare(&place, &walk->at) <= 0)
		return take_back(replica, &place, first, msg);
	r = look_ahead(replica, msg);
	rest(replica);
	if (r == TRUST_OK && walk->has_next && compare(&walk->next, &place) < 0)
		r = pass_over(replica, &place, msg);
	if (r != TRUST_OK)
		return r;
	if (walk->has_next && compare(&walk->next, &place) == 0)
		walk->has_next = false;
	else
		*absent = walk->has_next || walk->at_end;
	walk->at = place;
	return TRUST_OK;
}

/* Devices alone: there are few others, and whether those may come in depends
 * on more than themselves. */
static bool
is_next(const struct trust_registry_replica *replica, struct trust_span line)
{
	const struct trust_registry_replica_walk *walk = &replica->change.walk;
	struct trust_span held = trust_buf_get0(&replica->held_line);

	return walk->has_next && walk->next.kind == TRUST_KIND_DEVICE &&
	       walk->knows_sent && held.len == line.len &&
	       memcmp(held.p, line.p, line.len) == 0;
}

enum trust_err
trust_registry_replica_keep(struct trust_registry_replica *replica,
    struct trust_span line, bool *kept, struct trust_message *msg)
{
	struct trust_registry_replica_walk *walk = &replica->change.walk;
	struct trust_thumbprint digest;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*kept = false;
	if (!replica->change.walks || walk->at_end)
		return TRUST_OK;
	r = look_ahead(replica, msg);
	if (r != TRUST_OK || !is_next(replica, line))
		return r;
	r = trust_thumbprint_of(line, &digest);
	if (r != TRUST_OK || !trust_thumbprint_equal(&walk->sent, &digest))
		return r;
	trust_registry_replica_meet(replica, walk->next.kind);
	trust_content_state_add(&replica->change.state, &digest);
	walk->at = walk->next;
	walk->has_next = false;
	*kept = true;
	return TRUST_OK;
}

/* ---- At the end ---- */

static enum trust_err
remove_passed(struct trust_registry_replica *replica, struct trust_message *msg)
{
	sqlite3_stmt *list =
	    replica->statements[TRUST_REGISTRY_REPLICA_LIST_PASSED];
	const struct trust_registry_file *file = &replica->registry->file;
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char *id;
	bool row;

	for (;;) {
		r = trust_registry_file_step(file, list, &row, msg);
		if (r != TRUST_OK || !row)
			break;
		id = (const char *)sqlite3_column_text(list, 1);
		if (id == NULL) {
			r = trust_registry_file_fail(file, msg);
			break;
		}
		r = is_odd(sqlite3_column_int(list, 0), trust_span_of(id))
			? trust_registry_file_damaged(
			      file, msg, "kind or id of a record")
			: trust_registry_replica_remove_passed(replica,
			      (enum trust_kind)sqlite3_column_int(list, 0), id,
			      msg);
		if (r != TRUST_OK)
			break;
	}
	trust_registry_file_reset(list);
	return r;
}

enum trust_err
trust_registry_replica_sweep(
    struct trust_registry_replica *replica, struct trust_message *msg)
{
	struct trust_registry_replica_walk *walk = &replica->change.walk;
	enum trust_err r = TRUST_OK;

	if (!replica->change.walks)
		return TRUST_OK;
	rest(replica);
	if (!walk->at_end)
		r = pass_over(replica, NULL, msg);
	if (r == TRUST_OK && walk->n_passed > 0)
		r = remove_passed(replica, msg);
	replica->change.walks = false;
	return r;
}

void
trust_registry_replica_end_walk(struct trust_registry_replica *replica)
{
	rest(replica);
}
