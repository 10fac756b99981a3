/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publication: one scope of an origin registry, as a sequence of serials
 * with their deltas, and snapshots (sync.md, the origin's end). Kept in the
 * registry itself; what is written is committed before it is returned.
 */
#ifndef TRUST_PUBLICATION_H
#define TRUST_PUBLICATION_H

#include "notification.h"
#include "registry.h"

/* Deltas that a notification lists, and the share of the snapshot's octets
 * that they may reach, before a new snapshot is built; while it is, they may
 * be more. */
#define TRUST_PUBLICATION_DELTAS_MAX   500
#define TRUST_PUBLICATION_DELTAS_SHARE 2 /* one half */

/* How far the last this_update may be ahead of the present one, in seconds:
 * what gateways tolerate, too. */
#define TRUST_PUBLICATION_CLOCK_SKEW 300

/* What to publish. All borrowed. */
struct trust_publication_input {
	const char *scope;
	/* A fresh UUIDv4, to begin with where the scope has no session, or
	 * where a new one is asked for. */
	const char *session;
	bool new_session;
	/* The present serial may remove however much it likes. Later ones say
	 * so, too, as long as what they list reaches back to it. */
	bool mass_removal;
	int64_t this_update;
	int64_t next_update;
	/* The notification that is out, as the broker keeps it; NULL: none. */
	const struct trust_notification *published;
};

/*
 * Bring the scope up to the registry's present state: if anything in it
 * changed, a new serial with its delta, and the next snapshot if one is ready.
 * Then describe it, with these times; the caller frees `out`. this_update is
 * the last one's where the clock is behind that. The registry is open for
 * writing. Then publication_upkeep.h has its turn.
 *
 * `out` is NULL while a session has no snapshot yet: it can be described after
 * that turn, by another update.
 *
 * TRUST_ERR_CONFLICT: what is published is ahead of the registry, which was
 * restored from a backup or is not the scope's only origin, and no new session
 * is asked for; or the last this_update is too far ahead of the present one.
 */
enum trust_err trust_publication_update(struct trust_registry *registry,
    const struct trust_publication_input *in, struct trust_notification **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* A part that the scope's present snapshot or deltas name, or named not long
 * ago. The caller frees. TRUST_ERR_NOT_FOUND: there is none. */
enum trust_err trust_publication_part(struct trust_registry *registry,
    const char *scope, const struct trust_thumbprint *sha256,
    struct trust_buf *out, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
