/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command listTokens, a page at a time, as those of command_list.c.
 */
#include <stdlib.h>

#include "command_call.h"

/* Entries of one answer. */
#define PAGE_MAX 100

static json_t *
number(const struct trust_gate_token *token, int64_t n)
{
	return token->is_ours ? json_integer(n) : json_null();
}

static json_t *
token_json(const struct trust_gate_token *token)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o}",
	    "token", token->id, "device", token->device, "gateway",
	    token->gateway, "status", token->enabled ? "enabled" : "disabled",
	    "uses", (json_int_t)token->uses, "spent",
	    number(token, token->n_spent), "finished",
	    number(token, token->n_finished), "left",
	    number(token, token->n_spent < token->uses
			      ? token->uses - token->n_spent
			      : 0),
	    "expires", trust_call_time(token->expires));
}

/* One more than a page, to know whether another page follows. */
json_t *
trust_command_list_tokens(
    const struct trust_call *call, struct trust_message *msg)
{
	struct trust_gate_token *v = calloc(PAGE_MAX + 1, sizeof(*v));
	const char *after = trust_call_get0_text(call, "after", "", msg);
	json_t *tokens, *data = NULL;
	int64_t max;
	size_t n = 0;

	if (v == NULL || after == NULL ||
	    !trust_call_get_number(
		call, "count", PAGE_MAX, 1, PAGE_MAX, &max, msg) ||
	    trust_gate_list_tokens(call->plugin->gate, after, v,
		(size_t)max + 1, &n, msg) != TRUST_OK)
		goto out;
	tokens = json_array();
	for (size_t i = 0; i < n && i < (size_t)max; i++)
		(void)json_array_append_new(tokens, token_json(&v[i]));
	data =
	    json_pack("{s:o, s:b}", "tokens", tokens, "more", n > (size_t)max);
out:
	free(v);
	return data;
}
