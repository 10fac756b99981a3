/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the commands share: one command and who sent it, and the
 * functions that carry commands out.
 */
#ifndef TRUST_COMMAND_CALL_H
#define TRUST_COMMAND_CALL_H

#include <jansson.h>

#include "plugin.h"

/* Commands of one list. */
#define TRUST_COMMANDS_MAX 100

/* Those of a list that block or unblock, one after the other, and are carried
 * out in one go; zeroed memory is none. */
struct trust_call_run {
	size_t first; /* where in the list */
	size_t n;
	struct trust_block_change v[TRUST_COMMANDS_MAX];
	enum trust_err r; /* of all of them */
	struct trust_message msg;
};

/* A command, and who sent it: copies, since a client may kick itself. */
struct trust_call {
	struct trust_plugin *plugin;
	const json_t *list; /* that the command is of */
	size_t at;          /* where in it */
	const json_t *command;
	struct trust_call_run *run; /* the last one of the list */
	char client_id[TRUST_CLIENT_MAX + 1];
	char address[TRUST_ADDRESS_MAX];
};

/* Carries a command out. Returns its data (a new reference, "{}" for none),
 * or NULL with the message. */
typedef json_t *trust_call_function(
    const struct trust_call *call, struct trust_message *msg);

/* command_status.c */
json_t *trust_command_get_status(
    const struct trust_call *call, struct trust_message *msg);

/* command_list.c */
json_t *trust_command_list_sessions(
    const struct trust_call *call, struct trust_message *msg);
json_t *trust_command_list_devices(
    const struct trust_call *call, struct trust_message *msg);

/* command_tokens.c */
json_t *trust_command_list_tokens(
    const struct trust_call *call, struct trust_message *msg);

/* command_block.c */
json_t *trust_command_block(
    const struct trust_call *call, struct trust_message *msg);
json_t *trust_command_unblock(
    const struct trust_call *call, struct trust_message *msg);

/* command_explain.c */
json_t *trust_command_explain(
    const struct trust_call *call, struct trust_message *msg);

/* The field "device" of the command, borrowed; NULL with the message. */
const char *trust_call_get0_device(
    const struct trust_call *call, struct trust_message *msg);
/* A whole number of the command: `absent` when it is not there. False with
 * the message when it is none, or not from min to max. */
bool trust_call_get_number(const struct trust_call *call, const char *name,
    int64_t absent, int64_t min, int64_t max, int64_t *out,
    struct trust_message *msg);
/* A string of the command, borrowed, or `absent`; NULL with the message when
 * it is none. */
const char *trust_call_get0_text(const struct trust_call *call,
    const char *name, const char *absent, struct trust_message *msg);
/* A time as RFC 3339 has it; null for 0 and TRUST_CLOCK_NEVER. */
json_t *trust_call_time(int64_t when);

#endif
