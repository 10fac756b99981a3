/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl inspect: what a notification says, who signed it, and whether a
 * gateway would take it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "certfile.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "partfile.h"

/* What a gateway has unless its configuration says otherwise. */
#define CLOCK_SKEW_DEFAULT 300

/* The command line, and what came of it. */
struct inspect {
	const char *path;
	const char *registry; /* or NULL: nothing is held yet */
	const char *scope;    /* or NULL: the notification's own */
	struct trust_texts anchor_paths;
	int n_signatures;
	int64_t clock_skew_s;
	int64_t now;
	bool json;
	STACK_OF(X509) *anchors; /* owned; empty: who signs is not judged */
	struct trust_replica_known known;
	/* To be shown: as far as it can be read, whoever signed it. */
	struct trust_statement *statement;       /* owned */
	struct trust_notification *notification; /* owned */
	/* What a gateway would say. */
	struct trust_replica_judgement judged; /* owned */
	bool again; /* these very octets are the newest accepted */
};

/* ---- The judgement ---- */

static enum trust_err
look(struct inspect *i, struct trust_span der, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	enum trust_sync_reason reason;

	r = trust_statement_open(der, &i->statement, &reason, msg);
	if (r != TRUST_OK || i->statement == NULL)
		return r;
	return trust_notification_parse(
	    trust_statement_get0_content(i->statement), &i->notification,
	    &reason, msg);
}

/* As the gateway does it. What is not said is what the notification says. */
static enum trust_err
judge(struct inspect *i, struct trust_span der, struct trust_message *msg)
{
	const char *own = i->notification != NULL ? i->notification->scope : "";
	const struct trust_replica_rules rules = {
	    .scope = i->scope != NULL ? i->scope : own,
	    .anchors = i->anchors,
	    .n_signatures = (size_t)i->n_signatures,
	    .clock_skew_s = i->clock_skew_s,
	    .insecure_any_signer = sk_X509_num(i->anchors) == 0,
	};
	struct trust_thumbprint sha256;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_replica_judge_again(&i->known, der, &sha256, &i->again);
	if (r != TRUST_OK)
		return r;
	return trust_replica_judge(
	    &rules, &i->known, der, i->now, &i->judged, msg);
}

static enum trust_err
load(struct inspect *i, struct trust_message *msg)
{
	struct trust_buf der = {0};
	enum trust_err r = TRUST_ERR_NOMEM;

	i->anchors = sk_X509_new_null();
	if (i->anchors == NULL)
		return r;
	r = trust_certfile_add(
	    i->anchor_paths.v, i->anchor_paths.n, i->anchors, msg);
	if (r == TRUST_OK && i->registry != NULL)
		r = trust_replica_load_known(i->registry, &i->known, msg);
	if (r == TRUST_OK)
		r = trust_files_read(i->path, TRUST_PARTFILE_MAX, &der, msg);
	if (r == TRUST_OK)
		r = look(i, trust_buf_get0(&der), msg);
	if (r == TRUST_OK)
		r = judge(i, trust_buf_get0(&der), msg);
	trust_buf_free(&der);
	return r;
}

/* ---- For programs ---- */

static size_t
count_octets(const struct trust_parts *parts)
{
	size_t octets = 0;

	for (size_t k = 0; k < parts->n; k++)
		octets += parts->v[k].len;
	return octets;
}

static json_t *
parts_json(const struct trust_parts *parts)
{
	return json_pack("{s:I, s:I, s:I}", "serial", (json_int_t)parts->serial,
	    "parts", (json_int_t)parts->n, "bytes",
	    (json_int_t)count_octets(parts));
}

