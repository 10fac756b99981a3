/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MQTT client. Each connection has a libmosquitto handle of its own, so
 * that nothing of the one before is sent in the next.
 */
#include "mqtt.h"

#include <errno.h>
#include <mosquitto.h>
/* Part of mosquitto.h in Mosquitto 2.1, which warns where it is asked for. */
#if !__has_include(<mosquitto/mqtt_protocol.h>)
#include <mqtt_protocol.h>
#endif
#include <openssl/err.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../certs/key.h"
#include "certfile.h"
#include "dial.h"
#include "files.h"
#include "progress.h"

#define PORT_PLAIN  1883
#define PORT_TLS    8883
#define KEEPALIVE_S 60

/* Waits between attempts, in milliseconds: each twice the one before. */
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS (60 * 1000)

/* How long to wait for the end of a connection that we close. */
#define CLOSE_MS 1000

/* Octets of a password file. */
#define PASSWORD_MAX 4096

struct trust_mqtt {
	const struct trust_mqtt_options *options;
	const struct trust_mqtt_events *events;
	struct mosquitto *mosquitto; /* NULL between connections */
	char *address;               /* "host:port"; owned */
	int port;
	struct trust_buf password;
	bool started;       /* the handle is connecting, or connected */
	bool connected;     /* something took the connection */
	bool answered;      /* the broker did, to CONNECT */
	bool refused;       /* and said no; kept until the next attempt */
	int64_t due_ms;     /* the next attempt */
	int64_t backoff_ms; /* the wait after the next failure */
	int broken;         /* a code, when sending found it to be */
	int n_unacknowledged;
	struct sigaction pipe;    /* what SIGPIPE did before */
	struct trust_message why; /* what libmosquitto complained of last */
};

/* ---- Called by libmosquitto ---- */

/* What to do about OpenSSL's reason, after a semicolon; "" where it says
 * enough. Alerts are the broker's answer to what it was shown. */
static const char *
hint(const char *reason)
{
	if (strcmp(reason, "certificate verify failed") == 0)
		return "; compare the broker's certificate with --cafile, its "
		       "names with --host, and its dates with the clock";
	if (strstr(reason, "alert certificate required") != NULL)
		return "; the broker wants a certificate, --cert and its key";
	if (strstr(reason, " alert ") != NULL)
		return "; the broker's log says why";
	if (strcmp(reason, "unexpected eof while reading") == 0 ||
	    strcmp(reason, "wrong version number") == 0 ||
	    strcmp(reason, "packet length too long") == 0)
		return "; does the broker speak TLS on this port? Without "
		       "--cafile it is spoken to without";
	return "";
}

static void
on_log(struct mosquitto *mosquitto, void *arg, int level, const char *line)
{
	struct trust_mqtt *mqtt = arg;
	const char *reason = strrchr(line, ':');

	if (level != MOSQ_LOG_ERR)
		return;
	/* "OpenSSL Error[0]: error:NUMBER:LIBRARY::REASON" */
	if (strncmp(line, "OpenSSL ", 8) == 0 && reason != NULL)
		(void)trust_err_set(&mqtt->why, TRUST_OK, "TLS: %s%s",
		    reason + 1, hint(reason + 1));
	else
		(void)trust_err_set(&mqtt->why, TRUST_OK, "%s", line);
}

static void
on_connect(struct mosquitto *mosquitto, void *arg, int code)
{
	struct trust_mqtt *mqtt = arg;
	const char *text;

	mqtt->answered = true;
	if (code != 0) {
		mqtt->refused = true;
		text = mqtt->options->v5 ? mosquitto_reason_string(code)
					 : mosquitto_connack_string(code);
		/* Libmosquitto's end like sentences. */
		(void)trust_err_set(&mqtt->why, TRUST_OK,
		    "%.*s; the broker's log says why", (int)strcspn(text, "."),
		    text);
		return;
	}
	mqtt->backoff_ms = BACKOFF_MIN_MS;
	mqtt->events->connected(mqtt->events->arg);
}

