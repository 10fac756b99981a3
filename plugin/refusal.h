/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log line of a refusal: the reason, what was found, what it means, and
 * who it was.
 */
#ifndef TRUST_REFUSAL_H
#define TRUST_REFUSAL_H

#include "trust.h"

/* A certificate was refused. `address` is the peer's, as text. */
void trust_refusal_log(
    const struct trust_verdict *verdict, X509 *leaf, const char *address);

/* A device may not publish to a topic, or subscribe to a filter. */
void trust_refusal_log_topic(const struct trust_admission *admission,
    const char *action, const char *topic, const char *address);

/* A client was refused for a reason of its CONNECT. `leaf` may be NULL. */
void trust_refusal_log_client(enum trust_reason reason, const char *client_id,
    X509 *leaf, const char *address, const char *fmt, ...) TRUST_PRINTF(5, 6);

#endif
