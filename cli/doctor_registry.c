/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor asks the gateway's registry why, by the gateway's own code, as
 * `trustctl check` does.
 */
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "reasoning.h"

#define STEP "registry"

/* ---- What mends it ---- */

/* The command for a reason, where there is one. */
static void
mend(struct trust_doctor *doctor, const struct trust_verdict *verdict)
{
	const struct trust_doctor_words *words = &doctor->words;
	struct trust_findings *findings = &doctor->findings;
	char device[TRUST_SHELL_MAX], group[TRUST_SHELL_MAX];

	trust_shell_quote(
	    verdict->device[0] != '\0' ? verdict->device : doctor->own_name,
	    "ID", device);
	switch (verdict->reason) {
	case TRUST_REASON_UNKNOWN_CERTIFICATE:
		trust_findings_mend(findings,
		    "trustctl device add %s --certificate %s -r %s", device,
		    words->cert, words->registry);
		break;
	case TRUST_REASON_THUMBPRINT_MISMATCH:
		trust_findings_mend(findings,
		    "trustctl show device %s -r %s; trustctl thumbprint %s",
		    device, words->registry, words->cert);
		break;
	case TRUST_REASON_DEVICE_DISABLED:
		trust_findings_mend(findings,
		    "trustctl device enable %s -r %s   # when it is known who "
		    "disabled it and why",
		    device, words->registry);
		break;
	case TRUST_REASON_DEVICE_UNKNOWN:
		trust_findings_mend(findings,
		    "trustctl device add %s --group %s -r %s", device,
		    trust_shell_quote(verdict->group, "GROUP", group),
		    words->registry);
		break;
	case TRUST_REASON_BLOCKED_LOCALLY:
		trust_findings_mend(findings,
		    "trustctl unblock %s --host %s --cafile %s --cert OPS.pem "
		    "--key OPS.key   # when it is known who blocked it and why",
		    device, words->host, words->anchor);
		break;
	case TRUST_REASON_CLIENT_ID_MISMATCH:
		trust_findings_mend(findings,
		    "mosquitto_pub -i %s …   # the client id is the device id",
		    device);
		break;
	case TRUST_REASON_REGISTRY_MISSING:
		trust_findings_mend(
		    findings, "trustctl init -r %s", words->registry);
		break;
	case TRUST_REASON_CHAIN_UNTRUSTED:
		trust_findings_mend(findings,
		    "cat SENSOR.pem INTERMEDIATE.pem >CHAIN.pem   # let the "
		    "sensor send its intermediates, as --cert");
		trust_findings_mend(findings,
		    "trustctl list anchor -r %s   # is its CA's root there, "
		    "and in a group?",
		    words->registry);
		break;
	default:
		break;
	}
	if (doctor->own != NULL)
		trust_findings_mend(findings,
		    "trustctl check -r %s%s%s %s   # every step",
		    words->registry,
		    doctor->client_id != NULL ? " --client-id " : "",
		    doctor->client_id != NULL
			? trust_shell_quote(doctor->client_id, "ID", device)
			: "",
		    words->cert);
}

/* ---- When it was here ---- */

static void
tell_seen(
    struct trust_doctor *doctor, struct trust_gate *gate, const char *device)
{
	struct trust_gate_device known;
	char when[TRUST_CLOCK_TEXT], ago[TRUST_CLOCK_TEXT];
	const struct trust_seen *seen = &known.seen;

	if (trust_gate_find_device(gate, device, &known, NULL) != TRUST_OK)
		return;
	if (!known.was_here) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_NOTE,
		    "%s was never let in at this gateway, as far as "
		    "REGISTRY.local tells",
		    device);
		return;
	}
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_NOTE,
	    "%s was let in last at %s, %s ago, from %s, with %s", device,
	    trust_clock_format(seen->at, when),
	    trust_duration_format(
		doctor->now > seen->at ? doctor->now - seen->at : 0, ago),
	    seen->address[0] != '\0' ? seen->address : "an unknown address",
	    known.match == TRUST_MATCH_NONE ? "another certificate"
					    : "what its record has");
}

/* ---- The decision ---- */

/* Whether the gateway has let the certificate through TLS. */
static bool
was_welcomed(const struct trust_doctor *doctor)
{
	return doctor->own_fits && doctor->probe.asked &&
	       doctor->probe.end == TRUST_PROBE_OPEN;
}

