/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gateways ask for, joined and put in a queue: which part of a scope is
 * to be sent next, and when (sync.md, "Requests and reports"). All gateways of
 * a scope hear each answer. Times are milliseconds of any clock that does not
 * go back.
 */
#ifndef TRUST_ANSWERS_H
#define TRUST_ANSWERS_H

#include "trust.h"

/* A part is not sent again within this time, whoever asks for it. */
#define TRUST_ANSWERS_JOIN_MS 1000
/* Parts a second, for the scope and for what calls itself one gateway; and as
 * many at once after a quiet time. */
#define TRUST_ANSWERS_SCOPE_RATE   256
#define TRUST_ANSWERS_GATEWAY_RATE 128
/* Parts that wait or were just sent, and gateways that are counted. */
#define TRUST_ANSWERS_PARTS_MAX    4096
#define TRUST_ANSWERS_GATEWAYS_MAX 1000

struct trust_answers;

enum trust_err trust_answers_new(struct trust_answers **out) TRUST_MUST_CHECK;
void trust_answers_free(struct trust_answers *answers);

/* A gateway asks. What is beyond a bound is ignored: it asks again. */
void trust_answers_ask(struct trust_answers *answers,
    const struct trust_request *request, int64_t now_ms);

/* Take the part that may be sent now. False: none may, for now. */
bool trust_answers_take(struct trust_answers *answers, int64_t now_ms,
    struct trust_thumbprint *out);

#endif
