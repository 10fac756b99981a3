/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions by what they rest on, so that a change costs what it concerns and
 * not who is connected.
 */
#include <stdlib.h>
#include <utlist.h>

#include "session_internal.h"

/* The sessions that rest on one ground. */
struct trust_session_ground {
	uint64_t ground;
	struct trust_session_link *first;
	UT_hash_handle hh;
};

/* One session among those. */
struct trust_session_link {
	struct trust_session *session;
	struct trust_session_ground *ground; /* NULL: not linked */
	struct trust_session_link *prev, *next;
};

static struct trust_session_ground *
find(const struct trust_sessions *sessions, uint64_t ground)
{
	struct trust_session_ground *found;

	HASH_FIND(hh, sessions->grounds, &ground, sizeof(ground), found);
	return found;
}

static struct trust_session_ground *
find_or_add(struct trust_sessions *sessions, uint64_t ground)
{
	struct trust_session_ground *found = find(sessions, ground);

	if (found != NULL)
		return found;
	found = calloc(1, sizeof(*found));
	if (found == NULL)
		return NULL;
	found->ground = ground;
	HASH_ADD(hh, sessions->grounds, ground, sizeof(found->ground), found);
	if (found->hh.tbl == NULL) {
		free(found);
		return NULL;
	}
	return found;
}

enum trust_err
trust_session_link(
    struct trust_sessions *sessions, struct trust_session *session)
{
	uint64_t ids = trust_ground(TRUST_GROUND_CLIENT_IDS, NULL, 0);
	const struct trust_grounds guest = {.v = &ids, .n = 1};
	const struct trust_grounds *grounds = &guest;

	if (session->admission != NULL)
		grounds = trust_admission_get0_grounds(session->admission);
	session->links = calloc(grounds->n, sizeof(*session->links));
	if (session->links == NULL)
		return TRUST_ERR_NOMEM;
	session->n_links = grounds->n;
	for (size_t i = 0; i < grounds->n; i++) {
		struct trust_session_link *link = &session->links[i];

		link->session = session;
		link->ground = find_or_add(sessions, grounds->v[i]);
		if (link->ground == NULL) {
			trust_session_unlink(sessions, session);
			return TRUST_ERR_NOMEM;
		}
		DL_PREPEND(link->ground->first, link);
	}
	return TRUST_OK;
}

void
trust_session_unlink(
    struct trust_sessions *sessions, struct trust_session *session)
{
	for (size_t i = 0; i < session->n_links; i++) {
		struct trust_session_link *link = &session->links[i];

		if (link->ground == NULL)
			continue;
		DL_DELETE(link->ground->first, link);
		if (link->ground->first == NULL) {
			HASH_DEL(sessions->grounds, link->ground);
			free(link->ground);
		}
	}
	free(session->links);
	session->links = NULL;
	session->n_links = 0;
}

/* ---- Waiting ---- */

static struct trust_session **
queue_of(struct trust_sessions *sessions, enum trust_session_wait what)
{
	return what == TRUST_SESSION_WAITS_REVIEW ? &sessions->reviews
						  : &sessions->removals;
}

void
trust_session_await(struct trust_sessions *sessions,
    struct trust_session *session, enum trust_session_wait what)
{
	struct trust_session **queue;

	if (session->waits == what)
		return;
	if (session->waits != TRUST_SESSION_WAITS_NOT) {
		queue = queue_of(sessions, session->waits);
		DL_DELETE2(*queue, session, wait_prev, wait_next);
	}
	session->waits = what;
	if (what != TRUST_SESSION_WAITS_NOT) {
		queue = queue_of(sessions, what);
		DL_APPEND2(*queue, session, wait_prev, wait_next);
	}
}

/* Who departed for good is not looked at again. */
void
trust_session_await_review(
    struct trust_sessions *sessions, struct trust_session *session)
{
	if (session->waits == TRUST_SESSION_WAITS_NOT)
		trust_session_await(
		    sessions, session, TRUST_SESSION_WAITS_REVIEW);
}

void
trust_sessions_await_device(struct trust_sessions *sessions, const char *device)
{
	struct trust_session *session =
	    trust_session_of_device(sessions, device);

	for (; session != NULL; session = session->next) {
		if (session->waits == TRUST_SESSION_WAITS_REMOVAL)
			continue;
		trust_session_await(sessions, session, TRUST_SESSION_WAITS_NOT);
		session->waits = TRUST_SESSION_WAITS_REVIEW;
		DL_PREPEND2(sessions->reviews, session, wait_prev, wait_next);
	}
}

void
trust_sessions_await_ground(struct trust_sessions *sessions, uint64_t ground)
{
	struct trust_session_ground *found = find(sessions, ground);
	struct trust_session_link *link;

	if (found == NULL)
		return;
	DL_FOREACH(found->first, link)
	trust_session_await_review(sessions, link->session);
}

void
trust_sessions_await_all(struct trust_sessions *sessions)
{
	struct trust_session *session, *next;

	HASH_ITER(by_client, sessions->by_client, session, next)
	trust_session_await_review(sessions, session);
}

struct trust_session *
trust_sessions_next(struct trust_sessions *sessions)
{
	struct trust_session *session = sessions->reviews;

	if (session != NULL)
		trust_session_await(sessions, session, TRUST_SESSION_WAITS_NOT);
	return session;
}

bool
trust_sessions_wait(const struct trust_sessions *sessions)
{
	return sessions->reviews != NULL;
}

bool
trust_sessions_remove_departed(struct trust_sessions *sessions)
{
	struct trust_session *session = sessions->removals;

	trust_session_close(sessions, session);
	return session != NULL;
}
