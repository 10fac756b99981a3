/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl anchor remove: an anchor goes when nobody uses it any more, or
 * somebody says that it goes all the same.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "anchor_purpose.h"
#include "commands.h"
#include "list_seen.h"
#include "progress.h"
#include "records.h"
#include "sessions.h"

struct removal {
	const char *registry;
	const char *id;
	struct trust_mqtt_options gateway; /* host NULL: none is asked */
	bool force, dry_run;
	json_t *only;    /* groups for which there is no other; owned */
	json_t *devices; /* of these, by the registry; owned */
	int64_t n_devices;
	json_t *seen; /* who came by it last, by the gateway; owned */
	json_t *live; /* clients that are connected by it, likewise */
	bool named;   /* groups name it beside others */
	bool last_upstream, last_bundle;
	struct trust_progress progress;
	/* Of the walk over devices. */
	const struct trust_registry *opened;
	struct trust_message *msg;
};

/* ---- Who uses it, by the registry ---- */

static bool
is_in(const json_t *names, const char *name)
{
	const json_t *one;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)names, i, one)
	{
		if (strcmp(json_string_value(one), name) == 0)
			return true;
	}
	return false;
}

static enum trust_err
visit_device(void *arg, const char *id, struct trust_span line)
{
	struct removal *removal = arg;
	struct trust_record *record = NULL;
	enum trust_err r = trust_registry_parse(removal->opened,
	    TRUST_KIND_DEVICE, id, line, &record, removal->msg);

	if (r != TRUST_OK)
		return r;
	if (record->u.device.group != NULL &&
	    is_in(removal->only, record->u.device.group)) {
		removal->n_devices++;
		if (json_array_size(removal->devices) <
			TRUST_OUTPUT_NAMED_MAX &&
		    json_array_append_new(removal->devices, json_string(id)) !=
			0)
			r = TRUST_ERR_NOMEM;
		trust_progress_tick(&removal->progress, removal->n_devices);
	}
	trust_record_free(record);
	return r;
}

static enum trust_err
find_devices(struct removal *removal, struct trust_registry *registry,
    struct trust_message *msg)
{
	enum trust_err r;

	if (json_array_size(removal->only) == 0)
		return TRUST_OK;
	removal->opened = registry;
	removal->msg = msg;
	trust_progress_start(&removal->progress, "devices");
	r = trust_registry_list(
	    registry, TRUST_KIND_DEVICE, visit_device, removal, msg);
	trust_progress_end(&removal->progress);
	return r;
}

/* Within a read. */
static enum trust_err
find_users(struct removal *removal, struct trust_registry *registry,
    struct trust_message *msg)
{
	struct trust_anchor_usage *usage = NULL;
	struct trust_record *record = NULL;
	enum trust_err r;

	r = trust_registry_find(
	    registry, TRUST_KIND_ANCHOR, removal->id, &record, msg);
	trust_record_free(record);
	if (r == TRUST_OK)
		r = trust_anchor_usage_load(registry, &usage, msg);
	if (r != TRUST_OK)
		return r;
	removal->only = trust_anchor_usage_only(usage, removal->id);
	removal->named = json_array_size(trust_anchor_usage_get0_groups(usage,
			     removal->id)) > json_array_size(removal->only);
	removal->last_upstream = trust_anchor_usage_is_last(
	    usage, removal->id, TRUST_PURPOSE_BIT_UPSTREAM);
	removal->last_bundle = trust_anchor_usage_is_last(
	    usage, removal->id, TRUST_PURPOSE_BIT_BUNDLE);
	trust_anchor_usage_free(usage);
	/* Which would say that nobody uses it. */
	if (removal->only == NULL)
		return TRUST_ERR_NOMEM;
	return find_devices(removal, registry, msg);
}

static enum trust_err
ask_gateway(struct removal *removal, struct trust_message *msg)
{
	enum trust_err r = trust_list_seen_names(
	    &removal->gateway, removal->id, removal->seen, msg);

	if (r == TRUST_OK)
		r = trust_sessions_names(
		    &removal->gateway, removal->id, removal->live, msg);
	return r;
}

static enum trust_err
look(struct removal *removal, struct trust_message *msg)
{
	struct trust_registry *registry = NULL;
	enum trust_err r;

	r = trust_records_open(
	    removal->registry, TRUST_REGISTRY_READ, &registry, msg);
	if (r == TRUST_OK)
		r = trust_registry_begin_read(registry, msg);
	if (r == TRUST_OK) {
		r = find_users(removal, registry, msg);
		trust_registry_end_read(registry);
	}
	trust_registry_close(registry);
	if (r == TRUST_OK && removal->gateway.host != NULL)
		r = ask_gateway(removal, msg);
	return r;
}

