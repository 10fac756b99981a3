/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that parses CRLs ahead. ThreadSanitizer watches the same program.
 */
#include "registry_scratch.h"

#include <time.h>

#include "record_pem.h"

#include "../../plugin/crl_ahead.h"

#define CRL(id) "{\"kind\":\"crl\",\"id\":\"" id "\",\"pem\":\"" PEM_CRL "\"}"

/* Ids as the gate has them, the last NUL being the literal's. */
#define IDS(text) ((struct trust_span){(const uint8_t *)(text), sizeof(text)})

/* How often it is asked about what has to come about, each millisecond. */
#define PATIENCE 120000

static void
wait_done(const struct trust_crl_ahead *crls)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	for (int i = 0; i < PATIENCE && !trust_crl_ahead_is_done(crls); i++)
		(void)nanosleep(&moment, NULL);
	assert_true(trust_crl_ahead_is_done(crls));
}

static void
it_parses_what_is_there(void **state)
{
	const char *lines[] = {CRL("a"), CRL("b")};
	struct scratch *s = *state;
	struct trust_crl_ahead *crls;
	struct trust_ahead *ahead;

	scratch_create(s);
	assert_int_equal(scratch_change(s, lines, 2), TRUST_OK);
	assert_int_equal(trust_ahead_new(TRUST_AHEAD_MAX, &ahead), TRUST_OK);
	assert_int_equal(trust_crl_ahead_new(s->path, ahead, &crls), TRUST_OK);
	assert_false(trust_crl_ahead_is_busy(crls));
	assert_false(trust_crl_ahead_is_done(crls));
	assert_true(trust_crl_ahead_begin(crls, IDS("a\0gone")));
	assert_true(trust_crl_ahead_is_busy(crls));
	/* One at a time. */
	assert_true(trust_crl_ahead_begin(crls, IDS("b")));
	wait_done(crls);
	assert_true(trust_crl_ahead_is_busy(crls));
	trust_crl_ahead_end(crls);
	assert_false(trust_crl_ahead_is_busy(crls));
	assert_true(trust_ahead_has(ahead, "a"));
	assert_false(trust_ahead_has(ahead, "b"));
	assert_true(trust_crl_ahead_begin(crls, IDS("b")));
	trust_crl_ahead_free(crls); /* waits */
	assert_true(trust_ahead_has(ahead, "b"));
	trust_ahead_free(ahead);
}

static void
it_ends_where_nothing_can_be_read(void **state)
{
	struct scratch *s = *state;
	struct trust_crl_ahead *crls;
	struct trust_ahead *ahead;

	assert_int_equal(trust_ahead_new(TRUST_AHEAD_MAX, &ahead), TRUST_OK);
	assert_int_equal(trust_crl_ahead_new(s->path, ahead, &crls), TRUST_OK);
	assert_true(trust_crl_ahead_begin(crls, IDS("a")));
	wait_done(crls);
	trust_crl_ahead_end(crls);
	assert_false(trust_ahead_has(ahead, "a"));
	trust_crl_ahead_free(crls);
	trust_crl_ahead_free(NULL);
	trust_ahead_free(ahead);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_parses_what_is_there),
	    TEST(it_ends_where_nothing_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
