/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a gateway remembers by itself, in REGISTRY.local beside the registry:
 * sync never touches it. Losing it loses convenience, never safety.
 */
#ifndef TRUST_LOCAL_H
#define TRUST_LOCAL_H

#include <stdbool.h>

#include "record.h"

struct trust_local;

/* Open, and make it if need be. */
enum trust_err trust_local_open(const char *registry_path,
    struct trust_local **out, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_local_close(struct trust_local *local);

/*
 * The group through which a device without a record (automatic enrollment)
 * last came in. Writes only when that is news.
 */
enum trust_err trust_local_remember_device(struct trust_local *local,
    const char *device, const char *group,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* TRUST_ERR_NOT_FOUND: never seen. */
enum trust_err trust_local_find_device(struct trust_local *local,
    const char *device, char group[TRUST_ID_MAX + 1],
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Devices that this gateway keeps out, whatever the registry says. A block is
 * on the disk before the call returns. trust_local_find_block: TRUST_OK when
 * the device is blocked. trust_local_unblock: TRUST_ERR_NOT_FOUND when it is
 * not. One handle writes them while it is open, and others need not see it.
 */
enum trust_err trust_local_block(struct trust_local *local, const char *device,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_local_unblock(struct trust_local *local,
    const char *device, struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_local_find_block(struct trust_local *local,
    const char *device, struct trust_message *msg) TRUST_MUST_CHECK;

/* The client ids under which bridges of this broker publish. */
enum trust_err trust_local_remember_bridge(struct trust_local *local,
    const char *client_id, struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_local_find_bridge(struct trust_local *local,
    const char *client_id, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * The time floor: the greatest this_update accepted (sync.md, "Freshness and
 * time"); the build's date at least. Raising it never lowers it, and is
 * durable when it returns.
 */
enum trust_err trust_local_get_floor(struct trust_local *local, int64_t *floor,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The same from the file alone, which is opened for reading and not made. */
enum trust_err trust_local_read_floor(const char *registry_path, int64_t *floor,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_local_raise_floor(struct trust_local *local, int64_t floor,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
