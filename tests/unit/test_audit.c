/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/audit.c on a file that cannot grow: a limit of the process stands for
 * a full disk (setrlimit(2)). The broker's log is the test's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../plugin/audit.h"
#include "../../plugin/broker.h"

static unsigned n_lines; /* in the broker's log */
static char last[512];

void mosquitto_log_printf(int level, const char *fmt, ...) TRUST_PRINTF(2, 3);

void
mosquitto_log_printf(int level, const char *fmt, ...)
{
	va_list args;

	(void)level;
	n_lines++;
	va_start(args, fmt);
	vsnprintf(last, sizeof(last), fmt, args);
	va_end(args);
}

struct scratch {
	char path[32];
	struct trust_audit *audit;
};

static int
begin(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));
	struct trust_message msg = {0};
	int fd;

	assert_non_null(s);
	snprintf(s->path, sizeof(s->path), "/tmp/trust-audit-XXXXXX");
	fd = mkstemp(s->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(trust_audit_open(s->path, &s->audit, &msg), TRUST_OK);
	n_lines = 0;
	*state = s;
	return 0;
}

static void
limit(rlim_t octets)
{
	struct rlimit now;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &now), 0);
	now.rlim_cur = octets;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
}

static int
end(void **state)
{
	struct scratch *s = *state;

	limit(RLIM_INFINITY);
	trust_audit_close(s->audit);
	unlink(s->path);
	free(s);
	return 0;
}

static void
assert_holds(const struct scratch *s, const char *want)
{
	char got[256] = "";
	FILE *file = fopen(s->path, "re");

	assert_non_null(file);
	assert_true(fread(got, 1, sizeof(got) - 1, file) > 0);
	fclose(file);
	assert_string_equal(got, want);
}

static void
a_line_that_was_cut_stays_apart(void **state)
{
	struct scratch *s = *state;

	trust_audit_write(s->audit, "{\"n\":1}");
	limit(12);
	trust_audit_write(s->audit, "{\"n\":2}");
	assert_int_equal(n_lines, 1);
	assert_non_null(strstr(last, "cannot be written: No space left"));
	trust_audit_write(s->audit, "{\"n\":3}");
	trust_audit_write(s->audit, "{\"n\":4}");
	assert_int_equal(n_lines, 1);
	limit(RLIM_INFINITY);
	trust_audit_write(s->audit, "{\"n\":5}");
	assert_int_equal(n_lines, 2);
	assert_non_null(strstr(last, "written again, 3 lines were lost"));
	trust_audit_write(s->audit, "{\"n\":6}");
	assert_int_equal(n_lines, 2);
	assert_holds(s, "{\"n\":1}\n{\"n\"\n{\"n\":5}\n{\"n\":6}\n");
}

static void
a_file_that_was_cut_short_is_gone_on_with(void **state)
{
	struct scratch *s = *state;

	trust_audit_write(s->audit, "{\"n\":1}");
	assert_int_equal(truncate(s->path, 0), 0);
	trust_audit_write(s->audit, "{\"n\":2}");
	assert_holds(s, "{\"n\":2}\n");
	assert_int_equal(n_lines, 0);
}

static void
a_new_file_does_not_begin_with_a_blank_line(void **state)
{
	struct scratch *s = *state;

	limit(4);
	trust_audit_write(s->audit, "{\"n\":1}");
	limit(RLIM_INFINITY);
	assert_int_equal(unlink(s->path), 0);
	trust_audit_reopen(s->audit);
	trust_audit_write(s->audit, "{\"n\":2}");
	assert_holds(s, "{\"n\":2}\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_line_that_was_cut_stays_apart, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_file_that_was_cut_short_is_gone_on_with, begin, end),
	    cmocka_unit_test_setup_teardown(
		a_new_file_does_not_begin_with_a_blank_line, begin, end),
	};

	(void)signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
