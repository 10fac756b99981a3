/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl anchor list: whom the registry trusts, and for how long.
 */
#include <inttypes.h>
#include <stdio.h>

#include "anchor_facts.h"
#include "anchor_known.h"
#include "anchor_purpose.h"
#include "certfile.h"
#include "commands.h"
#include "records.h"

/* A walk over the anchors. */
struct walk {
	const struct trust_registry *registry;
	struct trust_anchor_usage *usage;
	struct trust_table *table; /* NULL: JSON */
	int64_t now;
	struct trust_message *msg;
};

static void
add_row(const struct walk *walk, const struct trust_record *record,
    const struct trust_anchor_facts *facts)
{
	int64_t days = trust_anchor_facts_days(facts, walk->now);
	const json_t *groups =
	    trust_anchor_usage_get0_groups(walk->usage, record->id);
	char purposes[TRUST_SHOWN_MAX], names[TRUST_MESSAGE_MAX], left[24];
	const char *cells[TRUST_TABLE_COLUMNS_MAX] = {record->id,
	    record->enabled ? "enabled" : "disabled",
	    trust_anchor_purpose_format(record->u.anchor.purposes, purposes),
	    left,
	    json_array_size(groups) > 0 ? trust_output_join_all(groups, names)
					: "-",
	    facts->certificate->subject};

	if (days < 0)
		(void)snprintf(left, sizeof(left), "ended");
	else
		(void)snprintf(left, sizeof(left), "%" PRId64, days);
	trust_table_row(walk->table, cells);
}

static enum trust_err
print_json(const struct walk *walk, const struct trust_record *record,
    const struct trust_anchor_facts *facts)
{
	const json_t *groups =
	    trust_anchor_usage_get0_groups(walk->usage, record->id);
	json_t *json = trust_anchor_facts_json(facts, record->id, walk->now);

	if (json != NULL &&
	    (json_object_set_new(json, "status",
		 json_string(record->enabled ? "enabled" : "disabled")) != 0 ||
		json_object_set_new(json, "purposes",
		    trust_anchor_purpose_json(record->u.anchor.purposes)) !=
		    0 ||
		json_object_set_new(json, "groups",
		    groups != NULL ? json_deep_copy(groups) : json_array()) !=
		    0)) {
		json_decref(json);
		json = NULL;
	}
	return trust_output_json(json, walk->msg);
}

static enum trust_err
show(const struct walk *walk, const struct trust_record *record)
{
	struct trust_anchor_facts facts = {0};
	STACK_OF(X509) *stack = NULL;
	enum trust_err r;

	r = trust_certificate_parse_pem(
	    trust_span_of(record->u.anchor.pem), &stack, walk->msg);
	if (r == TRUST_OK)
		r = trust_anchor_facts_read(
		    sk_X509_value(stack, 0), walk->now, &facts, walk->msg);
	if (r == TRUST_OK && walk->table == NULL)
		r = print_json(walk, record, &facts);
	else if (r == TRUST_OK)
		add_row(walk, record, &facts);
	trust_anchor_facts_clear(&facts);
	sk_X509_pop_free(stack, X509_free);
	return r;
}

static enum trust_err
visit(void *arg, const char *id, struct trust_span line)
{
	struct walk *walk = arg;
	struct trust_record *record = NULL;
	enum trust_err r = trust_registry_parse(
	    walk->registry, TRUST_KIND_ANCHOR, id, line, &record, walk->msg);

	if (r != TRUST_OK)
		return r;
	r = show(walk, record);
	trust_record_free(record);
	return r;
}

/* Within a read. */
static enum trust_err
list_all(struct trust_registry *registry, struct walk *walk)
{
	enum trust_err r =
	    trust_anchor_usage_load(registry, &walk->usage, walk->msg);

	walk->registry = registry;
	if (r == TRUST_OK)
		r = trust_registry_list(
		    registry, TRUST_KIND_ANCHOR, visit, walk, walk->msg);
	if (r == TRUST_OK && walk->table != NULL) {
		trust_table_print(walk->table);
		r = trust_registry_list(
		    registry, TRUST_KIND_ANCHOR, visit, walk, walk->msg);
	}
	trust_anchor_usage_free(walk->usage);
	return r;
}

static int
list(const char *path, bool json, int64_t now)
{
	struct trust_table table = {.headers = {"ID", "STATUS", "PURPOSES",
					"DAYS LEFT", "GROUPS", "SUBJECT"}};
	struct trust_message msg = {0};
	struct walk walk = {
	    .table = json ? NULL : &table, .now = now, .msg = &msg};
	struct trust_registry *registry = NULL;
	enum trust_err r;

	r = trust_records_open(path, TRUST_REGISTRY_READ, &registry, &msg);
	if (r == TRUST_OK)
		r = trust_registry_begin_read(registry, &msg);
	if (r == TRUST_OK) {
		r = list_all(registry, &walk);
		trust_registry_end_read(registry);
	}
	trust_registry_close(registry);
	return r == TRUST_OK ? TRUST_EXIT_YES : trust_output_failure(r, &msg);
}

static const char about[] =
    "List the trust anchors of a registry by id: what they are for, how many\n"
    "days they have left, which groups name them. With --json also what the\n"
    "certificate says. --well-known lists the roots that trustctl anchor add\n"
    "knows by name, and whether this machine has them.\n";

int
trust_anchor_list_run(int argc, char **argv)
{
	const char *registry = NULL, *from = NULL;
	bool json = false, known = false;
	int64_t now = trust_options_now();
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY_IF(&registry, "the registry"),
	    {.name = "well-known",
		.help = "the roots that are known by name instead",
		.flag = &known},
	    {.name = "from",
		.argument = "DIR",
		.help = "where those are; else where Debian has them",
		.text = &from},
	    TRUST_OPTION_AT(&now),
	    TRUST_OPTION_JSON(&json),
	};
	const struct trust_usage usage = {
	    .command = "anchor list",
	    .arguments = "",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (known)
		return trust_anchor_known_list(from, json);
	if (from != NULL)
		return trust_options_wrong(
		    &usage, "--from goes with --well-known");
	if (registry == NULL)
		return trust_options_wrong(&usage,
		    "want --registry FILE or the environment's "
		    "TRUST_REGISTRY");
	return list(registry, json, now);
}
