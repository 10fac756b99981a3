/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often each of many may ask: a bucket of tokens each. In the table the
 * one that asked longest ago stands first.
 */
#include "throttle.h"

#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct asker {
	char name[TRUST_ID_MAX + 1];
	int64_t tokens;    /* times that are left */
	int64_t filled_ms; /* up to when they were given back */
	bool stopped;      /* and told so */
	UT_hash_handle hh;
};

struct trust_throttle {
	struct asker *askers; /* by name */
	int64_t burst;
	int64_t refill_ms;
	unsigned max;
};

enum trust_err
trust_throttle_new(
    int burst, int64_t refill_ms, unsigned max, struct trust_throttle **out)
{
	struct trust_throttle *throttle = calloc(1, sizeof(*throttle));

	*out = throttle;
	if (throttle == NULL)
		return TRUST_ERR_NOMEM;
	throttle->burst = burst;
	throttle->refill_ms = refill_ms;
	throttle->max = max;
	return TRUST_OK;
}

static void
drop(struct trust_throttle *throttle, struct asker *asker)
{
	HASH_DEL(throttle->askers, asker);
	free(asker);
}

void
trust_throttle_free(struct trust_throttle *throttle)
{
	struct asker *asker, *next;

	if (throttle == NULL)
		return;
	HASH_ITER(hh, throttle->askers, asker, next)
	drop(throttle, asker);
	free(throttle);
}

static struct asker *
add(struct trust_throttle *throttle, const char *name, int64_t now_ms)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (asker == NULL)
		return NULL;
	(void)snprintf(asker->name, sizeof(asker->name), "%s", name);
	asker->tokens = throttle->burst;
	asker->filled_ms = now_ms;
	while (HASH_COUNT(throttle->askers) >= throttle->max)
		drop(throttle, throttle->askers);
	HASH_ADD_STR(throttle->askers, name, asker);
	if (asker->hh.tbl == NULL) { /* out of memory */
		free(asker);
		return NULL;
	}
	return asker;
}

/* Who asks last stands last. */
static struct asker *
find(struct trust_throttle *throttle, const char *name, int64_t now_ms)
{
	struct asker *asker = NULL;

	HASH_FIND_STR(throttle->askers, name, asker);
	if (asker == NULL)
		return add(throttle, name, now_ms);
	HASH_DEL(throttle->askers, asker);
	HASH_ADD_STR(throttle->askers, name, asker);
	if (asker->hh.tbl == NULL) {
		free(asker);
		return NULL;
	}
	return asker;
}

static void
refill(
    const struct trust_throttle *throttle, struct asker *asker, int64_t now_ms)
{
	int64_t n = (now_ms - asker->filled_ms) / throttle->refill_ms;

	if (n <= 0)
		return;
	asker->filled_ms += n * throttle->refill_ms;
	asker->tokens = n >= throttle->burst - asker->tokens
			    ? throttle->burst
			    : asker->tokens + n;
}

enum trust_throttle_answer
trust_throttle_ask(
    struct trust_throttle *throttle, const char *name, int64_t now_ms)
{
	struct asker *asker = find(throttle, name, now_ms);
	bool stopped;

	if (asker == NULL)
		return TRUST_THROTTLE_STOP;
	refill(throttle, asker, now_ms);
	stopped = asker->stopped;
	asker->stopped = asker->tokens == 0;
	if (asker->stopped)
		return stopped ? TRUST_THROTTLE_STILL_STOP
			       : TRUST_THROTTLE_STOP;
	asker->tokens--;
	return TRUST_THROTTLE_GO;
}
