/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRLs for tests, as RFC 5280 section 5.2 wants them.
 */
#ifndef TESTS_CRL_SCRATCH_H
#define TESTS_CRL_SCRATCH_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "../../certs/pair.h"

static inline void
crl_add_extensions(X509_CRL *crl, const struct trust_pair *issuer)
{
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	X509_EXTENSION *key_id;
	X509V3_CTX ctx;

	assert_int_equal(ASN1_INTEGER_set(number, 1), 1);
	assert_int_equal(
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0), 1);
	X509V3_set_ctx(&ctx, issuer->certificate, NULL, NULL, crl, 0);
	key_id = X509V3_EXT_conf_nid(
	    NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	assert_non_null(key_id);
	assert_int_equal(X509_CRL_add_ext(crl, key_id, -1), 1);
	X509_EXTENSION_free(key_id);
	ASN1_INTEGER_free(number);
}

static inline void
crl_revoke(X509_CRL *crl, ASN1_INTEGER *serial, ASN1_TIME *since)
{
	X509_REVOKED *entry = X509_REVOKED_new();

	X509_REVOKED_set_serialNumber(entry, serial);
	X509_REVOKED_set_revocationDate(entry, since);
	X509_CRL_add0_revoked(crl, entry);
}

/* In PEM, with `n_others` beside the one; the caller frees it. Takes the
 * dates. */
static inline BIO *
crl_make_long(const struct trust_pair *issuer, X509 *revoked, ASN1_TIME *start,
    ASN1_TIME *end, long n_others)
{
	ASN1_INTEGER *other = ASN1_INTEGER_new();
	X509_CRL *crl = X509_CRL_new();
	BIO *pem = BIO_new(BIO_s_mem());

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(
	    crl, X509_get_subject_name(issuer->certificate));
	X509_CRL_set1_lastUpdate(crl, start);
	X509_CRL_set1_nextUpdate(crl, end);
	crl_revoke(crl, X509_get_serialNumber(revoked), start);
	for (long i = 1; i <= n_others; i++) {
		assert_int_equal(ASN1_INTEGER_set(other, i), 1);
		crl_revoke(crl, other, start);
	}
	crl_add_extensions(crl, issuer);
	assert_true(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509_CRL(pem, crl), 1);
	X509_CRL_free(crl);
	ASN1_INTEGER_free(other);
	ASN1_TIME_free(start);
	ASN1_TIME_free(end);
	return pem;
}

static inline BIO *
crl_make_dated(const struct trust_pair *issuer, X509 *revoked, ASN1_TIME *start,
    ASN1_TIME *end)
{
	return crl_make_long(issuer, revoked, start, end, 0);
}

static inline BIO *
crl_make(
    const struct trust_pair *issuer, X509 *revoked, int64_t from, int64_t until)
{
	return crl_make_dated(issuer, revoked,
	    ASN1_TIME_set(NULL, (time_t)from),
	    ASN1_TIME_set(NULL, (time_t)until));
}

#endif
