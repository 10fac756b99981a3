/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CA that issues to devices and to the gateway's own server, and nothing
 * beyond its bounds. What a certificate says is decided here, not by who asks
 * for it.
 */
#ifndef TRUST_ISSUER_H
#define TRUST_ISSUER_H

#include "prompt.h"
#include "trust.h"

/* How long a certificate may be valid, in seconds. */
#define TRUST_ISSUER_VALIDITY_MIN 10
#define TRUST_ISSUER_VALIDITY_MAX (366 * 86400)
/* Certificates begin so long before they are made, in seconds: clocks of
 * sensors that are set by hand are minutes off. */
#define TRUST_ISSUER_BACKDATE 300

/* A serial number (RFC 5280 section 4.1.2.2: 20 octets) with its NUL. */
#define TRUST_ISSUER_SERIAL_TEXT (2 * 20 + 1)

/* The command line; borrowed. */
struct trust_issuer_options {
	const char *certificate;    /* a file: the CA's, then others */
	const char *key;            /* its private key: a file, or a token's */
	struct trust_prompt prompt; /* what opens it */
	struct trust_texts chain;   /* files: the CAs above it, any order */
	struct trust_texts match;   /* patterns of device ids; none: all */
	int64_t validity_s;         /* of devices' certificates */
	int64_t server_validity_s;  /* of the server's */
};

struct trust_issuer;

/*
 * Load the CA and judge it: it is one, its key is this one, and `now` lies in
 * its dates. The user may be asked for what opens the key. The caller closes.
 */
enum trust_err trust_issuer_open(struct trust_issuer_options *options,
    int64_t now, struct trust_issuer **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_issuer_close(struct trust_issuer *issuer);

/* The CA's certificate, then those above it up to the root, which is left
 * out; the CA itself where it is a root. */
STACK_OF(X509) *trust_issuer_get0_chain(const struct trust_issuer *issuer);
/* When the CA's certificate ends: nothing that it issues is valid longer. */
int64_t trust_issuer_get_end(const struct trust_issuer *issuer);

/*
 * Issue to a device: a TLS client, of this id in this form, for this key.
 * TRUST_ERR_INPUT: refused, with the reason in words of the interface. What is
 * issued is what a gateway reads this device from. The caller frees with
 * X509_free.
 */
enum trust_err trust_issuer_device(const struct trust_issuer *issuer,
    const char *device, enum trust_identity identity, EVP_PKEY *key,
    int64_t now, X509 **out, enum trust_reason *reason,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Issue to a TLS server with these names. The same errors without a reason. */
enum trust_err trust_issuer_server(const struct trust_issuer *issuer,
    const struct trust_texts *names, EVP_PKEY *key, int64_t now, X509 **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* What books and people want to know of a certificate, as text. */
struct trust_issued {
	char thumbprint[TRUST_THUMBPRINT_TEXT];
	char serial_number[TRUST_ISSUER_SERIAL_TEXT]; /* hex digits */
	char not_before[TRUST_CLOCK_TEXT];
	char not_after[TRUST_CLOCK_TEXT];
};
enum trust_err trust_issuer_describe(
    X509 *x509, struct trust_issued *out) TRUST_MUST_CHECK;

/* Append a certificate of this CA and the chain as PEM. */
enum trust_err trust_issuer_write(const struct trust_issuer *issuer, X509 *leaf,
    struct trust_buf *out) TRUST_MUST_CHECK;

#endif
