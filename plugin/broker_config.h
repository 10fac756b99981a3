/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's own settings, as far as they can be seen: the plugin API shows
 * none, but the process's command line names the configuration file.
 */
#ifndef TRUST_BROKER_CONFIG_H
#define TRUST_BROKER_CONFIG_H

#include "trust.h"

struct trust_broker_config;

/*
 * Refuse settings that would let clients in past the plugin
 * (use_identity_as_username, use_subject_as_username): TRUST_ERR_CONFLICT
 * with the file, the line and the setting; and note the bridges. What cannot
 * be read is not an error: such clients reach no topic anyway (intruder.c). It
 * gets a warning in the log, one for all files, and so does each listener with
 * TLS that requires no certificate, unless `asks_all`: the plugin has all of
 * them ask for one.
 */
enum trust_err trust_broker_config_load(bool asks_all,
    struct trust_broker_config **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_broker_config_free(struct trust_broker_config *config);

/* Whether a psk_file says who has which key, besides the registry. */
bool trust_broker_config_has_psk_file(const struct trust_broker_config *config);

/* Whether a bridge of this broker has this client id here. */
bool trust_broker_config_has_bridge(
    const struct trust_broker_config *config, const char *client_id);

#endif
