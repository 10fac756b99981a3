/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What led to a decision, for people: `trustctl check` and `trustctl topic`.
 */
#ifndef TRUST_REASONING_H
#define TRUST_REASONING_H

#include "output.h"

/* The gateway's id unless its configuration is told of. */
#define TRUST_REASONING_GATEWAY "gateway"

/* A trust_log's write, for a gate that only answers: errors and warnings, on
 * standard error. */
void trust_reasoning_log(
    void *arg, enum trust_log_level level, const char *line);

/* A line a step: what was found, what was met, what was not. */
void trust_reasoning_print_steps(const struct trust_steps *steps);

/* "  roles: …", of an allowance. */
void trust_reasoning_print_roles(const struct trust_verdict *verdict);

#endif
