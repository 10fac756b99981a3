/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Development anchors in registries: whoever has the directory of a PKI that
 * trustctl pki made has its keys, and makes devices of every registry that
 * trusts it. Where that is meant, the registry says so (trustctl init
 * --development).
 */
#ifndef TRUST_DEVELOPMENT_H
#define TRUST_DEVELOPMENT_H

#include "trust.h"

/* Ids that are told; of more there is the number. */
#define TRUST_DEVELOPMENT_IDS_MAX 3

/* Development anchors that were put. Zeroed memory is none. */
struct trust_development {
	char ids[TRUST_DEVELOPMENT_IDS_MAX][TRUST_ID_MAX + 1];
	size_t n;
};

/* Note the anchor, if it is such a one. */
void trust_development_add(
    struct trust_development *development, const char *id, X509 *x509);
/* Likewise, of a record, which may be of any kind. */
void trust_development_add_record(
    struct trust_development *development, const struct trust_record *record);

/* Forget them, where the registry is for them. */
void trust_development_compare(
    struct trust_development *development, struct trust_registry *registry);

/* A note on standard error for those that are left. */
void trust_development_tell(const struct trust_development *development);

/* The same for all that are in a registry. */
void trust_development_tell_all(struct trust_registry *registry);

#endif
