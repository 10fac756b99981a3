/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor compares the dates of what the server sent with the clock of this
 * machine.
 */
#include "doctor.h"

#define STEP "times"

/* ---- Dates ---- */

static void
tell_ended(struct trust_doctor *doctor, const char *subject, int64_t not_after,
    bool is_leaf)
{
	char when[TRUST_CLOCK_TEXT], span[TRUST_CLOCK_TEXT];

	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "%s, %s, ended at %s, %s ago by this machine's clock",
	    is_leaf ? "the server's certificate" : "a CA's certificate",
	    subject, trust_clock_format(not_after, when),
	    trust_duration_format(doctor->now - not_after, span));
	if (is_leaf)
		trust_findings_mend(&doctor->findings,
		    "trustctl pki server DIR %s   # or have its CA renew it; "
		    "then certfile, and sudo systemctl reload mosquitto",
		    doctor->words.host);
	else
		trust_findings_mend(&doctor->findings,
		    "certfile /etc/mosquitto/certs/server-chain.pem   # with "
		    "the CA's new certificate in it; then sudo systemctl "
		    "reload mosquitto");
}

static void
tell_early(struct trust_doctor *doctor, const char *subject, int64_t not_before)
{
	char when[TRUST_CLOCK_TEXT], now[TRUST_CLOCK_TEXT];

	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "%s is not valid before %s, and this machine's clock says %s",
	    subject, trust_clock_format(not_before, when),
	    trust_clock_format(doctor->now, now));
	trust_findings_mend(&doctor->findings,
	    "timedatectl   # the clock of this machine, of the sensor, and of "
	    "who made the certificate: one of them is wrong");
}

static void
check_dates(struct trust_doctor *doctor, X509 *x509, bool is_leaf)
{
	char subject[TRUST_SHOWN_MAX], when[TRUST_CLOCK_TEXT];
	int64_t from, until;

	trust_certificate_show_name(X509_get_subject_name(x509), subject);
	if (trust_certificate_time(X509_get0_notBefore(x509), &from) !=
		TRUST_OK ||
	    trust_certificate_time(X509_get0_notAfter(x509), &until) !=
		TRUST_OK) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "%s has dates that are none", subject);
		return;
	}
	if (until < doctor->now)
		tell_ended(doctor, subject, until, is_leaf);
	else if (from > doctor->now)
		tell_early(doctor, subject, from);
	else if (trust_doctor_ends_soon(from, until, doctor->now)) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_WARN,
		    "%s ends soon, at %s", subject,
		    trust_clock_format(until, when));
		trust_findings_mend(&doctor->findings,
		    "trustctl pki server DIR %s   # or have its CA renew it",
		    doctor->words.host);
	}
}

void
trust_doctor_check_times(struct trust_doctor *doctor)
{
	const struct trust_doctor_path *path = &doctor->path;
	char now[TRUST_CLOCK_TEXT], build[TRUST_CLOCK_TEXT];

	if (doctor->probe.sent == NULL)
		return;
	trust_clock_format(doctor->now, now);
	if (doctor->now < TRUST_BUILD_DATE) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "the clock of this machine is wrong: it says %s, before "
		    "this program was made (%s)",
		    now, trust_clock_format(TRUST_BUILD_DATE, build));
		trust_findings_mend(
		    &doctor->findings, "sudo timedatectl set-ntp true");
	}
	for (int i = 0; i < path->n; i++)
		check_dates(doctor, path->v[i], i == 0);
	if (trust_findings_count(&doctor->findings, STEP, TRUST_RESULT_WARN) ==
	    0)
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
		    "all that was sent is valid now; this machine's clock "
		    "says %s",
		    now);
}
