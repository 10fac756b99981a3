/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl anchor add: a certificate is shown, and then trusted.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../certs/pemfile.h"
#include "anchor_facts.h"
#include "anchor_known.h"
#include "anchor_purpose.h"
#include "certfile.h"
#include "commands.h"
#include "development.h"
#include "files.h"
#include "records.h"

/* Anchors of one command: more than any family has. */
#define ANCHORS_MAX 16

/* How it stands with the registry. */
enum standing {
	NEW,
	WIDENED, /* there, without some of these purposes */
	THERE,   /* as it is to be */
};

/* One that is to be trusted. */
struct candidate {
	const char *source; /* the file, or the name it is known by */
	char id[TRUST_ID_MAX + 1];
	X509 *x509; /* owned */
	struct trust_anchor_facts facts;
	enum standing standing;
	bool disabled;     /* it is there, and nobody trusts it */
	unsigned purposes; /* those it comes to have */
};

struct add {
	const char *registry;
	const char *file; /* NULL: those that are known */
	const char *id;   /* NULL: from the name of the file */
	struct trust_texts known;
	const char *from;
	unsigned purposes;
	bool force, yes, dry_run, json;
	int64_t now;
	struct candidate v[ANCHORS_MAX];
	size_t n;
	struct trust_anchor_usage *usage; /* owned */
	struct trust_development development;
};

/* ---- What is to be added ---- */

static enum trust_err
take_id(const char *text, size_t len, struct candidate *c,
    struct trust_message *msg)
{
	if (!trust_id_check((const uint8_t *)text, len))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: no id can be made of that name, want --id with 1 to "
		    "%d letters, digits and -._%%*?!(),:=@'",
		    c->source, TRUST_ID_MAX);
	memcpy(c->id, text, len);
	c->id[len] = '\0';
	return TRUST_OK;
}

/* "factory-root" of "pki/factory-root.pem". */
static enum trust_err
take_id_of_path(
    const char *path, struct candidate *c, struct trust_message *msg)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	if (strcmp(path, TRUST_FILES_STDIN) == 0)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "standard input has no name: want --id");
	return take_id(name,
	    dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name), c,
	    msg);
}

static enum trust_err
collect_file(struct add *add, struct trust_message *msg)
{
	struct candidate *c = &add->v[0];
	STACK_OF(X509) *stack = NULL;
	enum trust_err r;

	c->source = add->file;
	add->n = 1;
	r = trust_certfile_load(add->file, &stack, msg);
	if (r != TRUST_OK)
		return r;
	if (sk_X509_num(stack) == 1)
		c->x509 = sk_X509_shift(stack);
	else
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want one certificate, which becomes the anchor, got "
		    "%d",
		    add->file, sk_X509_num(stack));
	sk_X509_pop_free(stack, X509_free);
	if (r != TRUST_OK || add->id != NULL)
		return r;
	return take_id_of_path(add->file, c, msg);
}

static enum trust_err
collect_known(struct add *add, const char *name, struct trust_message *msg)
{
	const struct trust_anchor_known *known = trust_anchor_known_get0_all();
	size_t before = add->n;
	enum trust_err r = TRUST_OK;

	for (; r == TRUST_OK && known->name != NULL; known++) {
		struct candidate *c = &add->v[add->n];

		if (!trust_anchor_known_matches(known, name))
			continue;
		if (add->n == ANCHORS_MAX)
			return trust_err_set(msg, TRUST_ERR_INPUT,
			    "want at most %d anchors at once", ANCHORS_MAX);
		c->source = known->name;
		add->n++;
		r = trust_anchor_known_load(known, add->from, &c->x509, msg);
		if (r == TRUST_OK)
			r = take_id(known->name, strlen(known->name), c, msg);
	}
	if (r == TRUST_OK && add->n == before)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "no root is known by the name \"%s\"; trustctl anchor list "
		    "--well-known has those that are",
		    name);
	return r;
}

