/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a broker retains, against what was published: which copies of it prove
 * something. The file of trustctl is taken in whole, as it has no library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../cli/retained.c"

/* Any time of a clock that does not go back. */
#define NOW   INT64_C(1000000)
#define TOPIC "trust/v1/gw1/notification"

static void
send(struct trust_retained *retained, const char *text, int64_t now_ms)
{
	struct trust_span span = trust_span_of(text);
	struct trust_buf der = {0};

	assert_int_equal(trust_buf_add(&der, span.p, span.len), TRUST_OK);
	trust_retained_send(retained, &der, now_ms);
}

static enum trust_retained_news
hear(struct trust_retained *retained, const char *text, bool is_retained)
{
	enum trust_retained_news news;

	assert_int_equal(trust_retained_hear(
			     retained, trust_span_of(text), is_retained, &news),
	    TRUST_OK);
	return news;
}

static void
assert_out(const struct trust_retained *retained, const char *text)
{
	struct trust_span out = trust_retained_get0_out(retained);

	assert_int_equal(out.len, strlen(text));
	assert_memory_equal(out.p, text, out.len);
}

static void
assert_gives_up(
    struct trust_retained *retained, int64_t now_ms, const char *words)
{
	struct trust_message msg = {0};

	assert_true(trust_retained_give_up(retained, TOPIC, now_ms, &msg));
	assert_non_null(strstr(msg.text, TOPIC ": want "));
	assert_non_null(strstr(msg.text, words));
	assert_false(trust_retained_give_up(retained, TOPIC, now_ms, &msg));
}

static void
test_confirmed_by_what_is_retained_alone(void **state)
{
	struct trust_retained r = {0};

	(void)state;
	assert_int_equal(hear(&r, "a", true), TRUST_RETAINED_ANOTHER);
	send(&r, "b", NOW);
	assert_out(&r, "b");
	assert_int_equal(hear(&r, "b", false), TRUST_RETAINED_NOTHING_NEW);
	assert_true(r.waiting);
	assert_int_equal(hear(&r, "a", true), TRUST_RETAINED_NOTHING_NEW);
	assert_true(r.waiting);
	assert_int_equal(hear(&r, "b", true), TRUST_RETAINED_CONFIRMED);
	assert_int_equal(hear(&r, "b", true), TRUST_RETAINED_NOTHING_NEW);
	assert_int_equal(hear(&r, "a", false), TRUST_RETAINED_ANOTHER);
	trust_retained_clear(&r);
}

/* A copy of the last but one that comes late is nobody else's. */
static void
test_late_copies_are_no_news(void **state)
{
	struct trust_retained r = {0};

	(void)state;
	send(&r, "a", NOW);
	send(&r, "b", NOW);
	assert_int_equal(hear(&r, "a", false), TRUST_RETAINED_NOTHING_NEW);
	assert_int_equal(hear(&r, "b", false), TRUST_RETAINED_NOTHING_NEW);
	/* It might have been somebody's, so the broker is asked once more. */
	assert_int_equal(hear(&r, "b", true), TRUST_RETAINED_NOTHING_NEW);
	assert_int_equal(hear(&r, "b", true), TRUST_RETAINED_CONFIRMED);
	trust_retained_clear(&r);
}

static void
test_another_that_is_retained_is_news(void **state)
{
	struct trust_retained r = {0};

	(void)state;
	send(&r, "a", NOW);
	assert_int_equal(hear(&r, "x", false), TRUST_RETAINED_NOTHING_NEW);
	assert_int_equal(hear(&r, "x", true), TRUST_RETAINED_ANOTHER);
	assert_out(&r, "x");
	assert_false(r.waiting);
	/* Taken away. */
	assert_int_equal(hear(&r, "", false), TRUST_RETAINED_ANOTHER);
	assert_out(&r, "");
	trust_retained_clear(&r);
}

static void
test_asked_ever_less_until_patience_ends(void **state)
{
	const int64_t end = NOW + TRUST_RETAINED_PATIENCE_MS;
	struct trust_retained r = {0};
	struct trust_message msg = {0};
	int n = 0;

	(void)state;
	assert_false(trust_retained_ask(&r, NOW));
	send(&r, "a", NOW);
	assert_true(trust_retained_ask(&r, NOW));
	/* The broker takes its time to answer; that is no refusal. */
	assert_false(trust_retained_ask(&r, NOW + 1));
	assert_false(trust_retained_give_up(&r, TOPIC, end + end, &msg));
	trust_retained_answer(&r, true, NOW);
	for (int64_t now_ms = NOW; now_ms < end; now_ms++) {
		assert_false(trust_retained_give_up(&r, TOPIC, now_ms, &msg));
		if (trust_retained_ask(&r, now_ms)) {
			trust_retained_answer(&r, true, now_ms);
			n++;
		}
	}
	assert_in_range(n, 3, 6);
	assert_gives_up(&r, end, "got nothing");
	assert_false(trust_retained_ask(&r, end));
	/* Better late than never. */
	assert_int_equal(hear(&r, "a", true), TRUST_RETAINED_CONFIRMED);
	trust_retained_clear(&r);
}

/* Changes that come meanwhile do not put off the day. */
static void
test_patience_is_for_all_that_was_published(void **state)
{
	const int64_t end = NOW + TRUST_RETAINED_PATIENCE_MS;
	struct trust_retained r = {0};

	(void)state;
	assert_int_equal(hear(&r, "old", true), TRUST_RETAINED_ANOTHER);
	send(&r, "a", NOW);
	assert_true(trust_retained_ask(&r, NOW));
	trust_retained_answer(&r, true, NOW);
	send(&r, "b", end - 1);
	assert_gives_up(&r, end, "got what was there before");
	trust_retained_clear(&r);
}

static void
test_what_was_got_instead_is_told(void **state)
{
	const int64_t end = NOW + TRUST_RETAINED_PATIENCE_MS;
	struct trust_retained r = {0};

	(void)state;
	send(&r, "a", NOW);
	assert_true(trust_retained_ask(&r, NOW));
	trust_retained_answer(&r, true, NOW);
	assert_int_equal(hear(&r, "a", false), TRUST_RETAINED_NOTHING_NEW);
	assert_gives_up(&r, end, "passed it on and does not retain it");
	send(&r, "b", end);
	assert_true(trust_retained_ask(&r, end));
	trust_retained_answer(&r, false, end);
	assert_gives_up(
	    &r, end + TRUST_RETAINED_PATIENCE_MS, "subscribe any more");
	trust_retained_clear(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_confirmed_by_what_is_retained_alone),
	    cmocka_unit_test(test_late_copies_are_no_news),
	    cmocka_unit_test(test_another_that_is_retained_is_news),
	    cmocka_unit_test(test_asked_ever_less_until_patience_ends),
	    cmocka_unit_test(test_patience_is_for_all_that_was_published),
	    cmocka_unit_test(test_what_was_got_instead_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
