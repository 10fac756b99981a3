/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of messages (MQTT 5.0 section 3.3.2.3), read and left out. Making
 * them is the broker's own business: mosquitto_property_add_string_pair.
 */
#ifndef TRUST_PROPERTY_H
#define TRUST_PROPERTY_H

#include "broker.h"
#include "trust.h"

struct trust_properties;

/*
 * Find what reads them: in Mosquitto 2.1 itself; beside 2.0 in the libmosquitto
 * of the same version, since 2.0.21 lets plugins make properties and not read
 * them, and none tells its version. TRUST_ERR_NOT_FOUND: there is nothing.
 */
enum trust_err trust_properties_new(bool is_2_1, struct trust_properties **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_properties_free(struct trust_properties *properties);

/* Whether a property is meant. `name` is that of a user property; NULL for
 * others, and for one that cannot be read. */
typedef bool trust_property_match(int identifier, const char *name);

/* Whether one of the list is. */
bool trust_properties_have(const struct trust_properties *properties,
    const mosquitto_property *list, trust_property_match *match);
/* Leave them out of the list of a MOSQ_EVT_MESSAGE. What the broker is to get:
 * an error refuses the message. */
int trust_properties_remove(const struct trust_properties *properties,
    mosquitto_property **list, trust_property_match *match);

#endif
