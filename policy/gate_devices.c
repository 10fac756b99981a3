/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate, listing devices: what the registry has of them beside what was
 * seen here.
 */
#include <stdlib.h>
#include <string.h>

#include "gate_internal.h"

const char *
trust_match_name(enum trust_match match)
{
	static const char *const names[] = {
	    [TRUST_MATCH_NONE] = "none",
	    [TRUST_MATCH_PRIMARY] = "primary",
	    [TRUST_MATCH_SECONDARY] = "secondary",
	    [TRUST_MATCH_KEY] = "key",
	    [TRUST_MATCH_CHAIN] = "chain",
	    [TRUST_MATCH_PSK] = "psk",
	};

	if ((size_t)match >= sizeof(names) / sizeof(names[0]))
		match = TRUST_MATCH_NONE;
	return names[match];
}

static enum trust_match
match(const struct trust_device *device, const struct trust_seen *seen)
{
	if (trust_seen_is_psk(seen))
		return TRUST_MATCH_PSK;
	if (seen->reason == TRUST_REASON_CHAIN_REGISTERED ||
	    seen->reason == TRUST_REASON_CHAIN_ENROLLED)
		return TRUST_MATCH_CHAIN;
	if (seen->reason == TRUST_REASON_KEY_MATCH)
		return TRUST_MATCH_KEY;
	for (size_t i = 0; device != NULL && i < device->n_thumbprints; i++) {
		if (trust_thumbprint_equal(
			&device->thumbprints[i], &seen->thumbprint))
			return i == 0 ? TRUST_MATCH_PRIMARY
				      : TRUST_MATCH_SECONDARY;
	}
	return TRUST_MATCH_NONE;
}

/* All that is known; `record` is NULL for a device that has none. */
static enum trust_err
describe(struct trust_gate *gate, const char *id,
    const struct trust_record *record, struct trust_gate_device *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	*out = (struct trust_gate_device){
	    .registered = record != NULL,
	    .enabled = record == NULL || record->enabled,
	};
	memcpy(out->id, id, strlen(id) + 1);
	r = trust_gate_find_block(gate, id, &out->blocked, msg);
	if (r != TRUST_OK || gate->local == NULL)
		return r;
	r = trust_seen_find(gate->local, id, &out->seen, msg);
	if (r != TRUST_OK && r != TRUST_ERR_NOT_FOUND)
		return r;
	out->was_here = r == TRUST_OK;
	if (out->was_here)
		out->match = match(
		    record != NULL ? &record->u.device : NULL, &out->seen);
	return TRUST_OK;
}

static enum trust_err
describe_id(struct trust_gate *gate, const char *id,
    struct trust_gate_device *out, struct trust_message *msg)
{
	struct trust_record *record = NULL;
	enum trust_err r = TRUST_ERR_NOT_FOUND;

	if (gate->registry != NULL)
		r = trust_registry_find(
		    gate->registry, TRUST_KIND_DEVICE, id, &record, msg);
	if (r != TRUST_OK && r != TRUST_ERR_NOT_FOUND)
		return r;
	r = describe(gate, id, record, out, msg);
	trust_record_free(record);
	return r;
}

enum trust_err
trust_gate_find_device(struct trust_gate *gate, const char *id,
    struct trust_gate_device *out, struct trust_message *msg)
{
	(void)trust_gate_store_some_seen(gate);
	return describe_id(gate, id, out, msg);
}

/* ---- In the order of ids ---- */

/* Ids of one page, from one source. */
struct ids {
	char (*v)[TRUST_ID_MAX + 1];
	size_t n;
};

static enum trust_err
add_id(void *arg, const char *id, struct trust_span line)
{
	struct ids *ids = arg;

	if (strlen(id) > TRUST_ID_MAX)
		return TRUST_ERR_DAMAGED;
	memcpy(ids->v[ids->n++], id, strlen(id) + 1);
	return TRUST_OK;
}

static enum trust_err
list_registered(struct trust_gate *gate, const char *after, size_t max,
    struct ids *ids, struct trust_message *msg)
{
	ids->v = calloc(max + 1, sizeof(*ids->v));
	if (ids->v == NULL)
		return TRUST_ERR_NOMEM;
	if (gate->registry == NULL)
		return TRUST_OK;
	return trust_registry_list_after(
	    gate->registry, TRUST_KIND_DEVICE, after, max, add_id, ids, msg);
}

static enum trust_err
list_seen(struct trust_gate *gate, const char *after, size_t max,
    struct ids *ids, struct trust_message *msg)
{
	struct trust_seen *seen = calloc(max + 1, sizeof(*seen));
	enum trust_err r = TRUST_ERR_NOMEM;

