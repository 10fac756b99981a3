/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl sessions: who is connected to a running gateway.
 */
#include "sessions.h"

#include <string.h>

#include "commands.h"
#include "pages.h"

static bool
next_page(json_t *command, const json_t *data, size_t n)
{
	(void)json_object_set_new(
	    command, "offset", json_integer((json_int_t)n));
	return json_array_size(json_object_get(data, "sessions")) > 0 &&
	       (json_int_t)n <
		   json_integer_value(json_object_get(data, "total"));
}

static enum trust_err
add_name(json_t *names, const json_t *session, const char *anchor)
{
	const char *by = json_string_value(json_object_get(session, "anchor"));

	if (by == NULL || strcmp(by, anchor) != 0)
		return TRUST_OK;
	return json_array_append(names, json_object_get(session, "client")) == 0
		   ? TRUST_OK
		   : TRUST_ERR_NOMEM;
}

enum trust_err
trust_sessions_names(const struct trust_mqtt_options *gateway,
    const char *anchor, json_t *names, struct trust_message *msg)
{
	const struct trust_pages pages = {
	    .command = json_pack("{s:s}", "command", "listSessions"),
	    .array = "sessions",
	    .next = next_page,
	};
	json_t *all = json_array();
	enum trust_err r = trust_pages_fetch(gateway, &pages, all, msg);

	for (size_t i = 0; r == TRUST_OK && i < json_array_size(all); i++)
		r = add_name(names, json_array_get(all, i), anchor);
	json_decref(all);
	json_decref(pages.command);
	return r;
}

int
trust_sessions_run(int argc, char **argv)
{
	struct trust_mqtt_options gateway = TRUST_REMOTE_DEFAULTS;
	bool json = false;
	const struct trust_option options[] = {
	    TRUST_REMOTE_OPTIONS(gateway, "the gateway; else localhost"),
	    TRUST_OPTION_JSON(&json),
	};
	const struct trust_usage usage = {
	    .command = "sessions",
	    .arguments = "",
	    .text = "List the devices that are connected to a running "
		    "gateway.\n",
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_pages pages = {
	    .array = "sessions",
	    .next = next_page,
	    .headers = {"CLIENT", "DEVICE", "ADDRESS", "SINCE", "UNTIL", "BY",
		"REASON"},
	    .members = {"client", "device", "address", "since", "valid_until",
		"auth", "reason"},
	};
	struct trust_args args;
	int status;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	pages.command = json_pack("{s:s}", "command", "listSessions");
	status = trust_pages_print(&gateway, &pages, json);
	json_decref(pages.command);
	return status;
}
