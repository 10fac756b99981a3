/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes in under $CONTROL/trust/v1/: the notifications and content that a
 * bridge brings, and what goes out for it.
 */
#ifndef TRUST_CONTROL_H
#define TRUST_CONTROL_H

#include "plugin.h"

enum trust_err trust_control_register(
    struct trust_plugin *plugin, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_control_unregister(struct trust_plugin *plugin);

/* Publish and log what the sync thread has put out. */
void trust_control_drain(struct trust_plugin *plugin);

#endif
