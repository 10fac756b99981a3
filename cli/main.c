/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl: the table of its commands, and the way to them.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "output.h"

static const struct trust_command commands[] = {
    {"init", trust_init_run, "make an empty registry"},
    {"put", trust_put_run, "add or replace records, all or nothing"},
    {"remove", trust_remove_run, "remove a record"},
    {"list", trust_list_run, "list the records of a kind"},
    {"show", trust_show_run, "show a record"},
    {"device", trust_device_run, "add, enable, disable, remove a device"},
    {"anchor", trust_anchor_run,
	"trust anchors, shown before they are trusted"},
    {"bundle", trust_bundle_run, "the anchors that devices are given, as PEM"},
    {"gateway", trust_gateway_run, "add a gateway, for which keys are sealed"},
    {"token", trust_token_run, "tokens for first certificates"},
    {"check", trust_check_run,
	"what the gateway would decide about a certificate, and why"},
    {"topic", trust_topic_run,
	"what a device may do with a topic, and by which rule"},
    {"verify", trust_verify_run,
	"validate a certificate's path, without a registry"},
    {"doctor", trust_doctor_run, "why a sensor cannot connect"},
    {"thumbprint", trust_thumbprint_run,
	"SHA-256 of certificates and of their keys"},
    {"pki", trust_pki_run, "certificates and keys for development"},
    {"est", trust_est_run, "the gateway's own certificate, from an EST server"},
    {"edge-ca", trust_edge_ca_run,
	"issue certificates to devices, and to their gateway"},
    {"enroll", trust_enroll_run, "ask a gateway for a certificate"},
    {"publish", trust_publish_run,
	"sign a scope's registry, publish it, answer its gateways"},
    {"sign", trust_sign_run, "the same as files"},
    {"inspect", trust_inspect_run,
	"what a notification says, and whether it would be taken"},
    {"apply", trust_apply_run, "bring such files into a replica"},
    {"status", trust_status_run, "how a running gateway is"},
    {"sessions", trust_sessions_run, "who is connected to it"},
    {"events", trust_events_run, "what happens there, as it happens"},
    {"block", trust_block_run, "keep a device out there, at once"},
    {"unblock", trust_unblock_run, "let it be decided about again"},
    {"unpin", trust_unpin_run, "forget a device's first key there"},
    {"kick", trust_kick_run, "close a device's sessions"},
    {"resync", trust_resync_run, "fetch the whole registry anew"},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int
help(void)
{
	printf("usage: trustctl COMMAND [options] [arguments]\n"
	       "       trustctl help [COMMAND]\n"
	       "       trustctl --version\n"
	       "\n"
	       "Who may connect to this MQTT gateway: its registry of devices "
	       "and what it\n"
	       "decides about their certificates.\n"
	       "\n");
	trust_commands_print(commands, N_COMMANDS);
	printf("\ntrustctl COMMAND --help says more. Exit status: 0 yes or "
	       "done, 1 no, 2 error.\n");
	return TRUST_EXIT_YES;
}

static int
run(int argc, char **argv)
{
	const struct trust_command *command =
	    trust_commands_find(commands, N_COMMANDS, argv[0]);

	if (command != NULL)
		return command->run(argc, argv);
	if (argv[0][0] == '-')
		trust_output_error(
		    "want a command before \"%s\", see trustctl help", argv[0]);
	else
		trust_output_error(
		    "no command \"%s\", see trustctl help", argv[0]);
	return TRUST_EXIT_ERROR;
}

/* "help X Y" asks what "X Y --help" asks. */
static int
help_with(int argc, char **argv)
{
	static char option[] = "--help";
	int i;

	for (i = 0; i + 1 < argc; i++)
		argv[i] = argv[i + 1];
	argv[argc - 1] = option;
	return run(argc, argv);
}

static int
start(int argc, char **argv)
{
	if (argc < 2) {
		trust_output_error("want a command, see trustctl help");
		return TRUST_EXIT_ERROR;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("trustctl %s\n", TRUST_VERSION);
		return TRUST_EXIT_YES;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help();
	if (strcmp(argv[1], "help") == 0)
		return argc == 2 ? help() : help_with(argc - 1, argv + 1);
	return run(argc - 1, argv + 1);
}

int
main(int argc, char **argv)
{
	struct trust_message msg = {0};
	enum trust_err err;
	int status;

	setlocale(LC_CTYPE, "");
	status = start(argc, argv);
	if ((err = trust_output_flush(&msg)) != TRUST_OK)
		status = trust_output_failure(err, &msg);
	return status;
}
