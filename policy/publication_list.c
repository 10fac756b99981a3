/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a notification lists.
 */
#include "publication_list.h"

#include <stdlib.h>
#include <string.h>

#include "publication.h"

/* ---- Describing ---- */

/* Room for one more: it doubles whenever the number reaches a power of two. */
static void *
grow(void *v, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ? realloc(v, 2 * (n + 1) * size) : v;
}

static enum trust_err
add_part(struct trust_parts *parts, const struct trust_thumbprint *sha256,
    uint32_t len)
{
	struct trust_part *v = grow(parts->v, parts->n, sizeof(*v));

	if (v == NULL)
		return TRUST_ERR_NOMEM;
	parts->v = v;
	v[parts->n++] = (struct trust_part){.sha256 = *sha256, .len = len};
	return TRUST_OK;
}

static enum trust_err
add_delta(struct trust_notification *n, int64_t serial)
{
	struct trust_parts *v = grow(n->deltas, n->n_deltas, sizeof(*v));

	if (v == NULL)
		return TRUST_ERR_NOMEM;
	n->deltas = v;
	v[n->n_deltas++] = (struct trust_parts){.serial = serial};
	return TRUST_OK;
}

static enum trust_err
visit_part(
    void *arg, const struct trust_registry_publication_part *part, uint32_t len)
{
	struct trust_notification *n = arg;
	enum trust_err r = TRUST_OK;

	if (part->snapshot)
		return add_part(&n->snapshot, &part->sha256, len);
	if (n->n_deltas == 0 ||
	    n->deltas[n->n_deltas - 1].serial != part->serial)
		r = add_delta(n, part->serial);
	if (r == TRUST_OK)
		r = add_part(&n->deltas[n->n_deltas - 1], &part->sha256, len);
	return r;
}

enum trust_err
trust_publication_list_describe(struct trust_registry_publication *publication,
    const char *scope, const struct trust_registry_publication_head *head,
    struct trust_notification **out, struct trust_message *msg)
{
	struct trust_notification *n = calloc(1, sizeof(*n));
	enum trust_err r = TRUST_ERR_NOMEM;

	*out = NULL;
	if (n == NULL || strlen(scope) > TRUST_ID_MAX)
		goto out;
	memcpy(n->scope, scope, strlen(scope));
	memcpy(n->session, head->session, sizeof(n->session));
	n->serial = head->serial;
	n->this_update = head->this_update;
	n->n_records = head->n_records;
	n->state = head->state;
	n->format = TRUST_FORMAT;
	n->snapshot.serial = head->snapshot;
	r = trust_registry_publication_list_parts(
	    publication, head, visit_part, n, msg);
	if (r != TRUST_OK)
		goto out;
	*out = n;
	n = NULL; /* transferred */
out:
	trust_notification_free(n);
	return r;
}

/* ---- Deltas and the snapshot ---- */

static uint64_t
count_octets(const struct trust_parts *parts)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < parts->n; i++)
		octets += parts->v[i].len;
	return octets;
}

/* Whether these octets of deltas are more than the snapshot bears. */
static bool
outgrow(const struct trust_notification *n, uint64_t octets)
{
	return octets * TRUST_PUBLICATION_DELTAS_SHARE >
	       count_octets(&n->snapshot);
}

bool
trust_publication_list_is_long(const struct trust_notification *n)
{
	uint64_t octets = 0;
	size_t n_deltas = 0;

	for (size_t i = 0; i < n->n_deltas; i++) {
		if (n->deltas[i].serial <= n->snapshot.serial)
			continue;
		n_deltas++;
		octets += count_octets(&n->deltas[i]);
	}
	return n_deltas >= TRUST_PUBLICATION_DELTAS_MAX || outgrow(n, octets);
}

static size_t
count_surplus(const struct trust_notification *n)
{
	uint64_t octets = 0;
	size_t i;

	for (i = 0; i < n->n_deltas; i++)
		octets += count_octets(&n->deltas[i]);
	for (i = 0; i < n->n_deltas; i++) {
		if (n->deltas[i].serial > n->snapshot.serial ||
		    (n->n_deltas - i <= TRUST_PUBLICATION_DELTAS_MAX &&
			!outgrow(n, octets)))
			break;
		octets -= count_octets(&n->deltas[i]);
	}
	return i;
}

int64_t
trust_publication_list_cut(struct trust_notification *n)
{
	size_t surplus = count_surplus(n);

	for (size_t i = 0; i < surplus; i++)
		free(n->deltas[i].v);
	n->n_deltas -= surplus;
	if (surplus > 0)
		memmove(n->deltas, n->deltas + surplus,
		    n->n_deltas * sizeof(*n->deltas));
	return n->serial - (int64_t)n->n_deltas + 1;
}

bool
trust_publication_list_reaches(
    const struct trust_notification *n, int64_t serial)
{
	int64_t oldest = n->snapshot.serial;

	if (n->n_deltas > 0 && n->deltas[0].serial < oldest)
		oldest = n->deltas[0].serial;
	return serial >= oldest;
}
