/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrollment on its topics: requests are decided about and passed on with this
 * gateway's word, or answered; responses are held against them. See
 * docs/PROTOCOL.md, "Enrollment".
 */
#ifndef TRUST_ENROLLMENT_H
#define TRUST_ENROLLMENT_H

#include "plugin.h"

/*
 * Whether a check on a topic of enrollment has to be denied, whatever rules
 * say: what has not been through trust_enrollment_on_message, which wills are
 * not, is neither taken nor delivered. `session` may be NULL.
 */
bool trust_enrollment_denies(struct trust_plugin *plugin,
    const struct trust_session *session,
    const struct mosquitto_evt_acl_check *acl);

/* Whether a message is one of these. */
bool trust_enrollment_is_meant(const struct mosquitto_evt_message *message);
/* Take it up. `session` is the publisher's; NULL for a bridge, which may send
 * neither. What the broker is to get: an error refuses the message. */
int trust_enrollment_on_message(struct trust_plugin *plugin,
    struct trust_session *session, struct mosquitto_evt_message *message);

#endif
