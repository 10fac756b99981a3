/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync_reason.c: every reason has a name of its own and a meaning.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

#include "sync_reason.h"

static void
names_and_meanings(void **state)
{
	(void)state;
	for (int i = 0; i < TRUST_N_SYNC_REASONS; i++) {
		const char *name =
		    trust_sync_reason_name((enum trust_sync_reason)i);
		const char *meaning =
		    trust_sync_reason_meaning((enum trust_sync_reason)i);
		enum trust_sync_reason back;

		assert_non_null(name);
		assert_int_equal(
		    strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		assert_true(trust_sync_reason_parse(name, &back));
		assert_int_equal(back, i);
		assert_true(strlen(meaning) > 0);
		assert_int_not_equal(meaning[strlen(meaning) - 1], '.');
	}
}

/* sync.md's own words: programs elsewhere read them. */
static void
names_of_the_protocol(void **state)
{
	static const struct {
		enum trust_sync_reason reason;
		const char *name;
	} cases[] = {
	    {TRUST_SYNC_ACCEPTED, "accepted"},
	    {TRUST_SYNC_TOO_LARGE, "too_large"},
	    {TRUST_SYNC_MALFORMED, "malformed"},
	    {TRUST_SYNC_SIGNATURE_INVALID, "signature_invalid"},
	    {TRUST_SYNC_SIGNER_UNTRUSTED, "signer_untrusted"},
	    {TRUST_SYNC_TOO_FEW_SIGNERS, "too_few_signers"},
	    {TRUST_SYNC_FORMAT_UNSUPPORTED, "format_unsupported"},
	    {TRUST_SYNC_WRONG_SCOPE, "wrong_scope"},
	    {TRUST_SYNC_FROM_FUTURE, "from_future"},
	    {TRUST_SYNC_SERIAL_REGRESSED, "serial_regressed"},
	    {TRUST_SYNC_THIS_UPDATE_REGRESSED, "this_update_regressed"},
	    {TRUST_SYNC_EQUIVOCATION, "equivocation"},
	    {TRUST_SYNC_SESSION_REPLACED_BY_OLDER, "session_replaced_by_older"},
	    {TRUST_SYNC_EXPIRED, "expired"},
	    {TRUST_SYNC_UNSOLICITED, "unsolicited"},
	    {TRUST_SYNC_MALFORMED_RECORD, "malformed_record"},
	    {TRUST_SYNC_DUPLICATE_CLAIM, "duplicate_claim"},
	    {TRUST_SYNC_STATE_MISMATCH, "state_mismatch"},
	    {TRUST_SYNC_MASS_REMOVAL_HELD, "mass_removal_held"},
	};

	(void)state;
	assert_int_equal(
	    sizeof(cases) / sizeof(cases[0]), TRUST_N_SYNC_REASONS);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    trust_sync_reason_name(cases[i].reason), cases[i].name);
}

static void
no_other_names(void **state)
{
	static const char *const names[] = {
	    "", "Expired", "expired ", "serial-regressed", "unknown"};
	enum trust_sync_reason reason = TRUST_SYNC_EXPIRED;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_false(trust_sync_reason_parse(names[i], &reason));
		assert_int_equal(reason, TRUST_SYNC_ACCEPTED);
	}
}

/* A number that is none must not read as accepted. */
static void
out_of_range_is_a_refusal(void **state)
{
	(void)state;
	assert_string_equal(
	    trust_sync_reason_name(TRUST_N_SYNC_REASONS), "malformed");
	assert_string_equal(
	    trust_sync_reason_name((enum trust_sync_reason) - 1), "malformed");
	assert_non_null(trust_sync_reason_meaning(TRUST_N_SYNC_REASONS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_and_meanings),
	    cmocka_unit_test(names_of_the_protocol),
	    cmocka_unit_test(no_other_names),
	    cmocka_unit_test(out_of_range_is_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
