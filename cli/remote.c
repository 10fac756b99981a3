/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running gateway: a connection, a subscription, and an answer for each
 * command.
 */
#include "remote.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"

#define COMMAND_TOPIC  "$CONTROL/trust/v1"
#define RESPONSE_TOPIC "$CONTROL/trust/v1/response"
/* How long to wait for the connection, and for an answer. */
#define PATIENCE_MS 10000
#define STEP_MS     100
/* Octets of one list of responses. */
#define RESPONSE_MAX (4 * 1024 * 1024)

struct trust_remote {
	struct trust_mqtt_options options;
	char id[TRUST_ID_MAX + 1]; /* where the options have none */
	struct trust_mqtt *mqtt;
	struct trust_mqtt_events events;
	const char *topic;         /* to subscribe to */
	bool ready;                /* subscribed */
	bool denied;               /* not to subscribe */
	struct trust_message lost; /* why the connection is gone */
	int64_t asked;             /* commands so far: their correlation */
	json_t *response;          /* to the last one; NULL: none yet */
	/* For trust_remote_follow. */
	bool (*message)(void *arg, struct trust_span payload);
	void *arg;
	bool done;
};

/* ---- Events ---- */

static void
on_connected(void *arg)
{
	struct trust_remote *remote = arg;
	struct trust_message msg = {0};

	if (remote->lost.text[0] != '\0')
		trust_output_error("connected again");
	remote->lost.text[0] = '\0';
	if (trust_mqtt_subscribe(remote->mqtt, remote->topic, &msg) != TRUST_OK)
		remote->denied = true;
}

static void
on_disconnected(void *arg, const char *why)
{
	struct trust_remote *remote = arg;

	if (remote->message != NULL && remote->ready)
		trust_output_error("%s: the connection is gone: %s",
		    trust_mqtt_get0_address(remote->mqtt), why);
	remote->ready = false;
	(void)trust_err_set(&remote->lost, TRUST_OK, "%s", why);
}

static void
on_subscribed(void *arg, bool granted)
{
	struct trust_remote *remote = arg;

	remote->ready = granted;
	remote->denied = !granted;
}

/* The response with the correlation of the last command. */
static void
find_response(struct trust_remote *remote, struct trust_span payload)
{
	struct trust_message msg;
	json_t *list = NULL, *response;
	char wanted[24];
	size_t i;

	if (trust_json_parse(payload, RESPONSE_MAX, &list, &msg) != TRUST_OK)
		return;
	(void)snprintf(wanted, sizeof(wanted), "%" PRId64, remote->asked);
	json_array_foreach(json_object_get(list, "responses"), i, response)
	{
		const char *correlation = json_string_value(
		    json_object_get(response, "correlationData"));

		if (correlation == NULL || strcmp(correlation, wanted) != 0)
			continue;
		json_decref(remote->response);
		remote->response = json_incref(response);
	}
	json_decref(list);
}

static void
on_message(void *arg, const struct trust_mqtt_message *message)
{
	struct trust_remote *remote = arg;

	if (remote->message == NULL)
		find_response(remote, message->payload);
	else if (!remote->message(remote->arg, message->payload))
		remote->done = true;
}

/* ---- Connecting ---- */

static enum trust_err
begin(const struct trust_mqtt_options *options, const char *topic,
    struct trust_remote **out, struct trust_message *msg)
{
	struct trust_remote *remote = calloc(1, sizeof(*remote));
	enum trust_err r;

	*out = NULL;
	if (remote == NULL)
		return TRUST_ERR_NOMEM;
	remote->options = *options;
	remote->topic = topic;
	remote->events = (struct trust_mqtt_events){
	    .connected = on_connected,
	    .disconnected = on_disconnected,
	    .subscribed = on_subscribed,
	    .message = on_message,
	    .arg = remote,
	};
	trust_mqtt_take_id(&remote->options, remote->id);
	r = trust_mqtt_open(
	    &remote->options, &remote->events, &remote->mqtt, msg);
	if (r != TRUST_OK) {
		trust_remote_close(remote);
		return r;
	}
	*out = remote;
	return TRUST_OK;
}

static enum trust_err
tell_denied(const struct trust_remote *remote, struct trust_message *msg)
{
	return trust_err_set(msg, TRUST_ERR_IO,
	    "%s: want a client that may read %s, got %s, which may not; a rule "
	    "of its role has to name that topic",
	    trust_mqtt_get0_address(remote->mqtt), remote->topic,
	    remote->options.id != NULL ? remote->options.id : "one");
}

