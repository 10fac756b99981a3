/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files.
 */
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum trust_err
read_stream(FILE *in, const char *name, size_t max, struct trust_buf *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	char block[16 * 1024];
	size_t n;

	while ((n = fread(block, 1, sizeof(block), in)) > 0) {
		if (n > max - out->len)
			return trust_err_set(msg, TRUST_ERR_INPUT,
			    "%s: want at most %zu octets, got more", name, max);
		if ((r = trust_buf_add(out, block, n)) != TRUST_OK)
			return r;
	}
	if (ferror(in))
		return trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", name, strerror(errno));
	return TRUST_OK;
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
	r = read_stream(in, path, max, out, msg);
	fclose(in);
	return r;
}
