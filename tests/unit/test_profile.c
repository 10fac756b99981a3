/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile.c and its kin: what trustctl pki makes keeps the profile, the
 * reader of DER takes one form of a value, and no octet of a certificate can
 * be changed so that the profile trips over it. Rule by rule:
 * tests/cases/profile.ini.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "../../certs/issue.h"
#include "profile_internal.h"

/* 2026-01-01 */
#define FROM INT64_C(1767225600)
#define DAY  INT64_C(86400)

/* ---- What we make ourselves ---- */

struct issued {
	EVP_PKEY *key;
	X509 *x509;
};

static struct issued
issue(enum trust_profile profile, const char *cn, const struct issued *issuer)
{
	struct trust_message msg = {0};
	struct issued made = {.key = EVP_EC_gen("P-256")};
	struct trust_issue issue = {
	    .profile = profile,
	    .cn = cn,
	    .key = made.key,
	    .issuer = issuer != NULL ? issuer->x509 : NULL,
	    .issuer_key = issuer != NULL ? issuer->key : NULL,
	    .not_before = FROM,
	    .not_after = FROM + 90 * DAY,
	};

	assert_non_null(made.key);
	assert_int_equal(
	    trust_issue_certificate(&issue, &made.x509, &msg), TRUST_OK);
	return made;
}

static void
clear(struct issued *made)
{
	X509_free(made->x509);
	EVP_PKEY_free(made->key);
}

static void
check(X509 *x509, enum trust_profile_place place)
{
	struct trust_profile_finding finding = {0};
	char text[TRUST_DETAIL_MAX];

	if (!trust_profile_check(x509, place, &finding))
		fail_msg("%s", trust_profile_tell(&finding, text));
}

static void
our_own_pki(void **state)
{
	struct issued root = issue(TRUST_PROFILE_ROOT, "Root", NULL);
	struct issued ca = issue(TRUST_PROFILE_INTERMEDIATE, "CA", &root);
	struct issued edge = issue(TRUST_PROFILE_EDGE_CA, "Edge", &ca);
	struct issued device = issue(TRUST_PROFILE_DEVICE, "temp-01", &edge);
	struct trust_profile_finding finding = {0};
	int depth;

	(void)state;
	check(root.x509, TRUST_PLACE_ANCHOR);
	check(ca.x509, TRUST_PLACE_INTERMEDIATE);
	check(ca.x509, TRUST_PLACE_ANCHOR);
	check(edge.x509, TRUST_PLACE_INTERMEDIATE);
	check(device.x509, TRUST_PLACE_LEAF);
	assert_true(
	    trust_profile_check_issuer(device.x509, edge.x509, &finding));
	assert_false(
	    trust_profile_check_issuer(device.x509, ca.x509, &finding));
	assert_string_equal(finding.field, "authorityKeyIdentifier");
	assert_true(trust_profile_check_names(
	    (X509 *const[]){device.x509, edge.x509, ca.x509, root.x509}, 4,
	    &finding, &depth));
	/* The exception is for anchors. */
	assert_false(
	    trust_profile_check(root.x509, TRUST_PLACE_INTERMEDIATE, &finding));
	assert_string_equal(finding.field, "authorityKeyIdentifier");
	clear(&device);
	clear(&edge);
	clear(&ca);
	clear(&root);
}

/* ---- DER ---- */

