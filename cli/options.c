/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line as text: getopt_long, driven by a command's own table.
 */
#include "options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OPTIONS_MAX 24
/* getopt's value for the first option of a table: past every character. */
#define FIRST_VALUE 256
/* Of --help. */
#define HELP 1

int64_t
trust_options_now(void)
{
	return (int64_t)time(NULL);
}

int
trust_options_wrong(const struct trust_usage *usage, const char *fmt, ...)
{
	char text[TRUST_MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	trust_output_error("%s: %s, see trustctl %s --help", usage->command,
	    text, usage->command);
	return TRUST_EXIT_ERROR;
}

static const struct trust_option *
find_option(const struct trust_usage *usage, int value)
{
	size_t i;

	for (i = 0; i < usage->n_options; i++)
		if (value == FIRST_VALUE + (int)i ||
		    (value != 0 && value == usage->options[i].letter))
			return &usage->options[i];
	return NULL;
}

/* ---- --help ---- */

static void
print_synopsis(const struct trust_usage *usage)
{
	const struct trust_option *o;
	size_t i;

	printf("usage: trustctl %s", usage->command);
	for (i = 0; i < usage->n_options; i++) {
		o = &usage->options[i];
		if (o->required && o->env == NULL)
			printf(" --%s %s", o->name, o->argument);
	}
	printf(" [options]%s%s\n", usage->arguments[0] != '\0' ? " " : "",
	    usage->arguments);
}

static void
print_option(const struct trust_option *o, size_t width)
{
	char text[80];

	snprintf(text, sizeof(text), "--%s%s%s", o->name,
	    o->argument != NULL ? " " : "",
	    o->argument != NULL ? o->argument : "");
	if (o->letter != 0)
		printf("  -%c, ", o->letter);
	else
		printf("      ");
	printf("%-*s  %s%s\n", (int)width, text, o->help,
	    o->texts != NULL ? "; repeatable" : "");
}

static void
print_help(const struct trust_usage *usage)
{
	const struct trust_option help = {
	    .name = "help",
	    .letter = find_option(usage, 'h') == NULL ? 'h' : 0,
	    .help = "this text",
	};
	size_t i, width = strlen("--help"), len;
	const struct trust_option *o;

	print_synopsis(usage);
	printf("\n%s\noptions:\n", usage->text);
	for (i = 0; i < usage->n_options; i++) {
		o = &usage->options[i];
		len = strlen("--") + strlen(o->name);
		if (o->argument != NULL)
			len += strlen(" ") + strlen(o->argument);
		if (len > width)
			width = len;
	}
	for (i = 0; i < usage->n_options; i++)
		print_option(&usage->options[i], width);
	print_option(&help, width);
}

/* ---- Values ---- */

static bool
take_number(const struct trust_option *o, const char *text)
{
	char *end;
	long value;

	if (text[0] < '0' || text[0] > '9')
		return false;
	value = strtol(text, &end, 10);
	if (*end != '\0' || value < o->min || value > o->max)
		return false;
	*o->number = (int)value;
	return true;
}

static bool
take_choice(const struct trust_option *o, const char *text)
{
	int i;

	for (i = 0; o->choices[i] != NULL; i++) {
		if (strcmp(o->choices[i], text) == 0) {
			*o->choice = i;
			return true;
		}
	}
	return false;
}

/* Take the value of one option. False with what was wanted in `want`. */
static bool
take_value(
    const struct trust_option *o, const char *text, char *want, size_t size)
{
	want[0] = '\0';
	if (o->flag != NULL) {
		*o->flag = true;
		return true;
	}
	if (o->text != NULL) {
		*o->text = text;
		return true;
	}
	if (o->texts != NULL) {
		snprintf(want, size, "at most %d of them", TRUST_TEXTS_MAX);
		if (o->texts->n == TRUST_TEXTS_MAX)
			return false;
		o->texts->v[o->texts->n++] = text;
		return true;
	}
	if (o->time != NULL) {
		snprintf(want, size,
		    "a time like 2026-11-20T12:00:00Z or Unix seconds");
		return trust_clock_parse(text, o->time) == TRUST_OK;
	}
	if (o->duration != NULL) {
		snprintf(want, size, "a duration like 12h or 7d");
		return trust_duration_parse(text, o->duration) == TRUST_OK;
	}
	if (o->number != NULL) {
		snprintf(want, size, "a number from %d to %d", o->min, o->max);
		return take_number(o, text);
	}
	snprintf(want, size, "%s", o->argument);
	return take_choice(o, text);
}

/* ---- Parsing ---- */

/* What getopt_long wants to know, made from a table. */
struct getopt_tables {
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 3];
};

