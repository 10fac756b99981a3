/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's own settings, as far as they can be seen: the plugin API shows
 * none, but the process's command line names the configuration file.
 */
#ifndef TRUST_BROKER_CONFIG_H
#define TRUST_BROKER_CONFIG_H

#include "trust.h"

/*
 * Refuse settings that would let clients in past the plugin
 * (use_identity_as_username, use_subject_as_username): TRUST_ERR_CONFLICT
 * with the file, the line and the setting. What cannot be read is not an
 * error: such clients reach no topic anyway (intruder.c).
 */
enum trust_err trust_broker_config_check(
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
