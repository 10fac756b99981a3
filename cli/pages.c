/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long lists, page by page.
 */
#include "pages.h"

#include <stdio.h>
#include <string.h>

/* A gateway with more devices than that is none of ours. */
#define ENTRIES_MAX 2000000

enum trust_err
trust_pages_fetch(const struct trust_mqtt_options *gateway,
    const struct trust_pages *pages, json_t *all, struct trust_message *msg)
{
	struct trust_remote *remote = NULL;
	json_t *data = NULL;
	bool more = true;
	enum trust_err r;

	r = trust_remote_open(gateway, &remote, msg);
	while (r == TRUST_OK && more) {
		r = trust_remote_ask(
		    remote, json_deep_copy(pages->command), &data, msg);
		if (r != TRUST_OK)
			break;
		if (json_array_extend(
			all, json_object_get(data, pages->array)) != 0)
			r = TRUST_ERR_NOMEM;
		else if (json_array_size(all) > ENTRIES_MAX)
			r = trust_err_set(msg, TRUST_ERR_INPUT,
			    "want at most %d %s of the gateway, got more",
			    ENTRIES_MAX, pages->array);
		more = pages->next(pages->command, data, json_array_size(all));
		json_decref(data);
	}
	trust_remote_close(remote);
	return r;
}

static const char *
cell(const json_t *entry, const char *member)
{
	const json_t *value = json_object_get(entry, member);

	if (json_is_string(value))
		return strchr(json_string_value(value), '\n') == NULL
			   ? json_string_value(value)
			   : "unreadable";
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	return "-";
}

static void
add_rows(struct trust_table *table, const struct trust_pages *pages,
    const json_t *all)
{
	const char *cells[TRUST_TABLE_COLUMNS_MAX];
	json_t *entry;
	size_t i;

	json_array_foreach(all, i, entry)
	{
		for (size_t j = 0; pages->headers[j] != NULL; j++)
			cells[j] = cell(entry, pages->members[j]);
		trust_table_row(table, cells);
	}
}

static void
print_table(const struct trust_pages *pages, const json_t *all)
{
	struct trust_table table = {0};
	json_t *entry;
	size_t n;

	if (pages->complete != NULL)
		json_array_foreach(all, n, entry) pages->complete(entry);
	for (size_t i = 0; i < TRUST_TABLE_COLUMNS_MAX; i++)
		table.headers[i] = pages->headers[i];
	add_rows(&table, pages, all);
	trust_table_print(&table);
	add_rows(&table, pages, all);
}

static enum trust_err
print_json(const json_t *all, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < json_array_size(all); i++)
		r = trust_output_json(json_incref(json_array_get(all, i)), msg);
	return r;
}

int
trust_pages_print(const struct trust_mqtt_options *gateway,
    const struct trust_pages *pages, bool json)
{
	struct trust_message msg = {0};
	json_t *all = json_array();
	enum trust_err r;

	r = trust_pages_fetch(gateway, pages, all, &msg);
	if (r == TRUST_OK && json)
		r = print_json(all, &msg);
	else if (r == TRUST_OK)
		print_table(pages, all);
	json_decref(all);
	return r == TRUST_OK ? TRUST_EXIT_YES : trust_output_failure(r, &msg);
}
