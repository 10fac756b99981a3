/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upkeep of a publication. A snapshot is read in one long read of the
 * registry, by a connection of its own, which no writer waits for; it is
 * written in short changes, as parts of a serial that nothing lists. When it
 * is complete, the head says so.
 */
#include "publication_upkeep.h"

#include <stdlib.h>
#include <string.h>

#include "publication_content.h"
#include "publication_list.h"

/* Parts in one change: each one waits for the disk once. */
#define SLICE 8
/* Parts that are dropped in one: that writes next to nothing. */
#define SWEEP 64

enum phase {
	SWEEPING,
	LOOKING, /* whether a snapshot is due */
	BUILDING,
	DONE,
};

struct trust_publication_upkeep {
	struct trust_registry *registry; /* borrowed */
	const char *scope;               /* borrowed */
	struct trust_registry_publication *publication;
	enum phase phase;
	/* The snapshot that is being built: as of when, and from where. */
	struct trust_registry_publication_head head;
	struct trust_registry *source;
	struct trust_registry_publication *records;
	struct trust_publication_content content; /* encodes lines */
	/* Parts that are full, and at n_full the one that is being filled. */
	struct trust_buf parts[SLICE];
	size_t n_full;
	bool read;         /* to the end */
	int64_t n_written; /* parts */
};

enum trust_err
trust_publication_upkeep_open(struct trust_registry *registry,
    const char *scope, struct trust_publication_upkeep **out,
    struct trust_message *msg)
{
	struct trust_publication_upkeep *u = calloc(1, sizeof(*u));
	enum trust_err r = TRUST_ERR_NOMEM;

	*out = NULL;
	if (u == NULL)
		return r;
	u->registry = registry;
	u->scope = scope;
	r = trust_registry_publication_open(
	    registry, scope, &u->publication, msg);
	if (r != TRUST_OK)
		goto out;
	*out = u;
	u = NULL; /* transferred */
out:
	trust_publication_upkeep_close(u);
	return r;
}

static void
close_source(struct trust_publication_upkeep *u)
{
	trust_registry_publication_close(u->records);
	u->records = NULL;
	trust_registry_close(u->source);
	u->source = NULL;
}

void
trust_publication_upkeep_close(struct trust_publication_upkeep *upkeep)
{
	if (upkeep == NULL)
		return;
	close_source(upkeep);
	trust_registry_publication_close(upkeep->publication);
	trust_publication_content_clear(&upkeep->content);
	for (size_t i = 0; i < SLICE; i++)
		trust_buf_free(&upkeep->parts[i]);
	free(upkeep);
}

/* End a change, one way or the other. */
static enum trust_err
end_change(struct trust_publication_upkeep *u, enum trust_err r,
    struct trust_message *msg)
{
	if (r == TRUST_OK)
		return trust_registry_commit(u->registry, msg);
	trust_registry_rollback(u->registry);
	return r;
}

/* ---- Sweeping ---- */

/* Looked at first, as a change may have to wait for another writer. */
static enum trust_err
has_litter(
    struct trust_publication_upkeep *u, bool *out, struct trust_message *msg)
{
	struct trust_registry_publication_head head;
	enum trust_err r = TRUST_ERR_INTERNAL;
	int64_t n = 0;

