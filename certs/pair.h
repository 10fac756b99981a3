/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate with its private key, in memory and as files side by side:
 * NAME.pem and NAME.key.
 */
#ifndef TRUST_PAIR_H
#define TRUST_PAIR_H

#include "issue.h"
#include "key.h"

/* Both owned. Zeroed memory is an empty one. */
struct trust_pair {
	X509 *certificate;
	EVP_PKEY *key;
};

/* Frees what it owns and zeroes it. */
void trust_pair_clear(struct trust_pair *pair);

/*
 * Make a new key and the certificate that `issue` describes for it. `issuer`
 * NULL: self-signed. The caller clears `out`, also after an error.
 */
enum trust_err trust_pair_make(enum trust_key type, struct trust_issue *issue,
    const struct trust_pair *issuer, struct trust_pair *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Store the key in DIR/NAME.key and the certificate in DIR/NAME.pem, followed
 * by `issuer` where that is not NULL. Both files or none; what exists stays.
 */
enum trust_err trust_pair_store(const struct trust_pair *pair, X509 *issuer,
    const char *dir, const char *name,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Load them. TRUST_ERR_NOT_FOUND: a file is missing. The caller clears
 * `out`, also after an error. */
enum trust_err trust_pair_load(const char *dir, const char *name,
    struct trust_pair *out, struct trust_message *msg) TRUST_MUST_CHECK;

/* Remove the files that are there. */
void trust_pair_remove(const char *dir, const char *name);

#endif
