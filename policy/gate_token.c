/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and newcomers: a token's record, its uses, and its device.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "decide.h"
#include "gate_enroll.h"
#include "gate_internal.h"
#include "identity.h"
#include "token.h"

/* What a newcomer shows, and what it asked for. */
struct claim {
	const char *token; /* an id, or what is none */
	const struct trust_thumbprint *secret_sha256;
	const struct trust_thumbprint *key; /* NULL: it is not connected yet */
	int64_t now;                        /* the time to decide by */
};

/* ---- The token ---- */

/* In the order in which somebody gets nearer: who does not know the secret
 * learns nothing, for nothing of this reaches a client at CONNECT. */
static bool
check_token(const struct trust_gate *gate, const struct claim *claim,
    const struct trust_record *record, struct trust_verdict *verdict)
{
	static const struct trust_thumbprint none;
	const struct trust_token *token =
	    record != NULL ? &record->u.token : NULL;
	bool knows = trust_thumbprint_equal(claim->secret_sha256,
	    token != NULL ? &token->secret_sha256 : &none);
	char shown[TRUST_SHOWN_MAX], when[TRUST_CLOCK_TEXT];

	trust_span_show(trust_span_of(claim->token), shown, sizeof(shown));
	if (token == NULL)
		return trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_INVALID,
		    "token %s: there is no such token", shown);
	if (!knows)
		return trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_INVALID,
		    "token %s: the secret is another one", shown);
	if (!record->enabled)
		return trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_INVALID, "token %s is disabled", shown);
	if (strcmp(token->gateway, gate->config.gateway) != 0)
		return trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_INVALID, "token %s is for gateway %s",
		    shown, token->gateway);
	if (claim->now > token->expires)
		return trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_EXPIRED, "token %s ended at %s", shown,
		    trust_clock_format(token->expires, when));
	return true;
}

static enum trust_err
check_uses(struct trust_gate *gate, const struct claim *claim,
    const struct trust_token *token, struct trust_verdict *verdict,
    struct trust_message *msg)
{
	const struct trust_token_id id = {claim->token, claim->secret_sha256};
	struct trust_token_uses uses;
	enum trust_err r = trust_gate_want_local_to_write(gate, msg);

	if (r == TRUST_OK)
		r = trust_token_count(gate->local, &id, claim->key, &uses, msg);
	if (r != TRUST_OK)
		return r;
	if (uses.is_finished)
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_INVALID,
		    "token %s: its device has come in with the key that it "
		    "was used for",
		    claim->token);
	else if (uses.n_finished >= token->uses)
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_INVALID,
		    "token %s is used up: %" PRId64 " of %" PRId64
		    " uses are finished",
		    claim->token, uses.n_finished, token->uses);
	return TRUST_OK;
}

/* ---- Its device ---- */

static bool
check_record(const struct trust_record *record, const struct claim *claim,
    struct trust_verdict *verdict)
{
	const char *device = verdict->device;

	if (record == NULL)
		return trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_DEVICE_UNKNOWN,
		    "token %s is for device %s, which is not registered",
		    claim->token, device);
	if (record->u.device.auth != TRUST_AUTH_CA)
		return trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_INVALID,
		    "token %s is for device %s, want one of type ca, which "
		    "comes with certificates",
		    claim->token, device);
	if (!record->enabled)
		return trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_DEVICE_DISABLED, "token %s is for device %s",
		    claim->token, device);
	return true;
}

static enum trust_err
check_device(struct trust_gate *gate, const struct claim *claim,
    struct trust_verdict *verdict, struct trust_message *msg)
{
	struct trust_record *record = NULL;
	enum trust_err r;
	bool blocked;

	r = trust_gate_find_block(gate, verdict->device, &blocked, msg);
	if (r == TRUST_OK && blocked)
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_BLOCKED_LOCALLY, "token %s is for device %s",
		    claim->token, verdict->device);
	if (r != TRUST_OK || blocked)
		return r;
	r = trust_registry_find(
	    gate->registry, TRUST_KIND_DEVICE, verdict->device, &record, msg);
	if (r == TRUST_ERR_NOT_FOUND)
		r = TRUST_OK;
	if (r == TRUST_OK)
		(void)check_record(record, claim, verdict);
	trust_record_free(record);
	return r;
}

/* ---- Deciding ---- */

static enum trust_err
find_token(struct trust_gate *gate, const char *id, struct trust_record **out,
    struct trust_message *msg)
{
	enum trust_err r;

	*out = NULL;
	if (!trust_id_check((const uint8_t *)id, strlen(id)))
		return TRUST_OK;
	r = trust_registry_find(gate->registry, TRUST_KIND_TOKEN, id, out, msg);
	return r == TRUST_ERR_NOT_FOUND ? TRUST_OK : r;
}

