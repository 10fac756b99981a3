/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl list: the records of a kind, as a table or as JSON lines.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "anchor_purpose.h"
#include "certfile.h"
#include "commands.h"
#include "list_seen.h"
#include "list_tokens.h"
#include "options.h"
#include "progress.h"
#include "records.h"

/* Octets of a cell; what does not fit is cut. */
#define CELL_MAX (TRUST_SHOWN_MAX + 1)

/* The cells of one row. */
struct row {
	char cells[TRUST_TABLE_COLUMNS_MAX][CELL_MAX];
};

static const char *const headers[][TRUST_TABLE_COLUMNS_MAX + 1] = {
    [TRUST_KIND_DEVICE] = {"ID", "STATUS", "AUTH", "GROUP", "ROLES"},
    [TRUST_KIND_ANCHOR] = {"ID", "STATUS", "PURPOSES", "EXPIRES", "SUBJECT"},
    [TRUST_KIND_GROUP] = {"ID", "STATUS", "ENROLL", "IDENTITY", "ANCHORS",
	"ROLES"},
    [TRUST_KIND_CRL] = {"ID", "STATUS", "NEXT UPDATE", "ISSUER"},
    [TRUST_KIND_ROLE] = {"ID", "STATUS", "RULES"},
    [TRUST_KIND_TOKEN] = {"ID", "STATUS", "DEVICE", "GATEWAY", "USES", "SPENT",
	"EXPIRES"},
    [TRUST_KIND_GATEWAY] = {"ID", "STATUS", "EXPIRES", "SUBJECT"},
};

static void
set(char *cell, const char *text)
{
	snprintf(cell, CELL_MAX, "%s", text);
}

static void
set_strings(char *cell, const struct trust_strings *strings)
{
	size_t i, used = 0;

	set(cell, "none");
	for (i = 0; i < strings->n && used < CELL_MAX; i++)
		used += (size_t)snprintf(cell + used, CELL_MAX - used, "%s%s",
		    i > 0 ? "," : "", strings->v[i]);
}

/* Roles as a record names them; "-" leaves it to the group or the default. */
static void
set_roles(char *cell, bool has_roles, const struct trust_strings *roles)
{
	if (has_roles)
		set_strings(cell, roles);
	else
		set(cell, "-");
}

/* ---- One function for each kind; cells from the third on ---- */

static void
fill_device(const struct trust_device *device, struct row *row)
{
	static const char *const names[] = {
	    [TRUST_AUTH_THUMBPRINT] = "thumbprint",
	    [TRUST_AUTH_KEY] = "key",
	    [TRUST_AUTH_CA] = "ca",
	    [TRUST_AUTH_PSK] = "psk",
	};

	set(row->cells[2], names[device->auth]);
	set(row->cells[3], device->group != NULL ? device->group : "-");
	set_roles(row->cells[4], device->has_roles, &device->roles);
}

/* The end and the subject of a certificate. */
static enum trust_err
fill_certificate(const char *pem, char *end, char *subject)
{
	struct trust_certificate *certificate = NULL;
	struct trust_message msg = {0};
	char text[TRUST_CLOCK_TEXT];
	enum trust_err r = trust_certfile_facts(pem, &certificate, &msg);

	if (r != TRUST_OK)
		return r;
	set(end, trust_clock_format(certificate->not_after, text));
	set(subject, certificate->subject);
	trust_certificate_free(certificate);
	return TRUST_OK;
}

static enum trust_err
fill_anchor(const struct trust_anchor *anchor, struct row *row)
{
	char text[TRUST_SHOWN_MAX];

	set(row->cells[2], trust_anchor_purpose_format(anchor->purposes, text));
	return fill_certificate(anchor->pem, row->cells[3], row->cells[4]);
}

static void
fill_group(const struct trust_group *group, struct row *row)
{
	set(row->cells[2], group->automatic ? "automatic" : "registered");
	set(row->cells[3], trust_identity_name(group->identity));
	set_strings(row->cells[4], &group->anchors);
	set_roles(row->cells[5], group->has_roles, &group->roles);
}

static enum trust_err
fill_crl(const struct trust_crl *crl, struct row *row)
{
	char text[TRUST_CLOCK_TEXT];
	X509_CRL *parsed = NULL;
	enum trust_err r =
	    trust_certificate_parse_crl(trust_span_of(crl->pem), &parsed, NULL);

	if (r != TRUST_OK)
		return r;
	set(row->cells[2],
	    trust_certfile_show_time(X509_CRL_get0_nextUpdate(parsed), text));
	trust_certificate_show_name(X509_CRL_get_issuer(parsed), row->cells[3]);
	X509_CRL_free(parsed);
	return TRUST_OK;
}

