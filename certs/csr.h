/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certification requests: PKCS #10, RFC 2986, as a device sends them.
 */
#ifndef TRUST_CSR_H
#define TRUST_CSR_H

#include <openssl/evp.h>

#include "span.h"

/* Append a request for a key, as PEM. `cn` is the subject, which nobody needs
 * to believe; at most 64 characters of it are written. */
enum trust_err trust_csr_write(
    EVP_PKEY *key, const char *cn, struct trust_buf *out) TRUST_MUST_CHECK;

#endif
