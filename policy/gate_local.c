/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and REGISTRY.local: who is blocked, and what is done while nobody
 * can tell. A gateway that keeps the file lets nobody in without it; who only
 * asks reads it where there is one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gate_internal.h"

/* ---- Opening ---- */

static void
tell_opened(struct trust_gate *gate)
{
	int64_t n;

	if (trust_block_count(gate->local, &n, NULL) == TRUST_OK)
		trust_log_printf(&gate->config.log, TRUST_LOG_NOTICE,
		    "%s.local: devices blocked at this gateway: %" PRId64,
		    gate->config.registry_path, n);
}

/* For tools that are asked about this gateway: what is not written there is not
 * missed here. */
static void
sign(struct trust_gate *gate)
{
	struct trust_message msg = {0};

	if (gate->config.remember &&
	    trust_local_put_gateway(gate->local, gate->config.gateway, &msg) !=
		TRUST_OK)
		trust_gate_complain(gate, &msg);
}

enum trust_err
trust_gate_open_local(struct trust_gate *gate, struct trust_message *msg)
{
	enum trust_local_mode mode =
	    gate->config.remember ? TRUST_LOCAL_MAKE : TRUST_LOCAL_READ;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_local_open(
	    gate->config.registry_path, mode, &gate->local, msg);
	if (r == TRUST_OK) {
		tell_opened(gate);
		sign(gate);
	}
	return r;
}

bool
trust_gate_keeps_local(const struct trust_gate *gate)
{
	return gate->config.remember && gate->local != NULL;
}

/* ---- Trouble ---- */

/* Once for each new one: a tick comes ten times a second. */
static void
tell_trouble(struct trust_gate *gate, const char *trouble)
{
	if (strcmp(gate->local_trouble.text, trouble) == 0)
		return;
	if (trouble[0] != '\0')
		trust_log_printf(
		    &gate->config.log, TRUST_LOG_ERROR, "%s", trouble);
	else
		trust_log_printf(&gate->config.log, TRUST_LOG_NOTICE,
		    "%s.local: in order again", gate->config.registry_path);
	(void)trust_err_set(&gate->local_trouble, TRUST_OK, "%s", trouble);
}

void
trust_gate_follow_local(struct trust_gate *gate)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (!gate->config.remember)
		return;
	if (gate->local == NULL)
		r = trust_gate_open_local(gate, &msg);
	else
		r = trust_local_check_place(gate->local, &msg);
	tell_trouble(gate,
	    r == TRUST_OK ? trust_local_get0_trouble(gate->local) : msg.text);
}

enum trust_err
trust_gate_want_local(const struct trust_gate *gate, struct trust_message *msg)
{
	if (gate->local != NULL || !gate->config.remember)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_IO,
	    "nobody can tell who is blocked at this gateway: %s",
	    gate->local_trouble.text[0] != '\0' ? gate->local_trouble.text
						: "REGISTRY.local is missing");
}

enum trust_err
trust_gate_want_local_to_write(
    const struct trust_gate *gate, struct trust_message *msg)
{
	enum trust_err r = trust_gate_want_local(gate, msg);

	if (r == TRUST_OK && !gate->config.remember)
		r = trust_err_set(msg, TRUST_ERR_IO, "%s.local: only read here",
		    gate->config.registry_path);
	return r;
}

/* ---- Who is blocked ---- */

enum trust_err
trust_gate_find_block(struct trust_gate *gate, const char *device,
    bool *blocked, struct trust_message *msg)
{
	enum trust_err r = trust_gate_want_local(gate, msg);

	*blocked = false;
	if (r != TRUST_OK || gate->local == NULL)
		return r;
	r = trust_block_find(gate->local, device, msg);
	*blocked = r == TRUST_OK;
	return r == TRUST_ERR_NOT_FOUND ? TRUST_OK : r;
}

enum trust_err
trust_gate_change_blocks(struct trust_gate *gate, struct trust_block_change *v,
    size_t n, struct trust_message *msg)
{
	enum trust_err r = trust_gate_want_local_to_write(gate, msg);

	if (r != TRUST_OK)
		return r;
	r = trust_block_change(gate->local, v, n, msg);
	gate->blocks++;
	return r;
}

/* ---- For people ---- */

void
trust_gate_describe_local(
    struct trust_gate *gate, struct trust_gate_status *out)
{
	out->n_blocked = 0;
	if (trust_gate_want_local(gate, NULL) != TRUST_OK ||
	    (gate->local != NULL && trust_block_count(gate->local,
					&out->n_blocked, NULL) != TRUST_OK))
		out->n_blocked = -1;
	out->local_trouble = gate->local_trouble.text;
}

void
trust_gate_tell_local(struct trust_gate *gate, struct trust_steps *steps)
{
	int64_t n;

	if (steps != NULL && gate->local != NULL &&
	    trust_block_count(gate->local, &n, NULL) == TRUST_OK)
		trust_steps_add(steps, TRUST_STEP_FACT,
		    "who is blocked stands in %s.local: devices: %" PRId64,
		    gate->config.registry_path, n);
}
