/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template.c: variables stand for whole values, once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

#include "template.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
checks(void **state)
{
	static const char *const good[] = {"a", "#", "+/#", "{device}",
	    "devices/{device}/#", "{device}{group}", "a-{device}-b/+",
	    "{gateway}/{client}/{group}", "}", "a}/b", "$SYS/{device}",
	    "trust/v1/{client}"};
	static const char *const bad[] = {"", "{", "{}", "a/{", "{device",
	    "{Device}", "{device }", "{ device}", "{devices}", "{user}",
	    "{{device}}", "{device}{", "{device}#", "#{device}", "+{device}",
	    "{device}/#/x", "a/{device}+", "$share/{group}/x", "a#"};

	(void)state;
	for (size_t i = 0; i < COUNT(good) + COUNT(bad); i++) {
		bool want = i < COUNT(good);
		const char *text = want ? good[i] : bad[i - COUNT(good)];
		bool valid;

		assert_int_equal(trust_template_check(text, &valid), TRUST_OK);
		if (valid != want)
			fail_msg("%s: %d", text, valid);
	}
}

static void
expands(void **state)
{
	static const char *const values[TRUST_N_VARIABLES] = {
	    [TRUST_VARIABLE_DEVICE] = "{group}",
	    [TRUST_VARIABLE_GROUP] = "",
	    [TRUST_VARIABLE_GATEWAY] = "gw1",
	    [TRUST_VARIABLE_CLIENT] = "temp-01/mod",
	};
	static const struct {
		const char *template, *filter;
	} cases[] = {
	    {"a/#", "a/#"},
	    {"{gateway}", "gw1"},
	    {"{gateway}{gateway}/x", "gw1gw1/x"},
	    {"c/{client}/#", "c/temp-01/mod/#"},
	    {"g/{group}/x", "g//x"},
	    {"{group}", ""},
	    /* Once: what a value says is not read again. */
	    {"{device}/x", "{group}/x"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trust_buf buf = {0};

		assert_int_equal(
		    trust_template_expand(cases[i].template, values, &buf),
		    TRUST_OK);
		assert_string_equal((char *)buf.p, cases[i].filter);
		trust_buf_free(&buf);
	}
}

static void
leaves_the_buffer(void **state)
{
	static const char *const values[TRUST_N_VARIABLES] = {"", "", "", ""};
	struct trust_buf buf = {0};

	(void)state;
	assert_int_equal(
	    trust_template_expand("{x}", values, &buf), TRUST_ERR_INPUT);
	assert_null(buf.p);
	assert_int_equal(trust_buf_add(&buf, "before", 6), TRUST_OK);
	assert_int_equal(trust_template_expand("a/{device}/{x}", values, &buf),
	    TRUST_ERR_INPUT);
	assert_string_equal((char *)buf.p, "before");
	trust_buf_free(&buf);
}

static void
uses(void **state)
{
	(void)state;
	assert_true(trust_template_uses("a/{group}/#", TRUST_VARIABLE_GROUP));
	assert_false(trust_template_uses("a/{group}/#", TRUST_VARIABLE_DEVICE));
	assert_false(trust_template_uses("a/group/#", TRUST_VARIABLE_GROUP));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(checks),
	    cmocka_unit_test(expands),
	    cmocka_unit_test(leaves_the_buffer),
	    cmocka_unit_test(uses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
