/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A replica: follows an origin by notifications and parts, from wherever they
 * come. The state machine of sync.md's gateway end: bytes and a time in;
 * requests, reports and news out. It has a database connection of its own and
 * is used by one thread.
 */
#ifndef TRUST_REPLICA_H
#define TRUST_REPLICA_H

#include <openssl/x509.h>

#include "ahead.h"
#include "exchange.h"
#include "log.h"
#include "replica_judge.h"

/* Borrowed; copied when it is opened. */
struct trust_replica_config {
	const char *registry_path; /* made when there is none */
	const char *gateway;
	const char *scope;
	STACK_OF(X509) *anchors; /* of registry signers */
	size_t n_signatures;     /* distinct signers wanted */
	int64_t clock_skew_s;
	int max_removals;     /* percent */
	uint64_t jitter_seed; /* for the waits between requests */
	/* Where CRLs go that are applied, parsed; borrowed until it is closed.
	 * May be NULL. */
	struct trust_ahead *ahead;
};

/* What a replica has to say. All called from within its functions. */
struct trust_replica_events {
	void (*request)(void *arg, struct trust_span json);
	void (*report)(void *arg, struct trust_span json);
	/* A whole state was applied, or the one held was signed anew: what is
	 * held, or how fresh it is, has changed. */
	void (*applied)(void *arg, const struct trust_notification_mark *held);
	/* Something was refused; `detail` is for a person. */
	void (*refused)(
	    void *arg, enum trust_sync_reason reason, const char *detail);
	/* Asked now and then in long work: true ends it at once, and nothing
	 * has changed. May be NULL. */
	bool (*is_stopping)(void *arg);
	struct trust_log log;
	void *arg;
};

struct trust_replica;

/* TRUST_ERR_CONFLICT: the file there is an origin, or holds an anchor with the
 * key of one of the registry signers' anchors. What was begun goes on with the
 * first tick. */
enum trust_err trust_replica_open(const struct trust_replica_config *config,
    const struct trust_replica_events *events, struct trust_replica **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_replica_close(struct trust_replica *replica);

/* For all of these: an error is the machinery's (a full disk, say); what was
 * to be done is tried again later. A refusal is none. `now` is the clock's
 * time; the time floor is kept here. */

/* A notification arrived. */
enum trust_err trust_replica_notify(struct trust_replica *replica,
    struct trust_span der, int64_t now,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* A content part arrived. */
enum trust_err trust_replica_receive(struct trust_replica *replica,
    struct trust_span part, int64_t now,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Time passed: repeat requests, send reports that are due. To be called at
 * least once a second. */
enum trust_err trust_replica_tick(struct trust_replica *replica, int64_t now,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Forget what is half fetched, fetch the newest notification's state as a
 * snapshot, and make all that is held anew by it, damaged or not ("resync").
 * TRUST_ERR_NOT_FOUND: none has been accepted yet. */
enum trust_err trust_replica_resync(struct trust_replica *replica, int64_t now,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* What is held in full, and the newest accepted; empty sessions: none. */
void trust_replica_get_marks(const struct trust_replica *replica,
    struct trust_notification_mark *held,
    struct trust_notification_mark *newest);

/* What the replica in a file knows, for trust_replica_judge. The file is
 * opened for reading, and nothing is made. TRUST_ERR_NOT_FOUND: there is none;
 * TRUST_ERR_CONFLICT: it is an origin. */
enum trust_err trust_replica_load_known(const char *registry_path,
    struct trust_replica_known *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
