/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of a command that a person is told to type.
 */
#include "shell.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Means itself in every shell, wherever it stands. */
static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789_-./:@%+,";

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

/* POSIX.1-2017, XCU section 2.2.2: everything but the single quote. */
static bool
quote(const char *text, char *out, size_t size)
{
	size_t n = 0;

	out[n++] = '\'';
	for (; *text != '\0'; text++) {
		/* The longest piece, the last quote and the NUL. */
		if (n + 4 + 2 > size)
			return false;
		if (*text == '\'') {
			memcpy(out + n, "'\\''", 4);
			n += 4;
		} else
			out[n++] = *text;
	}
	out[n++] = '\'';
	out[n] = '\0';
	return true;
}

static bool
is_plain(const char *text)
{
	return text[0] != '\0' && text[strspn(text, plain)] == '\0';
}

const char *
trust_shell_quote(
    const char *text, const char *instead, char out[TRUST_SHELL_MAX])
{
	if (text == NULL || text[0] == '\0' || !is_printable(text) ||
	    (!is_plain(text) && !quote(text, out, TRUST_SHELL_MAX)) ||
	    strlen(text) >= TRUST_SHELL_MAX)
		snprintf(out, TRUST_SHELL_MAX, "%s", instead);
	else if (is_plain(text))
		memcpy(out, text, strlen(text) + 1);
	return out;
}

void
trust_shell_print(const char *text)
{
	if (is_plain(text)) {
		printf("%s", text);
		return;
	}
	putchar('\'');
	for (; *text != '\0'; text++)
		printf(*text == '\'' ? "'\\''" : "%c", *text);
	putchar('\'');
}
