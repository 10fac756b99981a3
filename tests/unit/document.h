/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/PROTOCOL.md and the examples in it: what it shows must be true. Tests
 * run from the top of the tree.
 */
#ifndef TESTS_DOCUMENT_H
#define TESTS_DOCUMENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "span.h"

/* The whole text; the caller frees. */
static inline struct trust_buf
document_read(void)
{
	struct trust_buf text = {0};
	FILE *file = fopen("docs/PROTOCOL.md", "r");
	char chunk[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		assert_int_equal(trust_buf_add(&text, chunk, n), TRUST_OK);
	fclose(file);
	return text;
}

/* The message of this type that it shows; the caller frees. */
static inline struct trust_buf
document_example(const char *type)
{
	struct trust_buf text = document_read();
	struct trust_buf out = {0};
	char start[64];
	char *from, *to;

	snprintf(start, sizeof(start), "\n{\"type\":\"%s\"", type);
	from = strstr((char *)text.p, start);
	assert_non_null(from);
	to = strstr(from, "\n```");
	assert_non_null(to);
	assert_int_equal(
	    trust_buf_add(&out, from, (size_t)(to - from)), TRUST_OK);
	trust_buf_free(&text);
	return out;
}

#endif