static enum trust_err
collect(struct add *add, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	if (add->file != NULL)
		r = collect_file(add, msg);
	for (size_t i = 0; r == TRUST_OK && i < add->known.n; i++)
		r = collect_known(add, add->known.v[i], msg);
	if (r == TRUST_OK && add->id != NULL && add->n > 1)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "want --id with one anchor, got %zu", add->n);
	else if (r == TRUST_OK && add->id != NULL)
		r = take_id(add->id, strlen(add->id), &add->v[0], msg);
	for (size_t i = 0; r == TRUST_OK && i < add->n; i++)
		r = trust_anchor_facts_read(
		    add->v[i].x509, add->now, &add->v[i].facts, msg);
	return r;
}

/* ---- How that stands with the registry ---- */

static enum trust_err
compare(struct candidate *c, const struct trust_record *record,
    unsigned purposes, struct trust_message *msg)
{
	const struct trust_anchor *anchor = &record->u.anchor;
	struct trust_certificate *facts = NULL;
	enum trust_err r = trust_certfile_facts(anchor->pem, &facts, msg);
	bool same;

	if (r != TRUST_OK)
		return r;
	same = trust_thumbprint_equal(
	    &facts->thumbprint, &c->facts.certificate->thumbprint);
	trust_certificate_free(facts);
	if (!same)
		return trust_err_set(msg, TRUST_ERR_CONFLICT,
		    "anchor %s is there already, with another certificate; add "
		    "this one beside it with another --id, and remove the old "
		    "one when nobody uses it any more",
		    c->id);
	c->purposes = anchor->purposes | purposes;
	c->standing = c->purposes == anchor->purposes ? THERE : WIDENED;
	c->disabled = !record->enabled;
	return TRUST_OK;
}

/* The record as it is to be, in place of what is there, if anything is. */
static json_t *
make_json(const struct candidate *c, const struct trust_record *old)
{
	struct trust_buf pem = {0};
	json_t *json = NULL;

	if (old != NULL) {
		json = json_deep_copy(old->json);
		if (json_object_set_new(json, "purposes",
			trust_anchor_purpose_json(c->purposes)) == 0)
			return json;
		json_decref(json);
		return NULL;
	}
	if (trust_pemfile_encode(c->x509, &pem) == TRUST_OK)
		json = json_pack("{s:s, s:s, s:s, s:o}", "kind", "anchor", "id",
		    c->id, "pem", (const char *)pem.p, "purposes",
		    trust_anchor_purpose_json(c->purposes));
	trust_buf_free(&pem);
	return json;
}

static enum trust_err
put(struct trust_registry *registry, const struct candidate *c,
    const struct trust_record *old, struct trust_message *msg)
{
	struct trust_record *record = NULL;
	json_t *json = make_json(c, old);
	enum trust_err r = TRUST_ERR_NOMEM;

	if (json != NULL)
		r = trust_records_from_json(json, &record, msg);
	if (r == TRUST_OK)
		r = trust_registry_put(registry, record, 0, msg);
	trust_record_free(record);
	json_decref(json);
	return r;
}

/* Compare one with what is there; put it, where `change`. */
static enum trust_err
settle(struct trust_registry *registry, struct candidate *c, unsigned purposes,
    bool change, struct trust_message *msg)
{
	struct trust_record *old = NULL;
	enum trust_err r;

	c->standing = NEW;
	c->purposes = purposes;
	r = trust_registry_find(registry, TRUST_KIND_ANCHOR, c->id, &old, msg);
	if (r == TRUST_OK)
		r = compare(c, old, purposes, msg);
	else if (r == TRUST_ERR_NOT_FOUND)
		r = TRUST_OK;
	if (r == TRUST_OK && change && c->standing != THERE)
		r = put(registry, c, old, msg);
	trust_record_free(old);
	return r;
}

/* The edit that adds them, all or none. */
static enum trust_err
put_all(struct trust_registry *registry, void *arg, struct trust_message *msg)
{
	struct add *add = arg;
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < add->n; i++)
		r = settle(registry, &add->v[i], add->purposes, true, msg);
	return r;
}

static void
look_for_development(struct add *add, struct trust_registry *registry)
{
	for (size_t i = 0; i < add->n; i++) {
		if (add->v[i].standing != THERE)
			trust_development_add(
			    &add->development, add->v[i].id, add->v[i].x509);
	}
	trust_development_compare(&add->development, registry);
}

/* The registry is looked at first, and written only when somebody has said
 * yes: nobody waits for a lock meanwhile. */
