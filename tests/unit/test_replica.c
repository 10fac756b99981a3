/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica: it comes to what its origin signed, whole, and says so. Real
 * signatures, real files.
 */
#include "replica_gateway.h"

#include <jansson.h>
#include <openssl/pem.h>
#include <sqlite3.h>

#include "json.h"
#include "record_pem.h"
#include "version.h"

/* ---- The way that all goes well ---- */

static void
it_makes_its_registry(void **state)
{
	struct gateway *g = *state;
	struct trust_registry *registry =
	    scratch_open(g->scratch, TRUST_REGISTRY_WRITE);
	struct trust_registry_info info;

	assert_int_equal(
	    trust_registry_get_info(registry, &info, NULL), TRUST_OK);
	assert_int_equal(info.role, TRUST_REGISTRY_REPLICA);
	assert_int_equal(trust_registry_begin(registry, &g->scratch->msg),
	    TRUST_ERR_REPLICA);
	trust_registry_close(registry);
}

static void
it_does_not_touch_an_origin(void **state)
{
	struct gateway *g = *state;

	close_gateway(g);
	(void)scratch_count(g->scratch, true);
	scratch_create(g->scratch);
	assert_int_equal(try_open(g), TRUST_ERR_CONFLICT);
	assert_null(g->replica);
	assert_non_null(strstr(g->scratch->msg.text, "origin"));
}

static void
the_first_state_comes_by_snapshot(void **state)
{
	struct gateway *g = *state;

	origin_put_devices(g->origin, 0, 20, 0);
	origin_commit(g->origin);
	publish(g);
	assert_int_equal(g->n_requests, 1);
	assert_string_equal(g->request.session, "");
	assert_int_equal(g->request.have, 0);
	assert_int_equal(held_serial(g), 0);
	answer_all(g);
	assert_holds(g, 1);
	assert_int_equal(g->n_applied, 1);
	assert_int_equal(g->applied.serial, 1);
	assert_int_equal(g->report.serial, 1);
	assert_int_equal(g->report.n_records, 20);
	assert_string_equal(g->report.session, SESSION_1);
	assert_int_equal(g->report.applied_at, g->now);
	assert_false(g->report.stale);
	assert_int_equal(g->n_refused, 0);
}

static void
deltas_lead_on(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 20);
	origin_put_devices(g->origin, 5, 7, 1);
	origin_remove_devices(g->origin, 9, 10);
	origin_commit(g->origin);
	publish(g);
	assert_int_equal(g->n_wanted, 1);
	assert_string_equal(g->request.session, SESSION_1);
	assert_int_equal(g->request.have, 1);
	answer_all(g);
	assert_holds(g, 2);
	assert_int_equal(g->n_applied, 1);
}

static void
many_serials_are_applied_as_one(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 20);
	for (int i = 0; i < 200; i++) {
		origin_put_devices(
		    g->origin, i % 30, i % 30 + 1, 1u + (unsigned)i);
		origin_commit(g->origin);
	}
	follow(g);
	assert_holds(g, 201);
	assert_int_equal(g->n_applied, 1);
}

/* The same delta twice is one part, needed twice. */
static void
a_part_may_be_needed_twice(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 20);
	for (unsigned salt = 1; salt < 5; salt++) {
		origin_put_devices(g->origin, 3, 4, salt % 2);
		origin_commit(g->origin);
	}
	publish(g);
	assert_int_equal(g->n_wanted, 2);
	answer_all(g);
	assert_holds(g, 5);
}

/* Whether the line that is held now was parsed. */
static enum trust_err
take_ahead(void *arg, const char *id, struct trust_span line)
{
	struct trust_ahead *ahead = arg;
	struct trust_thumbprint digest;
	struct trust_ahead_crl crl;

	assert_int_equal(trust_thumbprint_of(line, &digest), TRUST_OK);
	assert_true(trust_ahead_take(ahead, id, &digest, &crl));
	X509_CRL_free(crl.crl);
	return TRUST_OK;
}