static enum trust_err
wait_ready(struct trust_remote *remote, struct trust_message *msg)
{
	int64_t deadline = trust_progress_now_ms() + PATIENCE_MS;

	while (!remote->ready && !remote->denied &&
	       remote->lost.text[0] == '\0' &&
	       trust_progress_now_ms() < deadline)
		trust_mqtt_run(remote->mqtt, STEP_MS);
	if (remote->denied)
		return tell_denied(remote, msg);
	if (remote->ready)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_IO, "%s: %s",
	    trust_mqtt_get0_address(remote->mqtt),
	    remote->lost.text[0] != '\0' ? remote->lost.text
					 : "no answer within 10 s");
}

enum trust_err
trust_remote_open(const struct trust_mqtt_options *options,
    struct trust_remote **out, struct trust_message *msg)
{
	struct trust_remote *remote;
	enum trust_err r;

	*out = NULL;
	r = begin(options, RESPONSE_TOPIC, &remote, msg);
	if (r != TRUST_OK)
		return r;
	r = wait_ready(remote, msg);
	if (r != TRUST_OK) {
		trust_remote_close(remote);
		return r;
	}
	*out = remote;
	return TRUST_OK;
}

void
trust_remote_close(struct trust_remote *remote)
{
	if (remote == NULL)
		return;
	trust_mqtt_close(remote->mqtt);
	json_decref(remote->response);
	free(remote);
}

/* ---- Asking ---- */

static enum trust_err
send_command(
    struct trust_remote *remote, json_t *command, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	char correlation[24];
	json_t *list;
	char *text;

	(void)snprintf(
	    correlation, sizeof(correlation), "%" PRId64, ++remote->asked);
	(void)json_object_set_new(
	    command, "correlationData", json_string(correlation));
	list = json_pack("{s:[o]}", "commands", command);
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	if (text != NULL)
		r = trust_mqtt_publish(remote->mqtt, COMMAND_TOPIC,
		    trust_span_of(text), false, msg);
	free(text);
	return r;
}

static enum trust_err
take_response(
    struct trust_remote *remote, json_t **data, struct trust_message *msg)
{
	json_t *error = json_object_get(remote->response, "error");

	*data = json_incref(json_object_get(remote->response, "data"));
	if (*data != NULL)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_CONFLICT, "%s",
	    json_is_string(error) ? json_string_value(error)
				  : "the gateway answered without data");
}

enum trust_err
trust_remote_ask(struct trust_remote *remote, json_t *command, json_t **data,
    struct trust_message *msg)
{
	int64_t deadline = trust_progress_now_ms() + PATIENCE_MS;
	enum trust_err r;

	*data = NULL;
	json_decref(remote->response);
	remote->response = NULL;
	r = send_command(remote, command, msg);
	if (r != TRUST_OK)
		return r;
	while (remote->response == NULL && remote->lost.text[0] == '\0' &&
	       trust_progress_now_ms() < deadline)
		trust_mqtt_run(remote->mqtt, STEP_MS);
	if (remote->response != NULL)
		return take_response(remote, data, msg);
	if (remote->lost.text[0] != '\0')
		return trust_err_set(msg, TRUST_ERR_IO, "%s: %s",
		    trust_mqtt_get0_address(remote->mqtt), remote->lost.text);
	return trust_err_set(msg, TRUST_ERR_IO,
	    "%s: no answer within %d s; a rule of this client's role has to "
	    "let it publish to " COMMAND_TOPIC,
	    trust_mqtt_get0_address(remote->mqtt), PATIENCE_MS / 1000);
}

bool
trust_remote_is_lost(const struct trust_remote *remote)
{
	return remote->lost.text[0] != '\0';
}

bool
trust_remote_is_device(const struct trust_remote *remote, const char *device)
{
	const char *id = remote->options.id;
	char own[TRUST_ID_MAX + 1];

	return id != NULL && trust_identity_client_device(id, own) &&
	       strcmp(own, device) == 0;
}

/* ---- Following ---- */

enum trust_err
trust_remote_follow(const struct trust_mqtt_options *options, const char *topic,
    bool (*message)(void *arg, struct trust_span payload), void *arg,
    const volatile sig_atomic_t *stop, struct trust_message *msg)
{
	struct trust_remote *remote;
	enum trust_err r;

	r = begin(options, topic, &remote, msg);
	if (r != TRUST_OK)
		return r;
	remote->message = message;
	remote->arg = arg;
	r = wait_ready(remote, msg);
	while (r == TRUST_OK && *stop == 0 && !remote->done) {
		trust_mqtt_run(remote->mqtt, STEP_MS);
		if (remote->denied)
			r = tell_denied(remote, msg);
	}
	trust_remote_close(remote);
	return r;
}
