/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: a table of names and functions. Each command of a list gets its
 * response in the same place, with its data or an error.
 */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_call.h"

#define RESPONSE_TOPIC "$CONTROL/trust/v1/response"
/* Octets of a list of commands. */
#define COMMANDS_LEN_MAX (64 * 1024)

/* ---- The commands ---- */

static json_t *
unpin(const struct trust_call *call, struct trust_message *msg)
{
	const char *device = trust_call_get0_device(call, msg);

	if (device == NULL ||
	    trust_gate_unpin(call->plugin->gate, device, msg) != TRUST_OK)
		return NULL;
	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: forgot the first key of device %s, by client %s",
	    device, call->client_id);
	return json_object();
}

static json_t *
kick(const struct trust_call *call, struct trust_message *msg)
{
	const char *device = trust_call_get0_device(call, msg);

	if (device == NULL)
		return NULL;
	if (!trust_review_kick(call->plugin, device)) {
		(void)trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "device %s is not connected", device);
		return NULL;
	}
	return json_object();
}

static json_t *
resync(const struct trust_call *call, struct trust_message *msg)
{
	if (call->plugin->sync == NULL) {
		(void)trust_err_set(msg, TRUST_ERR_INPUT,
		    "this gateway's registry is an origin: there is nothing "
		    "to fetch");
		return NULL;
	}
	if (!trust_sync_resync(call->plugin->sync)) {
		(void)trust_err_set(
		    msg, TRUST_ERR_BUSY, "sync is busy, try again");
		return NULL;
	}
	return json_object();
}

static const struct {
	const char *name;
	trust_call_function *function;
} commands[] = {
    {"getStatus", trust_command_get_status},
    {"listSessions", trust_command_list_sessions},
    {"listDevices", trust_command_list_devices},
    {"listTokens", trust_command_list_tokens},
    {"explain", trust_command_explain},
    {"block", trust_command_block},
    {"unblock", trust_command_unblock},
    {"unpin", unpin},
    {"kick", kick},
    {"resync", resync},
};

static void
tell_unknown(struct trust_message *msg)
{
	char names[TRUST_SHOWN_MAX] = "";
	size_t used = 0;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used,
		    "%s%s", i > 0 ? ", " : "", commands[i].name);
	(void)trust_err_set(msg, TRUST_ERR_INPUT,
	    "command: there is no such command, want one of %s", names);
}

/* ---- Lists of them ---- */

static json_t *
run_command(
    const struct trust_call *call, const char *name, struct trust_message *msg)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (name != NULL && strcmp(commands[i].name, name) == 0)
			return commands[i].function(call, msg);
	}
	tell_unknown(msg);
	return NULL;
}

/* NULL without memory. */
static json_t *
respond(const struct trust_call *call)
{
	const char *name =
	    json_string_value(json_object_get(call->command, "command"));
	json_t *correlation = json_object_get(call->command, "correlationData");
	struct trust_message msg = {0};
	json_t *data = run_command(call, name, &msg);
	json_t *response =
	    json_pack("{s:s}", "command", name != NULL ? name : "");

	if (json_is_string(correlation))
		(void)json_object_set(response, "correlationData", correlation);
	if (data != NULL)
		(void)json_object_set_new(response, "data", data);
	else
		(void)json_object_set_new(
		    response, "error", json_string(msg.text));
	return response;
}

/* NULL without memory. */
static char *
respond_all(struct trust_call *call, struct trust_span payload)
{
	struct trust_message msg = {0};
	json_t *responses = json_array();
	json_t *object = NULL, *answer;
	char *text;
	size_t n;

	if (trust_json_parse(payload, COMMANDS_LEN_MAX, &object, &msg) ==
	    TRUST_OK) {
		call->list = json_object_get(object, "commands");
		n = json_array_size(call->list);
		if (n == 0 || n > TRUST_COMMANDS_MAX)
			(void)trust_err_set(&msg, TRUST_ERR_INPUT,
			    "commands: want a list of 1 to %d, got %zu",
			    TRUST_COMMANDS_MAX, n);
		for (size_t i = 0; i < n && n <= TRUST_COMMANDS_MAX; i++) {
			call->at = i;
			call->command = json_array_get(call->list, i);
			(void)json_array_append_new(responses, respond(call));
		}
	}
	if (msg.text[0] != '\0')
		(void)json_array_append_new(responses,
		    json_pack("{s:s, s:s}", "command", "", "error", msg.text));
	json_decref(object);
	answer = json_pack("{s:o}", "responses", responses);
	text = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	return text;
}

int
trust_command_on_control(int event, void *data, void *userdata)
{
	const struct mosquitto_evt_control *control = data;
	struct trust_plugin *plugin = userdata;
	const struct trust_session *session;
	struct trust_call_run run = {0};
	struct trust_call call = {.plugin = plugin, .run = &run};
	char *text;

	(void)event;
	session = trust_session_find(plugin->sessions, control->client,
	    mosquitto_client_id(control->client));
	if (session == NULL || session->kind != TRUST_SESSION_DEVICE)
		return MOSQ_ERR_ACL_DENIED;
	(void)snprintf(
	    call.client_id, sizeof(call.client_id), "%s", session->client_id);
	memcpy(call.address, session->address, sizeof(call.address));
	text = respond_all(
	    &call, (struct trust_span){control->payload, control->payloadlen});
	if (text == NULL)
		return MOSQ_ERR_NOMEM;
	(void)mosquitto_broker_publish_copy(call.client_id, RESPONSE_TOPIC,
	    (int)strlen(text), text, 1, false, NULL);
	free(text);
	return MOSQ_ERR_SUCCESS;
}
