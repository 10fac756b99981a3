/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person is told to type means to a shell what it says, whoever wrote
 * it. The file of trustctl is taken in whole, as it has no library.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../cli/shell.c"

static void
test_words(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
	    {"gw1.example", "gw1.example"},
	    {"fe80::1%eth0", "fe80::1%eth0"},
	    {"/etc/mosquitto/root.pem", "/etc/mosquitto/root.pem"},
	    {"a b", "'a b'"},
	    {"$(reboot)", "'$(reboot)'"},
	    {"`reboot`;&|<>\\\"*?~#!", "'`reboot`;&|<>\\\"*?~#!'"},
	    {"it's", "'it'\\''s'"},
	    {"~", "'~'"},
	    {"'", "''\\'''"},
	    {"", "FILE"},
	    {NULL, "FILE"},
	    {"a\nb", "FILE"},
	    {"a\x1b[31m", "FILE"},
	    {"caf\xc3\xa9", "FILE"},
	};
	char out[TRUST_SHELL_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    trust_shell_quote(cases[i].text, "FILE", out),
		    cases[i].word);
}

/* A word that was cut would be open at its end. */
static void
test_no_word_is_cut(void **state)
{
	static const char letters[] = "a '";
	char text[TRUST_SHELL_MAX + 2], out[TRUST_SHELL_MAX];

	(void)state;
	for (size_t k = 0; k < sizeof(letters) - 1; k++) {
		for (size_t len = 1; len < sizeof(text); len++) {
			memset(text, letters[k], len);
			text[len] = '\0';
			(void)trust_shell_quote(text, "FILE", out);
			assert_true(strlen(out) < sizeof(out));
			assert_true(strcmp(out, "FILE") == 0 ||
				    strlen(out) >= strlen(text));
			assert_true(letters[k] == 'a' || *out == 'F' ||
				    out[strlen(out) - 1] == '\'');
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_no_word_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
