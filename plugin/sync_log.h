/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sync refused, at a pace that a person can read: the first of a reason
 * at once, and while more come, ever fewer that say how many. Counting is the
 * replica's business; nothing is counted here for good.
 */
#ifndef TRUST_SYNC_LOG_H
#define TRUST_SYNC_LOG_H

#include "trust.h"

/* Between two of one reason that are told, in milliseconds: it doubles each
 * time, and begins anew when nothing came within it. */
#define TRUST_SYNC_LOG_FIRST_MS 1000
#define TRUST_SYNC_LOG_MAX_MS   60000

/* Zeroed, but for `tell`: nothing was refused yet. */
struct trust_sync_log {
	struct trust_sync_log_reason {
		int64_t quiet_until_ms; /* 0: the next one is told at once */
		int64_t quiet_ms;       /* how long that is */
		uint64_t n;             /* refused since one was told */
		char detail[TRUST_MESSAGE_MAX]; /* of the last of these */
	} reasons[TRUST_N_SYNC_REASONS];
	/* Tell of one: `text` is its detail, with how many more there were. */
	void (*tell)(
	    void *arg, enum trust_sync_reason reason, const char *text);
	void *arg;
};

/* Something was refused. Times are of a clock that nobody sets. */
void trust_sync_log_refuse(struct trust_sync_log *log,
    enum trust_sync_reason reason, const char *detail, int64_t now_ms);
/* Time passed: tell what is due. */
void trust_sync_log_tick(struct trust_sync_log *log, int64_t now_ms);

#endif
