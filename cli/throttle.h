/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often each of many may ask: so many times at once, then one more each
 * time that a while has gone by.
 */
#ifndef TRUST_THROTTLE_H
#define TRUST_THROTTLE_H

#include "trust.h"

struct trust_throttle;

/* `burst` times at once; one is given back each `refill_ms`. Of at most `max`
 * names the books are kept: past that, of those that asked last. */
enum trust_err trust_throttle_new(int burst, int64_t refill_ms, unsigned max,
    struct trust_throttle **out) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_throttle_free(struct trust_throttle *throttle);

/* How it goes with one more time. */
enum trust_throttle_answer {
	TRUST_THROTTLE_GO,
	TRUST_THROTTLE_STOP,       /* too often, and the first to be told so */
	TRUST_THROTTLE_STILL_STOP, /* and told so before */
};
enum trust_throttle_answer trust_throttle_ask(
    struct trust_throttle *throttle, const char *name, int64_t now_ms);

#endif
