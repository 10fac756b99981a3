/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals, written out. What a peer chose (names, client ids) is escaped and
 * cut.
 */
#include "refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "plugin.h"

/* Refusals of one reason that are written out in one second. One sensor that
 * tries again and again shows, and leaves room for the reasons of others. */
#define WRITTEN_MAX 20

struct trust_refusals {
	struct trust_events *events;
	struct {
		uint64_t total;
		uint64_t in_second;
	} counts[TRUST_N_REASONS];
	int64_t second; /* the one that is counted in */
};

enum trust_err
trust_refusals_new(struct trust_events *events, struct trust_refusals **out)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return TRUST_ERR_NOMEM;
	(*out)->events = events;
	return TRUST_OK;
}

void
trust_refusals_free(struct trust_refusals *refusals)
{
	free(refusals);
}

uint64_t
trust_refusals_count(
    const struct trust_refusals *refusals, enum trust_reason reason)
{
	return refusals->counts[reason].total;
}

void
trust_refusal_count(struct trust_refusals *refusals, enum trust_reason reason)
{
	refusals->counts[reason].total++;
}

/* ---- Floods ---- */

static void
tell_rest(struct trust_refusals *refusals, enum trust_reason reason, uint64_t n)
{
	char detail[TRUST_MESSAGE_MAX];
	struct trust_event event = {
	    .kind = TRUST_EVENT_REFUSED,
	    .reason = trust_reason_name(reason),
	    .detail = detail,
	};

	(void)snprintf(detail, sizeof(detail),
	    "%llu more within a second, not written out",
	    (unsigned long long)n);
	mosquitto_log_printf(MOSQ_LOG_WARNING,
	    "mosquitto_trust: refused %s: %s", event.reason, detail);
	trust_event_tell(refusals->events, &event);
}

void
trust_refusals_flush(struct trust_refusals *refusals, int64_t now)
{
	if (now == refusals->second)
		return;
	refusals->second = now;
	for (int i = 0; i < TRUST_N_REASONS; i++) {
		uint64_t n = refusals->counts[i].in_second;

		refusals->counts[i].in_second = 0;
		if (n > WRITTEN_MAX)
			tell_rest(
			    refusals, (enum trust_reason)i, n - WRITTEN_MAX);
	}
}

/* Count it. Whether it is to be written out. */
static bool
count(struct trust_refusals *refusals, enum trust_reason reason)
{
	trust_refusals_flush(refusals, trust_plugin_now());
	refusals->counts[reason].total++;
	return ++refusals->counts[reason].in_second <= WRITTEN_MAX;
}

/* ---- One of them ---- */

/* "certificate THUMBPRINT of SUBJECT", or "no certificate". */
static void
describe(X509 *leaf, char out[TRUST_MESSAGE_MAX])
{
	char subject[TRUST_SHOWN_MAX];
	struct trust_thumbprint thumbprint;

	(void)snprintf(out, TRUST_MESSAGE_MAX, "no certificate");
	if (leaf == NULL ||
	    trust_certificate_thumbprint(leaf, &thumbprint) != TRUST_OK)
		return;
	trust_event_describe_certificate(&thumbprint,
	    trust_certificate_show_name(X509_get_subject_name(leaf), subject),
	    out);
}

/* What a reason means where no certificate is. */
static const char *
meaning_of_psk(enum trust_reason reason)
{
	switch (reason) {
	case TRUST_REASON_DEVICE_UNKNOWN:
		return "add the device with its key (trustctl device add ID "
		       "--psk), at the origin where this registry is a replica";
	case TRUST_REASON_THUMBPRINT_MISMATCH:
		return "the key of the device is not the one that it is "
		       "registered with; if it should be, somebody may be "
		       "posing as the device";
	default:
		return trust_reason_meaning(reason);
	}
}

/* To the log and as an event. `what` begins with who, `whose` is the
 * certificate, or the key. */
static void
write_out(struct trust_refusals *refusals, enum trust_reason reason,
    const char *what, const char *whose, const char *meaning,
    const struct trust_event *about)
{
	char detail[2 * TRUST_MESSAGE_MAX];
	struct trust_event event = *about;

	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: refused %s: %s (%s, from %s): %s",
	    trust_reason_name(reason), what, whose,
	    about->address != NULL ? about->address : "an unknown address",
	    meaning);
	(void)snprintf(detail, sizeof(detail), "%s (%s)", what, whose);
	event.kind = TRUST_EVENT_REFUSED;
	event.reason = trust_reason_name(reason);
	event.detail = detail;
	trust_event_tell(refusals->events, &event);
}

static void
write_verdict(struct trust_refusals *refusals,
    const struct trust_verdict *verdict, const char *client_id,
    const char *whose, const char *meaning, const char *address)
{
	const struct trust_event about = {
	    .device = verdict->device,
	    .client = client_id,
	    .address = address,
	};

	write_out(
	    refusals, verdict->reason, verdict->detail, whose, meaning, &about);
}

void
trust_refusal_tell(struct trust_refusals *refusals,
    const struct trust_verdict *verdict, const char *client_id, X509 *leaf,
    const char *address)
{
	char whose[TRUST_MESSAGE_MAX];

	if (!count(refusals, verdict->reason))
		return;
	describe(leaf, whose);
	write_verdict(refusals, verdict, client_id, whose,
	    trust_reason_meaning(verdict->reason), address);
}

void
trust_refusal_tell_psk(struct trust_refusals *refusals,
    const struct trust_verdict *verdict, const char *client_id,
    const char *identity, const char *address)
{
	char whose[TRUST_MESSAGE_MAX];

	if (!count(refusals, verdict->reason))
		return;
	trust_event_describe_identity(identity, whose);
	write_verdict(refusals, verdict, client_id, whose,
	    meaning_of_psk(verdict->reason), address);
}

void
trust_refusal_tell_client(struct trust_refusals *refusals,
    enum trust_reason reason, const char *client_id, X509 *leaf,
    const char *address, const char *fmt, ...)
{
	struct trust_event about = {.client = client_id, .address = address};
	char what[TRUST_MESSAGE_MAX], shown[TRUST_SHOWN_MAX];
	char line[2 * TRUST_MESSAGE_MAX], whose[TRUST_MESSAGE_MAX];
	va_list ap;

	if (!count(refusals, reason))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)snprintf(line, sizeof(line), "client %s: %s",
	    trust_span_show(trust_span_of(client_id), shown, sizeof(shown)),
	    what);
	describe(leaf, whose);
	write_out(refusals, reason, line, whose, trust_reason_meaning(reason),
	    &about);
}

void
trust_refusal_tell_topic(struct trust_refusals *refusals,
    const struct trust_admission *admission, const char *client_id,
    const char *action, const char *topic, const char *address)
{
	struct trust_event about = {
	    .device = trust_admission_get0_verdict(admission)->device,
	    .client = client_id,
	    .address = address,
	};
	char shown[TRUST_SHOWN_MAX];
	char what[TRUST_MESSAGE_MAX], whose[TRUST_MESSAGE_MAX];

	if (!count(refusals, TRUST_REASON_TOPIC_NOT_ALLOWED))
		return;
	(void)snprintf(what, sizeof(what), "device %s may not %s %s",
	    about.device, action,
	    trust_span_show(trust_span_of(topic), shown, sizeof(shown)));
	trust_event_describe_admission(admission, whose);
	write_out(refusals, TRUST_REASON_TOPIC_NOT_ALLOWED, what, whose,
	    trust_reason_meaning(TRUST_REASON_TOPIC_NOT_ALLOWED), &about);
}
