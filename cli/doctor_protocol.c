/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor tries which TLS versions and ciphers the server takes: it may be
 * too old for new sensors, or too new for old ones.
 */
#include <stdio.h>
#include <string.h>

#include "doctor.h"

#define STEP "protocol"

static const struct version {
	enum trust_probe_version number;
	const char *name;
} versions[] = {
    {TRUST_PROBE_TLS_1_0, "1.0"},
    {TRUST_PROBE_TLS_1_1, "1.1"},
    {TRUST_PROBE_TLS_1_2, "1.2"},
    {TRUST_PROBE_TLS_1_3, "1.3"},
};

#define N_VERSIONS (sizeof(versions) / sizeof(versions[0]))

/* What the server takes. */
struct taken {
	bool versions[N_VERSIONS];
	char cipher[TRUST_SHOWN_MAX]; /* that it chose in TLS 1.2 */
	bool good;                    /* good ciphers in TLS 1.2 */
	bool today; /* what OpenSSL's clients offer by themselves */
};

/* Whether it takes that: it shows its certificate. Nobody's is shown to it. */
static enum trust_err
try(const struct trust_doctor *doctor, enum trust_probe_version version,
    enum trust_probe_ciphers ciphers, bool *takes, char *cipher,
    struct trust_message *msg)
{
	struct trust_probe_want want = trust_doctor_want(doctor);
	struct trust_probe probe;
	enum trust_err r;

	want.version = version;
	want.ciphers = ciphers;
	want.certificates = NULL;
	want.waits = false;
	r = trust_probe_run(&want, &probe, msg);
	*takes = r == TRUST_OK && probe.sent != NULL;
	if (*takes && cipher != NULL)
		snprintf(cipher, TRUST_SHOWN_MAX, "%s", probe.cipher);
	trust_probe_clear(&probe);
	return r;
}

static enum trust_err
try_all(const struct trust_doctor *doctor, struct taken *taken,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	char *cipher;

	for (size_t i = 0; i < N_VERSIONS && r == TRUST_OK; i++) {
		cipher = versions[i].number == TRUST_PROBE_TLS_1_2
			     ? taken->cipher
			     : NULL;
		r = try(doctor, versions[i].number, TRUST_PROBE_CIPHERS_ALL,
		    &taken->versions[i], cipher, msg);
	}
	if (r == TRUST_OK && taken->versions[2])
		r = try(doctor, TRUST_PROBE_TLS_1_2, TRUST_PROBE_CIPHERS_GOOD,
		    &taken->good, NULL, msg);
	if (r == TRUST_OK)
		r = try(doctor, TRUST_PROBE_TLS_ANY, TRUST_PROBE_CIPHERS_TODAY,
		    &taken->today, NULL, msg);
	return r;
}

/* "1.2, 1.3" */
static void
list(const struct taken *taken, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < N_VERSIONS; i++) {
		if (taken->versions[i])
			len += (size_t)snprintf(out + len, size - len, "%s%s",
			    len > 0 ? ", " : "", versions[i].name);
	}
}

static void
mend(struct trust_doctor *doctor)
{
	trust_findings_mend(&doctor->findings,
	    "grep -n 'tls_version\\|ciphers' /etc/mosquitto/mosquitto.conf   "
	    "# on the gateway: take these lines out, then restart it");
	trust_findings_mend(&doctor->findings,
	    "mosquitto -h | head -1; openssl version   # and is it kept up to "
	    "date?");
}

static void
judge(struct trust_doctor *doctor, const struct taken *taken)
{
	const struct trust_probe *probe = &doctor->probe;
	char all[32];

	list(taken, all, sizeof(all));
	if (!taken->versions[2] && !taken->versions[3]) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "the server takes TLS %s alone; today's clients begin at "
		    "1.2 (RFC 8996)",
		    all);
		mend(doctor);
	} else if (!taken->today) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "the server takes TLS %s, and none of the ciphers that "
		    "OpenSSL's clients offer: it wants %s",
		    all, probe->cipher);
		mend(doctor);
	} else if (taken->versions[2] && !taken->good) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_WARN,
		    "in TLS 1.2 the server takes old ciphers alone, such as "
		    "%s: clients that keep to RFC 9325 do not offer them%s",
		    taken->cipher,
		    taken->versions[3] ? ", and come with 1.3 or not at all"
				       : "");
		mend(doctor);
	} else if (taken->versions[3] && !taken->versions[2])
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_NOTE,
		    "the server takes TLS 1.3 alone: a sensor whose library "
		    "ends at 1.2 does not get in");
	else
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
		    "the server takes TLS %s%s", all,
		    taken->versions[0] || taken->versions[1]
			? "; what is below 1.2 should go (RFC 8996)"
			: "");
}

enum trust_err
trust_doctor_check_protocol(
    struct trust_doctor *doctor, struct trust_message *msg)
{
	struct taken taken = {0};
	enum trust_err r;

	if (doctor->probe.sent == NULL)
		return TRUST_OK;
	r = try_all(doctor, &taken, msg);
	if (r == TRUST_OK)
		judge(doctor, &taken);
	return r;
}
