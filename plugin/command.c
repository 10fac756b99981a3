/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands: a table of names and functions. Each command of a list gets its
 * response in the same place, with its data or an error.
 */
#include "command.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define RESPONSE_TOPIC "$CONTROL/trust/v1/response"
/* Octets of a list of commands, and commands in one. */
#define COMMANDS_LEN_MAX (64 * 1024)
#define COMMANDS_MAX     100

/* Carries a command out. Returns its data (a new reference, "{}" for none),
 * or NULL with the message. */
typedef json_t *carry_out(struct trust_plugin *plugin, const json_t *command,
    struct trust_message *msg);

/* ---- The commands ---- */

static const char *
get_device(const json_t *command, struct trust_message *msg)
{
	const char *device =
	    json_string_value(json_object_get(command, "device"));

	if (device == NULL ||
	    !trust_id_check((const uint8_t *)device, strlen(device))) {
		(void)trust_err_set(
		    msg, TRUST_ERR_INPUT, "device: want a device id");
		return NULL;
	}
	return device;
}

static json_t *
get_status(struct trust_plugin *plugin, const json_t *command,
    struct trust_message *msg)
{
	static const char *const states[] = {
	    [TRUST_REGISTRY_STATE_MISSING] = "missing",
	    [TRUST_REGISTRY_STATE_STALE] = "stale",
	    [TRUST_REGISTRY_STATE_READY] = "ready",
	};
	struct trust_gate_status status;

	(void)command;
	(void)msg;
	trust_gate_get_status(plugin->gate, trust_plugin_now(), &status);
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:b, s:I, s:I, s:I, "
	    "s:I}",
	    "version", TRUST_VERSION, "gateway", plugin->options.gateway,
	    "scope", plugin->options.scope, "registry", states[status.state],
	    "replica", plugin->sync != NULL, "serial",
	    (json_int_t)status.held.serial, "records",
	    (json_int_t)status.n_records, "age", (json_int_t)status.age_s,
	    "clock_behind", status.clock_behind, "sessions",
	    (json_int_t)trust_sessions_count(plugin->sessions), "cached",
	    (json_int_t)status.n_cached, "hits", (json_int_t)status.cache_hits,
	    "misses", (json_int_t)status.cache_misses);
}

static json_t *
block(struct trust_plugin *plugin, const json_t *command,
    struct trust_message *msg)
{
	const char *device = get_device(command, msg);

	if (device == NULL ||
	    trust_gate_block(plugin->gate, device, msg) != TRUST_OK)
		return NULL;
	mosquitto_log_printf(
	    MOSQ_LOG_NOTICE, "mosquitto_trust: blocked device %s", device);
	trust_tick_review_device(plugin, device);
	return json_object();
}

static json_t *
unblock(struct trust_plugin *plugin, const json_t *command,
    struct trust_message *msg)
{
	const char *device = get_device(command, msg);

	if (device == NULL ||
	    trust_gate_unblock(plugin->gate, device, msg) != TRUST_OK)
		return NULL;
	mosquitto_log_printf(
	    MOSQ_LOG_NOTICE, "mosquitto_trust: unblocked device %s", device);
	return json_object();
}

static json_t *
kick(struct trust_plugin *plugin, const json_t *command,
    struct trust_message *msg)
{
	const char *device = get_device(command, msg);

	if (device == NULL)
		return NULL;
	if (!trust_tick_kick_device(plugin, device)) {
		(void)trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "device %s is not connected", device);
		return NULL;
	}
	return json_object();
}

static json_t *
resync(struct trust_plugin *plugin, const json_t *command,
    struct trust_message *msg)
{
	(void)command;
	if (plugin->sync == NULL) {
		(void)trust_err_set(msg, TRUST_ERR_INPUT,
		    "this gateway's registry is an origin: there is nothing "
		    "to fetch");
		return NULL;
	}
	if (!trust_sync_resync(plugin->sync)) {
		(void)trust_err_set(
		    msg, TRUST_ERR_BUSY, "sync is busy, try again");
		return NULL;
	}
	return json_object();
}

static const struct {
	const char *name;
	carry_out *function;
} commands[] = {
    {"getStatus", get_status},
    {"block", block},
    {"unblock", unblock},
    {"kick", kick},
    {"resync", resync},
};

/* ---- Lists of them ---- */

static json_t *
run_command(struct trust_plugin *plugin, const char *name,
    const json_t *command, struct trust_message *msg)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (name != NULL && strcmp(commands[i].name, name) == 0)
			return commands[i].function(plugin, command, msg);
	}
	(void)trust_err_set(
	    msg, TRUST_ERR_INPUT, "command: there is no such command");
	return NULL;
}

/* NULL without memory. */
static json_t *
respond(struct trust_plugin *plugin, const json_t *command)
{
	const char *name =
	    json_string_value(json_object_get(command, "command"));
	json_t *correlation = json_object_get(command, "correlationData");
	struct trust_message msg = {0};
	json_t *data = run_command(plugin, name, command, &msg);
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

static json_t *
respond_all(struct trust_plugin *plugin, struct trust_span payload)
{
	struct trust_message msg = {0};
	json_t *responses = json_array();
	json_t *list = NULL, *commands_of_list;
	size_t n;

	if (trust_json_parse(payload, COMMANDS_LEN_MAX, &list, &msg) ==
	    TRUST_OK) {
		commands_of_list = json_object_get(list, "commands");
		n = json_array_size(commands_of_list);
		if (n == 0 || n > COMMANDS_MAX)
			(void)trust_err_set(&msg, TRUST_ERR_INPUT,
			    "commands: want a list of 1 to %d, got %zu",
			    COMMANDS_MAX, n);
		for (size_t i = 0; i < n && n <= COMMANDS_MAX; i++)
			(void)json_array_append_new(responses,
			    respond(
				plugin, json_array_get(commands_of_list, i)));
	}
	if (msg.text[0] != '\0')
		(void)json_array_append_new(responses,
		    json_pack("{s:s, s:s}", "command", "", "error", msg.text));
	json_decref(list);
	return json_pack("{s:o}", "responses", responses);
}

int
trust_command_on_control(int event, void *data, void *userdata)
{
	const struct mosquitto_evt_control *control = data;
	struct trust_plugin *plugin = userdata;
	const char *id = mosquitto_client_id(control->client);
	const struct trust_session *session;
	json_t *answer;
	char *text;

	(void)event;
	session = trust_session_find(plugin->sessions, control->client, id);
	if (session == NULL || session->kind != TRUST_SESSION_DEVICE)
		return MOSQ_ERR_ACL_DENIED;
	answer = respond_all(
	    plugin, (struct trust_span){control->payload, control->payloadlen});
	text = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	if (text == NULL)
		return MOSQ_ERR_NOMEM;
	(void)mosquitto_broker_publish_copy(
	    id, RESPONSE_TOPIC, (int)strlen(text), text, 1, false, NULL);
	free(text);
	return MOSQ_ERR_SUCCESS;
}
