/* SPDX-License-Identifier: Apache-2.0 */
/*
 * At which gateway a token counts, where nobody says: uses are counted by one,
 * which alone can say that they are spent.
 */
#ifndef TRUST_TOKEN_GATEWAY_H
#define TRUST_TOKEN_GATEWAY_H

#include "trust.h"

struct trust_token_gateway {
	char id[TRUST_ID_MAX + 1];
	const char *because; /* how that is known; static */
};

/*
 * Find it by the device's scopes, by what lies beside the registry, by what was
 * published of it and by the gateways in it, in this order. `device` may be
 * NULL. TRUST_ERR_INPUT: nothing of that says which.
 */
enum trust_err trust_token_gateway_find(struct trust_registry *registry,
    const char *path, const struct trust_record *device,
    struct trust_token_gateway *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
