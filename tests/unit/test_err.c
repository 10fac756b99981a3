/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.c: messages are one line, and never longer than they may be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

#include "err.h"

static void
sets(void **state)
{
	struct trust_message msg;

	(void)state;
	assert_int_equal(trust_err_set(&msg, TRUST_ERR_INPUT, "id: got %d", 7),
	    TRUST_ERR_INPUT);
	assert_string_equal(msg.text, "id: got 7");
	assert_int_equal(trust_err_set(NULL, TRUST_ERR_IO, "x"), TRUST_ERR_IO);
}

static void
prefixes(void **state)
{
	struct trust_message msg;

	(void)state;
	trust_err_set(&msg, TRUST_ERR_INPUT, "want X, got Y");
	assert_int_equal(
	    trust_err_prefix(&msg, TRUST_ERR_INPUT, "f.jsonl:%d", 12),
	    TRUST_ERR_INPUT);
	assert_string_equal(msg.text, "f.jsonl:12: want X, got Y");
	assert_int_equal(
	    trust_err_prefix(NULL, TRUST_ERR_NOMEM, "f"), TRUST_ERR_NOMEM);
}

/* Who fails without a word, as for want of memory, still gets one. */
static void
prefixes_nothing(void **state)
{
	struct trust_message msg = {""};

	(void)state;
	trust_err_prefix(&msg, TRUST_ERR_NOMEM, "f.jsonl");
	assert_string_equal(msg.text, "f.jsonl: out of memory");
}

static void
takes_its_own_text(void **state)
{
	struct trust_message msg;

	(void)state;
	trust_err_set(&msg, TRUST_ERR_IO, "inner");
	trust_err_set(&msg, TRUST_ERR_IO, "outer: %s", msg.text);
	assert_string_equal(msg.text, "outer: inner");
}

static void
is_one_line(void **state)
{
	struct trust_message msg;

	(void)state;
	trust_err_set(&msg, TRUST_ERR_IO, "a\nb\r\tc\033[31m\177");
	assert_string_equal(msg.text, "a b  c [31m ");
}

static void
is_cut(void **state)
{
	char text[2 * TRUST_MESSAGE_MAX];
	struct trust_message msg;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	trust_err_set(&msg, TRUST_ERR_IO, "%s", text);
	assert_int_equal(strlen(msg.text), TRUST_MESSAGE_MAX - 1);
	trust_err_prefix(&msg, TRUST_ERR_IO, "source");
	assert_int_equal(strlen(msg.text), TRUST_MESSAGE_MAX - 1);
	assert_memory_equal(msg.text, "source: xxx", 11);
}

static void
every_error_has_a_text(void **state)
{
	(void)state;
	for (int i = TRUST_OK; i <= TRUST_ERR_IO; i++) {
		for (int j = TRUST_OK; j < i; j++)
			assert_string_not_equal(
			    trust_err_text((enum trust_err)i),
			    trust_err_text((enum trust_err)j));
	}
	assert_string_equal(
	    trust_err_text((enum trust_err)1000), "internal error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sets),
	    cmocka_unit_test(prefixes),
	    cmocka_unit_test(prefixes_nothing),
	    cmocka_unit_test(takes_its_own_text),
	    cmocka_unit_test(is_one_line),
	    cmocka_unit_test(is_cut),
	    cmocka_unit_test(every_error_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
