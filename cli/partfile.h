/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A notification and its parts as files of a directory.
 */
#ifndef TRUST_PARTFILE_H
#define TRUST_PARTFILE_H

#include <limits.h>

#include "trust.h"

#define TRUST_PARTFILE_PATH_MAX PATH_MAX
/* Octets that are read of a file: more than the protocol allows, so that it is
 * the protocol that refuses. */
#define TRUST_PARTFILE_MAX (16 * 1024 * 1024)

/* "DIR/notification.der". */
enum trust_err trust_partfile_notification(char out[TRUST_PARTFILE_PATH_MAX],
    const char *dir, struct trust_message *msg) TRUST_MUST_CHECK;
/* "DIR/SHA256.part". */
enum trust_err trust_partfile_path(char out[TRUST_PARTFILE_PATH_MAX],
    const char *dir, const struct trust_thumbprint *sha256,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Store in a file, in place of the one there may be: whoever reads it finds
 * all of the one or of the other. */
enum trust_err trust_partfile_store(const char *path, struct trust_span bytes,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
