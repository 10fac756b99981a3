/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's key and certificate as files.
 */
#include "credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../certs/key_source.h"
#include "../certs/pemfile.h"
#include "files.h"

/* Octets of a file of ours. */
#define FILE_MAX (256 * 1024)

/* The three files, and the mode of each. */
enum file {
	KEY,
	CERTIFICATE,
	CHAIN,
	N_FILES,
};
static const struct {
	const char *ending;
	mode_t mode;
} files[] = {
    [KEY] = {".key", 0600},
    [CERTIFICATE] = {".pem", 0644},
    [CHAIN] = {"-chain.pem", 0644},
};

static enum trust_err
system_error(const char *path, struct trust_message *msg)
{
	return trust_err_set(
	    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
}

static bool
exists(const char *path)
{
	struct stat found;

	return lstat(path, &found) == 0;
}

/* ---- The key ---- */

/* Whether the key in this file is this one. */
static bool
is_same(const char *path, EVP_PKEY *key)
{
	EVP_PKEY *found = NULL;
	bool same = trust_key_load(path, &found, NULL) == TRUST_OK &&
		    EVP_PKEY_eq(found, key) == 1;

	EVP_PKEY_free(found);
	return same;
}

/* Where a key is that has no certificate yet. */
static enum trust_err
choose_path(
    struct trust_credentials *c, bool wants_new, struct trust_message *msg)
{
	enum trust_err r = trust_pemfile_path(
	    c->key_path, c->dir, c->name, files[KEY].ending, msg);

	if (r != TRUST_OK || !wants_new || !exists(c->key_path))
		return r;
	return trust_pemfile_path(
	    c->key_path, c->dir, c->name, ".key.new", msg);
}

/* A new key that has become the device's, where we ended before it was taken
 * away, is none any more. */
static void
forget_used(const struct trust_credentials *c)
{
	EVP_PKEY *draft = NULL;
	char path[PATH_MAX];

	if (trust_pemfile_path(
		path, c->dir, c->name, files[KEY].ending, NULL) == TRUST_OK &&
	    strcmp(path, c->key_path) != 0 &&
	    trust_key_load(c->key_path, &draft, NULL) == TRUST_OK &&
	    is_same(path, draft))
		(void)unlink(c->key_path);
	EVP_PKEY_free(draft);
}

enum trust_err
trust_credentials_open(struct trust_credentials *c, enum trust_key type,
    bool wants_new, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	if ((r = trust_pemfile_make_folder(c->dir, msg)) != TRUST_OK ||
	    (r = choose_path(c, wants_new, msg)) != TRUST_OK)
		return r;
	forget_used(c);
	r = trust_key_source_load(c->key_path, NULL, &c->key, msg);
	if (r != TRUST_ERR_NOT_FOUND)
		return r;
	r = trust_key_new(type, &c->key);
	if (r == TRUST_OK)
		r = trust_key_store(c->key_path, c->key, msg);
	if (r == TRUST_OK)
		r = trust_pemfile_sync_folder(c->key_path, msg);
	return r;
}

enum trust_err
trust_credentials_keep(struct trust_credentials *c, const char *key_path,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	char path[PATH_MAX];

	c->is_foreign = true;
	if (snprintf(c->key_path, sizeof(c->key_path), "%s", key_path) >=
	    PATH_MAX)
		return trust_err_set(
		    msg, TRUST_ERR_INPUT, "path too long: %s", key_path);
	if ((r = trust_pemfile_make_folder(c->dir, msg)) != TRUST_OK ||
	    (r = trust_key_load(key_path, &c->key, msg)) != TRUST_OK)
		return r;
	r = trust_pemfile_path(path, c->dir, c->name, files[KEY].ending, msg);
	if (r == TRUST_OK && exists(path) && !is_same(path, c->key))
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a folder without it, or with the key %s, got "
		    "another",
		    path, key_path);
	return r;
}

void
trust_credentials_clear(struct trust_credentials *credentials)
{
	EVP_PKEY_free(credentials->key);
	credentials->key = NULL;
}

