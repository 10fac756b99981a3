/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publications: when there is a new serial, when a new snapshot, and which
 * deltas a notification lists.
 */
#include "publication.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "publication_content.h"

/* An update that is under way. */
struct update {
	const struct trust_publication_input *in;
	struct trust_registry_publication *publication;
	struct trust_registry_publication_head head;
	struct trust_publication_content content;
	struct trust_message *msg;
};

/* ---- What is out already ---- */

/* Why what is published is not this registry's past or present, or NULL. What
 * is of an earlier session than the present one is a replay, or the last that
 * went out before that session began. */
static const char *
find_contradiction(const struct trust_registry_publication_head *head,
    const struct trust_notification *published)
{
	if (strcmp(published->session, head->session) != 0) {
		if (published->this_update < head->this_update)
			return NULL;
		return "another and later session";
	}
	if (published->serial > head->serial)
		return "a later serial";
	if (published->serial == head->serial &&
	    (published->n_records != head->n_records ||
		!trust_thumbprint_equal(&published->state, &head->state)))
		return "another state under this serial";
	return NULL;
}

static enum trust_err
check_published(const struct update *update)
{
	const struct trust_notification *published = update->in->published;
	const char *got;

	if (published == NULL || update->in->new_session)
		return TRUST_OK;
	got = find_contradiction(&update->head, published);
	if (got == NULL)
		return TRUST_OK;
	return trust_err_set(update->msg, TRUST_ERR_CONFLICT,
	    "scope %s: what is published is ahead of this registry, want at "
	    "most serial %lld of its own, got serial %lld, %s; was it "
	    "restored from a backup? A new session begins anew",
	    update->in->scope, (long long)update->head.serial,
	    (long long)published->serial, got);
}

/*
 * this_update never goes back within a session, and forth with a new one. A
 * clock that is a little behind is no reason not to publish.
 */
static enum trust_err
set_time(struct update *update)
{
	const struct trust_notification *published = update->in->published;
	int64_t least = update->head.this_update;
	char text[TRUST_CLOCK_TEXT];

	if (published != NULL && published->this_update > least)
		least = published->this_update;
	if (update->in->new_session && least > 0)
		least++;
	if (least > update->in->this_update + TRUST_PUBLICATION_CLOCK_SKEW)
		return trust_err_set(update->msg, TRUST_ERR_CONFLICT,
		    "scope %s: this_update would go back, want %s or later; "
		    "look at the clock",
		    update->in->scope, trust_clock_format(least, text));
	update->head.this_update =
	    update->in->this_update > least ? update->in->this_update : least;
	return TRUST_OK;
}

/* ---- Serials ---- */

static enum trust_err
begin_session(struct update *update)
{
	struct trust_registry_publication_head *head = &update->head;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_publication_clear(update->publication, update->msg);
	if (r != TRUST_OK)
		return r;
	*head = (struct trust_registry_publication_head){
	    .serial = 1, .this_update = head->this_update};
	memcpy(head->session, update->in->session, TRUST_SESSION_LEN);
	update->content.changed = true;
	r = trust_publication_content_follow(&update->content);
	if (r == TRUST_OK)
		r = trust_publication_content_snapshot(&update->content);
	return r;
}

static enum trust_err
follow_session(struct update *update)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	update->head.serial++;
	update->content.writes_delta = true;
	r = trust_publication_content_follow(&update->content);
	if (!update->content.changed)
		update->head.serial--;
	return r;
}

static enum trust_err
follow(struct update *update)
{
	struct trust_registry_publication_head *head = &update->head;
	struct trust_registry_info info;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_get_info(
	    update->content.registry, &info, update->msg);
	if (r != TRUST_OK)
		return r;
	if (head->session[0] == '\0' || update->in->new_session)
		r = begin_session(update);
	else
		r = follow_session(update);
	if (r != TRUST_OK)
		return r;
	head->generation = info.generation;
	if (update->in->mass_removal)
		head->marked = head->serial;
	if (head->n_records > TRUST_RECORDS_MAX)
		return trust_err_set(update->msg, TRUST_ERR_INPUT,
		    "scope %s: want at most %lld records, got %lld",
		    update->in->scope, (long long)TRUST_RECORDS_MAX,
		    (long long)head->n_records);
	return TRUST_OK;
}

