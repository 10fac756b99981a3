/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificate.c: distinguished names as people see them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

#include "certificate.h"

static X509_NAME *
make_name(const char *organization, const char *cn, int len)
{
	X509_NAME *name = X509_NAME_new();

	assert_non_null(name);
	if (organization != NULL)
		assert_int_equal(
		    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
			(const unsigned char *)organization, -1, -1, 0),
		    1);
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			     (const unsigned char *)cn, len, -1, 0),
	    1);
	return name;
}

/* As RFC 4514 section 2.4 writes them; a comma in a value is told from one
 * between two. */
static void
shows_names(void **state)
{
	static const struct {
		const char *organization, *cn;
		int len;
		const char *shown;
	} cases[] = {
	    {NULL, "temp-01", 7, "CN=temp-01"},
	    {"Plant, Ltd", "temp-01", 7, "CN=temp-01,O=Plant\\, Ltd"},
	    {NULL, "a,O=b", 5, "CN=a\\,O=b"},
	    {NULL, "a\\,b", 4, "CN=a\\\\\\,b"},
	    {NULL, "a\nb", 3, "CN=a\\0Ab"},
	    {NULL, "a\0b", 3, "CN=a\\00b"},
	    {NULL, "a\x1b[1m", 5, "CN=a\\1B[1m"},
	    {NULL, "a\x7f", 2, "CN=a\\7F"},
	    {NULL, "\xc3\xa9", 2, "CN=\\C3\\A9"},
	    {NULL, "a\xe2\x80\xae", 4, "CN=a\\E2\\80\\AE"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		X509_NAME *name =
		    make_name(cases[i].organization, cases[i].cn, cases[i].len);
		char out[TRUST_SHOWN_MAX];

		assert_ptr_equal(trust_certificate_show_name(name, out), out);
		assert_string_equal(out, cases[i].shown);
		X509_NAME_free(name);
	}
}

/* One that just fits, and one that is an octet too long. */
static void
cuts_long_names(void **state)
{
	/* "OU=", ",CN=" and ",O=" are 10 octets. */
	const int fits = TRUST_SHOWN_MAX - 1 - 10 - 60 - 64;
	char o[61] = "", cn[65] = "", ou[64], out[TRUST_SHOWN_MAX + 1];

	(void)state;
	memset(o, 'o', sizeof(o) - 1);
	memset(cn, 'c', sizeof(cn) - 1);
	memset(ou, 'u', sizeof(ou));
	for (int more = 0; more < 2; more++) {
		X509_NAME *name = make_name(o, cn, -1);

		assert_int_equal(
		    X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_UTF8,
			(const unsigned char *)ou, fits + more, -1, 0),
		    1);
		out[TRUST_SHOWN_MAX] = '#';
		(void)trust_certificate_show_name(name, out);
		assert_int_equal(strlen(out), TRUST_SHOWN_MAX - 1);
		assert_string_equal(
		    out + TRUST_SHOWN_MAX - 4, more > 0 ? "..." : "ooo");
		assert_int_equal(out[TRUST_SHOWN_MAX], '#');
		X509_NAME_free(name);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shows_names),
	    cmocka_unit_test(cuts_long_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