static void
on_subscribe(
    struct mosquitto *mosquitto, void *arg, int id, int n, const int *granted)
{
	struct trust_mqtt *mqtt = arg;

	/* MQTT 3.1.1 section 3.9.3: 0x80 is a failure. */
	mqtt->events->subscribed(
	    mqtt->events->arg, n == 1 && granted[0] < 0x80);
}

static void
on_publish(struct mosquitto *mosquitto, void *arg, int id, int reason,
    const mosquitto_property *properties)
{
	struct trust_mqtt *mqtt = arg;

	mqtt->n_unacknowledged--;
	if (mqtt->options->v5 && mqtt->events->published != NULL)
		mqtt->events->published(mqtt->events->arg, reason);
}

static void
on_message(struct mosquitto *mosquitto, void *arg,
    const struct mosquitto_message *message,
    const mosquitto_property *properties)
{
	struct trust_mqtt *mqtt = arg;
	const struct trust_mqtt_message found = {
	    .topic = message->topic,
	    .payload = {message->payload, (size_t)message->payloadlen},
	    .retained = message->retain,
	    .properties = properties,
	};

	mqtt->events->message(mqtt->events->arg, &found);
}

/* Instead of a question on the terminal. */
static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	return 0;
}

/* ---- Setting up ---- */

/* Why libmosquitto failed, and what to do where that can be told. */
static enum trust_err
fail(const struct trust_mqtt *mqtt, int code, struct trust_message *msg)
{
	bool no_tls = mqtt->options->cafile == NULL && mqtt->options->port == 0;

	if (code == MOSQ_ERR_NOMEM)
		return TRUST_ERR_NOMEM;
	if (code == MOSQ_ERR_EAI)
		return trust_err_set(msg, TRUST_ERR_IO,
		    "want a host that can be found, got one that DNS does not "
		    "know, or does not tell now");
	if (code != MOSQ_ERR_ERRNO)
		return trust_err_set(
		    msg, TRUST_ERR_IO, "MQTT: %s", mosquitto_strerror(code));
	return trust_err_set(msg, TRUST_ERR_IO, "MQTT: %s%s", strerror(errno),
	    errno == ECONNREFUSED && no_tls
		? "; with --cafile come TLS and port 8883"
		: "");
}

/* Whether the certificate and the key belong together. */
static enum trust_err
check_pair(const char *certificate, const char *key, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;
	EVP_PKEY *private_key = NULL;

	r = trust_certfile_load(certificate, &stack, msg);
	if (r == TRUST_OK)
		r = trust_key_load(key, &private_key, msg);
	if (r == TRUST_OK &&
	    X509_check_private_key(sk_X509_value(stack, 0), private_key) != 1)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want the private key of %s, got another", key,
		    certificate);
	ERR_clear_error();
	EVP_PKEY_free(private_key);
	sk_X509_pop_free(stack, X509_free);
	return r;
}

/* libmosquitto looks at the files when it connects, and says little. */
static enum trust_err
check_tls(const struct trust_mqtt_options *o, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;

	if (o->cafile == NULL && o->cert == NULL && o->tls_key == NULL)
		return TRUST_OK;
	if (o->cafile == NULL || (o->cert == NULL) != (o->tls_key == NULL))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want --cafile for TLS, and a certificate together with "
		    "its key, got %s",
		    o->cafile == NULL ? "no --cafile"
		    : o->cert == NULL ? "a key alone"
				      : "a certificate alone");
	r = trust_certfile_load(o->cafile, &stack, msg);
	sk_X509_pop_free(stack, X509_free);
	if (r == TRUST_OK && o->cert != NULL)
		r = check_pair(o->cert, o->tls_key, msg);
	return r;
}

