/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ticks sooner than the broker would give them: an idle Mosquitto sleeps for
 * up to 100 ms, however much the last tick has left to do.
 */
#ifndef TRUST_WAKE_H
#define TRUST_WAKE_H

#include <stdbool.h>

#include "trust.h"

struct trust_wake;

/*
 * To be called on the broker's thread, at start. Takes SIGURG, which does
 * nothing by default, and of which nobody else may make use: `*out` is NULL
 * then, and ticks come as they come.
 */
enum trust_err trust_wake_new(struct trust_wake **out) TRUST_MUST_CHECK;
void trust_wake_free(struct trust_wake *wake);

/* Whether the broker is not to sleep from now on: whoever has a message for it
 * comes first. NULL is safe. */
void trust_wake_set(struct trust_wake *wake, bool soon);

#endif
