/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's own certificates: each is told of once, when a listener shows
 * it, whoever has issued it and brought it there.
 */
#include <stdio.h>

#include "plugin.h"

struct look {
	struct trust_plugin *plugin;
	bool silent;      /* with these the gateway's memory begins */
	enum trust_err r; /* the first error */
};

static void
tell(struct trust_plugin *plugin, X509 *x509,
    const struct trust_enroll_response *facts)
{
	char hex[TRUST_THUMBPRINT_TEXT], when[TRUST_CLOCK_TEXT];
	char subject[TRUST_SHOWN_MAX], detail[TRUST_MESSAGE_MAX];

	(void)snprintf(detail, sizeof(detail),
	    "server certificate %s of %s, serial number %s, until %s",
	    trust_thumbprint_format(&facts->thumbprint, hex),
	    trust_certificate_show_name(X509_get_subject_name(x509), subject),
	    facts->serial, trust_clock_format(facts->not_after, when));
	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: a listener shows another %s", detail);
	trust_event_tell(
	    plugin->events, &(struct trust_event){.kind = TRUST_EVENT_ENROLLED,
				.detail = detail});
}

static void
visit(void *arg, X509 *x509)
{
	struct look *look = arg;
	struct trust_enroll_response facts;
	bool news = false;

	/* One that cannot be read is not told of, and keeps none from it. */
	if (look->r != TRUST_OK ||
	    trust_enroll_response_describe(x509, &facts, NULL) != TRUST_OK)
		return;
	look->r = trust_gate_remember_server(
	    look->plugin->gate, &facts.thumbprint, &news, NULL);
	if (news && !look->silent)
		tell(look->plugin, x509, &facts);
}

/* While there is no REGISTRY.local nobody can tell whether it is another: that
 * has been said, and the next look comes. */
void
trust_server_event_tell_all(struct trust_plugin *plugin)
{
	struct look look = {.plugin = plugin};
	bool any = false;

	if (!trust_handshake_server_is_due(plugin->shown))
		return;
	look.r = trust_gate_has_server(plugin->gate, &any, NULL);
	look.silent = !any;
	if (look.r == TRUST_OK)
		trust_handshake_server_walk(plugin->shown, visit, &look);
	trust_handshake_server_settle(plugin->shown, look.r != TRUST_OK);
}
