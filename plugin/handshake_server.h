/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates that this broker's listeners show. What a listener shows it
 * has of the broker itself, which read it from its file: nobody who connects
 * has a say in it.
 */
#ifndef TRUST_HANDSHAKE_SERVER_H
#define TRUST_HANDSHAKE_SERVER_H

#include <openssl/x509.h>

#include "trust.h"

struct trust_handshake_server;

/* From now on every context that is made is watched. */
enum trust_err trust_handshake_server_new(struct trust_handshake_server **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_handshake_server_free(struct trust_handshake_server *server);

/* Whether a listener may show another certificate than at the last walk that
 * trust_handshake_server_settle was told of. */
bool trust_handshake_server_is_due(const struct trust_handshake_server *server);
void trust_handshake_server_settle(
    struct trust_handshake_server *server, bool due);

/* Those that are shown, or were to who is still connected; the certificate is
 * borrowed. */
void trust_handshake_server_walk(const struct trust_handshake_server *server,
    void (*visit)(void *arg, X509 *x509), void *arg);

#endif