static json_t *
deltas_json(const struct trust_notification *n)
{
	json_t *list = json_array();

	for (size_t k = 0; k < n->n_deltas; k++) {
		if (json_array_append_new(list, parts_json(&n->deltas[k])) !=
		    0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *
notification_json(const struct trust_notification *n)
{
	char this_update[TRUST_CLOCK_TEXT], next_update[TRUST_CLOCK_TEXT];
	char state[TRUST_THUMBPRINT_TEXT];

	if (n == NULL)
		return json_null();
	return json_pack(
	    "{s:s, s:s, s:I, s:s, s:s, s:I, s:s, s:I, s:b, s:o, s:o}", "scope",
	    n->scope, "session", n->session, "serial", (json_int_t)n->serial,
	    "this_update", trust_clock_format(n->this_update, this_update),
	    "next_update", trust_clock_format(n->next_update, next_update),
	    "records", (json_int_t)n->n_records, "state",
	    trust_thumbprint_format(&n->state, state), "format",
	    (json_int_t)n->format, "mass_removal", (int)n->mass_removal,
	    "snapshot", parts_json(&n->snapshot), "deltas", deltas_json(n));
}

static json_t *
signer_json(X509 *signer)
{
	struct trust_certificate *facts = NULL;
	char thumbprint[TRUST_THUMBPRINT_TEXT];
	char from[TRUST_CLOCK_TEXT], until[TRUST_CLOCK_TEXT];
	json_t *json;

	if (trust_certificate_new(signer, &facts, NULL) != TRUST_OK)
		return NULL;
	json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "subject", facts->subject,
	    "issuer", facts->issuer, "thumbprint",
	    trust_thumbprint_format(&facts->thumbprint, thumbprint),
	    "not_before", trust_clock_format(facts->not_before, from),
	    "not_after", trust_clock_format(facts->not_after, until));
	trust_certificate_free(facts);
	return json;
}

/* Signer number k, or NULL past the last. */
static X509 *
get0_signer(const struct inspect *i, size_t k)
{
	if (i->statement == NULL)
		return NULL;
	return trust_statement_get0_signer(i->statement, k);
}

static json_t *
signers_json(const struct inspect *i)
{
	json_t *list = json_array();
	X509 *signer;

	for (size_t k = 0; (signer = get0_signer(i, k)) != NULL; k++) {
		if (json_array_append_new(list, signer_json(signer)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* What a gateway would fetch by; NULL: nothing. */
static const char *
get_path(const struct inspect *i)
{
	if (i->judged.reason != TRUST_SYNC_ACCEPTED ||
	    i->judged.path == TRUST_REPLICA_NOWHERE)
		return NULL;
	return i->judged.path == TRUST_REPLICA_BY_DELTAS ? "deltas"
							 : "snapshot";
}

static enum trust_err
print_json(const struct inspect *i, struct trust_message *msg)
{
	const struct trust_replica_judgement *judged = &i->judged;

	return trust_output_json(
	    json_pack("{s:s, s:o, s:o, s:b, s:b, s:o, s:o}", "reason",
		trust_sync_reason_name(judged->reason), "detail",
		trust_json_text(judged->reason != TRUST_SYNC_ACCEPTED
				    ? judged->detail.text
				    : NULL),
		"by", trust_json_text(get_path(i)), "again", (int)i->again,
		"signers_judged", sk_X509_num(i->anchors) > 0, "signers",
		signers_json(i), "notification",
		notification_json(i->notification)),
	    msg);
}

/* ---- For people ---- */

static void
print_deltas(const struct trust_notification *n)
{
	size_t n_parts = 0, octets = 0;

	if (n->n_deltas == 0) {
		printf("  deltas        none\n");
		return;
	}
	for (size_t k = 0; k < n->n_deltas; k++) {
		n_parts += n->deltas[k].n;
		octets += count_octets(&n->deltas[k]);
	}
	printf("  deltas        serials %" PRId64 " to %" PRId64
	       ", %zu octets in %zu part%s\n",
	    n->deltas[0].serial, n->serial, octets, n_parts,
	    n_parts == 1 ? "" : "s");
}

static void
print_notification(const struct trust_notification *n)
{
	char this_update[TRUST_CLOCK_TEXT], next_update[TRUST_CLOCK_TEXT];
	char state[TRUST_THUMBPRINT_TEXT];

	printf("scope %s\n"
	       "  session       %s\n"
	       "  serial        %" PRId64 "\n"
	       "  this_update   %s\n"
	       "  next_update   %s\n"
	       "  records       %" PRId64 "\n"
	       "  state         %s\n"
	       "  format        %" PRId64 "\n"
	       "  mass_removal  %s\n"
	       "  snapshot      serial %" PRId64 ", %zu octets in %zu "
	       "part%s\n",
	    n->scope, n->session, n->serial,
	    trust_clock_format(n->this_update, this_update),
	    trust_clock_format(n->next_update, next_update), n->n_records,
	    trust_thumbprint_format(&n->state, state), n->format,
	    n->mass_removal ? "yes" : "no", n->snapshot.serial,
	    count_octets(&n->snapshot), n->snapshot.n,
	    n->snapshot.n == 1 ? "" : "s");
	print_deltas(n);
}

static enum trust_err
print_signers(const struct inspect *i, struct trust_message *msg)
{
	struct trust_certificate *facts = NULL;
	char thumbprint[TRUST_THUMBPRINT_TEXT];
	char until[TRUST_CLOCK_TEXT];
	enum trust_err r;
	X509 *signer;

	for (size_t k = 0; (signer = get0_signer(i, k)) != NULL; k++) {
		r = trust_certificate_new(signer, &facts, msg);
		if (r != TRUST_OK)
			return r;
		printf("signed by %s\n"
		       "  issuer        %s\n"
		       "  thumbprint    %s\n"
		       "  valid until   %s\n",
		    facts->subject, facts->issuer,
		    trust_thumbprint_format(&facts->thumbprint, thumbprint),
		    trust_clock_format(facts->not_after, until));
		trust_certificate_free(facts);
	}
	return TRUST_OK;
}

static void
print_held(const struct inspect *i)
{
	const struct trust_notification_mark *newest = &i->known.newest;
	const struct trust_notification_mark *held = &i->known.held;

	if (i->registry == NULL)
		return;
	printf("replica %s\n", i->registry);
	if (newest->session[0] == '\0')
		printf("  accepted      nothing yet\n");
	else
		printf("  accepted      serial %" PRId64 " of session %s\n",
		    newest->serial, newest->session);
	if (held->session[0] != '\0')
		printf("  holds         serial %" PRId64 " of session %s\n",
		    held->serial, held->session);
	if (i->again)
		printf("  and this is the one accepted: it takes no notice\n");
	else if (get_path(i) != NULL)
		printf("  would fetch   by %s\n", get_path(i));
}

/* What its end means; whether it is accepted is another question. */
static void
print_end(const struct inspect *i)
{
	const struct trust_notification *n = i->notification;

	if (n == NULL ||
	    n->next_update >= trust_replica_judge_time(&i->known, i->now))
		return;
	printf("its next_update is over: who holds it counts as stale until a "
	       "newer one comes\n");
}

static void
print_verdict(const struct inspect *i)
{
	const struct trust_replica_judgement *judged = &i->judged;
	const char *detail = judged->detail.text;

	if (judged->reason != TRUST_SYNC_ACCEPTED)
		printf("refused: %s%s%s\n  %s\n",
		    trust_sync_reason_name(judged->reason),
		    detail[0] != '\0' ? ": " : "", detail,
		    trust_sync_reason_meaning(judged->reason));
	else if (sk_X509_num(i->anchors) == 0)
		printf(
		    "accepted, if its signers are trusted; --anchor tells\n");
	else
		printf("accepted\n");
}

static enum trust_err
print_text(const struct inspect *i, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (i->notification != NULL)
		print_notification(i->notification);
	r = print_signers(i, msg);
	if (r != TRUST_OK)
		return r;
	print_held(i);
	print_end(i);
	print_verdict(i);
	return TRUST_OK;
}

static int
run(struct inspect *i)
{
	struct trust_message msg = {0};
	enum trust_err r = load(i, &msg);
	int status = TRUST_EXIT_NO;

	if (r == TRUST_OK && i->json)
		r = print_json(i, &msg);
	else if (r == TRUST_OK)
		r = print_text(i, &msg);
	if (r != TRUST_OK)
		status = trust_output_failure(r, &msg);
	else if (i->judged.reason == TRUST_SYNC_ACCEPTED)
		status = TRUST_EXIT_YES;
	trust_replica_judgement_clear(&i->judged);
	trust_notification_free(i->notification);
	trust_statement_free(i->statement);
	sk_X509_pop_free(i->anchors, X509_free);
	return status;
}

int
trust_inspect_run(int argc, char **argv)
{
	struct inspect i = {
	    .n_signatures = 1,
	    .clock_skew_s = CLOCK_SKEW_DEFAULT,
	    .now = trust_options_now(),
	};
	const struct trust_option options[] = {
	    {.name = "anchor",
		.argument = "FILE",
		.help = "trust anchors of registry signers",
		.texts = &i.anchor_paths},
	    {.name = "registry",
		.letter = 'r',
		.argument = "FILE",
		.help = "the replica that it would come to",
		.text = &i.registry},
	    {.name = "scope",
		.argument = "SCOPE",
		.help = "the gateway's scope",
		.text = &i.scope},
	    {.name = "signatures",
		.argument = "N",
		.help = "the gateway's option registry_signatures",
		.number = &i.n_signatures,
		.min = 1,
		.max = TRUST_STATEMENT_SIGNERS_MAX},
	    {.name = "clock-skew",
		.argument = "DURATION",
		.help = "the gateway's option clock_skew; 5m without this",
		.duration = &i.clock_skew_s},
	    TRUST_OPTION_AT(&i.now),
	    TRUST_OPTION_JSON(&i.json),
	};
	const struct trust_usage usage = {
	    .command = "inspect",
	    .arguments = "FILE",
	    .text = "Show what a notification says and who signed it, and "
		    "tell whether a gateway\nwould take it: with --anchor one "
		    "with these anchors, with -r one that holds this\nreplica. "
		    "Exit status: 0 it would, 1 it would not.\n",
	    .options = options,
	    .n_options = sizeof(options) / sizeof(options[0]),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	i.path = args.v[0];
	return run(&i);
}
