/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision. Each function is one step of the interface's order.
 */
#include "decide.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envelope.h"
#include "identity.h"

static void
set_id(char out[TRUST_ID_MAX + 1], const char *id)
{
	(void)snprintf(out, TRUST_ID_MAX + 1, "%s", id != NULL ? id : "");
}

/* ---- Step 1: the registry ---- */

bool
trust_decide_registry(enum trust_registry_state state,
    struct trust_verdict *out, struct trust_steps *steps)
{
	switch (state) {
	case TRUST_REGISTRY_STATE_READY:
		return true;
	case TRUST_REGISTRY_STATE_STALE:
		return trust_verdict_deny(out, steps,
		    TRUST_REASON_REGISTRY_STALE,
		    "the registry is older than max_offline allows");
	case TRUST_REGISTRY_STATE_MISSING:
		break;
	}
	return trust_verdict_deny(out, steps, TRUST_REASON_REGISTRY_MISSING,
	    "there is no registry that could be asked");
}

/* ---- Step 2: pinned devices ---- */

/* Whether it may come in at all, whatever it proves itself with. */
static bool
check_standing(const struct trust_record *device, bool blocked,
    struct trust_verdict *out, struct trust_steps *steps)
{
	if (blocked)
		return trust_verdict_deny(out, steps,
		    TRUST_REASON_BLOCKED_LOCALLY,
		    "device %s is blocked at this gateway", device->id);
	if (!device->enabled)
		return trust_verdict_deny(out, steps,
		    TRUST_REASON_DEVICE_DISABLED, "device %s is disabled",
		    device->id);
	return true;
}

static bool
check_dates(const struct trust_certificate *certificate, int64_t now,
    struct trust_verdict *out, struct trust_steps *steps)
{
	char when[TRUST_CLOCK_TEXT], at[TRUST_CLOCK_TEXT];

	(void)trust_clock_format(now, at);
	if (now < certificate->not_before)
		return trust_verdict_deny(out, steps,
		    TRUST_REASON_CERTIFICATE_NOT_YET_VALID,
		    "the device's certificate (%s): it is valid from %s, it "
		    "is %s (RFC 5280 section 4.1.2.5)",
		    certificate->subject,
		    trust_clock_format(certificate->not_before, when), at);
	if (now > certificate->not_after)
		return trust_verdict_deny(out, steps,
		    TRUST_REASON_CERTIFICATE_EXPIRED,
		    "the device's certificate (%s): it ended at %s, it is %s "
		    "(RFC 5280 section 4.1.2.5)",
		    certificate->subject,
		    trust_clock_format(certificate->not_after, when), at);
	trust_steps_add(steps, TRUST_STEP_PASSED,
	    "the certificate is valid until %s",
	    trust_clock_format(certificate->not_after, when));
	return true;
}

static bool
check_strength(const struct trust_certificate *certificate,
    struct trust_verdict *out, struct trust_steps *steps)
{
	if (certificate->key_strength >= TRUST_STRENGTH_MIN) {
		trust_steps_add(steps, TRUST_STEP_PASSED,
		    "the key is strong enough (%s)", certificate->key_type);
		return true;
	}
	return trust_verdict_deny(out, steps, TRUST_REASON_KEY_TOO_WEAK,
	    "the device's certificate (%s): want a key with %d bits of "
	    "security (RSA 2048, P-256, Ed25519 and up; RFC 5280 section "
	    "4.1.2.7), got %s with %d",
	    certificate->subject, TRUST_STRENGTH_MIN, certificate->key_type,
	    certificate->key_strength);
}

static enum trust_err
decide_pinned(const struct trust_facts *facts,
    const struct trust_certificate *certificate, int64_t now,
    struct trust_verdict *out, struct trust_steps *steps)
{
	bool by_thumbprint = facts->by_thumbprint != NULL;
	const struct trust_record *record =
	    by_thumbprint ? facts->by_thumbprint : facts->by_pin;
	const struct trust_device *device = &record->u.device;

	set_id(out->device, record->id);
	out->registered = true;
	trust_steps_add(steps, TRUST_STEP_FACT, "device %s has this %s",
	    record->id, by_thumbprint ? "thumbprint" : "key");
	if (!check_standing(record, facts->blocked, out, steps))
		return TRUST_OK;
	out->valid_until = TRUST_CLOCK_NEVER;
	if (device->ignore_validity) {
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "its record says not to look at the dates");
	} else {
		if (!check_dates(certificate, now, out, steps))
			return TRUST_OK;
		out->valid_until = certificate->not_after;
	}
	if (!check_strength(certificate, out, steps))
		return TRUST_OK;
	out->client_id = trust_verdict_client_id(device, NULL);
	out->outcome = TRUST_ALLOW;
	out->reason = by_thumbprint ? TRUST_REASON_THUMBPRINT_MATCH
				    : TRUST_REASON_KEY_MATCH;
	return trust_verdict_set_roles(out, device, NULL);
}

