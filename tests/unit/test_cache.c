/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict cache by itself: its bound, and who goes first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdlib.h>

#include "cache.h"

#define MAX 3

static struct trust_thumbprint
thumbprint(uint8_t n)
{
	return (struct trust_thumbprint){.b = {n}};
}

static void
put(struct trust_cache *cache, uint8_t n)
{
	struct trust_admission *admission = calloc(1, sizeof(*admission));

	assert_non_null(admission);
	admission->refs = 1;
	admission->certificate = calloc(1, sizeof(*admission->certificate));
	assert_non_null(admission->certificate);
	admission->certificate->thumbprint = thumbprint(n);
	trust_cache_put(cache, admission);
	trust_admission_free(admission);
}

/* Counts as a use, as every question does. */
static bool
has(struct trust_cache *cache, uint8_t n)
{
	struct trust_thumbprint t = thumbprint(n);

	return trust_cache_get0(cache, &t) != NULL;
}

static int
setup(void **state)
{
	struct trust_cache *cache;

	if (trust_cache_new(MAX, &cache) != TRUST_OK)
		return -1;
	*state = cache;
	return 0;
}

static int
teardown(void **state)
{
	trust_cache_free(*state);
	return 0;
}

static void
least_used_goes_first(void **state)
{
	struct trust_cache *cache = *state;

	for (uint8_t n = 1; n <= MAX; n++)
		put(cache, n);
	assert_true(has(cache, 1));
	put(cache, 4);
	assert_int_equal(trust_cache_count(cache), MAX);
	assert_false(has(cache, 2));
	assert_true(has(cache, 1));
	assert_true(has(cache, 3));
	assert_true(has(cache, 4));
}

static void
never_more_than_fit(void **state)
{
	struct trust_cache *cache = *state;

	for (unsigned n = 0; n < 256; n++) {
		put(cache, (uint8_t)n);
		assert_true(trust_cache_count(cache) <= MAX);
	}
	assert_true(has(cache, 255));
}

/* The same again takes no other's place. */
static void
replaced_in_place(void **state)
{
	struct trust_cache *cache = *state;

	for (uint8_t n = 1; n <= MAX; n++)
		put(cache, n);
	put(cache, 3);
	assert_int_equal(trust_cache_count(cache), MAX);
	assert_true(has(cache, 1));
}

static void
removed(void **state)
{
	struct trust_cache *cache = *state;
	struct trust_thumbprint one = thumbprint(1), two = thumbprint(2);

	put(cache, 1);
	trust_cache_remove(cache, &two);
	assert_int_equal(trust_cache_count(cache), 1);
	trust_cache_remove(cache, &one);
	assert_false(has(cache, 1));
	assert_int_equal(trust_cache_count(cache), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(least_used_goes_first),
	    TEST(never_more_than_fit),
	    TEST(replaced_in_place),
	    TEST(removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
