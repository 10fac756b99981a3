/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands block and unblock. Those of a list that follow each other reach
 * the disk in one transaction: the broker stands still while it is written.
 */
#include <stdio.h>
#include <string.h>

#include "command_call.h"

/* Whether a command is one of them and names its device. */
static bool
read_change(const json_t *command, struct trust_block_change *out)
{
	const char *name =
	    json_string_value(json_object_get(command, "command"));
	const char *device =
	    json_string_value(json_object_get(command, "device"));

	if (name == NULL || device == NULL ||
	    !trust_id_check((const uint8_t *)device, strlen(device)))
		return false;
	*out = (struct trust_block_change){
	    .device = device, .block = strcmp(name, "block") == 0};
	return out->block || strcmp(name, "unblock") == 0;
}

static bool
has_device(const struct trust_call_run *run, const char *device)
{
	for (size_t i = 0; i < run->n; i++) {
		if (strcmp(run->v[i].device, device) == 0)
			return true;
	}
	return false;
}

/* From this command on. A device comes once in a run: who is blocked and then
 * unblocked is closed in between. */
static void
start_run(const struct trust_call *call, struct trust_call_run *run)
{
	struct trust_block_change change;
	size_t i = call->at;

	*run = (struct trust_call_run){.first = i};
	for (; i < json_array_size(call->list) && run->n < TRUST_COMMANDS_MAX;
	     i++) {
		if (!read_change(json_array_get(call->list, i), &change) ||
		    has_device(run, change.device))
			break;
		run->v[run->n++] = change;
	}
	run->r = trust_gate_change_blocks(
	    call->plugin->gate, run->v, run->n, &run->msg);
}

/* This command's change, which is on the disk; NULL with the message. */
static const struct trust_block_change *
change(const struct trust_call *call, struct trust_message *msg)
{
	struct trust_call_run *run = call->run;

	if (trust_call_get0_device(call, msg) == NULL)
		return NULL;
	if (call->at >= run->first + run->n)
		start_run(call, run);
	if (run->r == TRUST_OK)
		return &run->v[call->at - run->first];
	(void)trust_err_set(msg, run->r, "%s",
	    run->msg.text[0] != '\0' ? run->msg.text : trust_err_text(run->r));
	return NULL;
}

static void
tell(const struct trust_call *call, enum trust_event_kind kind,
    const char *device)
{
	char detail[TRUST_MESSAGE_MAX];
	const struct trust_event event = {
	    .kind = kind,
	    .device = device,
	    .address = call->address,
	    .detail = detail,
	};

	(void)snprintf(detail, sizeof(detail), "by client %s", call->client_id);
	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: %s device %s, %s",
	    kind == TRUST_EVENT_BLOCKED ? "blocked" : "unblocked", device,
	    detail);
	trust_event_tell(call->plugin->events, &event);
}

/* Whether nobody of that name is registered, or was here: it may be a slip of
 * the pen. */
static bool
is_unknown(const struct trust_call *call, const char *id)
{
	struct trust_gate_device device;

	return trust_gate_find_device(call->plugin->gate, id, &device, NULL) ==
		   TRUST_OK &&
	       !device.registered && !device.was_here;
}

json_t *
trust_command_block(const struct trust_call *call, struct trust_message *msg)
{
	const struct trust_block_change *done = change(call, msg);

	if (done == NULL)
		return NULL;
	tell(call, TRUST_EVENT_BLOCKED, done->device);
	trust_review_device(call->plugin, done->device);
	return is_unknown(call, done->device)
		   ? json_pack("{s:b}", "known", false)
		   : json_object();
}

json_t *
trust_command_unblock(const struct trust_call *call, struct trust_message *msg)
{
	const struct trust_block_change *done = change(call, msg);

	if (done == NULL)
		return NULL;
	if (!done->was_blocked) {
		(void)trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "device %s is not blocked", done->device);
		return NULL;
	}
	tell(call, TRUST_EVENT_UNBLOCKED, done->device);
	return json_object();
}
