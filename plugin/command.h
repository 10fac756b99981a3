/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands on $CONTROL/trust/v1, answered to the asking client alone on
 * $CONTROL/trust/v1/response (interface, "Local topics"). Who may send them
 * is a role's business; bridges and guests never do.
 */
#ifndef TRUST_COMMAND_H
#define TRUST_COMMAND_H

#include "plugin.h"

/* MOSQ_EVT_CONTROL for TRUST_COMMAND_TOPIC. */
#define TRUST_COMMAND_TOPIC "$CONTROL/trust/v1"
int trust_command_on_control(int event, void *data, void *plugin);

#endif
