/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for certificates that were passed on, by the client that sent them:
 * what a response is held against, and what may be delivered on the topics of
 * enrollment. In memory alone: after a restart a client asks again.
 */
#ifndef TRUST_PENDING_H
#define TRUST_PENDING_H

/* Without memory an entry is not added, and the program goes on. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "trust.h"

/* Clients whose last request is remembered; the first to have asked go. Each
 * takes a kilobyte. */
#define TRUST_PENDING_MAX 4096
/* Answers to one client that may be on their way. */
#define TRUST_PENDING_ANSWERS 4

/* What a client asked for last. */
struct trust_pending {
	char name[TRUST_CLIENT_MAX + 1]; /* as its topics bear it */
	char device[TRUST_ID_MAX + 1];   /* to issue for */
	char client_id[TRUST_CLIENT_MAX + 1];
	char address[TRUST_ADDRESS_MAX];
	struct trust_thumbprint key;
	struct trust_thumbprint request; /* SHA-256 of it as it is passed on */
	bool waits;                      /* for a certificate */
	/* The last answers; the next takes the oldest's place. */
	struct {
		struct trust_thumbprint digest; /* SHA-256 */
		bool is_others;                 /* see below */
	} answers[TRUST_PENDING_ANSWERS];
	size_t n_answers; /* so far */
	UT_hash_handle hh;
};

struct trust_pendings {
	struct trust_pending *by_name; /* the first to have asked first */
};

void trust_pendings_clear(struct trust_pendings *pendings);

/* That of a client, or NULL. `name` need not be terminated. */
struct trust_pending *trust_pending_find(
    struct trust_pendings *pendings, struct trust_span name);

/* A client's, as one that has asked just now: the one there is, or a new one.
 * NULL without memory, or for a name that no client has. */
struct trust_pending *trust_pending_note(
    struct trust_pendings *pendings, struct trust_span name);

/* This answer, to what the client with the id `asker` sent, may be delivered;
 * and whether it may, to the client with the id `client_id`. Newcomers with one
 * token share its topics: whoever waits for an answer is not given that to
 * another, and takes no other's refusal for its own. */
void trust_pending_add_answer(
    struct trust_pending *pending, const char *asker, struct trust_span answer);
bool trust_pending_has_answer(const struct trust_pending *pending,
    const char *client_id, struct trust_span answer);
/* Whether this is its request, as it is passed on. */
bool trust_pending_is_request(
    const struct trust_pending *pending, struct trust_span request);

#endif
