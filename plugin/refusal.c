/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals in the broker's log. What a peer chose (names, client ids) is
 * escaped and cut.
 */
#include "refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker.h"

/* "certificate THUMBPRINT of SUBJECT", or "no certificate". */
static void
describe(X509 *leaf, char out[TRUST_MESSAGE_MAX])
{
	char hex[TRUST_THUMBPRINT_TEXT], subject[TRUST_SHOWN_MAX];
	struct trust_thumbprint thumbprint;

	(void)snprintf(out, TRUST_MESSAGE_MAX, "no certificate");
	if (leaf == NULL ||
	    trust_certificate_thumbprint(leaf, &thumbprint) != TRUST_OK)
		return;
	(void)snprintf(out, TRUST_MESSAGE_MAX, "certificate %s of %s",
	    trust_thumbprint_format(&thumbprint, hex),
	    trust_certificate_show_name(X509_get_subject_name(leaf), subject));
}

static void
write_line(
    enum trust_reason reason, const char *what, X509 *leaf, const char *address)
{
	char who[TRUST_MESSAGE_MAX];

	describe(leaf, who);
	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: refused %s: %s (%s, from %s): %s",
	    trust_reason_name(reason), what, who,
	    address != NULL ? address : "an unknown address",
	    trust_reason_meaning(reason));
}

void
trust_refusal_log(
    const struct trust_verdict *verdict, X509 *leaf, const char *address)
{
	write_line(verdict->reason, verdict->detail, leaf, address);
}

void
trust_refusal_log_client(enum trust_reason reason, const char *client_id,
    X509 *leaf, const char *address, const char *fmt, ...)
{
	char what[TRUST_MESSAGE_MAX], shown[TRUST_SHOWN_MAX];
	char line[2 * TRUST_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)snprintf(line, sizeof(line), "client %s: %s",
	    trust_span_show(trust_span_of(client_id), shown, sizeof(shown)),
	    what);
	write_line(reason, line, leaf, address);
}

void
trust_refusal_log_topic(const struct trust_admission *admission,
    const char *action, const char *topic, const char *address)
{
	const struct trust_certificate *certificate =
	    trust_admission_get0_certificate(admission);
	char shown[TRUST_SHOWN_MAX], hex[TRUST_THUMBPRINT_TEXT];

	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: refused %s: device %s may not %s %s "
	    "(certificate %s of %s, from %s): %s",
	    trust_reason_name(TRUST_REASON_TOPIC_NOT_ALLOWED),
	    trust_admission_get0_verdict(admission)->device, action,
	    trust_span_show(trust_span_of(topic), shown, sizeof(shown)),
	    trust_thumbprint_format(&certificate->thumbprint, hex),
	    certificate->subject,
	    address != NULL ? address : "an unknown address",
	    trust_reason_meaning(TRUST_REASON_TOPIC_NOT_ALLOWED));
}
