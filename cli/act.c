/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl block, unblock, unpin, kick, resync: a running gateway is told to do
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
	bool closes;      /* the device's connections, maybe this one */
	bool keeps_out;   /* and does not let it come again */
	const char *done; /* "blocked" */
	const char *about;
};

/* Whether we are let in (again). */
static bool
is_let_in(const struct trust_mqtt_options *gateway)
{
	struct trust_remote *remote = NULL;
	enum trust_err r = trust_remote_open(gateway, &remote, NULL);

	trust_remote_close(remote);
	return r == TRUST_OK;
}

/* Who closes the own connection gets no answer. That it closed is one, if who
 * was kicked may come again, and who was blocked may not. */
static bool
has_closed_itself(const struct act *act, const struct trust_remote *remote,
    const struct trust_mqtt_options *gateway, const char *device)
{
	if (!act->closes || !trust_remote_is_lost(remote) ||
	    !trust_remote_is_device(remote, device) ||
	    is_let_in(gateway) == act->keeps_out)
		return false;
	trust_output_note("it is the device of this connection, which the "
			  "gateway has closed");
	return true;
}

static enum trust_err
ask(const struct act *act, const struct trust_mqtt_options *gateway,
    const char *device, json_t **data, struct trust_message *msg)
{
	json_t *command = json_pack("{s:s}", "command", act->command);
	struct trust_remote *remote = NULL;
	enum trust_err r;

	*data = NULL;
	if (device != NULL)
		(void)json_object_set_new(
		    command, "device", json_string(device));
	r = trust_remote_open(gateway, &remote, msg);
	if (r == TRUST_OK)
		r = trust_remote_ask(remote, json_incref(command), data, msg);
	if (r == TRUST_ERR_IO && remote != NULL &&
	    has_closed_itself(act, remote, gateway, device))
		r = TRUST_OK;
	json_decref(command);
	trust_remote_close(remote);
	return r;
}

static int
run(const struct act *act, const struct trust_mqtt_options *gateway,
    const char *device)
{
	struct trust_message msg = {0};
	json_t *data = NULL;
	enum trust_err r = ask(act, gateway, device, &data, &msg);

	if (r != TRUST_OK) {
		(void)trust_output_failure(r, &msg);
		return r == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO
					       : TRUST_EXIT_ERROR;
	}
	printf("%s%s%s\n", act->done, device != NULL ? " " : "",
	    device != NULL ? device : "");
	if (json_is_false(json_object_get(data, "known")))
		trust_output_note("device %s is not registered here, and never "
				  "was here; %s all the same",
		    device, act->done);
	json_decref(data);
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
	static const struct act act = {.command = "block",
	    .has_device = true,
	    .closes = true,
	    .keeps_out = true,
	    .done = "blocked",
	    .about =
		"Keep a device out at a running gateway, whatever its registry "
		"says: at once, and\nuntil unblock.\n"};

	return parse_and_run(&act, argc, argv);
}

int
trust_unblock_run(int argc, char **argv)
{
	static const struct act act = {.command = "unblock",
	    .has_device = true,
	    .done = "unblocked",
	    .about = "Let a running gateway decide about a device again.\n"};

	return parse_and_run(&act, argc, argv);
}

int
trust_unpin_run(int argc, char **argv)
{
	static const struct act act = {.command = "unpin",
	    .has_device = true,
	    .done = "unpinned",
	    .about =
		"Let a running gateway forget the key that a device came with "
		"first; of a group\nwith \"pin\":\"first\", the next one is "
		"remembered in its place.\n"};

	return parse_and_run(&act, argc, argv);
}

int
trust_kick_run(int argc, char **argv)
{
	static const struct act act = {.command = "kick",
	    .has_device = true,
	    .closes = true,
	    .done = "kicked",
	    .about =
		"Close a device's sessions at a running gateway. It may come "
		"again.\n"};

	return parse_and_run(&act, argc, argv);
}

int
trust_resync_run(int argc, char **argv)
{
	static const struct act act = {.command = "resync",
	    .done = "fetching anew",
	    .about =
		"Let a running gateway fetch its whole registry anew, and put "
		"right by it\nwhatever was damaged in the file.\n"};

	return parse_and_run(&act, argc, argv);
}
