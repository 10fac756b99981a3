/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands print: errors on standard error, tables for people, JSON
 * for programs.
 */
#ifndef TRUST_OUTPUT_H
#define TRUST_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "trust.h"

/* Exit statuses: part of the public contract. */
enum trust_exit {
	TRUST_EXIT_YES = 0,   /* yes, or done */
	TRUST_EXIT_NO = 1,    /* a negative answer */
	TRUST_EXIT_ERROR = 2, /* usage or error, with a line on stderr */
};

/* One line on standard error: "trustctl: text". Control characters of file
 * names and peers' texts become blanks. */
void trust_output_error(const char *fmt, ...) TRUST_PRINTF(1, 2);

/* The same for what is no error, and may be a mistake: "trustctl: note: text".
 */
void trust_output_note(const char *fmt, ...) TRUST_PRINTF(1, 2);

/* The same for what a command that stays has done. */
void trust_output_log(const char *fmt, ...) TRUST_PRINTF(1, 2);

/* Of many things of a kind so many are named one by one. */
#define TRUST_OUTPUT_NAMED_MAX 5
/* A note that there are more of them, like those that were named; none where
 * `n` is no more than `named`. */
void trust_output_note_rest(size_t n, size_t named, const char *kind);

/* "a, b, c" of an array of texts; of many "a, b, c and 12 more", where `n`
 * says how many there are. Returns `out`. */
const char *trust_output_join(
    const json_t *names, size_t n, char out[TRUST_MESSAGE_MAX]);
/* The same of all that are in the array. */
const char *trust_output_join_all(
    const json_t *names, char out[TRUST_MESSAGE_MAX]);

/* Print the message, or the error's own words where it is empty. Returns
 * TRUST_EXIT_ERROR, so that a command can end with it. */
int trust_output_failure(enum trust_err err, const struct trust_message *msg);

/*
 * One canonical line (RFC 8785) on standard output. Takes the reference; NULL
 * counts as out of memory, so that json_pack can be passed as it comes.
 */
enum trust_err trust_output_json(
    json_t *value, struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether standard output is a terminal that shows UTF-8. */
bool trust_output_is_utf8_terminal(void);

/* What a word on a terminal says by its colour. */
enum trust_color {
	TRUST_COLOR_NONE, /* ends the others */
	TRUST_COLOR_GOOD,
	TRUST_COLOR_WARNING,
	TRUST_COLOR_BAD,
};
/* The sequence that switches to it; "" where standard output is no terminal,
 * or NO_COLOR is set. Static. */
const char *trust_output_color(enum trust_color color);

/* Flush standard output. TRUST_ERR_IO: it could not be written. */
enum trust_err trust_output_flush(struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- Tables ---- */

#define TRUST_TABLE_COLUMNS_MAX 8

/*
 * An aligned table. The same rows are given twice: first they are measured,
 * then, after trust_table_print, printed; no row is kept in memory.
 */
struct trust_table {
	/* Up to a NULL. */
	const char *headers[TRUST_TABLE_COLUMNS_MAX + 1];
	size_t widths[TRUST_TABLE_COLUMNS_MAX];
	bool printing;
};

void trust_table_row(struct trust_table *table,
    const char *const cells[TRUST_TABLE_COLUMNS_MAX]);
/* From here on rows are printed; prints the headers. */
void trust_table_print(struct trust_table *table);

#endif
