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

int
trust_list_seen(const struct trust_mqtt_options *gateway,
    const struct trust_list_seen *which, bool json)
{
	struct trust_pages pages = {
	    .array = "devices",
	    .next = which->expiring != NULL ? next_by_end : next_by_id,
	    .complete = add_standing,
	    .headers = {"ID", "STATUS", "LAST SEEN", "FROM", "MATCHED",
		"ANCHOR", "EXPIRES"},
	    .members = {"device", "standing", "last_seen", "address", "matched",
		"anchor", "expires"},
	};
	int status;

	pages.command = json_pack("{s:s}", "command", "listDevices");
	if (which->expiring != NULL)
		(void)json_object_set_new(
		    pages.command, "expiring", json_string(which->expiring));
	if (which->anchor != NULL)
		(void)json_object_set_new(
		    pages.command, "anchor", json_string(which->anchor));
	status = trust_pages_print(gateway, &pages, json);
	json_decref(pages.command);
	return status;
}