/* ---- Step 3: a registered name with another certificate ---- */

/* "…A1B2": enough to tell two thumbprints apart by eye. */
static const char *
tail(const struct trust_thumbprint *thumbprint, char out[8])
{
	(void)snprintf(out, 8, "…%02X%02X",
	    thumbprint->b[TRUST_THUMBPRINT_LEN - 2],
	    thumbprint->b[TRUST_THUMBPRINT_LEN - 1]);
	return out;
}

static void
deny_namesake(const struct trust_record *record,
    const struct trust_certificate *certificate, struct trust_verdict *out,
    struct trust_steps *steps)
{
	const struct trust_device *device = &record->u.device;
	bool pinned = device->auth == TRUST_AUTH_KEY;
	const char *what = pinned ? "key" : "certificate";
	char theirs[8], ours[8];

	set_id(out->device, record->id);
	out->registered = true;
	(void)trust_verdict_deny(out, steps, TRUST_REASON_THUMBPRINT_MISMATCH,
	    "%s is registered with another %s (%s), this one is %s", record->id,
	    what,
	    tail(pinned ? &device->pins[0] : &device->thumbprints[0], ours),
	    tail(
		pinned ? &certificate->pin : &certificate->thumbprint, theirs));
}

/* ---- Steps 5 to 7: a chain through a group ---- */

/* Octets of the words for a place in a path. */
#define PLACE_MAX 40

/* How far a certificate got with one group: the greater, the nearer it came
 * to be allowed. Of several groups the nearest gives the reason. */
enum progress {
	PROGRESS_CHAIN = 0, /* plus trust_chain_rank */
	PROGRESS_IDENTITY = 100,
	PROGRESS_GROUP = 101,
	PROGRESS_PIN = 102,
	PROGRESS_BLOCKED = 103,
	PROGRESS_DISABLED = 104,
	PROGRESS_UNKNOWN = 105,
	PROGRESS_ALLOWED = 106,
};

/* What one group says. */
struct attempt {
	unsigned progress;
	enum trust_reason reason;
	char device[TRUST_ID_MAX + 1];
	char detail[TRUST_MESSAGE_MAX];
};

static void fail(struct attempt *a, unsigned progress, enum trust_reason reason,
    const char *fmt, ...) TRUST_PRINTF(4, 5);

static void
fail(struct attempt *a, unsigned progress, enum trust_reason reason,
    const char *fmt, ...)
{
	va_list ap;

	a->progress = progress;
	a->reason = reason;
	va_start(ap, fmt);
	(void)vsnprintf(a->detail, sizeof(a->detail), fmt, ap);
	va_end(ap);
}

/* The first rule of step 5 that is broken, by the chain or by what the group
 * wants of the device's certificate. */
static void
break_rule(
    struct attempt *a, bool *broken, enum trust_reason reason, const char *text)
{
	if (*broken && trust_chain_rank(a->reason) <= trust_chain_rank(reason))
		return;
	*broken = true;
	fail(a, PROGRESS_CHAIN + trust_chain_rank(reason), reason, "%s", text);
}

/* The same, about the device's certificate. */
static void break_leaf_rule(struct attempt *a, bool *broken,
    enum trust_reason reason, const struct trust_certificate *certificate,
    const char *fmt, ...) TRUST_PRINTF(5, 6);

static void
break_leaf_rule(struct attempt *a, bool *broken, enum trust_reason reason,
    const struct trust_certificate *certificate, const char *fmt, ...)
{
	char rule[TRUST_DETAIL_MAX];
	char text[TRUST_SHOWN_MAX + TRUST_DETAIL_MAX + 32];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(rule, sizeof(rule), fmt, ap);
	va_end(ap);
	(void)snprintf(text, sizeof(text), "the device's certificate (%s): %s",
	    certificate->subject, rule);
	break_rule(a, broken, reason, text);
}

