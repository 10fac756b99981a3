/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Edge CA at its gateway: an MQTT client that answers what devices send to
 * trust/v1/enroll/{client}/request. For which device a request is stands in
 * user properties, which the gateway sets and nobody else can.
 */
#ifndef TRUST_REGISTRAR_H
#define TRUST_REGISTRAR_H

#include <signal.h>

#include "issuer.h"
#include "mqtt.h"
#include "servercert.h"

/* The command line; borrowed. */
struct trust_registrar_options {
	struct trust_mqtt_options gateway;
	struct trust_issuer_options issuer;
	struct trust_servercert_options server;
	const char *audit;
};

/* Answer until *stop is set, or the gateway does not let us. Returns the exit
 * status, after a line where it is not TRUST_EXIT_YES. */
int trust_registrar_run(
    struct trust_registrar_options *options, const volatile sig_atomic_t *stop);

#endif
