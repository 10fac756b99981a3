/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roots that upstreams in public clouds have, by name: where Debian's package
 * ca-certificates has them, and the thumbprint that each must have. None is
 * trusted before somebody adds it.
 */
#ifndef TRUST_ANCHOR_KNOWN_H
#define TRUST_ANCHOR_KNOWN_H

#include "output.h"

struct trust_anchor_known {
	const char *name;   /* also the anchor's id, unless another is given */
	const char *family; /* whose servers have it; stands for all of these */
	const char *file;   /* in the package, without a directory */
	const char *thumbprint; /* as its CA has published it */
};

/* All of them, up to one without a name. Static. */
const struct trust_anchor_known *trust_anchor_known_get0_all(void);

/* Whether the root is meant by this name, its own or its family's. */
bool trust_anchor_known_matches(
    const struct trust_anchor_known *known, const char *name);

/*
 * Read one from `dir`, or from where Debian has it. The caller frees.
 * TRUST_ERR_NOT_FOUND: it is not there, and the message says what would bring
 * it. TRUST_ERR_CONFLICT: what is there has another thumbprint.
 */
enum trust_err trust_anchor_known_load(const struct trust_anchor_known *known,
    const char *dir, X509 **out, struct trust_message *msg) TRUST_MUST_CHECK;

/* The table for people, or as JSON, with what is there of it. Returns the
 * exit status. */
int trust_anchor_known_list(const char *dir, bool json);

#endif
