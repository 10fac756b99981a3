/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated sensor: TLS with a client certificate and as much of MQTT
 * 3.1.1 as the load generator says, over blocking calls. It trusts every
 * broker: they are its own, on the loopback.
 */
#ifndef TRUST_SENSOR_H
#define TRUST_SENSOR_H

#include <openssl/tls1.h>
#include <stdbool.h>

#include "err.h"

/* Octets of the payload of a message. */
#define TRUST_SENSOR_PAYLOAD 64

struct trust_sensor;

/* Read the certificate with the CAs that are sent along, and the key: PEM
 * files. `tls` is the version that it speaks, TLS1_2_VERSION or
 * TLS1_3_VERSION. Nothing is connected. */
enum trust_err trust_sensor_new(const char *client_id, const char *chain,
    const char *key, int tls, struct trust_sensor **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_sensor_free(struct trust_sensor *sensor);

/*
 * Connect to the loopback: handshake, CONNECT with a clean session, CONNACK
 * that accepts. With `resume` it comes back with the ticket of the last time,
 * and it is TRUST_ERR_INPUT when the broker declines that.
 */
enum trust_err trust_sensor_connect(struct trust_sensor *sensor, int port,
    bool resume, struct trust_message *msg) TRUST_MUST_CHECK;
bool trust_sensor_is_connected(const struct trust_sensor *sensor);
/* Gone without a word, as after a power cut. */
void trust_sensor_drop(struct trust_sensor *sensor);
/* DISCONNECT, and wait until the broker has closed. */
enum trust_err trust_sensor_disconnect(
    struct trust_sensor *sensor, struct trust_message *msg) TRUST_MUST_CHECK;

/* SUBSCRIBE with QoS 0, and the SUBACK that grants it. */
enum trust_err trust_sensor_subscribe(struct trust_sensor *sensor,
    const char *filter, struct trust_message *msg) TRUST_MUST_CHECK;
/* One PUBLISH with QoS 0, in a TLS record of its own. */
enum trust_err trust_sensor_publish(struct trust_sensor *sensor,
    const char *topic, struct trust_message *msg) TRUST_MUST_CHECK;
/*
 * Wait for n such PUBLISHes with this topic. The sensor is woken once, when the
 * last one is there: to wake it for each would cost the broker more than the
 * message.
 */
enum trust_err trust_sensor_receive(struct trust_sensor *sensor,
    const char *topic, int n, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
