/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A SQLite file of this project: recognized before anything touches it,
 * opened with the guards that SQLite has, its errors told in our words. For
 * policy/registry*.c alone; a handle is used by one thread at a time.
 */
#ifndef TRUST_REGISTRY_FILE_H
#define TRUST_REGISTRY_FILE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "registry.h"

/* How long a writer waits for another one, in milliseconds. */
#define TRUST_REGISTRY_FILE_BUSY_MS 10000

/* A kind of file, and how it comes to be. Constant, borrowed. */
struct trust_registry_format {
	const char *name; /* "registry", for messages */
	/* What to do about a file of somebody else, about a damaged one. */
	const char *if_foreign;
	const char *if_damaged;
	/* In the header of the file: SQLite file format, section 1.3.17. */
	uint32_t application_id;
	const char *pragmas; /* run whenever it is opened */
	/* SQL that leads from schema i, the header's user_version, to i + 1,
	 * and says so there. Forward only; never edit one that was released. */
	const char *const *migrations;
	uint32_t schema; /* the number of migrations: the present schema */
};

/* An open file. Zeroed memory is a closed one. */
struct trust_registry_file {
	const struct trust_registry_format *format;
	char *path; /* owned */
	sqlite3 *db;
	uint32_t schema; /* as it was when last looked at */
	bool has_wal;    /* as its header said when it was opened */
};

/* Two copies of the header of the WAL's index: SQLite's WAL-mode file format,
 * section 2.1. Each commit makes it another one. */
#define TRUST_REGISTRY_MARK_LEN 96
struct trust_registry_mark {
	bool whole; /* there was one, and nobody was writing it */
	uint8_t headers[TRUST_REGISTRY_MARK_LEN];
};

/*
 * Fill an empty file that nobody else knows of: all migrations, then the SQL
 * of `seed`. It is durable afterwards; the caller removes it after an error.
 */
enum trust_err trust_registry_file_fill(const char *path,
    const struct trust_registry_format *format, const char *seed,
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Open one; with TRUST_REGISTRY_WRITE also migrate it. A file that is not of
 * this format, or newer, is left as it is, to the last octet. For the errors
 * see trust_registry_open; after one, `out` is closed.
 */
enum trust_err trust_registry_file_open(const char *path,
    const struct trust_registry_format *format, enum trust_registry_mode mode,
    struct trust_registry_file *out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Finalizes every statement, too. */
void trust_registry_file_close(struct trust_registry_file *file);

/* Run SQL that has no parameters. */
enum trust_err trust_registry_file_run(const struct trust_registry_file *file,
    const char *sql, struct trust_message *msg) TRUST_MUST_CHECK;

/* Prepare n statements; they live until the file is closed. */
enum trust_err trust_registry_file_prepare(
    const struct trust_registry_file *file, const char *const *sql, size_t n,
    sqlite3_stmt **out, struct trust_message *msg) TRUST_MUST_CHECK;

/* Step to the next row; *row tells whether there is one. */
enum trust_err trust_registry_file_step(const struct trust_registry_file *file,
    sqlite3_stmt *statement, bool *row,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Step a statement that yields no rows, and reset it. */
enum trust_err trust_registry_file_exec(const struct trust_registry_file *file,
    sqlite3_stmt *statement, struct trust_message *msg) TRUST_MUST_CHECK;
/* A text or blob of the present row; borrowed until the next step. */
struct trust_span trust_registry_file_get0_bytes(
    sqlite3_stmt *statement, int column);
/* Bring a statement back to its start, nothing bound. */
void trust_registry_file_reset(sqlite3_stmt *statement);

/* Mark where the file is. It is memory that is looked at, and no lock that is
 * taken: to ask SQLite costs a dozen times as much. */
void trust_registry_file_mark(
    const struct trust_registry_file *file, struct trust_registry_mark *out);
/* Whether nobody, here or elsewhere, has committed since. False where it
 * cannot be told. */
bool trust_registry_file_is_at(const struct trust_registry_file *file,
    const struct trust_registry_mark *mark);

/* What SQLite's last call on the file failed of. Never TRUST_OK. */
enum trust_err trust_registry_file_fail(
    const struct trust_registry_file *file, struct trust_message *msg);
/* The file is damaged: `what` was found. */
enum trust_err trust_registry_file_damaged(
    const struct trust_registry_file *file, struct trust_message *msg,
    const char *what);

#endif
