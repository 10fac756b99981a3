/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See broker_bridge.h.
 */
#include "broker_bridge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a bridge's client id begins with where nothing else is said. */
#define LOCAL "local."

static enum trust_err
replace(char **text, const char *value)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return TRUST_ERR_NOMEM;
	free(*text);
	*text = copy;
	return TRUST_OK;
}

static enum trust_err
add(struct trust_bridge **all, struct trust_bridge **current, const char *name)
{
	struct trust_bridge *bridge = calloc(1, sizeof(*bridge));
	char host[256];

	if (bridge == NULL)
		return TRUST_ERR_NOMEM;
	/* One that is cut off is the name of no bridge. */
	if (gethostname(host, sizeof(host)) != 0)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
	bridge->next = *all;
	*all = bridge;
	*current = bridge;
	if (asprintf(&bridge->remote, "%s.%s", host, name) < 0) {
		bridge->remote = NULL;
		return TRUST_ERR_NOMEM;
	}
	return TRUST_OK;
}

enum trust_err
trust_bridge_read(struct trust_bridge **all, struct trust_bridge **current,
    const char *key, const char *value)
{
	struct trust_bridge *bridge = *current;

	if (strcmp(key, "connection") == 0)
		return add(all, current, value);
	if (bridge == NULL)
		return TRUST_OK;
	if (strcmp(key, "local_clientid") == 0)
		return replace(&bridge->local, value);
	if (strcmp(key, "clientid") == 0 || strcmp(key, "remote_clientid") == 0)
		return replace(&bridge->remote, value);
	return TRUST_OK;
}

bool
trust_bridge_has(const struct trust_bridge *all, const char *client_id)
{
	const size_t len = strlen(LOCAL);

	for (const struct trust_bridge *b = all; b != NULL; b = b->next) {
		if (b->local != NULL
			? strcmp(client_id, b->local) == 0
			: strncmp(client_id, LOCAL, len) == 0 &&
			      strcmp(client_id + len, b->remote) == 0)
			return true;
	}
	return false;
}

void
trust_bridge_free_all(struct trust_bridge *all)
{
	struct trust_bridge *bridge;

	while ((bridge = all) != NULL) {
		all = bridge->next;
		free(bridge->local);
		free(bridge->remote);
		free(bridge);
	}
}