/* ---- Telling ---- */

static void
tell_groups(const struct removal *removal)
{
	char groups[TRUST_MESSAGE_MAX], devices[TRUST_MESSAGE_MAX];

	if (json_array_size(removal->only) == 0)
		return;
	(void)trust_output_join_all(removal->only, groups);
	if (removal->n_devices == 0)
		trust_output_note("group %s trusts no other anchor; no device "
				  "is registered for it%s",
		    groups,
		    removal->gateway.host == NULL
			? ", and whom it enrolls by itself a gateway tells, "
			  "with --host"
			: "");
	else
		trust_output_note("group %s trusts no other anchor: %" PRId64
				  " device%s would be refused: %s",
		    groups, removal->n_devices,
		    removal->n_devices == 1 ? "" : "s",
		    trust_output_join(
			removal->devices, (size_t)removal->n_devices, devices));
}

static void
tell_seen(const struct removal *removal)
{
	char names[TRUST_MESSAGE_MAX];
	size_t n = json_array_size(removal->seen);

	if (removal->gateway.host == NULL && removal->named)
		trust_output_note("groups name it beside others; which devices "
				  "still come by it a gateway tells, with "
				  "--host");
	if (n > 0)
		trust_output_note("at %s %zu device%s came by it last: %s",
		    removal->gateway.host, n, n == 1 ? "" : "s",
		    trust_output_join_all(removal->seen, names));
}

/* Of a device's modules each comes as it likes. */
static void
tell_live(const struct removal *removal)
{
	char names[TRUST_MESSAGE_MAX];
	size_t n = json_array_size(removal->live);

	if (n > 0)
		trust_output_note("at %s %zu client%s connected by it now: %s",
		    removal->gateway.host, n, n == 1 ? " is" : "s are",
		    trust_output_join_all(removal->live, names));
}

/* Whether somebody still uses it. */
static bool
tell_users(const struct removal *removal)
{
	tell_groups(removal);
	tell_seen(removal);
	tell_live(removal);
	if (removal->last_upstream)
		trust_output_note("no other anchor is for upstream: bridges "
				  "would trust nobody, at gateways with "
				  "upstream_anchors registry");
	if (removal->last_bundle)
		trust_output_note("no other anchor is for the bundle: it would "
				  "be empty, and devices be told to trust "
				  "nobody");
	return json_array_size(removal->only) > 0 ||
	       json_array_size(removal->seen) > 0 ||
	       json_array_size(removal->live) > 0 || removal->last_upstream ||
	       removal->last_bundle;
}

/* ---- */

static int
remove_it(const struct removal *removal)
{
	bool used = tell_users(removal);

	if (used && !removal->force) {
		trust_output_error("anchor %s is still used; --force removes "
				   "it all the same",
		    removal->id);
		return TRUST_EXIT_NO;
	}
	if (removal->dry_run) {
		printf("anchor %s: nothing changed (--dry-run)\n", removal->id);
		return TRUST_EXIT_YES;
	}
	return trust_records_remove(
	    removal->registry, TRUST_KIND_ANCHOR, removal->id);
}

static int
run(struct removal *removal)
{
	struct trust_message msg = {0};
	enum trust_err r;
	int status;

	removal->devices = json_array();
	removal->seen = json_array();
	removal->live = json_array();
	r = look(removal, &msg);
	if (r == TRUST_OK)
		status = remove_it(removal);
	else if (r == TRUST_ERR_NOT_FOUND)
		status = trust_records_missing(
		    removal->registry, TRUST_KIND_ANCHOR, removal->id);
	else
		status = trust_output_failure(r, &msg);
	json_decref(removal->only);
	json_decref(removal->devices);
	json_decref(removal->seen);
	json_decref(removal->live);
	return status;
}

static const char about[] =
    "Remove a trust anchor that nobody uses any more. Where a group trusts no\n"
    "other, or bridges or the bundle have no other, or with --host a running\n"
    "gateway has devices that came by it last or clients that are connected "
    "by\n"
    "it, these are named, and it stays unless --force is given. Exit status "
    "1:\n"
    "it stays.\n";

int
trust_anchor_remove_run(int argc, char **argv)
{
	struct removal removal = {0};
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&removal.registry),
	    {.name = "force",
		.help = "remove it though it is used",
		.flag = &removal.force},
	    {.name = "dry-run",
		.help = "tell who uses it, and change nothing",
		.flag = &removal.dry_run},
	    TRUST_REMOTE_OPTIONS(
		removal.gateway, "a running gateway, to ask who came by it"),
	};
	const struct trust_usage usage = {
	    .command = "anchor remove",
	    .arguments = "ID",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	removal.id = args.v[0];
	return run(&removal);
}
