/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enroll.c, enroll_request.c, enroll_response.c: topics of enrollment, PKCS
 * #10, and what is answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "enroll.h"
#include "enroll_request.h"
#include "enroll_response.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Topics ---- */

static void
topics(void **state)
{
	static const struct {
		const char *topic;
		enum trust_enroll_topic is;
		const char *client;
	} cases[] = {
	    {"trust/v1/enroll/a/request", TRUST_ENROLL_TOPIC_REQUEST, "a"},
	    {"trust/v1/enroll/a/response", TRUST_ENROLL_TOPIC_RESPONSE, "a"},
	    {"trust/v1/enroll/a/b/request", TRUST_ENROLL_TOPIC_REQUEST, "a/b"},
	    {"trust/v1/enroll/a/request/request", TRUST_ENROLL_TOPIC_REQUEST,
		"a/request"},
	    {"trust/v1/enroll/token:t-1/request", TRUST_ENROLL_TOPIC_REQUEST,
		"token:t-1"},
	    {"trust/v1/enroll/+/response", TRUST_ENROLL_TOPIC_RESPONSE, "+"},
	    {"trust/v1/enroll//request", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"trust/v1/enroll/request", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"trust/v1/enroll//b/request", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"trust/v1/enroll/a//request", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"trust/v1/enroll/a/b/c/request", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"trust/v1/enroll/a/requests", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"trust/v1/enroll/a/request/", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"trust/v1/enroll/a", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"trust/v1/enroll/", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"trust/v1/enroll", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"Trust/v1/enroll/a/request", TRUST_ENROLL_TOPIC_OTHER, NULL},
	    {"", TRUST_ENROLL_TOPIC_OTHER, NULL},
	};
	struct trust_span client;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(
		    trust_enroll_parse_topic(cases[i].topic, &client),
		    cases[i].is);
		if (cases[i].client == NULL)
			continue;
		assert_int_equal(client.len, strlen(cases[i].client));
		assert_memory_equal(client.p, cases[i].client, client.len);
	}
}

static void
names(void **state)
{
	(void)state;
	assert_true(trust_enroll_is_newcomer("token:t-1"));
	assert_true(trust_enroll_is_newcomer("token:"));
	assert_false(trust_enroll_is_newcomer("token"));
	assert_false(trust_enroll_is_newcomer("Token:t-1"));
	assert_false(trust_enroll_is_newcomer(""));
}

/* ---- Requests ---- */

/* A request of a key, in PEM and DER. */
struct made {
	EVP_PKEY *key;
	struct trust_buf pem, der;
};

static void
make(struct made *out, EVP_PKEY *key, const EVP_MD *digest)
{
	X509_REQ *req = X509_REQ_new();
	BIO *pem = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	char *text;
	long len;
	int n;

	*out = (struct made){.key = key};
	assert_int_equal(X509_REQ_set_version(req, 0), 1);
	assert_int_equal(X509_NAME_add_entry_by_txt(
			     X509_REQ_get_subject_name(req), "CN", MBSTRING_ASC,
			     (const unsigned char *)"somebody else", -1, -1, 0),
	    1);
	assert_int_equal(X509_REQ_set_pubkey(req, key), 1);
	assert_true(X509_REQ_sign(req, key, digest) > 0);
	assert_int_equal(PEM_write_bio_X509_REQ(pem, req), 1);
	len = BIO_get_mem_data(pem, &text);
	assert_int_equal(trust_buf_add(&out->pem, text, (size_t)len), TRUST_OK);
	n = i2d_X509_REQ(req, &der);
	assert_int_equal(trust_buf_add(&out->der, der, (size_t)n), TRUST_OK);
	OPENSSL_free(der);
	BIO_free(pem);
	X509_REQ_free(req);
}

static void
made_free(struct made *m)
{
	EVP_PKEY_free(m->key);
	trust_buf_free(&m->pem);
	trust_buf_free(&m->der);
}

static void
make_p256(struct made *out)
{
	make(out, EVP_EC_gen("P-256"), EVP_sha256());
}

static void
expect_good(const struct made *m, struct trust_span bytes)
{
	struct trust_enroll_request request;
	enum trust_reason reason;
	struct trust_message msg = {0};
	struct trust_thumbprint pin;
	unsigned char *spki = NULL;
	int len = i2d_PUBKEY(m->key, &spki);

	if (trust_enroll_request_read(bytes, &request, &reason, &msg) !=
	    TRUST_OK)
		fail_msg("%s", msg.text);
	assert_int_equal(
	    trust_thumbprint_of((struct trust_span){spki, (size_t)len}, &pin),
	    TRUST_OK);
	assert_true(trust_thumbprint_equal(&pin, &request.key));
	assert_int_equal(request.pem.len, m->pem.len);
	assert_memory_equal(request.pem.p, m->pem.p, m->pem.len);
	trust_enroll_request_clear(&request);
	OPENSSL_free(spki);
}

