/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sync while calls fail under it: a replica holds one published state, whole;
 * what is not signed as it has to be is never taken.
 */
#include "scenario.h"

#include "../unit/replica_gateway.h"

#include "publication_upkeep.h"

/* An origin with two serials, and their notifications. */
struct sync {
	struct origin *origin;
	struct trust_buf first, second, forged;
	struct trust_pair stranger;
	/* Of the run: */
	struct gateway gateway;
	struct trust_replica_config config;
};

struct sync *
sync_new(void)
{
	struct sync *sync = calloc(1, sizeof(*sync));
	struct trust_notification *n;

	assert_non_null(sync);
	sync->origin = origin_new();
	origin_put_devices(sync->origin, 0, 12, 0);
	origin_commit(sync->origin);
	sync->first = origin_publish(sync->origin);
	origin_put_devices(sync->origin, 3, 6, 7);
	origin_remove_devices(sync->origin, 9, 10);
	origin_commit(sync->origin);
	sync->second = origin_publish(sync->origin);
	origin_pair(&sync->stranger, TRUST_PROFILE_SIGNER, "first", NULL);
	n = origin_describe(sync->origin);
	origin_sign(n, &sync->stranger, 1, &sync->forged);
	trust_notification_free(n);
	sync->config = (struct trust_replica_config){
	    .gateway = "gw1",
	    .scope = "gw1",
	    .anchors = sync->origin->anchors,
	    .n_signatures = 1,
	    .clock_skew_s = 300,
	    .max_removals = 10,
	    .jitter_seed = 1,
	};
	return sync;
}

void
sync_free(struct sync *sync)
{
	if (sync == NULL)
		return;
	origin_free(sync->origin);
	trust_buf_free(&sync->first);
	trust_buf_free(&sync->second);
	trust_buf_free(&sync->forged);
	trust_pair_clear(&sync->stranger);
	free(sync);
}

/* ---- A replica ---- */

/* What a replica tells is ours to hear: nothing fails there. */
static void
hear_request(void *arg, struct trust_span json)
{
	fault_pause();
	on_request(arg, json);
	fault_resume();
}

static void
hear_report(void *arg, struct trust_span json)
{
}

static void
hear_refusal(void *arg, enum trust_sync_reason reason, const char *detail)
{
	struct gateway *g = arg;

	g->reason = reason;
	g->n_refused++;
}

static struct gateway *
open_replica(struct run *run)
{
	struct sync *sync = run->site->sync;
	struct gateway *g = &sync->gateway;
	const struct trust_replica_events events = {
	    .request = hear_request,
	    .report = hear_report,
	    .applied = on_applied,
	    .refused = hear_refusal,
	    .is_stopping = on_stopping,
	    .arg = g,
	};
	struct trust_message msg = {0};

	*g = (struct gateway){.scratch = run->site->house.scratch,
	    .origin = sync->origin,
	    .now = NOW};
	sync->config.registry_path = g->scratch->path;
	answer_done(run, "open",
	    trust_replica_open(&sync->config, &events, &g->replica, &msg),
	    &msg);
	return g->replica != NULL ? g : NULL;
}

/* Send what was asked for, for as long as something is. */
static void
feed(struct gateway *g)
{
	struct trust_message msg;

	for (int turn = 0; turn < 6 && g->has_request; turn++) {
		struct trust_request request = g->request;

		g->has_request = false;
		g->n_pending = 0;
		for (size_t k = 0; k < request.n_want; k++) {
			struct trust_span part;

			fault_pause();
			part = origin_get_part(g->origin, &request.want[k]);
			fault_resume();
			(void)!trust_replica_receive(
			    g->replica, part, g->now, &msg);
		}
		g->now += 30;
		(void)!trust_replica_tick(g->replica, g->now, &msg);
	}
}

static void
tell(struct run *run, struct gateway *g, const char *name,
    const struct trust_buf *der)
{
	struct trust_message msg = {0};
	enum trust_err r =
	    trust_replica_notify(g->replica, trust_buf_get0(der), g->now, &msg);

	answer_done(run, name, r, &msg);
	feed(g);
}

static void
set_out(struct run *run)
{
	fault_pause();
	(void)scratch_count(run->site->house.scratch, true);
	fault_resume();
}

/* First the one serial, then the other, by delta. */
static void
applies(struct run *run)
{
	struct gateway *g;

	set_out(run);
	g = open_replica(run);
	if (g == NULL)
		return;
	tell(run, g, "first", &run->site->sync->first);
	tell(run, g, "second", &run->site->sync->second);
	trust_replica_close(g->replica);
}

