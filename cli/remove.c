/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl remove: one record out of a registry.
 */
#include "commands.h"
#include "options.h"
#include "records.h"

static const char about[] =
    "Remove a record. What refers to it stays, and grants nothing any\n"
    "more.\n";

int
trust_remove_run(int argc, char **argv)
{
	const char *registry = NULL;
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&registry),
	};
	const struct trust_usage usage = {
	    .command = "remove",
	    .arguments = "KIND ID",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 2,
	    .max_args = 2,
	};
	struct trust_args args;
	enum trust_kind kind;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (!trust_records_kind(&usage, args.v[0], &kind))
		return TRUST_EXIT_ERROR;
	return trust_records_remove(registry, kind, args.v[1]);
}
