/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Newcomers at CONNECT: with a token instead of a certificate, to enroll and
 * nothing else.
 */
#include <stdlib.h>
#include <string.h>

#include "plugin.h"

static int
refuse(struct trust_plugin *plugin, const struct mosquitto *client,
    enum trust_reason reason, const char *why)
{
	trust_refusal_tell_client(plugin->refusals, reason,
	    mosquitto_client_id(client), NULL, mosquitto_client_address(client),
	    "%s", why);
	return MOSQ_ERR_AUTH;
}

/* Whoever holds the client id stays, unless it is the same newcomer that comes
 * again, or the newcomer's own device, and that is away. */
static bool
is_free(struct trust_plugin *plugin, const struct trust_newcomer *newcomer,
    const char *client_id)
{
	const struct trust_session *holder =
	    trust_session_find_id(plugin->sessions, client_id);

	if (holder == NULL)
		return true;
	if (holder->kind == TRUST_SESSION_NEWCOMER)
		return holder->offline ||
		       strcmp(holder->newcomer->token, newcomer->token) == 0;
	return holder->offline;
}

static bool
check_client_id(struct trust_plugin *plugin, const struct mosquitto *client,
    const struct trust_newcomer *newcomer)
{
	const char *id = mosquitto_client_id(client);
	const char *why = NULL;

	if (!is_free(plugin, newcomer, id))
		why = "the client id is that of a client that is connected";
	else if (!trust_gate_may_newcomer_be(plugin->gate, newcomer, id))
		why = "the client id is a device's; want the device's that "
		      "the token is for, or one that is nobody's";
	/* What is kept for a client id was meant for whoever had it before. */
	else if (!mosquitto_client_clean_session(client))
		why = "want a clean start (a clean session) of a newcomer";
	if (why != NULL)
		(void)refuse(
		    plugin, client, TRUST_REASON_CLIENT_ID_MISMATCH, why);
	return why == NULL;
}

static int
open_session(struct trust_plugin *plugin, struct mosquitto *client,
    const struct trust_newcomer *newcomer)
{
	struct trust_newcomer *copy = malloc(sizeof(*copy));
	struct trust_session *session;
	struct trust_access *access = NULL;
	enum trust_err r = TRUST_ERR_NOMEM;

	if (copy != NULL) {
		*copy = *newcomer;
		r = trust_gate_newcomer_access(plugin->gate, copy, &access);
	}
	if (r != TRUST_OK)
		free(copy);
	else
		r = trust_session_open_newcomer(plugin->sessions, client,
		    mosquitto_client_id(client), copy, access);
	if (r != TRUST_OK)
		return refuse(plugin, client, TRUST_REASON_INTERNAL_ERROR,
		    trust_err_text(r));
	session = trust_session_find_client(plugin->sessions, client);
	trust_session_note_arrival(
	    session, mosquitto_client_address(client), trust_plugin_now());
	trust_session_event_tell_newcomer(plugin, session);
	return MOSQ_ERR_SUCCESS;
}

int
trust_newcomer_connect(struct trust_plugin *plugin, struct mosquitto *client,
    const char *username, const char *password)
{
	struct trust_newcomer newcomer;
	struct trust_verdict verdict;
	int rc = MOSQ_ERR_AUTH;

	trust_gate_decide_newcomer(plugin->gate, username, password,
	    trust_plugin_now(), &newcomer, &verdict);
	if (verdict.outcome != TRUST_ALLOW)
		(void)refuse(plugin, client, verdict.reason, verdict.detail);
	else if (check_client_id(plugin, client, &newcomer))
		rc = open_session(plugin, client, &newcomer);
	trust_verdict_clear(&verdict);
	return rc;
}