/* How many uses are spent the gateway knows, beside its registry; "-": there is
 * nothing beside this one, which is then no gateway's. */
static enum trust_err
fill_token(const struct trust_record *record, struct trust_local *local,
    struct row *row)
{
	const struct trust_token *token = &record->u.token;
	const struct trust_token_id id = {
	    .id = record->id, .secret_sha256 = &token->secret_sha256};
	struct trust_token_uses uses;
	char text[TRUST_CLOCK_TEXT];
	enum trust_err r;

	set(row->cells[2], token->device);
	set(row->cells[3], token->gateway);
	snprintf(row->cells[4], CELL_MAX, "%" PRId64, token->uses);
	set(row->cells[5], "-");
	set(row->cells[6], trust_clock_format(token->expires, text));
	if (local == NULL)
		return TRUST_OK;
	r = trust_token_count(local, &id, NULL, &uses, NULL);
	if (r == TRUST_OK)
		snprintf(row->cells[5], CELL_MAX, "%" PRId64, uses.n_spent);
	return r;
}

static enum trust_err
fill(const struct trust_record *record, struct trust_local *local,
    struct row *row)
{
	set(row->cells[0], record->id);
	set(row->cells[1], record->enabled ? "enabled" : "disabled");
	switch (record->kind) {
	case TRUST_KIND_DEVICE:
		fill_device(&record->u.device, row);
		return TRUST_OK;
	case TRUST_KIND_ANCHOR:
		return fill_anchor(&record->u.anchor, row);
	case TRUST_KIND_GROUP:
		fill_group(&record->u.group, row);
		return TRUST_OK;
	case TRUST_KIND_CRL:
		return fill_crl(&record->u.crl, row);
	case TRUST_KIND_ROLE:
		snprintf(
		    row->cells[2], CELL_MAX, "%zu", record->u.role.n_rules);
		return TRUST_OK;
	case TRUST_KIND_TOKEN:
		return fill_token(record, local, row);
	case TRUST_KIND_GATEWAY:
		return fill_certificate(
		    record->u.gateway.pem, row->cells[2], row->cells[3]);
	}
	return TRUST_ERR_INTERNAL;
}

/* ---- The walk ---- */

/* A table on its way through the records. */
struct walk {
	struct trust_table table;
	struct trust_progress progress; /* of measuring */
	int64_t n;                      /* records seen */
	struct trust_local *local;      /* for tokens; may be NULL */
	const struct trust_registry *registry;
	enum trust_kind kind;
	struct trust_message *msg;
};

static enum trust_err
visit_row(void *arg, const char *id, struct trust_span line)
{
	struct walk *walk = arg;
	struct trust_record *record = NULL;
	struct row row = {0};
	const char *cells[TRUST_TABLE_COLUMNS_MAX];
	enum trust_err r = TRUST_ERR_INTERNAL;
	size_t i;

	r = trust_registry_parse(
	    walk->registry, walk->kind, id, line, &record, walk->msg);
	if (r != TRUST_OK)
		return r;
	r = fill(record, walk->local, &row);
	trust_record_free(record);
	if (r != TRUST_OK)
		return r;
	for (i = 0; i < TRUST_TABLE_COLUMNS_MAX; i++)
		cells[i] = row.cells[i];
	trust_table_row(&walk->table, cells);
	if (!walk->table.printing)
		trust_progress_tick(&walk->progress, ++walk->n);
	return TRUST_OK;
}

static enum trust_err
visit_line(void *arg, const char *id, struct trust_span line)
{
	if (fwrite(line.p, 1, line.len, stdout) != line.len ||
	    putchar('\n') == EOF)
		return TRUST_ERR_IO;
	return TRUST_OK;
}

static enum trust_err
list_rows(struct trust_registry *registry, struct walk *walk)
{
	enum trust_kind kind = walk->kind;
	enum trust_err r = TRUST_ERR_INTERNAL;

	memcpy(walk->table.headers, headers[kind], sizeof(headers[kind]));
	trust_progress_start(&walk->progress, "records");
	r = trust_registry_list(registry, kind, visit_row, walk, walk->msg);
	trust_progress_end(&walk->progress);
	if (r != TRUST_OK)
		return r;
	trust_table_print(&walk->table);
	return trust_registry_list(registry, kind, visit_row, walk, walk->msg);
}

