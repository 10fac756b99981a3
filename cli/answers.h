/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gateways wish for, joined and put in queues: which part of a scope is
 * to be sent next, and when (sync.md, "Requests and reports"). All gateways of
 * a scope hear each answer, so one sending fulfils every wish made before it.
 * Rates delay; no wish is forgotten, but for what is beyond the bounds below.
 * Times are milliseconds of any clock that does not go back.
 */
#ifndef TRUST_ANSWERS_H
#define TRUST_ANSWERS_H

#include "trust.h"

/* A part is not sent again within this time. Who wishes for it meanwhile may
 * have missed it, and gets it when the time is over. */
#define TRUST_ANSWERS_JOIN_MS 1000
/*
 * Octets a second, for the scope and for what calls itself one gateway, and
 * one second's worth at once after a quiet time. The scope's is what one
 * thread of a broker passes on to a few gateways; a gateway's is half of it,
 * so that the others have the other half whatever one of them does.
 */
#define TRUST_ANSWERS_SCOPE_RATE   (64 * 1024 * 1024)
#define TRUST_ANSWERS_GATEWAY_RATE (32 * 1024 * 1024)
/* What a part costs beside its octets: a look-up, a message and its
 * acknowledgements take about as long as these many. 500 small deltas are a
 * quarter of a second's worth. */
#define TRUST_ANSWERS_PART_COST (16 * 1024)
/* Wishes of all gateways, as many as 64 of them may have; and gateways that
 * are counted. A gateway has TRUST_REQUEST_WANT_MAX, the flow control. */
#define TRUST_ANSWERS_PARTS_MAX    4096
#define TRUST_ANSWERS_GATEWAYS_MAX 1000

struct trust_answers;

enum trust_err trust_answers_new(struct trust_answers **out) TRUST_MUST_CHECK;
void trust_answers_free(struct trust_answers *answers);

/*
 * A gateway asks. What it asked for before stays wished for, the oldest of
 * that excepted where it would be too much. But what was sent in the last
 * second and is not asked for any more has come.
 */
void trust_answers_ask(struct trust_answers *answers,
    const struct trust_request *request, int64_t now_ms);

/* A gateway says that it holds the newest state: what was sent in the last
 * second is not sent again for its sake. The rest is: this is but a claim. */
void trust_answers_satisfy(
    struct trust_answers *answers, const char *gateway, int64_t now_ms);

/* Take the part that may be sent now; gateways take turns. False: none may,
 * for now. */
bool trust_answers_take(struct trust_answers *answers, int64_t now_ms,
    struct trust_thumbprint *out);
/* What was taken last had these octets. */
void trust_answers_charge(struct trust_answers *answers, size_t len);

#endif
