/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate, listing tokens: what the registry has of them beside what was
 * counted here.
 */
#include <stdio.h>
#include <string.h>

#include "gate_internal.h"
#include "token.h"

struct listing {
	struct trust_gate *gate;
	struct trust_gate_token *v;
	size_t n;
	struct trust_message *msg;
};

/* Another gateway's uses are its own business. */
static enum trust_err
count(struct trust_gate *gate, const struct trust_record *record,
    struct trust_gate_token *out, struct trust_message *msg)
{
	const struct trust_token_id id = {
	    .id = record->id, .secret_sha256 = &record->u.token.secret_sha256};
	struct trust_token_uses uses;
	enum trust_err r = TRUST_OK;

	out->is_ours = strcmp(out->gateway, gate->config.gateway) == 0;
	if (!out->is_ours)
		return TRUST_OK;
	r = trust_gate_want_local_to_write(gate, msg);
	if (r == TRUST_OK)
		r = trust_token_count(gate->local, &id, NULL, &uses, msg);
	if (r != TRUST_OK)
		return r;
	out->n_spent = uses.n_spent;
	out->n_finished = uses.n_finished;
	return TRUST_OK;
}

static enum trust_err
add(void *arg, const char *id, struct trust_span line)
{
	struct listing *listing = arg;
	struct trust_gate_token *out = &listing->v[listing->n];
	struct trust_record *record = NULL;
	enum trust_err r;

	r = trust_registry_parse(listing->gate->registry, TRUST_KIND_TOKEN, id,
	    line, &record, listing->msg);
	if (r != TRUST_OK)
		return r;
	*out = (struct trust_gate_token){
	    .enabled = record->enabled,
	    .uses = record->u.token.uses,
	    .expires = record->u.token.expires,
	};
	(void)snprintf(out->id, sizeof(out->id), "%s", id);
	(void)snprintf(
	    out->device, sizeof(out->device), "%s", record->u.token.device);
	(void)snprintf(
	    out->gateway, sizeof(out->gateway), "%s", record->u.token.gateway);
	r = count(listing->gate, record, out, listing->msg);
	trust_record_free(record);
	if (r == TRUST_OK)
		listing->n++;
	return r;
}

enum trust_err
trust_gate_list_tokens(struct trust_gate *gate, const char *after,
    struct trust_gate_token *v, size_t max, size_t *n,
    struct trust_message *msg)
{
	struct listing listing = {.gate = gate, .v = v, .msg = msg};
	enum trust_err r = TRUST_OK;

	if (gate->registry != NULL)
		r = trust_registry_list_after(gate->registry, TRUST_KIND_TOKEN,
		    after, max, add, &listing, msg);
	*n = listing.n;
	return r;
}