	r = trust_registry_begin_read(u->registry, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_publication_load(u->publication, &head, msg);
	if (r == TRUST_OK)
		r = trust_registry_publication_count_litter(
		    u->publication, &head, 1, &n, msg);
	trust_registry_end_read(u->registry);
	*out = n > 0;
	return r;
}

static enum trust_err
sweep(struct trust_publication_upkeep *u, struct trust_message *msg)
{
	struct trust_registry_publication_head head;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool litter;

	r = has_litter(u, &litter, msg);
	if (r != TRUST_OK)
		return r;
	if (!litter) {
		u->phase = LOOKING;
		return TRUST_OK;
	}
	r = trust_registry_begin(u->registry, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_publication_load(u->publication, &head, msg);
	if (r == TRUST_OK)
		r = trust_registry_publication_drop_litter(
		    u->publication, &head, SWEEP, msg);
	return end_change(u, r, msg);
}

/* ---- Looking ---- */

static enum trust_err
is_due(const struct trust_publication_upkeep *u, bool *out,
    struct trust_message *msg)
{
	struct trust_notification *n = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = false;
	if (u->head.session[0] == '\0' || u->head.ready != 0)
		return TRUST_OK;
	r = trust_publication_list_describe(
	    u->records, u->scope, &u->head, &n, msg);
	if (r != TRUST_OK)
		return r;
	*out = u->head.snapshot == 0 || trust_publication_list_is_long(n);
	trust_notification_free(n);
	return TRUST_OK;
}

static enum trust_err
open_source(struct trust_publication_upkeep *u, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_open(trust_registry_get0_path(u->registry),
	    TRUST_REGISTRY_READ, &u->source, msg);
	if (r == TRUST_OK)
		r = trust_registry_publication_open(
		    u->source, u->scope, &u->records, msg);
	if (r == TRUST_OK)
		r = trust_registry_begin_read(u->source, msg);
	return r;
}

/* The members are those of the head's generation, so the records have to be
 * of it, too. */
static enum trust_err
look(struct trust_publication_upkeep *u, struct trust_message *msg)
{
	struct trust_registry_info info = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool due = false;

	r = open_source(u, msg);
	if (r == TRUST_OK)
		r = trust_registry_publication_load(u->records, &u->head, msg);
	if (r == TRUST_OK)
		r = trust_registry_get_info(u->source, &info, msg);
	if (r == TRUST_OK)
		r = is_due(u, &due, msg);
	if (r == TRUST_OK && due && info.generation == u->head.generation) {
		u->content = (struct trust_publication_content){
		    .registry = u->source,
		    .publication = u->records,
		    .scope = u->scope,
		};
		u->phase = BUILDING;
		return TRUST_OK;
	}
	close_source(u);
	if (r == TRUST_OK)
		u->phase = DONE;
	return r;
}

/* ---- Building ---- */

/* Read until all parts are full, or the end. */
static enum trust_err
fill(struct trust_publication_upkeep *u, struct trust_message *msg)
{
	const struct trust_buf *line = &u->content.line;
	enum trust_err r = TRUST_OK;
	struct trust_span record;
	const char *id;

	u->content.msg = msg;
	/* The last line that did not fit any more. */
	if (u->n_written > 0)
		r = trust_buf_add(&u->parts[0], line->p, line->len);
	while (r == TRUST_OK && u->n_full < SLICE) {
		r = trust_registry_publication_next_record(
		    u->records, &id, &record, msg);
		if (r != TRUST_OK)
			break;
		r = trust_publication_content_encode(&u->content, id, record);
		if (r == TRUST_OK &&
		    u->parts[u->n_full].len + line->len > TRUST_PART_MAX)
			u->n_full++;
		if (r == TRUST_OK && u->n_full < SLICE)
			r = trust_buf_add(
			    &u->parts[u->n_full], line->p, line->len);
	}
	if (r != TRUST_ERR_NOT_FOUND)
		return r;
	u->read = true;
	if (u->parts[u->n_full].len > 0)
		u->n_full++;
	return TRUST_OK;
}

/* Whether the parts so far are there still, and still wanted: two may build
 * the same one, or one may sweep up after the other. */
static enum trust_err
is_alone(struct trust_publication_upkeep *u,
    struct trust_registry_publication_head *head, bool *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	int64_t n = 0;

	r = trust_registry_publication_load(u->publication, head, msg);
	if (r == TRUST_OK)
		r = trust_registry_publication_count_parts(
		    u->publication, u->head.serial, &n, msg);
	*out = n == u->n_written && head->ready == 0 &&
	       head->snapshot < u->head.serial &&
	       strcmp(head->session, u->head.session) == 0;
	return r;
}

static enum trust_err
add_parts(struct trust_publication_upkeep *u, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < u->n_full; i++) {
		struct trust_span bytes = trust_buf_get0(&u->parts[i]);
		struct trust_registry_publication_part part = {
		    .snapshot = true,
		    .serial = u->head.serial,
		    .n = u->n_written + (int64_t)i,
		};

		r = trust_thumbprint_of(bytes, &part.sha256);
		if (r == TRUST_OK)
			r = trust_registry_publication_add_part(
			    u->publication, &part, bytes, msg);
	}
	return r;
}

/* One change; with the last of the parts it is ready. */
static enum trust_err
write_parts(
    struct trust_publication_upkeep *u, bool *alone, struct trust_message *msg)
{
	struct trust_registry_publication_head head;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*alone = false;
	r = trust_registry_begin(u->registry, msg);
	if (r != TRUST_OK)
		return r;
	r = is_alone(u, &head, alone, msg);
	if (r == TRUST_OK && *alone)
		r = add_parts(u, msg);
	if (r == TRUST_OK && *alone && u->read) {
		head.ready = u->head.serial;
		r = trust_registry_publication_store(
		    u->publication, &head, msg);
	}
	return end_change(u, r, msg);
}

static enum trust_err
build(struct trust_publication_upkeep *u, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	bool alone;

	if (u->n_full < SLICE && !u->read)
		r = fill(u, msg);
	if (r != TRUST_OK)
		return r;
	r = write_parts(u, &alone, msg);
	if (r != TRUST_OK)
		return r;
	u->n_written += (int64_t)u->n_full;
	u->n_full = 0;
	for (size_t i = 0; i < SLICE; i++)
		u->parts[i].len = 0;
	if (alone && !u->read)
		return TRUST_OK;
	/* While it was read, nobody could bring the log into the file. */
	close_source(u);
	trust_registry_checkpoint(u->registry);
	u->phase = DONE;
	return TRUST_OK;
}

enum trust_err
trust_publication_upkeep_step(struct trust_publication_upkeep *upkeep,
    bool *done, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	switch (upkeep->phase) {
	case SWEEPING:
		r = sweep(upkeep, msg);
		break;
	case LOOKING:
		r = look(upkeep, msg);
		break;
	case BUILDING:
		r = build(upkeep, msg);
		break;
	case DONE:
		break;
	}
	*done = r == TRUST_OK && upkeep->phase == DONE;
	return r;
}

enum trust_err
trust_publication_upkeep_run(struct trust_registry *registry, const char *scope,
    struct trust_message *msg)
{
	struct trust_publication_upkeep *upkeep = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool done = false;

	r = trust_publication_upkeep_open(registry, scope, &upkeep, msg);
	while (r == TRUST_OK && !done)
		r = trust_publication_upkeep_step(upkeep, &done, msg);
	trust_publication_upkeep_close(upkeep);
	return r;
}
