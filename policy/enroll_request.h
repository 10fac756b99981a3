/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request for a certificate: PKCS #10 (RFC 2986), as a client sends it. What
 * it says of names and extensions is never looked at: that is the registry's
 * to say.
 */
#ifndef TRUST_ENROLL_REQUEST_H
#define TRUST_ENROLL_REQUEST_H

#include "reason.h"
#include "thumbprint.h"

struct trust_enroll_request {
	struct trust_thumbprint key; /* SHA-256 of its SubjectPublicKeyInfo */
	char key_type[24];           /* "RSA 2048", "EC P-256", "Ed25519" */
	struct trust_buf pem;        /* the request again, and nothing else */
};

/*
 * Read one: exactly one request, DER or PEM, at most TRUST_REQUEST_MAX octets,
 * nothing before it and nothing behind it but white space behind PEM; signed
 * with its own key (proof of possession) and a digest that holds; a key as
 * strong as pins want it. Else TRUST_ERR_INPUT with a reason, and a message
 * that may go back to the client. The caller clears `out` when that is well.
 */
enum trust_err trust_enroll_request_read(struct trust_span bytes,
    struct trust_enroll_request *out, enum trust_reason *reason,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_enroll_request_clear(struct trust_enroll_request *request);

#endif
