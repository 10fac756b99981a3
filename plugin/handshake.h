/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision in the TLS handshake: on every SSL_CTX that the broker makes
 * after the plugin was loaded, TCP and WebSockets, after a SIGHUP too.
 */
#ifndef TRUST_HANDSHAKE_H
#define TRUST_HANDSHAKE_H

#include <openssl/types.h>

#include "handshake_read.h"
#include "refusal.h"

struct trust_handshake;

/* Gate and refusals are borrowed until the hook is removed. */
struct trust_handshake_config {
	struct trust_gate *gate;
	struct trust_refusals *refusals;
	/* The gate decides about the servers that bridges connect to, not the
	 * bridge's own anchors. */
	bool judges_upstream;
	/* Listeners without require_certificate ask for a certificate, too, and
	 * who has none is watched; borrowed. */
	bool asks_all;
	struct trust_handshake_reads *reads;
};

/* Put the hook in. One at a time in a process. */
enum trust_err trust_handshake_install(
    const struct trust_handshake_config *config, struct trust_handshake **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Take it out. NULL is safe. */
void trust_handshake_remove(struct trust_handshake *handshake);

/* The address of a connection's peer, as text: `out`, or static. */
const char *trust_handshake_peer(const SSL *ssl, char out[TRUST_ADDRESS_MAX]);

/* The admission that a certificate got in its handshake, borrowed from the
 * certificate; NULL when it came without. */
struct trust_admission *trust_handshake_get0_admission(
    const struct trust_handshake *handshake, X509 *leaf);

#endif
