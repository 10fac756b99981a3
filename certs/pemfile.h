/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PEM files. One that exists is never written to: it stays, or is replaced as
 * a whole.
 */
#ifndef TRUST_PEMFILE_H
#define TRUST_PEMFILE_H

#include <limits.h>
#include <openssl/x509.h>
#include <sys/types.h>

#include "span.h"

/* "DIR/NAME" with an ending (".pem"). TRUST_ERR_INPUT: too long. */
enum trust_err trust_pemfile_path(char out[PATH_MAX], const char *dir,
    const char *name, const char *ending,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Make a folder that everybody may read, unless it is there. */
enum trust_err trust_pemfile_make_folder(
    const char *path, struct trust_message *msg) TRUST_MUST_CHECK;

/* Make a new file of these bytes, with this mode less the umask.
 * TRUST_ERR_CONFLICT: there is one already. */
enum trust_err trust_pemfile_create(const char *path, mode_t mode,
    struct trust_span bytes, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Put a file of these bytes in the place of the one there may be: whoever
 * reads it finds all of the one or of the other, also after the power went.
 * Where `path` is a symbolic link, the link is what is replaced.
 */
enum trust_err trust_pemfile_replace(const char *path, mode_t mode,
    struct trust_span bytes, struct trust_message *msg) TRUST_MUST_CHECK;

/* Have what was done to the names in the folder of `path` on the disk. */
enum trust_err trust_pemfile_sync_folder(
    const char *path, struct trust_message *msg) TRUST_MUST_CHECK;

/* Append a certificate as PEM. */
enum trust_err trust_pemfile_encode(
    X509 *certificate, struct trust_buf *out) TRUST_MUST_CHECK;

/* Store certificates in this order in a new file. */
enum trust_err trust_pemfile_store(const char *path, X509 *const *certificates,
    size_t n, struct trust_message *msg) TRUST_MUST_CHECK;

/* Load the first certificate of a file. TRUST_ERR_NOT_FOUND: no such file.
 * The caller frees with X509_free. */
enum trust_err trust_pemfile_load(
    const char *path, X509 **out, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