static void
crls_are_parsed_by_the_way(void **state)
{
	static const char *const lines[] = {
	    "{\"kind\":\"crl\",\"pem\":\"" PEM_CRL "\",\"id\":\"a\"}",
	    "{ \"kind\":\"crl\",\"id\":\"a\",\"pem\":\"" PEM_CRL
	    "\",\"scopes\":[\"gw1\"],\"comment\":\"\u00e4\"}",
	};
	struct gateway *g = *state;
	struct trust_registry *registry;
	struct trust_ahead *ahead;

	assert_int_equal(trust_ahead_new(TRUST_AHEAD_MAX, &ahead), TRUST_OK);
	g->config.ahead = ahead;
	reopen(g);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		origin_put(g->origin, lines[i]);
		origin_commit(g->origin);
		follow(g);
		assert_true(trust_ahead_has(ahead, "a"));
		registry = scratch_open(g->scratch, TRUST_REGISTRY_READ);
		assert_int_equal(trust_registry_list(registry, TRUST_KIND_CRL,
				     take_ahead, ahead, NULL),
		    TRUST_OK);
		trust_registry_close(registry);
		assert_false(trust_ahead_has(ahead, "a"));
	}
	close_gateway(g);
	g->config.ahead = NULL;
	trust_ahead_free(ahead);
	open_gateway(g);
}

static void
both_paths_end_in_equal_databases(void **state)
{
	struct gateway *g = *state;
	struct trust_buf by_deltas = {0}, by_snapshot = {0};
	char path[96];

	begin_with(g, 40);
	for (int i = 0; i < 20; i++) {
		origin_put_devices(g->origin, i, i + 3, 9);
		origin_remove_devices(g->origin, i, i + 1);
		origin_put(
		    g->origin, "{\"kind\":\"role\",\"id\":\"r\",\"rules\":[]}");
		origin_commit(g->origin);
		g->origin->mass_removal = true;
		follow(g);
	}
	assert_holds(g, 21);
	dump(g->scratch->path, &by_deltas);
	close_gateway(g);
	snprintf(path, sizeof(path), "%s/other.db", g->scratch->dir);
	g->config.registry_path = path;
	open_gateway(g);
	g->origin->snapshot = 21;
	g->origin->first_delta = 22;
	follow(g);
	assert_int_equal(held_serial(g), 21);
	dump(path, &by_snapshot);
	assert_int_equal(by_deltas.len, by_snapshot.len);
	assert_memory_equal(by_deltas.p, by_snapshot.p, by_deltas.len);
	close_gateway(g);
	trust_buf_free(&by_deltas);
	trust_buf_free(&by_snapshot);
}

static void
a_snapshot_removes_what_it_does_not_name(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 40);
	origin_remove_devices(g->origin, 10, 13);
	origin_put_devices(g->origin, 20, 22, 5);
	origin_put_devices(g->origin, 50, 55, 0);
	origin_commit(g->origin);
	g->origin->snapshot = 2;
	g->origin->first_delta = 3;
	follow(g);
	assert_holds(g, 2);
}

static void
an_empty_state_is_a_state(void **state)
{
	struct gateway *g = *state;

	origin_commit(g->origin);
	publish(g);
	assert_int_equal(g->n_requests, 0);
	assert_holds(g, 1);
	assert_int_equal(g->n_applied, 1);
}

static void
the_same_bytes_again_are_no_error(void **state)
{
	struct gateway *g = *state;
	struct trust_buf der;

	begin_with(g, 5);
	der = origin_publish(g->origin);
	for (int i = 0; i < 3; i++)
		notify(g, &der);
	assert_int_equal(g->n_refused, 0);
	assert_int_equal(g->n_requests, 0);
	assert_holds(g, 1);
	trust_buf_free(&der);
}

static void
signed_again_it_is_fresh_again(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 5);
	g->now += 2 * DAY_S;
	tick(g, 900);
	assert_true(g->report.stale);
	g->origin->this_update = g->now;
	publish(g);
	assert_int_equal(g->n_requests, 0);
	assert_int_equal(g->n_applied, 1);
	assert_int_equal(g->applied.next_update, g->now + DAY_S);
	tick(g, 900);
	assert_false(g->report.stale);
	reopen(g);
	tick(g, 1);
	assert_false(g->report.stale);
	assert_holds(g, 1);
}

/* Within the second in which it was signed before. */
static void
signed_again_it_may_be_fresh_for_longer(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf der = {0};

	begin_with(g, 5);
	n = origin_describe(g->origin);
	n->next_update += 30 * DAY_S;
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	assert_int_equal(g->n_applied, 1);
	assert_int_equal(g->applied.next_update, NOW + 31 * DAY_S);
	g->now += 2 * DAY_S;
	tick(g, 900);
	assert_false(g->report.stale);
	trust_notification_free(n);
	trust_buf_free(&der);
}

