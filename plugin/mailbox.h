/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox between two threads: messages in order, bounded in octets.
 */
#ifndef TRUST_MAILBOX_H
#define TRUST_MAILBOX_H

#include "trust.h"

struct trust_mailbox;

/* One message; what the kinds mean is the users' business. */
struct trust_mail {
	int kind;
	struct trust_buf bytes; /* owned */
};

/* A mailbox for at most `max` octets of bytes (and as many messages as that
 * is kilobytes, so that empty ones are bounded, too). */
enum trust_err trust_mailbox_new(
    size_t max, struct trust_mailbox **out) TRUST_MUST_CHECK;
/* No thread may use it any more. */
void trust_mailbox_free(struct trust_mailbox *mailbox);

/* Put a copy in, if `spare` octets stay free for others. False when it is full,
 * closed, or memory is short: then the message is lost, and its sender has to
 * count on that. Never waits. */
bool trust_mailbox_put(struct trust_mailbox *mailbox, int kind,
    struct trust_span bytes, size_t spare);

/* Take the next one, the caller frees its bytes. Waits up to `wait_ms`
 * milliseconds for one to come. False: none came, or it is closed. */
bool trust_mailbox_take(
    struct trust_mailbox *mailbox, int wait_ms, struct trust_mail *out);

/* Whether something may be there, without a lock: cheap enough to ask at each
 * turn of a loop. What was put a moment ago may not show yet. */
bool trust_mailbox_has_some(const struct trust_mailbox *mailbox);

/* Wake who waits; nothing goes in or out any more. */
void trust_mailbox_close(struct trust_mailbox *mailbox);
bool trust_mailbox_is_closed(struct trust_mailbox *mailbox);

#endif
