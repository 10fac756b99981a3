/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See token_gateway.h.
 */
#include "token_gateway.h"

#include <stdio.h>
#include <string.h>

/* What is asked one after the other, and what was found so far. */
struct search {
	struct trust_registry *registry;
	const char *path;
	json_t *scopes; /* the device's; NULL: all */
	struct trust_token_gateway *out;
	size_t n;                     /* that fit, of the present source */
	char some[TRUST_MESSAGE_MAX]; /* those that fit, for a person */
};

/* A scope is mostly one gateway's, and bears its id. */
static bool
fits(json_t *scopes, const char *id)
{
	json_t *scope;
	size_t i;

	json_array_foreach(scopes, i, scope)
	{
		if (strcmp(json_string_value(scope), id) == 0)
			return true;
	}
	return scopes == NULL;
}

static enum trust_err
take(void *arg, const char *id, struct trust_span line)
{
	struct search *search = arg;
	size_t used = strlen(search->some);

	(void)line;
	if (!fits(search->scopes, id))
		return TRUST_OK;
	if (search->n++ == 0)
		(void)snprintf(
		    search->out->id, sizeof(search->out->id), "%s", id);
	(void)snprintf(search->some + used, sizeof(search->some) - used, "%s%s",
	    used > 0 ? ", " : "", id);
	return TRUST_OK;
}

/* ---- The sources ---- */

static enum trust_err
by_scopes(struct search *search, struct trust_message *msg)
{
	json_t *scope;
	size_t i;

	(void)msg;
	json_array_foreach(search->scopes, i, scope)
	{
		(void)take(
		    search, json_string_value(scope), (struct trust_span){0});
	}
	return TRUST_OK;
}

/* What cannot be read there says nothing, and is none of a token's business. */
static enum trust_err
by_local(struct search *search, struct trust_message *msg)
{
	char id[TRUST_ID_MAX + 1];
	struct trust_local *local = NULL;

	(void)msg;
	if (trust_local_open(search->path, TRUST_LOCAL_READ, &local, NULL) ==
		TRUST_OK &&
	    trust_local_get_gateway(local, id, NULL) == TRUST_OK)
		(void)take(search, id, (struct trust_span){0});
	trust_local_close(local);
	return TRUST_OK;
}

static enum trust_err
by_publications(struct search *search, struct trust_message *msg)
{
	return trust_registry_list_scopes(search->registry, take, search, msg);
}

static enum trust_err
by_records(struct search *search, struct trust_message *msg)
{
	return trust_registry_list(
	    search->registry, TRUST_KIND_GATEWAY, take, search, msg);
}

static const struct {
	enum trust_err (*ask)(struct search *search, struct trust_message *msg);
	const char *because;
} sources[] = {
    {by_scopes, "its device is in the scope of that name"},
    {by_local, "that is the gateway of this registry"},
    {by_publications, "this registry is published for the scope of that name"},
    {by_records, "the registry has a record of it alone"},
};

/* ---- */

enum trust_err
trust_token_gateway_find(struct trust_registry *registry, const char *path,
    const struct trust_record *device, struct trust_token_gateway *out,
    struct trust_message *msg)
{
	struct search search = {.registry = registry, .path = path, .out = out};
	char some[TRUST_MESSAGE_MAX] = "";
	enum trust_err r;

	if (device != NULL)
		search.scopes = json_object_get(device->json, "scopes");
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		search.n = 0;
		search.some[0] = '\0';
		r = sources[i].ask(&search, msg);
		if (r != TRUST_OK)
			return r;
		out->because = sources[i].because;
		if (search.n == 1)
			return TRUST_OK;
		if (search.n > 1 && some[0] == '\0')
			memcpy(some, search.some, sizeof(some));
	}
	if (some[0] != '\0')
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want --gateway ID, the one gateway where the token "
		    "counts: is it one of %.200s?",
		    some);
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "want --gateway ID, the gateway where the token counts, as its "
	    "plugin_opt_gateway has it: no gateway has used %s so far, nor "
	    "was it published, and it has no record of one",
	    path);
}
