/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c: times and durations, compared with the C library's calendar.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "clock.h"

static void
parses(void **state)
{
	static const struct {
		const char *text;
		int64_t when;
	} cases[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1970-01-01t00:00:00z", 0},
	    {"2026-11-20T12:00:00Z", 1795176000},
	    {"2026-11-20T12:00:00.999999Z", 1795176000},
	    {"2026-11-20T13:00:00+01:00", 1795176000},
	    {"2026-11-20T06:30:00-05:30", 1795176000},
	    {"2026-11-20T12:00:00-00:00", 1795176000},
	    {"1969-12-31T23:59:59.5Z", -1},
	    {"2000-02-29T00:00:00Z", 951782400},
	    {"2024-02-29T23:59:59Z", 1709251199},
	    /* Leap seconds: RFC 3339 section 5.8. */
	    {"1990-12-31T23:59:60Z", 662687999},
	    {"1990-12-31T15:59:60-08:00", 662687999},
	    {"0000-01-01T00:00:00Z", INT64_C(-62167219200)},
	    {"9999-12-31T23:59:59Z", INT64_C(253402300799)},
	    {"0", 0},
	    {"1795176000", 1795176000},
	    {"-1", -1},
	    {"253402300799", INT64_C(253402300799)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t when = -7;

		assert_int_equal(
		    trust_clock_parse(cases[i].text, &when), TRUST_OK);
		assert_int_equal(when, cases[i].when);
	}
}

static void
refuses(void **state)
{
	static const char *const cases[] = {
	    "",
	    " ",
	    "now",
	    "never",
	    "-",
	    "+1",
	    " 1",
	    "1 ",
	    "0x10",
	    "1.5",
	    "1e3",
	    "--1",

	    "2026-11-20",
	    "2026-11-20T12:00:00",
	    "2026-11-20 12:00:00Z",
	    "2026-11-20T12:00Z",
	    "2026-11-20T12:00:00Z ",
	    " 2026-11-20T12:00:00Z",
	    "2026-11-20T12:00:00Zx",
	    "2026-11-20T12:00:00.Z",
	    "2026-11-20T12:00:00,5Z",
	    "2026-11-20T12:00:00+1:00",
	    "2026-11-20T12:00:00+0100",
	    "2026-11-20T12:00:00+24:00",
	    "2026-11-20T12:00:00+01:60",
	    "2026-11-20T24:00:00Z",
	    "2026-11-20T12:60:00Z",
	    "2026-11-20T12:00:61Z",
	    "2026-11-20T12:00:60Z",
	    "1990-12-31T23:59:60+01:00",
	    "2026-00-20T12:00:00Z",
	    "2026-13-20T12:00:00Z",
	    "2026-11-00T12:00:00Z",
	    "2026-11-31T12:00:00Z",
	    "2026-02-29T12:00:00Z",
	    "1900-02-29T12:00:00Z",
	    "2100-02-29T12:00:00Z",
	    "226-11-20T12:00:00Z",
	    "12026-11-20T12:00:00Z",
	    "-2026-11-20T12:00:00Z",
	    "2026-1-20T12:00:00Z",
	    "2026-11-20T1a:00:00Z",
	    /* Outside of the years 0000 to 9999. */
	    "0000-01-01T00:00:00+00:01",
	    "9999-12-31T23:59:59-00:01",
	    "253402300800",
	    "-62167219201",
	    "9223372036854775807",
	    "99999999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t when = -7;

		if (trust_clock_parse(cases[i], &when) != TRUST_ERR_INPUT)
			fail_msg("\"%s\" is taken", cases[i]);
		assert_int_equal(when, 0);
	}
}

/* Every day of 400 years before and after 1970, and then some. */
static void
agrees_with_libc(void **state)
{
	(void)state;
	for (int64_t day = -200000; day < 200000; day++) {
		int64_t when = day * 86400 + (day & 0xffff);
		time_t t = (time_t)when;
		char want[TRUST_CLOCK_TEXT], got[TRUST_CLOCK_TEXT];
		struct tm tm;
		int64_t back;

		assert_non_null(gmtime_r(&t, &tm));
		assert_int_equal(
		    strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm),
		    20);
		assert_string_equal(trust_clock_format(when, got), want);
		assert_int_equal(trust_clock_parse(got, &back), TRUST_OK);
		assert_int_equal(back, when);
	}
}

static void
formats_the_ends(void **state)
{
	static const struct {
		int64_t when;
		const char *text;
	} cases[] = {
	    {INT64_MIN, "0000-01-01T00:00:00Z"},
	    {INT64_C(-62167219200), "0000-01-01T00:00:00Z"},
	    {INT64_C(-62135596801), "0000-12-31T23:59:59Z"},
	    {INT64_C(-62135596800), "0001-01-01T00:00:00Z"},
	    {INT64_C(253402300799), "9999-12-31T23:59:59Z"},
	    {INT64_C(253402300800), "never"},
	    {TRUST_CLOCK_NEVER, "never"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[TRUST_CLOCK_TEXT];

		assert_string_equal(
		    trust_clock_format(cases[i].when, out), cases[i].text);
	}
}

static void
durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: refused */
	} cases[] = {
	    {"0s", 0},
	    {"1s", 1},
	    {"90s", 90},
	    {"5m", 300},
	    {"1h", 3600},
	    {"30d", 2592000},
	    {"36525d", INT64_C(3155760000)},
	    {"3155760000s", INT64_C(3155760000)},
	    {"007d", 604800},
	    {"", -1},
	    {"s", -1},
	    {"30", -1},
	    {"30 d", -1},
	    {" 30d", -1},
	    {"30d ", -1},
	    {"30D", -1},
	    {"30w", -1},
	    {"30y", -1},
	    {"-1s", -1},
	    {"+1s", -1},
	    {"1.5h", -1},
	    {"1h30m", -1},
	    {"0x10s", -1},
	    {"36526d", -1},
	    {"3155760001s", -1},
	    {"9999999999999999d", -1},
	    {"18446744073709551617s", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool good = cases[i].seconds >= 0;
		int64_t seconds = -7;

		if (trust_duration_parse(cases[i].text, &seconds) !=
		    (good ? TRUST_OK : TRUST_ERR_INPUT))
			fail_msg("\"%s\"", cases[i].text);
		assert_int_equal(seconds, good ? cases[i].seconds : 0);
	}
}

static void
durations_in_words(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
	    {-5, "0 seconds"},
	    {0, "0 seconds"},
	    {1, "1 second"},
	    {59, "59 seconds"},
	    {60, "1 minute"},
	    {3599, "59 minutes"},
	    {3600, "1 hour"},
	    {86399, "23 hours"},
	    {86400, "1 day"},
	    {3 * 86400 + 5, "3 days"},
	    {INT64_MAX, "2932896 days"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[TRUST_CLOCK_TEXT];

		assert_string_equal(
		    trust_duration_format(cases[i].seconds, out),
		    cases[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(agrees_with_libc),
	    cmocka_unit_test(formats_the_ends),
	    cmocka_unit_test(durations),
	    cmocka_unit_test(durations_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
