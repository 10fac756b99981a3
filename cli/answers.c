/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gateways wish for. `gateway` is a claim: its bounds are there so that
 * one that runs wild leaves room for others, the scope's for the rest.
 */
#include "answers.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* Octets that may be sent; filled by the rate, to one second's worth. What is
 * sent while it is above zero may bring it below. */
struct bucket {
	int64_t level; /* in thousandths of an octet */
	int64_t at_ms;
};

/* A part that was sent within the last second. */
struct sent {
	struct trust_thumbprint sha256;
	int64_t at_ms;
	struct sent *prev, *next;
	UT_hash_handle hh;
};

/* Its wishes were all made after their part was sent last. */
struct gateway {
	char id[TRUST_ID_MAX + 1];
	struct bucket bucket;
	struct trust_thumbprint wishes[TRUST_REQUEST_WANT_MAX];
	size_t n_wishes;
	struct gateway *prev, *next; /* in the round, where it has wishes */
	UT_hash_handle hh;
};

struct trust_answers {
	struct gateway *gateways; /* by id, the oldest first */
	struct gateway *round;    /* whose turn it is, first */
	size_t n_wishes;          /* of all gateways */
	struct sent *sent;        /* by digest */
	struct sent *history;     /* the same, the earliest first */
	struct bucket scope;
	bool started;          /* the scope's bucket is */
	struct gateway *payer; /* for what was taken last */
};

/* ---- Rates ---- */

static struct bucket
full_bucket(int64_t rate, int64_t now_ms)
{
	return (struct bucket){.level = rate * 1000, .at_ms = now_ms};
}

static bool
has_some(struct bucket *bucket, int64_t rate, int64_t now_ms)
{
	int64_t most = rate * 1000;
	int64_t passed = now_ms - bucket->at_ms;

	/* No debt is that old, and a product is in range. */
	if (passed > 10000)
		passed = 10000;
	bucket->level += passed * rate;
	bucket->at_ms = now_ms;
	if (bucket->level > most)
		bucket->level = most;
	return bucket->level > 0;
}

void
trust_answers_charge(struct trust_answers *answers, size_t len)
{
	int64_t cost = (int64_t)len * 1000;

	answers->scope.level -= cost;
	if (answers->payer != NULL)
		answers->payer->bucket.level -= cost;
}

/* ---- What was sent ---- */

static void
forget_sent(struct trust_answers *answers, struct sent *sent)
{
	DL_DELETE(answers->history, sent);
	HASH_DEL(answers->sent, sent);
	free(sent);
}

/* Forget what was sent long enough ago to be sent again. */
static void
expire(struct trust_answers *answers, int64_t now_ms)
{
	while (answers->history != NULL &&
	       answers->history->at_ms + TRUST_ANSWERS_JOIN_MS <= now_ms)
		forget_sent(answers, answers->history);
}

static bool
was_sent(
    const struct trust_answers *answers, const struct trust_thumbprint *sha256)
{
	struct sent *sent;

	HASH_FIND(hh, answers->sent, sha256, sizeof(*sha256), sent);
	return sent != NULL;
}

/* Without memory the part may be sent again too soon, and that is all. */
static void
note_sent(struct trust_answers *answers, const struct trust_thumbprint *sha256,
    int64_t now_ms)
{
	struct sent *sent = calloc(1, sizeof(*sent));

	if (sent == NULL)
		return;
	sent->sha256 = *sha256;
	sent->at_ms = now_ms;
	HASH_ADD(hh, answers->sent, sha256, sizeof(sent->sha256), sent);
	if (sent->hh.tbl == NULL)
		free(sent);
	else
		DL_APPEND(answers->history, sent);
}

/* ---- Wishes ---- */

static void
drop_wish(struct trust_answers *answers, struct gateway *gateway, size_t i)
{
	gateway->n_wishes--;
	answers->n_wishes--;
	memmove(&gateway->wishes[i], &gateway->wishes[i + 1],
	    (gateway->n_wishes - i) * sizeof(gateway->wishes[0]));
	if (gateway->n_wishes == 0)
		DL_DELETE(answers->round, gateway);
}

/* One of n digests; n where it is none of them. */
static size_t
find(const struct trust_thumbprint *v, size_t n,
    const struct trust_thumbprint *sha256)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (trust_thumbprint_equal(&v[i], sha256))
			break;
	}
	return i;
}

static void
add_wish(struct trust_answers *answers, struct gateway *gateway,
    const struct trust_thumbprint *sha256)
{
	size_t i = find(gateway->wishes, gateway->n_wishes, sha256);

	if (i < gateway->n_wishes)
		drop_wish(answers, gateway, i);
	else if (gateway->n_wishes == TRUST_REQUEST_WANT_MAX)
		drop_wish(answers, gateway, 0);
	if (answers->n_wishes == TRUST_ANSWERS_PARTS_MAX)
		return;
	if (gateway->n_wishes == 0)
		DL_APPEND(answers->round, gateway);
	gateway->wishes[gateway->n_wishes++] = *sha256;
	answers->n_wishes++;
}

/* Drop the wishes that were sent in the last second, but for those of the n
 * that are wanted still. */
