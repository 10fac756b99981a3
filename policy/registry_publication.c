/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publications in the registry's file.
 */
#include "registry_publication.h"

#include <stdlib.h>
#include <string.h>

#include "registry_internal.h"

/* Their first parameter is the scope. */
enum statement {
	GET_HEAD,
	PUT_HEAD, /* the columns in the order of the head */
	CLEAR_MEMBERS,
	CLEAR_PARTS,
	FIND_MEMBER,   /* kind, id */
	PUT_MEMBER,    /* kind, id, digest */
	REMOVE_MEMBER, /* kind, id */
	NEXT_ORPHAN,   /* kind, id: the one before */
	LIST_RECORDS,
	ADD_PART,     /* snapshot, serial, n, sha256, part */
	GET_PART,     /* sha256 */
	LIST_PARTS,   /* deltas, snapshot */
	COUNT_PARTS,  /* snapshot */
	COUNT_LITTER, /* deltas, snapshot, ready, most */
	DROP_LITTER,  /* the same */
	N_STATEMENTS,
};

struct trust_registry_publication {
	struct trust_registry *registry; /* borrowed */
	const char *scope;               /* borrowed */
	sqlite3_stmt *statements[N_STATEMENTS];
};

#define LITTER                                         \
	" FROM publication_part WHERE scope = ?1"      \
	" AND (snapshot = 0 AND serial < ?2"           \
	" OR snapshot = 1 AND serial NOT IN (?3, ?4))" \
	" LIMIT ?5"

static const char *const sql[N_STATEMENTS] = {
    [GET_HEAD] = "SELECT session, serial, state, records, generation, snapshot,"
		 " marked, this_update, deltas, ready"
		 " FROM publication WHERE scope = ?1",
    [PUT_HEAD] = "INSERT OR REPLACE INTO publication(scope, session, serial,"
		 " state, records, generation, snapshot, marked, this_update,"
		 " deltas, ready)"
		 " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [CLEAR_MEMBERS] = "DELETE FROM publication_member WHERE scope = ?1",
    [CLEAR_PARTS] = "DELETE FROM publication_part WHERE scope = ?1",
    [FIND_MEMBER] = "SELECT digest FROM publication_member"
		    " WHERE scope = ?1 AND kind = ?2 AND id = ?3",
    [PUT_MEMBER] = "INSERT OR REPLACE INTO publication_member"
		   " VALUES(?1, ?2, ?3, ?4)",
    [REMOVE_MEMBER] = "DELETE FROM publication_member"
		      " WHERE scope = ?1 AND kind = ?2 AND id = ?3",
    [NEXT_ORPHAN] = "SELECT m.kind, m.id FROM publication_member AS m"
		    " WHERE m.scope = ?1 AND (m.kind, m.id) > (?2, ?3)"
		    " AND NOT EXISTS (SELECT 1 FROM record AS r"
		    " WHERE r.kind = m.kind AND r.id = m.id)"
		    " ORDER BY m.kind, m.id LIMIT 1",
    [LIST_RECORDS] = "SELECT m.id, r.line FROM publication_member AS m"
		     " CROSS JOIN record AS r ON r.kind = m.kind"
		     " AND r.id = m.id WHERE m.scope = ?1"
		     " ORDER BY m.kind, m.id",
    [ADD_PART] = "INSERT INTO publication_part"
		 " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [GET_PART] = "SELECT part FROM publication_part"
		 " WHERE scope = ?1 AND sha256 = ?2 LIMIT 1",
    [LIST_PARTS] = "SELECT snapshot, serial, n, sha256, length(part)"
		   " FROM publication_part WHERE scope = ?1"
		   " AND (snapshot = 0 AND serial >= ?2"
		   " OR snapshot = 1 AND serial = ?3)"
		   " ORDER BY snapshot, serial, n",
    [COUNT_PARTS] = "SELECT count(*) FROM publication_part"
		    " WHERE scope = ?1 AND snapshot = 1 AND serial = ?2",
    [COUNT_LITTER] = "SELECT count(*) FROM (SELECT 1" LITTER ")",
    [DROP_LITTER] = "DELETE FROM publication_part"
		    " WHERE rowid IN (SELECT rowid" LITTER ")",
};

enum trust_err
trust_registry_publication_open(struct trust_registry *registry,
    const char *scope, struct trust_registry_publication **out,
    struct trust_message *msg)
{
	struct trust_registry_publication *publication = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	publication = calloc(1, sizeof(*publication));
	if (publication == NULL)
		return trust_err_set(msg, TRUST_ERR_NOMEM, "out of memory");
	publication->registry = registry;
	publication->scope = scope;
	r = trust_registry_file_prepare(
	    &registry->file, sql, N_STATEMENTS, publication->statements, msg);
	if (r != TRUST_OK)
		goto out;
	*out = publication;
	publication = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_registry_publication_close(publication);
	return r;
}