static void
a_new_session_begins_anew(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 20);
	g->origin->session = SESSION_2;
	g->origin->this_update = NOW + 60;
	g->now = NOW + 60;
	origin_put_devices(g->origin, 3, 4, 7);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 2);
	assert_string_equal(g->report.session, SESSION_2);
}

/* What claims a thumbprint may change hands within a change. */
static void
a_thumbprint_may_move(void **state)
{
	struct gateway *g = *state;
	static const char a[] =
	    "{\"kind\":\"device\",\"id\":\"dev-%d\",\"auth\":{"
	    "\"type\":\"thumbprint\",\"primary\":\"%064x\"}}";
	char line[256];

	begin_with(g, 5);
	snprintf(line, sizeof(line), a, 1, 2);
	origin_put(g->origin, line);
	snprintf(line, sizeof(line), a, 2, 1);
	origin_put(g->origin, line);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 2);
}

/* The state counts what was sent: upper case hex is another line. */
static void
the_state_is_of_what_was_sent(void **state)
{
	struct gateway *g = *state;
	static const char line[] =
	    "{\"auth\":{\"primary\":\"ABCDEF%058d\",\"type\":\"thumbprint\"},"
	    "\"id\":\"upper\",\"kind\":\"device\"}";
	struct trust_notification *n;
	struct trust_thumbprint one;
	struct trust_buf der = {0};
	char text[256];

	begin_with(g, 5);
	snprintf(text, sizeof(text), line, 0);
	assert_int_equal(
	    trust_content_encode_put(trust_span_of(text), &g->origin->delta),
	    TRUST_OK);
	origin_commit(g->origin);
	n = origin_describe(g->origin);
	assert_int_equal(
	    trust_thumbprint_of(trust_span_of(text), &one), TRUST_OK);
	trust_content_state_add(&n->state, &one);
	n->n_records++;
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	answer_all(g);
	assert_int_equal(g->n_refused, 0);
	assert_int_equal(held_serial(g), 2);
	trust_notification_free(n);
	trust_buf_free(&der);
}

/* A part is known by its digest alone, and that fixes its length. */
static void
a_length_that_is_announced_wrong(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf der = {0};

	origin_put_devices(g->origin, 0, 20, 0);
	origin_commit(g->origin);
	n = origin_describe(g->origin);
	n->snapshot.v[0].len = 1;
	n->snapshot.v[1].len = TRUST_PART_MAX;
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	answer_all(g);
	assert_int_equal(g->n_refused, 0);
	assert_holds(g, 1);
	trust_notification_free(n);
	trust_buf_free(&der);
}

static void
resync_fetches_the_snapshot(void **state)
{
	struct gateway *g = *state;

	assert_int_equal(trust_replica_resync(g->replica, g->now, NULL),
	    TRUST_ERR_NOT_FOUND);
	begin_with(g, 40);
	assert_int_equal(
	    trust_replica_resync(g->replica, g->now, NULL), TRUST_OK);
	assert_true(g->n_wanted > 3);
	answer(g);
	assert_holds(g, 1);
	assert_int_equal(g->n_applied, 1);
	assert_int_equal(g->n_refused, 0);
}

/* Who applied it does not matter: a gateway without a line is fed by hand. */
static void
another_process_may_apply(void **state)
{
	struct gateway *g = *state;
	struct gateway other = *g;

	begin_with(g, 20);
	other.replica = NULL;
	open_gateway(&other);
	origin_put_devices(g->origin, 3, 4, 7);
	origin_commit(g->origin);
	follow(&other);
	close_gateway(&other);
	tick(g, 1);
	assert_int_equal(g->n_applied, 1);
	assert_int_equal(g->report.serial, 2);
	assert_holds(g, 2);
	origin_put_devices(g->origin, 3, 4, 8);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 3);
}

static void
stopping_changes_nothing(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 20);
	origin_put_devices(g->origin, 3, 4, 7);
	origin_commit(g->origin);
	g->stopping = true;
	follow(g);
	assert_holds(g, 1);
	g->stopping = false;
	reopen(g);
	tick(g, 1);
	assert_holds(g, 2);
	assert_int_equal(g->n_refused, 0);
}

/* ---- Fetching ---- */

