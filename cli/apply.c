/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl apply: a notification and its parts from a directory into a
 * replica, by the state machine that a gateway has.
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
#define CLOCK_SKEW_DEFAULT   300
#define MAX_REMOVALS_DEFAULT 10

/* The command line, and what came of it. */
struct apply {
	const char *registry;
	const char *scope;
	const char *gateway;
	const char *dir;
	struct trust_texts anchor_paths;
	int n_signatures;
	int max_removals;
	int64_t clock_skew_s;
	int64_t now;
	STACK_OF(X509) *anchors; /* owned */
	struct trust_replica *replica;
	struct trust_request request; /* the last one; nothing when answered */
	bool refused;
	struct trust_notification_mark applied; /* empty: nothing was */
};

/* ---- What the replica says ---- */

static void
on_request(void *arg, struct trust_span json)
{
	struct apply *apply = arg;

	/* It comes from our own encoder; unread, nothing is wanted. */
	if (trust_request_parse(json, &apply->request, NULL) != TRUST_OK)
		apply->request.n_want = 0;
}

/* Nobody is there to read it. */
static void
on_report(void *arg, struct trust_span json)
{
}

static void
on_applied(void *arg, const struct trust_notification_mark *held)
{
	struct apply *apply = arg;

	apply->applied = *held;
}

static void
on_refused(void *arg, enum trust_sync_reason reason, const char *detail)
{
	struct apply *apply = arg;

	apply->refused = true;
	trust_output_error("%s: refused: %s%s%s", apply->dir,
	    trust_sync_reason_name(reason), detail[0] != '\0' ? ": " : "",
	    detail);
}

static void
log_line(void *arg, enum trust_log_level level, const char *line)
{
	if (level == TRUST_LOG_ERROR)
		trust_output_error("%s", line);
}

/* ---- What it is given ---- */

static enum trust_err
notify(struct apply *apply, struct trust_message *msg)
{
	char path[TRUST_PARTFILE_PATH_MAX];
	struct trust_buf der = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_partfile_notification(path, apply->dir, msg);
	if (r == TRUST_OK)
		r = trust_files_read(path, TRUST_PARTFILE_MAX, &der, msg);
	if (r == TRUST_OK)
		r = trust_replica_notify(
		    apply->replica, trust_buf_get0(&der), apply->now, msg);
	/* The same as before is no news to it, and what it lacked then it
	 * asks for when time passes. */
	if (r == TRUST_OK && apply->request.n_want == 0 && !apply->refused)
		r = trust_replica_tick(apply->replica, apply->now, msg);
	trust_buf_free(&der);
	return r;
}

static enum trust_err
give_part(struct apply *apply, const struct trust_thumbprint *sha256,
    struct trust_message *msg)
{
	char path[TRUST_PARTFILE_PATH_MAX];
	struct trust_buf part = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_partfile_path(path, apply->dir, sha256, msg);
	if (r == TRUST_OK)
		r = trust_files_read(path, TRUST_PARTFILE_MAX, &part, msg);
	if (r == TRUST_OK)
		r = trust_replica_receive(
		    apply->replica, trust_buf_get0(&part), apply->now, msg);
	trust_buf_free(&part);
	return r;
}

/* Each request is answered in full; the last part of it leads to the next
 * request, to a refusal, or to the end. */
static enum trust_err
answer(struct apply *apply, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	while (r == TRUST_OK && apply->request.n_want > 0) {
		const struct trust_request request = apply->request;

		apply->request.n_want = 0;
		for (size_t i = 0; r == TRUST_OK && i < request.n_want; i++)
			r = give_part(apply, &request.want[i], msg);
	}
	return r;
}

static enum trust_err
bring_in(struct apply *apply, struct trust_message *msg)
{
	const struct trust_replica_config config = {
	    .registry_path = apply->registry,
	    .gateway = apply->gateway,
	    .scope = apply->scope,
	    .anchors = apply->anchors,
	    .n_signatures = (size_t)apply->n_signatures,
	    .clock_skew_s = apply->clock_skew_s,
	    .max_removals = apply->max_removals,
	};
	const struct trust_replica_events events = {
	    .request = on_request,
	    .report = on_report,
	    .applied = on_applied,
	    .refused = on_refused,
	    .log = {.write = log_line},
	    .arg = apply,
	};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_replica_open(&config, &events, &apply->replica, msg);
	if (r == TRUST_OK)
		r = notify(apply, msg);
	if (r == TRUST_OK)
		r = answer(apply, msg);
	return r;
}

static int
tell(const struct apply *apply)
{
	struct trust_notification_mark held, newest;

	trust_replica_get_marks(apply->replica, &held, &newest);
	if (apply->applied.session[0] != '\0')
		printf("%s: serial %" PRId64 ", %" PRId64 " records\n",
		    apply->registry, held.serial, held.n_records);
	else if (!apply->refused && strcmp(held.session, newest.session) == 0 &&
		 held.serial == newest.serial)
		printf("%s: serial %" PRId64 ", nothing new\n", apply->registry,
		    held.serial);
	else
		return TRUST_EXIT_NO;
	return TRUST_EXIT_YES;
}

static int
run(struct apply *apply)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_NOMEM;
	int status;

	apply->anchors = sk_X509_new_null();
	if (apply->anchors != NULL)
		r = trust_certfile_add(apply->anchor_paths.v,
		    apply->anchor_paths.n, apply->anchors, &msg);
	if (r == TRUST_OK)
		r = bring_in(apply, &msg);
	status = r == TRUST_OK ? tell(apply) : trust_output_failure(r, &msg);
	trust_replica_close(apply->replica);
	sk_X509_pop_free(apply->anchors, X509_free);
	return status;
}

int
trust_apply_run(int argc, char **argv)
{
	struct apply apply = {
	    .n_signatures = 1,
	    .max_removals = MAX_REMOVALS_DEFAULT,
	    .clock_skew_s = CLOCK_SKEW_DEFAULT,
	    .now = trust_options_now(),
	};
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&apply.registry),
	    {.name = "anchor",
		.argument = "FILE",
		.help = "trust anchors of registry signers",
		.required = true,
		.texts = &apply.anchor_paths},
	    {.name = "scope",
		.argument = "SCOPE",
		.help = "the gateway's scope; its id without this",
		.text = &apply.scope},
	    {.name = "gateway",
		.argument = "ID",
		.help = "the gateway's id, its option gateway",
		.required = true,
		.text = &apply.gateway},
	    {.name = "signatures",
		.argument = "N",
		.help = "the gateway's option registry_signatures",
		.number = &apply.n_signatures,
		.min = 1,
		.max = TRUST_STATEMENT_SIGNERS_MAX},
	    {.name = "max-removals",
		.argument = "PERCENT",
		.help = "the gateway's option max_removals; 10 without this",
		.number = &apply.max_removals,
		.max = 100},
	    {.name = "clock-skew",
		.argument = "DURATION",
		.help = "the gateway's option clock_skew; 5m without this",
		.duration = &apply.clock_skew_s},
	};
	const struct trust_usage usage = {
	    .command = "apply",
	    .arguments = "DIR",
	    .text = "Bring what trustctl sign has made into a gateway's "
		    "replica, by hand: for a\ngateway without a line. It is "
		    "judged as if it came over the line, and a gateway\nthat "
		    "runs follows at once. A replica is made where there is "
		    "none. Exit status 1:\nit was refused.\n",
	    .options = options,
	    .n_options = sizeof(options) / sizeof(options[0]),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (apply.scope == NULL)
		apply.scope = apply.gateway;
	apply.dir = args.v[0];
	return run(&apply);
}
