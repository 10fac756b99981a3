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

X509 *
trust_pool_get1(struct trust_pool *pool, X509 *x509)
{
	struct trust_thumbprint thumbprint;
	struct entry *entry = NULL;

	if (trust_certificate_thumbprint(x509, &thumbprint) == TRUST_OK) {
		HASH_FIND(
		    hh, pool->entries, &thumbprint, sizeof(thumbprint), entry);
		if (entry == NULL)
			add(pool, &thumbprint, x509);
		else
			x509 = entry->x509;
	}
	(void)X509_up_ref(x509);
	return x509;
}
