/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's pre-shared key in a file, as its hex digits on one line, and as a
 * new one.
 */
#ifndef TRUST_PSK_KEY_H
#define TRUST_PSK_KEY_H

#include "trust.h"

/* Characters of a key in hex, with the NUL. */
#define TRUST_PSK_KEY_TEXT (2 * TRUST_SECRET_MAX + 1)

/* A new one of 256 random bits. The caller clears it. */
enum trust_err trust_psk_key_new(
    struct trust_secret *out, struct trust_message *msg) TRUST_MUST_CHECK;

/* Its hex digits in lower case; the caller wipes them. */
void trust_psk_key_format(
    const struct trust_secret *key, char out[TRUST_PSK_KEY_TEXT]);

/* Store it in a new file of mode 0600. TRUST_ERR_CONFLICT: it is there. */
enum trust_err trust_psk_key_store(const char *path,
    const struct trust_secret *key, struct trust_message *msg) TRUST_MUST_CHECK;

/* Load one. TRUST_ERR_NOT_FOUND: no such file. TRUST_ERR_INPUT: others than
 * its owner may read it, or it is something else. The caller clears it. */
enum trust_err trust_psk_key_load(const char *path, struct trust_secret *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
