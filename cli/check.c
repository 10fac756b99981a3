/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl check: what the gateway would decide about a certificate, and
 * every step that led there.
 */
#include <stdio.h>
#include <string.h>

#include "certfile.h"
#include "commands.h"
#include "options.h"
#include "reasoning.h"

/* The command line, and what came of it. */
struct check {
	const char *registry;
	const char *client_id; /* or NULL: up to CONNECT */
	const char *gateway;
	const char *chain;
	int revocation;
	int64_t crl_grace_s;
	int64_t at; /* TRUST_CLOCK_NEVER: by the clock */
	bool json;
	struct trust_certificate *certificate;
	struct trust_verdict verdict;
	struct trust_steps steps;
};

/* ---- The decision ---- */

/* The clock's, as the gateway reads it; or the one that was asked about. */
static enum trust_err
find_time(struct check *check, const struct trust_gate *gate, int64_t *now,
    struct trust_message *msg)
{
	char clock[TRUST_CLOCK_TEXT], proved[TRUST_CLOCK_TEXT];
	int64_t floor;
	enum trust_err r;

	*now = check->at;
	if (check->at != TRUST_CLOCK_NEVER)
		return TRUST_OK;
	*now = trust_options_now();
	r = trust_reasoning_floor(gate, check->registry, &floor, msg);
	if (r != TRUST_OK || *now >= floor)
		return r;
	trust_steps_add(&check->steps, TRUST_STEP_FACT,
	    "the clock says %s, which is behind what there is proof of: "
	    "decided as if it were %s",
	    trust_clock_format(*now, clock), trust_clock_format(floor, proved));
	*now = floor;
	return TRUST_OK;
}

static enum trust_err
decide(struct check *check, STACK_OF(X509) *stack, struct trust_message *msg)
{
	const struct trust_gate_config config = {
	    .gateway = check->gateway,
	    .registry_path = check->registry,
	    .revocation = (enum trust_revocation)check->revocation,
	    .crl_grace_s = check->crl_grace_s,
	    .log = {.write = trust_reasoning_log},
	};
	struct trust_gate *gate = NULL;
	enum trust_err r = trust_gate_open(&config, &gate, msg);
	int64_t now;

	if (r == TRUST_OK)
		r = find_time(check, gate, &now, msg);
	if (r == TRUST_OK)
		trust_reasoning_decide(gate, stack, check->client_id, now,
		    &check->verdict, &check->steps);
	trust_gate_close(gate);
	return r;
}

static enum trust_err
answer(struct check *check, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;

	if ((r = trust_certfile_load(check->chain, &stack, msg)) != TRUST_OK)
		goto out;
	r = trust_certificate_new(
	    sk_X509_value(stack, 0), &check->certificate, msg);
	if (r != TRUST_OK) {
		r = trust_err_prefix(msg, r, "%s", check->chain);
		goto out;
	}
	r = decide(check, stack, msg);
out:
	sk_X509_pop_free(stack, X509_free);
	return r;
}

/* ---- For people ---- */

static void
print_text(const struct check *check)
{
	const struct trust_verdict *verdict = &check->verdict;
	bool allowed = verdict->outcome == TRUST_ALLOW;
	const char *name = trust_reason_name(verdict->reason);
	char until[TRUST_CLOCK_TEXT];

	trust_reasoning_print_steps(&check->steps);
	printf("%s: %s: %s\n", allowed ? "allow" : "deny", name,
	    allowed                      ? verdict->device
	    : verdict->detail[0] != '\0' ? verdict->detail
					 : check->certificate->subject);
	printf("  %s\n", trust_reason_meaning(verdict->reason));
	if (!allowed)
		return;
	if (verdict->group[0] != '\0')
		printf("  group: %s\n", verdict->group);
	trust_reasoning_print_roles(verdict);
	printf(
	    "  until: %s\n", trust_clock_format(verdict->valid_until, until));
}

static int
run(struct check *check)
{
	struct trust_message msg = {0};
	enum trust_err r = answer(check, &msg);
	int status = TRUST_EXIT_NO;

	if (r == TRUST_OK && check->json)
		r = trust_output_json(trust_explain_json(&check->verdict,
					  check->certificate, &check->steps),
		    &msg);
	else if (r == TRUST_OK)
		print_text(check);
	if (r != TRUST_OK)
		status = trust_output_failure(r, &msg);
	else if (check->verdict.outcome == TRUST_ALLOW)
		status = TRUST_EXIT_YES;
	trust_certificate_free(check->certificate);
	trust_verdict_clear(&check->verdict);
	trust_steps_free(&check->steps);
	return status;
}

static const char about[] =
    "Tell what the gateway would decide about a certificate, and every\n"
    "step that led there. The first certificate of the file is the device's\n"
    "own, the rest is what it would send with it.\n";

int
trust_check_run(int argc, char **argv)
{
	struct check check = {
	    .gateway = TRUST_REASONING_GATEWAY,
	    .crl_grace_s = TRUST_CRL_GRACE_DEFAULT_S,
	    .at = TRUST_CLOCK_NEVER,
	};
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&check.registry),
	    {.name = "client-id",
		.argument = "ID",
		.help = "the MQTT client id to connect with",
		.text = &check.client_id},
	    TRUST_REASONING_OPTIONS(check),
	    TRUST_OPTION_AT(&check.at),
	    TRUST_OPTION_JSON(&check.json),
	};
	const struct trust_usage usage = {
	    .command = "check",
	    .arguments = "CHAIN.pem",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	check.chain = args.v[0];
	return run(&check);
}
