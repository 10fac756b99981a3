/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/refusal.c: of a flood a part is written out, the rest counted, and
 * nothing is lost. The clock and what writes are the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../plugin/plugin.h"

/* Refusals of one reason that are told one by one in a second, as
 * mosquitto_trust(8) has it. */
#define TOLD 20

/* ---- The plugin's other files, and the broker ---- */

static int64_t now;
static unsigned n_lines;        /* in the broker's log */
static unsigned n_events;       /* one by one */
static unsigned n_sums;         /* events that tell how many more */
static unsigned long long more; /* in those */
static char last[2 * TRUST_MESSAGE_MAX];

int64_t
trust_plugin_now(void)
{
	return now;
}

void
mosquitto_log_printf(int level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
	n_lines++;
}

void
trust_event_tell(struct trust_events *events, const struct trust_event *event)
{
	unsigned long long n;

	(void)events;
	assert_int_equal(event->kind, TRUST_EVENT_REFUSED);
	snprintf(last, sizeof(last), "%s", event->detail);
	if (sscanf(event->detail, "%llu more within a second", &n) == 1) {
		n_sums++;
		more += n;
	} else {
		n_events++;
	}
}

void
trust_event_describe_admission(
    const struct trust_admission *admission, char out[TRUST_MESSAGE_MAX])
{
	(void)admission;
	snprintf(out, TRUST_MESSAGE_MAX, "an admission");
}

void
trust_event_describe_identity(const char *identity, char out[TRUST_MESSAGE_MAX])
{
	snprintf(out, TRUST_MESSAGE_MAX, "identity %s", identity);
}

void
trust_event_describe_certificate(const struct trust_thumbprint *thumbprint,
    const char *subject, char out[TRUST_MESSAGE_MAX])
{
	(void)thumbprint;
	snprintf(out, TRUST_MESSAGE_MAX, "%s", subject);
}

/* ---- Tests ---- */

static struct trust_refusals *
begin(void)
{
	struct trust_refusals *refusals;

	n_lines = n_events = n_sums = 0;
	more = 0;
	now = 1780000000;
	assert_int_equal(trust_refusals_new(NULL, &refusals), TRUST_OK);
	return refusals;
}

static void
refuse(struct trust_refusals *refusals, enum trust_reason reason, unsigned n)
{
	while (n-- > 0)
		trust_refusal_tell_client(
		    refusals, reason, "x", NULL, "192.0.2.1", "no");
}

static void
a_flood_is_told_in_part(void **state)
{
	struct trust_refusals *refusals = begin();

	(void)state;
	refuse(refusals, TRUST_REASON_NO_CERTIFICATE, 1000);
	assert_int_equal(n_events, TOLD);
	assert_int_equal(n_sums, 0);
	trust_refusals_flush(refusals, now);
	assert_int_equal(n_sums, 0);
	now++;
	trust_refusals_flush(refusals, now);
	assert_int_equal(n_sums, 1);
	assert_int_equal(more, 1000 - TOLD);
	assert_int_equal(n_lines, n_events + n_sums);
	assert_int_equal(
	    trust_refusals_count(refusals, TRUST_REASON_NO_CERTIFICATE), 1000);
	trust_refusals_free(refusals);
}

static void
the_next_second_is_told_again(void **state)
{
	struct trust_refusals *refusals = begin();

	(void)state;
	for (int second = 0; second < 5; second++, now++)
		refuse(refusals, TRUST_REASON_NO_CERTIFICATE, 100);
	trust_refusals_flush(refusals, now);
	assert_int_equal(n_events, 5 * TOLD);
	assert_int_equal(n_sums, 5);
	assert_int_equal(more, 5 * (100 - TOLD));
	/* A clock that was set back is another second, too. */
	now -= 3600;
	refuse(refusals, TRUST_REASON_NO_CERTIFICATE, 1);
	assert_int_equal(n_events, 5 * TOLD + 1);
	trust_refusals_free(refusals);
}

static void
a_few_are_all_told(void **state)
{
	struct trust_refusals *refusals = begin();

	(void)state;
	refuse(refusals, TRUST_REASON_NO_CERTIFICATE, TOLD);
	now++;
	trust_refusals_flush(refusals, now);
	assert_int_equal(n_events, TOLD);
	assert_int_equal(n_sums, 0);
	trust_refusals_free(refusals);
}

static void
one_reason_leaves_room_for_others(void **state)
{
	struct trust_refusals *refusals = begin();

	(void)state;
	refuse(refusals, TRUST_REASON_NO_CERTIFICATE, 1000);
	refuse(refusals, TRUST_REASON_REGISTRY_MISSING, 1);
	assert_int_equal(n_events, TOLD + 1);
	now++;
	trust_refusals_flush(refusals, now);
	assert_int_equal(n_sums, 1);
	trust_refusals_free(refusals);
}

static void
what_a_peer_chose_is_escaped_and_cut(void **state)
{
	struct trust_refusals *refusals = begin();
	char id[60000];

	(void)state;
	memset(id, 'x', sizeof(id));
	memcpy(id, "a\n\x1b[31m\xff", 8);
	id[sizeof(id) - 1] = '\0';
	trust_refusal_tell_client(
	    refusals, TRUST_REASON_NO_CERTIFICATE, id, NULL, "192.0.2.1", "no");
	assert_non_null(strstr(last, "client a\\x0a\\x1b[31m\\xffxxx"));
	assert_true(strlen(last) < TRUST_MESSAGE_MAX);
	trust_refusals_free(refusals);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_flood_is_told_in_part),
	    cmocka_unit_test(the_next_second_is_told_again),
	    cmocka_unit_test(a_few_are_all_told),
	    cmocka_unit_test(one_reason_leaves_room_for_others),
	    cmocka_unit_test(what_a_peer_chose_is_escaped_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
