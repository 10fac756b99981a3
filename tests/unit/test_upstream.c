/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream.c: when upstream counts as away, told once, and when as back; and
 * that a quiet one is not away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../../plugin/upstream.c"

/* Any time of a clock that nobody sets, and of one that is set. */
#define START INT64_C(5000000)
#define NOW   INT64_C(1795176000) /* 2026-11-20T12:00:00Z */
#define DAY   INT64_C(86400)
#define GRACE TRUST_UPSTREAM_GRACE_MS
#define HOUR  (INT64_C(3600) * 1000)

static const struct trust_registry_held none;
static const struct trust_registry_held held = {
    .serial = 7, .this_update = NOW, .next_update = NOW + DAY};

static int n_told;
static enum trust_log_level level;
static char line[TRUST_MESSAGE_MAX];
static struct trust_upstream upstream;

static void
hear_line(void *arg, enum trust_log_level of, const char *text)
{
	(void)arg;
	n_told++;
	level = of;
	snprintf(line, sizeof(line), "%s", text);
}

static int
setup(void **state)
{
	(void)state;
	upstream = (struct trust_upstream){.tell = hear_line};
	trust_upstream_begin(&upstream, START);
	n_told = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	trust_upstream_clear(&upstream);
	return 0;
}

static void
assert_told(int n, enum trust_log_level of, const char *words)
{
	assert_int_equal(n_told, n);
	assert_int_equal(level, of);
	assert_non_null(strstr(line, words));
}

static void
nothing_since_the_start(void **state)
{
	(void)state;
	trust_upstream_tick(&upstream, &none, NOW, START + GRACE - 1);
	assert_int_equal(n_told, 0);
	trust_upstream_tick(&upstream, &none, NOW, START + GRACE);
	assert_told(1, TRUST_LOG_WARNING, "nothing has come since the start");
	assert_non_null(strstr(line, "there is no registry yet"));
	trust_upstream_tick(&upstream, &none, NOW, START + HOUR);
	assert_int_equal(n_told, 1);
	assert_int_equal(trust_upstream_age(&upstream, START + HOUR), -1);
	trust_upstream_hear(&upstream, "local.up", START + HOUR);
	trust_upstream_tick(&upstream, &held, NOW, START + HOUR);
	assert_told(2, TRUST_LOG_NOTICE, "upstream is back, after ");
	assert_int_equal(trust_upstream_age(&upstream, START + HOUR), 0);
}

static void
a_quiet_one_is_there(void **state)
{
	(void)state;
	trust_upstream_hear(&upstream, "local.up", START);
	for (int64_t h = 0; h < 18; h++)
		trust_upstream_tick(
		    &upstream, &held, NOW + h * 3600, START + h * HOUR);
	assert_int_equal(n_told, 0);
	trust_upstream_tick(
	    &upstream, &held, NOW + 18 * 3600, START + 18 * HOUR);
	assert_told(
	    1, TRUST_LOG_WARNING, "signed anew by 2026-11-21T06:00:00Z");
	assert_non_null(strstr(line, "serial 7, fresh until 2026-11-21T12"));
}

/* As when an origin publishes once and answers nobody. */
static void
a_notification_without_content(void **state)
{
	const int64_t end = START + TRUST_UPSTREAM_CONTENT_MS;

	(void)state;
	trust_upstream_hear(&upstream, "local.up", START);
	trust_upstream_tick(&upstream, &none, NOW, end - 1);
	assert_int_equal(n_told, 0);
	trust_upstream_tick(&upstream, &none, NOW, end);
	assert_told(
	    1, TRUST_LOG_WARNING, "see that trustctl publish --follow runs");
	trust_upstream_tick(&upstream, &held, NOW, end + 1);
	assert_told(2, TRUST_LOG_NOTICE, "upstream is back");
}

/* A gateway that starts with an old state, or fetches a new one. */
static void
what_comes_is_waited_for(void **state)
{
	int64_t late = NOW + 40 * DAY;

	(void)state;
	trust_upstream_tick(&upstream, &held, late, START + 1);
	for (int64_t ms = START; ms < START + HOUR; ms += GRACE / 2) {
		trust_upstream_hear(&upstream, "local.up", ms);
		trust_upstream_tick(&upstream, &held, late, ms + GRACE / 3);
	}
	assert_int_equal(n_told, 0);
}

static void
a_bridge_that_goes(void **state)
{
	(void)state;
	trust_upstream_hear(&upstream, "local.up", START);
	trust_upstream_leave(&upstream, "local.other", START + 1);
	trust_upstream_tick(&upstream, &held, NOW, START + GRACE + 1);
	assert_int_equal(n_told, 0);
	/* It may try again and again meanwhile. */
	trust_upstream_leave(&upstream, "local.up", START + HOUR);
	trust_upstream_leave(&upstream, "local.up", START + HOUR + GRACE / 2);
	trust_upstream_tick(&upstream, &held, NOW, START + HOUR + GRACE - 1);
	assert_int_equal(n_told, 0);
	trust_upstream_tick(&upstream, &held, NOW, START + HOUR + GRACE);
	assert_told(1, TRUST_LOG_WARNING,
	    "away for 30 seconds: the bridge "
	    "local.up lost its connection");
	trust_upstream_hear(&upstream, "local.up", START + 2 * HOUR);
	trust_upstream_tick(&upstream, &held, NOW, START + 2 * HOUR);
	assert_told(2, TRUST_LOG_NOTICE, "back, after 1 hour");
}

static void
a_bridge_that_comes_back_at_once(void **state)
{
	(void)state;
	for (int64_t ms = START; ms < START + HOUR; ms += GRACE) {
		trust_upstream_hear(&upstream, "local.up", ms);
		trust_upstream_leave(&upstream, "local.up", ms + 1);
		trust_upstream_tick(&upstream, &held, NOW, ms + GRACE - 1);
	}
	assert_int_equal(n_told, 0);
}

/* Nobody's leaving counts who is no bridge. */
static void
a_client_that_brings_something(void **state)
{
	(void)state;
	trust_upstream_hear(&upstream, NULL, START);
	trust_upstream_leave(&upstream, "client", START + 1);
	trust_upstream_tick(&upstream, &held, NOW, START + HOUR);
	assert_int_equal(n_told, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nothing_since_the_start),
	    TEST(a_quiet_one_is_there),
	    TEST(a_notification_without_content),
	    TEST(what_comes_is_waited_for),
	    TEST(a_bridge_that_goes),
	    TEST(a_bridge_that_comes_back_at_once),
	    TEST(a_client_that_brings_something),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
