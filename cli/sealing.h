/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateways of a registry, as pre-shared keys are sealed for them: those
 * that share a scope with the device, which are all where it, or they, name
 * none.
 */
#ifndef TRUST_SEALING_H
#define TRUST_SEALING_H

#include <jansson.h>

#include "trust.h"

struct trust_sealing;

/* Those that are enabled. The caller frees. */
enum trust_err trust_sealing_load(struct trust_registry *registry,
    struct trust_sealing **out, struct trust_message *msg) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_sealing_free(struct trust_sealing *sealing);

/* Seal a key for the gateways of these scopes (NULL: all), into `out`; `n`
 * tells for how many. TRUST_ERR_NOT_FOUND: there are none. */
enum trust_err trust_sealing_seal(const struct trust_sealing *sealing,
    const json_t *scopes, const struct trust_secret *key, struct trust_buf *out,
    size_t *n, struct trust_message *msg) TRUST_MUST_CHECK;

/* The first gateway of a device's scopes that its key is not sealed for, as
 * its id, borrowed; NULL: there is none, or it has no pre-shared key. */
const char *trust_sealing_find_missing(
    const struct trust_sealing *sealing, const struct trust_record *device);

#endif