static enum trust_err
look(struct add *add, struct trust_message *msg)
{
	struct trust_registry *registry = NULL;
	enum trust_err r;

	r = trust_records_open(
	    add->registry, TRUST_REGISTRY_READ, &registry, msg);
	for (size_t i = 0; r == TRUST_OK && i < add->n; i++)
		r = settle(registry, &add->v[i], add->purposes, false, msg);
	if (r == TRUST_OK)
		r = trust_anchor_usage_load(registry, &add->usage, msg);
	if (r == TRUST_OK)
		look_for_development(add, registry);
	trust_registry_close(registry);
	return r;
}

/* ---- Telling ---- */

static void
show(const struct add *add)
{
	for (size_t i = 0; i < add->n; i++) {
		const struct candidate *c = &add->v[i];

		if (add->json)
			continue;
		trust_anchor_facts_print(&c->facts, c->id, add->now);
		if (add->usage != NULL && (add->force || c->facts.n_flaws == 0))
			trust_anchor_purpose_print(
			    c->purposes, c->id, add->usage);
	}
}

/* Of those that nobody should trust, the first. */
static bool
has_flaws(const struct add *add)
{
	for (size_t i = 0; i < add->n; i++) {
		const struct candidate *c = &add->v[i];
		const struct trust_anchor_facts *facts = &c->facts;
		char text[TRUST_MESSAGE_MAX] = "";
		size_t used = 0;

		for (size_t j = 0; j < facts->n_flaws && used < sizeof(text);
		     j++)
			used += (size_t)snprintf(text + used,
			    sizeof(text) - used, "%s%s", j > 0 ? "; " : "",
			    facts->flaws[j].text);
		if (used == 0)
			continue;
		trust_output_error(
		    "%s: %s; --force trusts it all the same", c->source, text);
		return true;
	}
	return false;
}

static void
note_one(const struct add *add, const struct candidate *c)
{
	const struct trust_certificate *certificate = c->facts.certificate;
	const char *twin = trust_anchor_usage_get0_twin(
	    add->usage, c->id, &certificate->thumbprint);
	char when[TRUST_CLOCK_TEXT];

	for (size_t i = 0; i < c->facts.n_flaws; i++)
		trust_output_note("%s: %s", c->source, c->facts.flaws[i].text);
	if (add->now < certificate->not_before)
		trust_output_note("%s: it begins at %s; until then it vouches "
				  "for nobody",
		    c->source,
		    trust_clock_format(certificate->not_before, when));
	if (twin != NULL)
		trust_output_note("anchor %s has the same certificate", twin);
	if (c->disabled)
		trust_output_note(
		    "anchor %s is disabled, and stays so: nobody trusts it",
		    c->id);
}

/* Who has no terminal, or wants JSON, has said yes by asking. */
static bool
confirms(const struct add *add)
{
	char answer[8] = "";

	if (add->yes || add->json || isatty(STDIN_FILENO) != 1)
		return true;
	(void)fflush(stdout);
	fprintf(stderr, "trust %s? [y/N] ", add->n == 1 ? "it" : "them");
	return fgets(answer, sizeof(answer), stdin) != NULL &&
	       (answer[0] == 'y' || answer[0] == 'Y');
}

static enum trust_err
tell_json(const struct add *add, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < add->n; i++) {
		const struct candidate *c = &add->v[i];
		const json_t *groups =
		    trust_anchor_usage_get0_groups(add->usage, c->id);
		json_t *json =
		    trust_anchor_facts_json(&c->facts, c->id, add->now);

		if (json != NULL &&
		    (json_object_set_new(json, "purposes",
			 trust_anchor_purpose_json(c->purposes)) != 0 ||
			json_object_set_new(json, "groups",
			    groups != NULL ? json_deep_copy(groups)
					   : json_array()) != 0 ||
			json_object_set_new(json, "added",
			    json_boolean(
				!add->dry_run && c->standing != THERE)) != 0)) {
			json_decref(json);
			json = NULL;
		}
		r = trust_output_json(json, msg);
	}
	return r;
}

