/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway for tests: a replica with its origin, and the way between them.
 */
#ifndef TESTS_REPLICA_GATEWAY_H
#define TESTS_REPLICA_GATEWAY_H

#include "sync_origin.h"

#include "replica.h"

/* A gateway: a replica, what it said, and what stands between it and its
 * origin. */
struct gateway {
	struct scratch *scratch;
	struct origin *origin;
	struct trust_replica *replica;
	struct trust_replica_config config;
	int64_t now;
	/* What it said last, and how often. */
	struct trust_request request;
	bool has_request; /* and it was not answered yet */
	/* Those that were not answered, and the last one. */
	struct trust_request pending[4];
	size_t n_pending;
	int n_requests;
	size_t n_wanted; /* by all of them */
	struct trust_report report;
	int n_reports;
	struct trust_notification_mark applied;
	int n_applied;
	enum trust_sync_reason reason;
	char detail[TRUST_MESSAGE_MAX];
	int n_refused;
	bool stopping;
};

/* Whether the last request is for something that was asked for already: then
 * it is for all that is missing. */
static inline bool
is_repetition(const struct gateway *g)
{
	for (size_t i = 0; i < g->n_pending; i++) {
		for (size_t k = 0; k < g->pending[i].n_want; k++) {
			if (trust_thumbprint_equal(
				&g->pending[i].want[k], &g->request.want[0]))
				return true;
		}
	}
	return false;
}

static inline void
on_request(void *arg, struct trust_span json)
{
	struct gateway *g = arg;

	assert_int_equal(
	    trust_request_parse(json, &g->request, NULL), TRUST_OK);
	assert_string_equal(g->request.gateway, "gw1");
	assert_true(g->request.n_want > 0);
	if (!g->has_request || is_repetition(g))
		g->n_pending = 0;
	assert_true(g->n_pending < sizeof(g->pending) / sizeof(*g->pending));
	g->pending[g->n_pending++] = g->request;
	g->has_request = true;
	g->n_requests++;
	g->n_wanted += g->request.n_want;
}

static inline void
on_report(void *arg, struct trust_span json)
{
	struct gateway *g = arg;

	assert_int_equal(trust_report_parse(json, &g->report, NULL), TRUST_OK);
	g->n_reports++;
}

static inline void
on_applied(void *arg, const struct trust_notification_mark *held)
{
	struct gateway *g = arg;

	g->applied = *held;
	g->n_applied++;
}

static inline void
on_refused(void *arg, enum trust_sync_reason reason, const char *detail)
{
	struct gateway *g = arg;

	g->reason = reason;
	snprintf(g->detail, sizeof(g->detail), "%s", detail);
	g->n_refused++;
}

static inline bool
on_stopping(void *arg)
{
	return ((struct gateway *)arg)->stopping;
}

static inline enum trust_err
try_open(struct gateway *g)
{
	struct trust_replica_events events = {
	    .request = on_request,
	    .report = on_report,
	    .applied = on_applied,
	    .refused = on_refused,
	    .is_stopping = on_stopping,
	    .arg = g,
	};

	return trust_replica_open(
	    &g->config, &events, &g->replica, &g->scratch->msg);
}

static inline void
open_gateway(struct gateway *g)
{
	if (try_open(g) != TRUST_OK)
		fail_msg("%s", g->scratch->msg.text);
}

static inline void
close_gateway(struct gateway *g)
{
	trust_replica_close(g->replica);
	g->replica = NULL;
	g->has_request = false;
}

static inline void
reopen(struct gateway *g)
{
	close_gateway(g);
	open_gateway(g);
}

static inline int
gateway_setup(void **state)
{
	struct gateway *g = calloc(1, sizeof(*g));
	void *scratch = NULL;

	if (g == NULL || scratch_setup(&scratch) != 0)
		return -1;
	g->scratch = scratch;
	g->origin = origin_new();
	g->now = NOW;
	g->config = (struct trust_replica_config){
	    .registry_path = g->scratch->path,
	    .gateway = "gw1",
	    .scope = "gw1",
	    .anchors = g->origin->anchors,
	    .n_signatures = 1,
	    .clock_skew_s = 300,
	    .max_removals = 10,
	    .jitter_seed = 1,
	};
	open_gateway(g);
	*state = g;
	return 0;
}

static inline int
gateway_teardown(void **state)
{
	struct gateway *g = *state;
	void *scratch = g->scratch;

	close_gateway(g);
	origin_free(g->origin);
	free(g);
	return scratch_teardown(&scratch);
}

