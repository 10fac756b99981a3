/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/session_ground.c: who is to be looked at again. Nobody whom a change
 * concerns is forgotten, whoever comes, goes or moves meanwhile, and nobody
 * else is looked at.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>

#include <cmocka.h>

#include "../../plugin/session.h"

#define N       10
#define EVEN    UINT64_C(2)
#define ODD     UINT64_C(1)
#define ALL     UINT64_C(3)
#define NEVER   TRUST_CLOCK_NEVER
#define THE_END INT64_C(1000)

struct table {
	struct trust_sessions *sessions;
	char clients[2 * N]; /* only their addresses count */
};

static struct trust_admission *
admission_on(uint64_t ground, int64_t until)
{
	struct trust_admission *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->refs = 1;
	a->verdict.valid_until = until;
	assert_int_equal(trust_grounds_add(&a->grounds, ALL), TRUST_OK);
	assert_int_equal(trust_grounds_add(&a->grounds, ground), TRUST_OK);
	return a;
}

static const struct mosquitto *
client_of(const struct table *t, int i)
{
	return (const void *)&t->clients[i];
}

static void
open_until(struct table *t, int i, int64_t until)
{
	char id[32];

	(void)snprintf(id, sizeof(id), "d-%d/m", i);
	assert_int_equal(
	    trust_session_open(t->sessions, client_of(t, i), id,
		TRUST_SESSION_DEVICE,
		admission_on(i % 2 == 0 ? EVEN : ODD, until), NULL),
	    TRUST_OK);
}

static struct trust_session *
session_of(const struct table *t, int i)
{
	return trust_session_find_client(t->sessions, client_of(t, i));
}

static int
number_of(const struct table *t, const struct trust_session *session)
{
	return session == NULL
		   ? -1
		   : (int)((const char *)(const void *)session->client -
			   t->clients);
}

/* -1: nobody. */
static int
next(struct table *t, int64_t now)
{
	return number_of(t, trust_sessions_next(t->sessions, now));
}

/* Everybody who waits, each once, as bits. */
static unsigned
drain(struct table *t)
{
	unsigned seen = 0;
	int i;

	while ((i = next(t, 0)) >= 0) {
		assert_int_equal(seen & (1u << i), 0);
		seen |= 1u << i;
	}
	assert_false(trust_sessions_wait(t->sessions, 0));
	return seen;
}

/* Bits of every second number, from `i` up to N. */
static unsigned
every_second(int i)
{
	unsigned bits = 0;

	for (; i < N; i += 2)
		bits |= 1u << i;
	return bits;
}

static int
setup(void **state)
{
	struct table *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	assert_int_equal(trust_sessions_new(&t->sessions), TRUST_OK);
	for (int i = 0; i < N; i++)
		open_until(t, i, NEVER);
	*state = t;
	return 0;
}

static int
teardown(void **state)
{
	struct table *t = *state;

	trust_sessions_free(t->sessions);
	free(t);
	return 0;
}

static void
those_concerned_come_once(void **state)
{
	struct table *t = *state;

	assert_int_equal(drain(t), 0);
	trust_sessions_await_ground(t->sessions, 77);
	assert_int_equal(drain(t), 0);
	trust_sessions_await_ground(t->sessions, EVEN);
	trust_sessions_await_ground(t->sessions, EVEN);
	assert_true(trust_sessions_wait(t->sessions, 0));
	assert_int_equal(drain(t), every_second(0));
	assert_int_equal(drain(t), 0);
	trust_sessions_await_all(t->sessions);
	trust_sessions_await_ground(t->sessions, ODD);
	trust_sessions_await_ground(t->sessions, ALL);
	assert_int_equal(drain(t), every_second(0) | every_second(1));
}

static void
who_comes_meanwhile_is_not_due(void **state)
{
	struct table *t = *state;
	int first;

	trust_sessions_await_ground(t->sessions, EVEN);
	first = next(t, 0);
	open_until(t, N, NEVER);
	assert_int_equal(drain(t), every_second(0) & ~(1u << first));
	/* The next time it is. */
	trust_sessions_await_ground(t->sessions, EVEN);
	assert_int_equal(drain(t), every_second(0) | 1u << N);
}

static void
another_move_half_way_begins_anew(void **state)
{
	struct table *t = *state;

	trust_sessions_await_ground(t->sessions, EVEN);
	(void)next(t, 0);
	(void)next(t, 0);
	trust_sessions_await_ground(t->sessions, EVEN);
	assert_int_equal(drain(t), every_second(0));
	/* Another ground, of the same sessions and more. */
	trust_sessions_await_ground(t->sessions, EVEN);
	(void)next(t, 0);
	(void)next(t, 0);
	trust_sessions_await_ground(t->sessions, ALL);
	assert_int_equal(drain(t), every_second(0) | every_second(1));
}

