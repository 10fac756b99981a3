/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl status: how a running gateway is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "remote.h"

static const char *
text(const json_t *data, const char *name)
{
	const char *value = json_string_value(json_object_get(data, name));

	return value != NULL ? value : "unknown";
}

static int64_t
number(const json_t *data, const char *name)
{
	return json_integer_value(json_object_get(data, name));
}

/* A registry that is stale may still be decided by (on_stale warn). */
static bool
has_fresh_registry(const json_t *data)
{
	return strcmp(text(data, "registry"), "ready") == 0 &&
	       !json_is_true(json_object_get(data, "stale"));
}

/* Who is connected already may ask a gateway that lets nobody in. */
static bool
is_ready(const json_t *data)
{
	return has_fresh_registry(data) &&
	       !json_is_string(json_object_get(data, "local_error"));
}

/* What is wrong, on a line of its own; nothing if nothing is. */
static void
print_trouble(const json_t *data, const char *member, const char *label)
{
	const json_t *trouble = json_object_get(data, member);
	char *shown;

	if (!json_is_string(trouble))
		return;
	shown = strdup(json_string_value(trouble));
	if (shown == NULL)
		return;
	trust_err_flatten(shown);
	printf("%-10s%s%s%s\n", label, trust_output_color(TRUST_COLOR_BAD),
	    shown, trust_output_color(TRUST_COLOR_NONE));
	free(shown);
}

static void
print_blocked(const json_t *data)
{
	const json_t *blocked = json_object_get(data, "blocked");

	if (json_is_integer(blocked))
		printf("blocked   %" PRId64 "\n", number(data, "blocked"));
	else
		printf("blocked   %sunknown%s\n",
		    trust_output_color(TRUST_COLOR_BAD),
		    trust_output_color(TRUST_COLOR_NONE));
	print_trouble(data, "local_error", "local");
	print_trouble(data, "gateway_key_error", "keys");
}

/* A gateway of before this was told says nothing of it. */
static void
print_upstream(const json_t *data)
{
	bool away = json_is_true(json_object_get(data, "upstream_away"));
	const json_t *heard = json_object_get(data, "upstream_heard");
	char age[TRUST_CLOCK_TEXT];

	if (heard == NULL)
		return;
	printf("upstream  %s%s%s",
	    trust_output_color(away ? TRUST_COLOR_WARNING : TRUST_COLOR_NONE),
	    away ? "away, " : "", trust_output_color(TRUST_COLOR_NONE));
	if (json_is_null(heard))
		printf("nothing heard since the start\n");
	else
		printf("last heard %s ago\n",
		    trust_duration_format(json_integer_value(heard), age));
}

static void
print_registry(const json_t *data)
{
	const char *state = text(data, "registry");
	enum trust_color color =
	    has_fresh_registry(data) ? TRUST_COLOR_GOOD : TRUST_COLOR_BAD;
	char age[TRUST_CLOCK_TEXT];

	printf("registry  %s%s%s", trust_output_color(color), state,
	    trust_output_color(TRUST_COLOR_NONE));
	if (!has_fresh_registry(data))
		printf(", older than max_offline");
	printf("\nrecords   %" PRId64 "\n", number(data, "records"));
	if (!json_is_true(json_object_get(data, "replica"))) {
		printf("role      origin, administered at the gateway\n");
		return;
	}
	printf("role      replica of scope %s\n", text(data, "scope"));
	printf("serial    %" PRId64 ", signed %s ago\n", number(data, "serial"),
	    trust_duration_format(number(data, "age"), age));
	print_upstream(data);
}

static void
print_crls(const json_t *data)
{
	const json_t *crls = json_object_get(data, "crls");
	int64_t stale = number(crls, "stale");
	int64_t overdue = number(crls, "overdue");

	printf("CRLs      %" PRId64, number(crls, "current"));
	if (stale > 0)
		printf(", %s%" PRId64 " past their nextUpdate%s",
		    trust_output_color(TRUST_COLOR_WARNING), stale,
		    trust_output_color(TRUST_COLOR_NONE));
	if (overdue > 0)
		printf(", %s%" PRId64 " past crl_grace too%s",
		    trust_output_color(TRUST_COLOR_BAD), overdue,
		    trust_output_color(TRUST_COLOR_NONE));
	printf("\n");
}

static void
print_text(const json_t *data)
{
	int64_t hits = number(data, "hits");

	printf("gateway   %s, mosquitto-trust %s\n", text(data, "gateway"),
	    text(data, "version"));
	print_registry(data);
	print_crls(data);
	if (json_is_true(json_object_get(data, "clock_behind")))
		printf("clock     %sbehind%s the newest notification; "
		       "its time counts\n",
		    trust_output_color(TRUST_COLOR_WARNING),
		    trust_output_color(TRUST_COLOR_NONE));
	printf("sessions  %" PRId64 "\n", number(data, "sessions"));
	printf("newcomers %" PRId64 "\n", number(data, "newcomers"));
	print_blocked(data);
	printf("cache     %" PRId64 " verdicts, %" PRId64 " hits of %" PRId64
	       " questions\n",
	    number(data, "cached"), hits, hits + number(data, "misses"));
}

static const char about[] =
    "Tell how a running gateway is: its registry, how many devices and\n"
    "newcomers (with a token) are connected, how many are blocked. Exit\n"
    "status 1: its registry is older than max_offline, or something is wrong\n"
    "with what it remembers. Exit status 2: it does not let us in, maybe\n"
    "because its registry is missing, or stale with on_stale deny_new or\n"
    "deny_all.\n";

int
trust_status_run(int argc, char **argv)
{
	struct trust_mqtt_options gateway = TRUST_REMOTE_DEFAULTS;
	bool json = false;
	const struct trust_option options[] = {
	    TRUST_REMOTE_OPTIONS(gateway, "the gateway; else localhost"),
	    TRUST_OPTION_JSON(&json),
	};
	const struct trust_usage usage = {
	    .command = "status",
	    .arguments = "",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_remote *remote = NULL;
	struct trust_message msg = {0};
	struct trust_args args;
	json_t *data = NULL;
	int status = TRUST_EXIT_NO;
	enum trust_err r;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	r = trust_remote_open(&gateway, &remote, &msg);
	if (r == TRUST_OK)
		r = trust_remote_ask(remote,
		    json_pack("{s:s}", "command", "getStatus"), &data, &msg);
	if (r == TRUST_OK && json)
		r = trust_output_json(json_incref(data), &msg);
	else if (r == TRUST_OK)
		print_text(data);
	if (r != TRUST_OK)
		status = trust_output_failure(r, &msg);
	else if (is_ready(data))
		status = TRUST_EXIT_YES;
	json_decref(data);
	trust_remote_close(remote);
	return status;
}
