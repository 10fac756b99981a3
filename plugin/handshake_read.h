/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose CONNECT is being read. The plugin API does not tell which listener a
 * client came over, nor its TLS connection, and on the listeners where a
 * certificate is optional a client without one must not be taken for a guest
 * of another listener. So those who came without are watched until they are
 * in: what the broker has read of them, and what it waits for.
 */
#ifndef TRUST_HANDSHAKE_READ_H
#define TRUST_HANDSHAKE_READ_H

#include <openssl/types.h>

#include "trust.h"

struct trust_handshake_reads;

/* One at a time in a process. */
enum trust_err trust_handshake_reads_new(struct trust_handshake_reads **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_handshake_reads_free(struct trust_handshake_reads *reads);

/* Watch a connection that may turn out to have no certificate. False without
 * memory. */
bool trust_handshake_reads_watch(
    struct trust_handshake_reads *reads, SSL *ssl) TRUST_MUST_CHECK;
/* It has one. */
void trust_handshake_reads_leave(struct trust_handshake_reads *reads, SSL *ssl);

/*
 * Whether, in the middle of a CONNECT from `address` (as the broker has it, or
 * NULL where that is not the peer's), it may be that of a client that was asked
 * for a certificate and sent none, nor has a pre-shared key. Exact for clients
 * without WebSockets: the broker reads on until a packet is whole, so one of
 * which it waits for more (SSL_want_read(3ssl)) is not the one. Of
 * libwebsockets, which does not, one from there that has sent something since
 * the last tick may be: never the other way round.
 */
bool trust_handshake_reads_any(
    const struct trust_handshake_reads *reads, const char *address);

/* That CONNECT has been decided about, or nobody's is being read. */
void trust_handshake_reads_forget(struct trust_handshake_reads *reads);
/* The same, and who sent it is in: what it sends from now on is not one. */
void trust_handshake_reads_settle(
    struct trust_handshake_reads *reads, const char *address);

#endif
