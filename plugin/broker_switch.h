/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switches of mosquitto.conf.
 */
#ifndef TRUST_BROKER_SWITCH_H
#define TRUST_BROKER_SWITCH_H

#include <stdbool.h>
#include <string.h>

/* Whether one is on, as the broker reads it. */
static inline bool
trust_broker_is_true(const char *value)
{
	return strcmp(value, "true") == 0 || strcmp(value, "1") == 0;
}

#endif
