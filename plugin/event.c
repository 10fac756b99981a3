/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events: made once, told in two places.
 */
#include "event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "broker.h"
#include "plugin.h"

#define TOPIC "trust/v1/events"

struct trust_events {
	struct trust_audit *audit; /* NULL: none is kept */
};

static const struct {
	const char *name;
	/* A refusal or a change: it belongs in the audit log. Who goes belongs
	 * there if that was a decision, which has a detail. */
	bool is_decision;
} kinds[] = {
    [TRUST_EVENT_REFUSED] = {"refused", true},
    [TRUST_EVENT_CONNECTED] = {"connected", false},
    [TRUST_EVENT_DISCONNECTED] = {"disconnected", false},
    [TRUST_EVENT_APPLIED] = {"applied", true},
    [TRUST_EVENT_SYNC_REFUSED] = {"sync_refused", true},
    [TRUST_EVENT_MASS_REMOVAL_HELD] = {"mass_removal_held", true},
    [TRUST_EVENT_STALE] = {"stale", true},
    [TRUST_EVENT_BLOCKED] = {"blocked", true},
    [TRUST_EVENT_UNBLOCKED] = {"unblocked", true},
    [TRUST_EVENT_TAKEOVER] = {"takeover", true},
    [TRUST_EVENT_ENROLLED] = {"enrolled", true},
};

enum trust_err
trust_events_open(const char *audit_path, struct trust_events **out,
    struct trust_message *msg)
{
	struct trust_events *events = calloc(1, sizeof(*events));
	enum trust_err r = TRUST_OK;

	*out = NULL;
	if (events == NULL)
		return TRUST_ERR_NOMEM;
	if (audit_path != NULL)
		r = trust_audit_open(audit_path, &events->audit, msg);
	if (r != TRUST_OK) {
		free(events);
		return r;
	}
	*out = events;
	return TRUST_OK;
}

void
trust_events_close(struct trust_events *events)
{
	if (events == NULL)
		return;
	trust_audit_close(events->audit);
	free(events);
}

void
trust_events_reopen(struct trust_events *events)
{
	if (events->audit != NULL)
		trust_audit_reopen(events->audit);
}

void
trust_event_describe_certificate(const struct trust_thumbprint *thumbprint,
    const char *subject, char out[TRUST_MESSAGE_MAX])
{
	char hex[TRUST_THUMBPRINT_TEXT];

	(void)snprintf(out, TRUST_MESSAGE_MAX, "certificate %s of %s",
	    trust_thumbprint_format(thumbprint, hex), subject);
}

void
trust_event_describe_identity(const char *identity, char out[TRUST_MESSAGE_MAX])
{
	char shown[TRUST_SHOWN_MAX];

	(void)snprintf(out, TRUST_MESSAGE_MAX, "pre-shared key of identity %s",
	    trust_span_show(trust_span_of(identity), shown, sizeof(shown)));
}

void
trust_event_describe_admission(
    const struct trust_admission *admission, char out[TRUST_MESSAGE_MAX])
{
	const struct trust_certificate *certificate =
	    trust_admission_get0_certificate(admission);

	if (certificate != NULL)
		trust_event_describe_certificate(
		    &certificate->thumbprint, certificate->subject, out);
	else
		trust_event_describe_identity(
		    trust_admission_get0_identity(admission), out);
}

static const char *
null_if_empty(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

static enum trust_err
add(struct trust_buf *out, const char *name, const char *text)
{
	enum trust_err r = trust_buf_add(out, name, strlen(name));

	if (r == TRUST_OK && text == NULL)
		return trust_buf_add(out, "null", 4);
	return r == TRUST_OK ? trust_json_encode_text(text, out) : r;
}

/* There are two for each connection that comes and goes: to make an object of
 * them first took a fifth of what a connect takes this plugin. */
static enum trust_err
encode(const struct trust_event *event, struct trust_buf *out)
{
	char when[TRUST_CLOCK_TEXT], client[TRUST_CLIENT_MAX + 1] = "";
	const char *const members[][2] = {
	    {"{\"time\":", trust_clock_format(trust_plugin_now(), when)},
	    {",\"event\":", kinds[event->kind].name},
	    {",\"device\":", event->device},
	    {",\"client\":", client},
	    {",\"address\":", event->address},
	    {",\"reason\":", event->reason},
	    {",\"detail\":", event->detail},
	};
	enum trust_err r = TRUST_OK;

	if (event->client != NULL)
		(void)trust_span_show(
		    trust_span_of(event->client), client, sizeof(client));
	for (size_t i = 0;
	     r == TRUST_OK && i < sizeof(members) / sizeof(members[0]); i++)
		r = add(out, members[i][0], null_if_empty(members[i][1]));
	return r == TRUST_OK ? trust_buf_add(out, "}", 1) : r;
}

static bool
is_for_audit(const struct trust_event *event)
{
	return kinds[event->kind].is_decision ||
	       (event->kind == TRUST_EVENT_DISCONNECTED &&
		   null_if_empty(event->detail) != NULL);
}

void
trust_event_tell(struct trust_events *events, const struct trust_event *event)
{
	struct trust_buf text = {0};
	int rc = MOSQ_ERR_NOMEM;

	if (encode(event, &text) == TRUST_OK) {
		if (events->audit != NULL && is_for_audit(event))
			trust_audit_write(events->audit, (const char *)text.p);
		rc = mosquitto_broker_publish_copy(
		    NULL, TOPIC, (int)text.len, text.p, 1, false, NULL);
	}
	if (rc != MOSQ_ERR_SUCCESS)
		mosquitto_log_printf(MOSQ_LOG_ERR,
		    "mosquitto_trust: an event (%s) is lost (error %d)",
		    kinds[event->kind].name, rc);
	trust_buf_free(&text);
}
