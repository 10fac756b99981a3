/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices of a running gateway.
 */
#include "list_seen.h"

#include <string.h>

#include "pages.h"

static json_t *
devices_of(const json_t *data)
{
	return json_object_get(data, "devices");
}

/* By id: those after the last one. */
static bool
next_by_id(json_t *command, const json_t *data, size_t n)
{
	const json_t *devices = devices_of(data);
	size_t last = json_array_size(devices);

	(void)n;
	if (last == 0 || !json_is_true(json_object_get(data, "more")))
		return false;
	(void)json_object_set(command, "after",
	    json_object_get(json_array_get(devices, last - 1), "device"));
	return true;
}

/* By the end of their certificates: without those that have come. */
static bool
next_by_end(json_t *command, const json_t *data, size_t n)
{
	(void)json_object_set_new(
	    command, "offset", json_integer((json_int_t)n));
	return json_array_size(devices_of(data)) > 0 &&
	       json_is_true(json_object_get(data, "more"));
}

/* A block counts whatever the record says. */
static void
add_standing(json_t *device)
{
	const char *status =
	    json_string_value(json_object_get(device, "status"));
	bool blocked = json_is_true(json_object_get(device, "blocked"));
	bool disabled = status != NULL && strcmp(status, "disabled") == 0;

	(void)json_object_set_new(device, "standing",
	    blocked ? json_string(disabled ? "blocked, disabled" : "blocked")
		    : json_string(disabled ? "disabled" : "enabled"));
}

/* The first page's; NULL without memory. */
static json_t *
make_command(const struct trust_list_seen *which)
{
	return json_pack("{s:s, s:s*, s:s*}", "command", "listDevices",
	    "expiring", which->expiring, "anchor", which->anchor);
}

int
trust_list_seen(const struct trust_mqtt_options *gateway,
    const struct trust_list_seen *which, bool json)
{
	struct trust_pages pages = {
	    .command = make_command(which),
	    .array = "devices",
	    .next = which->expiring != NULL ? next_by_end : next_by_id,
	    .complete = add_standing,
	    .headers = {"ID", "STATUS", "LAST SEEN", "FROM", "MATCHED",
		"ANCHOR", "EXPIRES"},
	    .members = {"device", "standing", "last_seen", "address", "matched",
		"anchor", "expires"},
	};
	int status = trust_pages_print(gateway, &pages, json);

	json_decref(pages.command);
	return status;
}

enum trust_err
trust_list_seen_names(const struct trust_mqtt_options *gateway,
    const char *anchor, json_t *names, struct trust_message *msg)
{
	const struct trust_list_seen which = {.anchor = anchor};
	const struct trust_pages pages = {
	    .command = make_command(&which),
	    .array = "devices",
	    .next = next_by_id,
	};
	json_t *all = json_array();
	enum trust_err r = trust_pages_fetch(gateway, &pages, all, msg);

	for (size_t i = 0; r == TRUST_OK && i < json_array_size(all); i++) {
		if (json_array_append(names,
			json_object_get(json_array_get(all, i), "device")) != 0)
			r = TRUST_ERR_NOMEM;
	}
	json_decref(all);
	json_decref(pages.command);
	return r;
}
