/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times and durations as text. Nothing here reads a clock: `now` is always a
 * parameter. Times are seconds since 1970-01-01T00:00:00Z.
 */
#ifndef TRUST_CLOCK_H
#define TRUST_CLOCK_H

#include <stdint.h>

#include "err.h"

/* A time after every other, for "does not end". */
#define TRUST_CLOCK_NEVER INT64_MAX

/* Octets of "2026-11-20T12:00:00Z" with the NUL; years 0000 to 9999. */
#define TRUST_CLOCK_TEXT 21

/*
 * RFC 3339 section 5.6 ("2026-11-20T12:00:00Z", any offset, a fraction is
 * dropped) or Unix seconds. A leap second counts as the one before it.
 * TRUST_ERR_INPUT for anything else, trailing text included.
 */
enum trust_err trust_clock_parse(
    const char *text, int64_t *when) TRUST_MUST_CHECK;

/* RFC 3339 in UTC. TRUST_CLOCK_NEVER and years past 9999 give "never". */
const char *trust_clock_format(int64_t when, char out[TRUST_CLOCK_TEXT]);

/* A whole number with s, m, h or d ("30d"); at most 100 years. */
enum trust_err trust_duration_parse(
    const char *text, int64_t *seconds) TRUST_MUST_CHECK;

/* "3 days", "5 hours", "12 minutes", "40 seconds": the greatest whole unit. */
const char *trust_duration_format(int64_t seconds, char out[TRUST_CLOCK_TEXT]);

#endif
