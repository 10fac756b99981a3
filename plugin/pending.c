/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See pending.h.
 */
#include "pending.h"

#include <stdlib.h>
#include <string.h>

void
trust_pendings_clear(struct trust_pendings *pendings)
{
	struct trust_pending *pending, *next;

	HASH_ITER(hh, pendings->by_name, pending, next)
	{
		HASH_DEL(pendings->by_name, pending);
		free(pending);
	}
}

struct trust_pending *
trust_pending_find(struct trust_pendings *pendings, struct trust_span name)
{
	struct trust_pending *found;

	HASH_FIND(hh, pendings->by_name, name.p, name.len, found);
	return found;
}

static struct trust_pending *
new_pending(struct trust_pendings *pendings, struct trust_span name)
{
	struct trust_pending *pending;

	if (name.len > TRUST_CLIENT_MAX)
		return NULL;
	if (HASH_COUNT(pendings->by_name) >= TRUST_PENDING_MAX) {
		pending = pendings->by_name;
		HASH_DEL(pendings->by_name, pending);
		free(pending);
	}
	pending = calloc(1, sizeof(*pending));
	if (pending != NULL)
		memcpy(pending->name, name.p, name.len);
	return pending;
}

/* uthash keeps the order in which they are added. */
struct trust_pending *
trust_pending_note(struct trust_pendings *pendings, struct trust_span name)
{
	struct trust_pending *pending = trust_pending_find(pendings, name);

	if (pending != NULL)
		HASH_DEL(pendings->by_name, pending);
	else
		pending = new_pending(pendings, name);
	if (pending == NULL)
		return NULL;
	HASH_ADD_KEYPTR(
	    hh, pendings->by_name, pending->name, name.len, pending);
	if (pending->hh.tbl == NULL) {
		free(pending);
		return NULL;
	}
	return pending;
}

void
trust_pending_add_answer(
    struct trust_pending *pending, const char *asker, struct trust_span answer)
{
	size_t i = pending->n_answers % TRUST_PENDING_ANSWERS;

	if (trust_thumbprint_of(answer, &pending->answers[i].digest) !=
	    TRUST_OK)
		return;
	pending->answers[i].is_others =
	    pending->waits && strcmp(asker, pending->client_id) != 0;
	pending->n_answers++;
}

/* The newest first: one text may be an answer to both. */
bool
trust_pending_has_answer(const struct trust_pending *pending,
    const char *client_id, struct trust_span answer)
{
	struct trust_thumbprint digest;
	size_t i = pending->n_answers, oldest = 0;

	if (trust_thumbprint_of(answer, &digest) != TRUST_OK)
		return false;
	if (i > TRUST_PENDING_ANSWERS)
		oldest = i - TRUST_PENDING_ANSWERS;
	while (i-- > oldest) {
		size_t at = i % TRUST_PENDING_ANSWERS;

		if (trust_thumbprint_equal(
			&pending->answers[at].digest, &digest))
			return !pending->answers[at].is_others ||
			       strcmp(client_id, pending->client_id) != 0;
	}
	return false;
}

bool
trust_pending_is_request(
    const struct trust_pending *pending, struct trust_span request)
{
	struct trust_thumbprint digest;

	return trust_thumbprint_of(request, &digest) == TRUST_OK &&
	       trust_thumbprint_equal(&pending->request, &digest);
}
