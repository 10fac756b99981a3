/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new file: built under another name and linked into place.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry_draft.h"

/* The broker's group may read, nobody else. */
#define DRAFT_MODE 0640

#define EXISTS "exists already, and nothing is overwritten"

static enum trust_err
fail(struct trust_message *msg, const char *path)
{
	return trust_err_set(
	    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
}

/* TRUST_ERR_CONFLICT when there is a file of that name, and its suffix. */
static enum trust_err
check_absent(const char *path, const char *suffix, const char *why,
    struct trust_message *msg)
{
	struct trust_buf name = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct stat st;

	r = trust_buf_printf(&name, "%s%s", path, suffix);
	if (r != TRUST_OK)
		goto out;
	if (lstat((const char *)name.p, &st) == 0) {
		r = trust_err_set(msg, TRUST_ERR_CONFLICT, "%s: %s",
		    (const char *)name.p, why);
		goto out;
	}
	if (errno != ENOENT) {
		r = fail(msg, path);
		goto out;
	}
	r = TRUST_OK;
out:
	trust_buf_free(&name);
	return r;
}

/*
 * SQLite would take the journal of a database that was removed for the new
 * one's, and write its pages there.
 */
static enum trust_err
check_free(const char *path, struct trust_message *msg)
{
	static const char leftover[] =
	    "left over from another database, want it moved away";
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = check_absent(path, "", EXISTS, msg);
	if (r != TRUST_OK)
		return r;
	r = check_absent(path, "-wal", leftover, msg);
	if (r != TRUST_OK)
		return r;
	return check_absent(path, "-journal", leftover, msg);
}

/* An empty file beside the path; `name` becomes its name. */
static enum trust_err
make_empty(const char *path, struct trust_buf *name, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	int fd;

	r = trust_buf_printf(name, "%s.XXXXXX", path);
	if (r != TRUST_OK)
		return r;
	fd = mkostemp((char *)name->p, O_CLOEXEC);
	if (fd < 0) {
		name->len = 0;
		return fail(msg, path);
	}
	if (fchmod(fd, DRAFT_MODE) != 0)
		r = fail(msg, path);
	if (close(fd) != 0 && r == TRUST_OK)
		r = fail(msg, path);
	return r;
}

/* Make the name as durable as the file. */
static enum trust_err
sync_directory(const char *path, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	char *copy = strdup(path);
	int fd = -1;

	if (copy == NULL)
		return TRUST_ERR_NOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0) {
		r = fail(msg, path);
		goto out;
	}
	r = TRUST_OK;
out:
	if (fd >= 0)
		close(fd);
	free(copy);
	return r;
}

static enum trust_err
put_in_place(const char *draft, const char *path, struct trust_message *msg)
{
	if (link(draft, path) == 0)
		return sync_directory(path, msg);
	if (errno == EEXIST) {
		return trust_err_set(
		    msg, TRUST_ERR_CONFLICT, "%s: %s", path, EXISTS);
	}
	return fail(msg, path);
}

enum trust_err
trust_registry_draft_create(const char *path,
    const struct trust_registry_format *format, const char *seed,
    struct trust_message *msg)
{
	struct trust_buf draft = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = check_free(path, msg);
	if (r != TRUST_OK)
		goto out;
	r = make_empty(path, &draft, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_registry_file_fill((const char *)draft.p, format, seed, msg);
	if (r != TRUST_OK)
		goto out;
	r = put_in_place((const char *)draft.p, path, msg);
out:
	if (draft.len > 0)
		(void)unlink((const char *)draft.p);
	trust_buf_free(&draft);
	return r;
}
