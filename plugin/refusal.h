/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals: counted by their reason, and written out, to the broker's log and
 * as events, as far as a reader can follow: a flood of one reason is written
 * out in part, and the rest told of as a number.
 */
#ifndef TRUST_REFUSAL_H
#define TRUST_REFUSAL_H

#include "event.h"

struct trust_refusals;

/* The events are borrowed. */
enum trust_err trust_refusals_new(
    struct trust_events *events, struct trust_refusals **out) TRUST_MUST_CHECK;
void trust_refusals_free(struct trust_refusals *refusals);

/* A certificate was refused; `leaf` may be NULL, for none. `address` is the
 * peer's, as text, or NULL; `client_id` may be NULL, before CONNECT. */
void trust_refusal_tell(struct trust_refusals *refusals,
    const struct trust_verdict *verdict, const char *client_id, X509 *leaf,
    const char *address);

/* The same of somebody with a pre-shared key, or who claims to have one;
 * `identity` is a peer's text. */
void trust_refusal_tell_psk(struct trust_refusals *refusals,
    const struct trust_verdict *verdict, const char *client_id,
    const char *identity, const char *address);

/* A device may not publish to a topic, or subscribe to a filter. */
void trust_refusal_tell_topic(struct trust_refusals *refusals,
    const struct trust_admission *admission, const char *client_id,
    const char *action, const char *topic, const char *address);

/* A client was refused for a reason that no verdict has: mostly of its
 * CONNECT. `leaf` may be NULL. */
void trust_refusal_tell_client(struct trust_refusals *refusals,
    enum trust_reason reason, const char *client_id, X509 *leaf,
    const char *address, const char *fmt, ...) TRUST_PRINTF(6, 7);

/* Count one that is not to be written out. */
void trust_refusal_count(
    struct trust_refusals *refusals, enum trust_reason reason);

/* Tell how many were not written out in the seconds before this one. */
void trust_refusals_flush(struct trust_refusals *refusals, int64_t now);

/* How many there were since the start. */
uint64_t trust_refusals_count(
    const struct trust_refusals *refusals, enum trust_reason reason);

#endif
