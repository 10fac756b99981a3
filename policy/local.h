/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a gateway remembers by itself, in REGISTRY.local beside the registry:
 * sync never touches it. Without it nobody knows who is blocked (block.h), nor
 * a device's first key, so that doubt about it lets nobody in; of the rest,
 * what is lost is convenience.
 */
#ifndef TRUST_LOCAL_H
#define TRUST_LOCAL_H

#include <stdbool.h>

#include "record.h"

struct trust_local;

enum trust_local_mode {
	TRUST_LOCAL_READ,
	TRUST_LOCAL_MAKE, /* write, and make it where there is none */
};

/*
 * Open it. TRUST_ERR_NOT_FOUND: there is none, and with TRUST_LOCAL_MAKE none
 * can be made. What is there and cannot be used is left as it is, to the last
 * octet: TRUST_ERR_FOREIGN, _DAMAGED, _IO.
 */
enum trust_err trust_local_open(const char *registry_path,
    enum trust_local_mode mode, struct trust_local **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_local_close(struct trust_local *local);

/*
 * Whether its name still leads to the file that is open, and the next start
 * will find what is written. TRUST_ERR_IO: it does not.
 */
enum trust_err trust_local_check_place(const struct trust_local *local,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Why it could not be told lately who is blocked; "": it could. Borrowed,
 * until the next look-up. */
const char *trust_local_get0_trouble(const struct trust_local *local);

/*
 * The group through which a device without a record (automatic enrollment)
 * last came in. Writes only when that is `news`. Beyond
 * TRUST_LOCAL_DEVICES_MAX those that were remembered first go.
 */
enum trust_err trust_local_remember_device(struct trust_local *local,
    const char *device, const char *group, bool *news,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* TRUST_ERR_NOT_FOUND: never seen. */
enum trust_err trust_local_find_device(struct trust_local *local,
    const char *device, char group[TRUST_ID_MAX + 1],
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The key that a device is held to. */
struct trust_local_pin {
	struct trust_thumbprint key;
	bool renewed; /* by an enrollment, and it has not come in since: */
	struct trust_thumbprint next;
};

/*
 * The key of a device's first certificate (SHA-256 of SubjectPublicKeyInfo),
 * for groups that want no other. On the disk before trust_local_pin returns,
 * which adds one and never replaces. As many as there are: to forget one would
 * let another key in. TRUST_ERR_NOT_FOUND: there is none.
 */
enum trust_err trust_local_pin(struct trust_local *local, const char *device,
    const struct trust_thumbprint *key,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_local_find_pin(struct trust_local *local,
    const char *device, struct trust_local_pin *out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* An enrollment renews it: from now on `next` is let in, too; one that was
 * before it no more. Where none is remembered, or this very key is, nothing is
 * done. */
enum trust_err trust_local_renew_pin(struct trust_local *local,
    const char *device, const struct trust_thumbprint *next,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The device has come in with `next`: it alone is let in from now on. */
enum trust_err trust_local_take_pin(struct trust_local *local,
    const char *device, const struct trust_thumbprint *next,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_local_unpin(struct trust_local *local, const char *device,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The client ids under which bridges of this broker publish; at most
 * TRUST_LOCAL_BRIDGES_MAX. trust_local_find_bridge: TRUST_ERR_NOT_FOUND when it
 * is none. */
enum trust_err trust_local_remember_bridge(struct trust_local *local,
    const char *client_id, struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_local_find_bridge(struct trust_local *local,
    const char *client_id, struct trust_message *msg) TRUST_MUST_CHECK;

/* The id of the gateway whose memory this is. TRUST_ERR_NOT_FOUND: it has not
 * been told yet. */
enum trust_err trust_local_put_gateway(struct trust_local *local,
    const char *gateway, struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_local_get_gateway(struct trust_local *local,
    char gateway[TRUST_ID_MAX + 1], struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * The certificates that this gateway's listeners have shown: the last
 * TRUST_LOCAL_SERVERS_MAX of them. *any: there is one.
 */
enum trust_err trust_local_has_server(struct trust_local *local, bool *any,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Remember one. *news: it was not remembered before. */
enum trust_err trust_local_remember_server(struct trust_local *local,
    const struct trust_thumbprint *thumbprint, bool *news,
    struct trust_message *msg) TRUST_MUST_CHECK;

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
