/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remarks on their way to the front end.
 */
#include <stdarg.h>
#include <stdio.h>

#include "log.h"

/* Octets of a line: a message, and what it is about. */
#define LINE_MAX_LEN (2 * TRUST_MESSAGE_MAX)

void
trust_log_printf(const struct trust_log *log, enum trust_log_level level,
    const char *fmt, ...)
{
	char line[LINE_MAX_LEN];
	va_list args;
	int n;

	if (log->write == NULL)
		return;
	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n < 0)
		return;
	trust_err_flatten(line);
	log->write(log->arg, level, line);
}
