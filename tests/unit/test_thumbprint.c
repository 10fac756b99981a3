/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thumbprint.c: SHA-256 in and out of text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "thumbprint.h"

/* FIPS 180-4's example: SHA-256 of "abc". */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void
hashes(void **state)
{
	struct trust_thumbprint thumbprint;
	char text[TRUST_THUMBPRINT_TEXT];

	(void)state;
	assert_int_equal(
	    trust_thumbprint_of(trust_span_of("abc"), &thumbprint), TRUST_OK);
	assert_string_equal(trust_thumbprint_format(&thumbprint, text), ABC);
	assert_int_equal(
	    trust_thumbprint_of((struct trust_span){0}, &thumbprint), TRUST_OK);
	assert_memory_equal(
	    trust_thumbprint_format(&thumbprint, text), "e3b0c44298fc1c14", 16);
}

static void
parses(void **state)
{
	static const char *const cases[] = {
	    ABC,
	    "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
	    "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:"
	    "B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD",
	    "ba:7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015:"
	    "AD",
	};
	struct trust_thumbprint want;

	(void)state;
	assert_int_equal(
	    trust_thumbprint_of(trust_span_of("abc"), &want), TRUST_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_thumbprint got;

		assert_int_equal(
		    trust_thumbprint_parse(cases[i], &got), TRUST_OK);
		assert_true(trust_thumbprint_equal(&got, &want));
	}
}

static void
refuses(void **state)
{
	static const char rest[] =
	    "7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015";
	static const struct {
		const char *head, *tail;
	} cases[] = {
	    {"", ""},
	    {"ba", ""},
	    {"ba", "a"},
	    {"ba", "ada"},
	    {"ba", "ad "},
	    {" ba", "ad"},
	    {"ba", "ag"},
	    {"ga", "ad"},
	    {":ba", "ad"},
	    {"ba", "ad:"},
	    {"b:a", "ad"},
	    {"ba::", "ad"},
	    {"ba", "::ad"},
	    {"ba", "a:d"},
	    {"ba-", "ad"},
	    {"ba ", "ad"},
	    {"0xba", "ad"},
	    {"ba", "\xc3\xa4"},
	    {"ba", "ad\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_thumbprint got, zero = {0};
		char text[80];

		snprintf(text, sizeof(text), "%s%s%s", cases[i].head, rest,
		    cases[i].tail);
		memset(&got, 7, sizeof(got));
		if (trust_thumbprint_parse(text, &got) != TRUST_ERR_INPUT)
			fail_msg("\"%s\" is taken", text);
		assert_true(trust_thumbprint_equal(&got, &zero));
	}
}

static void
differs_in_any_bit(void **state)
{
	struct trust_thumbprint a, b;

	(void)state;
	assert_int_equal(trust_thumbprint_parse(ABC, &a), TRUST_OK);
	for (size_t i = 0; i < 8 * sizeof(a.b); i++) {
		b = a;
		b.b[i / 8] ^= (uint8_t)(1u << (i % 8));
		assert_false(trust_thumbprint_equal(&a, &b));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hashes),
	    cmocka_unit_test(parses),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(differs_in_any_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
