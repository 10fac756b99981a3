/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See pending.h.
 */
#include "pending.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* ---- Who has what ---- */

/* The first level of a name: a device's modules have one bound. */
static struct trust_span
holder_of(struct trust_span name)
{
	const uint8_t *slash =
	    name.len > 0 ? memchr(name.p, '/', name.len) : NULL;

	return (struct trust_span){
	    name.p, slash != NULL ? (size_t)(slash - name.p) : name.len};
}

static struct trust_pending_holder *
find_holder(struct trust_pendings *pendings, struct trust_span name)
{
	struct trust_span id = holder_of(name);
	struct trust_pending_holder *holder;

	HASH_FIND(hh, pendings->holders, id.p, id.len, holder);
	return holder;
}

static bool
is_named(const struct trust_pending *pending, struct trust_span name)
{
	return strlen(pending->name) == name.len &&
	       memcmp(pending->name, name.p, name.len) == 0;
}

static bool
is_for(const struct trust_pending *pending, const struct trust_thumbprint *key)
{
	return pending->has_key == (key != NULL) &&
	       (key == NULL || trust_thumbprint_equal(&pending->key, key));
}

/* Those of one name, from the first; NULL behind the last. */
static struct trust_pending *
next_named(struct trust_pending *pending, struct trust_span name)
{
	while (pending != NULL && !is_named(pending, name))
		pending = pending->next;
	return pending;
}

static struct trust_pending *
first_named(struct trust_pendings *pendings, struct trust_span name)
{
	struct trust_pending_holder *holder = find_holder(pendings, name);

	return holder != NULL ? next_named(holder->pendings, name) : NULL;
}

struct trust_pending *
trust_pending_find(struct trust_pendings *pendings, struct trust_span name,
    const struct trust_thumbprint *key)
{
	struct trust_pending *pending = first_named(pendings, name);

	while (pending != NULL && !is_for(pending, key))
		pending = next_named(pending->next, name);
	return pending;
}

struct trust_pending *
trust_pending_find_waiting(
    struct trust_pendings *pendings, struct trust_span name)
{
	struct trust_pending *pending = first_named(pendings, name);
	struct trust_pending *told = NULL;

	for (; pending != NULL; pending = next_named(pending->next, name)) {
		if (pending->waits && !pending->was_told)
			return pending;
		if (pending->waits && told == NULL)
			told = pending;
	}
	return told;
}

/* ---- Coming and going ---- */

static void
drop_holder(
    struct trust_pendings *pendings, struct trust_pending_holder *holder)
{
	HASH_DEL(pendings->holders, holder);
	free(holder);
}

/* One that does not wait, else the one that asked first. */
static void
drop_one(struct trust_pendings *pendings, struct trust_pending_holder *holder)
{
	struct trust_pending *pending = holder->pendings;

	while (pending != NULL && pending->waits)
		pending = pending->next;
	if (pending == NULL)
		pending = holder->pendings;
	DL_DELETE(holder->pendings, pending);
	free(pending);
	holder->n--;
	pendings->n--;
}

void
trust_pendings_clear(struct trust_pendings *pendings)
{
	struct trust_pending_holder *holder, *next;

	HASH_ITER(hh, pendings->holders, holder, next)
	{
		while (holder->pendings != NULL)
			drop_one(pendings, holder);
		drop_holder(pendings, holder);
	}
}

/* Of those that have most the first to have come. */
static struct trust_pending_holder *
find_largest(struct trust_pendings *pendings)
{
	struct trust_pending_holder *holder, *next, *largest = NULL;

	HASH_ITER(hh, pendings->holders, holder, next)
	{
		if (largest == NULL || holder->n > largest->n)
			largest = holder;
	}
	return largest;
}

static void
make_room(struct trust_pendings *pendings, struct trust_pending_holder *holder)
{
	struct trust_pending_holder *largest;

	if (holder->n >= TRUST_PENDING_HOLDER_MAX)
		drop_one(pendings, holder);
	if (pendings->n < TRUST_PENDING_MAX)
		return;
	largest = find_largest(pendings);
	if (largest == NULL)
		return;
	drop_one(pendings, largest);
	if (largest->n == 0 && largest != holder)
		drop_holder(pendings, largest);
}

