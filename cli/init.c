/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl init: an empty origin registry.
 */
#include <stdio.h>

#include "commands.h"
#include "options.h"

static const char about[] =
    "Make an empty registry, to be administered here. A file that is\n"
    "there already is left alone.\n";

int
trust_init_run(int argc, char **argv)
{
	const char *registry = NULL;
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&registry),
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
	err = trust_registry_create(registry, TRUST_REGISTRY_ORIGIN, &msg);
	if (err != TRUST_OK)
		return trust_output_failure(err, &msg);
	printf("%s: an empty registry; trustctl put and trustctl device add "
	       "fill it\n",
	    registry);
	return TRUST_EXIT_YES;
}