static void
drop_sent(struct trust_answers *answers, struct gateway *gateway,
    const struct trust_thumbprint *wanted, size_t n)
{
	for (size_t i = gateway->n_wishes; i-- > 0;) {
		if (was_sent(answers, &gateway->wishes[i]) &&
		    find(wanted, n, &gateway->wishes[i]) == n)
			drop_wish(answers, gateway, i);
	}
}

/* It is about to be sent, and everybody hears it. */
static void
fulfil(struct trust_answers *answers, const struct trust_thumbprint *sha256)
{
	struct gateway *gateway, *next;
	size_t i;

	DL_FOREACH_SAFE(answers->round, gateway, next)
	{
		i = find(gateway->wishes, gateway->n_wishes, sha256);
		if (i < gateway->n_wishes)
			drop_wish(answers, gateway, i);
	}
}

/* ---- Gateways ---- */

static void
drop_gateway(struct trust_answers *answers, struct gateway *gateway)
{
	while (gateway->n_wishes > 0)
		drop_wish(answers, gateway, gateway->n_wishes - 1);
	if (answers->payer == gateway)
		answers->payer = NULL;
	HASH_DEL(answers->gateways, gateway);
	free(gateway);
}

/* Room for one more: the oldest without a wish goes. */
static bool
make_room(struct trust_answers *answers)
{
	struct gateway *gateway = answers->gateways;

	if (HASH_COUNT(answers->gateways) < TRUST_ANSWERS_GATEWAYS_MAX)
		return true;
	while (gateway != NULL && gateway->n_wishes > 0)
		gateway = gateway->hh.next;
	if (gateway == NULL)
		return false;
	drop_gateway(answers, gateway);
	return true;
}

/* The one with this id; NULL where there are too many, or no memory. */
static struct gateway *
find_gateway(struct trust_answers *answers, const char *id, int64_t now_ms)
{
	struct gateway *gateway;

	HASH_FIND_STR(answers->gateways, id, gateway);
	if (gateway != NULL || !make_room(answers))
		return gateway;
	gateway = calloc(1, sizeof(*gateway));
	if (gateway == NULL)
		return NULL;
	memcpy(gateway->id, id, strlen(id));
	gateway->bucket = full_bucket(TRUST_ANSWERS_GATEWAY_RATE, now_ms);
	HASH_ADD_STR(answers->gateways, id, gateway);
	if (gateway->hh.tbl == NULL) {
		free(gateway);
		return NULL;
	}
	return gateway;
}

enum trust_err
trust_answers_new(struct trust_answers **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
}

void
trust_answers_free(struct trust_answers *answers)
{
	if (answers == NULL)
		return;
	while (answers->history != NULL)
		forget_sent(answers, answers->history);
	while (answers->gateways != NULL)
		drop_gateway(answers, answers->gateways);
	free(answers);
}

/* ---- Asking and answering ---- */

void
trust_answers_ask(struct trust_answers *answers,
    const struct trust_request *request, int64_t now_ms)
{
	struct gateway *gateway =
	    find_gateway(answers, request->gateway, now_ms);

	if (gateway == NULL)
		return;
	expire(answers, now_ms);
	drop_sent(answers, gateway, request->want, request->n_want);
	for (size_t i = 0; i < request->n_want; i++)
		add_wish(answers, gateway, &request->want[i]);
}

void
trust_answers_satisfy(
    struct trust_answers *answers, const char *gateway_id, int64_t now_ms)
{
	struct gateway *gateway;

	HASH_FIND_STR(answers->gateways, gateway_id, gateway);
	if (gateway == NULL)
		return;
	expire(answers, now_ms);
	drop_sent(answers, gateway, NULL, 0);
}

/* The oldest wish of a gateway that may be sent now; n_wishes for none. */
static size_t
choose_wish(const struct trust_answers *answers, const struct gateway *gateway)
{
	size_t i;

	for (i = 0; i < gateway->n_wishes; i++) {
		if (!was_sent(answers, &gateway->wishes[i]))
			break;
	}
	return i;
}

/* Whose turn it is, of those with something to send and octets left. */
static struct gateway *
choose_gateway(struct trust_answers *answers, int64_t now_ms, size_t *wish)
{
	struct gateway *gateway;

	DL_FOREACH(answers->round, gateway)
	{
		if (!has_some(
			&gateway->bucket, TRUST_ANSWERS_GATEWAY_RATE, now_ms))
			continue;
		*wish = choose_wish(answers, gateway);
		if (*wish < gateway->n_wishes)
			return gateway;
	}
	return NULL;
}

bool
trust_answers_take(
    struct trust_answers *answers, int64_t now_ms, struct trust_thumbprint *out)
{
	struct gateway *gateway;
	size_t wish = 0;

	expire(answers, now_ms);
	if (!answers->started) {
		answers->scope = full_bucket(TRUST_ANSWERS_SCOPE_RATE, now_ms);
		answers->started = true;
	}
	if (!has_some(&answers->scope, TRUST_ANSWERS_SCOPE_RATE, now_ms))
		return false;
	gateway = choose_gateway(answers, now_ms, &wish);
	if (gateway == NULL)
		return false;
	*out = gateway->wishes[wish];
	DL_DELETE(answers->round, gateway);
	DL_APPEND(answers->round, gateway);
	fulfil(answers, out);
	note_sent(answers, out, now_ms);
	answers->payer = gateway;
	trust_answers_charge(answers, TRUST_ANSWERS_PART_COST);
	return true;
}
