/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict cache: admissions by thumbprint, the least used out first.
 * Allowing verdicts only: a denial depends on what was sent with it, and
 * nobody has proved to own the key yet.
 */
#ifndef TRUST_CACHE_H
#define TRUST_CACHE_H

#include "admission.h"

struct trust_cache;

/* A cache of at most `max` admissions. */
enum trust_err trust_cache_new(
    size_t max, struct trust_cache **out) TRUST_MUST_CHECK;
void trust_cache_free(struct trust_cache *cache);

/* Borrowed until the cache is changed, or NULL. Counts as a use. */
struct trust_admission *trust_cache_get0(
    struct trust_cache *cache, const struct trust_thumbprint *thumbprint);
/* Add or replace; counts a reference. Without memory nothing is added. */
void trust_cache_put(
    struct trust_cache *cache, struct trust_admission *admission);
void trust_cache_remove(
    struct trust_cache *cache, const struct trust_thumbprint *thumbprint);
size_t trust_cache_count(const struct trust_cache *cache);

#endif
