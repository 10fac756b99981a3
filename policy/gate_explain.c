/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate, asked about a device that is not there: what its record and this
 * gateway say, as steps.
 */
#include <stdio.h>
#include <string.h>

#include "gate_internal.h"

static void
deny(struct trust_verdict *verdict, enum trust_reason reason)
{
	verdict->outcome = TRUST_DENY;
	verdict->reason = reason;
}

static void
add_thumbprints(const struct trust_thumbprint *v, size_t n, const char *what,
    struct trust_steps *steps)
{
	char hex[TRUST_THUMBPRINT_TEXT];

	for (size_t i = 0; i < n; i++)
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "it comes in with %s %s", what,
		    trust_thumbprint_format(&v[i], hex));
}

static void
add_auth(const struct trust_device *device, struct trust_steps *steps)
{
	char shown[TRUST_SHOWN_MAX];

	if (device->auth == TRUST_AUTH_THUMBPRINT)
		add_thumbprints(device->thumbprints, device->n_thumbprints,
		    "the certificate", steps);
	else if (device->auth == TRUST_AUTH_KEY)
		add_thumbprints(device->pins, device->n_pins,
		    "a certificate of the key", steps);
	else if (device->auth == TRUST_AUTH_CA)
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "it comes in with a chain to an anchor of group %s",
		    device->group);
	else
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "it comes in with the pre-shared key of identity %s",
		    trust_span_show(
			trust_span_of(device->identity), shown, sizeof(shown)));
}

static void
add_seen(struct trust_gate *gate, const char *id, struct trust_steps *steps)
{
	struct trust_seen seen;
	char when[TRUST_CLOCK_TEXT], end[TRUST_CLOCK_TEXT];
	char hex[TRUST_THUMBPRINT_TEXT];

	(void)trust_gate_store_some_seen(gate);
	if (gate->local == NULL ||
	    trust_seen_find(gate->local, id, &seen, NULL) != TRUST_OK) {
		trust_steps_add(
		    steps, TRUST_STEP_FACT, "it was never seen here");
		return;
	}
	if (trust_seen_is_psk(&seen)) {
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "it was here last at %s, from %s, with a pre-shared key",
		    trust_clock_format(seen.at, when),
		    seen.address[0] != '\0' ? seen.address
					    : "an unknown address");
		return;
	}
	trust_steps_add(steps, TRUST_STEP_FACT,
	    "it was here last at %s, from %s, with certificate %s, which ends "
	    "at %s",
	    trust_clock_format(seen.at, when),
	    seen.address[0] != '\0' ? seen.address : "an unknown address",
	    trust_thumbprint_format(&seen.thumbprint, hex),
	    trust_clock_format(seen.not_after, end));
}

static void
deny_for_error(struct trust_verdict *verdict, enum trust_err r,
    const struct trust_message *msg, struct trust_steps *steps)
{
	deny(verdict, TRUST_REASON_INTERNAL_ERROR);
	(void)snprintf(verdict->detail, sizeof(verdict->detail), "%s",
	    msg->text[0] != '\0' ? msg->text : trust_err_text(r));
	trust_steps_add(steps, TRUST_STEP_FAILED, "%s", verdict->detail);
}

static void
judge_block(struct trust_gate *gate, const char *id,
    struct trust_verdict *verdict, struct trust_steps *steps)
{
	struct trust_message msg = {0};
	enum trust_err r;
	bool blocked;

	r = trust_gate_find_block(gate, id, &blocked, &msg);
	if (r != TRUST_OK) {
		deny_for_error(verdict, r, &msg, steps);
	} else if (blocked) {
		deny(verdict, TRUST_REASON_BLOCKED_LOCALLY);
		trust_steps_add(
		    steps, TRUST_STEP_FAILED, "it is blocked at this gateway");
	}
}

static void
add_first_key(
    struct trust_gate *gate, const char *id, struct trust_steps *steps)
{
	struct trust_local_pin pin;
	char hex[TRUST_THUMBPRINT_TEXT];

	if (gate->local == NULL ||
	    trust_local_find_pin(gate->local, id, &pin, NULL) != TRUST_OK)
		return;
	trust_steps_add(steps, TRUST_STEP_FACT, "its first key here was %s",
	    trust_thumbprint_format(&pin.key, hex));
	if (pin.renewed)
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "an enrollment renewed it; it has not come with %s yet",
		    trust_thumbprint_format(&pin.next, hex));
}

/* A gateway that cannot open its key lets nobody in with it. */
static void
judge_key(struct trust_gate *gate, const struct trust_record *record,
    struct trust_verdict *verdict, struct trust_steps *steps)
{
	struct trust_message msg = {0};
	struct trust_secret key;
	enum trust_err r;

	if (record->u.device.auth != TRUST_AUTH_PSK)
		return;
	r = trust_gate_open_key(gate, record, &key, &msg);
	trust_secret_clear(&key);
	if (r == TRUST_OK)
		trust_steps_add(
		    steps, TRUST_STEP_PASSED, "this gateway can open its key");
	else
		deny_for_error(verdict, r, &msg, steps);
}

/* Whether nothing keeps it out whatever it comes with. */
static void
judge(struct trust_gate *gate, const char *id,
    const struct trust_record *record, struct trust_verdict *verdict,
    struct trust_steps *steps)
{
	verdict->outcome = TRUST_ALLOW;
	judge_block(gate, id, verdict, steps);
	if (record == NULL) {
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "it has no record; only a group with automatic "
		    "enrollment would let it in");
		return;
	}
	if (!record->enabled) {
		if (verdict->outcome == TRUST_ALLOW)
			deny(verdict, TRUST_REASON_DEVICE_DISABLED);
		trust_steps_add(
		    steps, TRUST_STEP_FAILED, "its record is disabled");
	} else {
		trust_steps_add(
		    steps, TRUST_STEP_PASSED, "its record is enabled");
	}
	add_auth(&record->u.device, steps);
	if (verdict->outcome == TRUST_ALLOW)
		judge_key(gate, record, verdict, steps);
}

void
trust_gate_explain_device(struct trust_gate *gate, const char *device,
    int64_t now, struct trust_verdict *verdict, struct trust_steps *steps)
{
	enum trust_registry_state state = trust_gate_state(gate, now, false);
	struct trust_record *record = NULL;
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_NOT_FOUND;

	memset(verdict, 0, sizeof(*verdict));
	memcpy(verdict->device, device, strlen(device) + 1);
	if (gate->registry != NULL)
		r = trust_registry_find(
		    gate->registry, TRUST_KIND_DEVICE, device, &record, &msg);
	if (state != TRUST_REGISTRY_STATE_READY) {
		deny(verdict, state == TRUST_REGISTRY_STATE_STALE
				  ? TRUST_REASON_REGISTRY_STALE
				  : TRUST_REASON_REGISTRY_MISSING);
		trust_steps_add(steps, TRUST_STEP_FAILED, "%s",
		    trust_reason_meaning(verdict->reason));
	} else if (r == TRUST_OK || r == TRUST_ERR_NOT_FOUND) {
		judge(gate, device, record, verdict, steps);
	} else {
		deny_for_error(verdict, r, &msg, steps);
	}
	add_first_key(gate, device, steps);
	add_seen(gate, device, steps);
	trust_record_free(record);
}
