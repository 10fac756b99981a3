/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What records name of other records. A name that leads nowhere is no error
 * (interface, "Records"): it grants nothing. Whoever has written it wants to
 * know.
 */
#ifndef TRUST_REFERENCES_H
#define TRUST_REFERENCES_H

#include "trust.h"

struct trust_references;

enum trust_err trust_references_new(
    struct trust_references **out) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_references_free(struct trust_references *references);

/* Note which roles, groups, anchors and devices the record names. Of very many
 * different ones the rest is not noted. */
void trust_references_add(
    struct trust_references *references, const struct trust_record *record);

/* Forget those that there are. */
enum trust_err trust_references_resolve(struct trust_references *references,
    struct trust_registry *registry,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* A note on standard error for each that is left, up to a few. */
void trust_references_tell(const struct trust_references *references);

#endif
