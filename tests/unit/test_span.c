/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span.c: buffers that grow, and a peer's bytes made harmless.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

#include "span.h"

static void
grows(void **state)
{
	struct trust_buf buf = {0};

	(void)state;
	assert_null(trust_buf_get0(&buf).p);
	assert_int_equal(trust_buf_add(&buf, NULL, 0), TRUST_OK);
	assert_string_equal((char *)buf.p, "");
	for (size_t i = 0; i < 10000; i++) {
		assert_int_equal(trust_buf_add(&buf, "ab", 2), TRUST_OK);
		assert_int_equal(buf.p[buf.len], '\0');
		assert_true(buf.len < buf.cap);
	}
	assert_int_equal(trust_buf_printf(&buf, "%05d%s", 42, "!"), TRUST_OK);
	assert_int_equal(buf.len, 20006);
	assert_string_equal((char *)buf.p + 20000, "00042!");
	assert_int_equal(trust_buf_get0(&buf).len, buf.len);
	trust_buf_free(&buf);
	assert_null(buf.p);
	trust_buf_free(&buf);
}

static void
refuses_what_never_fits(void **state)
{
	/* Volatile, for a linker that optimizes sees what it would copy. */
	static const volatile size_t lens[] = {SIZE_MAX - 1, SIZE_MAX / 2};
	struct trust_buf buf = {0};

	(void)state;
	assert_int_equal(trust_buf_add(&buf, "x", 1), TRUST_OK);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		assert_int_equal(
		    trust_buf_add(&buf, "x", lens[i]), TRUST_ERR_NOMEM);
	assert_string_equal((char *)buf.p, "x");
	trust_buf_free(&buf);
}

static void
shows(void **state)
{
	static const struct {
		const char *bytes;
		size_t len, size;
		const char *shown;
	} cases[] = {
	    {"temp-01", 7, 16, "temp-01"},
	    {"", 0, 8, ""},
	    {"a\nb", 3, 16, "a\\x0ab"},
	    {"a\0b", 3, 16, "a\\x00b"},
	    {"\\x0a", 4, 16, "\\x5cx0a"},
	    {"\x7f\x80\xff", 3, 16, "\\x7f\\x80\\xff"},
	    {"\"it's\"", 6, 16, "\"it's\""},
	    /* It just fits, and is one too long. */
	    {"1234567", 7, 8, "1234567"},
	    {"12345678", 8, 8, "1234..."},
	    {"123\n", 4, 8, "123\\x0a"},
	    {"1234\n", 5, 8, "1234..."},
	    {"\n\n", 2, 8, "\\x0a..."},
	    {"1\n\n", 3, 8, "1..."},
	    {"12\n\n", 4, 10, "12\\x0a..."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_span span = {
		    (const uint8_t *)cases[i].bytes, cases[i].len};
		char out[17];

		memset(out, '#', sizeof(out));
		assert_ptr_equal(
		    trust_span_show(span, out, cases[i].size), out);
		assert_string_equal(out, cases[i].shown);
		assert_int_equal(out[cases[i].size], '#');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(grows),
	    cmocka_unit_test(refuses_what_never_fits),
	    cmocka_unit_test(shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
