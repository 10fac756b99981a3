/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gateways ask for. `gateway` is a claim: its bound is there so that one
 * that runs wild leaves room for others, the scope's for the rest.
 */
#include "answers.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* So many tokens a second, and at the most as many as that. */
struct bucket {
	int64_t level; /* in thousandths of a token */
	int64_t at_ms;
};

struct part {
	struct trust_thumbprint sha256;
	int64_t sent_ms; /* 0: it waits */
	struct part *prev, *next;
	UT_hash_handle hh;
};

struct gateway {
	char id[TRUST_ID_MAX + 1];
	struct bucket bucket;
	UT_hash_handle hh;
};

struct trust_answers {
	struct part *parts;   /* by digest */
	struct part *waiting; /* first come, first served */
	struct part *sent;    /* the earliest first */
	struct gateway *gateways;
	struct bucket scope;
	bool started; /* the scope's bucket is */
};

static bool
take_token(struct bucket *bucket, int64_t rate, int64_t now_ms)
{
	int64_t most = rate * 1000;

	bucket->level += (now_ms - bucket->at_ms) * rate;
	bucket->at_ms = now_ms;
	if (bucket->level > most)
		bucket->level = most;
	if (bucket->level < 1000)
		return false;
	bucket->level -= 1000;
	return true;
}

static struct bucket
full_bucket(int64_t rate, int64_t now_ms)
{
	return (struct bucket){.level = rate * 1000, .at_ms = now_ms};
}

enum trust_err
trust_answers_new(struct trust_answers **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
}

static void
drop_part(struct trust_answers *answers, struct part **list, struct part *part)
{
	DL_DELETE(*list, part);
	HASH_DEL(answers->parts, part);
	free(part);
}

static void
drop_gateway(struct trust_answers *answers, struct gateway *gateway)
{
	HASH_DEL(answers->gateways, gateway);
	free(gateway);
}

void
trust_answers_free(struct trust_answers *answers)
{
	if (answers == NULL)
		return;
	while (answers->waiting != NULL)
		drop_part(answers, &answers->waiting, answers->waiting);
	while (answers->sent != NULL)
		drop_part(answers, &answers->sent, answers->sent);
	while (answers->gateways != NULL)
		drop_gateway(answers, answers->gateways);
	free(answers);
}

/* Forget what was sent long enough ago to be sent again. */
static void
expire(struct trust_answers *answers, int64_t now_ms)
{
	while (answers->sent != NULL &&
	       answers->sent->sent_ms + TRUST_ANSWERS_JOIN_MS <= now_ms)
		drop_part(answers, &answers->sent, answers->sent);
}

/* The one with this id; the oldest goes where there are too many. NULL when
 * memory runs out. */
static struct gateway *
find_gateway(struct trust_answers *answers, const char *id, int64_t now_ms)
{
	struct gateway *gateway;

	HASH_FIND_STR(answers->gateways, id, gateway);
	if (gateway != NULL)
		return gateway;
	if (HASH_COUNT(answers->gateways) >= TRUST_ANSWERS_GATEWAYS_MAX)
		drop_gateway(answers, answers->gateways);
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

static void
add_waiting(
    struct trust_answers *answers, const struct trust_thumbprint *sha256)
{
	struct part *part = calloc(1, sizeof(*part));

	if (part == NULL)
		return;
	part->sha256 = *sha256;
	HASH_ADD(hh, answers->parts, sha256, sizeof(part->sha256), part);
	if (part->hh.tbl == NULL)
		free(part);
	else
		DL_APPEND(answers->waiting, part);
}

void
trust_answers_ask(struct trust_answers *answers,
    const struct trust_request *request, int64_t now_ms)
{
	struct gateway *gateway =
	    find_gateway(answers, request->gateway, now_ms);
	struct part *part;

	expire(answers, now_ms);
	for (size_t i = 0; gateway != NULL && i < request->n_want; i++) {
		HASH_FIND(hh, answers->parts, &request->want[i],
		    sizeof(request->want[i]), part);
		if (part != NULL)
			continue;
		if (HASH_COUNT(answers->parts) >= TRUST_ANSWERS_PARTS_MAX ||
		    !take_token(
			&gateway->bucket, TRUST_ANSWERS_GATEWAY_RATE, now_ms))
			break;
		add_waiting(answers, &request->want[i]);
	}
}

bool
trust_answers_take(
    struct trust_answers *answers, int64_t now_ms, struct trust_thumbprint *out)
{
	struct part *part = answers->waiting;

	expire(answers, now_ms);
	if (!answers->started) {
		answers->scope = full_bucket(TRUST_ANSWERS_SCOPE_RATE, now_ms);
		answers->started = true;
	}
	if (part == NULL ||
	    !take_token(&answers->scope, TRUST_ANSWERS_SCOPE_RATE, now_ms))
		return false;
	*out = part->sha256;
	part->sent_ms = now_ms;
	DL_DELETE(answers->waiting, part);
	DL_APPEND(answers->sent, part);
	return true;
}
