/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an origin answers: each part once for all who wish for it, in turns,
 * and not more at a time than the rates allow. The file of trustctl is taken
 * in whole, as it has no library.
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

/* How many parts of so many octets may be sent at that time. */
static unsigned
count_taken_of(struct trust_answers *answers, size_t len, int64_t now_ms)
{
	struct trust_thumbprint got;
	unsigned n = 0;

	while (trust_answers_take(answers, now_ms, &got)) {
		trust_answers_charge(answers, len);
		n++;
	}
	return n;
}

static unsigned
count_taken(struct trust_answers *answers, int64_t now_ms)
{
	return count_taken_of(answers, 200, now_ms);
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
	ask(answers, "gw1", 1, 2, NOW + 1);
	assert_int_equal(count_taken(answers, NOW + 2), 2);
	assert_int_equal(count_taken(answers, NOW + 5000), 0);
}

/* Who asks right after a part was sent may have missed it. */
static void
a_wish_within_the_second_is_answered_after_it(void **state)
{
	struct trust_answers *answers = *state;

	ask(answers, "gw1", 1, 1, NOW);
	assert_takes(answers, 1, NOW);
	ask(answers, "gw2", 1, 1, NOW + 1);
	ask(answers, "gw3", 1, 1, NOW + 999);
	assert_int_equal(count_taken(answers, NOW + 999), 0);
	/* Once for both. */
	assert_takes(answers, 1, NOW + 1000);
	assert_int_equal(count_taken(answers, NOW + 5000), 0);
}

/* A message was lost, or the gateway begins anew. */
static void
the_same_gateway_may_ask_again(void **state)
{
	struct trust_answers *answers = *state;

	ask(answers, "gw1", 1, 2, NOW);
	assert_int_equal(count_taken(answers, NOW), 2);
	ask(answers, "gw1", 2, 1, NOW + 10);
	assert_takes(answers, 2, NOW + 1000);
	assert_int_equal(count_taken(answers, NOW + 5000), 0);
}

/* What waits for the end of a second keeps nothing else from being sent. */
static void
other_parts_do_not_wait_for_the_second(void **state)
{
	struct trust_answers *answers = *state;

	ask(answers, "gw1", 1, 1, NOW);
	assert_takes(answers, 1, NOW);
	ask(answers, "gw2", 1, 3, NOW + 1);
	assert_takes(answers, 2, NOW + 1);
	assert_takes(answers, 3, NOW + 1);
	assert_takes(answers, 1, NOW + 1000);
}

/* It was on its way when the gateway asked: what the gateway says next tells
 * so. */
static void
what_came_is_not_sent_again(void **state)
{
	struct trust_answers *answers = *state;

	ask(answers, "gw1", 1, 2, NOW);
	assert_int_equal(count_taken(answers, NOW), 2);
	ask(answers, "gw2", 1, 2, NOW + 1);
	ask(answers, "gw3", 2, 1, NOW + 2);
	ask(answers, "gw2", 3, 1, NOW + 100);
	trust_answers_satisfy(answers, "gw3", NOW + 100);
	trust_answers_satisfy(answers, "nobody", NOW + 100);
	assert_takes(answers, 3, NOW + 100);
	assert_int_equal(count_taken(answers, NOW + 5000), 0);
}

/* Somebody who speaks in its name takes nothing away from it. */
static void
what_was_not_sent_stays_wished_for(void **state)
{
	struct trust_answers *answers = *state;

	ask(answers, "gw1", 1, 2, NOW);
	trust_answers_satisfy(answers, "gw1", NOW + 1);
	ask(answers, "gw1", 3, 1, NOW + 1);
	assert_takes(answers, 1, NOW + 1);
	assert_takes(answers, 2, NOW + 1);
	assert_takes(answers, 3, NOW + 1);
}

/* Of more than 64 wishes the oldest are of a notification that is past. */
static void
a_gateway_has_so_many_wishes(void **state)
{
	struct trust_answers *answers = *state;

	ask(answers, "gw1", 0, 100, NOW);
	assert_takes(answers, 100 - TRUST_REQUEST_WANT_MAX, NOW);
	assert_int_equal(count_taken(answers, NOW), TRUST_REQUEST_WANT_MAX - 1);
}

/* Far behind, it asks for the next parts as soon as these have come. */
static void
a_gateway_far_behind_is_served_at_once(void **state)
{
	struct trust_answers *answers = *state;
	unsigned n = 0;

	for (unsigned first = 0; first < 500; first += 50) {
		ask(answers, "gw1", first, 50, NOW + first);
		n += count_taken(answers, NOW + first);
	}
	assert_int_equal(n, 500);
}

