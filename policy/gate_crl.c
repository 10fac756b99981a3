/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and its CRLs: which of them are past their nextUpdate, told once.
 */
#include <stdlib.h>
#include <string.h>

#include "gate_internal.h"

/* A CRL that was told not to be current. */
struct trust_gate_late_crl {
	char id[TRUST_ID_MAX + 1];
	enum trust_gate_crl_state state;
	bool met; /* in the present look */
	UT_hash_handle hh;
};

static enum trust_gate_crl_state
state_of(const struct trust_gate *gate, const struct trust_sets_crl *crl,
    int64_t now)
{
	if (now <= crl->next_update)
		return TRUST_GATE_CRL_CURRENT;
	if (crl->next_update != INT64_MIN &&
	    now <= crl->next_update + gate->config.crl_grace_s)
		return TRUST_GATE_CRL_STALE;
	return TRUST_GATE_CRL_OVERDUE;
}

/* One look at all of them. */
struct look {
	struct trust_gate *gate;
	const struct trust_gate_crl_visitor *visitor;
	int64_t now;
};

static void
tell(const struct look *look, const char *id, const struct trust_sets_crl *crl,
    enum trust_gate_crl_state state)
{
	struct trust_gate_crl about = {.id = id, .state = state};

	if (crl != NULL) {
		(void)trust_certificate_show_name(
		    X509_CRL_get_issuer(crl->crl), about.issuer);
		about.next_update = crl->next_update;
		about.counts_until =
		    crl->next_update == INT64_MIN
			? INT64_MIN
			: crl->next_update + look->gate->config.crl_grace_s;
	}
	look->visitor->tell(look->visitor->arg, &about);
}

/* Without memory it is told at a later look. */
static struct trust_gate_late_crl *
remember(struct trust_gate *gate, const char *id)
{
	struct trust_gate_late_crl *late = calloc(1, sizeof(*late));

	if (late == NULL)
		return NULL;
	memcpy(late->id, id, strlen(id) + 1);
	HASH_ADD_STR(gate->late_crls, id, late);
	if (late->hh.tbl == NULL) {
		free(late);
		return NULL;
	}
	return late;
}

static void
look_at(void *arg, const struct trust_sets_crl *crl)
{
	const struct look *look = arg;
	struct trust_gate *gate = look->gate;
	enum trust_gate_crl_state state = state_of(gate, crl, look->now);
	struct trust_gate_late_crl *late;

	if (look->now < crl->counts_from || look->now >= crl->counts_until)
		return;
	gate->n_crls[state]++;
	if (state == TRUST_GATE_CRL_CURRENT)
		return;
	HASH_FIND_STR(gate->late_crls, crl->id, late);
	if (late == NULL)
		late = remember(gate, crl->id);
	if (late == NULL)
		return;
	late->met = true;
	if (late->state != state)
		tell(look, crl->id, crl, state);
	late->state = state;
}

/* Those that are late no longer: renewed, superseded or gone. */
static void
drop_others(const struct look *look)
{
	struct trust_gate_late_crl *late, *next;

	HASH_ITER(hh, look->gate->late_crls, late, next)
	{
		if (late->met) {
			late->met = false;
			continue;
		}
		HASH_DEL(look->gate->late_crls, late);
		tell(look, late->id, NULL, TRUST_GATE_CRL_CURRENT);
		free(late);
	}
}

void
trust_gate_forget_late_crls(struct trust_gate *gate)
{
	struct trust_gate_late_crl *late;

	while ((late = gate->late_crls) != NULL) {
		HASH_DEL(gate->late_crls, late);
		free(late);
	}
}

/* Before the first decision nobody has loaded the sets. What could not be
 * loaded once is tried again when it has changed, or somebody comes. */
static bool
have_sets(struct trust_gate *gate)
{
	struct trust_message msg = {0};

	if (gate->registry == NULL || gate->sets != NULL)
		return gate->sets != NULL;
	if (gate->bad_generation == gate->generation)
		return false;
	if (trust_gate_begin_read(gate, &msg) != TRUST_OK) {
		trust_gate_complain(gate, &msg);
		return false;
	}
	trust_registry_end_read(gate->registry);
	return true;
}

void
trust_gate_check_crls(struct trust_gate *gate, int64_t now,
    const struct trust_gate_crl_visitor *visitor)
{
	struct look look = {
	    .gate = gate,
	    .visitor = visitor,
	    .now = trust_gate_time(gate, now),
	};

	memset(gate->n_crls, 0, sizeof(gate->n_crls));
	if (!have_sets(gate))
		return;
	trust_sets_visit_crls(gate->sets, look_at, &look);
	drop_others(&look);
}