static void
make_tables(const struct trust_usage *usage, struct getopt_tables *tables)
{
	const struct trust_option *o;
	char *p = tables->shorts;
	size_t i;

	*p++ = ':'; /* a missing value is told apart */
	if (find_option(usage, 'h') == NULL)
		*p++ = 'h';
	for (i = 0; i < usage->n_options && i < OPTIONS_MAX; i++) {
		o = &usage->options[i];
		tables->longs[i].name = o->name;
		tables->longs[i].has_arg =
		    o->argument != NULL ? required_argument : no_argument;
		tables->longs[i].val = FIRST_VALUE + (int)i;
		if (o->letter != 0) {
			*p++ = o->letter;
			if (o->argument != NULL)
				*p++ = ':';
		}
	}
	tables->longs[i].name = "help";
	tables->longs[i].val = HELP;
}

static void
refuse_option(const struct trust_usage *usage, int found, char **argv)
{
	const struct trust_option *o = find_option(usage, optopt);

	if (found == ':' && o != NULL)
		trust_options_wrong(
		    usage, "--%s: want %s after it", o->name, o->argument);
	else if (o != NULL)
		trust_options_wrong(usage, "--%s takes no value", o->name);
	else if (optopt != 0)
		trust_options_wrong(usage, "unknown option -%c", optopt);
	else
		trust_options_wrong(
		    usage, "unknown option %s", argv[optind - 1]);
}

static bool
take_option(const struct trust_usage *usage, int found)
{
	const struct trust_option *o = find_option(usage, found);
	char want[TRUST_SHOWN_MAX];

	if (o == NULL)
		return false;
	if (take_value(o, optarg, want, sizeof(want)))
		return true;
	trust_options_wrong(
	    usage, "--%s: want %s, got \"%s\"", o->name, want, optarg);
	return false;
}

static bool
check_required(const struct trust_usage *usage)
{
	const struct trust_option *o;
	const char *env;
	size_t i;

	for (i = 0; i < usage->n_options; i++) {
		o = &usage->options[i];
		if (o->env != NULL && *o->text == NULL) {
			env = getenv(o->env);
			if (env != NULL && env[0] != '\0')
				*o->text = env;
		}
		if (!o->required || (o->text != NULL && *o->text != NULL) ||
		    (o->texts != NULL && o->texts->n > 0))
			continue;
		trust_options_wrong(usage, "want --%s %s%s%s", o->name,
		    o->argument, o->env != NULL ? " or the environment's " : "",
		    o->env != NULL ? o->env : "");
		return false;
	}
	return true;
}

static bool
check_count(const struct trust_usage *usage, const struct trust_args *args)
{
	if (args->n < usage->min_args)
		trust_options_wrong(usage, "want %s", usage->arguments);
	else if (usage->max_args < 0 || args->n <= usage->max_args)
		return true;
	else if (usage->max_args == 0)
		trust_options_wrong(
		    usage, "want options only, got \"%s\" as well", args->v[0]);
	else
		trust_options_wrong(usage, "want %s, got \"%s\" as well",
		    usage->arguments, args->v[usage->max_args]);
	return false;
}

/* -h, unless it is an option with a value, and has one. */
static bool
is_help(const struct trust_usage *usage, int found)
{
	return (found == 'h' && find_option(usage, 'h') == NULL) ||
	       (found == ':' && optopt == 'h');
}

bool
trust_options_parse(const struct trust_usage *usage, int argc, char **argv,
    struct trust_args *args)
{
	struct getopt_tables tables = {0};
	int found;

	args->status = TRUST_EXIT_ERROR;
	make_tables(usage, &tables);
	opterr = 0;
	while ((found = getopt_long(
		    argc, argv, tables.shorts, tables.longs, NULL)) != -1) {
		if (found == HELP || is_help(usage, found)) {
			print_help(usage);
			args->status = TRUST_EXIT_YES;
			return false;
		}
		if (found == '?' || found == ':') {
			refuse_option(usage, found, argv);
			return false;
		}
		if (!take_option(usage, found))
			return false;
	}
	args->n = argc - optind;
	args->v = argv + optind;
	return check_count(usage, args) && check_required(usage);
}
