/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of a command that a person is told to type. Some come from a peer:
 * what is copied into a shell must not mean anything else there.
 */
#ifndef TRUST_SHELL_H
#define TRUST_SHELL_H

#include <stddef.h>

/* Octets of a word, quotes and NUL included. */
#define TRUST_SHELL_MAX 256

/*
 * The text as one word of a POSIX shell, in single quotes where it needs them.
 * `instead` stands for what is NULL, empty, too long or not printable ASCII: a
 * name like FILE. Returns `out`.
 */
const char *trust_shell_quote(
    const char *text, const char *instead, char out[TRUST_SHELL_MAX]);

/* Print the user's own word, which may be of any length and any octets, as one
 * of a POSIX shell. */
void trust_shell_print(const char *text);

#endif