	ids->v = calloc(max + 1, sizeof(*ids->v));
	if (seen == NULL || ids->v == NULL)
		goto out;
	r = TRUST_OK;
	if (gate->local != NULL)
		r = trust_seen_list(
		    gate->local, after, seen, max, &ids->n, msg);
	for (size_t i = 0; i < ids->n; i++)
		memcpy(ids->v[i], seen[i].device, sizeof(ids->v[i]));
out:
	free(seen);
	return r;
}

static enum trust_err
list_blocked(struct trust_gate *gate, const char *after, size_t max,
    struct ids *ids, struct trust_message *msg)
{
	ids->v = calloc(max + 1, sizeof(*ids->v));
	if (ids->v == NULL)
		return TRUST_ERR_NOMEM;
	if (gate->local == NULL)
		return TRUST_OK;
	return trust_block_list(gate->local, after, ids->v, max, &ids->n, msg);
}

/* The sources of a page: each knows devices that the others do not. */
static enum trust_err (*const sources[])(struct trust_gate *gate,
    const char *after, size_t max, struct ids *ids,
    struct trust_message *msg) = {list_registered, list_seen, list_blocked};
#define N_SOURCES (sizeof(sources) / sizeof(sources[0]))

/* The next id of the sorted lists, each id once; NULL at their end. It is taken
 * from all of them: at[i] is where list i goes on. */
static const char *
next_id(const struct ids *lists, size_t at[N_SOURCES])
{
	const char *next = NULL;

	for (size_t i = 0; i < N_SOURCES; i++) {
		if (at[i] < lists[i].n &&
		    (next == NULL || strcmp(lists[i].v[at[i]], next) < 0))
			next = lists[i].v[at[i]];
	}
	for (size_t i = 0; next != NULL && i < N_SOURCES; i++) {
		if (at[i] < lists[i].n && strcmp(lists[i].v[at[i]], next) == 0)
			at[i]++;
	}
	return next;
}

enum trust_err
trust_gate_list_devices(struct trust_gate *gate, const char *after,
    struct trust_gate_device *v, size_t max, size_t *n,
    struct trust_message *msg)
{
	struct ids lists[N_SOURCES] = {0};
	size_t at[N_SOURCES] = {0};
	enum trust_err r = TRUST_OK;
	const char *id;

	*n = 0;
	(void)trust_gate_store_some_seen(gate);
	for (size_t i = 0; r == TRUST_OK && i < N_SOURCES; i++)
		r = sources[i](gate, after, max, &lists[i], msg);
	while (r == TRUST_OK && *n < max && (id = next_id(lists, at)) != NULL) {
		r = describe_id(gate, id, &v[*n], msg);
		if (r == TRUST_OK)
			(*n)++;
	}
	for (size_t i = 0; i < N_SOURCES; i++)
		free(lists[i].v);
	return r;
}

/* ---- Of those that were here, some ---- */

/* What is asked of who was here. */
struct question {
	const char *anchor; /* NULL: it is about the certificates' ends */
	const char *after;
	int64_t until;
	size_t skip;
};

static enum trust_err
find_seen(struct trust_gate *gate, const struct question *q,
    struct trust_seen *seen, size_t max, size_t *n, struct trust_message *msg)
{
	if (q->anchor != NULL)
		return trust_seen_list_anchor(
		    gate->local, q->anchor, q->after, seen, max, n, msg);
	return trust_seen_list_ending(
	    gate->local, q->until, q->skip, seen, max, n, msg);
}

static enum trust_err
list_some(struct trust_gate *gate, const struct question *q,
    struct trust_gate_device *v, size_t max, size_t *n,
    struct trust_message *msg)
{
	struct trust_seen *seen;
	enum trust_err r = TRUST_OK;
	size_t n_seen = 0;

	*n = 0;
	if (gate->local == NULL)
		return TRUST_OK;
	(void)trust_gate_store_some_seen(gate);
	seen = calloc(max + 1, sizeof(*seen));
	if (seen == NULL)
		return TRUST_ERR_NOMEM;
	r = find_seen(gate, q, seen, max, &n_seen, msg);
	for (size_t i = 0; r == TRUST_OK && i < n_seen; i++) {
		r = describe_id(gate, seen[i].device, &v[i], msg);
		if (r == TRUST_OK)
			(*n)++;
	}
	free(seen);
	return r;
}

enum trust_err
trust_gate_list_anchor(struct trust_gate *gate, const char *anchor,
    const char *after, struct trust_gate_device *v, size_t max, size_t *n,
    struct trust_message *msg)
{
	const struct question q = {.anchor = anchor, .after = after};

	return list_some(gate, &q, v, max, n, msg);
}

enum trust_err
trust_gate_list_ending(struct trust_gate *gate, int64_t until, size_t skip,
    struct trust_gate_device *v, size_t max, size_t *n,
    struct trust_message *msg)
{
	const struct question q = {.until = until, .skip = skip};

	return list_some(gate, &q, v, max, n, msg);
}