static bool
was_refused(const struct trust_doctor *doctor)
{
	return doctor->own_fits && doctor->probe.asked &&
	       doctor->probe.end == TRUST_PROBE_ALERT;
}

static void
tell_allowed(struct trust_doctor *doctor, const struct trust_verdict *verdict)
{
	if (!was_refused(doctor)) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
		    "%s: %s", trust_reason_name(verdict->reason),
		    verdict->device);
		return;
	}
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_WARN,
	    "%s would let %s in (%s), and the gateway does not: its registry "
	    "is another one, its options are, or its clock is",
	    doctor->registry, verdict->device,
	    trust_reason_name(verdict->reason));
	trust_findings_mend(&doctor->findings,
	    "trustctl status --host %s --cafile %s --cert OPS.pem --key "
	    "OPS.key   # which serial does it hold?",
	    doctor->words.host, doctor->words.anchor);
}

static void
tell_denied(struct trust_doctor *doctor, const struct trust_verdict *verdict)
{
	bool at_connect = verdict->reason == TRUST_REASON_CLIENT_ID_MISMATCH;

	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "%s: %s%s%s", trust_reason_name(verdict->reason),
	    verdict->detail[0] != '\0' ? verdict->detail : verdict->device,
	    verdict->detail[0] != '\0' || verdict->device[0] != '\0' ? "; "
								     : "",
	    was_welcomed(doctor) && !at_connect
		? "the gateway lets it in all the same: it has another "
		  "registry, or other options"
		: trust_reason_meaning(verdict->reason));
	mend(doctor, verdict);
}

/* This machine's clock, where it is the gateway's. The time by which one here
 * decides. */
static int64_t
check_clock(struct trust_doctor *doctor, const struct trust_gate *gate)
{
	char now[TRUST_CLOCK_TEXT], text[TRUST_CLOCK_TEXT];
	int64_t floor;

	if (trust_reasoning_floor(gate, doctor->registry, &floor, NULL) !=
		TRUST_OK ||
	    doctor->now >= floor)
		return doctor->now;
	trust_findings_add(&doctor->findings, "clock", TRUST_RESULT_WARN,
	    "this machine's clock, %s, is behind what the registry has proof "
	    "of: a gateway here decides as if it were %s",
	    trust_clock_format(doctor->now, now),
	    trust_clock_format(floor, text));
	trust_findings_mend(&doctor->findings, "sudo timedatectl set-ntp true");
	return floor;
}

/* Without a certificate: what its record says. */
static void
ask(struct trust_doctor *doctor, struct trust_gate *gate, int64_t now,
    struct trust_verdict *verdict)
{
	const char *client_id = trust_doctor_client_id(doctor);
	char device[TRUST_ID_MAX + 1];

	if (doctor->own != NULL)
		trust_reasoning_decide(
		    gate, doctor->own, client_id, now, verdict, NULL);
	else if (trust_identity_client_device(client_id, device))
		trust_gate_explain_device(gate, device, now, verdict, NULL);
}

static void
judge(struct trust_doctor *doctor, struct trust_gate *gate, int64_t now)
{
	struct trust_verdict verdict = {0};

	if (doctor->own == NULL && trust_doctor_client_id(doctor) == NULL) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_NOTE,
		    "nobody to ask about: give --cert and --key, or "
		    "--client-id");
		return;
	}
	ask(doctor, gate, now, &verdict);
	if (verdict.outcome == TRUST_ALLOW)
		tell_allowed(doctor, &verdict);
	else
		tell_denied(doctor, &verdict);
	if (verdict.device[0] != '\0')
		tell_seen(doctor, gate, verdict.device);
	trust_verdict_clear(&verdict);
}

enum trust_err
trust_doctor_ask_registry(
    struct trust_doctor *doctor, struct trust_message *msg)
{
	const struct trust_gate_config config = {
	    .gateway = doctor->gateway,
	    .registry_path = doctor->registry,
	    .revocation = (enum trust_revocation)doctor->revocation,
	    .crl_grace_s = doctor->crl_grace_s,
	    .log = {.write = trust_reasoning_log},
	};
	struct trust_gate *gate = NULL;
	enum trust_err r;

	if (doctor->registry == NULL)
		return TRUST_OK;
	r = trust_gate_open(&config, &gate, msg);
	if (r != TRUST_OK)
		return r;
	judge(doctor, gate, check_clock(doctor, gate));
	trust_gate_close(gate);
	return TRUST_OK;
}
