/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new file of a format, built under another name and linked into place.
 */
#ifndef TRUST_REGISTRY_DRAFT_H
#define TRUST_REGISTRY_DRAFT_H

#include "registry_file.h"

/*
 * Make a file, mode 0640. Whatever happens, there is all of it or none, and
 * nothing is overwritten: TRUST_ERR_CONFLICT when the path is taken, or by
 * what is left of another database of that name. `seed` is SQL to run last.
 */
enum trust_err trust_registry_draft_create(const char *path,
    const struct trust_registry_format *format, const char *seed,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Remove what processes that were killed while they made this file left
 * behind, PATH.unfinished.XXXXXX. What cannot be removed now stays. */
void trust_registry_draft_clean(const char *path);

#endif
