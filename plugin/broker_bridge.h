/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bridges of mosquitto.conf: which client ids they have here.
 */
#ifndef TRUST_BROKER_BRIDGE_H
#define TRUST_BROKER_BRIDGE_H

#include "trust.h"

/* One "connection": mosquitto.conf(5), local_clientid and remote_clientid. */
struct trust_bridge {
	char *local;  /* owned; its client id here; NULL: from the one there */
	char *remote; /* owned; its client id there */
	struct trust_bridge *next;
};

/* Read a setting. `all` gets the bridge that it begins, `current` is the one
 * that a file's lines are about, NULL at the beginning of each. */
enum trust_err trust_bridge_read(struct trust_bridge **all,
    struct trust_bridge **current, const char *key,
    const char *value) TRUST_MUST_CHECK;
/* Whether one of them has this client id here. */
bool trust_bridge_has(const struct trust_bridge *all, const char *client_id);
void trust_bridge_free_all(struct trust_bridge *all);

#endif
