/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals of sync, at a pace that a person can read.
 */
#include "sync_log.h"

#include <stdio.h>

static void
tell(struct trust_sync_log *log, enum trust_sync_reason reason)
{
	struct trust_sync_log_reason *of = &log->reasons[reason];
	char text[TRUST_MESSAGE_MAX + 64];

	if (of->n > 1)
		(void)snprintf(text, sizeof(text),
		    "%s (and %llu more of these since one was told)",
		    of->detail, (unsigned long long)of->n - 1);
	else
		(void)snprintf(text, sizeof(text), "%s", of->detail);
	log->tell(log->arg, reason, text);
	of->n = 0;
}

static void
tick(struct trust_sync_log *log, enum trust_sync_reason reason, int64_t now_ms)
{
	struct trust_sync_log_reason *of = &log->reasons[reason];

	if (of->quiet_until_ms == 0 || now_ms < of->quiet_until_ms)
		return;
	if (of->n == 0) {
		of->quiet_until_ms = 0;
		return;
	}
	tell(log, reason);
	of->quiet_ms *= 2;
	if (of->quiet_ms > TRUST_SYNC_LOG_MAX_MS)
		of->quiet_ms = TRUST_SYNC_LOG_MAX_MS;
	of->quiet_until_ms = now_ms + of->quiet_ms;
}

void
trust_sync_log_refuse(struct trust_sync_log *log, enum trust_sync_reason reason,
    const char *detail, int64_t now_ms)
{
	struct trust_sync_log_reason *of = &log->reasons[reason];

	tick(log, reason, now_ms);
	of->n++;
	(void)snprintf(of->detail, sizeof(of->detail), "%s", detail);
	if (of->quiet_until_ms != 0)
		return;
	tell(log, reason);
	of->quiet_ms = TRUST_SYNC_LOG_FIRST_MS;
	of->quiet_until_ms = now_ms + of->quiet_ms;
}

void
trust_sync_log_tick(struct trust_sync_log *log, int64_t now_ms)
{
	for (int i = 0; i < TRUST_N_SYNC_REASONS; i++)
		tick(log, (enum trust_sync_reason)i, now_ms);
}
