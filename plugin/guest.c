/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guests: clients that this plugin does not govern. They are others' business,
 * as long as they do not take a device's name.
 */
#include "plugin.h"

enum trust_err
trust_guest_check_id(struct trust_plugin *plugin, const char *client_id,
    struct trust_message *msg)
{
	const struct trust_session *holder =
	    trust_session_find_id(plugin->sessions, client_id);

	if (holder != NULL &&
	    (holder->kind == TRUST_SESSION_DEVICE ||
		(holder->kind == TRUST_SESSION_NEWCOMER && !holder->offline)))
		return TRUST_OK;
	return trust_gate_check_device(plugin->gate, client_id, msg);
}

static void
refuse_name(struct trust_plugin *plugin, const struct mosquitto *client,
    enum trust_err r, const struct trust_message *msg)
{
	const char *id = mosquitto_client_id(client);
	const char *address = mosquitto_client_address(client);

	if (r == TRUST_OK)
		trust_refusal_tell_client(plugin->refusals,
		    TRUST_REASON_NO_CERTIFICATE, id, NULL, address,
		    "the client id is a device's, which comes with a "
		    "certificate over a listener with require_certificate "
		    "true, or with a pre-shared key over one with psk_hint");
	else
		trust_refusal_tell_client(plugin->refusals,
		    TRUST_REASON_INTERNAL_ERROR, id, NULL, address,
		    "nobody can tell whether the client id is a device's: %s",
		    msg->text[0] != '\0' ? msg->text : trust_err_text(r));
}

int
trust_guest_connect(struct trust_plugin *plugin, struct mosquitto *client)
{
	const char *id = mosquitto_client_id(client);
	const char *address = mosquitto_client_address(client);
	struct trust_message msg = {0};
	enum trust_err r;

	if (!trust_gate_is_ready(plugin->gate)) {
		trust_refusal_tell_client(plugin->refusals,
		    TRUST_REASON_REGISTRY_MISSING, id, NULL, address,
		    "without a registry nobody can tell whether the client "
		    "id is a device's");
		return MOSQ_ERR_AUTH;
	}
	r = trust_guest_check_id(plugin, id, &msg);
	if (r != TRUST_ERR_NOT_FOUND) {
		refuse_name(plugin, client, r, &msg);
		return MOSQ_ERR_AUTH;
	}
	if (trust_session_open(plugin->sessions, client, id,
		TRUST_SESSION_GUEST, NULL, NULL) != TRUST_OK) {
		trust_refusal_tell_client(plugin->refusals,
		    TRUST_REASON_INTERNAL_ERROR, id, NULL, address,
		    "out of memory");
		return MOSQ_ERR_AUTH;
	}
	return MOSQ_ERR_PLUGIN_DEFER;
}
