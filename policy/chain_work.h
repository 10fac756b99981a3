/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looking for paths costs. Whoever sends the certificates decides how
 * many there are and what keys they have: the work is counted before it is
 * done, and ends when it is spent. No signature is verified twice for one
 * decision, whichever group's anchors a path leads to.
 */
#ifndef TRUST_CHAIN_WORK_H
#define TRUST_CHAIN_WORK_H

#include <openssl/x509.h>
#include <stdbool.h>

/* A signature that was verified. */
struct trust_chain_verified {
	X509 *x509, *issuer; /* references of its own */
	bool good;
};

/* The work for one leaf. Zeroed memory is none. */
struct trust_chain_work {
	unsigned spent;                        /* of TRUST_CHAIN_WORK_MAX */
	bool over;                             /* it was not enough */
	struct trust_chain_verified *verified; /* owned */
	size_t signatures;                     /* of certificates: so many */
};

/* Frees what it owns and zeroes it. */
void trust_chain_work_clear(struct trust_chain_work *work);

/* What it takes to verify a signature with the key of the certificate. */
unsigned trust_chain_work_of_key(const X509 *x509);

/* What it takes to verify a CRL with the key of its issuer. */
unsigned trust_chain_work_of_crl(const X509_CRL *crl, const X509 *issuer);

/* Whether there is so much left; then it is taken. */
bool trust_chain_work_spend(struct trust_chain_work *work, unsigned cost);

/*
 * Verify the signature with the issuer's key, or know it from before. False
 * when the work does not reach for it, and `good` is not set.
 */
bool trust_chain_work_verify(
    struct trust_chain_work *work, X509 *x509, X509 *issuer, bool *good);

#endif
