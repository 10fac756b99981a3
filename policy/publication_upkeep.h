/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a publication needs beside new serials: another snapshot now and then,
 * and parts that nothing lists any more dropped. Done in steps, so that other
 * writers of the registry get their turn, and its caller does other things in
 * between.
 */
#ifndef TRUST_PUBLICATION_UPKEEP_H
#define TRUST_PUBLICATION_UPKEEP_H

#include "publication.h"

struct trust_publication_upkeep;

/* Begin. Both are borrowed until close; the registry is open for writing, and
 * may be written otherwise between steps. */
enum trust_err trust_publication_upkeep_open(struct trust_registry *registry,
    const char *scope, struct trust_publication_upkeep **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* What is not done is begun anew by the next one; nothing of it shows. */
void trust_publication_upkeep_close(struct trust_publication_upkeep *upkeep);

/*
 * Do a little: some 2 MiB of parts, and no longer than they take in one write
 * transaction. *done: nothing is left to do, or it cannot be done now because
 * the registry has changed since the last trust_publication_update, or since
 * another process is at it. A step that failed with TRUST_ERR_BUSY can be
 * repeated.
 */
enum trust_err trust_publication_upkeep_step(
    struct trust_publication_upkeep *upkeep, bool *done,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* All steps. */
enum trust_err trust_publication_upkeep_run(struct trust_registry *registry,
    const char *scope, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
