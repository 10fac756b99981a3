/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a diagnosis found, step by step: told as it is found to people, as one
 * list to programs.
 */
#ifndef TRUST_FINDINGS_H
#define TRUST_FINDINGS_H

#include <stdbool.h>

#include "output.h"

enum trust_result {
	TRUST_RESULT_OK,
	TRUST_RESULT_NOTE, /* neither good nor bad, or not to be seen */
	TRUST_RESULT_WARN, /* works, or works for some, or not for long */
	TRUST_RESULT_FAIL, /* keeps a client out */
};

/* Octets of what was found, and of all that mends it. */
#define TRUST_FINDING_MAX (2 * TRUST_MESSAGE_MAX)

struct trust_finding {
	const char *step; /* static */
	enum trust_result result;
	char text[TRUST_FINDING_MAX];
	char mend[TRUST_FINDING_MAX]; /* lines; "" for nothing to do */
};

/* Zeroed memory is an empty list that is told to people. */
struct trust_findings {
	bool silent;             /* nothing is printed as it is found */
	struct trust_finding *v; /* owned */
	size_t n, cap;
	bool incomplete; /* memory ran out */
};

/* Add one; `step` is static and at most 11 octets. Control characters become
 * blanks. */
void trust_findings_add(struct trust_findings *findings, const char *step,
    enum trust_result result, const char *fmt, ...) TRUST_PRINTF(4, 5);

/* A command that mends what was added last, or a line to put into a file. May
 * be called more than once. */
void trust_findings_mend(struct trust_findings *findings, const char *fmt, ...)
    TRUST_PRINTF(2, 3);

/* The worst result; TRUST_RESULT_OK for none. */
enum trust_result trust_findings_worst(const struct trust_findings *findings);

/* How many of a step are as bad as that or worse. */
size_t trust_findings_count(const struct trust_findings *findings,
    const char *step, enum trust_result least);

/* [{"step","result","finding","mend"},…]; NULL without memory. */
json_t *trust_findings_json(const struct trust_findings *findings);

void trust_findings_free(struct trust_findings *findings);

#endif
