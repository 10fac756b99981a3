/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: what happened at the gateway, one JSON object each, on the topic
 * trust/v1/events and in the audit log (interface, "Local topics").
 */
#ifndef TRUST_EVENT_H
#define TRUST_EVENT_H

#include "trust.h"

enum trust_event_kind {
	TRUST_EVENT_REFUSED,
	TRUST_EVENT_CONNECTED,
	TRUST_EVENT_DISCONNECTED,
	TRUST_EVENT_APPLIED,
	TRUST_EVENT_SYNC_REFUSED,
	TRUST_EVENT_MASS_REMOVAL_HELD,
	TRUST_EVENT_STALE,
	TRUST_EVENT_BLOCKED,
	TRUST_EVENT_UNBLOCKED,
	TRUST_EVENT_TAKEOVER,
	TRUST_EVENT_ENROLLED,
};

/* All borrowed; NULL or "": it is not known, or there is none. */
struct trust_event {
	enum trust_event_kind kind;
	const char *device;  /* an id */
	const char *client;  /* as the peer sent it: escaped and cut here */
	const char *address; /* the peer's, as text */
	const char *reason;  /* the name of a reason code */
	const char *detail;  /* for a person; what a peer chose is escaped */
};

/* "certificate THUMBPRINT of SUBJECT", for a detail; the subject is escaped. */
void trust_event_describe_certificate(const struct trust_thumbprint *thumbprint,
    const char *subject, char out[TRUST_MESSAGE_MAX]);

/* "pre-shared key of identity NAME", likewise. */
void trust_event_describe_identity(
    const char *identity, char out[TRUST_MESSAGE_MAX]);
/* Whichever of the two an admission came by. */
void trust_event_describe_admission(
    const struct trust_admission *admission, char out[TRUST_MESSAGE_MAX]);

struct trust_events;

/* `audit_path` is the file of the audit log, or NULL. TRUST_ERR_IO: it cannot
 * be written. */
enum trust_err trust_events_open(const char *audit_path,
    struct trust_events **out, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_events_close(struct trust_events *events);

/* Tell of an event now. Never fails: what cannot be told is lost, and the log
 * says so. On the broker's thread alone. */
void trust_event_tell(
    struct trust_events *events, const struct trust_event *event);

/* A log rotation may have moved the audit log: go on in a file of its name. */
void trust_events_reopen(struct trust_events *events);

#endif
