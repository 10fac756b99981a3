/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command explain: what the gateway decides about a certificate, or about
 * a device with the one that it is connected with, and every step that led
 * there.
 */
#include "command_call.h"

static json_t *
explain_stack(const struct trust_call *call, X509 *leaf,
    STACK_OF(X509) *untrusted, struct trust_message *msg)
{
	struct trust_certificate *certificate = NULL;
	struct trust_admission *admission = NULL;
	struct trust_verdict verdict;
	struct trust_steps steps = {0};
	json_t *data;

	if (trust_certificate_new(leaf, &certificate, msg) != TRUST_OK)
		return NULL;
	trust_gate_decide(call->plugin->gate, leaf, untrusted,
	    trust_plugin_now(), &verdict, &admission, &steps);
	data = trust_explain_json(&verdict, certificate, &steps);
	trust_steps_free(&steps);
	trust_admission_free(admission);
	trust_verdict_clear(&verdict);
	trust_certificate_free(certificate);
	return data;
}

static json_t *
explain_certificate(
    const struct trust_call *call, const char *pem, struct trust_message *msg)
{
	STACK_OF(X509) *stack = NULL;
	json_t *data = NULL;

	if (trust_certificate_parse_pem(trust_span_of(pem), &stack, msg) ==
	    TRUST_OK)
		data = explain_stack(call, sk_X509_value(stack, 0), stack, msg);
	else
		(void)trust_err_prefix(msg, TRUST_ERR_INPUT, "certificate");
	sk_X509_pop_free(stack, X509_free);
	return data;
}

/* With the certificates that a session keeps. */
static json_t *
explain_session(const struct trust_call *call,
    const struct trust_session *session, struct trust_message *msg)
{
	X509 *leaf = NULL;
	json_t *data = NULL;

	if (trust_certificate_parse_der(
		trust_buf_get0(&session->admission->leaf), &leaf, msg) ==
	    TRUST_OK)
		data = explain_stack(
		    call, leaf, session->admission->untrusted, msg);
	X509_free(leaf);
	return data;
}

static json_t *
explain_absent(const struct trust_call *call, const char *device)
{
	struct trust_verdict verdict;
	struct trust_steps steps = {0};
	json_t *data;
	bool allowed;

	trust_gate_explain_device(
	    call->plugin->gate, device, trust_plugin_now(), &verdict, &steps);
	allowed = verdict.outcome == TRUST_ALLOW;
	data = json_pack("{s:s, s:o, s:s, s:o}", "decision",
	    allowed ? "depends" : "deny", "reason",
	    trust_json_text(allowed ? "" : trust_reason_name(verdict.reason)),
	    "device", device, "steps", trust_explain_steps_json(&steps));
	trust_steps_free(&steps);
	trust_verdict_clear(&verdict);
	return data;
}

static json_t *
explain_device(const struct trust_call *call, const char *device,
    struct trust_message *msg)
{
	const struct trust_session *session =
	    trust_session_find_live(call->plugin->sessions, device);

	if (session != NULL &&
	    trust_admission_get0_certificate(session->admission) != NULL)
		return explain_session(call, session, msg);
	return explain_absent(call, device);
}

json_t *
trust_command_explain(const struct trust_call *call, struct trust_message *msg)
{
	const char *pem = trust_call_get0_text(call, "certificate", "", msg);
	const char *device;

	if (pem == NULL)
		return NULL;
	if (pem[0] != '\0')
		return explain_certificate(call, pem, msg);
	device = trust_call_get0_device(call, msg);
	return device != NULL ? explain_device(call, device, msg) : NULL;
}
