/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate, noting who came in: in memory, and on the disk now and then, in
 * one transaction for all, so that a connection costs no commit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "gate_internal.h"

/* Rows written in one transaction; the broker waits for it. */
#define STORE_MAX 100
/* How long what is noted may wait, in seconds. */
#define STORE_EVERY_S 10

/* A device that was noted and not stored yet. */
struct trust_gate_pending {
	struct trust_seen seen;
	UT_hash_handle hh; /* by seen.device */
};

static struct trust_gate_pending *
find_or_add(struct trust_gate *gate, const char *device)
{
	struct trust_gate_pending *pending;

	HASH_FIND_STR(gate->pending, device, pending);
	if (pending != NULL)
		return pending;
	pending = calloc(1, sizeof(*pending));
	if (pending == NULL)
		return NULL;
	(void)snprintf(
	    pending->seen.device, sizeof(pending->seen.device), "%s", device);
	HASH_ADD_STR(gate->pending, seen.device, pending);
	if (pending->hh.tbl != NULL)
		return pending;
	free(pending);
	return NULL;
}

void
trust_gate_note_seen(struct trust_gate *gate,
    const struct trust_admission *admission, const char *address, int64_t now)
{
	const struct trust_verdict *verdict =
	    trust_admission_get0_verdict(admission);
	const struct trust_certificate *certificate =
	    trust_admission_get0_certificate(admission);
	const char *anchor = trust_admission_get0_anchor(admission);
	struct trust_gate_pending *pending;

	if (!trust_gate_keeps_local(gate))
		return;
	pending = find_or_add(gate, verdict->device);
	if (pending == NULL)
		return;
	pending->seen.at = now;
	pending->seen.reason = verdict->reason;
	pending->seen.thumbprint = certificate != NULL
				       ? certificate->thumbprint
				       : (struct trust_thumbprint){0};
	pending->seen.not_after =
	    certificate != NULL ? certificate->not_after : TRUST_CLOCK_NEVER;
	(void)snprintf(pending->seen.address, sizeof(pending->seen.address),
	    "%s", address != NULL ? address : "");
	(void)snprintf(pending->seen.anchor, sizeof(pending->seen.anchor), "%s",
	    anchor != NULL ? anchor : "");
}

/* The first of those noted; they are forgotten here. */
static size_t
take_some(struct trust_gate *gate, struct trust_seen *v)
{
	struct trust_gate_pending *pending, *next;
	size_t n = 0;

	HASH_ITER(hh, gate->pending, pending, next)
	{
		if (n == STORE_MAX)
			break;
		v[n++] = pending->seen;
		HASH_DEL(gate->pending, pending);
		free(pending);
	}
	return n;
}

bool
trust_gate_store_some_seen(struct trust_gate *gate)
{
	struct trust_seen v[STORE_MAX];
	struct trust_message msg = {0};
	size_t n = take_some(gate, v);

	/* It is convenience; a full disk costs it, and says so once. */
	if (n > 0 && trust_gate_keeps_local(gate) &&
	    trust_seen_store(gate->local, v, n, &msg) != TRUST_OK)
		trust_gate_complain(gate, &msg);
	return gate->pending != NULL;
}

void
trust_gate_store_seen(struct trust_gate *gate, int64_t now)
{
	/* A clock that was set back counts as well. */
	if (HASH_COUNT(gate->pending) < STORE_MAX && now < gate->store_at &&
	    gate->store_at <= now + STORE_EVERY_S)
		return;
	gate->store_at = now + STORE_EVERY_S;
	(void)trust_gate_store_some_seen(gate);
}