static void
one_form(void **state)
{
	static const struct {
		const char *hex, *what;
		bool is_der;
	} cases[] = {
	    {"0101FF", "TRUE", true},
	    {"010101", "TRUE as 1", false},
	    {"010100", "FALSE, a default everywhere", false},
	    {"0100", "BOOLEAN of nothing", false},
	    {"020100", "0", true},
	    {"02020080", "128", true},
	    {"0202007F", "127 with a zero before it", false},
	    {"0202FF80", "-128 with a one before it", false},
	    {"0200", "INTEGER of nothing", false},
	    {"0500", "NULL", true},
	    {"050100", "NULL of something", false},
	    {"06022A03", "1.2.3", true},
	    {"06032A8003", "1.2.3 with a zero before its arc", false},
	    {"06022A83", "an arc without its end", false},
	    {"0600", "OBJECT IDENTIFIER of nothing", false},
	    {"030100", "no bits", true},
	    {"03020780", "one bit", true},
	    {"030207C0", "one bit, and another that is unused", false},
	    {"03020880", "eight unused bits", false},
	    {"030101", "no bits, one of them unused", false},
	    {"0300", "BIT STRING of nothing", false},
	    {"0403010203", "octets", true},
	    {"24050403010203", "octets in parts", false},
	    {"040481020304", "octets that look like a length", true},
	    {"048103010203", "a length longer than it has to be", false},
	    {"04820003010203", "a length with a zero before it", false},
	    {"3000", "SEQUENCE of nothing", true},
	    {"1000", "SEQUENCE that is primitive", false},
	    {"30800000", "a length without an end", false},
	    {"3003020100", "SEQUENCE of 0", true},
	    {"300302010000", "something behind it", false},
	    {"3004020100", "less than it says", false},
	    {"3006300401010100", "something wrong within", false},
	    {"A003020101", "a tag of the context", true},
	    {"A080020101", "the same without an end", false},
	    {"1F0A0100", "a tag in the long form for the short one", false},
	    {"", "nothing", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned char octets[32];
		size_t len = 0;

		if (cases[i].hex[0] != '\0')
			assert_int_equal(
			    OPENSSL_hexstr2buf_ex(octets, sizeof(octets), &len,
				cases[i].hex, '\0'),
			    1);
		if (trust_profile_der_check((struct trust_span){octets, len}) !=
		    cases[i].is_der)
			fail_msg("%s: %s", cases[i].hex, cases[i].what);
	}
}

static void
deep(void **state)
{
	unsigned char octets[128];

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i += 2) {
		octets[i] = 0x30;
		octets[i + 1] = (unsigned char)(sizeof(octets) - i - 2);
	}
	assert_false(trust_profile_der_check(
	    (struct trust_span){octets, sizeof(octets)}));
	assert_true(trust_profile_der_check(
	    (struct trust_span){octets + sizeof(octets) - 40, 40}));
}

/* ---- Any octet, changed ---- */

static void
try(const unsigned char *der, long len)
{
	struct trust_profile_finding finding = {0};
	X509 *x509 = d2i_X509(NULL, &der, len);
	char text[TRUST_DETAIL_MAX];
	int depth;

	if (x509 == NULL)
		return;
	if (!trust_profile_check(x509, TRUST_PLACE_LEAF, &finding)) {
		assert_non_null(finding.field);
		assert_non_null(finding.source);
		assert_true(strlen(trust_profile_tell(&finding, text)) > 0);
	}
	(void)!trust_profile_check_issuer(x509, x509, &finding);
	(void)!trust_profile_check_names(
	    (X509 *const[]){x509, x509}, 2, &finding, &depth);
	X509_free(x509);
}

static void
any_octet(void **state)
{
	struct issued root = issue(TRUST_PROFILE_ROOT, "Root", NULL);
	struct issued device = issue(TRUST_PROFILE_SERVER, "temp-01", &root);
	unsigned char *der = NULL;
	int len = i2d_X509(device.x509, &der);

	(void)state;
	assert_true(len > 0);
	for (int i = 0; i < len; i++) {
		unsigned char octet = der[i];

		for (unsigned bit = 1; bit <= 0x80; bit <<= 1) {
			der[i] = (unsigned char)(octet ^ bit);
			try(der, len);
		}
		der[i] = octet;
	}
	OPENSSL_free(der);
	clear(&device);
	clear(&root);
}

/* ---- What no CA of the case table makes ---- */

/* One that revokes nobody. */
static X509_CRL *
make_crl(EVP_PKEY *key, const EVP_MD *digest, const char *number, bool pss)
{
	X509_CRL *crl = X509_CRL_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, FROM);
	ASN1_TIME *until = ASN1_TIME_set(NULL, FROM + DAY);
	ASN1_INTEGER *count = s2i_ASN1_INTEGER(NULL, number);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL;

	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
			     (const unsigned char *)"Root", -1, -1, 0),
	    1);
	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, name);
	X509_CRL_set1_lastUpdate(crl, from);
	X509_CRL_set1_nextUpdate(crl, until);
	assert_int_equal(
	    X509_CRL_add1_ext_i2d(crl, NID_crl_number, count, 0, 0), 1);
	assert_int_equal(EVP_DigestSignInit(ctx, &how, digest, NULL, key), 1);
	if (pss)
		assert_true(EVP_PKEY_CTX_set_rsa_padding(
				how, RSA_PKCS1_PSS_PADDING) > 0);
	assert_true(X509_CRL_sign_ctx(crl, ctx) > 0);
	EVP_MD_CTX_free(ctx);
	ASN1_INTEGER_free(count);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	X509_NAME_free(name);
	return crl;
}