void
trust_registry_publication_close(struct trust_registry_publication *publication)
{
	if (publication == NULL)
		return;
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(publication->statements[i]);
	free(publication);
}

/* ---- Binding and stepping ---- */

static enum trust_err
fail(struct trust_registry_publication *publication, struct trust_message *msg)
{
	return trust_registry_file_fail(&publication->registry->file, msg);
}

static enum trust_err
damaged(
    struct trust_registry_publication *publication, struct trust_message *msg)
{
	return trust_registry_file_damaged(
	    &publication->registry->file, msg, "publication");
}

/* A statement with its scope bound. */
static enum trust_err
bind(struct trust_registry_publication *publication, enum statement which,
    sqlite3_stmt **out, struct trust_message *msg)
{
	*out = publication->statements[which];
	if (sqlite3_bind_text(*out, 1, publication->scope, -1, SQLITE_STATIC) !=
	    SQLITE_OK)
		return fail(publication, msg);
	return TRUST_OK;
}

/* The same with kind and id. */
static enum trust_err
bind_member(struct trust_registry_publication *publication,
    enum statement which, enum trust_kind kind, const char *id,
    sqlite3_stmt **out, struct trust_message *msg)
{
	enum trust_err r = bind(publication, which, out, msg);

	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_int(*out, 2, (int)kind) != SQLITE_OK ||
	    sqlite3_bind_text(*out, 3, id, -1, SQLITE_STATIC) != SQLITE_OK)
		return fail(publication, msg);
	return TRUST_OK;
}

static bool
bind_digest(
    sqlite3_stmt *statement, int at, const struct trust_thumbprint *digest)
{
	return sqlite3_bind_blob(statement, at, digest->b, sizeof(digest->b),
		   SQLITE_STATIC) == SQLITE_OK;
}

static enum trust_err
exec(struct trust_registry_publication *publication, sqlite3_stmt *statement,
    struct trust_message *msg)
{
	return trust_registry_file_exec(
	    &publication->registry->file, statement, msg);
}

static enum trust_err
step(struct trust_registry_publication *publication, sqlite3_stmt *statement,
    bool *row, struct trust_message *msg)
{
	return trust_registry_file_step(
	    &publication->registry->file, statement, row, msg);
}

/* Step to the one row there may be; the caller resets the statement. */
static enum trust_err
find(struct trust_registry_publication *publication, sqlite3_stmt *statement,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	r = step(publication, statement, &row, msg);
	if (r == TRUST_OK && !row)
		r = TRUST_ERR_NOT_FOUND;
	return r;
}

/* What only this program has written is of its form, or damaged. */

static bool
read_digest(sqlite3_stmt *statement, int column, struct trust_thumbprint *out)
{
	struct trust_span bytes =
	    trust_registry_file_get0_bytes(statement, column);

	if (bytes.len != sizeof(out->b))
		return false;
	memcpy(out->b, bytes.p, bytes.len);
	return true;
}

static bool
read_text(sqlite3_stmt *statement, int column, char *out, size_t size)
{
	struct trust_span bytes =
	    trust_registry_file_get0_bytes(statement, column);

	if (bytes.len >= size)
		return false;
	if (bytes.len > 0)
		memcpy(out, bytes.p, bytes.len);
	out[bytes.len] = '\0';
	return true;
}

/* ---- The head ---- */

static bool
is_within(int64_t n, int64_t max)
{
	return n >= 0 && n <= max;
}

static bool
read_head(sqlite3_stmt *statement, struct trust_registry_publication_head *head)
{
	head->serial = sqlite3_column_int64(statement, 1);
	head->n_records = sqlite3_column_int64(statement, 3);
	head->generation = sqlite3_column_int64(statement, 4);
	head->snapshot = sqlite3_column_int64(statement, 5);
	head->marked = sqlite3_column_int64(statement, 6);
	head->this_update = sqlite3_column_int64(statement, 7);
	head->deltas = sqlite3_column_int64(statement, 8);
	head->ready = sqlite3_column_int64(statement, 9);
	return read_text(statement, 0, head->session, sizeof(head->session)) &&
	       read_digest(statement, 2, &head->state) &&
	       is_within(head->serial, TRUST_SERIAL_MAX) &&
	       is_within(head->snapshot, TRUST_SERIAL_MAX) &&
	       is_within(head->marked, TRUST_SERIAL_MAX) &&
	       is_within(head->deltas, TRUST_SERIAL_MAX) &&
	       is_within(head->ready, TRUST_SERIAL_MAX) &&
	       is_within(head->n_records, TRUST_RECORDS_MAX);
}

