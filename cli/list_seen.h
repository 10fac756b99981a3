/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl list device of a running gateway: the devices that it knows, and
 * when they were there.
 */
#ifndef TRUST_LIST_SEEN_H
#define TRUST_LIST_SEEN_H

#include "remote.h"

/* `expiring`: a duration as text, or NULL for all. Returns the exit status;
 * errors are printed. */
int trust_list_seen(
    const struct trust_mqtt_options *gateway, const char *expiring, bool json);

#endif
