/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl device: the common cases without JSON. Adding has its own file.
 */
#include <stdio.h>

#include "commands.h"
#include "options.h"
#include "records.h"

/* The same record with another status; every other field stays. */
static enum trust_err
with_status(const struct trust_record *record, bool enabled,
    struct trust_record **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	json_t *json = json_deep_copy(record->json);

	if (json == NULL ||
	    json_object_set_new(json, "status",
		json_string(enabled ? "enabled" : "disabled")) != 0) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	r = trust_records_from_json(json, out, msg);
out:
	json_decref(json);
	return r;
}

/* What is to become of a device. */
struct status_change {
	const char *id;
	bool enabled;
};

/* The edit that finds the device and puts it with that status. */
static enum trust_err
change_status(
    struct trust_registry *registry, void *arg, struct trust_message *msg)
{
	const struct status_change *change = arg;
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_record *old = NULL, *changed = NULL;

	r = trust_registry_find(
	    registry, TRUST_KIND_DEVICE, change->id, &old, msg);
	if (r != TRUST_OK || old->enabled == change->enabled)
		goto out;
	r = with_status(old, change->enabled, &changed, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_put(registry, changed, 0, msg);
out:
	trust_record_free(old);
	trust_record_free(changed);
	return r;
}

static int
set_status(const char *registry, const char *id, bool enabled)
{
	struct status_change change = {.id = id, .enabled = enabled};
	struct trust_message msg = {0};
	enum trust_err err =
	    trust_records_change(registry, change_status, &change, &msg);

	if (err == TRUST_OK) {
		printf("device %s %s\n", id, enabled ? "enabled" : "disabled");
		return TRUST_EXIT_YES;
	}
	if (err == TRUST_ERR_NOT_FOUND)
		return trust_records_missing(registry, TRUST_KIND_DEVICE, id);
	return trust_output_failure(err, &msg);
}

static int
enable(const char *registry, const char *id)
{
	return set_status(registry, id, true);
}

static int
disable(const char *registry, const char *id)
{
	return set_status(registry, id, false);
}

static int
remove_device(const char *registry, const char *id)
{
	return trust_records_remove(registry, TRUST_KIND_DEVICE, id);
}

/* Run a command that takes a device's id alone. */
static int
run(const char *command, const char *text,
    int (*act)(const char *registry, const char *id), int argc, char **argv)
{
	const char *registry = NULL;
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&registry),
	};
	const struct trust_usage usage = {
	    .command = command,
	    .arguments = "ID",
	    .text = text,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	return act(registry, args.v[0]);
}

static const char about_enable[] =
    "Let a disabled device in again. Everything else of it stays.\n";

static int
run_enable(int argc, char **argv)
{
	return run("device enable", about_enable, enable, argc, argv);
}

static const char about_disable[] =
    "Refuse a device and end its connection. Everything else of it stays.\n";

static int
run_disable(int argc, char **argv)
{
	return run("device disable", about_disable, disable, argc, argv);
}

static const char about_remove[] =
    "Remove a device. Where its group enrolls automatically it may come\n"
    "again; trustctl device disable keeps it out.\n";

static int
run_remove(int argc, char **argv)
{
	return run("device remove", about_remove, remove_device, argc, argv);
}

int
trust_device_run(int argc, char **argv)
{
	static const struct trust_command commands[] = {
	    {"add", trust_device_add_run, "register a device"},
	    {"enable", run_enable, "let a disabled device in again"},
	    {"disable", run_disable, "refuse a device, keep its record"},
	    {"remove", run_remove, "remove a device"},
	    {"seal", trust_device_seal_run,
		"seal a pre-shared key for the gateways that there are now"},
	};

	return trust_commands_run("device",
	    "Devices of a registry, the common cases without JSON.\n", commands,
	    sizeof(commands) / sizeof(commands[0]), argc, argv);
}
