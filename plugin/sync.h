/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sync in a thread of its own, with a database connection of its own: the
 * broker's thread hands bytes over and takes results at the tick. Nothing of
 * the broker's API is called from the thread.
 */
#ifndef TRUST_SYNC_H
#define TRUST_SYNC_H

#include "trust.h"

struct trust_sync;

/* What comes out, one at a time, for the broker's thread to do. Everything is
 * borrowed for the call. */
struct trust_sync_visitor {
	void (*request)(void *arg, struct trust_span json);
	void (*report)(void *arg, struct trust_span json);
	/* A whole state was applied, or the one held was signed anew. */
	void (*applied)(void *arg, const char *text);
	/* Something was refused; as many as a person can read. */
	void (*refused)(
	    void *arg, enum trust_sync_reason reason, const char *text);
	void (*log)(void *arg, enum trust_log_level level, const char *line);
	void *arg;
};

/* Open the replica and start the thread. `config` is borrowed until stop. */
enum trust_err trust_sync_start(const struct trust_replica_config *config,
    struct trust_sync **out, struct trust_message *msg) TRUST_MUST_CHECK;
/* Stop in the middle of whatever it does; what is not committed is done again
 * at the next start. NULL is safe. */
void trust_sync_stop(struct trust_sync *sync);

/* Hand over what arrived. False: the queue is full, and it is lost; the
 * protocol asks for it again. */
bool trust_sync_notify(struct trust_sync *sync, struct trust_span bytes);
bool trust_sync_receive(struct trust_sync *sync, struct trust_span bytes);
bool trust_sync_resync(struct trust_sync *sync);

/* Whether something came out: cheap enough for every turn of a loop. */
bool trust_sync_has_news(const struct trust_sync *sync);
/* Take what came out since the last call. Never waits. */
void trust_sync_drain(
    struct trust_sync *sync, const struct trust_sync_visitor *visitor);

#endif