static enum trust_err
set_tls(struct trust_mqtt *mqtt, struct trust_message *msg)
{
	const struct trust_mqtt_options *o = mqtt->options;

	if (o->cafile == NULL)
		return TRUST_OK;
	if (mosquitto_tls_set(mqtt->mosquitto, o->cafile, NULL, o->cert,
		o->tls_key, no_passphrase) != MOSQ_ERR_SUCCESS)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want files that can be read, got %s%s%s%s%s", o->cafile,
		    o->cert != NULL ? ", " : "", o->cert != NULL ? o->cert : "",
		    o->cert != NULL ? ", " : "",
		    o->cert != NULL ? o->tls_key : "");
	return TRUST_OK;
}

/* A new handle. */
static enum trust_err
prepare(struct trust_mqtt *mqtt, struct trust_message *msg)
{
	const struct trust_mqtt_options *o = mqtt->options;
	struct mosquitto *mosquitto = mosquitto_new(o->id, true, mqtt);
	int code;

	mqtt->mosquitto = mosquitto;
	if (mosquitto == NULL)
		return trust_err_set(msg,
		    errno == EINVAL ? TRUST_ERR_INPUT : TRUST_ERR_NOMEM,
		    "--id: want an MQTT client id, got \"%s\"",
		    o->id != NULL ? o->id : "");
	mosquitto_log_callback_set(mosquitto, on_log);
	mosquitto_connect_callback_set(mosquitto, on_connect);
	mosquitto_subscribe_callback_set(mosquitto, on_subscribe);
	mosquitto_publish_v5_callback_set(mosquitto, on_publish);
	mosquitto_message_v5_callback_set(mosquitto, on_message);
	code = mosquitto_int_option(mosquitto, MOSQ_OPT_TCP_NODELAY, 1);
	if (code == MOSQ_ERR_SUCCESS && o->v5)
		code = mosquitto_int_option(
		    mosquitto, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	if (code != MOSQ_ERR_SUCCESS)
		return fail(mqtt, code, msg);
	if (o->username != NULL)
		code = mosquitto_username_pw_set(mosquitto, o->username,
		    o->password != NULL ? o->password
					: (const char *)mqtt->password.p);
	if (code != MOSQ_ERR_SUCCESS)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "--username, --password-file: want what MQTT can carry, "
		    "got: %s",
		    mosquitto_strerror(code));
	return set_tls(mqtt, msg);
}

static enum trust_err
load_password(struct trust_mqtt *mqtt, struct trust_message *msg)
{
	const char *path = mqtt->options->password_file;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (path == NULL)
		return TRUST_OK;
	if (mqtt->options->username == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "--password-file: want --username as well, got none");
	r = trust_files_read(path, PASSWORD_MAX, &mqtt->password, msg);
	if (r == TRUST_OK)
		r = trust_buf_add(&mqtt->password, "\n", 1);
	if (r != TRUST_OK)
		return r;
	mqtt->password.p[strcspn((char *)mqtt->password.p, "\r\n")] = '\0';
	return TRUST_OK;
}

/* Which port, and the address for people: an IPv6 address in brackets (RFC
 * 3986 section 3.2.2). */
static enum trust_err
set_address(struct trust_mqtt *mqtt)
{
	const struct trust_mqtt_options *o = mqtt->options;
	bool is_ipv6 = strchr(o->host, ':') != NULL;

	mqtt->port = o->port;
	if (mqtt->port == 0)
		mqtt->port = o->cafile != NULL ? PORT_TLS : PORT_PLAIN;
	if (asprintf(&mqtt->address, "%s%s%s:%d", is_ipv6 ? "[" : "", o->host,
		is_ipv6 ? "]" : "", mqtt->port) < 0) {
		mqtt->address = NULL;
		return TRUST_ERR_NOMEM;
	}
	return TRUST_OK;
}

void
trust_mqtt_take_id(
    struct trust_mqtt_options *options, char id[TRUST_ID_MAX + 1])
{
	if (options->id == NULL && options->cert != NULL &&
	    trust_certfile_read_id(options->cert, id))
		options->id = id;
}

