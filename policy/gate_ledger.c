/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's ledger: by which load of the sets paths moved last on a ground,
 * so that chains stand that rest on none where they have since they were
 * built.
 */
#include <stdlib.h>

#include "gate_internal.h"

struct trust_gate_moved {
	uint64_t ground;
	uint64_t serial; /* of the sets */
	UT_hash_handle hh;
};

static void
clear(struct trust_gate *gate)
{
	struct trust_gate_moved *moved;

	while ((moved = gate->ledger) != NULL) {
		HASH_DEL(gate->ledger, moved);
		free(moved);
	}
}

void
trust_gate_forget_ledger(struct trust_gate *gate)
{
	clear(gate);
	gate->ledger_from = gate->sets_serial;
}

static enum trust_err
note(struct trust_gate *gate, uint64_t ground)
{
	struct trust_gate_moved *moved;

	HASH_FIND(hh, gate->ledger, &ground, sizeof(ground), moved);
	if (moved != NULL) {
		moved->serial = gate->sets_serial;
		return TRUST_OK;
	}
	moved = calloc(1, sizeof(*moved));
	if (moved == NULL)
		return TRUST_ERR_NOMEM;
	moved->ground = ground;
	moved->serial = gate->sets_serial;
	HASH_ADD(hh, gate->ledger, ground, sizeof(moved->ground), moved);
	if (moved->hh.tbl != NULL)
		return TRUST_OK;
	free(moved);
	return TRUST_ERR_NOMEM;
}

void
trust_gate_note_paths(
    struct trust_gate *gate, const struct trust_grounds *paths)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < paths->n; i++)
		r = note(gate, paths->v[i]);
	if (r != TRUST_OK || HASH_COUNT(gate->ledger) > TRUST_LEDGER_MAX)
		trust_gate_forget_ledger(gate);
}

bool
trust_gate_chains_stand(
    const struct trust_gate *gate, const struct trust_admission *admission)
{
	const struct trust_grounds *grounds = &admission->grounds;
	struct trust_gate_moved *moved;

	if (admission->epoch != gate->epoch ||
	    admission->sets_serial < gate->ledger_from)
		return false;
	if (admission->sets_serial == gate->sets_serial)
		return true;
	for (size_t i = 0; i < admission->n_chain_grounds; i++) {
		HASH_FIND(hh, gate->ledger, &grounds->v[i],
		    sizeof(grounds->v[i]), moved);
		if (moved != NULL && moved->serial > admission->sets_serial)
			return false;
	}
	return true;
}
