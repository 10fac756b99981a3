/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that wait, and what may be delivered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdio.h>

#include "../../plugin/pending.h"

static struct trust_pending *
note(struct trust_pendings *pendings, const char *name)
{
	return trust_pending_note(pendings, trust_span_of(name));
}

static struct trust_pending *
find(struct trust_pendings *pendings, const char *name)
{
	return trust_pending_find(pendings, trust_span_of(name));
}

static bool
has(const struct trust_pending *pending, const char *client_id,
    const char *answer)
{
	return trust_pending_has_answer(
	    pending, client_id, trust_span_of(answer));
}

static void
by_name(void **state)
{
	struct trust_pendings pendings = {0};
	struct trust_pending *a;

	(void)state;
	assert_null(find(&pendings, "a"));
	a = note(&pendings, "a");
	assert_non_null(a);
	a->waits = true;
	assert_ptr_equal(note(&pendings, "a"), a);
	assert_true(find(&pendings, "a")->waits);
	assert_null(find(&pendings, ""));
	assert_null(find(&pendings, "a/b"));
	assert_non_null(note(&pendings, "a/b"));
	assert_ptr_equal(find(&pendings, "a"), a);
	trust_pendings_clear(&pendings);
	assert_null(find(&pendings, "a"));
}

static void
the_first_to_have_asked_go(void **state)
{
	struct trust_pendings pendings = {0};
	char name[32];

	(void)state;
	for (int i = 0; i < TRUST_PENDING_MAX; i++) {
		(void)snprintf(name, sizeof(name), "client-%d", i);
		assert_non_null(note(&pendings, name));
	}
	assert_non_null(note(&pendings, "client-0")); /* asks again */
	assert_non_null(note(&pendings, "one more"));
	assert_null(find(&pendings, "client-1"));
	assert_non_null(find(&pendings, "client-0"));
	assert_non_null(find(&pendings, "one more"));
	assert_int_equal(HASH_COUNT(pendings.by_name), TRUST_PENDING_MAX);
	trust_pendings_clear(&pendings);
}

static void
too_long_a_name(void **state)
{
	struct trust_pendings pendings = {0};
	char name[TRUST_CLIENT_MAX + 2] = {0};

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	assert_null(note(&pendings, name));
	name[TRUST_CLIENT_MAX] = '\0';
	assert_non_null(note(&pendings, name));
	trust_pendings_clear(&pendings);
}

/* Nothing is an answer, or a request, that was not passed on. */
static void
what_may_be_delivered(void **state)
{
	struct trust_pendings pendings = {0};
	struct trust_pending *a = note(&pendings, "a");
	static const char *const texts[] = {"1", "2", "3", "4", "5"};

	(void)state;
	assert_false(trust_pending_is_request(a, trust_span_of("")));
	assert_false(has(a, "a", ""));
	for (size_t i = 0; i < 5; i++) {
		assert_false(has(a, "a", texts[i]));
		trust_pending_add_answer(a, "a", trust_span_of(texts[i]));
		assert_true(has(a, "a", texts[i]));
	}
	assert_false(has(a, "a", "1"));
	assert_true(has(a, "a", "2"));
	assert_int_equal(
	    trust_thumbprint_of(trust_span_of("r"), &a->request), TRUST_OK);
	assert_true(trust_pending_is_request(a, trust_span_of("r")));
	assert_false(trust_pending_is_request(a, trust_span_of("R")));
	trust_pendings_clear(&pendings);
}

/* One that waits is not given what another is answered on the same topic. */
static void
answers_to_another(void **state)
{
	struct trust_pendings pendings = {0};
	struct trust_pending *both = note(&pendings, "token:t");

	(void)state;
	(void)snprintf(both->client_id, sizeof(both->client_id), "a");
	trust_pending_add_answer(both, "b", trust_span_of("nobody waits"));
	assert_true(has(both, "a", "nobody waits"));
	both->waits = true;
	trust_pending_add_answer(both, "b", trust_span_of("no"));
	assert_true(has(both, "b", "no"));
	assert_true(has(both, "c", "no"));
	assert_false(has(both, "a", "no"));
	trust_pending_add_answer(both, "a", trust_span_of("no"));
	assert_true(has(both, "a", "no"));
	trust_pendings_clear(&pendings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_name),
	    cmocka_unit_test(the_first_to_have_asked_go),
	    cmocka_unit_test(too_long_a_name),
	    cmocka_unit_test(what_may_be_delivered),
	    cmocka_unit_test(answers_to_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