/* Whoever is due first among them, too. */
static void
who_leaves_is_not_waited_for(void **state)
{
	struct table *t = *state;

	for (int i = 0; i < N; i += 2) {
		trust_sessions_await_ground(t->sessions, EVEN);
		trust_session_leave(t->sessions, session_of(t, i), false);
		assert_int_equal(drain(t), every_second(i + 2));
	}
	trust_sessions_await_all(t->sessions);
	assert_int_equal(drain(t), every_second(1));
	for (int i = 0; i < N; i += 2)
		assert_true(trust_sessions_remove_departed(t->sessions));
	assert_false(trust_sessions_remove_departed(t->sessions));
	assert_null(session_of(t, 0));
	/* Who is away and may come back is looked at. */
	trust_session_leave(t->sessions, session_of(t, 1), true);
	trust_sessions_await_ground(t->sessions, ODD);
	trust_session_close(t->sessions, session_of(t, 9));
	assert_int_equal(drain(t), every_second(1) & ~(1u << 9));
}

static void
who_comes_to_rest_on_others_follows_those(void **state)
{
	struct table *t = *state;

	trust_sessions_await_ground(t->sessions, EVEN);
	assert_int_equal(trust_session_renew(t->sessions, session_of(t, 0),
			     admission_on(ODD, NEVER), NULL),
	    TRUST_OK);
	assert_int_equal(trust_session_renew(t->sessions, session_of(t, 2),
			     admission_on(EVEN, NEVER), NULL),
	    TRUST_OK);
	assert_int_equal(drain(t), every_second(4));
	trust_sessions_await_ground(t->sessions, EVEN);
	assert_int_equal(drain(t), every_second(2));
	trust_sessions_await_ground(t->sessions, ODD);
	assert_int_equal(drain(t), every_second(1) | 1u);
}

/* One whose time is up comes before those of a change, and a device before
 * both. */
static void
devices_go_first(void **state)
{
	struct table *t = *state;

	trust_sessions_await_all(t->sessions);
	open_until(t, N, THE_END);
	trust_sessions_await_device(t->sessions, "d-3");
	trust_sessions_await_device(t->sessions, "nobody");
	assert_int_equal(next(t, THE_END + 1), 3);
	assert_int_equal(next(t, THE_END + 1), N);
	assert_int_equal(
	    drain(t), (every_second(0) | every_second(1)) & ~(1u << 3));
}

static void
time_ends_them_one_by_one(void **state)
{
	struct table *t = *state;

	for (int i = 0; i < N; i++)
		open_until(t, i, THE_END + i);
	assert_false(trust_sessions_wait(t->sessions, THE_END));
	assert_int_equal(next(t, THE_END), -1);
	assert_true(trust_sessions_wait(t->sessions, THE_END + 2));
	assert_int_equal(next(t, THE_END + 2), 0);
	assert_int_equal(next(t, THE_END + 2), 1);
	assert_int_equal(next(t, THE_END + 2), -1);
	/* One that has been renewed ends when that does. */
	assert_int_equal(trust_session_renew(t->sessions, session_of(t, 2),
			     admission_on(EVEN, THE_END + N), NULL),
	    TRUST_OK);
	assert_int_equal(next(t, THE_END + 4), 3);
	assert_int_equal(next(t, THE_END + 4), -1);
	/* And who may do nothing any more is not looked at by the clock. */
	trust_session_revoke(t->sessions, session_of(t, 4));
	assert_int_equal(next(t, THE_END + 6), 5);
	assert_int_equal(next(t, THE_END + 6), -1);
}

static void
sessions_of_a_device(void **state)
{
	struct table *t = *state;
	const struct trust_session *session;

	assert_int_equal(
	    trust_session_open(t->sessions, client_of(t, N), "d-3/other",
		TRUST_SESSION_DEVICE, admission_on(ODD, NEVER), NULL),
	    TRUST_OK);
	session = trust_session_of_device(t->sessions, "d-3", NULL);
	assert_int_equal(number_of(t, session), N);
	session = trust_session_of_device(t->sessions, "d-3", session);
	assert_int_equal(number_of(t, session), 3);
	assert_null(trust_session_of_device(t->sessions, "d-3", session));
	assert_null(trust_session_of_device(t->sessions, "d-33", NULL));
	trust_session_leave(t->sessions, session_of(t, N), true);
	session = trust_session_find_live(t->sessions, "d-3");
	assert_int_equal(number_of(t, session), 3);
	trust_session_leave(t->sessions, session_of(t, 3), false);
	assert_null(trust_session_find_live(t->sessions, "d-3"));
}

