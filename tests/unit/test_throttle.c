/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often each of many may ask. The file of trustctl is taken in whole, as
 * it has no library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../cli/throttle.c"

/* Any time of a clock that does not go back. */
#define NOW      INT64_C(1000000)
#define WHILE_MS 1000

static struct trust_throttle *
make(int burst, unsigned max)
{
	struct trust_throttle *throttle;

	assert_int_equal(
	    trust_throttle_new(burst, WHILE_MS, max, &throttle), TRUST_OK);
	return throttle;
}

static void
test_a_burst_then_one_a_while(void **state)
{
	struct trust_throttle *t = make(3, 10);
	int i;

	for (i = 0; i < 3; i++)
		assert_int_equal(
		    trust_throttle_ask(t, "a", NOW), TRUST_THROTTLE_GO);
	assert_int_equal(trust_throttle_ask(t, "a", NOW), TRUST_THROTTLE_STOP);
	assert_int_equal(trust_throttle_ask(t, "a", NOW + WHILE_MS - 1),
	    TRUST_THROTTLE_STILL_STOP);
	assert_int_equal(
	    trust_throttle_ask(t, "a", NOW + WHILE_MS), TRUST_THROTTLE_GO);
	/* Told once more, after it was let. */
	assert_int_equal(
	    trust_throttle_ask(t, "a", NOW + WHILE_MS), TRUST_THROTTLE_STOP);
	assert_int_equal(
	    trust_throttle_ask(t, "b", NOW + WHILE_MS), TRUST_THROTTLE_GO);
	trust_throttle_free(t);
}

static void
test_no_more_than_the_burst_comes_together(void **state)
{
	struct trust_throttle *t = make(2, 10);
	int64_t later = NOW + INT64_C(1000000) * WHILE_MS;

	assert_int_equal(trust_throttle_ask(t, "a", NOW), TRUST_THROTTLE_GO);
	assert_int_equal(trust_throttle_ask(t, "a", later), TRUST_THROTTLE_GO);
	assert_int_equal(trust_throttle_ask(t, "a", later), TRUST_THROTTLE_GO);
	assert_int_equal(
	    trust_throttle_ask(t, "a", later), TRUST_THROTTLE_STOP);
	trust_throttle_free(t);
}

/* Of those that ask on it is remembered; who asked longest ago is forgotten. */
static void
test_books_are_bounded(void **state)
{
	struct trust_throttle *t = make(1, 2);

	assert_int_equal(trust_throttle_ask(t, "a", NOW), TRUST_THROTTLE_GO);
	assert_int_equal(trust_throttle_ask(t, "b", NOW), TRUST_THROTTLE_GO);
	assert_int_equal(trust_throttle_ask(t, "a", NOW), TRUST_THROTTLE_STOP);
	assert_int_equal(trust_throttle_ask(t, "c", NOW), TRUST_THROTTLE_GO);
	assert_int_equal(HASH_COUNT(t->askers), 2);
	assert_int_equal(
	    trust_throttle_ask(t, "a", NOW), TRUST_THROTTLE_STILL_STOP);
	assert_int_equal(trust_throttle_ask(t, "b", NOW), TRUST_THROTTLE_GO);
	trust_throttle_free(t);
	trust_throttle_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_burst_then_one_a_while),
	    cmocka_unit_test(test_no_more_than_the_burst_comes_together),
	    cmocka_unit_test(test_books_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
