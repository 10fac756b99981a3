/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions by when their verdicts, or their tokens, end: a binary heap, the
 * first to end on top.
 */
#include <stdlib.h>

#include "session_internal.h"

/* Room for so many to begin with. */
#define ROOM_MIN 64

static int64_t
end_of(const struct trust_session *session)
{
	if (session->newcomer != NULL)
		return session->newcomer->expires;
	return trust_admission_get0_verdict(session->admission)->valid_until;
}

static void
put(struct trust_sessions *sessions, size_t i, struct trust_session *session)
{
	sessions->ends[i] = session;
	session->end_at = i + 1;
}

static void
move_up(struct trust_sessions *sessions, size_t i)
{
	struct trust_session *session = sessions->ends[i];

	while (i > 0) {
		size_t above = (i - 1) / 2;

		if (end_of(sessions->ends[above]) <= end_of(session))
			break;
		put(sessions, i, sessions->ends[above]);
		i = above;
	}
	put(sessions, i, session);
}

static void
move_down(struct trust_sessions *sessions, size_t i)
{
	struct trust_session *session = sessions->ends[i];

	for (;;) {
		size_t below = 2 * i + 1;

		if (below >= sessions->n_ends)
			break;
		if (below + 1 < sessions->n_ends &&
		    end_of(sessions->ends[below + 1]) <
			end_of(sessions->ends[below]))
			below++;
		if (end_of(session) <= end_of(sessions->ends[below]))
			break;
		put(sessions, i, sessions->ends[below]);
		i = below;
	}
	put(sessions, i, session);
}

static bool
make_room(struct trust_sessions *sessions)
{
	size_t room =
	    sessions->room_ends == 0 ? ROOM_MIN : 2 * sessions->room_ends;
	struct trust_session **ends;

	if (sessions->n_ends < sessions->room_ends)
		return true;
	ends = realloc(sessions->ends, room * sizeof(struct trust_session *));
	if (ends == NULL)
		return false;
	sessions->ends = ends;
	sessions->room_ends = room;
	return true;
}

enum trust_err
trust_session_note_end(
    struct trust_sessions *sessions, struct trust_session *session)
{
	if ((session->admission == NULL && session->newcomer == NULL) ||
	    end_of(session) == TRUST_CLOCK_NEVER)
		return TRUST_OK;
	if (!make_room(sessions))
		return TRUST_ERR_NOMEM;
	put(sessions, sessions->n_ends, session);
	move_up(sessions, sessions->n_ends++);
	return TRUST_OK;
}

void
trust_session_forget_end(
    struct trust_sessions *sessions, struct trust_session *session)
{
	struct trust_session *last;
	size_t i = session->end_at;

	if (i-- == 0)
		return;
	session->end_at = 0;
	last = sessions->ends[--sessions->n_ends];
	if (last == session)
		return;
	put(sessions, i, last);
	move_up(sessions, i);
	move_down(sessions, last->end_at - 1);
}

struct trust_session *
trust_session_ended(const struct trust_sessions *sessions, int64_t now)
{
	if (sessions->n_ends == 0 || end_of(sessions->ends[0]) >= now)
		return NULL;
	return sessions->ends[0];
}
