/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM files.
 */
#include "pemfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum trust_err
trust_pemfile_path(char out[PATH_MAX], const char *dir, const char *name,
    const char *ending, struct trust_message *msg)
{
	int n = snprintf(out, PATH_MAX, "%s/%s%s", dir, name, ending);

	if (n < 0 || n >= PATH_MAX)
		return trust_err_set(
		    msg, TRUST_ERR_INPUT, "path too long: %s", dir);
	return TRUST_OK;
}

enum trust_err
trust_pemfile_make_folder(const char *path, struct trust_message *msg)
{
	if (mkdir(path, 0755) != 0 && errno != EEXIST)
		return trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
	return TRUST_OK;
}

static bool
write_all(int fd, struct trust_span bytes)
{
	ssize_t n;

	while (bytes.len > 0) {
		n = write(fd, bytes.p, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes.p += n;
		bytes.len -= (size_t)n;
	}
	return true;
}

enum trust_err
trust_pemfile_create(const char *path, mode_t mode, struct trust_span bytes,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool written;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return trust_err_set(msg,
		    errno == EEXIST ? TRUST_ERR_CONFLICT : TRUST_ERR_IO,
		    "%s: %s", path,
		    errno == EEXIST ? "is there already, and stays as it is"
				    : strerror(errno));
	written = write_all(fd, bytes) && fsync(fd) == 0;
	if (!written)
		r = trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
	if (close(fd) != 0 && written) {
		written = false;
		r = trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
	}
	if (!written) {
		unlink(path);
		return r;
	}
	return TRUST_OK;
}

enum trust_err
trust_pemfile_sync_folder(const char *path, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	char folder[PATH_MAX];
	int fd;

	if (snprintf(folder, sizeof(folder), "%s", path) >= PATH_MAX)
		return trust_err_set(
		    msg, TRUST_ERR_INPUT, "path too long: %s", path);
	fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		r = trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return r;
}

enum trust_err
trust_pemfile_replace(const char *path, mode_t mode, struct trust_span bytes,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	char draft[PATH_MAX];
	char ending[32];

	(void)snprintf(ending, sizeof(ending), ".%ld", (long)getpid());
	if (snprintf(draft, sizeof(draft), "%s%s", path, ending) >= PATH_MAX)
		return trust_err_set(
		    msg, TRUST_ERR_INPUT, "path too long: %s", path);
	/* Left by one of our number that did not come to its end. */
	(void)unlink(draft);
	r = trust_pemfile_create(draft, mode, bytes, msg);
	if (r != TRUST_OK)
		return r;
	if (rename(draft, path) != 0) {
		r = trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
		(void)unlink(draft);
		return r;
	}
	return trust_pemfile_sync_folder(path, msg);
}

enum trust_err
trust_pemfile_encode(X509 *certificate, struct trust_buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum trust_err r = TRUST_ERR_NOMEM;
	char *text;
	long len;

	if (bio == NULL || PEM_write_bio_X509(bio, certificate) != 1)
		goto out;
	if ((len = BIO_get_mem_data(bio, &text)) > 0)
		r = trust_buf_add(out, text, (size_t)len);
out:
	BIO_free(bio);
	return r;
}

enum trust_err
trust_pemfile_store(const char *path, X509 *const *certificates, size_t n,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	struct trust_buf pem = {0};

	for (size_t i = 0; r == TRUST_OK && i < n; i++)
		r = trust_pemfile_encode(certificates[i], &pem);
	if (r == TRUST_OK)
		r = trust_pemfile_create(path, 0644, trust_buf_get0(&pem), msg);
	trust_buf_free(&pem);
	return r;
}

enum trust_err
trust_pemfile_load(const char *path, X509 **out, struct trust_message *msg)
{
	FILE *in;

	*out = NULL;
	if ((in = fopen(path, "rbe")) == NULL)
		return trust_err_set(msg,
		    errno == ENOENT ? TRUST_ERR_NOT_FOUND : TRUST_ERR_IO,
		    "%s: %s", path, strerror(errno));
	*out = PEM_read_X509(in, NULL, NULL, NULL);
	fclose(in);
	if (*out == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a certificate in PEM, got something else", path);
	return TRUST_OK;
}
