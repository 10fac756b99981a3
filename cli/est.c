/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl est: the gateway's own certificate, from an EST server (RFC 7030).
 */
#include "commands.h"

static const struct trust_command commands[] = {
    {"cacerts", trust_est_cacerts_run, "get the CA's roots"},
    {"enroll", trust_est_enroll_run, "get a first certificate"},
    {"reenroll", trust_est_reenroll_run, "renew it"},
};

int
trust_est_run(int argc, char **argv)
{
	return trust_commands_run("est",
	    "Certificates from an EST server, for the gateway itself.\n",
	    commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
