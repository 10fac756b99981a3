/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters: a table of topics and where the numbers come from.
 */
#include "counters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"

#define PREFIX "$SYS/broker/trust/"
/* As often as Mosquitto's own, unless its sys_interval says otherwise. */
#define EVERY_S 10

/* One look at everything that is counted. */
struct look {
	const struct trust_counters_source *source;
	struct trust_gate_status status;
};

static int64_t
connections_allowed(const struct look *look)
{
	return (int64_t)*look->source->n_allowed;
}

static int64_t
enroll_requests(const struct look *look)
{
	return (int64_t)*look->source->n_requests;
}

static int64_t
enroll_issued(const struct look *look)
{
	return (int64_t)*look->source->n_enrolled;
}

static int64_t
messages_refused(const struct look *look)
{
	return (int64_t)trust_refusals_count(
	    look->source->refusals, TRUST_REASON_TOPIC_NOT_ALLOWED);
}

static int64_t
registry_serial(const struct look *look)
{
	return look->status.held.serial;
}

static int64_t
registry_records(const struct look *look)
{
	return look->status.n_records;
}

static int64_t
registry_age(const struct look *look)
{
	return look->status.age_s;
}

static int64_t
registry_ready(const struct look *look)
{
	return look->status.state == TRUST_REGISTRY_STATE_READY;
}

static int64_t
crls_current(const struct look *look)
{
	return (int64_t)look->status.n_crls[TRUST_GATE_CRL_CURRENT];
}

static int64_t
crls_stale(const struct look *look)
{
	return (int64_t)look->status.n_crls[TRUST_GATE_CRL_STALE];
}

static int64_t
crls_overdue(const struct look *look)
{
	return (int64_t)look->status.n_crls[TRUST_GATE_CRL_OVERDUE];
}

static int64_t
sessions_live(const struct look *look)
{
	return (int64_t)trust_sessions_count_live(look->source->sessions);
}

static int64_t
sessions_newcomers(const struct look *look)
{
	return (int64_t)trust_sessions_count_newcomers(look->source->sessions);
}

static int64_t
cache_hits(const struct look *look)
{
	return (int64_t)look->status.cache_hits;
}

static int64_t
cache_misses(const struct look *look)
{
	return (int64_t)look->status.cache_misses;
}

static int64_t
cache_entries(const struct look *look)
{
	return (int64_t)look->status.n_cached;
}

static int64_t
chains_built(const struct look *look)
{
	return (int64_t)look->status.chains_built;
}

/* The topics below PREFIX. */
static const struct {
	const char *topic;
	int64_t (*get)(const struct look *look);
} table[] = {
    {"connections/allowed", connections_allowed},
    {"messages/refused", messages_refused},
    {"enroll/requests", enroll_requests},
    {"enroll/issued", enroll_issued},
    {"registry/serial", registry_serial},
    {"registry/records", registry_records},
    {"registry/age", registry_age},
    {"registry/ready", registry_ready},
    {"crls/current", crls_current},
    {"crls/stale", crls_stale},
    {"crls/overdue", crls_overdue},
    {"sessions/live", sessions_live},
    {"sessions/newcomers", sessions_newcomers},
    {"cache/hits", cache_hits},
    {"cache/misses", cache_misses},
    {"cache/entries", cache_entries},
    {"chains/built", chains_built},
};
#define N_TABLE (sizeof(table) / sizeof(table[0]))
#define REFUSED "connections/refused/"

struct trust_counters {
	struct trust_counters_source source;
	int64_t next; /* to publish again */
	/* What was published last; -1: nothing yet. */
	int64_t told[N_TABLE];
	int64_t told_refused[TRUST_N_REASONS];
};

enum trust_err
trust_counters_new(
    const struct trust_counters_source *source, struct trust_counters **out)
{
	struct trust_counters *counters = calloc(1, sizeof(*counters));

	*out = counters;
	if (counters == NULL)
		return TRUST_ERR_NOMEM;
	counters->source = *source;
	memset(counters->told, 0xff, sizeof(counters->told));
	memset(counters->told_refused, 0xff, sizeof(counters->told_refused));
	return TRUST_OK;
}

void
trust_counters_free(struct trust_counters *counters)
{
	free(counters);
}

static void
publish(const char *group, const char *name, int64_t value, int64_t *told)
{
	char topic[128], text[24];
	int len;

	if (value == *told)
		return;
	(void)snprintf(topic, sizeof(topic), PREFIX "%s%s", group, name);
	len = snprintf(text, sizeof(text), "%" PRId64, value);
	if (mosquitto_broker_publish_copy(
		NULL, topic, len, text, 0, true, NULL) == MOSQ_ERR_SUCCESS)
		*told = value;
}

/* Refused topics are messages' business. */
static bool
is_of_connections(enum trust_reason reason)
{
	return !trust_reason_allows(reason) &&
	       reason != TRUST_REASON_TOPIC_NOT_ALLOWED;
}

void
trust_counters_publish(struct trust_counters *counters, int64_t now)
{
	struct look look = {.source = &counters->source};

	/* A clock that was set back counts as well. */
	if (now < counters->next && counters->next <= now + EVERY_S)
		return;
	counters->next = now + EVERY_S;
	trust_gate_get_status(counters->source.gate, now, &look.status);
	for (size_t i = 0; i < N_TABLE; i++)
		publish("", table[i].topic, table[i].get(&look),
		    &counters->told[i]);
	for (int i = 0; i < TRUST_N_REASONS; i++) {
		enum trust_reason reason = (enum trust_reason)i;

		if (is_of_connections(reason))
			publish(REFUSED, trust_reason_name(reason),
			    (int64_t)trust_refusals_count(
				counters->source.refusals, reason),
			    &counters->told_refused[i]);
	}
}