enum trust_err
trust_registry_publication_load(struct trust_registry_publication *publication,
    struct trust_registry_publication_head *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *get;

	*out = (struct trust_registry_publication_head){0};
	r = bind(publication, GET_HEAD, &get, msg);
	if (r != TRUST_OK)
		return r;
	r = find(publication, get, msg);
	if (r == TRUST_OK && !read_head(get, out))
		r = damaged(publication, msg);
	trust_registry_file_reset(get);
	return r == TRUST_ERR_NOT_FOUND ? TRUST_OK : r;
}

enum trust_err
trust_registry_publication_store(struct trust_registry_publication *publication,
    const struct trust_registry_publication_head *head,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *put;

	r = bind(publication, PUT_HEAD, &put, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_text(put, 2, head->session, -1, SQLITE_STATIC) !=
		SQLITE_OK ||
	    sqlite3_bind_int64(put, 3, head->serial) != SQLITE_OK ||
	    !bind_digest(put, 4, &head->state) ||
	    sqlite3_bind_int64(put, 5, head->n_records) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 6, head->generation) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 7, head->snapshot) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 8, head->marked) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 9, head->this_update) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 10, head->deltas) != SQLITE_OK ||
	    sqlite3_bind_int64(put, 11, head->ready) != SQLITE_OK)
		return fail(publication, msg);
	return exec(publication, put, msg);
}

enum trust_err
trust_registry_publication_clear(
    struct trust_registry_publication *publication, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *clear;

	r = bind(publication, CLEAR_MEMBERS, &clear, msg);
	if (r == TRUST_OK)
		r = exec(publication, clear, msg);
	if (r == TRUST_OK)
		r = bind(publication, CLEAR_PARTS, &clear, msg);
	if (r == TRUST_OK)
		r = exec(publication, clear, msg);
	return r;
}

/* ---- Members ---- */

enum trust_err
trust_registry_publication_find_member(
    struct trust_registry_publication *publication, enum trust_kind kind,
    const char *id, struct trust_thumbprint *digest, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *get;

	*digest = (struct trust_thumbprint){0};
	r = bind_member(publication, FIND_MEMBER, kind, id, &get, msg);
	if (r != TRUST_OK)
		return r;
	r = find(publication, get, msg);
	if (r == TRUST_OK && !read_digest(get, 0, digest))
		r = damaged(publication, msg);
	trust_registry_file_reset(get);
	return r;
}

enum trust_err
trust_registry_publication_put_member(
    struct trust_registry_publication *publication, enum trust_kind kind,
    const char *id, const struct trust_thumbprint *digest,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *put;

	r = bind_member(publication, PUT_MEMBER, kind, id, &put, msg);
	if (r != TRUST_OK)
		return r;
	if (!bind_digest(put, 4, digest))
		return fail(publication, msg);
	return exec(publication, put, msg);
}

enum trust_err
trust_registry_publication_remove_member(
    struct trust_registry_publication *publication, enum trust_kind kind,
    const char *id, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *removal;

	r = bind_member(publication, REMOVE_MEMBER, kind, id, &removal, msg);
	if (r != TRUST_OK)
		return r;
	return exec(publication, removal, msg);
}

enum trust_err
trust_registry_publication_next_orphan(
    struct trust_registry_publication *publication, enum trust_kind *kind,
    char id[TRUST_ID_MAX + 1], struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *next;

	r = bind_member(publication, NEXT_ORPHAN, *kind, id, &next, msg);
	if (r != TRUST_OK)
		return r;
	r = find(publication, next, msg);
	if (r == TRUST_OK) {
		*kind = (enum trust_kind)sqlite3_column_int(next, 0);
		if (!read_text(next, 1, id, TRUST_ID_MAX + 1))
			r = damaged(publication, msg);
	}
	trust_registry_file_reset(next);
	return r;
}

enum trust_err
trust_registry_publication_next_record(
    struct trust_registry_publication *publication, const char **id,
    struct trust_span *line, struct trust_message *msg)
{
	sqlite3_stmt *list = publication->statements[LIST_RECORDS];
	enum trust_err r = TRUST_OK;
	bool row = false;

	*id = NULL;
	if (sqlite3_stmt_busy(list) == 0)
		r = bind(publication, LIST_RECORDS, &list, msg);
	if (r == TRUST_OK)
		r = step(publication, list, &row, msg);
	if (r == TRUST_OK && row) {
		*id = (const char *)sqlite3_column_text(list, 0);
		*line = trust_registry_file_get0_bytes(list, 1);
		/* No record is without a line: memory was short. */
		return *id != NULL && line->len > 0 ? TRUST_OK
						    : fail(publication, msg);
	}
	trust_registry_file_reset(list);
	return r == TRUST_OK ? TRUST_ERR_NOT_FOUND : r;
}

/* ---- Parts ---- */

