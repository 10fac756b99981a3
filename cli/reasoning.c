/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps and roles on standard output.
 */
#include "reasoning.h"

#include <stdio.h>

const char *const trust_reasoning_revocations[] = {
    "if_present", "require", NULL};

void
trust_reasoning_log(void *arg, enum trust_log_level level, const char *line)
{
	if (level == TRUST_LOG_ERROR || level == TRUST_LOG_WARNING)
		trust_output_error("%s", line);
}

/* A gate that only answers leaves the time to whoever asks. */
enum trust_err
trust_reasoning_floor(const struct trust_gate *gate, const char *registry,
    int64_t *floor, struct trust_message *msg)
{
	const struct trust_registry_held *held = trust_gate_get0_held(gate);
	enum trust_err r = trust_local_read_floor(registry, floor, msg);

	if (r == TRUST_OK && held->this_update > *floor)
		*floor = held->this_update;
	return r;
}

void
trust_reasoning_decide(struct trust_gate *gate, STACK_OF(X509) *stack,
    const char *client_id, int64_t now, struct trust_verdict *verdict,
    struct trust_steps *steps)
{
	struct trust_admission *admission = NULL;

	trust_gate_decide(gate, sk_X509_value(stack, 0), stack, now, verdict,
	    &admission, steps);
	if (client_id != NULL)
		trust_decide_client_id(verdict, client_id, steps);
	trust_admission_free(admission);
}

void
trust_reasoning_print_steps(const struct trust_steps *steps)
{
	static const char *const words[] = {
	    [TRUST_STEP_FACT] = "--",
	    [TRUST_STEP_PASSED] = "ok",
	    [TRUST_STEP_FAILED] = "no",
	};
	static const char *const signs[] = {
	    [TRUST_STEP_FACT] = "·",
	    [TRUST_STEP_PASSED] = "✓",
	    [TRUST_STEP_FAILED] = "✗",
	};
	const char *const *marks =
	    trust_output_is_utf8_terminal() ? signs : words;
	size_t i;

	for (i = 0; i < steps->n; i++)
		printf("%s  %s\n", marks[steps->v[i].kind], steps->v[i].text);
}

void
trust_reasoning_print_roles(const struct trust_verdict *verdict)
{
	size_t i;

	if (verdict->default_role)
		printf("  roles: %s (built in)\n", TRUST_ROLE_DEFAULT);
	else if (verdict->n_roles == 0)
		printf("  roles: none, so no topic is allowed\n");
	else
		for (i = 0; i < verdict->n_roles; i++)
			printf("%s%s%s", i == 0 ? "  roles: " : ", ",
			    verdict->roles[i],
			    i + 1 == verdict->n_roles ? "\n" : "");
}