/* Large parts are delayed by the rate, and none is left out. */
static void
a_rate_delays(void **state)
{
	struct trust_answers *answers = *state;
	const unsigned a_second =
	    TRUST_ANSWERS_GATEWAY_RATE /
		(TRUST_PART_MAX + TRUST_ANSWERS_PART_COST) +
	    1;
	int64_t now = NOW;
	unsigned n = 0;

	while (n < 10 * a_second) {
		if (answers->n_wishes == 0)
			ask(answers, "gw1", n, 64, now);
		n += count_taken_of(answers, TRUST_PART_MAX, now);
		now++;
	}
	/* The first second's worth at once. */
	assert_in_range(now - NOW, 8900, 9100);
	/* However long it was quiet, no more than that. */
	(void)count_taken(answers, now + 500000);
	now += 1000000;
	n = 0;
	while (answers->n_wishes == 0) {
		ask(answers, "gw1", 2000 + n, 64, now);
		n += count_taken_of(answers, TRUST_PART_MAX, now);
	}
	assert_int_equal(n, a_second);
}

static void
gateways_take_turns(void **state)
{
	struct trust_answers *answers = *state;

	ask(answers, "greedy", 0, 64, NOW);
	assert_takes(answers, 0, NOW);
	ask(answers, "gw1", 2000, 2, NOW);
	ask(answers, "gw2", 3000, 1, NOW);
	assert_takes(answers, 1, NOW);
	assert_takes(answers, 2000, NOW);
	assert_takes(answers, 3000, NOW);
	assert_takes(answers, 2, NOW);
	assert_takes(answers, 2001, NOW);
	assert_takes(answers, 3, NOW);
	assert_takes(answers, 4, NOW);
}

static void
one_gateway_leaves_room_for_others(void **state)
{
	struct trust_answers *answers = *state;
	unsigned n = 0;

	do {
		ask(answers, "greedy", n, 64, NOW);
		n += count_taken_of(answers, TRUST_PART_MAX, NOW);
	} while (answers->n_wishes == 0);
	ask(answers, "gw1", 20000, 10, NOW);
	assert_int_equal(count_taken_of(answers, TRUST_PART_MAX, NOW), 10);
	assert_true(answers->n_wishes > 0);
}

/* Who invents names gets no more than the scope has. */
static void
a_scope_is_bounded(void **state)
{
	struct trust_answers *answers = *state;
	const unsigned a_second =
	    TRUST_ANSWERS_SCOPE_RATE /
		(TRUST_PART_MAX + TRUST_ANSWERS_PART_COST) +
	    1;
	char name[16];

	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "gw-%u", i);
		ask(answers, name, i * 2, 2, NOW);
	}
	assert_int_equal(
	    count_taken_of(answers, TRUST_PART_MAX, NOW), a_second);
	assert_in_range(count_taken_of(answers, TRUST_PART_MAX, NOW + 1000),
	    a_second - 1, a_second);
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
	assert_int_equal(answers->n_wishes, TRUST_ANSWERS_PARTS_MAX);
	/* Those who were there first do not lose theirs. */
	assert_takes(answers, 0, NOW);
	assert_takes(answers, 64, NOW);
}

/* Names with wishes are not forgotten for new ones; others are. */
static void
gateways_are_bounded(void **state)
{
	struct trust_answers *answers = *state;
	char name[16];

	for (unsigned i = 0; i < TRUST_ANSWERS_GATEWAYS_MAX; i++) {
		snprintf(name, sizeof(name), "gw-%u", i);
		ask(answers, name, i, 1, NOW);
	}
	ask(answers, "one more", 5000, 1, NOW);
	assert_int_equal(answers->n_wishes, TRUST_ANSWERS_GATEWAYS_MAX);
	assert_takes(answers, 0, NOW);
	ask(answers, "one more", 5000, 1, NOW);
	assert_int_equal(answers->n_wishes, TRUST_ANSWERS_GATEWAYS_MAX);
	assert_int_equal(
	    HASH_COUNT(answers->gateways), TRUST_ANSWERS_GATEWAYS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(first_come_first_served),
	    TEST(equal_requests_are_joined),
	    TEST(a_wish_within_the_second_is_answered_after_it),
	    TEST(the_same_gateway_may_ask_again),
	    TEST(other_parts_do_not_wait_for_the_second),
	    TEST(what_came_is_not_sent_again),
	    TEST(what_was_not_sent_stays_wished_for),
	    TEST(a_gateway_has_so_many_wishes),
	    TEST(a_gateway_far_behind_is_served_at_once),
	    TEST(a_rate_delays),
	    TEST(gateways_take_turns),
	    TEST(one_gateway_leaves_room_for_others),
	    TEST(a_scope_is_bounded),
	    TEST(what_waits_is_bounded),
	    TEST(gateways_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
