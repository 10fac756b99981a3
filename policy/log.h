/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the library's few remarks go: to a function of the front end. The
 * library itself never prints.
 */
#ifndef TRUST_LOG_H
#define TRUST_LOG_H

#include "err.h"

enum trust_log_level {
	TRUST_LOG_ERROR,
	TRUST_LOG_WARNING,
	TRUST_LOG_NOTICE,
	TRUST_LOG_DEBUG,
};

/* The sink. Zeroed memory is a sink that swallows. */
struct trust_log {
	/* `line` is one line, terminated, borrowed for the call. */
	void (*write)(void *arg, enum trust_log_level level, const char *line);
	void *arg;
};

void trust_log_printf(const struct trust_log *log, enum trust_log_level level,
    const char *fmt, ...) TRUST_PRINTF(3, 4);

#endif
