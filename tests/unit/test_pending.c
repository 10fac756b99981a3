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

/* A key, by its first octet. */
static const struct trust_thumbprint *
key(unsigned char first)
{
	static struct trust_thumbprint keys[256];

	keys[first].b[0] = first;
	return &keys[first];
}

static struct trust_pending *
note(struct trust_pendings *pendings, const char *name, unsigned char k)
{
	return trust_pending_note(pendings, trust_span_of(name), key(k));
}

static struct trust_pending *
find(struct trust_pendings *pendings, const char *name, unsigned char k)
{
	return trust_pending_find(pendings, trust_span_of(name), key(k));
}

/* One that a client waits for. */
static struct trust_pending *
wait(struct trust_pendings *pendings, const char *name, unsigned char k,
    const char *client_id)
{
	struct trust_pending *pending = note(pendings, name, k);

	assert_non_null(pending);
	pending->waits = true;
	(void)snprintf(
	    pending->client_id, sizeof(pending->client_id), "%s", client_id);
	return pending;
}

static struct trust_pending *
waiting(struct trust_pendings *pendings, const char *name)
{
	return trust_pending_find_waiting(pendings, trust_span_of(name));
}

static bool
has(struct trust_pendings *pendings, const char *name, const char *client_id,
    const char *answer)
{
	return trust_pending_has_answer(
	    pendings, trust_span_of(name), client_id, trust_span_of(answer));
}

static void
by_name_and_key(void **state)
{
	struct trust_pendings pendings = {0};
	struct trust_pending *a;

	(void)state;
	assert_null(find(&pendings, "a", 1));
	a = note(&pendings, "a", 1);
	assert_non_null(a);
	a->waits = true;
	assert_ptr_equal(note(&pendings, "a", 1), a);
	assert_true(find(&pendings, "a", 1)->waits);
	assert_null(find(&pendings, "", 1));
	assert_null(find(&pendings, "a", 2));
	assert_null(find(&pendings, "a/b", 1));
	assert_null(find(&pendings, "ab", 1));
	assert_null(trust_pending_find(&pendings, trust_span_of("a"), NULL));
	assert_non_null(note(&pendings, "a/b", 1));
	assert_non_null(note(&pendings, "a", 2));
	assert_non_null(
	    trust_pending_note(&pendings, trust_span_of("a"), NULL));
	assert_ptr_equal(find(&pendings, "a", 1), a);
	assert_false(find(&pendings, "a/b", 1)->waits);
	assert_false(find(&pendings, "a", 2)->waits);
	assert_int_equal(pendings.n, 4);
	trust_pendings_clear(&pendings);
	assert_null(find(&pendings, "a", 1));
	assert_int_equal(pendings.n, 0);
}

/* A device with many modules has no more than others, and loses its own. */
static void
one_device_pushes_nobody_out(void **state)
{
	struct trust_pendings pendings = {0};
	char name[32];

	(void)state;
	(void)wait(&pendings, "other", 1, "other");
	(void)wait(&pendings, "other/module", 1, "other/module");
	for (int i = 0; i < 2 * TRUST_PENDING_MAX; i++) {
		(void)snprintf(name, sizeof(name), "many/%d", i);
		(void)wait(&pendings, name, 1, name);
	}
	assert_non_null(find(&pendings, "other", 1));
	assert_non_null(find(&pendings, "other/module", 1));
	assert_int_equal(pendings.n, TRUST_PENDING_HOLDER_MAX + 2);
	assert_non_null(find(&pendings, name, 1));
	assert_null(find(&pendings, "many/0", 1));
	trust_pendings_clear(&pendings);
}

