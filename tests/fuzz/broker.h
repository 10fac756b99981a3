/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A broker in miniature: what the plugin calls, and one client with a
 * certificate, for harnesses that drive the plugin by its own entry points.
 */
#ifndef TESTS_FUZZ_BROKER_H
#define TESTS_FUZZ_BROKER_H

#include "../../plugin/broker.h"

#include "span.h"

/* Load the plugin over a fresh registry that knows the client's certificate,
 * and connect the client. Aborts when that cannot be done. */
void broker_start(void);

/* The client publishes to the topic of a control callback. What the plugin
 * answers to the client stands until the next call; NULL: nothing. */
const char *broker_control(const char *topic, struct trust_span payload);

/* The client comes back if it was sent away; if it was blocked, everything
 * begins anew. */
void broker_go_on(void);

#endif
