/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl block, unblock, kick, resync: a running gateway is told to do
 * something, and has nothing to say but that it is done.
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "remote.h"

/* One of them. */
struct act {
	const char *command; /* of trustctl, and of the gateway */
	bool has_device;
	const char *done; /* "blocked" */
	const char *about;
};

static int
run(const struct act *act, const struct trust_mqtt_options *gateway,
    const char *device)
{
	json_t *command = json_pack("{s:s}", "command", act->command);
	struct trust_remote *remote = NULL;
	struct trust_message msg = {0};
	json_t *data = NULL;
	enum trust_err r;

	if (device != NULL)
		(void)json_object_set_new(
		    command, "device", json_string(device));
	r = trust_remote_open(gateway, &remote, &msg);
	if (r == TRUST_OK)
		r = trust_remote_ask(remote, json_incref(command), &data, &msg);
	json_decref(command);
	json_decref(data);
	trust_remote_close(remote);
	if (r != TRUST_OK) {
		(void)trust_output_failure(r, &msg);
		return r == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO
					       : TRUST_EXIT_ERROR;
	}
	printf("%s%s%s\n", act->done, device != NULL ? " " : "",
	    device != NULL ? device : "");
	return TRUST_EXIT_YES;
}

static int
parse_and_run(const struct act *act, int argc, char **argv)
{
	struct trust_mqtt_options gateway = TRUST_REMOTE_DEFAULTS;
	const struct trust_option options[] = {
	    TRUST_REMOTE_OPTIONS(gateway, "the gateway; else localhost")};
	const struct trust_usage usage = {
	    .command = act->command,
	    .arguments = act->has_device ? "DEVICE" : "",
	    .text = act->about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = act->has_device ? 1 : 0,
	    .max_args = act->has_device ? 1 : 0,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (act->has_device &&
	    !trust_id_check((const uint8_t *)args.v[0], strlen(args.v[0])))
		return trust_options_wrong(
		    &usage, "want a device id, got \"%s\"", args.v[0]);
	return run(act, &gateway, act->has_device ? args.v[0] : NULL);
}

int
trust_block_run(int argc, char **argv)
{
	static const struct act act = {"block", true, "blocked",
	    "Keep a device out at a running gateway, whatever its registry "
	    "says: at once, and\nuntil unblock.\n"};

	return parse_and_run(&act, argc, argv);
}

int
trust_unblock_run(int argc, char **argv)
{
	static const struct act act = {"unblock", true, "unblocked",
	    "Let a running gateway decide about a device again.\n"};

	return parse_and_run(&act, argc, argv);
}

int
trust_kick_run(int argc, char **argv)
{
	static const struct act act = {"kick", true, "kicked",
	    "Close a device's sessions at a running gateway. It may come "
	    "again.\n"};

	return parse_and_run(&act, argc, argv);
}

int
trust_resync_run(int argc, char **argv)
{
	static const struct act act = {"resync", false, "fetching anew",
	    "Let a running gateway fetch its whole registry anew, and put "
	    "right by it\nwhatever was damaged in the file.\n"};

	return parse_and_run(&act, argc, argv);
}
