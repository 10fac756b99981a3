/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands print. The one place that prints errors.
 */
#include "output.h"

#include <errno.h>
#include <langinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Blanks between two columns. */
#define COLUMN_GAP 2

static void print_line(const char *label, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static void
print_line(const char *label, const char *fmt, va_list args)
{
	char text[2 * TRUST_MESSAGE_MAX];

	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	trust_err_flatten(text);
	fprintf(stderr, "trustctl: %s%s\n", label, text);
}

void
trust_output_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line("", fmt, args);
	va_end(args);
}

void
trust_output_note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line("note: ", fmt, args);
	va_end(args);
}

void
trust_output_note_rest(size_t n, size_t named, const char *kind)
{
	if (n > named)
		trust_output_note(
		    "%zu more %ss are like that", n - named, kind);
}

void
trust_output_log(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line("", fmt, args);
	va_end(args);
}

int
trust_output_failure(enum trust_err err, const struct trust_message *msg)
{
	trust_output_error(
	    "%s", msg->text[0] != '\0' ? msg->text : trust_err_text(err));
	return TRUST_EXIT_ERROR;
}

const char *
trust_output_join(const json_t *names, size_t n, char out[TRUST_MESSAGE_MAX])
{
	size_t used = 0, told = 0;
	const json_t *name;

	out[0] = '\0';
	json_array_foreach((json_t *)(uintptr_t)names, told, name)
	{
		if (told == TRUST_OUTPUT_NAMED_MAX || used >= TRUST_MESSAGE_MAX)
			break;
		used += (size_t)snprintf(out + used, TRUST_MESSAGE_MAX - used,
		    "%s%s", told > 0 ? ", " : "", json_string_value(name));
	}
	if (n > told && used < TRUST_MESSAGE_MAX)
		(void)snprintf(out + used, TRUST_MESSAGE_MAX - used,
		    " and %zu more", n - told);
	return out;
}

const char *
trust_output_join_all(const json_t *names, char out[TRUST_MESSAGE_MAX])
{
	return trust_output_join(names, json_array_size(names), out);
}

enum trust_err
trust_output_json(json_t *value, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf line = {0};

	if (value == NULL) {
		r = trust_err_set(msg, TRUST_ERR_NOMEM,
		    "cannot be written as JSON: not UTF-8, or out of memory");
		goto out;
	}
	if ((r = trust_json_encode(value, &line)) != TRUST_OK)
		goto out;
	if (fwrite(line.p, 1, line.len, stdout) != line.len ||
	    putchar('\n') == EOF) {
		r = TRUST_ERR_IO;
		goto out;
	}
	r = TRUST_OK;
out:
	trust_buf_free(&line);
	json_decref(value);
	return r;
}

bool
trust_output_is_utf8_terminal(void)
{
	return isatty(STDOUT_FILENO) &&
	       strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *
trust_output_color(enum trust_color color)
{
	/* ECMA-48 section 8.3.117, SGR. */
	static const char *const sequences[] = {
	    [TRUST_COLOR_NONE] = "\x1b[0m",
	    [TRUST_COLOR_GOOD] = "\x1b[32m",
	    [TRUST_COLOR_WARNING] = "\x1b[33m",
	    [TRUST_COLOR_BAD] = "\x1b[31m",
	};
	const char *no_color = getenv("NO_COLOR");

	if (!isatty(STDOUT_FILENO) || (no_color != NULL && *no_color != '\0'))
		return "";
	return sequences[color];
}

enum trust_err
trust_output_flush(struct trust_message *msg)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return trust_err_set(
		    msg, TRUST_ERR_IO, "standard output: %s", strerror(errno));
	return TRUST_OK;
}

static void
measure(struct trust_table *table, const char *const *cells)
{
	size_t i, width;

	for (i = 0; table->headers[i] != NULL; i++) {
		width = strlen(cells[i]);
		if (width > table->widths[i])
			table->widths[i] = width;
	}
}

static void
print(const struct trust_table *table, const char *const *cells)
{
	size_t i;

	for (i = 0; table->headers[i + 1] != NULL; i++)
		printf("%-*s", (int)table->widths[i] + COLUMN_GAP, cells[i]);
	printf("%s\n", cells[i]);
}

void
trust_table_row(
    struct trust_table *table, const char *const cells[TRUST_TABLE_COLUMNS_MAX])
{
	if (table->printing)
		print(table, cells);
	else
		measure(table, cells);
}

void
trust_table_print(struct trust_table *table)
{
	measure(table, table->headers);
	print(table, table->headers);
	table->printing = true;
}
