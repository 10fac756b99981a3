/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and requests for certificates: for which device, on whose word.
 */
#include <string.h>

#include "gate_enroll.h"
#include "gate_internal.h"
#include "token.h"

void
trust_enrollment_clear(struct trust_enrollment *enrollment)
{
	trust_enroll_request_clear(&enrollment->request);
	*enrollment = (struct trust_enrollment){0};
}

/* ---- The device ---- */

/* Where its group looks for its id; where none does, the CN is as good as any
 * other. */
static enum trust_identity
identity_of(const struct trust_absentee *a)
{
	return a->set != NULL ? a->set->group->identity : TRUST_IDENTITY_CN;
}

/* A session that would no longer be let in gets nothing in its last moment. */
static enum trust_err
find_device(struct trust_gate *gate, const char *device,
    struct trust_enrollment *out, struct trust_verdict *verdict,
    struct trust_message *msg)
{
	struct trust_absentee a = {0};
	enum trust_reason reason;
	enum trust_err r = trust_gate_begin_read(gate, msg);

	if (r != TRUST_OK)
		return r;
	r = trust_gate_find_absentee(gate, device, &a, msg);
	if (r == TRUST_OK && !trust_gate_absentee_may_return(&a, &reason)) {
		(void)trust_verdict_deny(
		    verdict, NULL, reason, "the device may not come in itself");
	} else if (r == TRUST_OK) {
		memcpy(out->device, device, strlen(device) + 1);
		out->identity = identity_of(&a);
	} else if (r == TRUST_ERR_NOT_FOUND) {
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_DEVICE_UNKNOWN,
		    "the device is not registered any more");
		r = TRUST_OK;
	}
	trust_registry_end_read(gate->registry);
	trust_record_free(a.record);
	return r;
}

/* ---- The token ---- */

static enum trust_err
find_uses(struct trust_gate *gate, const struct trust_newcomer *newcomer,
    int64_t *uses, struct trust_message *msg)
{
	struct trust_record *record = NULL;
	enum trust_err r = trust_registry_find(
	    gate->registry, TRUST_KIND_TOKEN, newcomer->token, &record, msg);

	*uses = r == TRUST_OK ? record->u.token.uses : 0;
	trust_record_free(record);
	return r;
}

/* On this key, for good. The client may ask for the same again and again. */
static enum trust_err
spend(struct trust_gate *gate, struct trust_newcomer *newcomer,
    const struct trust_thumbprint *key, struct trust_verdict *verdict,
    struct trust_message *msg)
{
	const struct trust_token_id id = {
	    newcomer->token, &newcomer->secret_sha256};
	enum trust_err r;
	int64_t uses;

	r = find_uses(gate, newcomer, &uses, msg);
	if (r == TRUST_OK)
		r = trust_gate_want_local_to_write(gate, msg);
	if (r == TRUST_OK)
		r = trust_token_spend(
		    gate->local, &id, uses, newcomer->device, key, msg);
	if (r == TRUST_ERR_CONFLICT) {
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_TOKEN_INVALID,
		    "every use of the token is spent on another key");
		return TRUST_OK;
	}
	if (r != TRUST_OK)
		return r;
	newcomer->key = *key;
	newcomer->has_asked = true;
	return TRUST_OK;
}

/* ---- The whole ---- */

static enum trust_err
decide(struct trust_gate *gate, const struct trust_enroll_asker *asker,
    struct trust_span bytes, struct trust_enrollment *out,
    struct trust_verdict *verdict, struct trust_message *msg)
{
	enum trust_reason reason;
	enum trust_err r;

	r = trust_enroll_request_read(bytes, &out->request, &reason, msg);
	if (r == TRUST_ERR_INPUT) {
		(void)trust_verdict_deny(
		    verdict, NULL, reason, "%s", msg->text);
		return TRUST_OK;
	}
	if (r == TRUST_OK)
		r = find_device(gate,
		    asker->newcomer != NULL ? asker->newcomer->device
					    : asker->admission->verdict.device,
		    out, verdict, msg);
	if (r == TRUST_OK && verdict->outcome == TRUST_ALLOW &&
	    asker->newcomer != NULL)
		r = spend(
		    gate, asker->newcomer, &out->request.key, verdict, msg);
	return r;
}

void
trust_gate_decide_request(struct trust_gate *gate,
    const struct trust_enroll_asker *asker, struct trust_span bytes,
    int64_t now, struct trust_enrollment *out, struct trust_verdict *verdict)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_OK;

	*out = (struct trust_enrollment){0};
	*verdict = (struct trust_verdict){.outcome = TRUST_ALLOW};
	if (asker->newcomer != NULL)
		trust_gate_review_newcomer(gate, asker->newcomer, now, verdict);
	else if (gate->registry == NULL)
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_REGISTRY_MISSING,
		    "there is no registry that could be asked");
	else if (asker->admission->certificate == NULL)
		(void)trust_verdict_deny(verdict, NULL,
		    TRUST_REASON_NO_CERTIFICATE,
		    "the device came with a pre-shared key, want a certificate "
		    "to renew");
	if (verdict->outcome == TRUST_ALLOW)
		r = decide(gate, asker, bytes, out, verdict, &msg);
	if (r != TRUST_OK)
		trust_gate_deny_error(verdict, r, &msg);
	if (verdict->outcome != TRUST_ALLOW)
		trust_enrollment_clear(out);
}

/* ---- What becomes of them ---- */

static enum trust_err
pins_first(struct trust_gate *gate, const char *device, bool *out,
    struct trust_message *msg)
{
	struct trust_absentee a = {0};
	enum trust_err r = trust_gate_begin_read(gate, msg);

	*out = false;
	if (r != TRUST_OK)
		return r;
	r = trust_gate_find_absentee(gate, device, &a, msg);
	*out = r == TRUST_OK && a.set != NULL && a.set->group->pin_first;
	trust_registry_end_read(gate->registry);
	trust_record_free(a.record);
	return r == TRUST_ERR_NOT_FOUND ? TRUST_OK : r;
}

enum trust_err
trust_gate_renew_pin(struct trust_gate *gate, const char *device,
    const struct trust_thumbprint *key, struct trust_message *msg)
{
	bool wanted = false;
	enum trust_err r = gate->registry != NULL
			       ? pins_first(gate, device, &wanted, msg)
			       : TRUST_OK;

	if (r != TRUST_OK || !wanted)
		return r;
	r = trust_gate_want_local_to_write(gate, msg);
	if (r == TRUST_OK)
		r = trust_local_renew_pin(gate->local, device, key, msg);
	gate->blocks++; /* the one before may have been let in so far */
	return r;
}

enum trust_err
trust_gate_finish_enrollment(struct trust_gate *gate,
    const struct trust_admission *admission, bool *any,
    struct trust_message *msg)
{
	*any = false;
	if (!trust_gate_keeps_local(gate) || admission->certificate == NULL)
		return TRUST_OK;
	return trust_token_finish(gate->local, admission->verdict.device,
	    &admission->certificate->pin, any, msg);
}
