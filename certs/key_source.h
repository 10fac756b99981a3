/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a private key is: in a file, or in a PKCS #11 token that it never
 * leaves.
 */
#ifndef TRUST_KEY_SOURCE_H
#define TRUST_KEY_SOURCE_H

#include <openssl/evp.h>

#include "key_prompt.h"

/*
 * Load the key that `source` names. The caller frees it with EVP_PKEY_free.
 *
 * A path: PEM, PKCS #8 or older. The file is a secret as secretfile.h says.
 * Where it is encrypted, the prompt is asked for the password, once.
 *
 * A URI `pkcs11:…` (RFC 7512) with the attribute object or id: the key is
 * used where it is, by OpenSSL's provider pkcs11, else its engine pkcs11.
 * pin-value, pin-source (a secret file, its first line), and module-path of
 * the URI count; without a PIN in it the prompt is asked, once; without a
 * module-path the modules of p11-kit are there. What is loaded for this stays
 * until the process ends.
 *
 * TRUST_ERR_NOT_FOUND: no such file. TRUST_ERR_INPUT: everything that the
 * user can mend. No message has a secret in it. `prompt` may be NULL.
 */
enum trust_err trust_key_source_load(const char *source,
    const struct trust_key_prompt *prompt, EVP_PKEY **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