/* Whether it is taken, or the field that is wrong. */
static void
assert_crl(X509_CRL *crl, const char *field)
{
	struct trust_profile_finding finding = {0};
	bool kept = trust_profile_check_crl(crl, false, &finding);

	assert_int_equal(kept, field == NULL);
	if (field != NULL) {
		assert_string_equal(finding.field, field);
		assert_int_equal(
		    finding.reason, TRUST_REASON_REVOCATION_UNKNOWN);
	}
	X509_CRL_free(crl);
}

/* The digest of PSS is a parameter of the algorithm. */
static void
crls_by_pss(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);

	(void)state;
	assert_non_null(key);
	assert_crl(make_crl(key, EVP_sha256(), "1", true), NULL);
	assert_crl(make_crl(key, EVP_sha512(), "1", true), NULL);
	assert_crl(make_crl(key, EVP_sha1(), "1", true), "signatureAlgorithm");
	assert_crl(make_crl(key, EVP_sha1(), "1", false), "signatureAlgorithm");
	EVP_PKEY_free(key);
}

/* Twenty octets as they are encoded: the first bit is the sign's. */
static void
crls_by_number(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	const EVP_MD *digest = EVP_sha256();

	(void)state;
	assert_crl(make_crl(key, digest,
		       "0x7fffffffffffffffffffffffffffffffffffffff", false),
	    NULL);
	assert_crl(make_crl(key, digest,
		       "0x80ffffffffffffffffffffffffffffffffffffff", false),
	    "cRLNumber");
	assert_crl(make_crl(key, digest, "-1", false), "cRLNumber");
	EVP_PKEY_free(key);
}

/* Extension ARC.n, with an OCTET STRING of `len` octets in it. */
static void
add_extension(X509 *x509, const char *arc, int n, int len)
{
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;
	unsigned char *der = NULL;
	char oid[32];
	ASN1_OBJECT *object;

	(void)snprintf(oid, sizeof(oid), "%s.%d", arc, n);
	object = OBJ_txt2obj(oid, 1);
	assert_int_equal(ASN1_STRING_set(value, NULL, len), 1);
	memset(value->data, 'x', (size_t)len);
	len = i2d_ASN1_OCTET_STRING(value, &der);
	assert_int_equal(ASN1_OCTET_STRING_set(value, der, len), 1);
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, value);
	assert_int_equal(X509_add_ext(x509, extension, -1), 1);
	X509_EXTENSION_free(extension);
	OPENSSL_free(der);
	ASN1_OBJECT_free(object);
	ASN1_OCTET_STRING_free(value);
}

/* A device's certificate with so many of them; what is wrong then, or NULL. */
static void
assert_extensions(const char *arc, int first, int n, int len, const char *what)
{
	struct issued root = issue(TRUST_PROFILE_ROOT, "Root", NULL);
	struct issued device = issue(TRUST_PROFILE_DEVICE, "temp-01", &root);
	struct trust_profile_finding finding = {0};
	char text[TRUST_DETAIL_MAX];
	bool kept;

	for (int i = 0; i < n; i++)
		add_extension(device.x509, arc, first + i, len);
	assert_true(X509_sign(device.x509, root.key, EVP_sha256()) > 0);
	kept = trust_profile_check(device.x509, TRUST_PLACE_LEAF, &finding);
	assert_int_equal(kept, what == NULL);
	if (what != NULL)
		assert_non_null(
		    strstr(trust_profile_tell(&finding, text), what));
	clear(&device);
	clear(&root);
}

static void
extensions_have_bounds(void **state)
{
	static const char nobodys[] = "1.3.6.1.4.1.99999";

	(void)state;
	assert_extensions(nobodys, 1, 40, 1, NULL);
	assert_extensions(nobodys, 1, 65, 1, "more of them");
	/* Of one that nobody decodes the length is nobody's business. */
	assert_extensions(nobodys, 1, 1, 20000, NULL);
	assert_extensions("2.5.29", 18, 1, 20000, "16 KiB");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(our_own_pki),
	    cmocka_unit_test(one_form),
	    cmocka_unit_test(deep),
	    cmocka_unit_test(any_octet),
	    cmocka_unit_test(crls_by_pss),
	    cmocka_unit_test(crls_by_number),
	    cmocka_unit_test(extensions_have_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