/* ---- Describing ---- */

/* The room doubles whenever the number reaches a power of two. */
static enum trust_err
add_part(struct trust_parts *parts, const struct trust_thumbprint *sha256,
    uint32_t len)
{
	struct trust_part *v = parts->v;

	if ((parts->n & (parts->n - 1)) == 0) {
		v = realloc(v, 2 * (parts->n + 1) * sizeof(*v));
		if (v == NULL)
			return TRUST_ERR_NOMEM;
		parts->v = v;
	}
	v[parts->n++] = (struct trust_part){.sha256 = *sha256, .len = len};
	return TRUST_OK;
}

static enum trust_err
visit_part(
    void *arg, const struct trust_registry_publication_part *part, uint32_t len)
{
	struct trust_notification *n = arg;
	struct trust_parts *delta;

	if (part->snapshot)
		return add_part(&n->snapshot, &part->sha256, len);
	if (n->n_deltas == 0 ||
	    n->deltas[n->n_deltas - 1].serial != part->serial) {
		/* One more than is listed: the newest comes before the
		 * oldest goes. */
		if (n->n_deltas > TRUST_PUBLICATION_DELTAS_MAX)
			return TRUST_ERR_DAMAGED;
		n->deltas[n->n_deltas++].serial = part->serial;
	}
	delta = &n->deltas[n->n_deltas - 1];
	return add_part(delta, &part->sha256, len);
}

static enum trust_err
describe(const struct update *update, struct trust_notification **out)
{
	const struct trust_registry_publication_head *head = &update->head;
	const struct trust_publication_input *in = update->in;
	struct trust_notification *n = calloc(1, sizeof(*n));
	enum trust_err r = TRUST_ERR_NOMEM;

	*out = NULL;
	if (n == NULL)
		return r;
	n->deltas =
	    calloc(TRUST_PUBLICATION_DELTAS_MAX + 1, sizeof(*n->deltas));
	if (n->deltas == NULL || strlen(in->scope) > TRUST_ID_MAX)
		goto out;
	memcpy(n->scope, in->scope, strlen(in->scope));
	memcpy(n->session, head->session, sizeof(n->session));
	n->serial = head->serial;
	n->this_update = head->this_update;
	n->next_update =
	    in->next_update + (head->this_update - in->this_update);
	n->n_records = head->n_records;
	n->state = head->state;
	n->format = TRUST_FORMAT;
	n->snapshot.serial = head->snapshot;
	r = trust_registry_publication_list_parts(
	    update->publication, visit_part, n, update->msg);
	if (r != TRUST_OK)
		goto out;
	*out = n;
	n = NULL; /* transferred */
out:
	trust_notification_free(n);
	return r;
}

/*
 * Whether the way of a gateway that was away may lead through a mass removal
 * that is meant: it is judged by the whole of its way, and what is listed
 * stands for it, the snapshot's serial for all before. Who was away for longer
 * than that is held, or else one mark would switch the guard off for good.
 */
static bool
is_mass_removal(const struct trust_notification *n, int64_t marked)
{
	int64_t oldest = n->snapshot.serial;

	if (n->n_deltas > 0 && n->deltas[0].serial < oldest)
		oldest = n->deltas[0].serial;
	return marked >= oldest;
}

/* ---- What is listed ---- */

static uint64_t
count_octets(const struct trust_parts *parts)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < parts->n; i++)
		octets += parts->v[i].len;
	return octets;
}

/* Whether n deltas of so many octets are more than the snapshot bears. */
static bool
outgrow(const struct trust_notification *n, size_t n_deltas, uint64_t octets)
{
	return n_deltas > TRUST_PUBLICATION_DELTAS_MAX ||
	       octets * TRUST_PUBLICATION_DELTAS_SHARE >
		   count_octets(&n->snapshot);
}

