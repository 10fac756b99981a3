/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following the registry: what changed since the last look.
 */
#include "gate_internal.h"

#include <string.h>

/*
 * The path may have come to lead nowhere, somewhere, or elsewhere. Where it
 * leads nowhere, nobody new comes in; who is connected stays until there is a
 * registry again that says otherwise.
 */
static void
follow_file(struct trust_gate *gate)
{
	struct trust_message msg = {0};

	if (gate->registry != NULL) {
		if (trust_gate_is_same_file(gate))
			return;
		trust_gate_forget_registry(gate);
	}
	if (trust_gate_open_registry(gate, &msg) != TRUST_OK) {
		trust_gate_complain(gate, &msg);
		return;
	}
	gate->reopened = true;
	gate->complaint[0] = '\0';
	trust_gate_open_local(gate);
	trust_log_printf(&gate->config.log, TRUST_LOG_NOTICE,
	    "%s: registry found", gate->config.registry_path);
}

/* What changed, sorted into devices and all that concerns more than one. The
 * names are kept until the registry is done telling: who visits a device asks
 * the registry again. */
struct news {
	struct trust_buf devices; /* ids, a NUL after each */
	bool others;
};

static void
note(void *arg, enum trust_kind kind, const char *id)
{
	struct news *news = arg;

	if (kind != TRUST_KIND_DEVICE ||
	    trust_buf_add(&news->devices, id, strlen(id) + 1) != TRUST_OK)
		news->others = true;
}

static void
visit_all(const struct news *news, void (*visit)(void *arg, const char *device),
    void *arg)
{
	const char *id = (const char *)news->devices.p;
	const char *end = id + news->devices.len;

	for (; id < end; id += strlen(id) + 1)
		visit(arg, id);
}

/* TRUST_ERR_NOT_FOUND: more has changed than can be told. */
static enum trust_err
read_news(struct trust_gate *gate, struct news *news, struct trust_message *msg)
{
	enum trust_err r;

	r = trust_gate_ask_generation(gate, msg);
	if (r == TRUST_OK)
		r = trust_gate_read_age(gate, msg);
	if (r != TRUST_OK || gate->generation == gate->told_generation)
		return r;
	r = trust_registry_changes(
	    gate->registry, gate->told_generation, note, news, msg);
	if (r == TRUST_OK || r == TRUST_ERR_NOT_FOUND)
		gate->told_generation = gate->generation;
	return r;
}

enum trust_gate_news
trust_gate_follow(struct trust_gate *gate,
    void (*visit)(void *arg, const char *device), void *arg)
{
	enum trust_gate_news found = TRUST_GATE_NO_NEWS;
	struct trust_message msg = {0};
	struct news news = {0};
	enum trust_err r;

	follow_file(gate);
	if (gate->reopened) {
		gate->reopened = false;
		return TRUST_GATE_EVERYTHING;
	}
	if (gate->registry == NULL)
		return TRUST_GATE_NO_NEWS;
	r = read_news(gate, &news, &msg);
	if (r == TRUST_ERR_NOT_FOUND || (r == TRUST_OK && news.others)) {
		found = TRUST_GATE_EVERYTHING;
	} else if (r != TRUST_OK) {
		trust_gate_complain(gate, &msg);
	} else if (news.devices.len > 0) {
		found = TRUST_GATE_DEVICES;
		visit_all(&news, visit, arg);
	}
	trust_buf_free(&news.devices);
	return found;
}
