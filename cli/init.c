/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl init: an empty origin registry.
 */
#include <stdio.h>

#include "commands.h"
#include "options.h"

static const char about[] =
    "Make an empty registry, to be administered here. A file that is\n"
    "there already is left alone. With --development it is one in which\n"
    "anchors of trustctl pki are meant to be; others get a note with them.\n";

int
trust_init_run(int argc, char **argv)
{
	const char *registry = NULL;
	bool development = false;
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&registry),
	    {.name = "development",
		.help = "for development: anchors of trustctl pki are meant",
		.flag = &development},
	};
	const struct trust_usage usage = {
	    .command = "init",
	    .arguments = "",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_message msg = {0};
	struct trust_args args;
	enum trust_err err;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	err = development ? trust_registry_create_development(registry, &msg)
			  : trust_registry_create(
				registry, TRUST_REGISTRY_ORIGIN, &msg);
	if (err != TRUST_OK)
		return trust_output_failure(err, &msg);
	printf("%s: an empty registry%s; trustctl put and trustctl device add "
	       "fill it\n",
	    registry, development ? " for development" : "");
	return TRUST_EXIT_YES;
}
