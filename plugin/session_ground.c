/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions by what they rest on, so that a change costs what it concerns and
 * not who is connected; and who of them is to be looked at again.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "session_internal.h"

/*
 * The sessions that rest on one ground: before `due` those that have come, or
 * have been looked at, since it moved last, and from there on those that have
 * not. So a move makes all of them due at once, and who leaves or is looked at
 * for another reason meanwhile is due no more.
 */
struct trust_session_ground {
	uint64_t ground;
	bool urgent;
	struct trust_session_link *first;
	struct trust_session_link *due;           /* NULL: nobody is */
	struct trust_session_ground *prev, *next; /* with somebody due */
	UT_hash_handle hh;
};

/* One session among those. */
struct trust_session_link {
	struct trust_session *session;
	struct trust_session_ground *ground; /* NULL: not linked */
	struct trust_session_link *prev, *next;
};

/* Where a session has the links that every one has. */
enum {
	DEVICE,
	EVERYTHING,
	N_COMMON,
};

static uint64_t
device_ground(const char *device)
{
	return trust_ground(TRUST_GROUND_DEVICE, device, strlen(device));
}

static struct trust_session_ground *
find(const struct trust_sessions *sessions, uint64_t ground)
{
	struct trust_session_ground *found;

	HASH_FIND(hh, sessions->grounds, &ground, sizeof(ground), found);
	return found;
}

static struct trust_session_ground *
find_or_add(struct trust_sessions *sessions, uint64_t ground, bool urgent)
{
	struct trust_session_ground *found = find(sessions, ground);

	if (found != NULL)
		return found;
	found = calloc(1, sizeof(*found));
	if (found == NULL)
		return NULL;
	found->ground = ground;
	found->urgent = urgent;
	HASH_ADD(hh, sessions->grounds, ground, sizeof(found->ground), found);
	if (found->hh.tbl == NULL) {
		free(found);
		return NULL;
	}
	return found;
}

/* ---- Who is due ---- */

static struct trust_session_ground **
queue_of(
    struct trust_sessions *sessions, const struct trust_session_ground *ground)
{
	return ground->urgent ? &sessions->urgent : &sessions->due;
}

static void
set_due(struct trust_sessions *sessions, struct trust_session_ground *ground,
    struct trust_session_link *due)
{
	struct trust_session_ground **queue = queue_of(sessions, ground);

	if (ground->due == NULL && due != NULL)
		DL_APPEND(*queue, ground);
	if (ground->due != NULL && due == NULL)
		DL_DELETE(*queue, ground);
	ground->due = due;
}

static void
take_out(struct trust_sessions *sessions, struct trust_session_link *link)
{
	if (link->ground->due == link)
		set_due(sessions, link->ground, link->next);
	DL_DELETE(link->ground->first, link);
}

static void
move(struct trust_sessions *sessions, uint64_t ground)
{
	struct trust_session_ground *found = find(sessions, ground);

	if (found != NULL)
		set_due(sessions, found, found->first);
}

void
trust_sessions_await_device(struct trust_sessions *sessions, const char *device)
{
	move(sessions, device_ground(device));
}

void
trust_sessions_await_ground(struct trust_sessions *sessions, uint64_t ground)
{
	move(sessions, ground);
}

void
trust_sessions_await_all(struct trust_sessions *sessions)
{
	move(sessions, trust_ground(TRUST_GROUND_EVERYTHING, NULL, 0));
}

/* Under no ground it is due any more. */
static void
settle(struct trust_sessions *sessions, struct trust_session *session)
{
	for (size_t i = 0; i < session->n_links; i++) {
		struct trust_session_link *link = &session->links[i];

		if (link->ground->due == NULL)
			continue;
		take_out(sessions, link);
		DL_PREPEND(link->ground->first, link);
	}
	trust_session_forget_end(sessions, session);
}

struct trust_session *
trust_sessions_next(struct trust_sessions *sessions, int64_t now)
{
	struct trust_session *session = trust_session_ended(sessions, now);

	if (sessions->urgent != NULL)
		session = sessions->urgent->due->session;
	else if (session == NULL && sessions->due != NULL)
		session = sessions->due->due->session;
	if (session != NULL)
		settle(sessions, session);
	return session;
}

bool
trust_sessions_wait(const struct trust_sessions *sessions, int64_t now)
{
	return sessions->urgent != NULL || sessions->due != NULL ||
	       trust_session_ended(sessions, now) != NULL;
}