/* ---- Between the two ---- */

static inline void
notify(struct gateway *g, const struct trust_buf *der)
{
	if (trust_replica_notify(g->replica, trust_buf_get0(der), g->now,
		&g->scratch->msg) != TRUST_OK)
		fail_msg("%s", g->scratch->msg.text);
}

static inline void
receive(struct gateway *g, struct trust_span part)
{
	if (trust_replica_receive(g->replica, part, g->now, &g->scratch->msg) !=
	    TRUST_OK)
		fail_msg("%s", g->scratch->msg.text);
}

static inline void
tick(struct gateway *g, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++) {
		g->now++;
		if (trust_replica_tick(g->replica, g->now, &g->scratch->msg) !=
		    TRUST_OK)
			fail_msg("%s", g->scratch->msg.text);
	}
}

static inline void
send_part(struct gateway *g, const struct trust_thumbprint *sha256)
{
	receive(g, origin_get_part(g->origin, sha256));
}

/* Answer what was asked for, as it stands now. */
static inline void
answer(struct gateway *g)
{
	struct gateway was = *g;

	assert_true(g->has_request);
	g->has_request = false;
	for (size_t i = 0; i < was.n_pending; i++) {
		for (size_t k = 0; k < was.pending[i].n_want; k++)
			send_part(g, &was.pending[i].want[k]);
	}
}

static inline void
answer_all(struct gateway *g)
{
	for (int i = 0; i < 1000 && g->has_request; i++)
		answer(g);
	assert_false(g->has_request);
}

/* The origin's present serial, on its way. */
static inline void
publish(struct gateway *g)
{
	struct trust_buf der = origin_publish(g->origin);

	notify(g, &der);
	trust_buf_free(&der);
}

static inline void
follow(struct gateway *g)
{
	publish(g);
	answer_all(g);
}

/* ---- What came of it ---- */

static inline enum trust_err
dump_line(void *arg, const char *id, struct trust_span line)
{
	struct trust_buf *out = arg;

	assert_int_equal(trust_buf_add(out, line.p, line.len), TRUST_OK);
	return trust_buf_add(out, "\n", 1);
}

static inline void
dump(const char *path, struct trust_buf *out)
{
	struct trust_registry *registry;

	assert_int_equal(
	    trust_registry_open(path, TRUST_REGISTRY_READ, &registry, NULL),
	    TRUST_OK);
	for (int kind = TRUST_KIND_FIRST; kind <= TRUST_KIND_LAST; kind++)
		assert_int_equal(
		    trust_registry_list(
			registry, (enum trust_kind)kind, dump_line, out, NULL),
		    TRUST_OK);
	trust_registry_close(registry);
}

/* The registry is exactly what the origin had at this serial; 0: empty. */
static inline void
assert_records(struct gateway *g, int64_t serial)
{
	struct trust_buf is = {0}, want = {0};

	origin_dump(g->origin, serial, &want);
	dump(g->scratch->path, &is);
	assert_int_equal(is.len, want.len);
	if (want.len > 0)
		assert_memory_equal(is.p, want.p, want.len);
	trust_buf_free(&is);
	trust_buf_free(&want);
}

static inline int64_t
held_serial(struct gateway *g)
{
	struct trust_notification_mark held, newest;

	trust_replica_get_marks(g->replica, &held, &newest);
	return held.serial;
}

static inline int64_t
newest_serial(struct gateway *g)
{
	struct trust_notification_mark held, newest;

	trust_replica_get_marks(g->replica, &held, &newest);
	return newest.serial;
}

static inline void
assert_holds(struct gateway *g, int64_t serial)
{
	assert_int_equal(held_serial(g), serial);
	assert_records(g, serial);
}

static inline void
assert_refused(struct gateway *g, enum trust_sync_reason reason, int n)
{
	if (g->n_refused > 0 && g->reason != reason)
		fail_msg("want %s, got %s: %s", trust_sync_reason_name(reason),
		    trust_sync_reason_name(g->reason), g->detail);
	assert_int_equal(g->n_refused, n);
	/* It is reported within a second. */
	tick(g, 2);
	assert_int_equal(g->report.refused[reason], n);
}

/* A gateway that holds serial 1: `n` devices. */
static inline void
begin_with(struct gateway *g, int n)
{
	origin_put_devices(g->origin, 0, n, 0);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 1);
	assert_int_equal(g->n_refused, 0);
	g->n_requests = 0;
	g->n_wanted = 0;
	g->n_applied = 0;
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, gateway_setup, gateway_teardown)

#endif
