/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sync did and what it refused: a line in the log, and an event.
 */
#include "plugin.h"

static void
tell(struct trust_plugin *plugin, enum trust_event_kind kind,
    const char *reason, const char *detail)
{
	const struct trust_event event = {
	    .kind = kind,
	    .reason = reason,
	    .detail = detail,
	};

	trust_event_tell(plugin->events, &event);
}

void
trust_sync_event_applied(void *arg, const char *text)
{
	trust_plugin_log(NULL, TRUST_LOG_NOTICE, text);
	tell(arg, TRUST_EVENT_APPLIED, NULL, text);
}

void
trust_sync_event_refused(
    void *arg, enum trust_sync_reason reason, const char *text)
{
	const char *name = trust_sync_reason_name(reason);
	/* A part that another gateway of the scope asked for is daily
	 * business. */
	bool daily = reason == TRUST_SYNC_UNSOLICITED;

	mosquitto_log_printf(daily ? MOSQ_LOG_DEBUG : MOSQ_LOG_WARNING,
	    "mosquitto_trust: sync refused %s: %s: %s", name, text,
	    trust_sync_reason_meaning(reason));
	if (reason == TRUST_SYNC_MASS_REMOVAL_HELD)
		tell(arg, TRUST_EVENT_MASS_REMOVAL_HELD, name, text);
	else if (!daily)
		tell(arg, TRUST_EVENT_SYNC_REFUSED, name, text);
}
