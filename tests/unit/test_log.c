/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c: one line each, to the sink, or nowhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "log.h"

struct heard {
	int n;
	enum trust_log_level level;
	char line[4096];
};

static void
hear(void *arg, enum trust_log_level level, const char *line)
{
	struct heard *heard = arg;

	heard->n++;
	heard->level = level;
	snprintf(heard->line, sizeof(heard->line), "%s", line);
}

static void
writes(void **state)
{
	struct heard heard = {0};
	const struct trust_log log = {hear, &heard};

	(void)state;
	trust_log_printf(&log, TRUST_LOG_WARNING, "%s\nis %d", "this", 1);
	assert_int_equal(heard.n, 1);
	assert_int_equal(heard.level, TRUST_LOG_WARNING);
	assert_string_equal(heard.line, "this is 1");
}

static void
cuts(void **state)
{
	struct heard heard = {0};
	const struct trust_log log = {hear, &heard};
	char text[4000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	trust_log_printf(&log, TRUST_LOG_ERROR, "%s", text);
	assert_int_equal(heard.n, 1);
	assert_true(strlen(heard.line) >= TRUST_MESSAGE_MAX);
	assert_true(strlen(heard.line) < sizeof(text) - 1);
}

static void
swallows(void **state)
{
	const struct trust_log log = {0};

	(void)state;
	trust_log_printf(&log, TRUST_LOG_ERROR, "into the void");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes),
	    cmocka_unit_test(cuts),
	    cmocka_unit_test(swallows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