static void
at_most_64_parts_are_wanted_at_a_time(void **state)
{
	struct gateway *g = *state;

	g->origin->part_len = 100;
	origin_put_devices(g->origin, 0, 200, 0);
	origin_commit(g->origin);
	publish(g);
	assert_int_equal(g->request.n_want, TRUST_REQUEST_WANT_MAX);
	for (int i = 0; i < 10 && g->has_request; i++) {
		assert_true(g->request.n_want <= TRUST_REQUEST_WANT_MAX);
		answer(g);
	}
	assert_holds(g, 1);
	/* Nothing was asked for twice. */
	assert_int_equal(g->n_wanted, g->origin->n_parts);
}

static void
a_restart_continues(void **state)
{
	struct gateway *g = *state;
	size_t n_parts;

	g->origin->part_len = 100;
	origin_put_devices(g->origin, 0, 200, 0);
	origin_commit(g->origin);
	publish(g);
	n_parts = g->origin->n_parts;
	answer(g);
	reopen(g);
	g->n_wanted = 0;
	tick(g, 1);
	answer_all(g);
	assert_int_equal(g->n_wanted, n_parts - TRUST_REQUEST_WANT_MAX);
	assert_holds(g, 1);
}

/* A newer serial on the same snapshot does not begin anew. */
static void
what_is_fetched_serves_the_next_serial(void **state)
{
	struct gateway *g = *state;

	g->origin->part_len = 100;
	origin_put_devices(g->origin, 0, 100, 0);
	origin_commit(g->origin);
	publish(g);
	answer(g);
	origin_put_devices(g->origin, 3, 4, 1);
	origin_commit(g->origin);
	g->n_wanted = 0;
	follow(g);
	assert_true(g->n_wanted < 64);
	assert_holds(g, 2);
}

static void
requests_are_repeated_with_growing_waits(void **state)
{
	struct gateway *g = *state;
	int64_t at[6];
	int n;

	origin_put_devices(g->origin, 0, 20, 0);
	origin_commit(g->origin);
	publish(g);
	at[0] = g->now;
	for (int i = 1; i < 6; i++) {
		for (n = g->n_requests; g->n_requests == n;)
			tick(g, 1);
		at[i] = g->now;
		assert_true(i < 2 || at[i] - at[i - 1] >=
					 (at[i - 1] - at[i - 2]) * 4 / 3);
	}
	assert_true(at[1] - at[0] >= 5 && at[1] - at[0] <= 8);
	/* Never less often than this. */
	for (n = g->n_requests; g->n_requests < n + 4;)
		tick(g, 1);
	at[0] = g->now;
	for (n = g->n_requests; g->n_requests == n;)
		tick(g, 1);
	assert_in_range(g->now - at[0], 300, 451);
	/* The notification comes again: so did the line. */
	n = g->n_requests;
	publish(g);
	tick(g, 2);
	assert_int_equal(g->n_requests, n + 1);
	answer_all(g);
	assert_holds(g, 1);
}

/* Ticks until it asks again; the seconds that this took. */
static int64_t
wait_for_request(struct gateway *g)
{
	int64_t since = g->now;

	for (int n = g->n_requests; g->n_requests == n;)
		tick(g, 1);
	return g->now - since;
}

/* Answers all of a request but its last part. */
static void
answer_but_one(struct gateway *g, int64_t seconds_each)
{
	struct trust_request request = g->request;

	for (size_t i = 0; i + 1 < request.n_want; i++) {
		tick(g, seconds_each);
		send_part(g, &request.want[i]);
	}
}

/* 64 on their way are 64, whatever is published meanwhile. */
static void
what_is_on_its_way_is_not_asked_for_again(void **state)
{
	struct gateway *g = *state;
	struct trust_request first;

	g->origin->part_len = 100;
	origin_put_devices(g->origin, 0, 100, 0);
	origin_commit(g->origin);
	publish(g);
	first = g->request;
	for (unsigned salt = 1; salt < 20; salt++) {
		origin_put_devices(g->origin, 3, 4, salt);
		origin_commit(g->origin);
		g->now++;
		publish(g);
		/* Published every second, it is repeated in time. */
		if (g->n_requests > 1)
			break;
	}
	assert_int_equal(g->n_requests, 2);
	assert_in_range(g->now - NOW, 5, 8);
	assert_int_equal(g->request.n_want, 64);
	assert_memory_equal(g->request.want, first.want, sizeof(first.want));
	answer_all(g);
	assert_holds(g, g->origin->serial);
	/* All the others once. */
	assert_int_equal(g->n_wanted, g->origin->n_parts + 64);
}

