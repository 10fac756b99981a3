/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor tells what the gateway said to the client's certificate. In TLS
 * 1.3 that comes after the handshake, which has gone well by then for all that
 * the client can see: most sensors show no more than a lost connection.
 */
#include <stdio.h>
#include <string.h>

#include "alert.h"
#include "doctor.h"

#define STEP "answer"

/* Alerts that have words or a mend of their own. */
#define HANDSHAKE_FAILURE    40
#define CERTIFICATE_EXPIRED  45
#define CERTIFICATE_REQUIRED 116

/* Whether it sent a certificate and was asked for one. */
static bool
came_with_one(const struct trust_doctor *doctor)
{
	return doctor->own_fits && doctor->probe.asked;
}

static void
tell_required(struct trust_doctor *doctor)
{
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "the gateway wants a client certificate, and none was shown (TLS "
	    "alert %d, %s)",
	    doctor->probe.alert, trust_alert_get0(doctor->probe.alert)->name);
	trust_findings_mend(&doctor->findings,
	    "trustctl doctor --host %s --port %d --anchor %s --cert "
	    "SENSOR.pem --key SENSOR.key   # and the sensor as well",
	    doctor->words.host, doctor->port, doctor->words.anchor);
}

/* Whose clock is wrong? Nothing of what the client sends has ended here. */
static void
tell_clocks(struct trust_doctor *doctor)
{
	char now[TRUST_CLOCK_TEXT];
	int64_t from, until;
	X509 *x509;

	for (int i = 0; i < sk_X509_num(doctor->own); i++) {
		x509 = sk_X509_value(doctor->own, i);
		if (trust_certificate_time(X509_get0_notBefore(x509), &from) !=
			TRUST_OK ||
		    trust_certificate_time(X509_get0_notAfter(x509), &until) !=
			TRUST_OK ||
		    doctor->now < from || doctor->now > until)
			return;
	}
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_NOTE,
	    "by this machine's clock, %s, all that the client sends is valid: "
	    "the gateway's clock says something else, or a CA that the client "
	    "does not send has ended",
	    trust_clock_format(doctor->now, now));
}

static void
tell_alert(struct trust_doctor *doctor)
{
	const struct trust_alert *alert = trust_alert_get0(doctor->probe.alert);

	if (!came_with_one(doctor) &&
	    (doctor->probe.alert == CERTIFICATE_REQUIRED ||
		doctor->probe.alert == HANDSHAKE_FAILURE)) {
		tell_required(doctor);
		return;
	}
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "the gateway refuses: TLS alert %d, %s%s: %s", doctor->probe.alert,
	    alert->name,
	    doctor->probe.finished
		? ", after a handshake that has gone well so far"
		: "",
	    alert->meaning);
	if (alert->mend != NULL)
		trust_findings_mend(&doctor->findings, "%s", alert->mend);
	if (doctor->registry == NULL && doctor->own_fits)
		trust_findings_mend(&doctor->findings,
		    "trustctl check -r REGISTRY %s   # where the gateway's "
		    "registry is: every step of the decision",
		    doctor->words.cert);
	if (doctor->probe.alert == CERTIFICATE_EXPIRED)
		tell_clocks(doctor);
}

static void
tell_end(struct trust_doctor *doctor)
{
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL, "%s: %s",
	    doctor->probe.end == TRUST_PROBE_CLOSED
		? "the server ends the connection without a reason"
		: "the handshake breaks off",
	    doctor->probe.error);
	trust_findings_mend(&doctor->findings,
	    "tail /var/log/mosquitto/mosquitto.log   # on the gateway");
}

static void
tell_unasked(struct trust_doctor *doctor)
{
	if (!doctor->own_fits)
		return;
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_WARN,
	    "the gateway asks for no certificate on port %d: the client's is "
	    "not even looked at",
	    doctor->port);
	trust_findings_mend(&doctor->findings,
	    "require_certificate true   # in mosquitto.conf, under listener "
	    "%d; then restart it",
	    doctor->port);
}

static void
tell_open(struct trust_doctor *doctor)
{
	if (!doctor->probe.asked)
		tell_unasked(doctor);
	else if (!doctor->own_fits)
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_NOTE,
		    "the gateway asks for a certificate, and goes on without "
		    "one");
	else
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
		    "the gateway takes the client's certificate");
}

void
trust_doctor_check_answer(struct trust_doctor *doctor)
{
	const struct trust_probe *probe = &doctor->probe;

	if (probe->sent == NULL)
		return;
	switch (probe->end) {
	case TRUST_PROBE_OPEN:
		tell_open(doctor);
		break;
	case TRUST_PROBE_ALERT:
		tell_alert(doctor);
		break;
	case TRUST_PROBE_SILENT:
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_NOTE,
		    "the server says neither yes nor no to the certificate "
		    "within %d s",
		    doctor->timeout_s);
		break;
	default:
		tell_end(doctor);
		break;
	}
}
