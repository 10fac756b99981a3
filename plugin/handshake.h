/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision in the TLS handshake: on every SSL_CTX that the broker makes
 * after the plugin was loaded, TCP and WebSockets, after a SIGHUP too.
 */
#ifndef TRUST_HANDSHAKE_H
#define TRUST_HANDSHAKE_H

#include "refusal.h"

struct trust_handshake;

/* Put the hook in. Gate and refusals are borrowed until it is removed. One at
 * a time in a process. `judges_upstream`: the gate decides about the servers
 * that bridges connect to, not the bridge's own anchors. */
enum trust_err trust_handshake_install(struct trust_gate *gate,
    struct trust_refusals *refusals, bool judges_upstream,
    struct trust_handshake **out, struct trust_message *msg) TRUST_MUST_CHECK;
/* Take it out. NULL is safe. */
void trust_handshake_remove(struct trust_handshake *handshake);

/* The admission that a certificate got in its handshake, borrowed from the
 * certificate; NULL when it came without. */
struct trust_admission *trust_handshake_get0_admission(
    const struct trust_handshake *handshake, X509 *leaf);

#endif
