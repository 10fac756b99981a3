/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is connected to a running gateway.
 */
#ifndef TRUST_SESSIONS_H
#define TRUST_SESSIONS_H

#include "remote.h"

/* Add the client ids of those who came by an anchor to an array. */
enum trust_err trust_sessions_names(const struct trust_mqtt_options *gateway,
    const char *anchor, json_t *names,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
