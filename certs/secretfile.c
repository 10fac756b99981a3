/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files with a secret in them.
 */
#include "secretfile.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Neither of the group nor of others, and nothing to execute. */
#define MODE_REFUSED 0177u

/* Why it is no secret; TRUST_OK: nothing speaks against it. */
static enum trust_err
check(const char *path, const struct stat *st, struct trust_message *msg)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a file of user %u or of root, got one of user "
		    "%u: chown %u %s",
		    path, (unsigned)geteuid(), (unsigned)st->st_uid,
		    (unsigned)geteuid(), path);
	if ((st->st_mode & MODE_REFUSED) != 0)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want mode 0600 or stricter, got %04o: chmod 600 %s",
		    path, (unsigned)st->st_mode & 07777, path);
	return TRUST_OK;
}

enum trust_err
trust_secretfile_open_lenient(const char *path, FILE **out,
    struct trust_message *open_to, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	FILE *in = fopen(path, "rbe");
	struct stat st;

	*out = NULL;
	open_to->text[0] = '\0';
	if (in == NULL)
		return trust_err_set(msg,
		    errno == ENOENT ? TRUST_ERR_NOT_FOUND : TRUST_ERR_IO,
		    "%s: %s", path, strerror(errno));
	if (fstat(fileno(in), &st) != 0) {
		r = trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
		fclose(in);
		return r;
	}
	(void)check(path, &st, open_to);
	/* A buffer of stdio's would keep a copy. */
	(void)setvbuf(in, NULL, _IONBF, 0);
	*out = in;
	return TRUST_OK;
}

enum trust_err
trust_secretfile_open(const char *path, FILE **out, struct trust_message *msg)
{
	struct trust_message open_to;
	enum trust_err r =
	    trust_secretfile_open_lenient(path, out, &open_to, msg);

	if (r != TRUST_OK || open_to.text[0] == '\0')
		return r;
	fclose(*out);
	*out = NULL;
	return trust_err_set(msg, TRUST_ERR_INPUT, "%s", open_to.text);
}

/* ---- Passwords ---- */

/* One line into out[size]; the length of what is in it, or 0 where it does
 * not fit or has a NUL. */
static size_t
read_line(FILE *in, char *out, size_t size)
{
	size_t n = 0;
	int c;

	while ((c = fgetc(in)) != EOF && c != '\n') {
		if (c == '\0' || n + 1 >= size)
			return 0;
		out[n++] = (char)c;
	}
	if (n > 0 && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	return n;
}

enum trust_err
trust_secretfile_read_line(
    const char *path, char *out, size_t size, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	FILE *in;

	out[0] = '\0';
	r = trust_secretfile_open(path, &in, msg);
	if (r != TRUST_OK)
		return r;
	if (read_line(in, out, size) == 0) {
		OPENSSL_cleanse(out, size);
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a password of 1 to %zu octets in its first line, "
		    "got none",
		    path, size - 1);
	}
	fclose(in);
	return r;
}