static void
a_newer_delta_is_asked_for_at_once(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 20);
	for (unsigned salt = 1; salt < 4; salt++) {
		origin_put_devices(g->origin, 3, 4, salt);
		origin_commit(g->origin);
		publish(g);
		assert_int_equal(g->n_requests, salt);
		assert_int_equal(g->request.n_want, 1);
	}
	/* And then those that did not come, all together. */
	tick(g, 8);
	assert_int_equal(g->n_requests, 4);
	assert_int_equal(g->request.n_want, 3);
	answer_all(g);
	assert_holds(g, 4);
}

/* However long the way was before: only what comes of nothing makes it wait. */
static void
progress_brings_the_wait_back(void **state)
{
	struct gateway *g = *state;

	g->origin->part_len = 100;
	origin_put_devices(g->origin, 0, 200, 0);
	origin_commit(g->origin);
	publish(g);
	for (int i = 0; i < 3; i++) {
		answer_but_one(g, i);
		assert_in_range(wait_for_request(g), 5, 8);
	}
	/* Nothing comes at all. */
	assert_in_range(wait_for_request(g), 10, 15);
	assert_in_range(wait_for_request(g), 20, 30);
	send_part(g, &g->request.want[0]);
	send_part(g, &g->request.want[1]);
	assert_in_range(wait_for_request(g), 5, 8);
	answer_all(g);
	assert_holds(g, 1);
}

/* A request again for what is still on its way would come back as so many
 * parts more, and delay what it asks for. */
static void
a_slow_line_is_not_asked_twice(void **state)
{
	struct gateway *g = *state;
	struct trust_request request;
	int n;

	g->origin->part_len = 600;
	origin_put_devices(g->origin, 0, 200, 0);
	origin_commit(g->origin);
	publish(g);
	request = g->request;
	tick(g, 13);
	n = g->n_requests;
	for (size_t i = 0; i < request.n_want; i++) {
		send_part(g, &request.want[i]);
		if (i + 1 < request.n_want)
			tick(g, 13);
	}
	assert_int_equal(g->n_requests, n);
	assert_holds(g, 1);
}

/* The clock goes back: nobody waits for it to come again. */
static void
a_clock_set_back_does_not_stop_it(void **state)
{
	struct gateway *g = *state;

	origin_put_devices(g->origin, 0, 20, 0);
	origin_commit(g->origin);
	publish(g);
	g->has_request = false;
	g->now = 1000;
	tick(g, 20);
	assert_true(g->has_request);
	answer_all(g);
	assert_holds(g, 1);
}

static void
lost_repeated_and_swapped_parts_converge(void **state)
{
	struct gateway *g = *state;
	unsigned seed = 7;

	g->origin->part_len = 100;
	origin_put_devices(g->origin, 0, 150, 0);
	origin_commit(g->origin);
	publish(g);
	for (int round = 0; round < 60 && held_serial(g) == 0; round++) {
		struct trust_request request = g->request;

		g->has_request = false;
		for (size_t i = request.n_want; i-- > 0;) {
			int dice = rand_r(&seed) % 4;

			for (int k = 0; k < dice; k++)
				send_part(g, &request.want[i]);
		}
		while (!g->has_request && held_serial(g) == 0)
			tick(g, 1);
	}
	assert_holds(g, 1);
}

/* ---- Reports ---- */

static void
it_reports_at_start_and_every_15_minutes(void **state)
{
	struct gateway *g = *state;

	assert_int_equal(g->n_reports, 0);
	tick(g, 1);
	assert_int_equal(g->n_reports, 1);
	assert_string_equal(g->report.session, "");
	assert_int_equal(g->report.serial, 0);
	assert_int_equal(g->report.applied_at, 0);
	assert_true(g->report.stale);
	assert_string_equal(g->report.version, TRUST_VERSION);
	assert_int_equal(g->report.format, TRUST_FORMAT);
	tick(g, 899);
	assert_int_equal(g->n_reports, 1);
	tick(g, 1);
	assert_int_equal(g->n_reports, 2);
	tick(g, 900);
	assert_int_equal(g->n_reports, 3);
}

