/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict cache. uthash keeps the order of insertion; an entry that is
 * used goes to the end, so the first is the one to go.
 */
#include "cache.h"

#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
	struct trust_thumbprint thumbprint;
	struct trust_admission *admission; /* counted */
	UT_hash_handle hh;
};

struct trust_cache {
	struct entry *entries;
	size_t max;
};

enum trust_err
trust_cache_new(size_t max, struct trust_cache **out)
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
	trust_admission_free(entry->admission);
	free(entry);
}

static void
drop(struct trust_cache *cache, struct entry *entry)
{
	HASH_DEL(cache->entries, entry);
	entry_free(entry);
}

void
trust_cache_free(struct trust_cache *cache)
{
	struct entry *entry, *next;

	if (cache == NULL)
		return;
	HASH_ITER(hh, cache->entries, entry, next)
	drop(cache, entry);
	free(cache);
}

/* False without memory; the entry is in no table then. */
static bool
append(struct trust_cache *cache, struct entry *entry)
{
	HASH_ADD(
	    hh, cache->entries, thumbprint, sizeof(entry->thumbprint), entry);
	return entry->hh.tbl != NULL;
}

static struct entry *
find(struct trust_cache *cache, const struct trust_thumbprint *thumbprint)
{
	struct entry *entry;

	HASH_FIND(hh, cache->entries, thumbprint, sizeof(*thumbprint), entry);
	return entry;
}

struct trust_admission *
trust_cache_get0(
    struct trust_cache *cache, const struct trust_thumbprint *thumbprint)
{
	struct entry *entry = find(cache, thumbprint);

	if (entry == NULL)
		return NULL;
	HASH_DEL(cache->entries, entry);
	if (!append(cache, entry)) {
		entry_free(entry);
		return NULL;
	}
	return entry->admission;
}

void
trust_cache_put(struct trust_cache *cache, struct trust_admission *admission)
{
	struct entry *entry;

	trust_cache_remove(cache, &admission->certificate->thumbprint);
	if (HASH_COUNT(cache->entries) >= cache->max)
		drop(cache, cache->entries);
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return;
	entry->thumbprint = admission->certificate->thumbprint;
	entry->admission = trust_admission_get1(admission);
	if (!append(cache, entry))
		entry_free(entry);
}

void
trust_cache_remove(
    struct trust_cache *cache, const struct trust_thumbprint *thumbprint)
{
	struct entry *entry = find(cache, thumbprint);

	if (entry != NULL)
		drop(cache, entry);
}

size_t
trust_cache_count(const struct trust_cache *cache)
{
	return HASH_COUNT(cache->entries);
}