/* With nothing failing it goes on from there to the newest. */
static void
check_applied(struct run *run)
{
	struct sync *sync = run->site->sync;
	struct run again = {.site = run->site};
	struct gateway *g;

	g = open_replica(&again);
	if (g == NULL) {
		tell_wrong("%s", again.v[0].text);
		return;
	}
	if (held_serial(g) < 0 || held_serial(g) > 2)
		tell_wrong("serial %lld", (long long)held_serial(g));
	else
		assert_records(g, held_serial(g));
	for (int i = 0; i < 5 && held_serial(g) != 2; i++) {
		/* Parts that were refused are not asked for until another
		 * notification comes, or somebody says so. */
		tell(&again, g, "second", &sync->second);
		g->now += 60;
		if (held_serial(g) != 2) {
			(void)!trust_replica_resync(g->replica, g->now, NULL);
			feed(g);
		}
	}
	if (held_serial(g) != 2)
		tell_wrong("it never comes to the newest: serial %lld, %s",
		    (long long)held_serial(g),
		    trust_sync_reason_name(g->reason));
	else
		assert_records(g, 2);
	trust_replica_close(g->replica);
}

/* ---- Who signed ---- */

static void
judge(struct run *run, const char *name, const struct trust_buf *der)
{
	struct sync *sync = run->site->sync;
	const struct trust_replica_rules rules = {
	    .scope = "gw1",
	    .anchors = sync->origin->anchors,
	    .n_signatures = 1,
	    .clock_skew_s = 300,
	};
	const struct trust_replica_known known = {0};
	struct trust_replica_judgement judgement = {0};
	struct trust_message msg = {0};
	enum trust_err r;

	r = trust_replica_judge(
	    &rules, &known, trust_buf_get0(der), NOW, &judgement, &msg);
	if (r != TRUST_OK)
		answer_done(run, name, r, &msg);
	else
		give_answer(run, name, judgement.reason == TRUST_SYNC_ACCEPTED,
		    "%s", trust_sync_reason_name(judgement.reason));
	trust_replica_judgement_clear(&judgement);
}

static void
judges(struct run *run)
{
	judge(run, "good", &run->site->sync->second);
	judge(run, "forged", &run->site->sync->forged);
}

/* ---- The origin's end ---- */

static void
publishes(struct run *run)
{
	const struct trust_publication_input in = {
	    .scope = "gw1",
	    .session = SESSION_1,
	    .this_update = NOW,
	    .next_update = NOW + DAY_S,
	};
	struct trust_notification *n = NULL;
	struct trust_registry *registry = NULL;
	struct trust_message msg = {0};
	enum trust_err r;

	r = trust_registry_open(run->site->house.scratch->path,
	    TRUST_REGISTRY_WRITE, &registry, &msg);
	if (r == TRUST_OK)
		r = trust_publication_update(registry, &in, &n, &msg);
	trust_notification_free(n);
	n = NULL;
	if (r == TRUST_OK)
		r = trust_publication_upkeep_run(registry, "gw1", &msg);
	if (r == TRUST_OK)
		r = trust_publication_update(registry, &in, &n, &msg);
	answer_done(run, "publish", r, &msg);
	if (n != NULL)
		give_answer(run, "state", true, "%lld records, part %02x%02x",
		    (long long)n->n_records, n->snapshot.v[0].sha256.b[0],
		    n->snapshot.v[0].sha256.b[1]);
	trust_notification_free(n);
	trust_registry_close(registry);
}

/* What is signed later is what was there. */
static void
check_published(struct run *run)
{
	static char honest[sizeof(((struct answer *)0)->text)];
	struct run again = {.site = run->site};
	const struct answer *state;

	check_untouched(run);
	publishes(&again);
	state = find_answer(&again, "state");
	if (state == NULL)
		tell_wrong("it cannot be published any more: %s",
		    find_answer(&again, "publish")->text);
	else if (honest[0] == '\0')
		snprintf(honest, sizeof(honest), "%s", state->text);
	else if (strcmp(honest, state->text) != 0)
		tell_wrong("published: %s; want %s", state->text, honest);
}

static void
signs(struct run *run)
{
	struct sync *sync = run->site->sync;
	const struct trust_statement_signer signer = {
	    sync->origin->signers[0].certificate, sync->origin->signers[0].key};
	struct trust_buf out = {0};
	struct trust_message msg = {0};
	enum trust_err r =
	    trust_statement_sign(trust_span_of("{}"), &signer, 1, &out, &msg);

	answer_done(run, "sign", r, &msg);
	if (r == TRUST_OK && out.len == 0)
		tell_wrong("nothing was signed");
	trust_buf_free(&out);
}

const struct scenario sync_scenarios[] = {
    {"applies", applies, check_applied},
    {"judges", judges, check_untouched},
    {"publishes", publishes, check_published},
    {"signs", signs, check_untouched},
    {NULL, NULL, NULL},
};