/* Within a read. What denies ends it; it began with an allowance. */
static enum trust_err
judge(struct trust_gate *gate, const struct claim *claim,
    struct trust_newcomer *out, struct trust_verdict *verdict,
    struct trust_message *msg)
{
	struct trust_record *record = NULL;
	enum trust_err r = find_token(gate, claim->token, &record, msg);

	verdict->outcome = TRUST_ALLOW;
	if (r != TRUST_OK || !check_token(gate, claim, record, verdict))
		goto out;
	(void)snprintf(verdict->device, sizeof(verdict->device), "%s",
	    record->u.token.device);
	r = check_uses(gate, claim, &record->u.token, verdict, msg);
	if (r == TRUST_OK && verdict->outcome == TRUST_ALLOW)
		r = check_device(gate, claim, verdict, msg);
	if (r != TRUST_OK || verdict->outcome != TRUST_ALLOW || out == NULL)
		goto out;
	memcpy(out->token, claim->token, strlen(claim->token) + 1);
	memcpy(out->device, verdict->device, sizeof(out->device));
	out->secret_sha256 = *claim->secret_sha256;
	out->expires = record->u.token.expires;
out:
	trust_record_free(record);
	return r;
}

static enum trust_err
ask(struct trust_gate *gate, const struct claim *claim,
    struct trust_newcomer *out, struct trust_verdict *verdict,
    struct trust_message *msg)
{
	enum trust_err r = trust_gate_begin_read(gate, msg);

	if (r != TRUST_OK)
		return r;
	r = judge(gate, claim, out, verdict, msg);
	trust_registry_end_read(gate->registry);
	return r;
}

static void
decide(struct trust_gate *gate, const struct claim *claim, bool live,
    struct trust_newcomer *out, struct trust_verdict *verdict)
{
	struct trust_message msg = {0};
	enum trust_err r;

	if (!trust_decide_registry(
		trust_gate_state(gate, claim->now, live), verdict, NULL))
		return;
	r = ask(gate, claim, out, verdict, &msg);
	if (r != TRUST_OK)
		trust_gate_deny_error(verdict, r, &msg);
}

void
trust_gate_decide_newcomer(struct trust_gate *gate, const char *username,
    const char *password, int64_t now, struct trust_newcomer *out,
    struct trust_verdict *verdict)
{
	struct trust_thumbprint secret;
	struct claim claim = {
	    .secret_sha256 = &secret,
	    .now = trust_gate_time(gate, now),
	};
	const struct trust_message msg = {0};
	enum trust_err r;

	*verdict = (struct trust_verdict){0};
	*out = (struct trust_newcomer){0};
	if (!trust_enroll_is_newcomer(username) || password == NULL) {
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_INVALID,
		    "want username token:ID and its secret as the password");
		return;
	}
	claim.token = username + sizeof(TRUST_ENROLL_TOKEN) - 1;
	r = trust_thumbprint_of(trust_span_of(password), &secret);
	if (r == TRUST_OK)
		decide(gate, &claim, false, out, verdict);
	else
		trust_gate_deny_error(verdict, r, &msg);
}

void
trust_gate_review_newcomer(struct trust_gate *gate,
    const struct trust_newcomer *newcomer, int64_t now,
    struct trust_verdict *verdict)
{
	const struct claim claim = {
	    .token = newcomer->token,
	    .secret_sha256 = &newcomer->secret_sha256,
	    .key = newcomer->has_asked ? &newcomer->key : NULL,
	    .now = trust_gate_time(gate, now),
	};

	*verdict = (struct trust_verdict){0};
	decide(gate, &claim, true, NULL, verdict);
}

/* ---- What it may be, and do ---- */

bool
trust_gate_may_newcomer_be(struct trust_gate *gate,
    const struct trust_newcomer *newcomer, const char *client_id)
{
	char device[TRUST_ID_MAX + 1];

	if (trust_identity_client_device(client_id, device) &&
	    strcmp(device, newcomer->device) == 0)
		return true;
	return !trust_gate_is_device(gate, client_id);
}

enum trust_err
trust_gate_newcomer_access(struct trust_gate *gate,
    const struct trust_newcomer *newcomer, struct trust_access **out)
{
	char name[sizeof(TRUST_ENROLL_TOKEN) + TRUST_ID_MAX];
	const struct trust_role_values values = {
	    .device = newcomer->device,
	    .group = "",
	    .gateway = gate->config.gateway,
	    .client = name, /* what its topics bear */
	    .is_newcomer = true,
	};

	(void)snprintf(
	    name, sizeof(name), TRUST_ENROLL_TOKEN "%s", newcomer->token);
	return trust_access_new(&values, NULL, 0, out);
}
