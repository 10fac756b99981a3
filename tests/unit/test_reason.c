/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason.c: every reason has a name and a meaning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

#include "reason.h"

static void
names_and_meanings(void **state)
{
	(void)state;
	for (int i = 0; i < TRUST_N_REASONS; i++) {
		enum trust_reason reason = (enum trust_reason)i, back;
		const char *name = trust_reason_name(reason);
		const char *meaning = trust_reason_meaning(reason);

		assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz_") ==
			    strlen(name));
		assert_true(trust_reason_parse(name, &back));
		assert_int_equal(back, reason);
		assert_true(strlen(meaning) > 40);
		assert_true(meaning[strlen(meaning) - 1] != '.');
		assert_null(strstr(meaning, "  "));
	}
}

static void
unknown_ones(void **state)
{
	static const char *const cases[] = {"", "unknown", "internal_error ",
	    "Internal_Error", "thumbprint", "thumbprint_match_"};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum trust_reason reason = TRUST_REASON_KEY_MATCH;

		assert_false(trust_reason_parse(cases[i], &reason));
		assert_int_equal(reason, TRUST_REASON_INTERNAL_ERROR);
	}
	assert_string_equal(
	    trust_reason_name(TRUST_N_REASONS), "internal_error");
	assert_string_equal(
	    trust_reason_name((enum trust_reason) - 1), "internal_error");
}

static void
four_allow(void **state)
{
	int n = 0;

	(void)state;
	for (int i = -1; i <= TRUST_N_REASONS; i++)
		n += trust_reason_allows((enum trust_reason)i);
	assert_int_equal(n, 4);
	assert_true(trust_reason_allows(TRUST_REASON_THUMBPRINT_MATCH));
	assert_true(trust_reason_allows(TRUST_REASON_KEY_MATCH));
	assert_true(trust_reason_allows(TRUST_REASON_CHAIN_REGISTERED));
	assert_true(trust_reason_allows(TRUST_REASON_CHAIN_ENROLLED));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_and_meanings),
	    cmocka_unit_test(unknown_ones),
	    cmocka_unit_test(four_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