static void
check_usage(const struct trust_candidate *c,
    const struct trust_certificate *certificate, struct attempt *a,
    bool *broken)
{
	if (certificate->is_ca)
		break_leaf_rule(a, broken, TRUST_REASON_PURPOSE_NOT_ALLOWED,
		    certificate,
		    "it is a CA's, not a device's (RFC 5280 section 4.2.1.9)");
	if (c->group->require_client_auth_eku &&
	    !certificate->has_client_auth_eku)
		break_leaf_rule(a, broken, TRUST_REASON_PURPOSE_NOT_ALLOWED,
		    certificate,
		    "the group wants the extended key usage clientAuth (RFC "
		    "5280 section 4.2.1.12)");
}

static void
check_validity(const struct trust_candidate *c,
    const struct trust_certificate *certificate, struct attempt *a,
    bool *broken)
{
	int64_t max = c->group->max_validity_s, length;
	char want[TRUST_CLOCK_TEXT], got[TRUST_CLOCK_TEXT];

	/* No dates, no length: the chain was refused for that. */
	if (certificate->not_before == TRUST_CLOCK_NEVER ||
	    certificate->not_after == INT64_MIN)
		return;
	length = certificate->not_after - certificate->not_before;
	if (max > 0 && length > max)
		break_leaf_rule(a, broken, TRUST_REASON_VALIDITY_TOO_LONG,
		    certificate,
		    "the group wants at most %s, it is for %s (RFC 5280 "
		    "section 4.1.2.5)",
		    trust_duration_format(max, want),
		    trust_duration_format(length, got));
}

/* Several CAs of a path can have one name: the depth tells them apart. */
static void
describe_place(const struct trust_chain *chain, char out[PLACE_MAX])
{
	if (chain->depth == 0)
		(void)snprintf(out, PLACE_MAX, "the device's certificate");
	else
		(void)snprintf(out, PLACE_MAX, "the CA certificate at depth %d",
		    chain->depth);
}

static bool
check_chain(const struct trust_candidate *c,
    const struct trust_certificate *certificate, struct attempt *a)
{
	const struct trust_chain *chain = c->chain;
	bool broken = false;

	if (!chain->valid) {
		char text[TRUST_MESSAGE_MAX], who[PLACE_MAX];

		describe_place(chain, who);
		(void)snprintf(text, sizeof(text), "%s (%.*s): %s", who,
		    TRUST_SHOWN_MAX, chain->subject, chain->detail);
		break_rule(a, &broken, chain->reason, text);
		if (chain->reason == TRUST_REASON_CHAIN_UNTRUSTED)
			return false;
	}
	check_usage(c, certificate, a, &broken);
	check_validity(c, certificate, a, &broken);
	return !broken;
}

static bool
check_identity(const struct trust_candidate *c,
    const struct trust_certificate *certificate, struct attempt *a)
{
	const char *kind = trust_identity_name(c->group->identity);
	enum trust_reason reason;
	bool matches = !c->group->has_match;

	if (!trust_identity_read(
		certificate, c->group->identity, a->device, &reason)) {
		fail(a, PROGRESS_IDENTITY, reason,
		    "want exactly one %s that is a device id, got %s", kind,
		    reason == TRUST_REASON_IDENTITY_MISSING ? "none"
		    : reason == TRUST_REASON_IDENTITY_AMBIGUOUS
			? "several"
			: "other characters");
		return false;
	}
	for (size_t i = 0; i < c->group->match.n && !matches; i++)
		matches = trust_id_match(c->group->match.v[i], a->device);
	if (!matches) {
		fail(a, PROGRESS_GROUP, TRUST_REASON_IDENTITY_NOT_IN_GROUP,
		    "no pattern of the group matches %s", a->device);
		return false;
	}
	return true;
}

/* The record is there, and of this group. */
static bool
check_group(const struct trust_candidate *c, struct attempt *a)
{
	const struct trust_record *record = c->device;

	if (record->u.device.auth != TRUST_AUTH_CA) {
		fail(a, PROGRESS_GROUP, TRUST_REASON_IDENTITY_NOT_IN_GROUP,
		    "device %s is registered, and for no group", record->id);
		return false;
	}
	if (strcmp(record->u.device.group, c->group_id) != 0) {
		fail(a, PROGRESS_GROUP, TRUST_REASON_IDENTITY_NOT_IN_GROUP,
		    "device %s is registered for group %s, not for %s, which "
		    "vouches for the chain",
		    record->id, record->u.device.group, c->group_id);
		return false;
	}
	return true;
}

