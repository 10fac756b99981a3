/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: one write(2) a line, with O_APPEND, so that a file that was
 * cut short behind our back is gone on with at its end.
 */
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "broker.h"
#include "trust.h"

struct trust_audit {
	char *path; /* owned */
	int fd;
	/* The last line is not whole: a newline keeps the next one apart. */
	bool torn;
	uint64_t n_lost; /* lines, since it last could be written */
};

static int
open_file(const char *path)
{
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    0640);
}

enum trust_err
trust_audit_open(
    const char *path, struct trust_audit **out, struct trust_message *msg)
{
	struct trust_audit *audit = calloc(1, sizeof(*audit));
	char user[TRUST_USER_TEXT];
	int error;

	*out = NULL;
	if (audit == NULL)
		return TRUST_ERR_NOMEM;
	audit->path = strdup(path);
	audit->fd = open_file(path);
	error = errno;
	if (audit->path == NULL || audit->fd < 0) {
		(void)trust_err_set(msg, TRUST_ERR_IO,
		    "plugin_opt_audit_log: want a file that %s, as whom the "
		    "broker runs, can write or make, got \"%s\": %s",
		    trust_user_show(user), path, strerror(error));
		trust_audit_close(audit);
		return TRUST_ERR_IO;
	}
	*out = audit;
	return TRUST_OK;
}

void
trust_audit_close(struct trust_audit *audit)
{
	if (audit == NULL)
		return;
	if (audit->fd >= 0)
		(void)close(audit->fd);
	free(audit->path);
	free(audit);
}

static void
lose_line(struct trust_audit *audit, int error)
{
	if (audit->n_lost++ > 0)
		return;
	mosquitto_log_printf(MOSQ_LOG_ERR,
	    "mosquitto_trust: the audit log %s cannot be written: %s; lines "
	    "are lost until it can",
	    audit->path, strerror(error));
}

static void
tell_recovery(struct trust_audit *audit)
{
	if (audit->n_lost == 0)
		return;
	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: the audit log %s is written again, %llu lines "
	    "were lost",
	    audit->path, (unsigned long long)audit->n_lost);
	audit->n_lost = 0;
}

void
trust_audit_write(struct trust_audit *audit, const char *text)
{
	struct iovec line[] = {
	    {(char[]){"\n"}, audit->torn ? 1 : 0},
	    {(void *)(uintptr_t)text, strlen(text)},
	    {(char[]){"\n"}, 1},
	};
	ssize_t want = (ssize_t)(line[0].iov_len + line[1].iov_len + 1);
	ssize_t n;

	do
		n = writev(audit->fd, line, 3);
	while (n < 0 && errno == EINTR);
	if (n == want) {
		audit->torn = false;
		tell_recovery(audit);
		return;
	}
	lose_line(audit, n < 0 ? errno : ENOSPC);
	if (n > 0)
		audit->torn = true;
}

void
trust_audit_reopen(struct trust_audit *audit)
{
	int fd = open_file(audit->path), error = errno;
	char user[TRUST_USER_TEXT];

	if (fd < 0) {
		mosquitto_log_printf(MOSQ_LOG_ERR,
		    "mosquitto_trust: the audit log %s cannot be opened "
		    "again by %s: %s; going on with the old file",
		    audit->path, trust_user_show(user), strerror(error));
		return;
	}
	(void)close(audit->fd);
	audit->fd = fd;
	audit->torn = false;
}
