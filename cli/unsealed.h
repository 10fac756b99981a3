/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices whose pre-shared keys are not sealed for a gateway of their scopes,
 * after records were written: they cannot come in there, and only who has the
 * key can change that.
 */
#ifndef TRUST_UNSEALED_H
#define TRUST_UNSEALED_H

#include "trust.h"

struct trust_unsealed;

enum trust_err trust_unsealed_new(struct trust_unsealed **out) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_unsealed_free(struct trust_unsealed *unsealed);

/* Note that a record was written. */
void trust_unsealed_add(
    struct trust_unsealed *unsealed, const struct trust_record *record);

/* A note on standard error for each such device, up to a few: of those that
 * were written, or, when a gateway was, of all. */
void trust_unsealed_tell(
    const struct trust_unsealed *unsealed, struct trust_registry *registry);

#endif
