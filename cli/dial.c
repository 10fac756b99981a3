/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a host name to a TCP connection, in bounded time.
 */
#include "dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "progress.h"

/* How long to look for why there was no connection. */
#define WHY_MS 2000

/* A question to the resolver. It lives as long as the answer may come. */
struct question {
	struct gaicb gaicb;
	struct addrinfo hints;
	char port[8];
	char host[]; /* terminated */
};

static struct question *
new_question(const char *host, int port)
{
	size_t size = strlen(host) + 1;
	struct question *q = calloc(1, sizeof(*q) + size);

	if (q == NULL)
		return NULL;
	memcpy(q->host, host, size);
	snprintf(q->port, sizeof(q->port), "%d", port);
	q->hints.ai_family = AF_UNSPEC;
	q->hints.ai_socktype = SOCK_STREAM;
	q->hints.ai_flags = AI_NUMERICSERV;
	q->gaicb.ar_name = q->host;
	q->gaicb.ar_service = q->port;
	q->gaicb.ar_request = &q->hints;
	return q;
}

static void
take(const struct addrinfo *info, struct trust_dial_addresses *out)
{
	struct trust_dial_address *address;

	for (; info != NULL && out->n < TRUST_DIAL_MAX; info = info->ai_next) {
		address = &out->v[out->n];
		if (info->ai_addrlen > sizeof(address->to) ||
		    getnameinfo(info->ai_addr, info->ai_addrlen, address->text,
			sizeof(address->text), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		memcpy(&address->to, info->ai_addr, info->ai_addrlen);
		address->len = info->ai_addrlen;
		out->n++;
	}
}

/* getaddrinfo() knows no end; getaddrinfo_a() asks in a thread. */
int
trust_dial_resolve(const char *host, int port, int timeout_ms,
    struct trust_dial_addresses *out)
{
	const struct timespec wait = {
	    timeout_ms / 1000, (long)(timeout_ms % 1000) * 1000000};
	struct question *q = new_question(host, port);
	struct gaicb *list[1];
	int r;

	out->n = 0;
	if (q == NULL)
		return EAI_MEMORY;
	list[0] = &q->gaicb;
	r = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
	if (r == 0) {
		while (gai_suspend((const struct gaicb *const *)list, 1,
			   &wait) == EAI_INTR)
			;
		r = gai_error(&q->gaicb);
	}
	/* Whose question goes on, it stays the resolver's. */
	if (r == EAI_INPROGRESS && gai_cancel(&q->gaicb) != EAI_CANCELED)
		return r;
	if (r == 0) {
		take(q->gaicb.ar_result, out);
		freeaddrinfo(q->gaicb.ar_result);
		if (out->n == 0)
			r = EAI_NONAME;
	}
	free(q);
	return r;
}

/* Until the connection is there, or is known not to come: its errno. */
static int
await(int fd, int timeout_ms)
{
	int64_t deadline = trust_progress_now_ms() + timeout_ms;
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int64_t left;
	int error = 0, n;

	do {
		left = deadline - trust_progress_now_ms();
		n = poll(&wait, 1, left > 0 ? (int)left : 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	if (n == 0)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return errno;
	return error;
}

int
trust_dial_connect(const struct trust_dial_address *to, int timeout_ms)
{
	int fd = socket(
	    to->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&to->to, to->len) != 0)
		error = errno == EINPROGRESS ? await(fd, timeout_ms) : errno;
	if (error == 0)
		return fd;
	(void)close(fd);
	errno = error;
	return -1;
}

static void
on_alarm(int number)
{
	(void)number;
}

void
trust_dial_limit_begin(struct trust_dial_limit *limit, int timeout_s)
{
	const struct sigaction interrupt = {.sa_handler = on_alarm};
	const struct itimerval every = {{timeout_s, 0}, {timeout_s, 0}};

	(void)sigaction(SIGALRM, &interrupt, &limit->before);
	(void)setitimer(ITIMER_REAL, &every, NULL);
}

void
trust_dial_limit_end(struct trust_dial_limit *limit)
{
	const struct itimerval never = {{0, 0}, {0, 0}};

	(void)setitimer(ITIMER_REAL, &never, NULL);
	(void)sigaction(SIGALRM, &limit->before, NULL);
}

void
trust_dial_restore_errno(const char *host, int port)
{
	struct trust_dial_addresses found;
	int fd;

	if (errno != EBADF)
		return;
	if (trust_dial_resolve(host, port, WHY_MS, &found) != 0) {
		errno = ETIMEDOUT;
		return;
	}
	fd = trust_dial_connect(&found.v[found.n - 1], WHY_MS);
	if (fd < 0)
		return;
	(void)close(fd);
	errno = EAGAIN; /* somebody listens now */
}

bool
trust_dial_is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 ||
	       inet_pton(AF_INET6, host, &address) == 1;
}