/* What it holds grows old, and those above have to know. */
static void
it_reports_when_it_cannot_go_on(void **state)
{
	struct gateway *g = *state;
	struct trust_buf der;
	char path[128];
	sqlite3 *db;

	begin_with(g, 5);
	tick(g, 2);
	g->n_reports = 0;
	/* The time floor cannot be raised. */
	snprintf(path, sizeof(path), "%s.local", g->scratch->path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	g->origin->this_update++;
	der = origin_publish(g->origin);
	assert_int_equal(trust_replica_notify(g->replica, trust_buf_get0(&der),
			     g->now, &g->scratch->msg),
	    TRUST_ERR_BUSY);
	g->now += 2 * DAY_S;
	assert_int_equal(
	    trust_replica_tick(g->replica, g->now, &g->scratch->msg),
	    TRUST_ERR_BUSY);
	assert_int_equal(g->n_reports, 1);
	assert_true(g->report.stale);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	tick(g, 1);
	assert_int_equal(g->applied.this_update, NOW + 1);
	trust_buf_free(&der);
}

static void
refusals_are_joined_and_counted_for_good(void **state)
{
	struct gateway *g = *state;

	tick(g, 1);
	g->n_reports = 0;
	for (int i = 0; i < 50; i++)
		receive(g, trust_span_of("nonsense\n"));
	assert_int_equal(g->n_refused, 50);
	assert_int_equal(g->n_reports, 0);
	tick(g, 1);
	assert_int_equal(g->n_reports, 1);
	assert_int_equal(g->report.refused[TRUST_SYNC_UNSOLICITED], 50);
	tick(g, 5);
	assert_int_equal(g->n_reports, 1);
	receive(g, trust_span_of("nonsense\n"));
	reopen(g);
	tick(g, 1);
	assert_int_equal(g->report.refused[TRUST_SYNC_UNSOLICITED], 51);
}

/* ---- Time ---- */

static void
a_clock_below_the_floor_asks_no_future(void **state)
{
	struct gateway *g = *state;

	/* The first start of a gateway without a battery. */
	g->now = 100;
	begin_with(g, 5);
	assert_int_equal(g->report.applied_at, NOW);
	assert_false(g->report.stale);
	/* The floor is kept when all else is lost. */
	close_gateway(g);
	assert_int_equal(unlink(g->scratch->path), 0);
	open_gateway(g);
	origin_commit(g->origin);
	g->origin->this_update = NOW + DAY_S;
	follow(g);
	assert_holds(g, 2);
}

static void
the_floor_is_not_below_the_build(void **state)
{
	struct gateway *g = *state;

	g->now = 100;
	g->origin->this_update = TRUST_BUILD_DATE - 30 * DAY_S;
	begin_with(g, 5);
	assert_int_equal(g->report.applied_at, TRUST_BUILD_DATE);
	assert_true(g->report.stale);
}

static void
an_expired_one_is_applied_when_it_is_news(void **state)
{
	struct gateway *g = *state;
	struct trust_buf again;

	begin_with(g, 5);
	g->now = NOW + 20 * DAY_S;
	g->origin->this_update = NOW + 10 * DAY_S;
	origin_put_devices(g->origin, 0, 1, 3);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 2);
	assert_true(g->report.stale);
	g->origin->this_update = NOW + 11 * DAY_S;
	again = origin_publish(g->origin);
	notify(g, &again);
	assert_refused(g, TRUST_SYNC_EXPIRED, 1);
	trust_buf_free(&again);
}

/* ---- Content that does not hold what it says ---- */

static void
wrong_deltas_are_followed_by_the_snapshot_once(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf der = {0};

	begin_with(g, 20);
	origin_put_devices(g->origin, 0, 1, 1);
	origin_commit(g->origin);
	/* What leads to serial 2 is not what the snapshot says. */
	g->origin->snapshot = 2;
	n = origin_describe(g->origin);
	n->deltas[1].n = 0;
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	tick(g, 1);
	assert_int_equal(g->n_refused, 1);
	assert_int_equal(g->reason, TRUST_SYNC_STATE_MISMATCH);
	answer_all(g);
	assert_holds(g, 2);
	assert_int_equal(g->n_refused, 1);
	n->deltas[1].n = 1;
	trust_notification_free(n);
	trust_buf_free(&der);
}

static void
a_wrong_snapshot_waits_for_another(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf der = {0};

	begin_with(g, 20);
	origin_put_devices(g->origin, 0, 1, 1);
	origin_commit(g->origin);
	n = origin_describe(g->origin);
	n->n_records++;
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	answer_all(g);
	/* By deltas, by snapshot, and no more. */
	assert_int_equal(g->n_refused, 2);
	assert_int_equal(g->reason, TRUST_SYNC_STATE_MISMATCH);
	assert_holds(g, 1);
	reopen(g);
	g->n_requests = 0;
	notify(g, &der);
	tick(g, 1000);
	assert_int_equal(g->n_requests, 0);
	assert_int_equal(g->n_refused, 2);
	origin_put_devices(g->origin, 0, 1, 2);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 3);
	trust_notification_free(n);
	trust_buf_free(&der);
}

