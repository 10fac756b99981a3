/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far long work is.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 200
/* Asking the clock for each unit would cost more than the unit. */
#define UNITS_PER_LOOK 256

int64_t
trust_progress_now_ms(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
trust_progress_start(struct trust_progress *progress, const char *unit)
{
	*progress = (struct trust_progress){
	    .unit = unit,
	    .enabled = isatty(STDERR_FILENO) == 1,
	    .due_ms = trust_progress_now_ms() + INTERVAL_MS,
	};
}

void
trust_progress_tick(struct trust_progress *progress, int64_t done)
{
	int64_t now;

	if (!progress->enabled || done % UNITS_PER_LOOK != 0)
		return;
	if ((now = trust_progress_now_ms()) < progress->due_ms)
		return;
	fprintf(stderr, "\r%" PRId64 " %s", done, progress->unit);
	progress->shown = true;
	progress->due_ms = now + INTERVAL_MS;
}

void
trust_progress_end(struct trust_progress *progress)
{
	if (progress->shown)
		fprintf(stderr, "\r\033[K");
}