static void
expect_bad(struct trust_span bytes, enum trust_reason want)
{
	struct trust_enroll_request request;
	enum trust_reason reason;
	struct trust_message msg = {0};

	assert_int_equal(
	    trust_enroll_request_read(bytes, &request, &reason, &msg),
	    TRUST_ERR_INPUT);
	assert_string_equal(trust_reason_name(reason), trust_reason_name(want));
	assert_true(msg.text[0] != '\0');
	assert_null(request.pem.p);
}

#define MALFORMED TRUST_REASON_TOPIC_NOT_ALLOWED

static void
good(void **state)
{
	static const char *const curves[] = {"P-256", "P-384", "P-521"};
	struct made m;

	(void)state;
	for (size_t i = 0; i < COUNT(curves); i++) {
		make(&m, EVP_EC_gen(curves[i]), EVP_sha256());
		expect_good(&m, trust_buf_get0(&m.pem));
		expect_good(&m, trust_buf_get0(&m.der));
		made_free(&m);
	}
	make(&m, EVP_RSA_gen(2048), EVP_sha256());
	expect_good(&m, trust_buf_get0(&m.pem));
	made_free(&m);
	make(&m, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
	expect_good(&m, trust_buf_get0(&m.der));
	made_free(&m);
}

/* `text` before and behind the request, and cut to `len` octets. */
static struct trust_buf
around(const char *before, const struct trust_buf *request, const char *behind)
{
	struct trust_buf out = {0};

	assert_int_equal(trust_buf_printf(&out, "%s", before), TRUST_OK);
	assert_int_equal(
	    trust_buf_add(&out, request->p, request->len), TRUST_OK);
	assert_int_equal(trust_buf_add(&out, behind, strlen(behind)), TRUST_OK);
	return out;
}

static void
what_stands_around_it(void **state)
{
	struct trust_buf all;
	struct made m;

	(void)state;
	make_p256(&m);
	all = around("", &m.pem, "\r\n \t\n");
	expect_good(&m, trust_buf_get0(&all));
	trust_buf_free(&all);
	all = around("", &m.pem, (const char *)m.pem.p);
	expect_bad(trust_buf_get0(&all), MALFORMED);
	trust_buf_free(&all);
	all = around("", &m.pem, "x");
	expect_bad(trust_buf_get0(&all), MALFORMED);
	trust_buf_free(&all);
	all = around("Certificate Request:\n", &m.pem, "");
	expect_bad(trust_buf_get0(&all), MALFORMED);
	trust_buf_free(&all);
	all = around("", &m.der, "\n");
	expect_bad(trust_buf_get0(&all), MALFORMED);
	trust_buf_free(&all);
	made_free(&m);
}

/* Cut anywhere, and with any octet turned, it is none, or one whose signature
 * does not fit. */
static void
damaged(void **state)
{
	struct trust_enroll_request request;
	enum trust_reason reason;
	struct made m;

	(void)state;
	make_p256(&m);
	for (size_t len = 0; len < m.der.len; len++)
		expect_bad((struct trust_span){m.der.p, len}, MALFORMED);
	for (size_t i = 0; i < m.der.len; i++) {
		m.der.p[i] ^= 0x20;
		if (trust_enroll_request_read(trust_buf_get0(&m.der), &request,
			&reason, NULL) == TRUST_OK)
			fail_msg("octet %zu", i);
		m.der.p[i] ^= 0x20;
	}
	expect_good(&m, trust_buf_get0(&m.der));
	made_free(&m);
}

static void
not_its_own_key(void **state)
{
	struct made m, other;
	X509_REQ *req;
	unsigned char *der = NULL;
	const unsigned char *p;
	int len;

	(void)state;
	make_p256(&m);
	make_p256(&other);
	p = m.der.p;
	req = d2i_X509_REQ(NULL, &p, (long)m.der.len);
	assert_int_equal(X509_REQ_set_pubkey(req, other.key), 1);
	len = i2d_re_X509_REQ_tbs(req, &der);
	assert_true(len > 0);
	OPENSSL_free(der);
	der = NULL;
	len = i2d_X509_REQ(req, &der);
	expect_bad((struct trust_span){der, (size_t)len}, MALFORMED);
	OPENSSL_free(der);
	X509_REQ_free(req);
	made_free(&m);
	made_free(&other);
}

static void
weak(void **state)
{
	struct made m;

	(void)state;
	make(&m, EVP_RSA_gen(1024), EVP_sha256());
	expect_bad(trust_buf_get0(&m.der), TRUST_REASON_KEY_TOO_WEAK);
	made_free(&m);
	make(&m, EVP_EC_gen("prime192v1"), EVP_sha256());
	expect_bad(trust_buf_get0(&m.der), TRUST_REASON_KEY_TOO_WEAK);
	made_free(&m);
	make(&m, EVP_EC_gen("P-256"), EVP_sha1());
	expect_bad(trust_buf_get0(&m.der), TRUST_REASON_SIGNATURE_TOO_WEAK);
	made_free(&m);
	make(&m, EVP_RSA_gen(2048), EVP_md5());
	expect_bad(trust_buf_get0(&m.der), TRUST_REASON_SIGNATURE_TOO_WEAK);
	made_free(&m);
}

static void
too_long(void **state)
{
	uint8_t *big = calloc(1, TRUST_REQUEST_MAX + 1);

	(void)state;
	big[0] = 0x30;
	expect_bad((struct trust_span){big, TRUST_REQUEST_MAX + 1}, MALFORMED);
	expect_bad((struct trust_span){big, TRUST_REQUEST_MAX}, MALFORMED);
	expect_bad((struct trust_span){0}, MALFORMED);
	free(big);
}

static void
other_pem(void **state)
{
	static const char *const texts[] = {
	    "-----BEGIN CERTIFICATE REQUEST-----\n",
	    "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"
	    "-----END CERTIFICATE REQUEST-----\n",
	    "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
	    "-----BEGIN CERTIFICATE REQUEST-----\nProc-Type: 4,ENCRYPTED\n"
	    "DEK-Info: AES-128-CBC,00\n\nMAA=\n"
	    "-----END CERTIFICATE REQUEST-----\n",
	    "{\"request\":\"x\"}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		expect_bad(trust_span_of(texts[i]), MALFORMED);
}

/* ---- Responses ---- */

static struct trust_buf
certificate_of(EVP_PKEY *key)
{
	X509 *x509 = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	struct trust_buf out = {0};
	char *text;
	long len;

	assert_int_equal(X509_set_version(x509, 2), 1);
	assert_int_equal(
	    ASN1_INTEGER_set(X509_get_serialNumber(x509), 0x1f2e), 1);
	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), 0));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), 1800000000));
	assert_int_equal(X509_set_pubkey(x509, key), 1);
	assert_true(X509_sign(x509, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, x509), 1);
	len = BIO_get_mem_data(bio, &text);
	assert_int_equal(trust_buf_add(&out, text, (size_t)len), TRUST_OK);
	BIO_free(bio);
	X509_free(x509);
	return out;
}

