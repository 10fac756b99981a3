/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Provenance: user properties of MQTT 5 (section 3.3.2.3.7) that say which
 * device a message is from, by which certificate, and which gateway says so.
 *
 *	trust-device      the device id of the publisher's session
 *	trust-thumbprint  the thumbprint of the certificate that it came with
 *	trust-gateway     this gateway's id
 *
 * They are this gateway's word: what a client sends under these names is taken
 * away. A bridge of this broker brings another gateway's word, which stays.
 */
#ifndef TRUST_PROVENANCE_H
#define TRUST_PROVENANCE_H

#include "property.h"
#include "session.h"

struct trust_provenance;
struct mosquitto_evt_acl_check;
struct mosquitto_evt_message;

/* `gateway` and what reads properties are borrowed for its life. */
enum trust_err trust_provenance_new(const char *gateway, bool is_2_1,
    const struct trust_properties *properties,
    struct trust_provenance **out) TRUST_MUST_CHECK;
void trust_provenance_free(struct trust_provenance *provenance);

/*
 * Take away what the publisher claims, and stamp what a device publishes;
 * `session` is the publisher's, or NULL. Returns what the broker is to get: an
 * error refuses the message.
 */
int trust_provenance_stamp(struct trust_provenance *provenance,
    const struct trust_session *session, struct mosquitto_evt_message *message);

/*
 * Whether a publication has to be denied, since nobody would take away what it
 * claims: wills pass no plugin. With Mosquitto 2.0, which does not show their
 * properties, each will of an MQTT 5 client; with 2.1, where a check sees
 * properties and cannot tell a will from a message, whatever has such.
 */
bool trust_provenance_denies(const struct trust_provenance *provenance,
    struct trust_sessions *sessions, const struct trust_session *session,
    const struct mosquitto_evt_acl_check *acl);

#endif
