/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A notification and its parts as files.
 */
#include "partfile.h"

#include "../certs/pemfile.h"

/* Nothing in them is secret. */
#define MODE 0644

enum trust_err
trust_partfile_notification(char out[TRUST_PARTFILE_PATH_MAX], const char *dir,
    struct trust_message *msg)
{
	return trust_pemfile_path(out, dir, "notification", ".der", msg);
}

enum trust_err
trust_partfile_path(char out[TRUST_PARTFILE_PATH_MAX], const char *dir,
    const struct trust_thumbprint *sha256, struct trust_message *msg)
{
	char hex[TRUST_THUMBPRINT_TEXT];

	return trust_pemfile_path(
	    out, dir, trust_thumbprint_format(sha256, hex), ".part", msg);
}

enum trust_err
trust_partfile_store(
    const char *path, struct trust_span bytes, struct trust_message *msg)
{
	return trust_pemfile_replace(path, MODE, bytes, msg);
}
