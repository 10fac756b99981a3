/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prices in microseconds, measured with OpenSSL 3.0 on one core of a server of
 * 2024 and rounded up. Only their proportions matter: a key of 16384 bits
 * must not be had at the price of one of 2048.
 */
#include "chain_work.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "limit.h"

/* RSA with 2048 bits and the usual exponent, 65537. */
#define PRICE_RSA           22
#define RSA_BITS            2048
#define RSA_EXPONENT_OCTETS 3
#define RSA_DER_OCTETS      11
#define PRICE_DSA           330
#define DSA_BITS            2048
/* Larger keys OpenSSL does not use (OPENSSL_RSA_MAX_MODULUS_BITS). */
#define BITS_MAX 16384
/* The slowest that OpenSSL has: a binary curve of 571 bits. */
#define PRICE_MAX 3300
/* Of a CRL, octets hashed in a microsecond. */
#define CRL_OCTETS 300

/* Keys by the name of their curve, or of their type. */
static const struct {
	const char *name;
	unsigned price;
} prices[] = {
    {"prime256v1", 70},
    {"secp224r1", 100},
    {"ED25519", 110},
    {"ED448", 240},
    {"secp256k1", 340},
    {"brainpoolP256r1", 350},
    {"brainpoolP256t1", 350},
    {"secp521r1", 550},
    {"secp384r1", 700},
    {"brainpoolP384r1", 720},
    {"brainpoolP384t1", 720},
    {"brainpoolP512r1", 960},
    {"brainpoolP512t1", 960},
};

static unsigned
price_of_name(const char *name)
{
	for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
		if (strcmp(prices[i].name, name) == 0)
			return prices[i].price;
	}
	return PRICE_MAX;
}

static unsigned
price_by_size(unsigned price, unsigned bits, unsigned usual_bits)
{
	return price * bits / usual_bits * bits / usual_bits + 1;
}

/* What stands beside the modulus (RFC 8017 section A.1.1) is the exponent and
 * eleven octets of DER. To ask for the exponent itself takes longer than to
 * verify with it. */
static unsigned
price_of_rsa(const X509 *x509, unsigned bits)
{
	unsigned price = price_by_size(PRICE_RSA, bits, RSA_BITS);
	const ASN1_BIT_STRING *key = X509_get0_pubkey_bitstr(x509);
	unsigned len = (unsigned)ASN1_STRING_length(key);
	unsigned others = bits / 8 + RSA_DER_OCTETS;

	if (len > others + RSA_EXPONENT_OCTETS)
		price = price * (len - others) / RSA_EXPONENT_OCTETS;
	return price;
}

unsigned
trust_chain_work_of_key(const X509 *x509)
{
	const EVP_PKEY *key = X509_get0_pubkey(x509);
	char group[32] = "";
	unsigned bits;

	if (key == NULL || EVP_PKEY_get_bits(key) <= 0)
		return 0; /* nothing can be verified with it */
	bits = (unsigned)EVP_PKEY_get_bits(key);
	if (bits > BITS_MAX)
		bits = BITS_MAX;
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return price_of_rsa(x509, bits);
	case EVP_PKEY_DSA:
		return price_by_size(PRICE_DSA, bits, DSA_BITS);
	case EVP_PKEY_EC:
		(void)EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
		return price_of_name(group);
	default:
		return price_of_name(EVP_PKEY_get0_type_name(key));
	}
}

unsigned
trust_chain_work_of_crl(const X509_CRL *crl, const X509 *issuer)
{
	/* The encoding is kept with it: its length is there already. */
	int len = i2d_X509_CRL((X509_CRL *)(uintptr_t)crl, NULL);

	return trust_chain_work_of_key(issuer) +
	       (len > 0 ? (unsigned)len / CRL_OCTETS : 0);
}

bool
trust_chain_work_spend(struct trust_chain_work *work, unsigned cost)
{
	if (cost > TRUST_CHAIN_WORK_MAX - work->spent) {
		work->over = true;
		return false;
	}
	work->spent += cost;
	return true;
}

void
trust_chain_work_clear(struct trust_chain_work *work)
{
	for (size_t i = 0; i < work->signatures; i++) {
		X509_free(work->verified[i].x509);
		X509_free(work->verified[i].issuer);
	}
	free(work->verified);
	memset(work, 0, sizeof(*work));
}

static const struct trust_chain_verified *
find_verified(
    const struct trust_chain_work *work, const X509 *x509, const X509 *issuer)
{
	for (size_t i = 0; i < work->signatures; i++) {
		const struct trust_chain_verified *v = &work->verified[i];

		if (X509_cmp(v->x509, x509) == 0 &&
		    X509_cmp(v->issuer, issuer) == 0)
			return v;
	}
	return NULL;
}

/* The room for one more, doubled at the powers of two. */
static bool
make_room(struct trust_chain_work *work)
{
	size_t n = work->signatures;
	struct trust_chain_verified *v;

	if ((n & (n - 1)) != 0)
		return true;
	v = reallocarray(work->verified, n == 0 ? 1 : 2 * n, sizeof(*v));
	if (v == NULL)
		return false;
	work->verified = v;
	return true;
}

bool
trust_chain_work_verify(
    struct trust_chain_work *work, X509 *x509, X509 *issuer, bool *good)
{
	const struct trust_chain_verified *before =
	    find_verified(work, x509, issuer);
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	if (before != NULL) {
		*good = before->good;
		return true;
	}
	if (!trust_chain_work_spend(work, trust_chain_work_of_key(issuer)) ||
	    !make_room(work))
		return false;
	*good = key != NULL && X509_verify(x509, key) == 1;
	X509_up_ref(x509);
	X509_up_ref(issuer);
	work->verified[work->signatures++] =
	    (struct trust_chain_verified){x509, issuer, *good};
	return true;
}
