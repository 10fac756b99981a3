/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looking for a path costs. Whoever sends the certificates decides how
 * many there are and what keys they have: the work is counted before it is
 * done, and ends when it is spent.
 */
#ifndef TRUST_CHAIN_WORK_H
#define TRUST_CHAIN_WORK_H

#include <openssl/x509.h>
#include <stdbool.h>

/* The work for one leaf. Zeroed memory is none. */
struct trust_chain_work {
	unsigned spent;      /* of TRUST_CHAIN_WORK_MAX */
	unsigned signatures; /* of certificates, that were verified */
	unsigned paths;      /* that were validated in full */
	bool over;           /* something was left undone */
};

/* What it takes to verify a signature with the key of the certificate. */
unsigned trust_chain_work_of_key(const X509 *x509);

/* What it takes to verify a CRL with the key of its issuer. */
unsigned trust_chain_work_of_crl(const X509_CRL *crl, const X509 *issuer);

/* Whether there is so much left; then it is taken. */
bool trust_chain_work_spend(struct trust_chain_work *work, unsigned cost);

#endif
