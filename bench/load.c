/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The load generator:
 *
 *	load MODE PORT SENSORS COUNT [TOPIC]
 *
 * SENSORS is a file with a line for each: CLIENT-ID, CHAIN.pem and KEY.pem
 * with tabs between them. Where TOPIC has a +, messages have ten topics in
 * turn. It prepares, prints a line, and then does a batch
 * and prints a line for each line that it reads, so that others can look at
 * the broker in between.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor.h"

/* Sensors of one file. */
#define SENSORS_MAX 10000
/* Messages on the way: enough for the broker to be busy, and none is dropped
 * (max_queued_messages is 1000). A batch has a multiple of it. */
#define WINDOW    100
#define TOPIC_MAX 128

struct load {
	int port;
	long count; /* connects or messages of a batch */
	const char *topic;
	struct trust_sensor **v; /* owned */
	size_t n;
	size_t next; /* whose turn it is */
	int tls;     /* the version */
};

typedef enum trust_err step(struct load *load, struct trust_message *msg);

/* ---- Sensors ---- */

static enum trust_err
add_sensor(struct load *load, const char *line, struct trust_message *msg)
{
	char id[300], chain[4096], key[4096];
	enum trust_err r;

	if (sscanf(line, "%299[^\t]\t%4095[^\t]\t%4095[^\n]", id, chain, key) !=
	    3)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want CLIENT-ID, CHAIN.pem, KEY.pem, got \"%s\"", line);
	if (load->n == SENSORS_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want at most %d sensors, got more", SENSORS_MAX);
	r = trust_sensor_new(id, chain, key, load->tls, &load->v[load->n], msg);
	if (r == TRUST_OK)
		load->n++;
	return r;
}

static enum trust_err
read_sensors(struct load *load, const char *path, struct trust_message *msg)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	enum trust_err r = TRUST_OK;

	if (file == NULL)
		return trust_err_set(
		    msg, TRUST_ERR_IO, "%s: cannot be read", path);
	while (r == TRUST_OK && getline(&line, &size, file) > 0)
		r = add_sensor(load, line, msg);
	free(line);
	if (fclose(file) != 0 && r == TRUST_OK)
		r = TRUST_ERR_IO;
	if (r == TRUST_OK && load->n == 0)
		r = trust_err_set(
		    msg, TRUST_ERR_INPUT, "%s: want sensors, got none", path);
	return r;
}

/* ---- What to do ---- */

static enum trust_err
come_and_go(struct load *load, bool resume, struct trust_message *msg)
{
	struct trust_sensor *sensor = load->v[load->next];
	enum trust_err r =
	    trust_sensor_connect(sensor, load->port, resume, msg);

	if (r == TRUST_OK)
		r = trust_sensor_disconnect(sensor, msg);
	load->next = (load->next + 1) % load->n;
	return r;
}

static enum trust_err
do_nothing(struct load *load, struct trust_message *msg)
{
	(void)load;
	(void)msg;
	return TRUST_OK;
}

static enum trust_err
connect_batch(struct load *load, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (long i = 0; r == TRUST_OK && i < load->count; i++)
		r = come_and_go(load, false, msg);
	return r;
}

static enum trust_err
fetch_tickets(struct load *load, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < load->n; i++)
		r = come_and_go(load, false, msg);
	return r;
}

static enum trust_err
resume_batch(struct load *load, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (long i = 0; r == TRUST_OK && i < load->count; i++)
		r = come_and_go(load, true, msg);
	return r;
}

static enum trust_err
connect_all(struct load *load, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < load->n; i++)
		r = trust_sensor_connect(load->v[i], load->port, false, msg);
	return r;
}

/* All are cut off, or all come, one after the other. */
static enum trust_err
cut_or_return(struct load *load, struct trust_message *msg)
{
	if (!trust_sensor_is_connected(load->v[0]))
		return connect_all(load, msg);
	for (size_t i = 0; i < load->n; i++)
		trust_sensor_drop(load->v[i]);
	return TRUST_OK;
}

