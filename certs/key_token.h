/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys in PKCS #11 tokens.
 */
#ifndef TRUST_KEY_TOKEN_H
#define TRUST_KEY_TOKEN_H

#include <openssl/evp.h>

#include "key_prompt.h"

/* A key by its URI: trust_key_source_load, whose part this is. */
enum trust_err trust_key_token_load(const char *uri,
    const struct trust_key_prompt *prompt, EVP_PKEY **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
