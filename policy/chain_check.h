/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of RFC 5280 section 6 on a path, and all that it breaks.
 */
#ifndef TRUST_CHAIN_CHECK_H
#define TRUST_CHAIN_CHECK_H

#include <openssl/x509_vfy.h>

#include "chain.h"

/*
 * Validate the leaf of `in` against the anchors of the store. The answer,
 * good or bad, is in `out`; an error means that there is none.
 */
enum trust_err trust_chain_check(const struct trust_chain_input *in,
    X509_STORE *anchors, struct trust_chain *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