static void
responses(void **state)
{
	static const char *const bad[] = {"", "x", "{}", "{\"error\":1}",
	    "{\"error\":\"x\"}x", "[]",
	    "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"};
	struct trust_enroll_response response;
	struct trust_enroll_request request;
	enum trust_reason reason;
	struct trust_buf pem, all;
	struct made m, other;

	(void)state;
	make_p256(&m);
	make_p256(&other);
	pem = certificate_of(m.key);
	all = around((const char *)pem.p, &other.pem, "");
	assert_int_equal(trust_enroll_request_read(
			     trust_buf_get0(&m.pem), &request, &reason, NULL),
	    TRUST_OK);
	assert_int_equal(
	    trust_enroll_response_read(trust_buf_get0(&all), &response, NULL),
	    TRUST_OK);
	assert_false(response.is_error);
	assert_true(trust_thumbprint_equal(&response.key, &request.key));
	assert_string_equal(response.serial, "1F2E");
	assert_int_equal(response.not_after, 1800000000);
	assert_int_equal(
	    trust_enroll_response_read(
		trust_span_of("{\"error\":\"no\"}"), &response, NULL),
	    TRUST_OK);
	assert_true(response.is_error);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(trust_enroll_response_read(
				     trust_span_of(bad[i]), &response, NULL),
		    TRUST_ERR_INPUT);
	trust_enroll_request_clear(&request);
	trust_buf_free(&all);
	trust_buf_free(&pem);
	made_free(&m);
	made_free(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(topics),
	    cmocka_unit_test(names),
	    cmocka_unit_test(good),
	    cmocka_unit_test(what_stands_around_it),
	    cmocka_unit_test(damaged),
	    cmocka_unit_test(not_its_own_key),
	    cmocka_unit_test(weak),
	    cmocka_unit_test(too_long),
	    cmocka_unit_test(other_pem),
	    cmocka_unit_test(responses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