/* The first sensor publishes, the second subscribes. */
static enum trust_err
connect_pair(struct load *load, struct trust_message *msg)
{
	enum trust_err r;

	if (load->n != 2 || load->topic == NULL ||
	    strlen(load->topic) >= TOPIC_MAX || load->count % WINDOW != 0)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "messages, want two sensors, a topic and a multiple of %d",
		    WINDOW);
	r = connect_all(load, msg);
	if (r == TRUST_OK)
		r = trust_sensor_subscribe(load->v[1], load->topic, msg);
	return r;
}

static enum trust_err
message_batch(struct load *load, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	char topic[TOPIC_MAX];
	char *turn;

	(void)snprintf(topic, sizeof(topic), "%s", load->topic);
	turn = strchr(topic, '+');
	for (long done = 0; r == TRUST_OK && done < load->count;
	     done += WINDOW) {
		for (int i = 0; r == TRUST_OK && i < WINDOW; i++) {
			if (turn != NULL)
				*turn = (char)('0' + i % 10);
			r = trust_sensor_publish(load->v[0], topic, msg);
		}
		if (r == TRUST_OK)
			r = trust_sensor_receive(
			    load->v[1], topic, WINDOW, msg);
	}
	return r;
}

static const struct mode {
	const char *name;
	step *prepare;
	step *batch;
	int tls;
} modes[] = {
    {"connect", do_nothing, connect_batch, TLS1_3_VERSION},
    {"connect-1.2", do_nothing, connect_batch, TLS1_2_VERSION},
    {"resume", fetch_tickets, resume_batch, TLS1_3_VERSION},
    {"resume-1.2", fetch_tickets, resume_batch, TLS1_2_VERSION},
    {"hold", connect_all, do_nothing, TLS1_3_VERSION},
    {"storm", do_nothing, cut_or_return, TLS1_3_VERSION},
    {"messages", connect_pair, message_batch, TLS1_3_VERSION},
};

/* ---- Orders ---- */

static const struct mode *
find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	}
	return NULL;
}

static enum trust_err
tell(const char *text)
{
	return puts(text) < 0 || fflush(stdout) != 0 ? TRUST_ERR_IO : TRUST_OK;
}

static enum trust_err
run(struct load *load, const struct mode *mode, const char *sensors,
    struct trust_message *msg)
{
	char order[16];
	enum trust_err r = read_sensors(load, sensors, msg);

	if (r == TRUST_OK)
		r = mode->prepare(load, msg);
	if (r == TRUST_OK)
		r = tell("ready");
	while (r == TRUST_OK && fgets(order, sizeof(order), stdin) != NULL) {
		r = mode->batch(load, msg);
		if (r == TRUST_OK)
			r = tell("done");
	}
	return r;
}

static bool
read_number(const char *text, long max, long *out)
{
	char *end;

	*out = strtol(text, &end, 10);
	return *text != '\0' && *end == '\0' && *out > 0 && *out <= max;
}

int
main(int argc, char **argv)
{
	const struct mode *mode = argc >= 5 ? find_mode(argv[1]) : NULL;
	struct trust_message msg = {0};
	struct load load = {.topic = argc > 5 ? argv[5] : NULL};
	long port;
	enum trust_err r;

	if (mode == NULL || !read_number(argv[2], 65535, &port) ||
	    !read_number(argv[4], 1000000000, &load.count)) {
		fprintf(
		    stderr, "usage: load MODE PORT SENSORS COUNT [TOPIC]\n");
		return 2;
	}
	load.port = (int)port;
	load.tls = mode->tls;
	(void)signal(SIGPIPE, SIG_IGN);
	load.v = calloc(SENSORS_MAX, sizeof(struct trust_sensor *));
	if (load.v == NULL)
		return 2;
	r = run(&load, mode, argv[3], &msg);
	for (size_t i = 0; i < load.n; i++)
		trust_sensor_free(load.v[i]);
	free(load.v);
	if (r == TRUST_OK)
		return 0;
	fprintf(stderr, "load: %s\n",
	    msg.text[0] != '\0' ? msg.text : trust_err_text(r));
	return 1;
}