static bool
check_record(const struct trust_candidate *c, struct attempt *a)
{
	const struct trust_record *record = c->device;

	if (record != NULL && !check_group(c, a))
		return false;
	if (c->other_key) {
		fail(a, PROGRESS_PIN, TRUST_REASON_THUMBPRINT_MISMATCH,
		    "device %s came with another key first, and its group "
		    "admits that alone; trustctl unpin lets another one in",
		    a->device);
		return false;
	}
	if (c->blocked) {
		fail(a, PROGRESS_BLOCKED, TRUST_REASON_BLOCKED_LOCALLY,
		    "device %s is blocked at this gateway", a->device);
		return false;
	}
	if (record != NULL && !record->enabled) {
		fail(a, PROGRESS_DISABLED, TRUST_REASON_DEVICE_DISABLED,
		    "device %s is disabled", record->id);
		return false;
	}
	if (record == NULL && !c->group->automatic) {
		fail(a, PROGRESS_UNKNOWN, TRUST_REASON_DEVICE_UNKNOWN,
		    "no device %s is registered, and the group wants one",
		    a->device);
		return false;
	}
	return true;
}

static void
try_group(const struct trust_candidate *c,
    const struct trust_certificate *certificate, struct attempt *a,
    struct trust_steps *steps)
{
	memset(a, 0, sizeof(*a));
	if (c->chain->crl_stale)
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "group %s: a CRL of the path is past its nextUpdate",
		    c->group_id);
	if (c->group->pin_first)
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "group %s: of each device a gateway admits the key alone "
		    "that it came with first (pin first)",
		    c->group_id);
	if (check_chain(c, certificate, a) &&
	    check_identity(c, certificate, a) && check_record(c, a)) {
		a->progress = PROGRESS_ALLOWED;
		a->reason = c->device != NULL ? TRUST_REASON_CHAIN_REGISTERED
					      : TRUST_REASON_CHAIN_ENROLLED;
		trust_steps_add(steps, TRUST_STEP_PASSED,
		    "group %s: the chain is good, and %s is %s", c->group_id,
		    a->device, c->device != NULL ? "registered" : "enrolled");
		return;
	}
	trust_steps_add(steps, TRUST_STEP_FAILED, "group %s: %s: %s",
	    c->group_id, trust_reason_name(a->reason), a->detail);
}

static enum trust_err
allow_chain(const struct trust_candidate *c, const struct attempt *a,
    struct trust_verdict *out)
{
	const struct trust_device *device =
	    c->device != NULL ? &c->device->u.device : NULL;

	set_id(out->device, a->device);
	set_id(out->group, c->group_id);
	out->registered = device != NULL;
	out->client_id = trust_verdict_client_id(device, c->group);
	out->pin_first = c->group->pin_first;
	out->valid_until = c->chain->valid_until;
	out->outcome = TRUST_ALLOW;
	out->reason = a->reason;
	return trust_verdict_set_roles(out, device, c->group);
}

/* Tries every group, and keeps the one that came nearest. Two groups that
 * would allow different devices allow none. */
static enum trust_err
decide_chain(const struct trust_facts *facts,
    const struct trust_certificate *certificate, struct trust_verdict *out,
    struct trust_steps *steps)
{
	const struct trust_candidate *nearest = NULL;
	struct attempt best = {0}, a;

	for (size_t i = 0; i < facts->n_candidates; i++) {
		const struct trust_candidate *c = &facts->candidates[i];

		try_group(c, certificate, &a, steps);
		if (a.progress == PROGRESS_ALLOWED &&
		    best.progress == PROGRESS_ALLOWED &&
		    strcmp(a.device, best.device) != 0) {
			(void)trust_verdict_deny(out, steps,
			    TRUST_REASON_IDENTITY_AMBIGUOUS,
			    "group %s would let it in as %s, group %s as %s",
			    nearest->group_id, best.device, c->group_id,
			    a.device);
			return TRUST_OK;
		}
		if (nearest == NULL || a.progress > best.progress) {
			nearest = c;
			best = a;
		}
	}
	if (nearest == NULL) {
		(void)trust_verdict_deny(out, steps,
		    TRUST_REASON_CHAIN_UNTRUSTED,
		    "no group has an anchor that it could lead to (issuer %s)",
		    certificate->issuer);
		return TRUST_OK;
	}
	if (best.progress == PROGRESS_ALLOWED)
		return allow_chain(nearest, &best, out);
	set_id(out->device, best.device);
	set_id(out->group, nearest->group_id);
	(void)trust_verdict_deny(out, NULL, best.reason, "%s", best.detail);
	return TRUST_OK;
}

