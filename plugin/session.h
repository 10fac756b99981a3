/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: the clients that the plugin has seen at CONNECT, by the broker's
 * pointer, by client id, and by the device that they are or might be.
 *
 * Pointers alone prove nothing: the broker frees clients without telling, and
 * a new one may lie where an old one lay. So a session counts for a pointer
 * only with the same client id.
 */
#ifndef TRUST_SESSION_H
#define TRUST_SESSION_H

/* Without memory an entry is not added, and the program goes on. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "trust.h"

struct mosquitto;

enum trust_session_kind {
	TRUST_SESSION_DEVICE,   /* let in by this plugin */
	TRUST_SESSION_GUEST,    /* came without a certificate: others decide */
	TRUST_SESSION_NEWCOMER, /* came with a token, to enroll */
};

struct trust_session_link; /* session_ground.c */

struct trust_session {
	/* What an ACL check reads comes first, to be in few cache lines. */
	const struct mosquitto *client;
	UT_hash_handle by_client;
	char *client_id; /* owned */
	enum trust_session_kind kind;
	bool offline; /* disconnected; kept for its will and its queue */
	/* Owned. NULL for a guest, and for a device that is away and would no
	 * longer be let in: it may do nothing. */
	struct trust_access *access;
	struct trust_admission *admission; /* counted; a device's, else NULL */
	struct trust_newcomer *newcomer;   /* owned; a newcomer's, else NULL */
	int64_t refused_at; /* the second of the last refusal in the log */
	int64_t since;      /* connected since; seconds since 1970 */
	char address[TRUST_ADDRESS_MAX]; /* the peer's; "": unknown */
	bool closing;    /* this plugin ended it, and told why */
	bool kick_asked; /* somebody wants it closed */
	/* The device id that its client id begins with, "" for none; of a
	 * newcomer that of the device that it may enroll. */
	char device[TRUST_ID_MAX + 1];
	/* Its device, and what its admission rests on; owned. */
	struct trust_session_link *links;
	size_t n_links;
	size_t end_at; /* its place among the ends, from 1; 0: none */
	/* Of those that departed, or of the newcomers that are away. */
	struct trust_session *prev, *next;
	bool departed; /* for good, and waits to go */
	bool away;     /* a newcomer whose queue the broker may keep */
	UT_hash_handle by_id;
};

struct trust_sessions;

enum trust_err trust_sessions_new(struct trust_sessions **out) TRUST_MUST_CHECK;
void trust_sessions_free(struct trust_sessions *sessions);

/*
 * Open a session; what was there for the same pointer goes, and what was
 * offline under the same client id. Takes over the admission and the access,
 * also when it fails.
 */
enum trust_err trust_session_open(struct trust_sessions *sessions,
    const struct mosquitto *client, const char *client_id,
    enum trust_session_kind kind, struct trust_admission *admission,
    struct trust_access *access) TRUST_MUST_CHECK;

/* The same for a newcomer; takes over both, also when it fails. */
enum trust_err trust_session_open_newcomer(struct trust_sessions *sessions,
    const struct mosquitto *client, const char *client_id,
    struct trust_newcomer *newcomer,
    struct trust_access *access) TRUST_MUST_CHECK;

/* Note since when and from where its client is connected: `address` is the
 * peer's, as text, or NULL. */
void trust_session_note_arrival(
    struct trust_session *session, const char *address, int64_t now);

/* Newcomers that are away of which the table knows: their client ids are their
 * own choice. */
#define TRUST_SESSIONS_AWAY_MAX 1000

/* Its client is gone; the session stays for its will, and while `durable` for
 * its queue. Else it waits for trust_sessions_remove_departed; so do newcomers
 * that are away for longer than TRUST_SESSIONS_AWAY_MAX others. */
void trust_session_leave(struct trust_sessions *sessions,
    struct trust_session *session, bool durable);

/* Remove one; NULL is safe. */
void trust_session_close(
    struct trust_sessions *sessions, struct trust_session *session);

/* The session of this pointer with this client id, or NULL. */
struct trust_session *trust_session_find(struct trust_sessions *sessions,
    const struct mosquitto *client, const char *client_id);
/* Whatever stands for this pointer, or NULL. */
struct trust_session *trust_session_find_client(
    struct trust_sessions *sessions, const struct mosquitto *client);
/* The last session under this client id, connected or away, or NULL. */
struct trust_session *trust_session_find_id(
    struct trust_sessions *sessions, const char *client_id);

/* Whether it is a device's, and connected. */
bool trust_session_is_live(const struct trust_session *session);
/* One of the device's that is; or NULL. */
const struct trust_session *trust_session_find_live(
    struct trust_sessions *sessions, const char *device);

/* Whether its client is gone, or about to be: what is published for it now is
 * its will. Mosquitto 2.0 sends the will of a client whose id another takes
 * over before it tells that the old one is gone; where the other is refused in
 * the end, the id is nobody's. */
bool trust_session_is_over(
    struct trust_sessions *sessions, const struct trust_session *session);

/* The next session of a device that has not departed; the first after NULL.
 * NULL: there is none. */
struct trust_session *trust_session_of_device(
    const struct trust_sessions *sessions, const char *device,
    const struct trust_session *after);

/* Replace what a session rests on; takes over both. TRUST_ERR_NOMEM: it has
 * lost what it had, and may do nothing. */
enum trust_err trust_session_renew(struct trust_sessions *sessions,
    struct trust_session *session, struct trust_admission *admission,
    struct trust_access *access) TRUST_MUST_CHECK;

/* A newcomer that was looked at stays as it is, until its end. TRUST_ERR_NOMEM:
 * that could not be noted, and it may do nothing. */
enum trust_err trust_session_keep(struct trust_sessions *sessions,
    struct trust_session *session) TRUST_MUST_CHECK;

/* From now on it may do nothing, until a review renews it. Time alone does not
 * bring one about any more. */
void trust_session_revoke(
    struct trust_sessions *sessions, struct trust_session *session);

/* ---- Sessions that wait ---- */

/*
 * Sessions to be looked at again, each once however often it is asked for
 * meanwhile. To ask costs the same for one as for ten thousand. Those of a
 * device go first, then those whose time is up, which nobody has to ask for.
 */
void trust_sessions_await_device(
    struct trust_sessions *sessions, const char *device);
void trust_sessions_await_ground(
    struct trust_sessions *sessions, uint64_t ground);
void trust_sessions_await_all(struct trust_sessions *sessions);
/* The next one, which waits no more; or NULL. `now` is the time to decide
 * by. */
struct trust_session *trust_sessions_next(
    struct trust_sessions *sessions, int64_t now);
/* Whether one waits to be looked at. */
bool trust_sessions_wait(const struct trust_sessions *sessions, int64_t now);
/* Remove one that has departed. False: there is none. */
bool trust_sessions_remove_departed(struct trust_sessions *sessions);

/* Called for every session; it may close the one that it is given. */
void trust_sessions_walk(struct trust_sessions *sessions,
    void (*visit)(void *arg, struct trust_session *session), void *arg);

/* The sessions of devices that are connected. */
size_t trust_sessions_count_live(const struct trust_sessions *sessions);
/* Those of newcomers that are. */
size_t trust_sessions_count_newcomers(const struct trust_sessions *sessions);

#endif
