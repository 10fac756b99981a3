/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a host name to a TCP connection, in bounded time, one address after
 * the other: for who wants to know which of them answer.
 */
#ifndef TRUST_DIAL_H
#define TRUST_DIAL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Addresses of a name that are looked at. */
#define TRUST_DIAL_MAX 16
/* Octets of an address as text, with the NUL: IPv6 with a scope (RFC 4007). */
#define TRUST_DIAL_TEXT 64

struct trust_dial_address {
	struct sockaddr_storage to;
	socklen_t len;
	char text[TRUST_DIAL_TEXT]; /* numeric, without the port */
};

struct trust_dial_addresses {
	struct trust_dial_address v[TRUST_DIAL_MAX];
	size_t n;
};

/*
 * The addresses of a name, or of an address as text, in the order in which the
 * system would try them. Returns 0 or an EAI_…; EAI_INPROGRESS: no answer in
 * time.
 */
int trust_dial_resolve(const char *host, int port, int timeout_ms,
    struct trust_dial_addresses *out);

/* Connect. Returns a socket that does not block, which the caller closes, or
 * -1 with errno; ETIMEDOUT: no answer in time. */
int trust_dial_connect(const struct trust_dial_address *to, int timeout_ms);

/*
 * For who connects without a bound, as libmosquitto does, to one address after
 * the other: from now on a signal interrupts each attempt that lasts so long,
 * and poll() with it. What SIGALRM did before comes back at the end.
 */
struct trust_dial_limit {
	struct sigaction before;
};
void trust_dial_limit_begin(struct trust_dial_limit *limit, int timeout_s);
void trust_dial_limit_end(struct trust_dial_limit *limit);

/*
 * For who has MOSQ_ERR_ERRNO of mosquitto_connect(): libmosquitto 2.1 asks for
 * the peer also where there is no connection, and errno is EBADF then,
 * whatever failed. Where it is, the address that was tried last is tried once
 * more, and errno says why that fails; EAGAIN: it does not.
 */
void trust_dial_restore_errno(const char *host, int port);

/* Whether the text is an address and no name. */
bool trust_dial_is_address(const char *host);

#endif
