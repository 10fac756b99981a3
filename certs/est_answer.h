/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an EST server answers with: certificates as a "certs-only" CMS message
 * in base64 (RFC 7030 sections 4.1.3 and 4.2.3).
 */
#ifndef TRUST_EST_ANSWER_H
#define TRUST_EST_ANSWER_H

#include <openssl/x509.h>

#include "span.h"

/* Octets of an answer; a certificate has one or two thousand. */
#define TRUST_EST_ANSWER_MAX (256 * 1024)
/* Certificates in it: each of them is verified by each. */
#define TRUST_EST_CERTIFICATES_MAX 32

/*
 * Read all of it: base64 with or without line breaks (RFC 8951 section 3),
 * nothing behind it, SignedData without content and signers, at least one
 * certificate. CRLs in it are left out. TRUST_ERR_INPUT: it is something else.
 * The caller frees with sk_X509_pop_free.
 */
enum trust_err trust_est_answer_parse(struct trust_span body,
    STACK_OF(X509) **out, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
