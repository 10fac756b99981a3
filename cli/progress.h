/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far long work is, on standard error when that is a terminal.
 */
#ifndef TRUST_PROGRESS_H
#define TRUST_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds of a clock that nobody sets. */
int64_t trust_progress_now_ms(void);

struct trust_progress {
	const char *unit; /* "records" */
	bool enabled;
	bool shown;
	int64_t due_ms; /* when to show next, by the monotonic clock */
};

void trust_progress_start(struct trust_progress *progress, const char *unit);
/* `done` units are done. Shows it five times a second. */
void trust_progress_tick(struct trust_progress *progress, int64_t done);
/* Take the line away again. */
void trust_progress_end(struct trust_progress *progress);

#endif
