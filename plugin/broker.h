/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's headers: one in Mosquitto 2.1, three in 2.0, which 2.1 has for
 * show and with warnings.
 */
#ifndef TRUST_BROKER_H
#define TRUST_BROKER_H

#include <mosquitto.h>
#if !__has_include(<mosquitto/broker.h>)
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
#include <mqtt_protocol.h>
#endif

#endif
