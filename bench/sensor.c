/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated sensor. Packets are MQTT 3.1.1 (sections in the comments), and
 * so short that their length takes one octet.
 */
#include "sensor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Longest remaining length that takes one octet: section 2.2.3. */
#define BODY_MAX 127
/* What a record adds to a packet: header, content type, tag. RFC 8446 section
 * 5.2. */
#define RECORD_OVERHEAD (5 + 1 + 16)
/* A broker that has said nothing for so long is broken. */
#define PATIENCE_S 20

/* First octets of packets, with the flags that each has to have: section
 * 2.2.1. */
enum packet_type {
	CONNECT = 0x10,
	CONNACK = 0x20,
	PUBLISH = 0x30, /* QoS 0, not retained */
	SUBSCRIBE = 0x82,
	SUBACK = 0x90,
	DISCONNECT = 0xE0,
};

struct trust_sensor {
	char *client_id;      /* owned */
	SSL_CTX *ctx;         /* holds the certificates and the key */
	SSL *ssl;             /* NULL: not connected */
	int fd;               /* with ssl */
	SSL_SESSION *session; /* of the last connection, with its ticket */
};

struct packet {
	uint8_t b[2 + BODY_MAX];
	size_t len;
	bool overflown; /* something did not fit */
};

/* ---- Certificates ---- */

enum trust_err
trust_sensor_new(const char *client_id, const char *chain, const char *key,
    int tls, struct trust_sensor **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_sensor *sensor = calloc(1, sizeof(*sensor));

	*out = NULL;
	if (sensor == NULL)
		return TRUST_ERR_NOMEM;
	sensor->client_id = strdup(client_id);
	sensor->ctx = SSL_CTX_new(TLS_client_method());
	if (sensor->client_id == NULL || sensor->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(sensor->ctx, tls) != 1 ||
	    SSL_CTX_set_max_proto_version(sensor->ctx, tls) != 1)
		goto out;
	if (SSL_CTX_use_certificate_chain_file(sensor->ctx, chain) != 1 ||
	    SSL_CTX_use_PrivateKey_file(sensor->ctx, key, SSL_FILETYPE_PEM) !=
		1) {
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s and %s: want a certificate and its key", chain, key);
		goto out;
	}
	*out = sensor;
	sensor = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_sensor_free(sensor);
	return r;
}

static void
hang_up(struct trust_sensor *sensor)
{
	if (sensor->ssl == NULL)
		return;
	SSL_free(sensor->ssl);
	sensor->ssl = NULL;
	(void)close(sensor->fd);
}

void
trust_sensor_free(struct trust_sensor *sensor)
{
	if (sensor == NULL)
		return;
	hang_up(sensor);
	SSL_SESSION_free(sensor->session);
	SSL_CTX_free(sensor->ctx);
	free(sensor->client_id);
	free(sensor);
}

/* ---- Packets ---- */

static enum trust_err
fail(const struct trust_sensor *sensor, struct trust_message *msg,
    const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	int error = errno;

	ERR_clear_error();
	return trust_err_set(msg, TRUST_ERR_IO, "%s: %s: %s", sensor->client_id,
	    what, reason != NULL ? reason : strerror(error));
}

static void
add(struct packet *packet, const void *p, size_t len)
{
	if (len > sizeof(packet->b) - packet->len) {
		packet->overflown = true;
		return;
	}
	memcpy(packet->b + packet->len, p, len);
	packet->len += len;
}

static void
add_number(struct packet *packet, size_t number)
{
	uint8_t b[2] = {(uint8_t)(number >> 8), (uint8_t)number};

	add(packet, b, sizeof(b));
}

/* Section 1.5.3. */
static void
add_text(struct packet *packet, const char *text)
{
	add_number(packet, strlen(text));
	add(packet, text, strlen(text));
}

static enum trust_err
send_packet(struct trust_sensor *sensor, enum packet_type type,
    struct packet *packet, struct trust_message *msg)
{
	size_t written;