enum trust_err
trust_mqtt_open(const struct trust_mqtt_options *options,
    const struct trust_mqtt_events *events, struct trust_mqtt **out,
    struct trust_message *msg)
{
	/* A broker may hang up while something is written to it. That is an
	 * error of that connection, and libmosquitto says so. */
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct trust_mqtt *mqtt = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	mqtt = calloc(1, sizeof(*mqtt));
	if (mqtt == NULL || mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
		free(mqtt);
		return TRUST_ERR_NOMEM;
	}
	(void)sigaction(SIGPIPE, &ignore, &mqtt->pipe);
	mqtt->options = options;
	mqtt->events = events;
	mqtt->backoff_ms = BACKOFF_MIN_MS;
	r = set_address(mqtt);
	if (r == TRUST_OK)
		r = check_tls(options, msg);
	if (r == TRUST_OK)
		r = load_password(mqtt, msg);
	if (r == TRUST_OK)
		r = prepare(mqtt, msg);
	if (r != TRUST_OK)
		goto out;
	*out = mqtt;
	mqtt = NULL; /* transferred */
out:
	trust_mqtt_close(mqtt);
	return r;
}

void
trust_mqtt_close(struct trust_mqtt *mqtt)
{
	int64_t deadline = trust_progress_now_ms() + CLOSE_MS;

	if (mqtt == NULL)
		return;
	if (mqtt->started &&
	    mosquitto_disconnect(mqtt->mosquitto) == MOSQ_ERR_SUCCESS) {
		while (trust_progress_now_ms() < deadline &&
		       mosquitto_loop(mqtt->mosquitto, CLOSE_MS, 1) ==
			   MOSQ_ERR_SUCCESS)
			;
	}
	mosquitto_destroy(mqtt->mosquitto);
	mosquitto_lib_cleanup();
	(void)sigaction(SIGPIPE, &mqtt->pipe, NULL);
	trust_files_wipe(&mqtt->password);
	free(mqtt->address);
	free(mqtt);
}

const char *
trust_mqtt_get0_address(const struct trust_mqtt *mqtt)
{
	return mqtt->address;
}

/* ---- Running ---- */

/* Up to a quarter more or less, so that not all come back at once. */
static int64_t
jitter(int64_t wait_ms)
{
	uint16_t random = 0;

	(void)RAND_bytes((unsigned char *)&random, sizeof(random));
	return wait_ms * 3 / 4 + wait_ms / 2 * random / UINT16_MAX;
}

/* Why the connection is gone, for a person. */
static void
explain(const struct trust_mqtt *mqtt, int code, struct trust_message *out)
{
	struct trust_message why = mqtt->why;
	bool is_silent = mqtt->connected && !mqtt->answered;
	const char *hint = "";
	size_t len;

	/* What listens there took the connection and not our CONNECT. */
	if (is_silent && mqtt->options->cafile == NULL)
		hint = "; is it a broker that speaks TLS? Then give its trust "
		       "anchors with --cafile";
	else if (is_silent && why.text[0] == '\0')
		hint = "; the broker's log says why";
	if (why.text[0] == '\0')
		(void)fail(mqtt, code, &why);
	/* Some of libmosquitto's end like sentences. */
	len = strlen(why.text);
	if (len > 0 && why.text[len - 1] == '.')
		why.text[len - 1] = '\0';
	(void)trust_err_set(out, TRUST_OK, "%s%s", why.text, hint);
}

static void
drop(struct trust_mqtt *mqtt, int code)
{
	struct trust_message why;

	explain(mqtt, code, &why);
	mosquitto_destroy(mqtt->mosquitto);
	mqtt->mosquitto = NULL;
	mqtt->started = false;
	mqtt->connected = false;
	mqtt->answered = false;
	mqtt->broken = MOSQ_ERR_SUCCESS;
	mqtt->n_unacknowledged = 0;
	mqtt->why.text[0] = '\0';
	mqtt->due_ms = trust_progress_now_ms() + jitter(mqtt->backoff_ms);
	mqtt->backoff_ms = 2 * mqtt->backoff_ms < BACKOFF_MAX_MS
			       ? 2 * mqtt->backoff_ms
			       : BACKOFF_MAX_MS;
	mqtt->events->disconnected(mqtt->events->arg, why.text);
}

