/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRLs past their nextUpdate: told when it begins, when the grace ends, and,
 * in the log, when it is over.
 */
#include <stdio.h>

#include "plugin.h"

static void
describe(const struct trust_plugin *plugin, const struct trust_gate_crl *crl,
    char out[TRUST_MESSAGE_MAX])
{
	char next[TRUST_CLOCK_TEXT], until[TRUST_CLOCK_TEXT];
	bool stale = crl->state == TRUST_GATE_CRL_STALE;
	int len;

	if (crl->next_update == INT64_MIN)
		len = snprintf(out, TRUST_MESSAGE_MAX,
		    "CRL %s of %s has no nextUpdate that can be read (RFC 5280 "
		    "section 5.1.2.5)",
		    crl->id, crl->issuer);
	else
		len = snprintf(out, TRUST_MESSAGE_MAX,
		    "CRL %s of %s is past its nextUpdate %s%s", crl->id,
		    crl->issuer, trust_clock_format(crl->next_update, next),
		    stale ? "" : " and the grace");
	if (len < 0 || len >= TRUST_MESSAGE_MAX)
		return;
	if (stale)
		(void)snprintf(out + len, TRUST_MESSAGE_MAX - (size_t)len,
		    "; it counts until %s",
		    trust_clock_format(crl->counts_until, until));
	else if (crl->next_update == INT64_MIN)
		(void)snprintf(out + len, TRUST_MESSAGE_MAX - (size_t)len,
		    "; devices below that CA are refused");
	else
		(void)snprintf(out + len, TRUST_MESSAGE_MAX - (size_t)len, "%s",
		    plugin->options.revocation == TRUST_REVOCATION_REQUIRE
			? "; devices below that CA are refused (revocation "
			  "require)"
			: "; going on as if that CA had none, but for whom it "
			  "lists (revocation if_present)");
}

static void
tell(void *arg, const struct trust_gate_crl *crl)
{
	struct trust_plugin *plugin = arg;
	char text[TRUST_MESSAGE_MAX];

	if (crl->state == TRUST_GATE_CRL_CURRENT) {
		mosquitto_log_printf(MOSQ_LOG_NOTICE,
		    "mosquitto_trust: CRL %s is late no more", crl->id);
		return;
	}
	describe(plugin, crl, text);
	mosquitto_log_printf(MOSQ_LOG_WARNING, "mosquitto_trust: %s", text);
	trust_event_tell(plugin->events,
	    &(struct trust_event){.kind = TRUST_EVENT_STALE,
		.reason = trust_reason_name(TRUST_REASON_REVOCATION_UNKNOWN),
		.detail = text});
}

void
trust_crl_event_tell_all(struct trust_plugin *plugin, int64_t now)
{
	const struct trust_gate_crl_visitor visitor = {
	    .tell = tell, .arg = plugin};

	trust_gate_check_crls(plugin->gate, now, &visitor);
}