	if (packet->overflown)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: a packet, want at most %d octets, got more",
		    sensor->client_id, BODY_MAX);
	packet->b[0] = (uint8_t)type;
	packet->b[1] = (uint8_t)(packet->len - 2);
	if (SSL_write_ex(sensor->ssl, packet->b, packet->len, &written) != 1)
		return fail(sensor, msg, "writing");
	return TRUST_OK;
}

static enum trust_err
read_all(struct trust_sensor *sensor, uint8_t *p, size_t len,
    struct trust_message *msg)
{
	size_t n;

	for (; len > 0; p += n, len -= n) {
		errno = 0;
		if (SSL_read_ex(sensor->ssl, p, len, &n) != 1)
			return fail(sensor, msg, "reading");
	}
	return TRUST_OK;
}

/* The next packet, which has to be of this type. */
static enum trust_err
receive_packet(struct trust_sensor *sensor, enum packet_type type,
    struct packet *packet, struct trust_message *msg)
{
	enum trust_err r = read_all(sensor, packet->b, 2, msg);

	if (r != TRUST_OK)
		return r;
	if (packet->b[0] != type || packet->b[1] > BODY_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: a packet, want type %02x, got %02x with length %02x",
		    sensor->client_id, type, packet->b[0], packet->b[1]);
	packet->len = 2 + (size_t)packet->b[1];
	return read_all(sensor, packet->b + 2, packet->b[1], msg);
}

/* ---- Coming and going ---- */

static enum trust_err
dial(struct trust_sensor *sensor, int port, struct trust_message *msg)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return fail(sensor, msg, "socket");
	sensor->ssl = SSL_new(sensor->ctx);
	if (sensor->ssl == NULL) {
		(void)close(fd);
		return TRUST_ERR_INTERNAL;
	}
	sensor->fd = fd;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		sizeof(patience)) != 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    SSL_set_fd(sensor->ssl, fd) != 1)
		return fail(sensor, msg, "connecting");
	return TRUST_OK;
}

static enum trust_err
shake_hands(struct trust_sensor *sensor, bool resume, struct trust_message *msg)
{
	if (resume && (sensor->session == NULL ||
			  SSL_set_session(sensor->ssl, sensor->session) != 1))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: resuming, want a ticket, got none", sensor->client_id);
	errno = 0;
	if (SSL_connect(sensor->ssl) != 1)
		return fail(sensor, msg, "handshake");
	if (resume && SSL_session_reused(sensor->ssl) != 1)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: resuming, want the ticket taken, got a full handshake",
		    sensor->client_id);
	return TRUST_OK;
}

/* Sections 3.1 and 3.2. */
static enum trust_err
introduce(struct trust_sensor *sensor, struct trust_message *msg)
{
	static const uint8_t level_flags_keep_alive[] = {4, 0x02, 0, 0};
	struct packet connect = {.len = 2}, connack;
	enum trust_err r;

	add_text(&connect, "MQTT");
	add(&connect, level_flags_keep_alive, sizeof(level_flags_keep_alive));
	add_text(&connect, sensor->client_id);
	r = send_packet(sensor, CONNECT, &connect, msg);
	if (r == TRUST_OK)
		r = receive_packet(sensor, CONNACK, &connack, msg);
	if (r == TRUST_OK && (connack.len != 4 || connack.b[3] != 0))
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: CONNACK, want code 0, got %d", sensor->client_id,
		    connack.b[3]);
	return r;
}

enum trust_err
trust_sensor_connect(struct trust_sensor *sensor, int port, bool resume,
    struct trust_message *msg)
{
	enum trust_err r = dial(sensor, port, msg);

	if (r == TRUST_OK)
		r = shake_hands(sensor, resume, msg);
	if (r == TRUST_OK)
		r = introduce(sensor, msg);
	if (r != TRUST_OK) {
		hang_up(sensor);
		return r;
	}
	/* The tickets have come before the CONNACK: RFC 8446 section 4.6.1,
	 * RFC 5077 section 3.3. */
	SSL_SESSION_free(sensor->session);
	sensor->session = SSL_get1_session(sensor->ssl);
	return TRUST_OK;
}