static enum trust_err
tell(const struct add *add, struct trust_message *msg)
{
	char purposes[TRUST_SHOWN_MAX];

	if (add->json)
		return tell_json(add, msg);
	for (size_t i = 0; i < add->n; i++) {
		const struct candidate *c = &add->v[i];

		(void)trust_anchor_purpose_format(c->purposes, purposes);
		if (add->dry_run)
			printf(
			    "anchor %s: nothing changed (--dry-run)\n", c->id);
		else if (c->standing == NEW)
			printf("anchor %s added, for %s\n", c->id, purposes);
		else if (c->standing == WIDENED)
			printf("anchor %s is for %s now\n", c->id, purposes);
		else
			printf("anchor %s is there already, for %s\n", c->id,
			    purposes);
	}
	return TRUST_OK;
}

/* ---- */

static int
finish(struct add *add, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; i < add->n; i++)
		note_one(add, &add->v[i]);
	trust_development_tell(&add->development);
	if (!add->dry_run && !confirms(add)) {
		trust_output_error("nothing changed");
		return TRUST_EXIT_NO;
	}
	if (!add->dry_run)
		r = trust_records_change(add->registry, put_all, add, msg);
	if (r == TRUST_OK)
		r = tell(add, msg);
	return r == TRUST_OK ? TRUST_EXIT_YES : trust_output_failure(r, msg);
}

static int
run(struct add *add)
{
	struct trust_message msg = {0};
	enum trust_err r = collect(add, &msg);
	int status = TRUST_EXIT_NO;

	if (r == TRUST_OK) {
		r = look(add, &msg);
		if (r == TRUST_OK || r == TRUST_ERR_CONFLICT)
			show(add);
	}
	if (r == TRUST_OK && (add->force || !has_flaws(add)))
		status = finish(add, &msg);
	else if (r != TRUST_OK)
		status = trust_output_failure(r, &msg);
	if (r == TRUST_ERR_CONFLICT)
		status = TRUST_EXIT_NO;
	for (size_t i = 0; i < add->n; i++) {
		X509_free(add->v[i].x509);
		trust_anchor_facts_clear(&add->v[i].facts);
	}
	trust_anchor_usage_free(add->usage);
	return status;
}

static const char about[] =
    "Show a certificate, and trust it from now on: as a CA of devices, which\n"
    "groups name then, of the servers that bridges connect to, or for the\n"
    "bundle that devices are given. Refused are certificates that are no\n"
    "CA's, that have ended, and those with too weak a key. On a terminal it\n"
    "asks first. An anchor that is there with the same certificate gets the\n"
    "purposes that it lacks. Without a FILE, --well-known names roots of\n"
    "Debian's ca-certificates; trustctl anchor list --well-known has them.\n"
    "Exit status 1: refused, and nothing has changed.\n";

int
trust_anchor_add_run(int argc, char **argv)
{
	struct trust_texts purposes = {0};
	struct add add = {.now = trust_options_now()};
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&add.registry),
	    {.name = "purpose",
		.argument = "PURPOSE",
		.help = "device, upstream, bundle, or several with commas",
		.required = true,
		.texts = &purposes},
	    {.name = "id",
		.argument = "ID",
		.help = "the anchor's id; else the file's name",
		.text = &add.id},
	    {.name = "well-known",
		.argument = "ROOT",
		.help = "a root or family of roots by name, without FILE",
		.texts = &add.known},
	    {.name = "from",
		.argument = "DIR",
		.help = "where those are; else where Debian has them",
		.text = &add.from},
	    {.name = "dry-run",
		.help = "show what would be, and change nothing",
		.flag = &add.dry_run},
	    {.name = "yes",
		.letter = 'y',
		.help = "do not ask",
		.flag = &add.yes},
	    {.name = "force",
		.help = "trust what would be refused",
		.flag = &add.force},
	    TRUST_OPTION_AT(&add.now),
	    TRUST_OPTION_JSON(&add.json),
	};
	const struct trust_usage usage = {
	    .command = "anchor add",
	    .arguments = "[FILE]",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if ((args.n == 1) == (add.known.n > 0))
		return trust_options_wrong(
		    &usage, "want one of FILE and --well-known");
	if (add.from != NULL && add.known.n == 0)
		return trust_options_wrong(
		    &usage, "--from goes with --well-known");
	if (!trust_anchor_purpose_parse(&usage, &purposes, &add.purposes))
		return TRUST_EXIT_ERROR;
	add.file = args.n == 1 ? args.v[0] : NULL;
	return run(&add);
}
