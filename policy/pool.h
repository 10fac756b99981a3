/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of CA certificates: every device sends the same few, and admissions
 * that keep them share one copy each.
 */
#ifndef TRUST_POOL_H
#define TRUST_POOL_H

#include <openssl/x509.h>

#include "thumbprint.h"

struct trust_pool;

/* A pool of at most `max` certificates; the oldest go first. */
enum trust_err trust_pool_new(
    size_t max, struct trust_pool **out) TRUST_MUST_CHECK;
void trust_pool_free(struct trust_pool *pool);

/*
 * What was sent besides a leaf: the pool's copies, or the certificates
 * themselves where it has none. For certificates that nobody vouches for yet:
 * the pool does not change. `strangers` tells whether it lacks some. The
 * caller frees stack and certificates.
 */
enum trust_err trust_pool_share(const struct trust_pool *pool,
    STACK_OF(X509) *sent, const X509 *leaf,
    const struct trust_thumbprint *leaf_thumbprint, STACK_OF(X509) **out,
    bool *strangers) TRUST_MUST_CHECK;
/* Take in those of the stack that the pool does not have. */
void trust_pool_add(struct trust_pool *pool, STACK_OF(X509) *stack);

#endif
