/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRLs that are parsed ahead: what is kept, for whom, and which go first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "record_pem.h"

#define CRL(id, more) \
	"{\"kind\":\"crl\",\"id\":\"" id "\"," more "\"pem\":\"" PEM_CRL "\"}"

/* Room for so many. */
#define MAX 2

static struct trust_record *
parse(const char *line)
{
	struct trust_record *record;

	assert_int_equal(
	    trust_record_parse_stored(trust_span_of(line), &record, NULL),
	    TRUST_OK);
	return record;
}

static struct trust_thumbprint
digest_of(const char *line)
{
	struct trust_thumbprint digest;

	assert_int_equal(
	    trust_thumbprint_of(trust_span_of(line), &digest), TRUST_OK);
	return digest;
}

static void
add(struct trust_ahead *ahead, const char *line)
{
	struct trust_record *record = parse(line);
	struct trust_thumbprint digest = digest_of(line);

	trust_ahead_add(ahead, record, &digest);
	trust_record_free(record);
}

static bool
take(struct trust_ahead *ahead, const char *id, const char *line)
{
	struct trust_thumbprint digest = digest_of(line);
	struct trust_ahead_crl crl;

	if (!trust_ahead_take(ahead, id, &digest, &crl))
		return false;
	assert_string_equal(crl.id, id);
	assert_non_null(X509_CRL_get_issuer(crl.crl));
	X509_CRL_free(crl.crl);
	return true;
}

static int
setup(void **state)
{
	struct trust_record *record = parse(CRL("x", ""));
	size_t len = strlen(record->u.crl.pem);

	trust_record_free(record);
	return trust_ahead_new(MAX * len, (struct trust_ahead **)state) ==
		       TRUST_OK
		   ? 0
		   : -1;
}

static int
teardown(void **state)
{
	trust_ahead_free(*state);
	return 0;
}

static void
it_is_for_this_line_and_once(void **state)
{
	struct trust_ahead *ahead = *state;

	assert_false(trust_ahead_has(ahead, "edge"));
	add(ahead, CRL("edge", ""));
	assert_true(trust_ahead_has(ahead, "edge"));
	assert_false(take(ahead, "edge", CRL("edge", "\"comment\":\"new\",")));
	assert_false(take(ahead, "other", CRL("edge", "")));
	assert_true(take(ahead, "edge", CRL("edge", "")));
	assert_false(trust_ahead_has(ahead, "edge"));
	assert_false(take(ahead, "edge", CRL("edge", "")));
}

static void
it_says_what_the_record_says(void **state)
{
	static const char line[] = CRL("edge", "\"status\":\"disabled\",");
	struct trust_thumbprint digest = digest_of(line), pem;
	struct trust_record *record = parse(line);
	struct trust_ahead *ahead = *state;
	struct trust_ahead_crl crl;

	assert_int_equal(
	    trust_thumbprint_of(trust_span_of(record->u.crl.pem), &pem),
	    TRUST_OK);
	trust_record_free(record);
	add(ahead, line);
	assert_true(trust_ahead_take(ahead, "edge", &digest, &crl));
	assert_false(crl.enabled);
	assert_true(trust_thumbprint_equal(&crl.digest, &pem));
	X509_CRL_free(crl.crl);
}

static void
the_oldest_go_first(void **state)
{
	struct trust_ahead *ahead = *state;

	add(ahead, CRL("a", ""));
	add(ahead, CRL("b", ""));
	add(ahead, CRL("a", "\"comment\":\"new\","));
	assert_true(trust_ahead_has(ahead, "b"));
	add(ahead, CRL("c", ""));
	assert_false(trust_ahead_has(ahead, "b"));
	assert_false(take(ahead, "a", CRL("a", "")));
	assert_true(take(ahead, "a", CRL("a", "\"comment\":\"new\",")));
	assert_true(take(ahead, "c", CRL("c", "")));
}

static void
what_is_no_crl_is_not_kept(void **state)
{
	struct trust_ahead *ahead = *state, *small;

	add(ahead, "{\"kind\":\"crl\",\"id\":\"a\",\"pem\":\"no PEM\"}");
	assert_false(trust_ahead_has(ahead, "a"));
	add(ahead, "{\"kind\":\"role\",\"id\":\"b\",\"rules\":[]}");
	assert_false(trust_ahead_has(ahead, "b"));
	assert_int_equal(trust_ahead_new(1, &small), TRUST_OK);
	add(small, CRL("c", ""));
	assert_false(trust_ahead_has(small, "c"));
	trust_ahead_free(small);
	trust_ahead_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_is_for_this_line_and_once),
	    TEST(it_says_what_the_record_says),
	    TEST(the_oldest_go_first),
	    TEST(what_is_no_crl_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
