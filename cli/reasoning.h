/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What led to a decision, for people: `trustctl check`, `topic` and `doctor`.
 */
#ifndef TRUST_REASONING_H
#define TRUST_REASONING_H

#include "options.h"
#include "output.h"

/* The gateway's id unless its configuration is told of. */
#define TRUST_REASONING_GATEWAY "gateway"

/* By enum trust_revocation. */
extern const char *const trust_reasoning_revocations[];

/* The gateway's options that bear on a decision. `to` has the members
 * gateway, revocation (an int) and crl_grace_s. */
#define TRUST_REASONING_OPTIONS(to)                                \
	{.name = "gateway",                                        \
	    .argument = "ID",                                      \
	    .help = "the gateway's id, its option gateway",        \
	    .text = &(to).gateway},                                \
	    {.name = "revocation",                                 \
		.argument = "if_present|require",                  \
		.help = "the gateway's option revocation",         \
		.choice = &(to).revocation,                        \
		.choices = trust_reasoning_revocations},           \
	{                                                          \
		.name = "crl-grace", .argument = "DURATION",       \
		.help = "the gateway's option crl_grace; else 7d", \
		.duration = &(to).crl_grace_s                      \
	}

/* A trust_log's write, for a gate that only answers: errors and warnings, on
 * standard error. */
void trust_reasoning_log(
    void *arg, enum trust_log_level level, const char *line);

/*
 * The time floor below which a gateway with this registry does not decide: what
 * is beside the registry and, of a replica, what it holds have proof of, and
 * the build's date. `gate` has it open.
 */
enum trust_err trust_reasoning_floor(const struct trust_gate *gate,
    const char *registry, int64_t *floor,
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Ask the gate, cold, about what a client would send: its own certificate
 * first. `client_id` may be NULL: up to CONNECT. The caller clears the
 * verdict; `steps` may be NULL, and then what is remembered may answer.
 */
void trust_reasoning_decide(struct trust_gate *gate, STACK_OF(X509) *stack,
    const char *client_id, int64_t now, struct trust_verdict *verdict,
    struct trust_steps *steps);

/* A line a step: what was found, what was met, what was not. */
void trust_reasoning_print_steps(const struct trust_steps *steps);

/* "  roles: …", of an allowance. */
void trust_reasoning_print_roles(const struct trust_verdict *verdict);

#endif
