/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps that led to a decision, for `trustctl check` and `explain`.
 */
#ifndef TRUST_STEPS_H
#define TRUST_STEPS_H

#include <stddef.h>

#include "err.h"

enum trust_step_kind {
	TRUST_STEP_FACT,   /* what was found */
	TRUST_STEP_PASSED, /* a rule that was met */
	TRUST_STEP_FAILED, /* a rule that was not */
};

struct trust_step {
	enum trust_step_kind kind;
	char text[TRUST_MESSAGE_MAX];
};

/* Zeroed memory is an empty list. */
struct trust_steps {
	struct trust_step *v; /* owned */
	size_t n, cap;
};

/* Add a step; to NULL, or without memory, nothing happens: steps explain a
 * decision and never take part in it. */
void trust_steps_add(struct trust_steps *steps, enum trust_step_kind kind,
    const char *fmt, ...) TRUST_PRINTF(3, 4);
void trust_steps_free(struct trust_steps *steps);

#endif