/* A serial with this content alone, once by deltas and once by snapshot. */
static void
refuse_content(
    struct gateway *g, const char *line, enum trust_sync_reason reason)
{
	begin_with(g, 20);
	assert_int_equal(
	    trust_buf_printf(&g->origin->delta, "%s", line), TRUST_OK);
	origin_commit(g->origin);
	follow(g);
	assert_refused(g, reason, 2);
	assert_holds(g, 1);
}

static void
a_malformed_line_is_refused(void **state)
{
	refuse_content(*state, "{\"put\":{}}\n", TRUST_SYNC_MALFORMED_RECORD);
}

static void
a_line_without_its_end_is_refused(void **state)
{
	refuse_content(*state,
	    "{\"remove\":{\"kind\":\"device\",\"id\":\"dev-1\"}}",
	    TRUST_SYNC_MALFORMED_RECORD);
}

static void
a_record_with_scopes_is_refused(void **state)
{
	refuse_content(*state,
	    "{\"put\":{\"kind\":\"role\",\"id\":\"r\",\"rules\":[],"
	    "\"scopes\":[\"gw1\"]}}\n",
	    TRUST_SYNC_MALFORMED_RECORD);
}

static void
two_devices_with_one_thumbprint_are_refused(void **state)
{
	char line[256];

	snprintf(line, sizeof(line),
	    "{\"put\":{\"kind\":\"device\",\"id\":\"thief\",\"auth\":{"
	    "\"type\":\"thumbprint\",\"primary\":\"%064x\"}}}\n",
	    3);
	refuse_content(*state, line, TRUST_SYNC_DUPLICATE_CLAIM);
}

/* An anchor record. */
static json_t *
new_anchor(X509 *certificate, const char *purpose)
{
	BIO *bio = BIO_new(BIO_s_mem());
	json_t *record;
	char *pem;
	long len;

	assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
	len = BIO_get_mem_data(bio, &pem);
	record = json_pack("{s:s, s:s, s:s%, s:[s]}", "kind", "anchor", "id",
	    "root", "pem", pem, (size_t)len, "purposes", purpose);
	assert_non_null(record);
	BIO_free(bio);
	return record;
}

static void
refuse_anchor(struct gateway *g, X509 *certificate, const char *purpose)
{
	struct trust_buf line = {0};
	json_t *put =
	    json_pack("{s:o}", "put", new_anchor(certificate, purpose));

	assert_int_equal(trust_json_encode(put, &line), TRUST_OK);
	assert_int_equal(trust_buf_add(&line, "\n", 1), TRUST_OK);
	refuse_content(g, (const char *)line.p, TRUST_SYNC_MALFORMED_RECORD);
	assert_non_null(strstr(g->detail, "registry anchor"));
	json_decref(put);
	trust_buf_free(&line);
}

/* Whoever signs registries may not be made an anchor of devices by one. */
static void
a_registry_anchor_is_refused_as_another(void **state)
{
	struct gateway *g = *state;

	refuse_anchor(g, g->origin->root.certificate, "device");
}

/* Another certificate for the key of an anchor, of another name. */
static struct trust_pair
certify_again(const struct trust_pair *root)
{
	struct trust_pair again = {.key = root->key};
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_ROOT,
	    .cn = "devices",
	    .key = root->key,
	    .issuer_key = root->key,
	    .not_before = NOW - DAY_S,
	    .not_after = NOW + DAY_S,
	};

	assert_int_equal(
	    trust_issue_certificate(&issue, &again.certificate, NULL),
	    TRUST_OK);
	return again;
}

static void
the_key_of_a_registry_anchor_is_refused(void **state)
{
	struct gateway *g = *state;
	struct trust_pair again = certify_again(&g->origin->root);

	refuse_anchor(g, again.certificate, "bundle");
	X509_free(again.certificate);
}

