/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See broker_listener.h.
 */
#include "broker_listener.h"

#include <stdio.h>
#include <string.h>

#include "broker.h"
#include "broker_switch.h"

#define PORT_DEFAULT "1883"

static void
name(struct trust_listener *listener, const char *path, unsigned number)
{
	(void)snprintf(
	    listener->where, sizeof(listener->where), "%s:%u", path, number);
}

static void
set_port(struct trust_listener *listener, const char *port)
{
	(void)snprintf(listener->port, sizeof(listener->port), "%s", port);
}

void
trust_listener_read(struct trust_listener *listener, const char *path,
    unsigned number, const char *key, const char *value)
{
	if (strcmp(key, "listener") == 0) {
		*listener = (struct trust_listener){0};
		name(listener, path, number);
		set_port(listener, value);
	} else if (strcmp(key, "port") == 0) {
		set_port(listener, value);
	} else if (strcmp(key, "certfile") == 0) {
		listener->has_certificate = true;
		if (listener->where[0] == '\0')
			name(listener, path, number);
	} else if (strcmp(key, "require_certificate") == 0) {
		listener->requires_certificate = trust_broker_is_true(value);
	} else if (strcmp(key, "psk_hint") == 0) {
		listener->has_psk = true;
	}
}

/* Devices come with certificates, which TLS alone carries, and Mosquitto asks
 * for them only where it requires them; or with pre-shared keys. */
void
trust_listener_end(const struct trust_listener *listener, bool asks_all)
{
	if (listener->has_certificate && !listener->requires_certificate &&
	    !asks_all && !listener->has_psk)
		mosquitto_log_printf(MOSQ_LOG_WARNING,
		    "mosquitto_trust: %s: listener %s: want "
		    "require_certificate true, got false: nobody is asked for "
		    "a certificate there, so no device can come in over it; "
		    "or plugin_opt_client_certificates optional",
		    listener->where,
		    listener->port[0] != '\0' ? listener->port : PORT_DEFAULT);
}
