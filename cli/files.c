/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files.
 */
#include "files.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static enum trust_err
read_stream(FILE *in, const char *name, size_t max, struct trust_buf *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	char block[16 * 1024];
	size_t n;

	while (r == TRUST_OK && (n = fread(block, 1, sizeof(block), in)) > 0) {
		if (n > max - out->len)
			r = trust_err_set(msg, TRUST_ERR_INPUT,
			    "%s: want at most %zu octets, got more", name, max);
		else
			r = trust_buf_add(out, block, n);
	}
	if (r == TRUST_OK && ferror(in))
		r = trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", name, strerror(errno));
	OPENSSL_cleanse(block, sizeof(block));
	return r;
}

enum trust_err
trust_files_read(const char *path, size_t max, struct trust_buf *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	FILE *in;

	if (strcmp(path, TRUST_FILES_STDIN) == 0)
		return read_stream(stdin, "standard input", max, out, msg);
	if ((in = fopen(path, "rbe")) == NULL)
		return trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
	/* It may be a secret, of which a buffer of stdio's would keep a copy.
	 */
	(void)setvbuf(in, NULL, _IONBF, 0);
	r = read_stream(in, path, max, out, msg);
	fclose(in);
	return r;
}

void
trust_files_wipe(struct trust_buf *secret)
{
	if (secret->p != NULL)
		OPENSSL_cleanse(secret->p, secret->cap);
	trust_buf_free(secret);
}
