/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.c: certificates in DER one behind the other, the leaf first, then what
 * it sent, the anchor last; and CRLs behind them. The answer is within its
 * bounds, none without a reason, and the same in whatever order they were sent.
 */
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "chain.h"
#include "chain_work.h"

/* CRLs that are read; each is verified. */
#define CRLS_MAX 4

/* 2030-01-01, within the validity of the seeds. */
#define NOW INT64_C(1893456000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The certificates at the beginning; `rest` is what comes after. */
static STACK_OF(X509) *
read_certificates(struct trust_span *rest)
{
	STACK_OF(X509) *stack = sk_X509_new_null();

	for (;;) {
		const unsigned char *p = rest->p;
		X509 *x509 = d2i_X509(NULL, &p, (long)rest->len);

		if (x509 == NULL)
			return stack;
		if (sk_X509_push(stack, x509) == 0)
			abort();
		rest->len -= (size_t)(p - rest->p);
		rest->p = p;
	}
}

/* Octets of the value in DER at the beginning, whatever it is; all of them
 * where that is none. */
static size_t
length_of_first(struct trust_span rest)
{
	const unsigned char *p = rest.p;
	long len;
	int tag, class;

	if (rest.len == 0 ||
	    (ASN1_get_object(&p, &len, &tag, &class, (long)rest.len) & 0x81) !=
		0)
		return rest.len;
	return (size_t)(p - rest.p) + (size_t)len;
}

/* As the registry gives it: in PEM. NULL: it would not. */
static X509_CRL *
read_crl(struct trust_span der)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct trust_span pem = {0};
	X509_CRL *crl = NULL;
	char *text;

	if (PEM_write_bio(bio, PEM_STRING_X509_CRL, "", der.p, (long)der.len) >
	    0) {
		pem.len = (size_t)BIO_get_mem_data(bio, &text);
		pem.p = (const uint8_t *)text;
	}
	if (trust_certificate_parse_crl(pem, &crl, NULL) != TRUST_OK)
		crl = NULL;
	BIO_free(bio);
	return crl;
}

static STACK_OF(X509_CRL) *
read_crls(struct trust_span rest)
{
	STACK_OF(X509_CRL) *stack = sk_X509_CRL_new_null();

	for (int i = 0; i < CRLS_MAX && rest.len > 0; i++) {
		size_t len = length_of_first(rest);
		X509_CRL *crl = read_crl((struct trust_span){rest.p, len});

		if (crl != NULL && sk_X509_CRL_push(stack, crl) == 0)
			abort();
		rest.p += len;
		rest.len -= len;
	}
	return stack;
}

static void
check(const struct trust_chain_input *in)
{
	struct trust_chain chain;

	if (trust_chain_verify(in, &chain, NULL) != TRUST_OK ||
	    chain.n_path > TRUST_CHAIN_PATH_MAX)
		abort();
	if (chain.valid && (chain.n_path == 0 || chain.valid_from > NOW ||
			       chain.valid_until < NOW))
		abort();
	if (chain.valid && in->max_depth >= 0 &&
	    (int)chain.n_path - 2 > in->max_depth)
		abort();
	if (chain.valid && chain.min_rsa_bits != 0 &&
	    chain.min_rsa_bits < in->min_rsa_bits)
		abort();
	if (!chain.valid && (chain.reason == TRUST_REASON_INTERNAL_ERROR ||
				strchr(chain.subject, '\n') != NULL ||
				strchr(chain.detail, '\n') != NULL))
		abort();
}

/* Without a CRL: whom OpenSSL takes for its signer depends on the order. The
 * signatures stay known in in.work. */
static void
check_order(struct trust_chain_input in)
{
	STACK_OF(X509) *reversed = sk_X509_new_null();
	struct trust_chain chain, other;

	for (int i = sk_X509_num(in.untrusted); i-- > 0;) {
		if (sk_X509_push(reversed, sk_X509_value(in.untrusted, i)) == 0)
			abort();
	}
	in.crls = NULL;
	in.wants_path = true;
	if (trust_chain_verify(&in, &chain, NULL) != TRUST_OK)
		abort();
	in.untrusted = reversed;
	in.work = NULL;
	if (trust_chain_verify(&in, &other, NULL) != TRUST_OK ||
	    chain.valid != other.valid || chain.reason != other.reason ||
	    chain.n_path != other.n_path ||
	    chain.signatures != other.signatures ||
	    strcmp(chain.detail, other.detail) != 0)
		abort();
	for (size_t i = 0; i < chain.n_path; i++) {
		if (!trust_thumbprint_equal(&chain.path[i], &other.path[i]))
			abort();
	}
	sk_X509_free(reversed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_span rest = {data, size};
	STACK_OF(X509) *sent = read_certificates(&rest);
	STACK_OF(X509) *anchors = sk_X509_new_null();
	STACK_OF(X509_CRL) *crls = read_crls(rest);
	struct trust_chain_work work = {0};
	struct trust_chain_input in = {
	    .leaf = sk_X509_value(sent, 0),
	    .untrusted = sent,
	    .anchors = anchors,
	    .crls = crls,
	    .now = NOW,
	    .purpose = TRUST_PURPOSE_CLIENT,
	    .revocation = TRUST_REVOCATION_IF_PRESENT,
	    .max_depth = -1,
	    .work = &work,
	};

	if (in.leaf != NULL) {
		X509 *last = sk_X509_value(sent, sk_X509_num(sent) - 1);

		if (sk_X509_push(anchors, last) == 0)
			abort();
		check_order(in);
		work.spent = 0;
		work.over = false;
		check(&in);
		in.revocation = TRUST_REVOCATION_REQUIRE;
		in.crl_grace_s = 3600;
		in.max_depth = 1;
		in.min_rsa_bits = 3072;
		check(&in);
	}
	trust_chain_work_clear(&work);
	sk_X509_pop_free(sent, X509_free);
	sk_X509_free(anchors);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	return 0;
}
