/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connection proved to have which pre-shared key. Mosquitto asks for the
 * key of an identity within the handshake, and tells the client for which, but
 * at CONNECT it tells of no identity; and a client's pointer is used again for
 * the next one. So what was found is kept with the TLS connection itself, and
 * goes when that goes.
 */
#ifndef TRUST_HANDSHAKE_PSK_H
#define TRUST_HANDSHAKE_PSK_H

#include <openssl/types.h>

#include "refusal.h"

struct mosquitto;
struct trust_handshake_psk;

/* One at a time in a process. The refusals are borrowed: a handshake that
 * fails for want of the key is told to them. */
enum trust_err trust_handshake_psk_new(struct trust_refusals *refusals,
    struct trust_handshake_psk **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_handshake_psk_free(struct trust_handshake_psk *psk);

/* Watch the handshakes of a context that the broker makes. */
void trust_handshake_psk_watch(SSL_CTX *ctx);

/* PSK identities of a ClientHello that are looked for: a device has one. There
 * is room in it for thousands, and each costs a look into the registry. */
#define TRUST_HANDSHAKE_PSK_MAX 8

/* How many identities of the ClientHello that is being read have been asked
 * about, with this one. */
size_t trust_handshake_psk_count(struct trust_handshake_psk *psk);

/*
 * The client whose handshake is under way claims to be who the admission is
 * for, which is taken over, also when that fails; NULL: nobody that is known,
 * whatever it claimed before. False: no handshake is under way that could be
 * the client's.
 */
bool trust_handshake_psk_claim(struct trust_handshake_psk *psk,
    const struct mosquitto *client, struct trust_admission *admission);

/* Whether the peer of a connection has proved to have a pre-shared key, and
 * came by no certificate. */
bool trust_handshake_psk_is_proved(const SSL *ssl);

/* The admission of a client whose connection has proved to have the key, and
 * came by no certificate; borrowed from the connection. Else NULL. */
struct trust_admission *trust_handshake_psk_get0(
    const struct trust_handshake_psk *psk, const struct mosquitto *client);

#endif
