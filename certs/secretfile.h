/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files with a secret in them: private keys, passwords.
 */
#ifndef TRUST_SECRETFILE_H
#define TRUST_SECRETFILE_H

#include <stdio.h>

#include "err.h"

/*
 * Open one to read it. Only its owner may have a right to it (mode 0600 or
 * stricter), and that is whoever runs this, or root; else TRUST_ERR_INPUT and
 * what mends it. What is looked at is the file that is then read, behind any
 * symbolic link. stdio keeps none of it. TRUST_ERR_NOT_FOUND: no such file.
 */
enum trust_err trust_secretfile_open(
    const char *path, FILE **out, struct trust_message *msg) TRUST_MUST_CHECK;

/* The same, where others' rights are no refusal: `open_to` then says them as
 * the refusal would, and is empty else. For files that were taken before
 * anybody looked. */
enum trust_err trust_secretfile_open_lenient(const char *path, FILE **out,
    struct trust_message *open_to, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Read a password: the first line, without its end, 1 to `size` - 1 octets.
 * The caller wipes `out`.
 */
enum trust_err trust_secretfile_read_line(const char *path, char *out,
    size_t size, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
