/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps that led to a decision.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "steps.h"

#define STEPS_CAP_MIN 16 /* most decisions need no more */

static struct trust_step *
append(struct trust_steps *steps)
{
	struct trust_step *v;
	size_t cap;

	if (steps->n == steps->cap) {
		cap = steps->cap == 0 ? STEPS_CAP_MIN : 2 * steps->cap;
		v = reallocarray(steps->v, cap, sizeof(*v));
		if (v == NULL)
			return NULL;
		steps->v = v;
		steps->cap = cap;
	}
	return &steps->v[steps->n];
}

void
trust_steps_add(
    struct trust_steps *steps, enum trust_step_kind kind, const char *fmt, ...)
{
	struct trust_step *step;
	va_list args;
	int n;

	if (steps == NULL)
		return;
	step = append(steps);
	if (step == NULL)
		return;
	va_start(args, fmt);
	n = vsnprintf(step->text, sizeof(step->text), fmt, args);
	va_end(args);
	if (n < 0)
		return;
	trust_err_flatten(step->text);
	step->kind = kind;
	steps->n++;
}

void
trust_steps_free(struct trust_steps *steps)
{
	if (steps == NULL)
		return;
	free(steps->v);
	*steps = (struct trust_steps){0};
}
