/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL's engine pkcs11 (libp11): what leads to a token where there is no
 * provider that does. All of the deprecated API is behind this.
 */
#ifndef TRUST_KEY_ENGINE_H
#define TRUST_KEY_ENGINE_H

#include <openssl/evp.h>
#include <openssl/ui.h>

#include "err.h"

/*
 * Load the key of the URI, which has no query; `module_path` "" is the
 * engine's own choice, p11-kit. `out` is NULL where there is none, and
 * OpenSSL's error queue says why. The engine stays until the process ends, as
 * its keys need it; one module at a time, so another one is TRUST_ERR_CONFLICT.
 * TRUST_ERR_NOT_FOUND: there is no such engine, or none in this OpenSSL.
 */
enum trust_err trust_key_engine_load(const char *uri, const char *module_path,
    UI_METHOD *ui, void *ui_arg, EVP_PKEY **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
