/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listeners of mosquitto.conf: over which of them no device can come in.
 */
#ifndef TRUST_BROKER_LISTENER_H
#define TRUST_BROKER_LISTENER_H

#include "trust.h"

/* One as far as its lines have been read. Zeroed memory is the one that lines
 * before any `listener` are about. */
struct trust_listener {
	char where[TRUST_SHOWN_MAX]; /* "file:line" where it begins */
	char port[16];
	bool has_certificate;
	bool requires_certificate;
	bool has_psk; /* devices may come in with pre-shared keys */
};

/* Read a setting of "file:line". `listener`: it begins another. */
void trust_listener_read(struct trust_listener *listener, const char *path,
    unsigned number, const char *key, const char *value);
/* It is whole: warn in the log where it has TLS and asks nobody for a
 * certificate; `asks_all`: the plugin has each of them ask. */
void trust_listener_end(const struct trust_listener *listener, bool asks_all);

#endif
