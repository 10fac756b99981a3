/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the CRLs at hand count, and for how long.
 */
#ifndef TRUST_CHAIN_CRL_H
#define TRUST_CHAIN_CRL_H

#include "chain.h"

/* Whether both are the whole word of one key about the same certificates (RFC
 * 5280 sections 5.2.1, 5.2.4 and 5.2.5). */
bool trust_chain_crl_alike(const X509_CRL *a, const X509_CRL *b);

/*
 * Those that count at in->now, as a new stack that borrows them: of CRLs that
 * are alike the newest that has begun. OpenSSL would rather take
 * one that is not late, however old, and of late ones and those to come the
 * newest. CRLs that concern no certificate of the path are all there. NULL
 * without memory.
 */
STACK_OF(X509_CRL) *trust_chain_crl_choose(
    const struct trust_chain_input *in, X509 *const *path, int n);

/*
 * Whether a CRL that has begun by `now` lists the certificate, is signed with
 * the key of `issuer`, and means another certificate of this key by its
 * authorityKeyIdentifier. OpenSSL leaves it out as a stranger's: whoever sends
 * the CA's certificates would choose whether it counts.
 */
bool trust_chain_crl_revokes(const STACK_OF(X509_CRL) *crls, X509 *x509,
    const X509 *issuer, int64_t now);

/* How long a CRL counts: until its nextUpdate and the grace. INT64_MIN: it has
 * no nextUpdate, so is not one of RFC 5280 (section 5.1.2.5), and never
 * current. */
int64_t trust_chain_crl_end(const X509_CRL *crl, int64_t grace_s);

/* Bound `out` by when another CRL of a certificate of the path begins to
 * count: by all of in->crls, those to come among them. */
void trust_chain_crl_bound(const struct trust_chain_input *in,
    X509 *const *path, int n, struct trust_chain *out);

/* Where the path has a certificate of the CRL's issuer, below the anchor; -1:
 * nowhere. */
int trust_chain_crl_find(const X509_CRL *crl, X509 *const *path, int n);

#endif
