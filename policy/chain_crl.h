/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the CRLs at hand count, and for how long.
 */
#ifndef TRUST_CHAIN_CRL_H
#define TRUST_CHAIN_CRL_H

#include "chain.h"

/* Whether both say, in the same words, that they are the whole word of one key
 * about the same certificates (RFC 5280 sections 5.2.1, 5.2.4 and 5.2.5). */
bool trust_chain_crl_alike(const X509_CRL *a, const X509_CRL *b);

/* Whether both are about the same certificates of one CA, if one key signed
 * them. */
bool trust_chain_crl_comparable(const X509_CRL *a, const X509_CRL *b);

/* The CRLs for one certificate of a path. */
struct trust_chain_crls {
	STACK_OF(X509_CRL) *v; /* those that count; borrows them */
	/* Of these the newest that the issuer's key has signed, where that was
	 * verified to find them; borrows them. */
	STACK_OF(X509_CRL) *words;
};

/*
 * Choose those that count for the certificate at in->now: of the CRLs that its
 * issuer's key has signed for the same scope the newest that has begun, in
 * whatever form they name the key (section 5.2.1: an authorityKeyIdentifier of
 * either form, or none). OpenSSL would rather take one that is not late,
 * however old, and takes one that names another certificate of the key for a
 * stranger's. What others have signed is all there. False without memory; the
 * caller clears in any case.
 */
bool trust_chain_crls_choose(const struct trust_chain_input *in, X509 *x509,
    X509 *issuer, struct trust_chain_crls *out);
/* All of in->crls, but those of the path's issuers that another in the same
 * words supersedes: for the certificates of their signers. NULL without
 * memory. */
STACK_OF(X509_CRL) *trust_chain_crls_newest(
    const struct trust_chain_input *in, X509 *const *path, int n);
void trust_chain_crls_clear(struct trust_chain_crls *crls);

/* Whether one that OpenSSL leaves out lists the certificate: whoever sends the
 * CA's certificates would choose whether it counts. */
bool trust_chain_crls_revoke(
    const struct trust_chain_crls *crls, X509 *x509, X509 *issuer);

/* Whether one that OpenSSL leaves out says that the certificate is not revoked:
 * the issuer may sign CRLs, and it counts for all that he has issued.
 * `late`: it is past its nextUpdate. */
bool trust_chain_crls_vouch(const struct trust_chain_crls *crls, X509 *issuer,
    const struct trust_chain_input *in, bool *late);

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
