/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A live client that asks how long the broker keeps it waiting:
 *
 *	ping PORT INTERVAL_US
 *
 * It connects in plain TCP, prints a line, and sends a PINGREQ at each
 * interval, whether or not the last one was answered: a broker that stands
 * still makes all of them wait that come meanwhile. For each line that it
 * reads it prints "SENT_US WAITED_US" for each answer since the last time,
 * on the monotonic clock, and an empty line.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Pings on the way: five minutes of them, at one in 5 ms. */
#define WAITING_MAX 65536
/* Answers between two orders. */
#define ANSWERS_MAX (16 * 1024 * 1024)

/* MQTT 3.1.1 sections 3.12 and 3.13. */
static const uint8_t pingreq[] = {0xC0, 0};
static const uint8_t pingresp[] = {0xD0, 0};

struct answer {
	int64_t sent_us;
	int64_t waited_us;
};

struct ping {
	int fd;
	int64_t interval_us;
	int64_t next_us;
	/* When those on the way were sent, in a ring. */
	int64_t waiting[WAITING_MAX];
	size_t first, n_waiting;
	bool half;              /* of an answer has come */
	struct answer *answers; /* owned */
	size_t n_answers, room;
};

static int64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool
fail(const char *what)
{
	fprintf(stderr, "ping: %s: %s\n", what, strerror(errno));
	return false;
}

/* ---- The connection ---- */

/* Sections 3.1 and 3.2: a clean session without keep alive. */
static bool
introduce(int fd)
{
	static const uint8_t connect_packet[] = {0x10, 16, 0, 4, 'M', 'Q', 'T',
	    'T', 4, 0x02, 0, 0, 0, 4, 'p', 'i', 'n', 'g'};
	static const uint8_t accepted[] = {0x20, 2, 0, 0};
	uint8_t connack[sizeof(accepted)] = {0};

	errno = 0;
	if (write(fd, connect_packet, sizeof(connect_packet)) !=
		sizeof(connect_packet) ||
	    recv(fd, connack, sizeof(connack), MSG_WAITALL) !=
		sizeof(connack) ||
	    memcmp(connack, accepted, sizeof(accepted)) != 0)
		return fail("CONNECT, want it accepted");
	return true;
}

static bool
dial(struct ping *ping, int port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1;

	ping->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (ping->fd < 0 ||
	    setsockopt(ping->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) !=
		0 ||
	    connect(ping->fd, (struct sockaddr *)&address, sizeof(address)) !=
		0)
		return fail("connecting");
	return introduce(ping->fd);
}

/* ---- Pings ---- */

static bool
send_ping(struct ping *ping)
{
	size_t last = (ping->first + ping->n_waiting) % WAITING_MAX;

	ping->next_us += ping->interval_us;
	if (ping->n_waiting == WAITING_MAX)
		return fail("the broker answers no more");
	ping->waiting[last] = now_us();
	ping->n_waiting++;
	if (write(ping->fd, pingreq, sizeof(pingreq)) != sizeof(pingreq))
		return fail("PINGREQ");
	return true;
}

static bool
add_answer(struct ping *ping, struct answer answer)
{
	size_t room = ping->room == 0 ? 1024 : 2 * ping->room;
	struct answer *answers;

	if (ping->n_answers == ping->room) {
		answers = room > ANSWERS_MAX
			      ? NULL
			      : realloc(ping->answers, room * sizeof(*answers));
		if (answers == NULL)
			return fail("keeping the answers");
		ping->answers = answers;
		ping->room = room;
	}
	ping->answers[ping->n_answers++] = answer;
	return true;
}

static bool
take_octet(struct ping *ping, uint8_t octet, int64_t now)
{
	int64_t sent = ping->waiting[ping->first];

	if (octet != pingresp[ping->half] || ping->n_waiting == 0)
		return fail("want PINGRESP, got something else");
	ping->half = !ping->half;
	if (ping->half)
		return true;
	ping->first = (ping->first + 1) % WAITING_MAX;
	ping->n_waiting--;
	return add_answer(ping, (struct answer){sent, now - sent});
}

static bool
receive(struct ping *ping)
{
	uint8_t b[1024];
	ssize_t n = read(ping->fd, b, sizeof(b));
	int64_t now = now_us();
	bool ok = n > 0;

	if (!ok)
		return fail("the broker has closed the connection");
	for (ssize_t i = 0; ok && i < n; i++)
		ok = take_octet(ping, b[i], now);
	return ok;
}

/* ---- Orders ---- */

static bool
tell_answers(struct ping *ping)
{
	for (size_t i = 0; i < ping->n_answers; i++)
		printf("%lld %lld\n", (long long)ping->answers[i].sent_us,
		    (long long)ping->answers[i].waited_us);
	ping->n_answers = 0;
	(void)puts("");
	return fflush(stdout) == 0 || fail("writing");
}

/* One octet is one order: lines are empty. */
static bool
obey(struct ping *ping, bool *end)
{
	char order;
	ssize_t n = read(STDIN_FILENO, &order, 1);

	*end = n == 0;
	if (n < 0)
		return fail("reading");
	return *end || tell_answers(ping);
}

static bool
wait_for(struct ping *ping, struct pollfd waits[2])
{
	int64_t left_us = ping->next_us - now_us();
	struct timespec left = {0};

	if (left_us > 0) {
		left.tv_sec = left_us / 1000000;
		left.tv_nsec = left_us % 1000000 * 1000;
	}
	return ppoll(waits, 2, &left, NULL) >= 0 || fail("poll");
}

static bool
run(struct ping *ping)
{
	struct pollfd waits[2] = {{.fd = ping->fd, .events = POLLIN},
	    {.fd = STDIN_FILENO, .events = POLLIN}};
	bool ok = puts("ready") >= 0 && fflush(stdout) == 0;
	bool end = false;

	ping->next_us = now_us();
	while (ok && !end) {
		ok = wait_for(ping, waits);
		if (ok && waits[0].revents != 0)
			ok = receive(ping);
		if (ok && waits[1].revents != 0)
			ok = obey(ping, &end);
		if (ok && !end && now_us() >= ping->next_us)
			ok = send_ping(ping);
	}
	return ok;
}

int
main(int argc, char **argv)
{
	static struct ping ping = {.fd = -1};
	int port = argc == 3 ? atoi(argv[1]) : 0;
	bool ok;

	ping.interval_us = argc == 3 ? atoi(argv[2]) : 0;
	if (port <= 0 || ping.interval_us <= 0) {
		fprintf(stderr, "usage: ping PORT INTERVAL_US\n");
		return 2;
	}
	ok = dial(&ping, port) && run(&ping);
	free(ping.answers);
	return ok ? 0 : 1;
}