/* ---- By device ---- */

struct trust_session *
trust_session_of_device(const struct trust_sessions *sessions,
    const char *device, const struct trust_session *after)
{
	const struct trust_session_ground *ground;
	const struct trust_session_link *link;

	if (after == NULL) {
		ground = find(sessions, device_ground(device));
		link = ground != NULL ? ground->first : NULL;
	} else {
		link = after->links[DEVICE].next;
	}
	/* Others may share the number. */
	while (link != NULL && strcmp(link->session->device, device) != 0)
		link = link->next;
	return link != NULL ? link->session : NULL;
}

/* ---- Linking ---- */

static bool
link_to(struct trust_sessions *sessions, struct trust_session *session,
    size_t i, uint64_t ground)
{
	struct trust_session_link *link = &session->links[i];

	link->session = session;
	link->ground = find_or_add(sessions, ground, i == DEVICE);
	if (link->ground == NULL)
		return false;
	DL_PREPEND(link->ground->first, link);
	return true;
}

static bool
link_all(struct trust_sessions *sessions, struct trust_session *session,
    const struct trust_grounds *grounds)
{
	bool ok = link_to(sessions, session, DEVICE,
		      device_ground(session->device)) &&
		  link_to(sessions, session, EVERYTHING,
		      trust_ground(TRUST_GROUND_EVERYTHING, NULL, 0));

	for (size_t i = 0; ok && i < grounds->n; i++)
		ok = link_to(sessions, session, N_COMMON + i, grounds->v[i]);
	return ok;
}

/* Of one that no admission speaks of. What a newcomer is linked to as its
 * device is not the one that its client id may become. */
#define N_OTHERS 3
static size_t
list_grounds(const struct trust_session *session, uint64_t v[N_OTHERS])
{
	const struct trust_newcomer *newcomer = session->newcomer;
	char device[TRUST_ID_MAX + 1] = "";

	v[0] = trust_ground(TRUST_GROUND_CLIENT_IDS, NULL, 0);
	if (newcomer == NULL)
		return 1;
	(void)trust_identity_client_device(session->client_id, device);
	v[1] = trust_ground(
	    TRUST_GROUND_TOKEN, newcomer->token, strlen(newcomer->token));
	v[2] = trust_ground(TRUST_GROUND_NAME, device, strlen(device));
	return N_OTHERS;
}

enum trust_err
trust_session_link(
    struct trust_sessions *sessions, struct trust_session *session)
{
	uint64_t v[N_OTHERS];
	const struct trust_grounds others = {
	    .v = v, .n = list_grounds(session, v)};
	const struct trust_grounds *grounds = &others;

	if (session->admission != NULL)
		grounds = trust_admission_get0_grounds(session->admission);
	session->links = calloc(N_COMMON + grounds->n, sizeof(*session->links));
	if (session->links == NULL)
		return TRUST_ERR_NOMEM;
	session->n_links = N_COMMON + grounds->n;
	if (link_all(sessions, session, grounds))
		return TRUST_OK;
	trust_session_unlink(sessions, session);
	return TRUST_ERR_NOMEM;
}

void
trust_session_unlink(
    struct trust_sessions *sessions, struct trust_session *session)
{
	for (size_t i = 0; i < session->n_links; i++) {
		struct trust_session_link *link = &session->links[i];

		if (link->ground == NULL)
			continue;
		take_out(sessions, link);
		if (link->ground->first == NULL) {
			HASH_DEL(sessions->grounds, link->ground);
			free(link->ground);
		}
	}
	free(session->links);
	session->links = NULL;
	session->n_links = 0;
}

/* A review mostly comes to the same. */
static bool
rests_on(const struct trust_session *session, const struct trust_grounds *was,
    const struct trust_grounds *is)
{
	return session->n_links == N_COMMON + is->n && was->n == is->n &&
	       memcmp(was->v, is->v, is->n * sizeof(*is->v)) == 0;
}

enum trust_err
trust_session_relink(struct trust_sessions *sessions,
    struct trust_session *session, struct trust_admission *admission)
{
	struct trust_admission *was = session->admission;
	bool same = rests_on(session, trust_admission_get0_grounds(was),
	    trust_admission_get0_grounds(admission));

	settle(sessions, session);
	session->admission = admission;
	trust_admission_free(was);
	if (same)
		return TRUST_OK;
	trust_session_unlink(sessions, session);
	return trust_session_link(sessions, session);
}
