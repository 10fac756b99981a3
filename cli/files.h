/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole files.
 */
#ifndef TRUST_FILES_H
#define TRUST_FILES_H

#include "trust.h"

/* What stands for standard input where a file is read. */
#define TRUST_FILES_STDIN "-"

/*
 * Read all of a file, or of standard input, of at most `max` octets. Appends
 * to `out`, which the caller frees. The message names the file.
 */
enum trust_err trust_files_read(const char *path, size_t max,
    struct trust_buf *out, struct trust_message *msg) TRUST_MUST_CHECK;

/* Free what was read, or is to be written, where it is a secret. */
void trust_files_wipe(struct trust_buf *secret);

#endif
