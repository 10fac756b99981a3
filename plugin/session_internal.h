/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the session table share. Not for others.
 */
#ifndef TRUST_SESSION_INTERNAL_H
#define TRUST_SESSION_INTERNAL_H

#include "session.h"

struct trust_session_ground; /* session_ground.c */

struct trust_sessions {
	struct trust_session *by_client;
	struct trust_session *by_id;
	struct trust_session_ground *grounds;
	struct trust_session_ground *urgent; /* with somebody due: devices */
	struct trust_session_ground *due;    /* likewise: all others */
	struct trust_session *departed;
	struct trust_session *away; /* newcomers; who left first is first */
	size_t n_away;
	struct trust_session **ends; /* a heap; owned */
	size_t n_ends, room_ends;
	size_t n_live;      /* of devices, and connected */
	size_t n_newcomers; /* likewise of newcomers */
};

/* Enter a session under its device and all that its admission rests on, as
 * one that is not due; and take it out. */
enum trust_err trust_session_link(struct trust_sessions *sessions,
    struct trust_session *session) TRUST_MUST_CHECK;
void trust_session_unlink(
    struct trust_sessions *sessions, struct trust_session *session);
/* Replace the admission that it rests on, which it takes over, also when it
 * fails. The session is not due then, and has no end noted. */
enum trust_err trust_session_relink(struct trust_sessions *sessions,
    struct trust_session *session,
    struct trust_admission *admission) TRUST_MUST_CHECK;

/* Enter a session under the end of its verdict, if it has one; and take it
 * out. The verdict does not change in between. */
enum trust_err trust_session_note_end(struct trust_sessions *sessions,
    struct trust_session *session) TRUST_MUST_CHECK;
void trust_session_forget_end(
    struct trust_sessions *sessions, struct trust_session *session);
/* The first of those that ended before `now`; or NULL. */
struct trust_session *trust_session_ended(
    const struct trust_sessions *sessions, int64_t now);

#endif
