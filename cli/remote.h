/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A running gateway, asked over $CONTROL/trust/v1: for the commands that talk
 * to one.
 */
#ifndef TRUST_REMOTE_H
#define TRUST_REMOTE_H

#include <signal.h>

#include "mqtt.h"

/* Options, as mosquitto_pub has them. `to` is a struct trust_mqtt_options that
 * begins as TRUST_REMOTE_DEFAULTS. */
#define TRUST_REMOTE_DEFAULTS       \
	{                           \
		.host = "localhost" \
	}
#define TRUST_REMOTE_OPTIONS(to, host_help)                               \
	{.name = "host",                                                  \
	    .letter = 'h',                                                \
	    .argument = "HOST",                                           \
	    .help = (host_help),                                          \
	    .text = &(to).host},                                          \
	    {.name = "port",                                              \
		.letter = 'p',                                            \
		.argument = "PORT",                                       \
		.help = "its port; 8883 with TLS, 1883 without",          \
		.number = &(to).port,                                     \
		.min = 1,                                                 \
		.max = 65535},                                            \
	    {.name = "cafile",                                            \
		.argument = "FILE",                                       \
		.help = "the gateway's trust anchors; with it comes TLS", \
		.text = &(to).cafile},                                    \
	    {.name = "cert",                                              \
		.argument = "FILE",                                       \
		.help = "the certificate to connect with",                \
		.text = &(to).cert},                                      \
	    {.name = "key",                                               \
		.argument = "FILE",                                       \
		.help = "its private key",                                \
		.text = &(to).tls_key},                                   \
	{                                                                 \
		.name = "id", .letter = 'i', .argument = "ID",            \
		.help = "the client id; else the certificate's CN",       \
		.text = &(to).id                                          \
	}

struct trust_remote;

/* Connect. TRUST_ERR_IO: the gateway cannot be reached, or does not let this
 * client in. `options` is borrowed until close. */
enum trust_err trust_remote_open(const struct trust_mqtt_options *options,
    struct trust_remote **out, struct trust_message *msg) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_remote_close(struct trust_remote *remote);

/*
 * Send a command (the reference is taken) and wait for its answer: *data is a
 * new reference. TRUST_ERR_CONFLICT: the gateway's answer is an error, with
 * its words. TRUST_ERR_IO: there is none.
 */
enum trust_err trust_remote_ask(struct trust_remote *remote, json_t *command,
    json_t **data, struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether the connection was there and is gone. */
bool trust_remote_is_lost(const struct trust_remote *remote);
/* Whether a device is the one that we connected as, by the client id. */
bool trust_remote_is_device(
    const struct trust_remote *remote, const char *device);

/*
 * Read a topic: `message` is called for each message until it returns false
 * or *stop is set. Goes on after interruptions, and says so. TRUST_ERR_IO: the
 * topic is not allowed.
 */
enum trust_err trust_remote_follow(const struct trust_mqtt_options *options,
    const char *topic, bool (*message)(void *arg, struct trust_span payload),
    void *arg, const volatile sig_atomic_t *stop,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
