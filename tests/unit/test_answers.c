/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an origin answers: each part once, first come, first served, and not
 * more than so many. The file of trustctl is taken in whole, as it has no
 * library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "../../cli/answers.c"

/* Any time of a clock that does not go back. */
#define NOW INT64_C(1000000)

/* The digest of part number i. */
static struct trust_thumbprint
digest(unsigned i)
{
	struct trust_thumbprint sha256 = {{(uint8_t)(i >> 8), (uint8_t)i}};

	return sha256;
}

/* A gateway asks for n parts from number `first` on, 64 at a time. */
static void
ask(struct trust_answers *answers, const char *gateway, unsigned first,
    unsigned n, int64_t now_ms)
{
	struct trust_request request = {0};

	snprintf(request.gateway, sizeof(request.gateway), "%s", gateway);
	for (unsigned i = 0; i < n; i++) {
		request.want[request.n_want++] = digest(first + i);
		if (request.n_want < TRUST_REQUEST_WANT_MAX && i + 1 < n)
			continue;
		trust_answers_ask(answers, &request, now_ms);
		request.n_want = 0;
	}
}

static void
assert_takes(struct trust_answers *answers, unsigned i, int64_t now_ms)
{
	struct trust_thumbprint want = digest(i);
	struct trust_thumbprint got;

	assert_true(trust_answers_take(answers, now_ms, &got));
	assert_true(trust_thumbprint_equal(&got, &want));
}

/* How many parts may be sent at that time. */
static unsigned
count_taken(struct trust_answers *answers, int64_t now_ms)
{
	struct trust_thumbprint got;
	unsigned n = 0;

	while (trust_answers_take(answers, now_ms, &got))
		n++;
	return n;
}

static int
setup(void **state)
{
	struct trust_answers *answers = NULL;

	if (trust_answers_new(&answers) != TRUST_OK)
		return -1;
	*state = answers;
	return 0;
}

static int
teardown(void **state)
{
	trust_answers_free(*state);
	return 0;
}

static void
first_come_first_served(void **state)
{
	struct trust_answers *answers = *state;

	assert_int_equal(count_taken(answers, NOW), 0);
	ask(answers, "gw1", 7, 1, NOW);
	ask(answers, "gw2", 3, 2, NOW);
	assert_takes(answers, 7, NOW);
	assert_takes(answers, 3, NOW);
	assert_takes(answers, 4, NOW);
	assert_int_equal(count_taken(answers, NOW), 0);
}

static void
equal_requests_are_joined(void **state)
{
	struct trust_answers *answers = *state;

	ask(answers, "gw1", 1, 2, NOW);
	ask(answers, "gw2", 1, 2, NOW);
	ask(answers, "gw1", 2, 1, NOW + 1);
	assert_int_equal(count_taken(answers, NOW + 2), 2);
	/* What was just sent, all have heard. */
	ask(answers, "gw3", 1, 2, NOW + 1001);
	assert_int_equal(count_taken(answers, NOW + 1001), 0);
	ask(answers, "gw3", 1, 2, NOW + 1002);
	assert_int_equal(count_taken(answers, NOW + 1002), 2);
}

static void
one_gateway_leaves_room_for_others(void **state)
{
	struct trust_answers *answers = *state;

	ask(answers, "greedy", 0, 1000, NOW);
	ask(answers, "gw1", 2000, 10, NOW);
	assert_int_equal(
	    count_taken(answers, NOW), TRUST_ANSWERS_GATEWAY_RATE + 10);
	/* Half a second later it may have half as many. */
	ask(answers, "greedy", 1000, 1000, NOW + 500);
	assert_int_equal(
	    count_taken(answers, NOW + 500), TRUST_ANSWERS_GATEWAY_RATE / 2);
	/* However long it was quiet, no more than a second's worth. */
	ask(answers, "greedy", 4000, 1000, NOW + 100000);
	assert_int_equal(
	    count_taken(answers, NOW + 100000), TRUST_ANSWERS_GATEWAY_RATE);
}

/* Who invents names gets no more than the scope has. */
static void
a_scope_is_bounded(void **state)
{
	struct trust_answers *answers = *state;
	char name[16];

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "gw-%u", i);
		ask(answers, name, i * 2, 2, NOW);
	}
	assert_int_equal(count_taken(answers, NOW), TRUST_ANSWERS_SCOPE_RATE);
	assert_int_equal(
	    count_taken(answers, NOW + 1000), TRUST_ANSWERS_SCOPE_RATE);
	assert_true(
	    HASH_COUNT(answers->gateways) <= TRUST_ANSWERS_GATEWAYS_MAX);
}

static void
what_waits_is_bounded(void **state)
{
	struct trust_answers *answers = *state;
	char name[16];

	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "gw-%u", i);
		ask(answers, name, i * 64, 64, NOW);
	}
	assert_int_equal(HASH_COUNT(answers->parts), TRUST_ANSWERS_PARTS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(first_come_first_served),
	    TEST(equal_requests_are_joined),
	    TEST(one_gateway_leaves_room_for_others),
	    TEST(a_scope_is_bounded),
	    TEST(what_waits_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
