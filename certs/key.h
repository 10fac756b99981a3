/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys: made, stored, loaded. None is ever logged.
 */
#ifndef TRUST_KEY_H
#define TRUST_KEY_H

#include <openssl/evp.h>

#include "err.h"

enum trust_key {
	TRUST_KEY_P256, /* the default: what small sensors have */
	TRUST_KEY_P384,
	TRUST_KEY_RSA2048,
	TRUST_KEY_ED25519,
};

/* What people call them, by enum trust_key, up to a NULL. */
extern const char *const trust_key_names[];

/* A new key. The caller frees with EVP_PKEY_free. */
enum trust_err trust_key_new(
    enum trust_key type, EVP_PKEY **out) TRUST_MUST_CHECK;

/* Store as PEM (PKCS #8, not encrypted) in a new file of mode 0600.
 * TRUST_ERR_CONFLICT: the file is there; it stays as it was. */
enum trust_err trust_key_store(const char *path, const EVP_PKEY *key,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Load a key from PEM that is not encrypted, whoever else may read the file:
 * where that is no business of ours, because another program reads it as well,
 * or we made it. Else key_source.h has the loader. TRUST_ERR_NOT_FOUND: no such
 * file. TRUST_ERR_INPUT: there is something else in it. */
enum trust_err trust_key_load(const char *path, EVP_PKEY **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The digest to sign with: one as strong as the key, NULL where the algorithm
 * brings its own. */
const EVP_MD *trust_key_digest(const EVP_PKEY *key);

#endif
