/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl events: what happens at a running gateway, as it happens.
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "interrupt.h"
#include "remote.h"

#define TOPIC "trust/v1/events"
/* Octets of one event. */
#define EVENT_MAX (64 * 1024)

static enum trust_color
color_of(const char *event)
{
	if (strcmp(event, "connected") == 0 || strcmp(event, "applied") == 0 ||
	    strcmp(event, "enrolled") == 0)
		return TRUST_COLOR_GOOD;
	if (strcmp(event, "refused") == 0 ||
	    strcmp(event, "sync_refused") == 0 ||
	    strcmp(event, "mass_removal_held") == 0 ||
	    strcmp(event, "stale") == 0)
		return TRUST_COLOR_BAD;
	return TRUST_COLOR_NONE;
}

static const char *
member(const json_t *event, const char *name)
{
	const char *text = json_string_value(json_object_get(event, name));

	return text != NULL ? text : "";
}

/* " label text", or nothing without a text. A text is one line, whoever made
 * it. */
static void
print_member(const json_t *event, const char *label, const char *name)
{
	const char *text = member(event, name);

	if (text[0] == '\0')
		return;
	printf("%s", label);
	for (; *text != '\0'; text++)
		putchar(*text == '\n' ? ' ' : *text);
}

static void
print_text(const json_t *event)
{
	const char *name = member(event, "event");
	const char *device = member(event, "device");

	print_member(event, "", "time");
	printf("  %s%-12.*s%s", trust_output_color(color_of(name)),
	    (int)strcspn(name, "\n"), name,
	    trust_output_color(TRUST_COLOR_NONE));
	print_member(event, "  ", "reason");
	print_member(event, "  device ", "device");
	if (strcmp(member(event, "client"), device) != 0)
		print_member(event, "  client ", "client");
	print_member(event, "  from ", "address");
	print_member(
	    event, member(event, "address")[0] != '\0' ? ": " : "  ", "detail");
	printf("\n");
}

/* `arg` tells whether JSON is wanted. What is no event is passed over. */
static bool
on_event(void *arg, struct trust_span payload)
{
	const bool *json = arg;
	struct trust_message msg = {0};
	json_t *event = NULL;
	enum trust_err r;

	r = trust_json_parse(payload, EVENT_MAX, &event, &msg);
	if (r != TRUST_OK)
		return true;
	if (*json)
		r = trust_output_json(json_incref(event), &msg);
	else
		print_text(event);
	json_decref(event);
	return r == TRUST_OK && ferror(stdout) == 0;
}

int
trust_events_run(int argc, char **argv)
{
	struct trust_mqtt_options gateway = TRUST_REMOTE_DEFAULTS;
	bool json = false;
	const struct trust_option options[] = {
	    TRUST_REMOTE_OPTIONS(gateway, "the gateway; else localhost"),
	    TRUST_OPTION_JSON(&json),
	};
	const struct trust_usage usage = {
	    .command = "events",
	    .arguments = "",
	    .text = "Print what happens at a running gateway, a line each, "
		    "until SIGINT or SIGTERM.\n",
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_message msg = {0};
	struct trust_args args;
	enum trust_err r;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	/* Who reads along through a pipe reads whole lines, at once. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	r = trust_remote_follow(
	    &gateway, TOPIC, on_event, &json, trust_interrupt_catch(), &msg);
	return r == TRUST_OK ? TRUST_EXIT_YES : trust_output_failure(r, &msg);
}
