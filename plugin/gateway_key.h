/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option gateway_key: the private key of the gateway's own record.
 */
#ifndef TRUST_GATEWAY_KEY_H
#define TRUST_GATEWAY_KEY_H

#include <openssl/evp.h>

#include "trust.h"

/*
 * Load it: PEM, without a passphrase, RSA or EC, in a file that nobody but its
 * owner may read or write. TRUST_ERR_IO: it cannot be read. TRUST_ERR_INPUT:
 * it is something else. The message names the option. The caller frees with
 * EVP_PKEY_free.
 */
enum trust_err trust_gateway_key_load(const char *path, EVP_PKEY **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