/* A newcomer rests on its token, its device and its own client id, and ends
 * with its token. */
static void
newcomers(void **state)
{
	struct table *t = *state;
	struct trust_newcomer *newcomer = calloc(1, sizeof(*newcomer));
	const uint64_t grounds[] = {
	    trust_ground(TRUST_GROUND_TOKEN, "t-1", 3),
	    trust_ground(TRUST_GROUND_NAME, "visitor", 7),
	    trust_ground(TRUST_GROUND_CLIENT_IDS, NULL, 0),
	};
	struct trust_session *session;

	assert_non_null(newcomer);
	(void)snprintf(newcomer->token, sizeof(newcomer->token), "t-1");
	(void)snprintf(newcomer->device, sizeof(newcomer->device), "d-new");
	newcomer->expires = THE_END;
	assert_int_equal(trust_session_open_newcomer(t->sessions,
			     client_of(t, N), "visitor", newcomer, NULL),
	    TRUST_OK);
	session = session_of(t, N);
	assert_false(trust_session_is_live(session));
	assert_int_equal(trust_sessions_count_newcomers(t->sessions), 1);
	assert_int_equal(trust_sessions_count_live(t->sessions), N);
	for (size_t i = 0; i < 3; i++) {
		trust_sessions_await_ground(t->sessions, grounds[i]);
		assert_int_equal(next(t, 0), N);
		assert_int_equal(next(t, 0), -1);
	}
	trust_sessions_await_device(t->sessions, "d-new");
	assert_int_equal(next(t, 0), N);
	assert_int_equal(next(t, THE_END + 1), -1); /* until it is kept */
	assert_int_equal(trust_session_keep(t->sessions, session), TRUST_OK);
	assert_int_equal(next(t, THE_END), -1);
	assert_int_equal(next(t, THE_END + 1), N);
	assert_false(trust_session_is_over(t->sessions, session));
	trust_session_leave(t->sessions, session, false);
	assert_true(trust_session_is_over(t->sessions, session));
	assert_int_equal(trust_sessions_count_newcomers(t->sessions), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* Their client ids are their own choice, so of those that are away only so
 * many are known. */
static void
newcomers_that_are_away_are_bounded(void **state)
{
	struct table *t = *state;
	int n = TRUST_SESSIONS_AWAY_MAX + 1;
	char *clients = calloc((size_t)n, 1); /* only their addresses count */
	struct trust_newcomer *newcomer;
	struct trust_session *session;
	char id[32];

	assert_non_null(clients);
	for (int i = 0; i < n; i++) {
		const void *client = &clients[i];

		newcomer = calloc(1, sizeof(*newcomer));
		assert_non_null(newcomer);
		newcomer->expires = THE_END;
		(void)snprintf(id, sizeof(id), "newcomer-%d", i);
		assert_int_equal(trust_session_open_newcomer(
				     t->sessions, client, id, newcomer, NULL),
		    TRUST_OK);
		session = trust_session_find_id(t->sessions, id);
		trust_session_leave(t->sessions, session, true);
		trust_session_leave(t->sessions, session, true);
	}
	assert_int_equal(trust_sessions_count_newcomers(t->sessions), 0);
	assert_true(trust_sessions_remove_departed(t->sessions));
	assert_false(trust_sessions_remove_departed(t->sessions));
	assert_null(trust_session_find_id(t->sessions, "newcomer-0"));
	session = trust_session_find_id(t->sessions, "newcomer-1");
	trust_session_leave(t->sessions, session, false);
	assert_true(trust_sessions_remove_departed(t->sessions));
	assert_false(trust_sessions_remove_departed(t->sessions));
	assert_non_null(trust_session_find_id(t->sessions, "newcomer-2"));
	free(clients);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(those_concerned_come_once),
	    TEST(who_comes_meanwhile_is_not_due),
	    TEST(another_move_half_way_begins_anew),
	    TEST(who_leaves_is_not_waited_for),
	    TEST(newcomers_that_are_away_are_bounded),
	    TEST(who_comes_to_rest_on_others_follows_those),
	    TEST(devices_go_first),
	    TEST(time_ends_them_one_by_one),
	    TEST(sessions_of_a_device),
	    TEST(newcomers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
