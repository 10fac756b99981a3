/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl remove: one record out of a registry.
 */
#include "anchor_usage.h"
#include "commands.h"
#include "options.h"
#include "records.h"

/* The groups for which there is no anchor but this one; NULL where nobody can
 * tell. */
static json_t *
find_groups(const char *path, const char *anchor)
{
	struct trust_anchor_usage *usage = NULL;
	struct trust_registry *registry = NULL;
	json_t *only = NULL;

	if (trust_registry_open(path, TRUST_REGISTRY_READ, &registry, NULL) ==
		TRUST_OK &&
	    trust_anchor_usage_load(registry, &usage, NULL) == TRUST_OK)
		only = trust_anchor_usage_only(usage, anchor);
	trust_anchor_usage_free(usage);
	trust_registry_close(registry);
	return only;
}

static int
remove_anchor(const char *path, const char *id)
{
	json_t *only = find_groups(path, id);
	int status = trust_records_remove(path, TRUST_KIND_ANCHOR, id);
	char groups[TRUST_MESSAGE_MAX];

	if (status == TRUST_EXIT_YES && json_array_size(only) > 0)
		trust_output_note("group %s trusts no other anchor: nobody "
				  "comes in by it now",
		    trust_output_join_all(only, groups));
	json_decref(only);
	return status;
}

static const char about[] =
    "Remove a record. What refers to it stays, and grants nothing any\n"
    "more. trustctl anchor remove asks first who uses an anchor.\n";

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
	if (kind == TRUST_KIND_ANCHOR)
		return remove_anchor(registry, args.v[1]);
	return trust_records_remove(registry, kind, args.v[1]);
}