/* ---- Pre-shared keys: steps 1 and 2 without a certificate ---- */

bool
trust_decide_needs_key(const struct trust_psk_facts *facts)
{
	return facts->state == TRUST_REGISTRY_STATE_READY &&
	       facts->device != NULL && facts->device->enabled &&
	       !facts->blocked;
}

static void
deny_identity(const char *identity, struct trust_verdict *out)
{
	char shown[TRUST_SHOWN_MAX];

	(void)trust_verdict_deny(out, NULL, TRUST_REASON_DEVICE_UNKNOWN,
	    "no device has the PSK identity %s",
	    trust_span_show(trust_span_of(identity), shown, sizeof(shown)));
}

enum trust_err
trust_decide_psk(const struct trust_psk_facts *facts, struct trust_verdict *out)
{
	const struct trust_record *record = facts->device;

	memset(out, 0, sizeof(*out));
	if (!trust_decide_registry(facts->state, out, NULL))
		return TRUST_OK;
	if (record == NULL) {
		deny_identity(facts->identity, out);
		return TRUST_OK;
	}
	set_id(out->device, record->id);
	out->registered = true;
	if (!check_standing(record, facts->blocked, out, NULL))
		return TRUST_OK;
	if (facts->key_len < TRUST_SECRET_MIN) {
		(void)trust_verdict_deny(out, NULL, TRUST_REASON_KEY_TOO_WEAK,
		    "device %s: want a pre-shared key of %d octets and more, "
		    "got %zu",
		    record->id, TRUST_SECRET_MIN, facts->key_len);
		return TRUST_OK;
	}
	out->valid_until = TRUST_CLOCK_NEVER;
	out->client_id = trust_verdict_client_id(&record->u.device, NULL);
	out->outcome = TRUST_ALLOW;
	out->reason = TRUST_REASON_KEY_MATCH;
	return trust_verdict_set_roles(out, &record->u.device, NULL);
}

/* ---- Step 8: CONNECT ---- */

void
trust_decide_client_id(struct trust_verdict *verdict, const char *client_id,
    struct trust_steps *steps)
{
	char device[TRUST_ID_MAX + 1], shown[TRUST_SHOWN_MAX];

	if (verdict->outcome != TRUST_ALLOW)
		return;
	(void)trust_span_show(trust_span_of(client_id), shown, sizeof(shown));
	if (trust_identity_check_client_id(
		verdict->device, verdict->client_id, client_id)) {
		trust_steps_add(steps, TRUST_STEP_PASSED,
		    "client id %s is the device's", shown);
		return;
	}
	set_id(device, verdict->device);
	if (verdict->client_id == TRUST_CLIENT_ID_PREFIX)
		(void)trust_verdict_deny(verdict, steps,
		    TRUST_REASON_CLIENT_ID_MISMATCH,
		    "want the client id %s or %s/MODULE, got %s", device,
		    device, shown);
	else
		(void)trust_verdict_deny(verdict, steps,
		    TRUST_REASON_CLIENT_ID_MISMATCH,
		    "want the client id %s, got %s", device, shown);
}

/* ---- */

bool
trust_decide_needs_chain(const struct trust_facts *facts)
{
	return facts->state == TRUST_REGISTRY_STATE_READY &&
	       facts->by_thumbprint == NULL && facts->by_pin == NULL &&
	       facts->namesake == NULL && !facts->self_signed;
}

enum trust_err
trust_decide(const struct trust_facts *facts,
    const struct trust_certificate *certificate, int64_t now,
    struct trust_verdict *out, struct trust_steps *steps)
{
	enum trust_err r = TRUST_OK;

	memset(out, 0, sizeof(*out));
	if (!trust_decide_registry(facts->state, out, steps))
		return TRUST_OK;
	if (facts->by_thumbprint != NULL || facts->by_pin != NULL) {
		r = decide_pinned(facts, certificate, now, out, steps);
	} else if (facts->namesake != NULL) {
		deny_namesake(facts->namesake, certificate, out, steps);
	} else if (facts->self_signed) {
		(void)trust_verdict_deny(out, steps,
		    TRUST_REASON_UNKNOWN_CERTIFICATE,
		    "it is self-signed, and no device has its thumbprint or "
		    "key");
	} else {
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "no device has its thumbprint or key; a chain may vouch "
		    "for it");
		r = decide_chain(facts, certificate, out, steps);
	}
	if (r != TRUST_OK)
		trust_verdict_clear(out);
	return r;
}
