/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the anchors of a registry are used: which groups name them, and for
 * whom there is no other.
 */
#ifndef TRUST_ANCHOR_USAGE_H
#define TRUST_ANCHOR_USAGE_H

#include "output.h"

struct trust_anchor_usage;

/* Of a registry as it stands. */
enum trust_err trust_anchor_usage_load(struct trust_registry *registry,
    struct trust_anchor_usage **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_anchor_usage_free(struct trust_anchor_usage *usage);

/* The ids of the groups that name the anchor, an array; borrowed. */
const json_t *trust_anchor_usage_get0_groups(
    const struct trust_anchor_usage *usage, const char *anchor);
/* Those of them that are enabled and for which no other anchor vouches, if
 * this one does: an array, a new reference; NULL without memory. */
json_t *trust_anchor_usage_only(
    const struct trust_anchor_usage *usage, const char *anchor);
/* Whether it is the only one that is enabled for a purpose
 * (TRUST_PURPOSE_BIT_…). */
bool trust_anchor_usage_is_last(const struct trust_anchor_usage *usage,
    const char *anchor, unsigned purpose);
/* The id of another anchor with the same certificate, borrowed; or NULL. */
const char *trust_anchor_usage_get0_twin(const struct trust_anchor_usage *usage,
    const char *anchor, const struct trust_thumbprint *thumbprint);

#endif
