/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line as text, and what a command takes from it. A command says
 * in a table which options it has and where their values go; parsing, error
 * lines and --help come from that table.
 */
#ifndef TRUST_OPTIONS_H
#define TRUST_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "output.h"

/* How often an option that may be repeated can be given. */
#define TRUST_TEXTS_MAX 256

/* The values of an option that may be repeated. */
struct trust_texts {
	const char *v[TRUST_TEXTS_MAX];
	size_t n;
};

struct trust_option {
	const char *name;     /* long form, without the dashes */
	char letter;          /* short form, or 0 */
	const char *argument; /* what it takes ("FILE"); NULL: nothing */
	const char *help;
	const char *env; /* of text: the variable that stands in for it */
	bool required;   /* text or texts: the command needs it */
	/* Where the value goes. Exactly one is set; it says the type. */
	bool *flag;
	const char **text;
	struct trust_texts *texts;
	int64_t *time;     /* RFC 3339 or Unix seconds */
	int64_t *duration; /* seconds, from "7d" and the like */
	int *number;       /* from min to max */
	int *choice;       /* index into choices */
	int min, max;
	const char *const *choices; /* up to a NULL */
};

/* Options that several commands have. */
#define TRUST_OPTION_REGISTRY(to)                                       \
	{                                                               \
		.name = "registry", .letter = 'r', .argument = "FILE",  \
		.help = "the registry; else $TRUST_REGISTRY",           \
		.env = "TRUST_REGISTRY", .required = true, .text = (to) \
	}
/* Where it is not needed; `what` is what it is then. */
#define TRUST_OPTION_REGISTRY_IF(to, what)                             \
	{                                                              \
		.name = "registry", .letter = 'r', .argument = "FILE", \
		.help = what "; else $TRUST_REGISTRY",                 \
		.env = "TRUST_REGISTRY", .text = (to)                  \
	}
#define TRUST_OPTION_JSON(to)                                       \
	{                                                           \
		.name = "json", .help = "print JSON, for programs", \
		.flag = (to)                                        \
	}
#define TRUST_OPTION_AT(to)                                          \
	{                                                            \
		.name = "at", .argument = "TIME",                    \
		.help = "as if it were then; RFC 3339 or Unix time", \
		.time = (to)                                         \
	}

/* What a command takes, and what its --help says. */
struct trust_usage {
	const char *command;   /* "device add" */
	const char *arguments; /* after the options: "KIND ID", or "" */
	const char *text;      /* what it does, in whole lines */
	const struct trust_option *options;
	size_t n_options;
	int min_args, max_args; /* -1: any number */
};

/* The members of a usage for an array of options. */
#define TRUST_USAGE_OPTIONS(array) \
	.options = (array), .n_options = sizeof(array) / sizeof((array)[0])

/* What is left of the command line. */
struct trust_args {
	int n;
	char **v;
	int status; /* when parsing says to stop: with what */
};

/*
 * Parse argv[1] and on. False: --help was printed, or an error, and the
 * command ends with args->status.
 */
bool trust_options_parse(const struct trust_usage *usage, int argc, char **argv,
    struct trust_args *args);

/* A line about wrong usage, with where to look. Returns TRUST_EXIT_ERROR. */
int trust_options_wrong(const struct trust_usage *usage, const char *fmt, ...)
    TRUST_PRINTF(2, 3);

/* Seconds since 1970: the only clock of the program that tells the date. */
int64_t trust_options_now(void);

#endif
