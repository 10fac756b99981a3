/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events about sessions: who it is comes from the session.
 */
#include <stdio.h>

#include "plugin.h"

void
trust_session_event_tell(struct trust_plugin *plugin,
    const struct trust_session *session, enum trust_event_kind kind,
    const char *reason, const char *detail)
{
	/* A newcomer is no device yet. */
	struct trust_event event = {
	    .kind = kind,
	    .device = session->newcomer == NULL ? session->device : NULL,
	    .client = session->client_id,
	    .address = session->address,
	    .reason = reason,
	    .detail = detail,
	};

	if (session->kind != TRUST_SESSION_GUEST)
		trust_event_tell(plugin->events, &event);
}

void
trust_session_event_tell_connected(
    struct trust_plugin *plugin, const struct trust_session *session)
{
	const struct trust_verdict *verdict =
	    trust_admission_get0_verdict(session->admission);
	char detail[TRUST_MESSAGE_MAX];

	trust_event_describe_admission(session->admission, detail);
	trust_session_event_tell(plugin, session, TRUST_EVENT_CONNECTED,
	    trust_reason_name(verdict->reason), detail);
}

void
trust_session_event_tell_newcomer(
    struct trust_plugin *plugin, const struct trust_session *session)
{
	char detail[TRUST_MESSAGE_MAX];

	(void)snprintf(detail, sizeof(detail),
	    "a newcomer with token %s, to enroll device %s",
	    session->newcomer->token, session->newcomer->device);
	trust_session_event_tell(
	    plugin, session, TRUST_EVENT_CONNECTED, NULL, detail);
}

void
trust_session_event_tell_takeover(struct trust_plugin *plugin,
    const struct trust_session *old, const struct trust_admission *admission,
    const char *address)
{
	char detail[3 * TRUST_MESSAGE_MAX];
	char whose[TRUST_MESSAGE_MAX], before[TRUST_MESSAGE_MAX];

	trust_event_describe_admission(admission, whose);
	trust_event_describe_admission(old->admission, before);
	(void)snprintf(detail, sizeof(detail),
	    "a new connection from %s takes its place, with %s; the old one "
	    "came with %s",
	    address != NULL ? address : "an unknown address", whose, before);
	trust_session_event_tell(
	    plugin, old, TRUST_EVENT_TAKEOVER, NULL, detail);
}
