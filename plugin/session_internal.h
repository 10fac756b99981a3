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
	struct trust_session_device *devices;
	struct trust_session_ground *grounds;
	struct trust_session *reviews;  /* waiting for theirs */
	struct trust_session *removals; /* likewise */
	struct trust_session **ends;    /* a heap; owned */
	size_t n_ends, room_ends;
	size_t n_live; /* of devices, and connected */
};

/* Enter a session under all that its admission rests on; and take it out. */
enum trust_err trust_session_link(struct trust_sessions *sessions,
    struct trust_session *session) TRUST_MUST_CHECK;
void trust_session_unlink(
    struct trust_sessions *sessions, struct trust_session *session);

/* Enter a session under the end of its verdict, if it has one; and take it
 * out. The verdict does not change in between. */
enum trust_err trust_session_note_end(struct trust_sessions *sessions,
    struct trust_session *session) TRUST_MUST_CHECK;
void trust_session_forget_end(
    struct trust_sessions *sessions, struct trust_session *session);

/* Let a session wait for its review, unless it waits already. */
void trust_session_await_review(
    struct trust_sessions *sessions, struct trust_session *session);

/* Let a session wait for something else than before, or for nothing. */
void trust_session_await(struct trust_sessions *sessions,
    struct trust_session *session, enum trust_session_wait what);

#endif
