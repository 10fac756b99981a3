/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See ahead.h. uthash keeps the order of insertion, so the first is the one to
 * go.
 */
#include "ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "certificate.h"
#include "profile.h"

struct entry {
	struct trust_ahead_crl crl;
	struct trust_thumbprint line;
	size_t len;        /* octets of its PEM */
	UT_hash_handle hh; /* by id */
};

struct trust_ahead {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t len; /* of all */
	size_t max;
};

enum trust_err
trust_ahead_new(size_t max, struct trust_ahead **out)
{
	struct trust_ahead *ahead = calloc(1, sizeof(*ahead));

	*out = NULL;
	if (ahead == NULL)
		return TRUST_ERR_NOMEM;
	if (pthread_mutex_init(&ahead->lock, NULL) != 0) {
		free(ahead);
		return TRUST_ERR_NOMEM;
	}
	ahead->max = max;
	*out = ahead;
	return TRUST_OK;
}

static void
entry_free(struct entry *entry)
{
	X509_CRL_free(entry->crl.crl);
	free(entry);
}

static struct entry *
find(const struct trust_ahead *ahead, const char *id)
{
	struct entry *entry;

	HASH_FIND_STR(ahead->entries, id, entry);
	return entry;
}

static void
take_out(struct trust_ahead *ahead, struct entry *entry)
{
	ahead->len -= entry->len;
	HASH_DEL(ahead->entries, entry);
}

static void
drop(struct trust_ahead *ahead, struct entry *entry)
{
	take_out(ahead, entry);
	entry_free(entry);
}

void
trust_ahead_free(struct trust_ahead *ahead)
{
	if (ahead == NULL)
		return;
	while (ahead->entries != NULL)
		drop(ahead, ahead->entries);
	(void)pthread_mutex_destroy(&ahead->lock);
	free(ahead);
}

/* What takes long, without the lock. NULL: it cannot be parsed. */
static struct entry *
parse(const struct trust_record *record, const struct trust_thumbprint *line)
{
	struct trust_span pem = trust_span_of(record->u.crl.pem);
	struct entry *entry = calloc(1, sizeof(*entry));
	struct trust_profile_finding finding;
	struct trust_message msg;

	if (entry == NULL)
		return NULL;
	if (trust_thumbprint_of(pem, &entry->crl.digest) != TRUST_OK ||
	    trust_certificate_parse_crl(pem, &entry->crl.crl, &msg) !=
		TRUST_OK) {
		entry_free(entry);
		return NULL;
	}
	/* Whoever asks next finds the entries in order: they are put there by
	 * the first search. What it finds is asked again with each path. */
	(void)!trust_profile_check_crl(entry->crl.crl, true, &finding);
	memcpy(entry->crl.id, record->id, strlen(record->id) + 1);
	entry->crl.enabled = record->enabled;
	entry->line = *line;
	entry->len = pem.len;
	return entry;
}

/* Takes over the entry. */
static void
put(struct trust_ahead *ahead, struct entry *entry)
{
	struct entry *former = find(ahead, entry->crl.id);

	if (former != NULL)
		drop(ahead, former);
	while (ahead->entries != NULL && ahead->len + entry->len > ahead->max)
		drop(ahead, ahead->entries);
	if (entry->len <= ahead->max)
		HASH_ADD_STR(ahead->entries, crl.id, entry);
	if (entry->hh.tbl == NULL)
		entry_free(entry);
	else
		ahead->len += entry->len;
}

void
trust_ahead_add(struct trust_ahead *ahead, const struct trust_record *record,
    const struct trust_thumbprint *line)
{
	struct entry *entry;

	if (record->kind != TRUST_KIND_CRL)
		return;
	entry = parse(record, line);
	if (entry == NULL)
		return;
	(void)pthread_mutex_lock(&ahead->lock);
	put(ahead, entry);
	(void)pthread_mutex_unlock(&ahead->lock);
}

bool
trust_ahead_has(struct trust_ahead *ahead, const char *id)
{
	bool has;

	(void)pthread_mutex_lock(&ahead->lock);
	has = find(ahead, id) != NULL;
	(void)pthread_mutex_unlock(&ahead->lock);
	return has;
}

bool
trust_ahead_take(struct trust_ahead *ahead, const char *id,
    const struct trust_thumbprint *line, struct trust_ahead_crl *out)
{
	struct entry *entry;

	(void)pthread_mutex_lock(&ahead->lock);
	entry = find(ahead, id);
	if (entry != NULL && !trust_thumbprint_equal(&entry->line, line))
		entry = NULL;
	if (entry != NULL)
		take_out(ahead, entry);
	(void)pthread_mutex_unlock(&ahead->lock);
	if (entry == NULL)
		return false;
	*out = entry->crl; /* transferred */
	free(entry);
	return true;
}
