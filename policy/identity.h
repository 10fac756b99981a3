/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: which device a certificate names, and which client ids are a
 * device's.
 */
#ifndef TRUST_IDENTITY_H
#define TRUST_IDENTITY_H

#include "reason.h"
#include "record.h"

/*
 * The device id that a certificate carries for a group: exactly one value of
 * the group's kind of name, all of it in the id alphabet. Writes it and
 * returns true; else false with identity_missing, _ambiguous or _malformed.
 */
bool trust_identity_read(const struct trust_certificate *certificate,
    enum trust_identity identity, char out[TRUST_ID_MAX + 1],
    enum trust_reason *reason);

/*
 * Whether a client id goes with a device: the id itself, or with `prefix` the
 * id, a slash and a module name.
 */
bool trust_identity_check_client_id(
    const char *device, enum trust_client_id rule, const char *client_id);

/* The device id within a client id: all of it, or what is before the slash.
 * False when it is neither. */
bool trust_identity_client_device(
    const char *client_id, char out[TRUST_ID_MAX + 1]);

#endif
