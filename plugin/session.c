/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session table: three ways to the same sessions.
 */
#include "session_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define SPREAD 0x9e3779b97f4a7c15u /* 2^64 by the golden ratio */

/* Looked for twice for each message, and uthash's own way with eight octets is
 * long. No client chooses where the broker puts it. */
static unsigned
hash_client(const struct mosquitto *client)
{
	return (unsigned)((uintptr_t)client * SPREAD >> 32);
}

enum trust_err
trust_sessions_new(struct trust_sessions **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
}

void
trust_sessions_free(struct trust_sessions *sessions)
{
	struct trust_session *session, *next;

	if (sessions == NULL)
		return;
	HASH_ITER(by_client, sessions->by_client, session, next)
	trust_session_close(sessions, session);
	free(sessions->ends);
	free(sessions);
}

/* ---- Opening and closing ---- */

/* Takes over what the session rests on, also without memory: then NULL. */
static struct trust_session *
session_new(enum trust_session_kind kind, struct trust_admission *admission,
    struct trust_newcomer *newcomer, struct trust_access *access)
{
	struct trust_session *session = calloc(1, sizeof(*session));

	if (session == NULL) {
		trust_admission_free(admission);
		trust_access_free(access);
		free(newcomer);
		return NULL;
	}
	session->kind = kind;
	session->admission = admission;
	session->newcomer = newcomer;
	session->access = access;
	return session;
}

static void
session_free(struct trust_session *session)
{
	trust_admission_free(session->admission);
	trust_access_free(session->access);
	free(session->newcomer);
	free(session->client_id);
	free(session);
}

static void
unlink_all(struct trust_sessions *sessions, struct trust_session *session)
{
	trust_session_unlink(sessions, session);
	trust_session_forget_end(sessions, session);
}

/* One more that is connected, or one less. */
static void
count(struct trust_sessions *sessions, const struct trust_session *session,
    bool more)
{
	size_t *n = session->kind == TRUST_SESSION_DEVICE
			? &sessions->n_live
			: &sessions->n_newcomers;

	if (session->kind == TRUST_SESSION_GUEST || session->offline)
		return;
	*n = more ? *n + 1 : *n - 1;
}

bool
trust_session_is_live(const struct trust_session *session)
{
	return session->kind == TRUST_SESSION_DEVICE && !session->offline;
}

const struct trust_session *
trust_session_find_live(struct trust_sessions *sessions, const char *device)
{
	const struct trust_session *session = NULL;

	do {
		session = trust_session_of_device(sessions, device, session);
	} while (session != NULL && !trust_session_is_live(session));
	return session;
}

static void
forget_away(struct trust_sessions *sessions, struct trust_session *session)
{
	if (!session->away)
		return;
	session->away = false;
	DL_DELETE(sessions->away, session);
	sessions->n_away--;
}

static void
depart(struct trust_sessions *sessions, struct trust_session *session)
{
	forget_away(sessions, session);
	unlink_all(sessions, session); /* nobody looks at it again */
	session->departed = true;
	DL_APPEND(sessions->departed, session);
}

static void
note_away(struct trust_sessions *sessions, struct trust_session *session)
{
	session->away = true;
	DL_APPEND(sessions->away, session);
	sessions->n_away++;
	if (sessions->n_away > TRUST_SESSIONS_AWAY_MAX)
		depart(sessions, sessions->away);
}

void
trust_session_leave(struct trust_sessions *sessions,
    struct trust_session *session, bool durable)
{
	count(sessions, session, false);
	session->offline = true;
	if (session->departed || (durable && session->away))
		return;
	if (!durable)
		depart(sessions, session);
	else if (session->kind == TRUST_SESSION_NEWCOMER)
		note_away(sessions, session);
}

void
trust_session_close(
    struct trust_sessions *sessions, struct trust_session *session)
{
	struct trust_session *same_id;

	if (session == NULL)
		return;
	count(sessions, session, false);
	HASH_DELETE(by_client, sessions->by_client, session);
	HASH_FIND(by_id, sessions->by_id, session->client_id,
	    strlen(session->client_id), same_id);
	if (same_id == session)
		HASH_DELETE(by_id, sessions->by_id, session);
	unlink_all(sessions, session);
	forget_away(sessions, session);
	if (session->departed)
		DL_DELETE(sessions->departed, session);
	session_free(session);
}

/* Who was at this address, or is away under this name, is gone now. A
 * connected one of the same name is about to be told so by the broker. */
static void
make_room(struct trust_sessions *sessions, const struct mosquitto *client,
    const char *client_id)
{
	struct trust_session *old;

	old = trust_session_find_client(sessions, client);
	trust_session_close(sessions, old);
	HASH_FIND(by_id, sessions->by_id, client_id, strlen(client_id), old);
	if (old == NULL)
		return;
	if (old->offline)
		trust_session_close(sessions, old);
	else
		HASH_DELETE(by_id, sessions->by_id, old);
}

