/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync_log.c: the first refusal at once, a flood in a few lines, and none of
 * them lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../../plugin/sync_log.c"

struct heard {
	int n;
	char line[2 * TRUST_MESSAGE_MAX];
};

static struct heard heard;
static struct trust_sync_log sync_log;

static void
hear(void *arg, enum trust_sync_reason reason, const char *text)
{
	(void)arg;
	heard.n++;
	snprintf(heard.line, sizeof(heard.line), "%s: %s",
	    trust_sync_reason_name(reason), text);
}

static int
setup(void **state)
{
	(void)state;
	heard = (struct heard){0};
	sync_log = (struct trust_sync_log){.tell = hear};
	return 0;
}

static void
refuse(const char *detail, int64_t now_ms)
{
	trust_sync_log_refuse(
	    &sync_log, TRUST_SYNC_EQUIVOCATION, detail, now_ms);
}

static void
assert_line(int n, const char *begin)
{
	assert_int_equal(heard.n, n);
	heard.line[strlen(begin)] = '\0';
	assert_string_equal(heard.line, begin);
}

static void
the_first_is_told_at_once(void **state)
{
	(void)state;
	refuse("one", 5);
	assert_line(1, "equivocation: one");
	/* Another reason has its own. */
	trust_sync_log_refuse(&sync_log, TRUST_SYNC_EXPIRED, "two", 6);
	assert_line(2, "expired: two");
}

static void
what_comes_at_leisure_is_told_each(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		refuse("again", 1000 * (2 * i + 1));
		assert_int_equal(heard.n, i + 1);
		trust_sync_log_tick(&sync_log, 1000 * (2 * i + 2));
	}
	/* Also where no tick came between. */
	refuse("again", 1000000);
	assert_int_equal(heard.n, 101);
}

static void
the_second_is_told_soon(void **state)
{
	(void)state;
	refuse("one", 5);
	refuse("two", 6);
	trust_sync_log_tick(&sync_log, 1004);
	assert_int_equal(heard.n, 1);
	trust_sync_log_tick(&sync_log, 1005);
	assert_line(2, "equivocation: two");
	trust_sync_log_tick(&sync_log, 100000);
	assert_int_equal(heard.n, 2);
}

/* A thousand a second for an hour. */
static void
a_flood_is_told_each_minute(void **state)
{
	uint64_t n = 0, more;
	int n_lines = 0;
	const char *and;

	(void)state;
	for (int64_t ms = 0; ms < 3600 * 1000; ms++) {
		refuse("flood", ms);
		trust_sync_log_tick(&sync_log, ms);
		if (heard.n == n_lines)
			continue;
		n_lines = heard.n;
		and = strstr(heard.line, "(and ");
		assert_true(
		    and == NULL || sscanf(and, "(and %lu more", &more) == 1);
		n += 1 + (and == NULL ? 0 : more);
	}
	/* 1, 2, 4 ... 32 seconds, and then each minute. */
	assert_in_range(n_lines, 60, 70);
	assert_in_range(n, 3500 * 1000, 3600 * 1000);
	trust_sync_log_tick(&sync_log, 3660 * 1000);
	assert_int_equal(heard.n, n_lines + 1);
	and = strstr(heard.line, "(and ");
	assert_non_null(and);
	assert_int_equal(sscanf(and, "(and %lu more", &more), 1);
	assert_int_equal(n + 1 + more, 3600 * 1000);
	/* And when it is over, the next one is told at once. */
	trust_sync_log_tick(&sync_log, 3780 * 1000);
	refuse("one", 3781 * 1000);
	assert_line(n_lines + 2, "equivocation: one");
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_first_is_told_at_once),
	    TEST(what_comes_at_leisure_is_told_each),
	    TEST(the_second_is_told_soon),
	    TEST(a_flood_is_told_each_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