/* Nor one client with many keys. */
static void
one_client_pushes_nobody_out(void **state)
{
	struct trust_pendings pendings = {0};

	(void)state;
	(void)wait(&pendings, "token:t-1", 1, "a");
	for (int i = 1; i < 256; i++)
		(void)wait(&pendings, "temp-09", (unsigned char)i, "temp-09");
	assert_non_null(find(&pendings, "token:t-1", 1));
	assert_null(find(&pendings, "temp-09", 1));
	assert_non_null(find(&pendings, "temp-09", 255));
	assert_int_equal(pendings.n, TRUST_PENDING_HOLDER_MAX + 1);
	trust_pendings_clear(&pendings);
}

/* What does not wait goes first; then who asked first. */
static void
who_goes_of_one_device(void **state)
{
	struct trust_pendings pendings = {0};

	(void)state;
	for (int i = 1; i <= TRUST_PENDING_HOLDER_MAX; i++)
		(void)wait(&pendings, "a", (unsigned char)i, "a");
	find(&pendings, "a", 5)->waits = false;
	(void)wait(&pendings, "a", 1, "a"); /* asks again */
	(void)wait(&pendings, "a", 101, "a");
	assert_null(find(&pendings, "a", 5));
	(void)wait(&pendings, "a", 102, "a");
	assert_null(find(&pendings, "a", 2));
	assert_non_null(find(&pendings, "a", 1));
	assert_non_null(find(&pendings, "a", 3));
	assert_int_equal(pendings.n, TRUST_PENDING_HOLDER_MAX);
	trust_pendings_clear(&pendings);
}

/* Of all, whoever has most loses one. */
static void
who_goes_of_all(void **state)
{
	struct trust_pendings pendings = {0};
	char name[32];

	(void)state;
	(void)wait(&pendings, "first", 1, "first");
	for (int i = 0; i < TRUST_PENDING_MAX - 4; i++) {
		(void)snprintf(name, sizeof(name), "client-%d", i);
		(void)wait(&pendings, name, 1, name);
	}
	for (int i = 1; i <= 3; i++)
		(void)wait(&pendings, "three", (unsigned char)i, "three");
	assert_int_equal(pendings.n, TRUST_PENDING_MAX);
	(void)wait(&pendings, "one more", 1, "one more");
	(void)wait(&pendings, "two more", 1, "two more");
	assert_int_equal(pendings.n, TRUST_PENDING_MAX);
	assert_null(find(&pendings, "three", 1));
	assert_null(find(&pendings, "three", 2));
	assert_non_null(find(&pendings, "three", 3));
	assert_non_null(find(&pendings, "first", 1));
	assert_non_null(find(&pendings, "one more", 1));
	/* All have one, and who came first goes. */
	(void)wait(&pendings, "three more", 1, "three more");
	assert_null(find(&pendings, "first", 1));
	assert_non_null(find(&pendings, "three", 3));
	assert_int_equal(pendings.n, TRUST_PENDING_MAX);
	trust_pendings_clear(&pendings);
}

static void
too_long_a_name(void **state)
{
	struct trust_pendings pendings = {0};
	char name[TRUST_CLIENT_MAX + 2] = {0};

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	assert_null(note(&pendings, name, 1));
	name[TRUST_CLIENT_MAX] = '\0';
	assert_non_null(note(&pendings, name, 1));
	assert_null(note(&pendings, "", 1));
	trust_pendings_clear(&pendings);
}

