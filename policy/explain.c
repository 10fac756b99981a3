/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decision as JSON.
 */
#include "explain.h"

#include <jansson.h>

#include "clock.h"
#include "json.h"
#include "role.h"

static bool
append_text(json_t *array, const char *text)
{
	return json_array_append_new(array, json_string(text)) == 0;
}

json_t *
trust_explain_roles_json(const struct trust_verdict *verdict)
{
	json_t *roles = json_array();
	bool added = true;

	if (verdict->outcome != TRUST_ALLOW)
		return roles;
	if (verdict->default_role)
		added = append_text(roles, TRUST_ROLE_DEFAULT);
	for (size_t i = 0; i < verdict->n_roles && added; i++)
		added = append_text(roles, verdict->roles[i]);
	if (added)
		return roles;
	json_decref(roles);
	return NULL;
}

json_t *
trust_explain_steps_json(const struct trust_steps *steps)
{
	static const char *const results[] = {
	    [TRUST_STEP_FACT] = "fact",
	    [TRUST_STEP_PASSED] = "passed",
	    [TRUST_STEP_FAILED] = "failed",
	};
	json_t *array = json_array();

	for (size_t i = 0; i < steps->n; i++) {
		if (json_array_append_new(
			array, json_pack("{s:s, s:s}", "result",
				   results[steps->v[i].kind], "text",
				   steps->v[i].text)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *
trust_explain_json(const struct trust_verdict *verdict,
    const struct trust_certificate *certificate,
    const struct trust_steps *steps)
{
	bool allowed = verdict->outcome == TRUST_ALLOW;
	char thumbprint[TRUST_THUMBPRINT_TEXT], pin[TRUST_THUMBPRINT_TEXT];
	char until[TRUST_CLOCK_TEXT] = "";

	trust_thumbprint_format(&certificate->thumbprint, thumbprint);
	trust_thumbprint_format(&certificate->pin, pin);
	if (allowed && verdict->valid_until != TRUST_CLOCK_NEVER)
		trust_clock_format(verdict->valid_until, until);
	return json_pack(
	    "{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o}",
	    "decision", allowed ? "allow" : "deny", "reason",
	    trust_reason_name(verdict->reason), "device",
	    trust_json_text(verdict->device), "group",
	    trust_json_text(verdict->group), "roles",
	    trust_explain_roles_json(verdict), "thumbprint", thumbprint, "pin",
	    pin, "subject", certificate->subject, "valid_until",
	    trust_json_text(until), "detail", trust_json_text(verdict->detail),
	    "steps", trust_explain_steps_json(steps));
}