/* What an anchor of the registry stands for already, it does not sign for. */
static void
it_does_not_start_with_an_anchor_that_it_holds(void **state)
{
	struct gateway *g = *state;
	struct trust_pair devices = {0}, again;
	STACK_OF(X509) *anchors = sk_X509_new_null();
	struct trust_buf line = {0};
	json_t *record;

	origin_pair(&devices, TRUST_PROFILE_ROOT, "devices", NULL);
	record = new_anchor(devices.certificate, "upstream");
	assert_int_equal(trust_json_encode(record, &line), TRUST_OK);
	origin_put(g->origin, (const char *)line.p);
	begin_with(g, 5);
	again = certify_again(&devices);
	/* It may be one of several. */
	assert_true(sk_X509_push(anchors, g->origin->root.certificate) > 0);
	assert_true(sk_X509_push(anchors, again.certificate) > 0);
	close_gateway(g);
	g->config.anchors = anchors;
	assert_int_equal(try_open(g), TRUST_ERR_CONFLICT);
	assert_null(g->replica);
	assert_non_null(strstr(g->scratch->msg.text, "anchor root: want"));
	assert_non_null(strstr(g->scratch->msg.text, g->scratch->path));
	g->config.anchors = g->origin->anchors;
	open_gateway(g);
	assert_holds(g, 1);
	X509_free(again.certificate);
	trust_pair_clear(&devices);
	sk_X509_free(anchors);
	json_decref(record);
	trust_buf_free(&line);
}

static void
a_removal_in_a_snapshot_is_refused(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf der = {0};

	origin_put_devices(g->origin, 0, 20, 0);
	origin_commit(g->origin);
	n = origin_describe(g->origin);
	origin_cut(g->origin, &n->snapshot,
	    trust_span_of(
		"{\"remove\":{\"kind\":\"device\",\"id\":\"dev-1\"}}\n"));
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	answer_all(g);
	assert_refused(g, TRUST_SYNC_MALFORMED_RECORD, 1);
	assert_holds(g, 0);
	trust_notification_free(n);
	trust_buf_free(&der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_makes_its_registry),
	    TEST(it_does_not_touch_an_origin),
	    TEST(the_first_state_comes_by_snapshot),
	    TEST(deltas_lead_on),
	    TEST(many_serials_are_applied_as_one),
	    TEST(a_part_may_be_needed_twice),
	    TEST(crls_are_parsed_by_the_way),
	    TEST(both_paths_end_in_equal_databases),
	    TEST(a_snapshot_removes_what_it_does_not_name),
	    TEST(an_empty_state_is_a_state),
	    TEST(the_same_bytes_again_are_no_error),
	    TEST(signed_again_it_is_fresh_again),
	    TEST(signed_again_it_may_be_fresh_for_longer),
	    TEST(a_new_session_begins_anew),
	    TEST(a_thumbprint_may_move),
	    TEST(the_state_is_of_what_was_sent),
	    TEST(a_length_that_is_announced_wrong),
	    TEST(resync_fetches_the_snapshot),
	    TEST(another_process_may_apply),
	    TEST(stopping_changes_nothing),
	    TEST(at_most_64_parts_are_wanted_at_a_time),
	    TEST(a_restart_continues),
	    TEST(what_is_fetched_serves_the_next_serial),
	    TEST(requests_are_repeated_with_growing_waits),
	    TEST(what_is_on_its_way_is_not_asked_for_again),
	    TEST(a_newer_delta_is_asked_for_at_once),
	    TEST(progress_brings_the_wait_back),
	    TEST(a_slow_line_is_not_asked_twice),
	    TEST(a_clock_set_back_does_not_stop_it),
	    TEST(lost_repeated_and_swapped_parts_converge),
	    TEST(it_reports_at_start_and_every_15_minutes),
	    TEST(it_reports_when_it_cannot_go_on),
	    TEST(refusals_are_joined_and_counted_for_good),
	    TEST(a_clock_below_the_floor_asks_no_future),
	    TEST(the_floor_is_not_below_the_build),
	    TEST(an_expired_one_is_applied_when_it_is_news),
	    TEST(wrong_deltas_are_followed_by_the_snapshot_once),
	    TEST(a_wrong_snapshot_waits_for_another),
	    TEST(a_malformed_line_is_refused),
	    TEST(a_line_without_its_end_is_refused),
	    TEST(a_record_with_scopes_is_refused),
	    TEST(two_devices_with_one_thumbprint_are_refused),
	    TEST(a_registry_anchor_is_refused_as_another),
	    TEST(the_key_of_a_registry_anchor_is_refused),
	    TEST(it_does_not_start_with_an_anchor_that_it_holds),
	    TEST(a_removal_in_a_snapshot_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
