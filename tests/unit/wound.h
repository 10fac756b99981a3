/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wounds of a SQLite file: each table gone or empty, each column with values
 * that nobody wrote there. Somebody else's process inflicts them, on a file
 * that is in use.
 */
#ifndef TESTS_WOUND_H
#define TESTS_WOUND_H

#include "registry_scratch.h"

#include <sqlite3.h>

/* SQL that lists them as SQL, in an order that stays. */
#define WOUNDS                                                                 \
	"WITH own(name) AS (SELECT name FROM sqlite_schema"                    \
	"  WHERE type = 'table' AND name NOT LIKE 'sqlite_%'),"                \
	" odd(type, value) AS (VALUES"                                         \
	"  ('INTEGER', '-1'), ('INTEGER', '9223372036854775807'),"             \
	"  ('TEXT', ''''''), ('TEXT', 'printf(''%200d'', 7)'),"                \
	"  ('BLOB', 'x''00'''), ('BLOB', 'zeroblob(32)'),"                     \
	"  ('ANY', '''x''')) "                                                 \
	"SELECT 'DROP TABLE ' || name FROM own UNION ALL"                      \
	" SELECT 'DELETE FROM ' || name FROM own UNION ALL"                    \
	" SELECT 'UPDATE OR REPLACE ' || own.name || ' SET \"' || column.name" \
	"  || '\" = ' || odd.value FROM own, pragma_table_info(own.name)"      \
	"  AS column JOIN odd ON odd.type = column.type"

/* Inflict wound n, from 0; false: there are no more. */
static inline bool
wound(const char *path, int n)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *list = NULL;
	char sql[256] = "";

	assert_int_equal(
	    sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(
			     db, WOUNDS " LIMIT 1 OFFSET ?1", -1, &list, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_bind_int(list, 1, n), SQLITE_OK);
	if (sqlite3_step(list) == SQLITE_ROW)
		(void)snprintf(sql, sizeof(sql), "%s",
		    (const char *)sqlite3_column_text(list, 0));
	sqlite3_finalize(list);
	/* What SQLite itself does not let happen is no wound. */
	if (sql[0] != '\0')
		(void)sqlite3_exec(db, sql, NULL, NULL, NULL);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return sql[0] != '\0';
}

/* A file as it was, to begin anew with. */
struct whole {
	char path[96];
	uint8_t *p;
	size_t len;
};

static inline void
whole_keep(struct whole *whole, const char *path, const char *suffix)
{
	(void)snprintf(whole->path, sizeof(whole->path), "%s%s", path, suffix);
	whole->p = scratch_read(whole->path, &whole->len);
}

/* Nobody has it open. */
static inline void
whole_restore(const struct whole *whole)
{
	char beside[sizeof(whole->path) + 4];

	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(beside, sizeof(beside), "%.95s%s", whole->path,
		    i == 0 ? "-wal" : "-shm");
		(void)unlink(beside);
	}
	scratch_write(whole->path, whole->p, whole->len);
}

#endif