/* ---- A set of the three ---- */

/* What the files are to hold; all borrowed. */
struct content {
	const char *dir;
	const char *id;
	struct trust_span v[N_FILES];
};

static enum trust_err
make_path(const struct content *content, const char *ending, char out[PATH_MAX],
    struct trust_message *msg)
{
	return trust_pemfile_path(out, content->dir, content->id, ending, msg);
}

/* Put a symbolic link in the place of what there may be. */
static enum trust_err
put_link(const char *target, const char *path, struct trust_message *msg)
{
	char draft[PATH_MAX];

	if (snprintf(draft, sizeof(draft), "%s.link", path) >= PATH_MAX)
		return trust_err_set(
		    msg, TRUST_ERR_INPUT, "path too long: %s", path);
	(void)unlink(draft);
	if (symlink(target, draft) != 0 || rename(draft, path) != 0)
		return system_error(path, msg);
	return trust_pemfile_sync_folder(path, msg);
}

/* Which of the two folders is not in use. */
static enum trust_err
find_free(const struct content *content, const char **ending,
    char out[PATH_MAX], struct trust_message *msg)
{
	char link[PATH_MAX], target[PATH_MAX] = "";
	enum trust_err r = make_path(content, ".set", link, msg);
	size_t len;

	*ending = ".set.a";
	if (r != TRUST_OK)
		return r;
	if (readlink(link, target, sizeof(target) - 1) > 0) {
		len = strlen(target);
		if (len >= 2 && strcmp(target + len - 2, ".a") == 0)
			*ending = ".set.b";
	}
	return make_path(content, *ending, out, msg);
}

/* Write the three into a folder. */
static enum trust_err
fill(const struct content *content, const char *folder,
    struct trust_message *msg)
{
	enum trust_err r = trust_pemfile_make_folder(folder, msg);
	char path[PATH_MAX];
	int i;

	for (i = 0; i < N_FILES && r == TRUST_OK; i++) {
		r = trust_pemfile_path(
		    path, folder, content->id, files[i].ending, msg);
		if (r == TRUST_OK)
			r = trust_pemfile_replace(
			    path, files[i].mode, content->v[i], msg);
	}
	return r;
}

/* ID.key and the others lead into the set. */
static enum trust_err
link_files(const struct content *content, struct trust_message *msg)
{
	char path[PATH_MAX], target[PATH_MAX];
	enum trust_err r = TRUST_OK;
	struct stat found;
	int i;

	for (i = 0; i < N_FILES && r == TRUST_OK; i++) {
		r = make_path(content, files[i].ending, path, msg);
		if (r != TRUST_OK ||
		    (lstat(path, &found) == 0 && S_ISLNK(found.st_mode)))
			continue;
		if (snprintf(target, sizeof(target), "%s.set/%s%s", content->id,
			content->id, files[i].ending) >= PATH_MAX)
			return TRUST_ERR_INPUT;
		r = put_link(target, path, msg);
	}
	return r;
}

/* Make the set what `content` says, in one step. What is linked before that is
 * what the set was. */
static enum trust_err
swap(const struct content *content, struct trust_message *msg)
{
	char folder[PATH_MAX], link[PATH_MAX], target[PATH_MAX];
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char *ending;

	if ((r = find_free(content, &ending, folder, msg)) != TRUST_OK ||
	    (r = fill(content, folder, msg)) != TRUST_OK ||
	    (r = make_path(content, ".set", link, msg)) != TRUST_OK)
		return r;
	if (snprintf(target, sizeof(target), "%s%s", content->id, ending) >=
	    PATH_MAX)
		return TRUST_ERR_INPUT;
	return put_link(target, link, msg);
}

/* The old key and what was sent with it. */
static void
remove_other(const struct content *content)
{
	char folder[PATH_MAX], path[PATH_MAX];
	const char *ending;
	int i;

	if (find_free(content, &ending, folder, NULL) != TRUST_OK)
		return;
	for (i = 0; i < N_FILES; i++)
		if (trust_pemfile_path(path, folder, content->id,
			files[i].ending, NULL) == TRUST_OK)
			(void)unlink(path);
	(void)rmdir(folder);
}

