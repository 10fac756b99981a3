/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl anchor: trust anchors, shown before they are trusted.
 */
#include "commands.h"

int
trust_anchor_run(int argc, char **argv)
{
	static const struct trust_command commands[] = {
	    {"add", trust_anchor_add_run, "show a certificate, and trust it"},
	    {"list", trust_anchor_list_run,
		"whom the registry trusts, and for how long"},
	    {"remove", trust_anchor_remove_run,
		"trust one no more, unless it is still used"},
	};

	return trust_commands_run("anchor",
	    "Trust anchors of a registry: the CAs that vouch for devices and "
	    "upstreams.\n",
	    commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