static enum trust_err
list_table(const char *path, struct trust_registry *registry,
    enum trust_kind kind, struct trust_message *msg)
{
	struct walk walk = {.registry = registry, .kind = kind, .msg = msg};
	enum trust_err r = TRUST_OK;

	if (kind == TRUST_KIND_TOKEN)
		r = trust_local_open(path, TRUST_LOCAL_READ, &walk.local, msg);
	if (r == TRUST_OK || r == TRUST_ERR_NOT_FOUND)
		r = list_rows(registry, &walk);
	trust_local_close(walk.local);
	return r;
}

static enum trust_err
list(const char *path, enum trust_kind kind, bool json,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_registry *registry = NULL;

	r = trust_records_open(path, TRUST_REGISTRY_READ, &registry, msg);
	if (r != TRUST_OK)
		goto out;
	if ((r = trust_registry_begin_read(registry, msg)) != TRUST_OK)
		goto out;
	if (json)
		r = trust_registry_list(registry, kind, visit_line, NULL, msg);
	else
		r = list_table(path, registry, kind, msg);
	trust_registry_end_read(registry);
out:
	trust_registry_close(registry);
	return r;
}

static const char about[] =
    "List the records of a kind by id. The kinds are device, anchor, group,\n"
    "crl, role, token and gateway. ROLES \"-\" leaves it to the group, else\n"
    "to the built-in role default. SPENT are a token's uses that the gateway\n"
    "of this registry has counted. With --json the lines as put takes them.\n"
    "With --host, list device asks a running gateway for the devices that it\n"
    "knows: when they were there last, which thumbprint matched or by which\n"
    "anchor they came, when their certificates end; and list token for its\n"
    "tokens: how many uses are spent, and how many are left.\n";

/* A running gateway's devices or tokens, in place of a registry's records. */
static int
list_remote(const struct trust_usage *usage, enum trust_kind kind,
    const struct trust_mqtt_options *gateway,
    const struct trust_list_seen *which, bool json)
{
	int64_t within_s;

	if (kind == TRUST_KIND_TOKEN && which->expiring == NULL &&
	    which->anchor == NULL)
		return trust_list_tokens(gateway, json);
	if (kind == TRUST_KIND_TOKEN)
		return trust_options_wrong(usage,
		    "want device with --expiring and --anchor, got token");
	if (kind != TRUST_KIND_DEVICE)
		return trust_options_wrong(usage,
		    "want device or token with --host, got %s",
		    trust_kind_name(kind));
	if (which->expiring != NULL && which->anchor != NULL)
		return trust_options_wrong(
		    usage, "want one of --expiring and --anchor, got both");
	if (which->expiring != NULL &&
	    trust_duration_parse(which->expiring, &within_s) != TRUST_OK)
		return trust_options_wrong(usage,
		    "--expiring: want a duration like 30d, got \"%s\"",
		    which->expiring);
	return trust_list_seen(gateway, which, json);
}

int
trust_list_run(int argc, char **argv)
{
	struct trust_mqtt_options gateway = {0};
	struct trust_list_seen which = {0};
	const char *registry = NULL;
	bool json = false;
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY_IF(&registry, "the registry"),
	    {.name = "expiring",
		.argument = "DURATION",
		.help = "with --host: whose certificates end within it",
		.text = &which.expiring},
	    {.name = "anchor",
		.argument = "ANCHOR",
		.help = "with --host: who came by it last",
		.text = &which.anchor},
	    TRUST_OPTION_JSON(&json),
	    TRUST_REMOTE_OPTIONS(
		gateway, "a running gateway, in place of a registry"),
	};
	const struct trust_usage usage = {
	    .command = "list",
	    .arguments = "KIND",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_message msg = {0};
	struct trust_args args;
	enum trust_kind kind;
	enum trust_err err;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (!trust_records_kind(&usage, args.v[0], &kind))
		return TRUST_EXIT_ERROR;
	if (gateway.host != NULL)
		return list_remote(&usage, kind, &gateway, &which, json);
	if (which.expiring != NULL || which.anchor != NULL)
		return trust_options_wrong(&usage,
		    "want --host with --%s, got none",
		    which.anchor != NULL ? "anchor" : "expiring");
	if (registry == NULL)
		return trust_options_wrong(&usage,
		    "want --registry FILE or the environment's TRUST_REGISTRY, "
		    "or --host HOST");
	err = list(registry, kind, json, &msg);
	return err == TRUST_OK ? TRUST_EXIT_YES
			       : trust_output_failure(err, &msg);
}
