/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices that came in at this gateway: when last, from where, and with
 * which certificate, if with one. Part of REGISTRY.local.
 */
#ifndef TRUST_SEEN_H
#define TRUST_SEEN_H

#include "local.h"
#include "reason.h"

/* One device, as it was when it last was let in or left. */
struct trust_seen {
	char device[TRUST_ID_MAX + 1];
	int64_t at;
	char address[TRUST_ADDRESS_MAX];    /* the peer's; "": unknown */
	enum trust_reason reason;           /* by which it was let in */
	struct trust_thumbprint thumbprint; /* zero: of a pre-shared key */
	int64_t not_after; /* of its certificate; TRUST_CLOCK_NEVER likewise */
	/* The anchor that its chain ended at; "": it came without a chain, or
	 * before that was remembered. */
	char anchor[TRUST_ID_MAX + 1];
};

/* Whether it came by a pre-shared key. */
bool trust_seen_is_psk(const struct trust_seen *seen);

/*
 * Remember n of them, in one transaction, each in place of what was known of
 * the device. All or none. Beyond TRUST_LOCAL_DEVICES_MAX those that were met
 * first go.
 */
enum trust_err trust_seen_store(struct trust_local *local,
    const struct trust_seen *v, size_t n,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* TRUST_ERR_NOT_FOUND: never seen. */
enum trust_err trust_seen_find(struct trust_local *local, const char *device,
    struct trust_seen *out, struct trust_message *msg) TRUST_MUST_CHECK;

/* The first of those whose ids come after `after` ("": from the start), in
 * the order of ids, into v[max]; n tells how many there are. */
enum trust_err trust_seen_list(struct trust_local *local, const char *after,
    struct trust_seen *v, size_t max, size_t *n,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The same for those that came by an anchor. */
enum trust_err trust_seen_list_anchor(struct trust_local *local,
    const char *anchor, const char *after, struct trust_seen *v, size_t max,
    size_t *n, struct trust_message *msg) TRUST_MUST_CHECK;

/* Those whose certificates end at `until` or before, the first to end first,
 * without the first `skip` of them. */
enum trust_err trust_seen_list_ending(struct trust_local *local, int64_t until,
    size_t skip, struct trust_seen *v, size_t max, size_t *n,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
