/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publications: when there is a new serial, and whether it may be signed.
 */
#include "publication.h"

#include <string.h>

#include "clock.h"
#include "publication_content.h"
#include "publication_list.h"

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
	return trust_publication_content_follow(&update->content);
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

/* ---- What is listed ---- */

/* A snapshot that is ready is listed with the next serial: what a serial lists
 * stays as it is, anything else would be an equivocation. Where none was
 * listed yet, nothing went out. */
static enum trust_err
list(struct update *update, struct trust_notification **out)
{
	struct trust_registry_publication_head *head = &update->head;
	bool takes_up =
	    head->ready > 0 && (head->snapshot == 0 || update->content.changed);
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (takes_up) {
		head->snapshot = head->ready;
		head->ready = 0;
	}
	if (head->snapshot == 0)
		return TRUST_OK;
	r = trust_publication_list_describe(
	    update->publication, update->in->scope, head, out, update->msg);
	if (r != TRUST_OK)
		return r;
	if (update->content.changed || takes_up)
		head->deltas = trust_publication_list_cut(*out);
	(*out)->next_update = update->in->next_update +
			      (head->this_update - update->in->this_update);
	(*out)->mass_removal =
	    trust_publication_list_reaches(*out, head->marked);
	return TRUST_OK;
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
