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

/* Requests that are remembered; each takes a kilobyte. */
#define TRUST_PENDING_MAX 4096
/* Of them those of one holder: a device with all its modules, or a token. */
#define TRUST_PENDING_HOLDER_MAX 32
/* Answers to one request that may be on their way. */
#define TRUST_PENDING_ANSWERS 4

/* What a client asked for with one key; or, without a key, what was answered
 * to those whose requests were not passed on. */
struct trust_pending {
	char name[TRUST_CLIENT_MAX + 1]; /* as its topics bear it */
	bool has_key;
	struct trust_thumbprint key;
	char device[TRUST_ID_MAX + 1]; /* to issue for */
	char client_id[TRUST_CLIENT_MAX + 1];
	char address[TRUST_ADDRESS_MAX];
	struct trust_thumbprint request; /* SHA-256 of it as it is passed on */
	bool waits;                      /* for a certificate */
	bool was_told;                   /* of an error, since it asked last */
	/* The last answers; the next takes the oldest's place. */
	struct {
		struct trust_thumbprint digest; /* SHA-256 */
		struct trust_thumbprint asker;  /* SHA-256 of its client id */
	} answers[TRUST_PENDING_ANSWERS];
	size_t n_answers; /* so far */
	struct trust_pending *prev, *next;
};

/* Who shares a bound: whose names have the same first level. */
struct trust_pending_holder {
	char id[TRUST_CLIENT_MAX + 1];
	struct trust_pending *pendings; /* who asked first is first */
	size_t n;
	UT_hash_handle hh;
};

struct trust_pendings {
	struct trust_pending_holder *holders;
	size_t n; /* of all */
};

void trust_pendings_clear(struct trust_pendings *pendings);

/* A client's request for this key, or, with NULL, what it has without one. NULL
 * if there is none. `name` need not be terminated. */
struct trust_pending *trust_pending_find(struct trust_pendings *pendings,
    struct trust_span name, const struct trust_thumbprint *key);

/*
 * The same, as of one that has asked just now: the one there is, or a new one.
 * For a new one, where there are as many as may be, another goes: of its own
 * holder, or of the one that has most; one that does not wait, else the one
 * that asked first. NULL without memory, or for a name that no client has.
 */
struct trust_pending *trust_pending_note(struct trust_pendings *pendings,
    struct trust_span name, const struct trust_thumbprint *key);

/* A client's request that waits, and that an error is for: an Edge CA answers
 * one client's requests in their order. NULL: none waits. */
struct trust_pending *trust_pending_find_waiting(
    struct trust_pendings *pendings, struct trust_span name);

/* This answer, to what the client with the id `asker` sent, may be delivered;
 * and whether it may, to the client with the id `client_id`. Newcomers with one
 * token share its topics: whoever waits for an answer is not given that to
 * another. */
void trust_pending_add_answer(
    struct trust_pending *pending, const char *asker, struct trust_span answer);
bool trust_pending_has_answer(struct trust_pendings *pendings,
    struct trust_span name, const char *client_id, struct trust_span answer);
/* Whether this is a request of the client's, as it is passed on. */
bool trust_pending_has_request(struct trust_pendings *pendings,
    struct trust_span name, struct trust_span request);

#endif
