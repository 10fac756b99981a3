/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The devices that this gateway keeps out, whatever the registry says. Part of
 * REGISTRY.local: one handle writes them while it is open, and others need not
 * see it.
 */
#ifndef TRUST_BLOCK_H
#define TRUST_BLOCK_H

#include "local.h"

/* A device is to be blocked, or not any more. */
struct trust_block_change {
	const char *device; /* borrowed */
	bool block;
	bool was_blocked; /* told: it was, before this change */
};

/*
 * Make n changes, in their order and in one transaction: all or none, and on
 * the disk before the call returns.
 */
enum trust_err trust_block_change(struct trust_local *local,
    struct trust_block_change *v, size_t n,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* TRUST_OK: the device is blocked. TRUST_ERR_NOT_FOUND: it is not. With any
 * other error nobody knows. */
enum trust_err trust_block_find(struct trust_local *local, const char *device,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* How many are blocked. */
enum trust_err trust_block_count(struct trust_local *local, int64_t *n,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The first of those whose ids come after `after` ("": from the start), in
 * the order of ids, into v[max]; n tells how many there are. */
enum trust_err trust_block_list(struct trust_local *local, const char *after,
    char (*v)[TRUST_ID_MAX + 1], size_t max, size_t *n,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
