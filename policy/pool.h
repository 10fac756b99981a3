/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of CA certificates: every device sends the same few, and admissions
 * that keep them share one copy each.
 */
#ifndef TRUST_POOL_H
#define TRUST_POOL_H

#include "thumbprint.h"

#include <openssl/x509.h>

struct trust_pool;

/* A pool of at most `max` certificates; the oldest go first. */
enum trust_err trust_pool_new(
    size_t max, struct trust_pool **out) TRUST_MUST_CHECK;
void trust_pool_free(struct trust_pool *pool);

/* The pool's copy of a certificate, or the certificate itself, which may
 * become it. Counted; the caller frees it. Never NULL. */
X509 *trust_pool_get1(struct trust_pool *pool, X509 *x509);

#endif