static struct trust_pending_holder *
have_holder(struct trust_pendings *pendings, struct trust_span name)
{
	struct trust_pending_holder *holder = find_holder(pendings, name);
	struct trust_span id = holder_of(name);

	if (holder != NULL)
		return holder;
	holder = calloc(1, sizeof(*holder));
	if (holder == NULL)
		return NULL;
	memcpy(holder->id, id.p, id.len);
	HASH_ADD_KEYPTR(hh, pendings->holders, holder->id, id.len, holder);
	if (holder->hh.tbl != NULL)
		return holder;
	free(holder);
	return NULL;
}

static struct trust_pending *
add(struct trust_pendings *pendings, struct trust_span name,
    const struct trust_thumbprint *key)
{
	struct trust_pending_holder *holder;
	struct trust_pending *pending;

	if (name.len == 0 || name.len > TRUST_CLIENT_MAX)
		return NULL;
	pending = calloc(1, sizeof(*pending));
	holder = pending != NULL ? have_holder(pendings, name) : NULL;
	if (holder == NULL) {
		free(pending);
		return NULL;
	}
	make_room(pendings, holder);
	memcpy(pending->name, name.p, name.len);
	pending->has_key = key != NULL;
	if (key != NULL)
		pending->key = *key;
	DL_APPEND(holder->pendings, pending);
	holder->n++;
	pendings->n++;
	return pending;
}

struct trust_pending *
trust_pending_note(struct trust_pendings *pendings, struct trust_span name,
    const struct trust_thumbprint *key)
{
	struct trust_pending *pending = trust_pending_find(pendings, name, key);
	struct trust_pending_holder *holder;

	if (pending == NULL)
		return add(pendings, name, key);
	holder = find_holder(pendings, name);
	DL_DELETE(holder->pendings, pending);
	DL_APPEND(holder->pendings, pending);
	return pending;
}

/* ---- What is delivered ---- */

void
trust_pending_add_answer(
    struct trust_pending *pending, const char *asker, struct trust_span answer)
{
	size_t i = pending->n_answers % TRUST_PENDING_ANSWERS;

	if (trust_thumbprint_of(answer, &pending->answers[i].digest) !=
		TRUST_OK ||
	    trust_thumbprint_of(
		trust_span_of(asker), &pending->answers[i].asker) != TRUST_OK)
		return;
	pending->n_answers++;
}

/* To whom an answer went. */
enum answered { NOBODY, ANOTHER, ASKER };

static enum answered
find_answer(const struct trust_pending *pending,
    const struct trust_thumbprint *digest, const struct trust_thumbprint *asker)
{
	enum answered found = NOBODY;
	size_t n = pending->n_answers;

	if (n > TRUST_PENDING_ANSWERS)
		n = TRUST_PENDING_ANSWERS;
	for (size_t i = 0; i < n && found != ASKER; i++) {
		if (!trust_thumbprint_equal(
			&pending->answers[i].digest, digest))
			continue;
		found =
		    trust_thumbprint_equal(&pending->answers[i].asker, asker)
			? ASKER
			: ANOTHER;
	}
	return found;
}

/* One text may be an answer to several. */
bool
trust_pending_has_answer(struct trust_pendings *pendings,
    struct trust_span name, const char *client_id, struct trust_span answer)
{
	struct trust_pending *pending = first_named(pendings, name);
	struct trust_thumbprint digest, asker;
	bool waits = false, to_another = false;

	if (trust_thumbprint_of(answer, &digest) != TRUST_OK ||
	    trust_thumbprint_of(trust_span_of(client_id), &asker) != TRUST_OK)
		return false;
	for (; pending != NULL; pending = next_named(pending->next, name)) {
		enum answered found = find_answer(pending, &digest, &asker);

		if (found == ASKER)
			return true;
		to_another = to_another || found == ANOTHER;
		waits = waits || (pending->waits && strcmp(pending->client_id,
							client_id) == 0);
	}
	return to_another && !waits;
}

bool
trust_pending_has_request(struct trust_pendings *pendings,
    struct trust_span name, struct trust_span request)
{
	struct trust_pending *pending = first_named(pendings, name);
	struct trust_thumbprint digest;

	if (trust_thumbprint_of(request, &digest) != TRUST_OK)
		return false;
	while (pending != NULL &&
	       !(pending->has_key &&
		   trust_thumbprint_equal(&pending->request, &digest)))
		pending = next_named(pending->next, name);
	return pending != NULL;
}
