/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.c, what the case table cannot see: the work that a path costs, and
 * how several verifications share it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "chain.h"
#include "chain_work.h"

#define NOW INT64_C(1893456000)
#define DAY 86400

struct made {
	X509 *x509;
	EVP_PKEY *key;
};

static void
made_free(struct made *made)
{
	X509_free(made->x509);
	EVP_PKEY_free(made->key);
}

static void
set_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	extension = X509V3_EXT_nconf_nid(NULL, &context, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* From the name, so that namesakes cannot be told apart without a signature. */
static void
set_key_id(X509 *x509, const char *cn)
{
	char id[32], *hex;

	(void)snprintf(id, sizeof(id), "key of %s", cn);
	hex = OPENSSL_buf2hexstr((const unsigned char *)id, (long)strlen(id));
	assert_non_null(hex);
	set_extension(x509, NULL, NID_subject_key_identifier, hex);
	OPENSSL_free(hex);
}

static void
set_name(X509_NAME *name, const char *cn)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
			     (const unsigned char *)cn, -1, -1, 0),
	    1);
}

/* `issuer` NULL: by itself. Takes the key. */
static struct made
make_with(EVP_PKEY *key, const char *cn, const struct made *issuer, bool ca)
{
	struct made made = {.x509 = X509_new(), .key = key};
	EVP_PKEY *signer = issuer != NULL ? issuer->key : key;

	assert_non_null(made.x509);
	assert_non_null(key);
	X509_set_version(made.x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(made.x509), 1);
	ASN1_TIME_set(X509_getm_notBefore(made.x509), NOW - DAY);
	ASN1_TIME_set(X509_getm_notAfter(made.x509), NOW + DAY);
	set_name(X509_get_subject_name(made.x509), cn);
	X509_set_issuer_name(made.x509,
	    X509_get_subject_name(issuer != NULL ? issuer->x509 : made.x509));
	X509_set_pubkey(made.x509, key);
	set_extension(made.x509, NULL, NID_basic_constraints,
	    ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	set_extension(made.x509, NULL, NID_key_usage,
	    ca ? "critical,keyCertSign" : "critical,digitalSignature");
	set_key_id(made.x509, cn);
	if (issuer != NULL)
		set_extension(made.x509, issuer->x509,
		    NID_authority_key_identifier, "keyid:always");
	assert_true(X509_sign(made.x509, signer, EVP_sha256()) > 0);
	return made;
}

static struct made
make(const char *cn, const struct made *issuer, bool ca)
{
	return make_with(EVP_EC_gen("P-256"), cn, issuer, ca);
}

static EVP_PKEY *
make_rsa_pss_key(unsigned bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA_PSS, NULL);
	EVP_PKEY *key = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A root, a CA, a leaf. */
struct plant {
	struct made root, ca, leaf;
	STACK_OF(X509) *untrusted, *anchors;
	struct trust_chain_work work;
	struct trust_chain_input in;
	struct trust_chain out;
};

static void
plant_open(struct plant *p)
{
	memset(p, 0, sizeof(*p));
	p->root = make("root", NULL, true);
	p->ca = make("ca", &p->root, true);
	p->leaf = make("leaf", &p->ca, false);
	p->untrusted = sk_X509_new_null();
	p->anchors = sk_X509_new_null();
	sk_X509_push(p->untrusted, p->ca.x509);
	sk_X509_push(p->anchors, p->root.x509);
	p->in = (struct trust_chain_input){.leaf = p->leaf.x509,
	    .untrusted = p->untrusted,
	    .anchors = p->anchors,
	    .now = NOW,
	    .max_depth = -1,
	    .work = &p->work};
}

static void
plant_close(struct plant *p)
{
	trust_chain_work_clear(&p->work);
	sk_X509_free(p->untrusted);
	sk_X509_free(p->anchors);
	made_free(&p->leaf);
	made_free(&p->ca);
	made_free(&p->root);
}

static void
verify(struct plant *p)
{
	assert_int_equal(trust_chain_verify(&p->in, &p->out, NULL), TRUST_OK);
}

static void
test_signatures_are_verified_once(void **state)
{
	struct plant p;

	plant_open(&p);
	verify(&p);
	assert_true(p.out.valid);
	assert_int_equal(p.out.signatures, 2);
	assert_int_equal(p.out.paths, 1);
	verify(&p);
	assert_true(p.out.valid);
	assert_int_equal(p.out.signatures, 0);
	assert_int_equal(p.work.signatures, 2);
	plant_close(&p);
}

/* Of a key that is for PSS alone, too. */
static void
test_rsa_keys_have_a_least_size(void **state)
{
	struct plant p;

	(void)state;
	plant_open(&p);
	made_free(&p.leaf);
	p.leaf = make_with(make_rsa_pss_key(2048), "leaf", &p.ca, false);
	p.in.leaf = p.leaf.x509;
	p.in.min_rsa_bits = 2048;
	verify(&p);
	assert_true(p.out.valid);
	assert_int_equal(p.out.min_rsa_bits, 2048);
	p.in.min_rsa_bits = 2049;
	verify(&p);
	assert_false(p.out.valid);
	assert_int_equal(p.out.reason, TRUST_REASON_KEY_TOO_WEAK);
	assert_int_equal(p.out.depth, 0);
	assert_string_equal(p.out.subject, "CN=leaf");
	plant_close(&p);
}

/* A signature that is known to be bad stays so. */
static void
test_bad_signatures_are_remembered(void **state)
{
	struct made stranger = make("root", NULL, true);
	struct plant p;

	plant_open(&p);
	(void)sk_X509_set(p.anchors, 0, stranger.x509);
	for (int i = 0; i < 2; i++) {
		verify(&p);
		assert_false(p.out.valid);
		assert_int_equal(p.out.reason, TRUST_REASON_CHAIN_INVALID);
		assert_int_equal(p.out.paths, 0);
	}
	assert_int_equal(p.work.signatures, 1);
	plant_close(&p);
	made_free(&stranger);
}

static void
test_no_work_is_no_path(void **state)
{
	struct plant p;

	plant_open(&p);
	p.work.spent = TRUST_CHAIN_WORK_MAX;
	/* The second time it is over before anything is looked at. */
	for (int i = 0; i < 2; i++) {
		verify(&p);
		assert_false(p.out.valid);
		assert_int_equal(p.out.reason, TRUST_REASON_CHAIN_INVALID);
		assert_non_null(strstr(p.out.detail, "given up"));
		assert_true(p.work.over);
	}
	assert_int_equal(p.work.signatures, 0);
	plant_close(&p);
}

/* The CA has an extension that is none, and signed by the root it is. */
static void
test_what_does_not_decode_is_refused(void **state)
{
	const unsigned char octets[] = {0x30, 0x05, 0x02};
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;
	struct plant p;

	plant_open(&p);
	ASN1_OCTET_STRING_set(value, octets, sizeof(octets));
	extension =
	    X509_EXTENSION_create_by_NID(NULL, NID_name_constraints, 0, value);
	assert_int_equal(X509_add_ext(p.ca.x509, extension, -1), 1);
	assert_true(X509_sign(p.ca.x509, p.root.key, EVP_sha256()) > 0);
	verify(&p);
	assert_false(p.out.valid);
	assert_int_equal(p.out.reason, TRUST_REASON_CHAIN_INVALID);
	assert_int_equal(p.out.depth, 1);
	assert_non_null(strstr(p.out.detail, "nameConstraints"));
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	plant_close(&p);
}

static void
assert_price(EVP_PKEY *key, unsigned at_least, unsigned at_most)
{
	struct made made = make_with(key, "key", NULL, true);
	unsigned price = trust_chain_work_of_key(made.x509);

	assert_in_range(price, at_least, at_most);
	made_free(&made);
}

static EVP_PKEY *
rsa(unsigned bits, unsigned exponent)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	BIGNUM *e = BN_new();

	/* An odd number of `exponent` bits. */
	BN_set_bit(e, (int)exponent - 1);
	BN_set_bit(e, 0);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits), 1);
	assert_int_equal(EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
	BN_free(e);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void
test_what_is_slow_is_dear(void **state)
{
	assert_price(EVP_EC_gen("P-256"), 65, 75);
	assert_price(EVP_EC_gen("P-384"), 650, 750);
	assert_price(EVP_EC_gen("brainpoolP512r1"), 900, 1000);
	/* Whatever is not in the table is as dear as the slowest. */
	assert_price(EVP_EC_gen("sect571k1"), 3000, 4000);
	assert_price(rsa(2048, 17), 20, 25);
	assert_price(rsa(2048, 33), 36, 45);
	assert_price(rsa(2048, 256), 200, 300);
	assert_price(rsa(3072, 17), 45, 55);
}

/* So many names cost more to read than the path costs to find. */
static void
test_long_names_are_not_read(void **state)
{
	static const struct {
		int n;
		bool malformed;
	} cases[] = {{1, false}, {TRUST_ALT_NAMES_MAX / 2, true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct made made = make("leaf", NULL, false);
		GENERAL_NAMES *names = GENERAL_NAMES_new();
		struct trust_certificate *certificate;
		const struct trust_values *values;

		for (int j = 0; j < cases[i].n; j++) {
			GENERAL_NAME *name = GENERAL_NAME_new();
			ASN1_IA5STRING *dns = ASN1_IA5STRING_new();

			GENERAL_NAME_set0_value(name, GEN_DNS, dns);
			sk_GENERAL_NAME_push(names, name);
		}
		assert_int_equal(X509_add1_ext_i2d(made.x509,
				     NID_subject_alt_name, names, 0, 0),
		    1);
		assert_true(X509_sign(made.x509, made.key, EVP_sha256()) > 0);
		assert_int_equal(
		    trust_certificate_new(made.x509, &certificate, NULL),
		    TRUST_OK);
		values = &certificate->names[TRUST_IDENTITY_SAN_DNS];
		assert_int_equal(values->malformed, cases[i].malformed);
		assert_int_equal(values->n, cases[i].malformed ? 0 : 1);
		trust_certificate_free(certificate);
		GENERAL_NAMES_free(names);
		made_free(&made);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_signatures_are_verified_once),
	    cmocka_unit_test(test_rsa_keys_have_a_least_size),
	    cmocka_unit_test(test_bad_signatures_are_remembered),
	    cmocka_unit_test(test_no_work_is_no_path),
	    cmocka_unit_test(test_what_does_not_decode_is_refused),
	    cmocka_unit_test(test_what_is_slow_is_dear),
	    cmocka_unit_test(test_long_names_are_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
