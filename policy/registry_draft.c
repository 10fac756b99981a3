/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new file: built under another name and linked into place.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry_draft.h"
#include "user.h"

/* The broker's group may read, nobody else. */
#define DRAFT_MODE 0640

/* What follows the path in the name of a draft, and then what is random. */
#define DRAFT      ".unfinished."
#define RANDOM     "XXXXXX"
#define RANDOM_LEN (sizeof(RANDOM) - 1)

#define EXISTS "exists already, and nothing is overwritten"

static enum trust_err
fail(struct trust_message *msg, const char *path)
{
	int error = errno;
	char user[TRUST_USER_TEXT];

	if (trust_user_lacks_rights(error))
		return trust_err_set(msg, TRUST_ERR_IO,
		    "%s: %s; want its directory writable for %s", path,
		    strerror(error), trust_user_show(user));
	return trust_err_set(
	    msg, TRUST_ERR_IO, "%s: %s", path, strerror(error));
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

	r = trust_buf_printf(name, "%s" DRAFT RANDOM, path);
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

/* -1 and errno when there is none. */
static int
open_directory(const char *path)
{
	char *copy = strdup(path);
	int fd = -1;

	if (copy != NULL)
		fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	return fd;
}

/* Make the name as durable as the file. */
static enum trust_err
sync_directory(const char *path, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	int fd = open_directory(path);

	if (fd < 0 || fsync(fd) != 0) {
		r = fail(msg, path);
		goto out;
	}
	r = TRUST_OK;
out:
	if (fd >= 0)
		close(fd);
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

/* ---- What was left behind ---- */

/*
 * Who makes a draft shares a lock on its directory, and who removes what others
 * left behind has it alone, or does nothing: what he finds is nobody's. The
 * drafts themselves are not opened, since one that was linked into place and
 * not unlinked is the database, and to close it would drop the locks that this
 * process holds on it.
 */

/* Whether a name is that of a draft of this file, or of its journals. */
static bool
is_draft(const char *name, const char *file)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	size_t len = strlen(file);
	bool known = false;

	if (strncmp(name, file, len) != 0 ||
	    strncmp(name + len, DRAFT, strlen(DRAFT)) != 0)
		return false;
	name += len + strlen(DRAFT);
	for (size_t i = 0; i < RANDOM_LEN; i++) {
		if (!isalnum((unsigned char)name[i]))
			return false;
	}
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		known |= strcmp(name + RANDOM_LEN, suffixes[i]) == 0;
	return known;
}

/* Takes the descriptor over. */
static void
remove_drafts(int fd, const char *file)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (is_draft(entry->d_name, file))
			(void)unlinkat(fd, entry->d_name, 0);
	}
	closedir(dir); /* and the lock is gone */
}

void
trust_registry_draft_clean(const char *path)
{
	char *copy = strdup(path);
	int fd = open_directory(path);

	if (fd >= 0 && copy != NULL && flock(fd, LOCK_EX | LOCK_NB) == 0)
		remove_drafts(fd, basename(copy));
	else if (fd >= 0)
		close(fd);
	free(copy);
}

/* The descriptor that has the lock, or -1. Where somebody else has it alone
 * nobody removes anything; where there are no such locks, neither. */
static int
guard_drafts(const char *path)
{
	int fd = open_directory(path);

	if (fd >= 0)
		(void)!flock(fd, LOCK_SH | LOCK_NB);
	return fd;
}

/* ---- The whole ---- */

enum trust_err
trust_registry_draft_create(const char *path,
    const struct trust_registry_format *format, const char *seed,
    struct trust_message *msg)
{
	struct trust_buf draft = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	int guard = -1;

	r = check_free(path, msg);
	if (r != TRUST_OK)
		goto out;
	trust_registry_draft_clean(path);
	guard = guard_drafts(path);
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
	if (guard >= 0)
		close(guard);
	trust_buf_free(&draft);
	return r;
}
