/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steps.c: a list that grows and explains.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdio.h>

#include "steps.h"

static void
adds(void **state)
{
	struct trust_steps steps = {0};
	char want[32];

	(void)state;
	for (int i = 0; i < 100; i++)
		trust_steps_add(&steps, TRUST_STEP_PASSED, "step\n%d", i);
	assert_int_equal(steps.n, 100);
	for (int i = 0; i < 100; i++) {
		snprintf(want, sizeof(want), "step %d", i);
		assert_string_equal(steps.v[i].text, want);
		assert_int_equal(steps.v[i].kind, TRUST_STEP_PASSED);
	}
	trust_steps_free(&steps);
	assert_null(steps.v);
	assert_int_equal(steps.n, 0);
	trust_steps_free(&steps);
}

static void
is_optional(void **state)
{
	(void)state;
	trust_steps_add(NULL, TRUST_STEP_FAILED, "nobody asked");
	trust_steps_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(adds),
	    cmocka_unit_test(is_optional),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
