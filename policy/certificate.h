/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate turned into facts, once. Nothing is judged here.
 */
#ifndef TRUST_CERTIFICATE_H
#define TRUST_CERTIFICATE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "thumbprint.h"

/* Where a certificate can carry the name of its device. */
enum trust_identity {
	TRUST_IDENTITY_CN,            /* subject commonName */
	TRUST_IDENTITY_SERIAL_NUMBER, /* subject serialNumber, 802.1AR */
	TRUST_IDENTITY_SAN_DNS,       /* RFC 5280 section 4.2.1.6 */
	TRUST_IDENTITY_SAN_URI,
	TRUST_IDENTITY_SAN_URI_LAST, /* the URI's last path segment */
	TRUST_IDENTITY_SAN_EMAIL,
	TRUST_N_IDENTITIES,
};

/* One value of a name, as UTF-8. It may hold NULs and any other octet. */
struct trust_value {
	uint8_t *p; /* owned by the certificate */
	size_t len; /* octets */
};

/* All values of one kind of name. */
struct trust_values {
	struct trust_value v[TRUST_NAMES_MAX];
	size_t n; /* values read */
	/* A value could not be decoded, or there were more than fit. */
	bool malformed;
};

/* A public key. */
struct trust_key_facts {
	int bits;      /* size of the key */
	int strength;  /* bits of security, 0: unknown */
	char type[24]; /* "RSA 2048", "EC P-256", "Ed25519" */
};

/* The facts of a key; of NULL, which is one that cannot be read, that it has
 * no strength. */
void trust_certificate_read_key(
    const EVP_PKEY *key, struct trust_key_facts *out);

/* What a certificate says. Names are data of whoever made it. */
struct trust_certificate {
	struct trust_thumbprint thumbprint; /* SHA-256 of the DER */
	struct trust_thumbprint pin;        /* SHA-256 of the key's SPKI */
	int64_t not_before;                 /* first valid second */
	int64_t not_after;                  /* last valid second */
	int version;                        /* 1, 2 or 3 */
	bool is_ca;                         /* basicConstraints cA */
	bool has_client_auth_eku;           /* EKU there and names clientAuth */
	int key_strength;                   /* bits of security, 0: unknown */
	char key_type[24]; /* "RSA 2048", "EC P-256", "Ed25519" */
	struct trust_values names[TRUST_N_IDENTITIES];
	char subject[TRUST_SHOWN_MAX]; /* for people: escaped and cut */
	char issuer[TRUST_SHOWN_MAX];
	/* trust_ground_issuer of both names: other numbers, other names. */
	uint64_t subject_ground, issuer_ground;
	unsigned more_refs; /* besides the first; counted for one thread */
};

/*
 * Read the facts of a certificate. The caller frees with
 * trust_certificate_free. What cannot be read is told so that no rule is met
 * by it: a date that is none lies in no period, a key of an unknown kind has
 * no strength, a name that does not decode is malformed. No signature is
 * checked.
 */
enum trust_err trust_certificate_new(X509 *x509, struct trust_certificate **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
struct trust_certificate *trust_certificate_get1(
    struct trust_certificate *certificate);
void trust_certificate_free(struct trust_certificate *certificate);

/* Whether it verifies under its own key. Costs a signature check where issuer
 * and subject are the same name. */
bool trust_certificate_is_self_signed(X509 *x509);

/* The size of its RSA key, whichever padding that is for; 0: its key is
 * another one, or cannot be read. */
int trust_certificate_rsa_bits(const X509 *x509);

/* Whether both are the same certificates in the same order. NULL is none. */
bool trust_certificate_same_all(
    const STACK_OF(X509) *a, const STACK_OF(X509) *b);

/* Whether one of them names this one as its issuer, or may: without memory to
 * compare names none is passed over. Nobody has looked at a signature. NULL is
 * none. */
bool trust_certificate_any_issued_by(
    STACK_OF(X509) *certificates, const X509_NAME *issuer);

/* The thumbprint alone: what a reconnect needs. */
enum trust_err trust_certificate_thumbprint(
    const X509 *x509, struct trust_thumbprint *out) TRUST_MUST_CHECK;

/*
 * Every certificate of PEM text, in order; text between them is ignored, as
 * RFC 7468 section 2 allows. TRUST_ERR_INPUT when there is none, or when one
 * does not decode whole. The caller frees with sk_X509_pop_free.
 */
enum trust_err trust_certificate_parse_pem(struct trust_span pem,
    STACK_OF(X509) **out, struct trust_message *msg) TRUST_MUST_CHECK;

/* One certificate in DER, nothing behind it. */
enum trust_err trust_certificate_parse_der(struct trust_span der, X509 **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * One CRL as PEM, nothing behind it (RFC 5280 section 5): complete and of one
 * CA, with a nextUpdate. OpenSSL passes in silence over a delta that does not
 * fit in some way, and over an indirect CRL that a certificate does not point
 * to, and with them over who was revoked.
 */
enum trust_err trust_certificate_parse_crl(struct trust_span pem,
    X509_CRL **out, struct trust_message *msg) TRUST_MUST_CHECK;

/* A date of a certificate or CRL. TRUST_ERR_INPUT when it is none. */
enum trust_err trust_certificate_time(
    const ASN1_TIME *time, int64_t *out) TRUST_MUST_CHECK;

/* A distinguished name for people: as RFC 4514 escapes it, printable ASCII
 * alone, and cut. Returns `out`. */
char *trust_certificate_show_name(
    const X509_NAME *name, char out[TRUST_SHOWN_MAX]);

/* "cn", "serial_number", "san_dns", …. Static. */
const char *trust_identity_name(enum trust_identity identity);

#endif