static bool
add(struct trust_sessions *sessions, struct trust_session *session)
{
	if (trust_session_link(sessions, session) != TRUST_OK ||
	    trust_session_note_end(sessions, session) != TRUST_OK) {
		unlink_all(sessions, session);
		return false;
	}
	HASH_ADD_BYHASHVALUE(by_client, sessions->by_client, client,
	    sizeof(session->client), hash_client(session->client), session);
	if (session->by_client.tbl == NULL) {
		unlink_all(sessions, session);
		return false;
	}
	HASH_ADD_KEYPTR(by_id, sessions->by_id, session->client_id,
	    strlen(session->client_id), session);
	if (session->by_id.tbl == NULL) {
		HASH_DELETE(by_client, sessions->by_client, session);
		unlink_all(sessions, session);
		return false;
	}
	return true;
}

/* Takes over the session, also when it fails; there is none without memory. */
static enum trust_err
enter(struct trust_sessions *sessions, const struct mosquitto *client,
    const char *client_id, struct trust_session *session)
{
	if (session == NULL)
		return TRUST_ERR_NOMEM;
	session->client = client;
	session->client_id = strdup(client_id);
	if (session->client_id == NULL)
		goto fail;
	if (session->newcomer != NULL)
		memcpy(session->device, session->newcomer->device,
		    sizeof(session->device));
	else
		(void)trust_identity_client_device(client_id, session->device);
	make_room(sessions, client, client_id);
	if (!add(sessions, session))
		goto fail;
	count(sessions, session, true);
	return TRUST_OK;
fail:
	session_free(session);
	return TRUST_ERR_NOMEM;
}

enum trust_err
trust_session_open(struct trust_sessions *sessions,
    const struct mosquitto *client, const char *client_id,
    enum trust_session_kind kind, struct trust_admission *admission,
    struct trust_access *access)
{
	return enter(sessions, client, client_id,
	    session_new(kind, admission, NULL, access));
}

enum trust_err
trust_session_open_newcomer(struct trust_sessions *sessions,
    const struct mosquitto *client, const char *client_id,
    struct trust_newcomer *newcomer, struct trust_access *access)
{
	return enter(sessions, client, client_id,
	    session_new(TRUST_SESSION_NEWCOMER, NULL, newcomer, access));
}

void
trust_session_note_arrival(
    struct trust_session *session, const char *address, int64_t now)
{
	session->since = now;
	(void)snprintf(session->address, sizeof(session->address), "%s",
	    address != NULL ? address : "");
}

/* ---- Looking up ---- */

struct trust_session *
trust_session_find_client(
    struct trust_sessions *sessions, const struct mosquitto *client)
{
	struct trust_session *session;

	HASH_FIND_BYHASHVALUE(by_client, sessions->by_client, &client,
	    sizeof(client), hash_client(client), session);
	return session;
}

struct trust_session *
trust_session_find(struct trust_sessions *sessions,
    const struct mosquitto *client, const char *client_id)
{
	struct trust_session *session =
	    trust_session_find_client(sessions, client);

	if (session == NULL || client_id == NULL ||
	    strcmp(session->client_id, client_id) != 0)
		return NULL;
	return session;
}

struct trust_session *
trust_session_find_id(struct trust_sessions *sessions, const char *client_id)
{
	struct trust_session *session;

	HASH_FIND(
	    by_id, sessions->by_id, client_id, strlen(client_id), session);
	return session;
}

bool
trust_session_is_over(
    struct trust_sessions *sessions, const struct trust_session *session)
{
	const struct trust_session *holder =
	    trust_session_find_id(sessions, session->client_id);

	return session->offline || (holder != NULL && holder != session);
}

enum trust_err
trust_session_renew(struct trust_sessions *sessions,
    struct trust_session *session, struct trust_admission *admission,
    struct trust_access *access)
{
	enum trust_err r;

	trust_access_free(session->access);
	session->access = access;
	r = trust_session_relink(sessions, session, admission);
	if (r == TRUST_OK)
		r = trust_session_note_end(sessions, session);
	if (r != TRUST_OK)
		trust_session_revoke(sessions, session);
	return r;
}

enum trust_err
trust_session_keep(
    struct trust_sessions *sessions, struct trust_session *session)
{
	enum trust_err r = trust_session_note_end(sessions, session);

	if (r != TRUST_OK)
		trust_session_revoke(sessions, session);
	return r;
}

void
trust_session_revoke(
    struct trust_sessions *sessions, struct trust_session *session)
{
	trust_session_forget_end(sessions, session);
	trust_access_free(session->access);
	session->access = NULL;
}

bool
trust_sessions_remove_departed(struct trust_sessions *sessions)
{
	struct trust_session *session = sessions->departed;

	trust_session_close(sessions, session);
	return session != NULL;
}

void
trust_sessions_walk(struct trust_sessions *sessions,
    void (*visit)(void *arg, struct trust_session *session), void *arg)
{
	struct trust_session *session, *next;

	HASH_ITER(by_client, sessions->by_client, session, next)
	visit(arg, session);
}

size_t
trust_sessions_count_live(const struct trust_sessions *sessions)
{
	return sessions->n_live;
}

size_t
trust_sessions_count_newcomers(const struct trust_sessions *sessions)
{
	return sessions->n_newcomers;
}
