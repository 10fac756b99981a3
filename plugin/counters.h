/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters: numbers under $SYS/broker/trust/, retained, as the broker's own
 * are under $SYS, so that what watches a Mosquitto finds them.
 */
#ifndef TRUST_COUNTERS_H
#define TRUST_COUNTERS_H

#include "refusal.h"
#include "session.h"

/* What is counted from. All borrowed. */
struct trust_counters_source {
	struct trust_gate *gate;
	const struct trust_refusals *refusals;
	const struct trust_sessions *sessions;
	const uint64_t *n_allowed;  /* connections */
	const uint64_t *n_requests; /* for certificates, passed on */
	const uint64_t *n_enrolled; /* certificates, likewise */
};

struct trust_counters;

enum trust_err trust_counters_new(const struct trust_counters_source *source,
    struct trust_counters **out) TRUST_MUST_CHECK;
void trust_counters_free(struct trust_counters *counters);

/* Publish what has changed, every ten seconds of `now` at most. */
void trust_counters_publish(struct trust_counters *counters, int64_t now);

#endif
