/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether anything comes from upstream, for a person to know before the
 * registry is stale. A quiet upstream is none that is away: it may say nothing
 * for half of the time from this_update to next_update. What tells is
 *   - the bridge that brought what came last lost its connection; when it is
 *     back, the broker upstream sends what is retained again,
 *   - nothing has come since the start, or no content behind a notification,
 *   - the state held is past the time at which it is signed anew, and nothing
 *     comes.
 */
#ifndef TRUST_UPSTREAM_H
#define TRUST_UPSTREAM_H

#include "trust.h"

/* How long a bridge may be gone before it is told: one that comes back by
 * itself does so sooner. In milliseconds. */
#define TRUST_UPSTREAM_GRACE_MS (30 * 1000)
/* How long nothing may come where nothing is held yet: applying the first
 * state takes its time. */
#define TRUST_UPSTREAM_CONTENT_MS (2 * 60 * 1000)

struct trust_upstream {
	/* Tell of a change, once for each. */
	void (*tell)(void *arg, enum trust_log_level level, const char *line);
	void *arg;
	int64_t started_ms;
	int64_t heard_ms;   /* 0: nothing since the start */
	int64_t missing_ms; /* the bridge went then; 0: it is there */
	char *bridge;       /* owned; its client id; NULL: none was heard */
	bool away;          /* and told so */
	int64_t away_ms;    /* since when */
};

/* All times in milliseconds are of a clock that nobody sets, and not 0. */
void trust_upstream_begin(struct trust_upstream *upstream, int64_t now_ms);
void trust_upstream_clear(struct trust_upstream *upstream);

/* A client brought a notification or content. `bridge` is its id where it is
 * a bridge, else NULL. */
void trust_upstream_hear(
    struct trust_upstream *upstream, const char *bridge, int64_t now_ms);
/* A client without an address is gone. */
void trust_upstream_leave(
    struct trust_upstream *upstream, const char *bridge, int64_t now_ms);

/* Time passed. `held` is of the state held, `now` the time to decide by. */
void trust_upstream_tick(struct trust_upstream *upstream,
    const struct trust_registry_held *held, int64_t now, int64_t now_ms);

/* Seconds since something came; -1: nothing has since the start. */
int64_t trust_upstream_age(
    const struct trust_upstream *upstream, int64_t now_ms);

#endif
