/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MQTT client for commands: libmosquitto in one thread, which comes back
 * by itself when the connection breaks.
 */
#ifndef TRUST_MQTT_H
#define TRUST_MQTT_H

#include "options.h"
#include "trust.h"

/* Where the broker is, and how to speak to it; borrowed. */
struct trust_mqtt_options {
	const char *host;
	int port; /* 0: 8883 with TLS, else 1883 */
	const char *cafile;
	const char *cert;
	const char *tls_key;
	const char *id;
	const char *username;
	const char *password_file;
	/* Not on the command line. */
	const char *password; /* in place of the file's */
	bool v5;              /* MQTT 5, else 3.1.1 */
};

/* Options, as mosquitto_pub has them. `to` is a struct trust_mqtt_options. */
#define TRUST_MQTT_OPTIONS(to)                                           \
	{.name = "host",                                                 \
	    .argument = "HOST",                                          \
	    .help = "the broker",                                        \
	    .required = true,                                            \
	    .text = &(to).host},                                         \
	    {.name = "port",                                             \
		.letter = 'p',                                           \
		.argument = "PORT",                                      \
		.help = "its port; 8883 with TLS, 1883 without",         \
		.number = &(to).port,                                    \
		.min = 1,                                                \
		.max = 65535},                                           \
	    {.name = "cafile",                                           \
		.argument = "FILE",                                      \
		.help = "the broker's trust anchors; with it comes TLS", \
		.text = &(to).cafile},                                   \
	    {.name = "cert",                                             \
		.argument = "FILE",                                      \
		.help = "the certificate to connect with",               \
		.text = &(to).cert},                                     \
	    {.name = "tls-key",                                          \
		.argument = "FILE",                                      \
		.help = "its private key",                               \
		.text = &(to).tls_key},                                  \
	    {.name = "id",                                               \
		.letter = 'i',                                           \
		.argument = "ID",                                        \
		.help = "the MQTT client id; a random one without this", \
		.text = &(to).id},                                       \
	    {.name = "username",                                         \
		.letter = 'u',                                           \
		.argument = "NAME",                                      \
		.help = "a user of the broker",                          \
		.text = &(to).username},                                 \
	{                                                                \
		.name = "password-file", .argument = "FILE",             \
		.help = "whose first line is the user's password",       \
		.text = &(to).password_file                              \
	}

/* What a device is called stands in its certificate, most often: where no
 * client id is given, take it from there into `id`, which is borrowed then. */
void trust_mqtt_take_id(
    struct trust_mqtt_options *options, char id[TRUST_ID_MAX + 1]);

/* A message, for as long as the call that brings it. */
struct trust_mqtt_message {
	const char *topic;
	struct trust_span payload;
	bool retained;          /* it was there before the subscription */
	const void *properties; /* a mosquitto_property; NULL: none */
};

/* The value of the user property of this name (MQTT 5 section 3.3.2.3.7), if
 * there is exactly one; else NULL. The caller frees. */
char *trust_mqtt_message_get1_property(
    const struct trust_mqtt_message *message, const char *name);

/* Reasons of the broker's for what it does with a message: MQTT 5 section
 * 3.4.2.1. */
#define TRUST_MQTT_PUBLISHED      0x00
#define TRUST_MQTT_NO_SUBSCRIBERS 0x10
#define TRUST_MQTT_REFUSED        0x80 /* and above */

/* What happens; all called from within trust_mqtt_run. */
struct trust_mqtt_events {
	/* A connection is there, without subscriptions. */
	void (*connected)(void *arg);
	/* It is gone, or could not be made; why, for a person. */
	void (*disconnected)(void *arg, const char *why);
	/* The broker has taken a subscription, or refused it. */
	void (*subscribed)(void *arg, bool granted);
	void (*message)(void *arg, const struct trust_mqtt_message *message);
	void *arg;
	/* With MQTT 5: the broker has taken a message, or refused it. NULL:
	 * nobody wants to know. */
	void (*published)(void *arg, int reason);
};

struct trust_mqtt;

/* Get ready; nothing is sent yet. Both are borrowed until close, and SIGPIPE
 * is ignored as long. */
enum trust_err trust_mqtt_open(const struct trust_mqtt_options *options,
    const struct trust_mqtt_events *events, struct trust_mqtt **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Leaves as MQTT wants it. */
void trust_mqtt_close(struct trust_mqtt *mqtt);
/* "host:port", for messages. */
const char *trust_mqtt_get0_address(const struct trust_mqtt *mqtt);

/* Run the network for at most so long, and connect where that is due: at
 * once, then after waits that grow. */
void trust_mqtt_run(struct trust_mqtt *mqtt, int timeout_ms);
/* How long until the next attempt to connect; 0: now, or connected. */
int64_t trust_mqtt_wait_ms(const struct trust_mqtt *mqtt);

/* Whether the connection that was tried last ended with the broker's no to
 * CONNECT. */
bool trust_mqtt_is_refused(const struct trust_mqtt *mqtt);

/* QoS 1, while connected. What is under way when the connection breaks is
 * lost; the next run tells, and the caller begins anew when it is back. */
enum trust_err trust_mqtt_subscribe(struct trust_mqtt *mqtt, const char *topic,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_mqtt_publish(struct trust_mqtt *mqtt, const char *topic,
    struct trust_span payload, bool retain,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Messages that the broker has not acknowledged yet. */
int trust_mqtt_count_unacknowledged(const struct trust_mqtt *mqtt);

#endif
