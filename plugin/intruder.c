/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that came in past the plugin: with a certificate, and without its
 * word. A setting of the broker or another plugin let them in. They reach no
 * topic (access.c), and are closed here.
 */
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

static bool
is_noted(const struct trust_plugin *plugin, const char *client_id)
{
	const struct trust_intruder *i;

	for (i = plugin->intruders; i != NULL; i = i->next) {
		if (strcmp(i->client_id, client_id) == 0)
			return true;
	}
	return false;
}

void
trust_intruder_note(struct trust_plugin *plugin, const char *client_id)
{
	struct trust_intruder *intruder;

	if (is_noted(plugin, client_id))
		return;
	intruder = calloc(1, sizeof(*intruder));
	if (intruder == NULL)
		return;
	intruder->client_id = strdup(client_id);
	if (intruder->client_id == NULL) {
		free(intruder);
		return;
	}
	intruder->next = plugin->intruders;
	plugin->intruders = intruder;
}

void
trust_intruder_close_all(struct trust_plugin *plugin)
{
	char shown[TRUST_SHOWN_MAX];

	for (const struct trust_intruder *i = plugin->intruders; i != NULL;
	     i = i->next) {
		mosquitto_log_printf(MOSQ_LOG_ERR,
		    "mosquitto_trust: client %s came in without being asked "
		    "about, closing it: take use_identity_as_username, "
		    "use_subject_as_username and enhanced authentication "
		    "from the listener, and put this plugin's line before "
		    "other plugins'",
		    trust_span_show(
			trust_span_of(i->client_id), shown, sizeof(shown)));
		(void)mosquitto_kick_client_by_clientid(i->client_id, false);
	}
	trust_intruder_forget_all(plugin);
}

void
trust_intruder_forget_all(struct trust_plugin *plugin)
{
	while (plugin->intruders != NULL) {
		struct trust_intruder *next = plugin->intruders->next;

		free(plugin->intruders->client_id);
		free(plugin->intruders);
		plugin->intruders = next;
	}
}
