/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subcommands: each has a file of its own with its run function. A run
 * function gets the command line from its own name on and returns the exit
 * status.
 */
#ifndef TRUST_COMMANDS_H
#define TRUST_COMMANDS_H

#include <stddef.h>

struct trust_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help; /* one line */
};

int trust_init_run(int argc, char **argv);
int trust_put_run(int argc, char **argv);
int trust_remove_run(int argc, char **argv);
int trust_list_run(int argc, char **argv);
int trust_show_run(int argc, char **argv);
int trust_device_run(int argc, char **argv);
int trust_device_add_run(int argc, char **argv);
int trust_device_seal_run(int argc, char **argv);
int trust_gateway_run(int argc, char **argv);
int trust_token_run(int argc, char **argv);
int trust_verify_run(int argc, char **argv);
int trust_anchor_run(int argc, char **argv);
int trust_anchor_add_run(int argc, char **argv);
int trust_anchor_list_run(int argc, char **argv);
int trust_anchor_remove_run(int argc, char **argv);
int trust_bundle_run(int argc, char **argv);
int trust_check_run(int argc, char **argv);
int trust_doctor_run(int argc, char **argv);
int trust_topic_run(int argc, char **argv);
int trust_thumbprint_run(int argc, char **argv);
int trust_pki_run(int argc, char **argv);
int trust_edge_ca_run(int argc, char **argv);
int trust_enroll_run(int argc, char **argv);
int trust_publish_run(int argc, char **argv);
int trust_sign_run(int argc, char **argv);
int trust_inspect_run(int argc, char **argv);
int trust_apply_run(int argc, char **argv);
int trust_status_run(int argc, char **argv);
int trust_sessions_run(int argc, char **argv);
int trust_block_run(int argc, char **argv);
int trust_unblock_run(int argc, char **argv);
int trust_unpin_run(int argc, char **argv);
int trust_kick_run(int argc, char **argv);
int trust_resync_run(int argc, char **argv);
int trust_events_run(int argc, char **argv);
int trust_est_run(int argc, char **argv);
int trust_est_enroll_run(int argc, char **argv);
int trust_est_reenroll_run(int argc, char **argv);
int trust_est_cacerts_run(int argc, char **argv);

/* Print what there is: "  name  help" a line. */
void trust_commands_print(const struct trust_command *table, size_t n);

/* NULL when there is none of that name. */
const struct trust_command *trust_commands_find(
    const struct trust_command *table, size_t n, const char *name);

/*
 * Run the one that argv[1] names, of a command that has commands of its own:
 * `parent` is that command's name. Without a name, or a wrong one, an error
 * line; --help prints `text` and the table.
 */
int trust_commands_run(const char *parent, const char *text,
    const struct trust_command *table, size_t n, int argc, char **argv);

#endif
