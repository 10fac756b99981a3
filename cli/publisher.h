/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher: keeps what the broker has of a scope at the registry's state,
 * and answers gateways.
 */
#ifndef TRUST_PUBLISHER_H
#define TRUST_PUBLISHER_H

#include <signal.h>

#include "mqtt.h"
#include "signing.h"

struct trust_publisher;

/* `signing` is open; with `follow` it stays until it is told to stop, without
 * it publishes once. All borrowed. */
enum trust_err trust_publisher_open(struct trust_signing *signing,
    const struct trust_mqtt_options *broker, bool follow,
    struct trust_publisher **out, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_publisher_close(struct trust_publisher *publisher);

/* Run until it is done or *stop is set. Returns the exit status, after a line
 * where it is not TRUST_EXIT_YES. */
int trust_publisher_run(
    struct trust_publisher *publisher, const volatile sig_atomic_t *stop);

#endif