/* What there is becomes the set first: until the swap everybody reads that. */
static enum trust_err
adopt(const struct content *next, struct trust_message *msg)
{
	struct content content = {.dir = next->dir, .id = next->id};
	struct trust_buf found[N_FILES] = {0};
	enum trust_err r = TRUST_OK;
	char path[PATH_MAX];
	int i;

	for (i = 0; i < N_FILES && r == TRUST_OK; i++) {
		r = make_path(&content, files[i].ending, path, msg);
		if (r == TRUST_OK && exists(path))
			r = trust_files_read(path, FILE_MAX, &found[i], msg);
		content.v[i] = trust_buf_get0(&found[i]);
	}
	if (r == TRUST_OK)
		r = swap(&content, msg);
	if (r == TRUST_OK)
		r = link_files(&content, msg);
	for (i = 0; i < N_FILES; i++)
		trust_files_wipe(&found[i]);
	return r;
}

/* ---- Storing ---- */

/* Whether all three lead into the set: else we ended while they were made to,
 * and some say the same beside it. */
static bool
is_set(const struct content *content)
{
	struct stat found;
	char path[PATH_MAX];
	int i;

	for (i = 0; i < N_FILES; i++)
		if (make_path(content, files[i].ending, path, NULL) !=
			TRUST_OK ||
		    lstat(path, &found) != 0 || !S_ISLNK(found.st_mode))
			return false;
	return true;
}

/* The key is in its place, or is put there; it has no certificate yet, or one
 * that goes on counting until the new one is there. */
static enum trust_err
store_beside(const struct trust_credentials *c, const struct content *content,
    const char *key_path, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	char path[PATH_MAX];
	int i;

	if (!c->is_foreign && !exists(key_path) &&
	    link(c->key_path, key_path) != 0)
		return system_error(key_path, msg);
	for (i = CERTIFICATE; i < N_FILES && r == TRUST_OK; i++) {
		r = make_path(content, files[i].ending, path, msg);
		if (r == TRUST_OK)
			r = trust_pemfile_replace(
			    path, files[i].mode, content->v[i], msg);
	}
	return r;
}

static enum trust_err
store_set(const struct content *content, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	if (!is_set(content))
		r = adopt(content, msg);
	if (r == TRUST_OK)
		r = swap(content, msg);
	if (r == TRUST_OK)
		r = link_files(content, msg);
	if (r == TRUST_OK)
		remove_other(content);
	return r;
}

enum trust_err
trust_credentials_store(const struct trust_credentials *c, const char *id,
    struct trust_span certificate, struct trust_span chain,
    struct trust_message *msg)
{
	struct content content = {.dir = c->dir,
	    .id = id,
	    .v = {[CERTIFICATE] = certificate, [CHAIN] = chain}};
	struct trust_buf key = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	char path[PATH_MAX];

	r = make_path(&content, files[KEY].ending, path, msg);
	if (r == TRUST_OK)
		r = trust_files_read(c->key_path, FILE_MAX, &key, msg);
	if (r != TRUST_OK)
		goto out;
	content.v[KEY] = trust_buf_get0(&key);
	if (!is_set(&content) && (!exists(path) || is_same(path, c->key)))
		r = store_beside(c, &content, path, msg);
	else
		r = store_set(&content, msg);
	if (r == TRUST_OK && !c->is_foreign && strcmp(path, c->key_path) != 0)
		(void)unlink(c->key_path);
out:
	trust_files_wipe(&key);
	return r;
}

enum trust_err
trust_credentials_find_key(const struct trust_credentials *c, const char *id,
    char out[PATH_MAX], struct trust_message *msg)
{
	enum trust_err r =
	    trust_pemfile_path(out, c->dir, id, files[KEY].ending, msg);

	if (r == TRUST_OK && c->is_foreign && !exists(out))
		memcpy(out, c->key_path, sizeof(c->key_path));
	return r;
}
