/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool of CA certificates, by thumbprint.
 */
#include "pool.h"

#include <stdlib.h>

#include "certificate.h"

/* Without memory an entry is not added, and the program goes on. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
	struct trust_thumbprint thumbprint;
	X509 *x509; /* counted */
	UT_hash_handle hh;
};

struct trust_pool {
	struct entry *entries;
	size_t max;
};

enum trust_err
trust_pool_new(size_t max, struct trust_pool **out)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return TRUST_ERR_NOMEM;
	(*out)->max = max;
	return TRUST_OK;
}

static void
entry_free(struct entry *entry)
{
	X509_free(entry->x509);
	free(entry);
}

static void
drop(struct trust_pool *pool, struct entry *entry)
{
	HASH_DEL(pool->entries, entry);
	entry_free(entry);
}

void
trust_pool_free(struct trust_pool *pool)
{
	struct entry *entry, *next;

	if (pool == NULL)
		return;
	HASH_ITER(hh, pool->entries, entry, next)
	drop(pool, entry);
	free(pool);
}

static void
add(struct trust_pool *pool, const struct trust_thumbprint *thumbprint,
    X509 *x509)
{
	struct entry *entry;

	if (HASH_COUNT(pool->entries) >= pool->max)
		drop(pool, pool->entries);
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return;
	entry->thumbprint = *thumbprint;
	(void)X509_up_ref(x509);
	entry->x509 = x509;
	HASH_ADD(hh, pool->entries, thumbprint, sizeof(*thumbprint), entry);
	if (entry->hh.tbl == NULL)
		entry_free(entry);
}

/* NULL when the pool does not have it. */
static X509 *
find(const struct trust_pool *pool, const struct trust_thumbprint *thumbprint)
{
	struct entry *entry;

	HASH_FIND(hh, pool->entries, thumbprint, sizeof(*thumbprint), entry);
	return entry != NULL ? entry->x509 : NULL;
}

static enum trust_err
share(const struct trust_pool *pool, X509 *x509,
    const struct trust_thumbprint *leaf, STACK_OF(X509) *out, bool *strangers)
{
	struct trust_thumbprint thumbprint;
	enum trust_err r = trust_certificate_thumbprint(x509, &thumbprint);
	X509 *pooled;

	if (r != TRUST_OK || trust_thumbprint_equal(&thumbprint, leaf))
		return r;
	pooled = find(pool, &thumbprint);
	if (pooled == NULL)
		*strangers = true;
	else
		x509 = pooled;
	if (sk_X509_push(out, x509) <= 0)
		return TRUST_ERR_NOMEM;
	(void)X509_up_ref(x509);
	return TRUST_OK;
}

enum trust_err
trust_pool_share(const struct trust_pool *pool, STACK_OF(X509) *sent,
    const X509 *leaf, const struct trust_thumbprint *leaf_thumbprint,
    STACK_OF(X509) **out, bool *strangers)
{
	enum trust_err r = TRUST_OK;

	*strangers = false;
	*out = sk_X509_new_null();
	if (*out == NULL)
		return TRUST_ERR_NOMEM;
	for (int i = 0; r == TRUST_OK && i < sk_X509_num(sent); i++) {
		X509 *x509 = sk_X509_value(sent, i);

		/* TLS counts the very leaf among what was sent. */
		if (x509 != leaf)
			r = share(pool, x509, leaf_thumbprint, *out, strangers);
	}
	if (r != TRUST_OK) {
		sk_X509_pop_free(*out, X509_free);
		*out = NULL;
	}
	return r;
}

void
trust_pool_add(struct trust_pool *pool, STACK_OF(X509) *stack)
{
	struct trust_thumbprint thumbprint;

	for (int i = 0; i < sk_X509_num(stack); i++) {
		X509 *x509 = sk_X509_value(stack, i);

		if (trust_certificate_thumbprint(x509, &thumbprint) ==
			TRUST_OK &&
		    find(pool, &thumbprint) == NULL)
			add(pool, &thumbprint, x509);
	}
}