enum trust_err
trust_registry_publication_add_part(
    struct trust_registry_publication *publication,
    const struct trust_registry_publication_part *part, struct trust_span bytes,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *add;

	r = bind(publication, ADD_PART, &add, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_int(add, 2, part->snapshot) != SQLITE_OK ||
	    sqlite3_bind_int64(add, 3, part->serial) != SQLITE_OK ||
	    sqlite3_bind_int64(add, 4, part->n) != SQLITE_OK ||
	    !bind_digest(add, 5, &part->sha256) ||
	    sqlite3_bind_blob64(add, 6, bytes.p, bytes.len, SQLITE_STATIC) !=
		SQLITE_OK)
		return fail(publication, msg);
	return exec(publication, add, msg);
}

enum trust_err
trust_registry_publication_get_part(
    struct trust_registry_publication *publication,
    const struct trust_thumbprint *sha256, struct trust_buf *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_span bytes;
	sqlite3_stmt *get;

	r = bind(publication, GET_PART, &get, msg);
	if (r != TRUST_OK)
		return r;
	if (!bind_digest(get, 2, sha256))
		return fail(publication, msg);
	r = find(publication, get, msg);
	if (r == TRUST_OK) {
		bytes = trust_registry_file_get0_bytes(get, 0);
		r = trust_buf_add(out, bytes.p, bytes.len);
	}
	trust_registry_file_reset(get);
	return r;
}

/* The part of a row, and its length. */
static bool
read_part(sqlite3_stmt *statement, struct trust_registry_publication_part *part,
    uint32_t *len)
{
	int64_t n = sqlite3_column_int64(statement, 4);

	*len = (uint32_t)n;
	part->snapshot = sqlite3_column_int(statement, 0) != 0;
	part->serial = sqlite3_column_int64(statement, 1);
	part->n = sqlite3_column_int64(statement, 2);
	return n >= 1 && n <= TRUST_PART_MAX &&
	       read_digest(statement, 3, &part->sha256);
}

enum trust_err
trust_registry_publication_list_parts(
    struct trust_registry_publication *publication,
    const struct trust_registry_publication_head *head,
    trust_registry_publication_visit *visit, void *arg,
    struct trust_message *msg)
{
	struct trust_registry_publication_part part;
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *list;
	uint32_t len;
	bool row;

	r = bind(publication, LIST_PARTS, &list, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_int64(list, 2, head->deltas) != SQLITE_OK ||
	    sqlite3_bind_int64(list, 3, head->snapshot) != SQLITE_OK)
		return fail(publication, msg);
	for (;;) {
		r = step(publication, list, &row, msg);
		if (r != TRUST_OK || !row)
			break;
		if (!read_part(list, &part, &len)) {
			r = damaged(publication, msg);
			break;
		}
		r = visit(arg, &part, len);
		if (r != TRUST_OK)
			break;
	}
	trust_registry_file_reset(list);
	return r;
}

/* Step a statement that counts. */
static enum trust_err
count(struct trust_registry_publication *publication, sqlite3_stmt *statement,
    int64_t *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = find(publication, statement, msg);
	*out = r == TRUST_OK ? sqlite3_column_int64(statement, 0) : 0;
	trust_registry_file_reset(statement);
	return r;
}

enum trust_err
trust_registry_publication_count_parts(
    struct trust_registry_publication *publication, int64_t snapshot,
    int64_t *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *parts;

	*out = 0;
	r = bind(publication, COUNT_PARTS, &parts, msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_int64(parts, 2, snapshot) != SQLITE_OK)
		return fail(publication, msg);
	return count(publication, parts, out, msg);
}

static enum trust_err
bind_litter(struct trust_registry_publication *publication,
    enum statement which, const struct trust_registry_publication_head *head,
    int most, sqlite3_stmt **out, struct trust_message *msg)
{
	enum trust_err r = bind(publication, which, out, msg);

	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_int64(*out, 2, head->deltas) != SQLITE_OK ||
	    sqlite3_bind_int64(*out, 3, head->snapshot) != SQLITE_OK ||
	    sqlite3_bind_int64(*out, 4, head->ready) != SQLITE_OK ||
	    sqlite3_bind_int(*out, 5, most) != SQLITE_OK)
		return fail(publication, msg);
	return TRUST_OK;
}

enum trust_err
trust_registry_publication_count_litter(
    struct trust_registry_publication *publication,
    const struct trust_registry_publication_head *head, int most, int64_t *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *litter;

	*out = 0;
	r = bind_litter(publication, COUNT_LITTER, head, most, &litter, msg);
	return r == TRUST_OK ? count(publication, litter, out, msg) : r;
}

enum trust_err
trust_registry_publication_drop_litter(
    struct trust_registry_publication *publication,
    const struct trust_registry_publication_head *head, int most,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	sqlite3_stmt *drop;

	r = bind_litter(publication, DROP_LITTER, head, most, &drop, msg);
	return r == TRUST_OK ? exec(publication, drop, msg) : r;
}
