/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of a running gateway.
 */
#include "list_tokens.h"

#include <stdio.h>

#include "pages.h"

static bool
next_page(json_t *command, const json_t *data, size_t n)
{
	const json_t *tokens = json_object_get(data, "tokens");
	size_t last = json_array_size(tokens);

	(void)n;
	if (last == 0 || !json_is_true(json_object_get(data, "more")))
		return false;
	(void)json_object_set(command, "after",
	    json_object_get(json_array_get(tokens, last - 1), "token"));
	return true;
}

/* Numbers as a table shows them; null stays. */
static void
write_numbers(json_t *token)
{
	static const char *const names[] = {"uses", "spent", "left"};
	char text[32];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *n = json_object_get(token, names[i]);

		if (!json_is_integer(n))
			continue;
		(void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
		    json_integer_value(n));
		(void)json_object_set_new(token, names[i], json_string(text));
	}
}

int
trust_list_tokens(const struct trust_mqtt_options *gateway, bool json)
{
	struct trust_pages pages = {
	    .command = json_pack("{s:s}", "command", "listTokens"),
	    .array = "tokens",
	    .next = next_page,
	    .complete = write_numbers,
	    .headers = {"ID", "STATUS", "DEVICE", "GATEWAY", "USES", "SPENT",
		"LEFT", "EXPIRES"},
	    .members = {"token", "status", "device", "gateway", "uses", "spent",
		"left", "expires"},
	};
	int status = trust_pages_print(gateway, &pages, json);

	json_decref(pages.command);
	return status;
}