static void
start(struct trust_mqtt *mqtt)
{
	int code = MOSQ_ERR_NOMEM;

	mqtt->started = true;
	mqtt->refused = false;
	if (mqtt->mosquitto != NULL || prepare(mqtt, &mqtt->why) == TRUST_OK)
		code = mosquitto_connect(mqtt->mosquitto, mqtt->options->host,
		    mqtt->port, KEEPALIVE_S);
	if (code == MOSQ_ERR_ERRNO)
		trust_dial_restore_errno(mqtt->options->host, mqtt->port);
	if (code != MOSQ_ERR_SUCCESS)
		drop(mqtt, code);
	else
		mqtt->connected = true;
}

int64_t
trust_mqtt_wait_ms(const struct trust_mqtt *mqtt)
{
	int64_t wait_ms = mqtt->due_ms - trust_progress_now_ms();

	return mqtt->started || wait_ms < 0 ? 0 : wait_ms;
}

bool
trust_mqtt_is_refused(const struct trust_mqtt *mqtt)
{
	return mqtt->refused;
}

void
trust_mqtt_run(struct trust_mqtt *mqtt, int timeout_ms)
{
	int64_t wait_ms = trust_mqtt_wait_ms(mqtt);
	int code;

	if (wait_ms > 0) {
		(void)poll(
		    NULL, 0, wait_ms < timeout_ms ? (int)wait_ms : timeout_ms);
		return;
	}
	if (!mqtt->started)
		start(mqtt);
	if (!mqtt->started)
		return;
	code = mqtt->broken;
	if (code == MOSQ_ERR_SUCCESS)
		code = mosquitto_loop(mqtt->mosquitto, timeout_ms, 1);
	if (code != MOSQ_ERR_SUCCESS)
		drop(mqtt, code);
}

/* ---- Saying something ---- */

/* A connection that breaks is told in one place, trust_mqtt_run. */
static enum trust_err
sent(struct trust_mqtt *mqtt, int code, struct trust_message *msg)
{
	switch (code) {
	case MOSQ_ERR_SUCCESS:
		return TRUST_OK;
	case MOSQ_ERR_NOMEM:
	case MOSQ_ERR_INVAL:
	case MOSQ_ERR_PAYLOAD_SIZE:
	case MOSQ_ERR_OVERSIZE_PACKET:
		return trust_err_prefix(
		    msg, fail(mqtt, code, msg), "%s", mqtt->address);
	default:
		mqtt->broken = code;
		return TRUST_OK;
	}
}

enum trust_err
trust_mqtt_subscribe(
    struct trust_mqtt *mqtt, const char *topic, struct trust_message *msg)
{
	return sent(
	    mqtt, mosquitto_subscribe(mqtt->mosquitto, NULL, topic, 1), msg);
}

enum trust_err
trust_mqtt_publish(struct trust_mqtt *mqtt, const char *topic,
    struct trust_span payload, bool retain, struct trust_message *msg)
{
	mqtt->n_unacknowledged++;
	return sent(mqtt,
	    mosquitto_publish(mqtt->mosquitto, NULL, topic, (int)payload.len,
		payload.p, 1, retain),
	    msg);
}

int
trust_mqtt_count_unacknowledged(const struct trust_mqtt *mqtt)
{
	return mqtt->n_unacknowledged;
}

/* ---- Reading ---- */

char *
trust_mqtt_message_get1_property(
    const struct trust_mqtt_message *message, const char *name)
{
	const mosquitto_property *at = message->properties;
	char *key, *value, *only = NULL;
	bool skip = false;
	size_t n = 0;

	while (at != NULL) {
		key = NULL;
		value = NULL;
		at = mosquitto_property_read_string_pair(
		    at, MQTT_PROP_USER_PROPERTY, &key, &value, skip);
		skip = true;
		if (key != NULL && strcmp(key, name) == 0 && n++ == 0) {
			only = value;
			value = NULL; /* transferred */
		}
		free(key);
		free(value);
	}
	if (n == 1)
		return only;
	free(only);
	return NULL;
}