static bool
needs_snapshot(const struct trust_notification *n)
{
	uint64_t octets = 0;
	size_t n_deltas = 0;

	for (size_t i = 0; i < n->n_deltas; i++) {
		if (n->deltas[i].serial <= n->snapshot.serial)
			continue;
		n_deltas++;
		octets += count_octets(&n->deltas[i]);
	}
	return outgrow(n, n_deltas, octets);
}

/* Of the deltas that lead up to the snapshot, as many are listed as cost
 * gateways less than the snapshot would. */
static size_t
count_surplus(const struct trust_notification *n)
{
	uint64_t octets = 0;
	size_t i;

	for (i = 0; i < n->n_deltas; i++)
		octets += count_octets(&n->deltas[i]);
	for (i = 0; i < n->n_deltas; i++) {
		if (n->deltas[i].serial > n->snapshot.serial ||
		    !outgrow(n, n->n_deltas - i, octets))
			break;
		octets -= count_octets(&n->deltas[i]);
	}
	return i;
}

static enum trust_err
drop_surplus(const struct update *update, struct trust_notification *n)
{
	size_t surplus = count_surplus(n);

	if (surplus == 0)
		return TRUST_OK;
	for (size_t i = 0; i < surplus; i++)
		free(n->deltas[i].v);
	n->n_deltas -= surplus;
	memmove(
	    n->deltas, n->deltas + surplus, n->n_deltas * sizeof(*n->deltas));
	return trust_registry_publication_drop_parts(update->publication, false,
	    n->serial - (int64_t)n->n_deltas + 1, update->msg);
}

/* What a serial lists stays as it is as long as it is the present one:
 * anything else would be an equivocation. */
static enum trust_err
list(struct update *update, struct trust_notification **out)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = describe(update, out);
	if (r != TRUST_OK || !update->content.changed)
		return r;
	if (needs_snapshot(*out)) {
		r = trust_publication_content_snapshot(&update->content);
		if (r != TRUST_OK)
			return r;
		trust_notification_free(*out);
		r = describe(update, out);
		if (r != TRUST_OK)
			return r;
	}
	return drop_surplus(update, *out);
}

/* ---- The whole of it ---- */

static enum trust_err
advance(struct update *update, struct trust_notification **out)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_publication_load(
	    update->publication, &update->head, update->msg);
	if (r != TRUST_OK)
		return r;
	r = check_published(update);
	if (r != TRUST_OK)
		return r;
	r = set_time(update);
	if (r != TRUST_OK)
		return r;
	r = follow(update);
	if (r != TRUST_OK)
		return r;
	r = list(update, out);
	if (r != TRUST_OK)
		return r;
	(*out)->mass_removal = is_mass_removal(*out, update->head.marked);
	return trust_registry_publication_store(
	    update->publication, &update->head, update->msg);
}

enum trust_err
trust_publication_update(struct trust_registry *registry,
    const struct trust_publication_input *in, struct trust_notification **out,
    struct trust_message *msg)
{
	struct update update = {
	    .in = in,
	    .content =
		{
		    .registry = registry,
		    .scope = in->scope,
		    .msg = msg,
		},
	    .msg = msg,
	};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	update.content.head = &update.head;
	r = trust_registry_begin(registry, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_publication_open(
	    registry, in->scope, &update.publication, msg);
	update.content.publication = update.publication;
	if (r == TRUST_OK)
		r = advance(&update, out);
	trust_registry_publication_close(update.publication);
	trust_publication_content_clear(&update.content);
	if (r == TRUST_OK)
		r = trust_registry_commit(registry, msg);
	else
		trust_registry_rollback(registry);
	if (r != TRUST_OK) {
		trust_notification_free(*out);
		*out = NULL;
	}
	return r;
}

enum trust_err
trust_publication_part(struct trust_registry *registry, const char *scope,
    const struct trust_thumbprint *sha256, struct trust_buf *out,
    struct trust_message *msg)
{
	struct trust_registry_publication *publication = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = (struct trust_buf){0};
	r = trust_registry_publication_open(registry, scope, &publication, msg);
	if (r == TRUST_OK)
		r = trust_registry_publication_get_part(
		    publication, sha256, out, msg);
	trust_registry_publication_close(publication);
	return r;
}