bool
trust_sensor_is_connected(const struct trust_sensor *sensor)
{
	return sensor->ssl != NULL;
}

void
trust_sensor_drop(struct trust_sensor *sensor)
{
	hang_up(sensor);
}

/* Until the broker has closed. */
static enum trust_err
await_end(struct trust_sensor *sensor, struct trust_message *msg)
{
	uint8_t byte;
	size_t n;
	int got = SSL_read_ex(sensor->ssl, &byte, 1, &n);

	if (got != 1 && SSL_get_error(sensor->ssl, got) != SSL_ERROR_WANT_READ)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "%s: DISCONNECT, want the connection closed, got %s",
	    sensor->client_id, got == 1 ? "data" : "nothing");
}

enum trust_err
trust_sensor_disconnect(struct trust_sensor *sensor, struct trust_message *msg)
{
	struct packet disconnect = {.len = 2};
	enum trust_err r = send_packet(sensor, DISCONNECT, &disconnect, msg);

	/* Without this the ticket would not count; the broker may have closed
	 * already. */
	(void)SSL_shutdown(sensor->ssl);
	if (r == TRUST_OK)
		r = await_end(sensor, msg);
	ERR_clear_error();
	hang_up(sensor);
	return r;
}

/* ---- Messages ---- */

/* Sections 3.8 and 3.9. */
enum trust_err
trust_sensor_subscribe(
    struct trust_sensor *sensor, const char *filter, struct trust_message *msg)
{
	static const uint8_t qos = 0;
	struct packet subscribe = {.len = 2}, suback;
	enum trust_err r;

	add_number(&subscribe, 1);
	add_text(&subscribe, filter);
	add(&subscribe, &qos, sizeof(qos));
	r = send_packet(sensor, SUBSCRIBE, &subscribe, msg);
	if (r == TRUST_OK)
		r = receive_packet(sensor, SUBACK, &suback, msg);
	if (r == TRUST_OK && (suback.len != 5 || suback.b[4] != 0))
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: SUBACK for %s, want QoS 0, got code %02x",
		    sensor->client_id, filter, suback.b[4]);
	return r;
}

/* Section 3.3. */
enum trust_err
trust_sensor_publish(
    struct trust_sensor *sensor, const char *topic, struct trust_message *msg)
{
	static const uint8_t payload[TRUST_SENSOR_PAYLOAD];
	struct packet publish = {.len = 2};

	add_text(&publish, topic);
	add(&publish, payload, sizeof(payload));
	return send_packet(sensor, PUBLISH, &publish, msg);
}

/* Until so many octets are there to be read. */
static enum trust_err
await_octets(struct trust_sensor *sensor, int n, struct trust_message *msg)
{
	struct pollfd wait = {.fd = sensor->fd, .events = POLLIN};

	if (setsockopt(sensor->fd, SOL_SOCKET, SO_RCVLOWAT, &n, sizeof(n)) != 0)
		return fail(sensor, msg, "setting SO_RCVLOWAT");
	if (poll(&wait, 1, PATIENCE_S * 1000) != 1)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: messages, want %d octets of them, got fewer",
		    sensor->client_id, n);
	return TRUST_OK;
}

enum trust_err
trust_sensor_receive(struct trust_sensor *sensor, const char *topic, int n,
    struct trust_message *msg)
{
	struct packet publish;
	int each = 2 + 2 + (int)strlen(topic) + TRUST_SENSOR_PAYLOAD;
	enum trust_err r;

	r = await_octets(sensor, n * (each + RECORD_OVERHEAD), msg);
	for (int i = 0; r == TRUST_OK && i < n; i++)
		r = receive_packet(sensor, PUBLISH, &publish, msg);
	return r;
}
