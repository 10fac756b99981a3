/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of commands: found by name, printed, run.
 */
#include "commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "output.h"

void
trust_commands_print(const struct trust_command *table, size_t n)
{
	size_t i, width = 0;

	for (i = 0; i < n; i++)
		if (strlen(table[i].name) > width)
			width = strlen(table[i].name);
	for (i = 0; i < n; i++)
		printf(
		    "  %-*s  %s\n", (int)width, table[i].name, table[i].help);
}

const struct trust_command *
trust_commands_find(
    const struct trust_command *table, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static bool
asks_for_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

int
trust_commands_run(const char *parent, const char *text,
    const struct trust_command *table, size_t n, int argc, char **argv)
{
	const struct trust_command *command;

	if (argc < 2) {
		trust_output_error("%s: want a command after it, see trustctl "
				   "%s --help",
		    parent, parent);
		return TRUST_EXIT_ERROR;
	}
	if (asks_for_help(argv[1])) {
		printf("usage: trustctl %s COMMAND\n\n%s\n", parent, text);
		trust_commands_print(table, n);
		printf("\ntrustctl %s COMMAND --help says more.\n", parent);
		return TRUST_EXIT_YES;
	}
	command = trust_commands_find(table, n, argv[1]);
	if (command == NULL) {
		trust_output_error("%s: no command \"%s\", see trustctl %s "
				   "--help",
		    parent, argv[1], parent);
		return TRUST_EXIT_ERROR;
	}
	return command->run(argc - 1, argv + 1);
}
