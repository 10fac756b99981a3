/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long lists of a running gateway, fetched page by page and printed.
 */
#ifndef TRUST_PAGES_H
#define TRUST_PAGES_H

#include "remote.h"

/* How a list is asked for and shown. */
struct trust_pages {
	json_t *command;   /* the first page's; owned by the caller */
	const char *array; /* the member of the data that is the page */
	/* Turn the command into that of the page after `data`. False: there
	 * is none. `n` entries have come so far. */
	bool (*next)(json_t *command, const json_t *data, size_t n);
	/* Adds to an entry what tables show and JSON does not; may be NULL. */
	void (*complete)(json_t *entry);
	/* Up to a NULL. */
	const char *headers[TRUST_TABLE_COLUMNS_MAX + 1];
	/* The members of an entry, column by column; null is shown as "-". */
	const char *members[TRUST_TABLE_COLUMNS_MAX];
};

/* Fetch the entries of all pages into an array of the caller's. */
enum trust_err trust_pages_fetch(const struct trust_mqtt_options *gateway,
    const struct trust_pages *pages, json_t *all,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Fetch all and print them: a table, or a line of JSON each. Returns the exit
 * status; errors are printed. */
int trust_pages_print(const struct trust_mqtt_options *gateway,
    const struct trust_pages *pages, bool json);

#endif
