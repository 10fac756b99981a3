/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl publish: sign what a scope's gateways are to know, and publish it.
 */
#include <stdio.h>

#include "commands.h"
#include "development.h"
#include "interrupt.h"
#include "publisher.h"

static int
run(struct trust_signing *signing, const struct trust_mqtt_options *broker,
    bool follow)
{
	struct trust_publisher *publisher = NULL;
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	int status = TRUST_EXIT_ERROR;

	r = trust_signing_open(signing, &msg);
	if (r == TRUST_OK)
		r = trust_publisher_open(
		    signing, broker, follow, &publisher, &msg);
	if (r != TRUST_OK) {
		status = trust_output_failure(r, &msg);
		goto out;
	}
	trust_development_tell_all(signing->registry);
	/* Who reads along through a pipe reads whole lines, at once. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	status = trust_publisher_run(publisher, trust_interrupt_catch());
out:
	trust_publisher_close(publisher);
	trust_signing_close(signing);
	return status;
}

int
trust_publish_run(int argc, char **argv)
{
	struct trust_signing signing = TRUST_SIGNING_DEFAULTS;
	struct trust_mqtt_options broker = {0};
	bool follow = false;
	const struct trust_option options[] = {
	    TRUST_SIGNING_OPTIONS(signing),
	    TRUST_MQTT_OPTIONS(broker),
	    {.name = "follow",
		.help = "stay: publish changes, answer gateways",
		.flag = &follow},
	};
	const struct trust_usage usage = {
	    .command = "publish",
	    .arguments = "",
	    .text = "Sign what the gateways of a scope are to know, and "
		    "publish it. With --follow stay,\npublish each change "
		    "within a second, answer what gateways ask for, and tell "
		    "what\nthey report, until SIGINT or SIGTERM. Published is "
		    "what the broker gives back as\nretained. Exit status 1: "
		    "what is published is ahead of the registry.\n",
	    .options = options,
	    .n_options = sizeof(options) / sizeof(options[0]),
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	return run(&signing, &broker, follow);
}