/* Nothing is an answer, or a request, that was not passed on. */
static void
what_may_be_delivered(void **state)
{
	struct trust_pendings pendings = {0};
	struct trust_pending *a = note(&pendings, "a", 1);
	const struct trust_span name = trust_span_of("a");
	static const char *const texts[] = {"1", "2", "3", "4", "5"};

	(void)state;
	assert_false(
	    trust_pending_has_request(&pendings, name, trust_span_of("")));
	assert_false(has(&pendings, "a", "a", ""));
	for (size_t i = 0; i < 5; i++) {
		assert_false(has(&pendings, "a", "a", texts[i]));
		trust_pending_add_answer(a, "a", trust_span_of(texts[i]));
		assert_true(has(&pendings, "a", "a", texts[i]));
		assert_false(has(&pendings, "a/b", "a/b", texts[i]));
	}
	assert_false(has(&pendings, "a", "a", "1"));
	assert_true(has(&pendings, "a", "a", "2"));
	assert_int_equal(
	    trust_thumbprint_of(trust_span_of("r"), &a->request), TRUST_OK);
	assert_true(
	    trust_pending_has_request(&pendings, name, trust_span_of("r")));
	assert_false(
	    trust_pending_has_request(&pendings, name, trust_span_of("R")));
	/* Nor with another key. */
	(void)note(&pendings, "a", 2);
	assert_true(
	    trust_pending_has_request(&pendings, name, trust_span_of("r")));
	assert_false(trust_pending_has_request(
	    &pendings, trust_span_of("b"), trust_span_of("r")));
	trust_pendings_clear(&pendings);
}

/* Who waits is not given what another is answered on the same topic. */
static void
answers_to_another(void **state)
{
	struct trust_pendings pendings = {0};
	struct trust_pending *none =
	    trust_pending_note(&pendings, trust_span_of("token:t"), NULL);

	(void)state;
	trust_pending_add_answer(none, "b", trust_span_of("no"));
	assert_true(has(&pendings, "token:t", "a", "no"));
	(void)wait(&pendings, "token:t", 1, "a");
	assert_true(has(&pendings, "token:t", "b", "no"));
	assert_true(has(&pendings, "token:t", "c", "no"));
	assert_false(has(&pendings, "token:t", "a", "no"));
	trust_pending_add_answer(none, "a", trust_span_of("no"));
	assert_true(has(&pendings, "token:t", "a", "no"));
	trust_pendings_clear(&pendings);
}

/* Two keys of one token: each has its own answer. */
static void
answers_to_two_that_wait(void **state)
{
	struct trust_pendings pendings = {0};
	struct trust_pending *a = wait(&pendings, "token:t", 1, "a");
	struct trust_pending *b = wait(&pendings, "token:t", 2, "b");

	(void)state;
	trust_pending_add_answer(b, "b", trust_span_of("for b"));
	assert_true(has(&pendings, "token:t", "b", "for b"));
	assert_false(has(&pendings, "token:t", "a", "for b"));
	b->waits = false;
	trust_pending_add_answer(a, "a", trust_span_of("for a"));
	assert_true(has(&pendings, "token:t", "a", "for a"));
	assert_false(has(&pendings, "token:t", "a", "for b"));
	trust_pendings_clear(&pendings);
}

/* An error says not whose it is: it is for who asked first and has had none. */
static void
whom_an_error_is_for(void **state)
{
	struct trust_pendings pendings = {0};
	struct trust_pending *a, *b;

	(void)state;
	assert_null(waiting(&pendings, "token:t"));
	a = wait(&pendings, "token:t", 1, "a");
	b = wait(&pendings, "token:t", 2, "b");
	assert_ptr_equal(waiting(&pendings, "token:t"), a);
	a->was_told = true;
	assert_ptr_equal(waiting(&pendings, "token:t"), b);
	b->was_told = true;
	assert_ptr_equal(waiting(&pendings, "token:t"), a);
	a->waits = false;
	assert_ptr_equal(waiting(&pendings, "token:t"), b);
	b->waits = false;
	assert_null(waiting(&pendings, "token:t"));
	trust_pendings_clear(&pendings);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(by_name_and_key),
	    cmocka_unit_test(one_device_pushes_nobody_out),
	    cmocka_unit_test(one_client_pushes_nobody_out),
	    cmocka_unit_test(who_goes_of_one_device),
	    cmocka_unit_test(who_goes_of_all),
	    cmocka_unit_test(too_long_a_name),
	    cmocka_unit_test(what_may_be_delivered),
	    cmocka_unit_test(answers_to_another),
	    cmocka_unit_test(answers_to_two_that_wait),
	    cmocka_unit_test(whom_an_error_is_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
