/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of JSON lines.
 */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../certs/pemfile.h"

static enum trust_err
fail(const char *path, struct trust_message *msg)
{
	char user[TRUST_USER_TEXT];

	if (!trust_user_lacks_rights(errno))
		return trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
	return trust_err_set(msg, TRUST_ERR_IO,
	    "%s: want a file that %s can write or make, got one that is not: "
	    "%s",
	    path, trust_user_show(user), strerror(errno));
}

static enum trust_err
open_file(const char *path, int *fd, struct trust_message *msg)
{
	bool is_new = access(path, F_OK) != 0;

	*fd = open(
	    path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (*fd < 0)
		return fail(path, msg);
	/* A new name is on the disk once its folder is. */
	return is_new ? trust_pemfile_sync_folder(path, msg) : TRUST_OK;
}

/* Whether the last line is not whole: the power went while it was written. */
static bool
is_torn(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char last;

	return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

enum trust_err
trust_ledger_open(const char *path, struct trust_message *msg)
{
	int fd = -1;
	enum trust_err r = open_file(path, &fd, msg);

	if (fd >= 0)
		(void)close(fd);
	return r;
}

static enum trust_err
append(
    const char *path, const struct trust_buf *line, struct trust_message *msg)
{
	int fd = -1;
	enum trust_err r = open_file(path, &fd, msg);
	struct trust_span rest = trust_buf_get0(line);
	ssize_t n;

	if (r != TRUST_OK)
		goto out;
	if (!is_torn(fd)) {
		rest.p++; /* the newline that would keep it apart */
		rest.len--;
	}
	do
		n = write(fd, rest.p, rest.len);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && (size_t)n != rest.len)
		errno = ENOSPC;
	if (n < 0 || (size_t)n != rest.len || fsync(fd) != 0)
		r = fail(path, msg);
out:
	if (fd >= 0 && close(fd) != 0 && r == TRUST_OK)
		r = fail(path, msg);
	return r;
}

enum trust_err
trust_ledger_write(const char *path, json_t *line, struct trust_message *msg)
{
	struct trust_buf text = {0};
	enum trust_err r = TRUST_ERR_NOMEM;

	if (line == NULL)
		goto out;
	if ((r = trust_buf_add(&text, "\n", 1)) != TRUST_OK ||
	    (r = trust_json_encode(line, &text)) != TRUST_OK ||
	    (r = trust_buf_add(&text, "\n", 1)) != TRUST_OK)
		goto out;
	r = append(path, &text, msg);
out:
	json_decref(line);
	trust_buf_free(&text);
	return r;
}
