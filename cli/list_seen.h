/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl list device of a running gateway: the devices that it knows, and
 * when they were there.
 */
#ifndef TRUST_LIST_SEEN_H
#define TRUST_LIST_SEEN_H

#include "remote.h"

/* Which of them; one of these at most, both NULL for all. */
struct trust_list_seen {
	const char *expiring; /* those whose certificates end within it */
	const char *anchor;   /* those that came by it */
};

/* Returns the exit status; errors are printed. */
int trust_list_seen(const struct trust_mqtt_options *gateway,
    const struct trust_list_seen *which, bool json);

/* Add the ids of those that came by an anchor to an array. */
enum trust_err trust_list_seen_names(const struct trust_mqtt_options *gateway,
    const char *anchor, json_t *names,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
