/* SPDX-License-Identifier: Apache-2.0 */
/*
 * est_answer.c, est_request.c, est_trust.c: what is read, what is asked, and
 * who is believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "../../certs/est_request.h"
#include "../../certs/est_trust.h"
#include "est_rfc7030.h"
#include "signer_scratch.h"

/* ---- Answers ---- */

static STACK_OF(X509) *
parse(const char *body)
{
	struct trust_message msg = {0};
	STACK_OF(X509) *out;

	if (trust_est_answer_parse(trust_span_of(body), &out, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	return out;
}

static void
refuses(struct trust_span body)
{
	struct trust_message msg = {0};
	STACK_OF(X509) *out;

	assert_int_equal(
	    trust_est_answer_parse(body, &out, &msg), TRUST_ERR_INPUT);
	assert_null(out);
	assert_non_null(strstr(msg.text, "want 1 to 32 certificates"));
}

/* The example with each line's end put in the place of "\n". */
static struct trust_buf
with_breaks(const char *end)
{
	struct trust_buf out = {0};

	for (const char *p = EST_RFC7030_CACERTS; *p != '\0'; p++) {
		if (*p == '\n')
			assert_int_equal(
			    trust_buf_add(&out, end, strlen(end)), TRUST_OK);
		else
			assert_int_equal(trust_buf_add(&out, p, 1), TRUST_OK);
	}
	return out;
}

static void
reads_the_rfcs_example(void **state)
{
	static const char *const ends[] = {"\n", "\r\n", "", " \n\n"};
	STACK_OF(X509) *out;

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct trust_buf text = with_breaks(ends[i]);

		out = parse((const char *)text.p);
		assert_int_equal(sk_X509_num(out), 4);
		sk_X509_pop_free(out, X509_free);
		trust_buf_free(&text);
	}
}

static void
refuses_what_is_no_base64(void **state)
{
	static const char *const texts[] = {"", "\n", "=", "AAAA", "MIIM",
	    "-----BEGIN PKCS7-----\n", EST_RFC7030_CACERTS "AAAA",
	    EST_RFC7030_CACERTS "=", "MA==MA==", "MA==\n\nMAAA", "M\vAAA",
	    "MAA-", "MAA_", "====", "M==="};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuses(trust_span_of(texts[i]));
	refuses((struct trust_span){(const uint8_t *)"MAA\0", 4});
}

/* Each octet of it changed, or its end cut off: never more than there is. */
static void
reads_damaged_ones(void **state)
{
	struct trust_buf text = with_breaks("\n");
	struct trust_message msg;
	STACK_OF(X509) *out;

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		uint8_t was = text.p[i];

		text.p[i] = was == 'A' ? 'B' : 'A';
		if (trust_est_answer_parse(trust_buf_get0(&text), &out, &msg) ==
		    TRUST_OK)
			sk_X509_pop_free(out, X509_free);
		text.p[i] = was;
	}
	for (size_t n = 0; n + 2 < text.len; n += 61)
		refuses((struct trust_span){text.p, n});
	trust_buf_free(&text);
}

/* ---- Roots ---- */

static enum trust_est_standing
standing(const struct trust_est_roots *roots, const X509 *x509)
{
	for (size_t i = 0; i < roots->n; i++)
		if (X509_cmp(roots->v[i].certificate, x509) == 0)
			return roots->v[i].standing;
	fail_msg("no root");
	return TRUST_EST_UNKNOWN;
}

/* Its cross certificates are for other names, and are no CA's: they vouch for
 * nobody. */
static void
roots_of_the_rfcs_example(void **state)
{
	STACK_OF(X509) *answer = parse(EST_RFC7030_CACERTS);
	X509 *owo = sk_X509_value(answer, 0), *nwn = sk_X509_value(answer, 3);
	STACK_OF(X509) *known = signer_anchors(owo, NULL);
	struct trust_est_roots roots;

	(void)state;
	trust_est_trust_find_roots(answer, known, EST_RFC7030_NOW, &roots);
	trust_est_trust_spread(answer, known, EST_RFC7030_NOW, &roots);
	assert_int_equal(roots.n, 2);
	assert_int_equal(standing(&roots, owo), TRUST_EST_KNOWN);
	assert_int_equal(standing(&roots, nwn), TRUST_EST_UNKNOWN);
	/* A year later both are over. */
	trust_est_trust_find_roots(answer, known, SIGNER_NOW, &roots);
	assert_int_equal(standing(&roots, owo), TRUST_EST_OVER);
	assert_int_equal(standing(&roots, nwn), TRUST_EST_OVER);
	sk_X509_free(known);
	sk_X509_pop_free(answer, X509_free);
}

/* A certificate for the subject and key of one pair, signed by another. */
static X509 *
cross(const struct trust_pair *subject, const struct trust_pair *issuer)
{
	X509 *x509 = X509_dup(subject->certificate);

	assert_non_null(x509);
	assert_int_equal(X509_set_issuer_name(
			     x509, X509_get_subject_name(issuer->certificate)),
	    1);
	/* A root of signers has a path length, which binds it. */
	X509_EXTENSION_free(X509_delete_ext(
	    x509, X509_get_ext_by_NID(x509, NID_basic_constraints, -1)));
	X509_EXTENSION *ca = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
	assert_int_equal(X509_add_ext(x509, ca, -1), 1);
	X509_EXTENSION_free(ca);
	assert_true(X509_sign(x509, issuer->key, EVP_sha256()) > 0);
	return x509;
}

static void
trust_spreads_along_signatures(void **state)
{
	struct trust_pair pairs[4];
	STACK_OF(X509) *answer = sk_X509_new_null();
	STACK_OF(X509) *known;
	struct trust_est_roots roots;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char cn[] = {'r', (char)('0' + i), '\0'};

		pairs[i] = signer_make(TRUST_PROFILE_ROOT, cn, NULL);
		assert_true(sk_X509_push(answer, pairs[i].certificate) > 0);
	}
	/* r0 vouches for r1, that for r2; r3 for r0, which helps nobody. In
	 * the order that takes longest. */
	assert_true(sk_X509_push(answer, cross(&pairs[2], &pairs[1])) > 0);
	assert_true(sk_X509_push(answer, cross(&pairs[1], &pairs[0])) > 0);
	assert_true(sk_X509_push(answer, cross(&pairs[0], &pairs[3])) > 0);
	known = signer_anchors(pairs[0].certificate, NULL);
	trust_est_trust_find_roots(answer, known, SIGNER_NOW, &roots);
	assert_int_equal(roots.n, 4);
	trust_est_trust_spread(answer, known, SIGNER_NOW, &roots);
	assert_int_equal(
	    standing(&roots, pairs[0].certificate), TRUST_EST_KNOWN);
	assert_int_equal(
	    standing(&roots, pairs[1].certificate), TRUST_EST_VOUCHED);
	assert_int_equal(
	    standing(&roots, pairs[2].certificate), TRUST_EST_VOUCHED);
	assert_int_equal(
	    standing(&roots, pairs[3].certificate), TRUST_EST_UNKNOWN);
	sk_X509_free(known);
	while (sk_X509_num(answer) > 4)
		X509_free(sk_X509_pop(answer));
	sk_X509_free(answer);
	for (size_t i = 0; i < 4; i++)
		trust_pair_clear(&pairs[i]);
}

/* ---- Paths ---- */

static void
finds_paths(void **state)
{
	struct trust_pair root = signer_make(TRUST_PROFILE_ROOT, "root", NULL);
	struct trust_pair ca =
	    signer_make(TRUST_PROFILE_INTERMEDIATE, "ca", &root);
	struct trust_pair leaf = signer_make(TRUST_PROFILE_SERVER, "gw", &ca);
	STACK_OF(X509) *anchors = signer_anchors(root.certificate, NULL);
	STACK_OF(X509) *others = signer_anchors(ca.certificate, NULL);
	STACK_OF(X509) *path;
	struct trust_message msg;

	(void)state;
	assert_int_equal(trust_est_trust_find_path(leaf.certificate, others,
			     anchors, SIGNER_NOW, &path, &msg),
	    TRUST_OK);
	assert_int_equal(sk_X509_num(path), 2);
	assert_ptr_equal(sk_X509_value(path, 0), leaf.certificate);
	sk_X509_pop_free(path, X509_free);

	/* An anchor need not be a root, and may be the certificate. */
	assert_int_equal(trust_est_trust_find_path(leaf.certificate, NULL,
			     others, SIGNER_NOW, &path, &msg),
	    TRUST_OK);
	assert_int_equal(sk_X509_num(path), 1);
	sk_X509_pop_free(path, X509_free);
	assert_int_equal(trust_est_trust_find_path(root.certificate, NULL,
			     anchors, SIGNER_NOW, &path, &msg),
	    TRUST_OK);
	assert_int_equal(sk_X509_num(path), 1);
	sk_X509_pop_free(path, X509_free);

	assert_int_equal(trust_est_trust_find_path(leaf.certificate, NULL,
			     anchors, SIGNER_NOW, &path, &msg),
	    TRUST_ERR_INPUT);
	assert_null(path);
	assert_int_equal(trust_est_trust_find_path(leaf.certificate, others,
			     anchors, SIGNER_END + 1, &path, &msg),
	    TRUST_ERR_INPUT);
	assert_non_null(strstr(msg.text, "expired"));
	sk_X509_free(anchors);
	sk_X509_free(others);
	trust_pair_clear(&leaf);
	trust_pair_clear(&ca);
	trust_pair_clear(&root);
}

/* ---- Requests ---- */

/* What a server reads. */
static X509_REQ *
read_request(struct trust_span text)
{
	BIO *memory = BIO_new_mem_buf(text.p, (int)text.len);
	BIO *base64 = BIO_new(BIO_f_base64());
	X509_REQ *req;

	assert_non_null(memory);
	assert_non_null(base64);
	BIO_push(base64, memory);
	req = d2i_X509_REQ_bio(base64, NULL);
	BIO_free(base64);
	BIO_free(memory);
	assert_non_null(req);
	assert_int_equal(X509_REQ_verify(req, X509_REQ_get0_pubkey(req)), 1);
	return req;
}

static void
assert_names(X509_REQ *req, const char *cn, const char *const *want, int n)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
	GENERAL_NAMES *names =
	    X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
	char text[128];

	assert_true(X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(req),
			NID_commonName, text, sizeof(text)) > 0);
	assert_string_equal(text, cn);
	assert_int_equal(sk_GENERAL_NAME_num(names), n < 1 ? -1 : n);
	for (int i = 0; i < n; i++) {
		BIO *bio = BIO_new(BIO_s_mem());

		GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i));
		text[BIO_read(bio, text, sizeof(text) - 1)] = '\0';
		assert_string_equal(text, want[i]);
		BIO_free(bio);
	}
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

static void
makes_requests(void **state)
{
	static const char *const hosts[] = {
	    "gw1.plant.example", "192.0.2.7", "2001:db8::7", "*.plant.example"};
	static const char *const shown[] = {"DNS:gw1.plant.example",
	    "IP Address:192.0.2.7", "IP Address:2001:DB8:0:0:0:0:0:7",
	    "DNS:*.plant.example"};
	struct trust_est_subject subject = {.cn = "gw1"};

	(void)state;
	for (enum trust_key kind = TRUST_KEY_P256; kind <= TRUST_KEY_ED25519;
	     kind++) {
		struct trust_message msg = {0};
		struct trust_buf text = {0};
		EVP_PKEY *key;
		X509_REQ *req;

		subject.hosts = hosts;
		subject.n_hosts = kind == TRUST_KEY_P256 ? 4 : 0;
		assert_int_equal(trust_key_new(kind, &key), TRUST_OK);
		assert_int_equal(
		    trust_est_request_make(&subject, key, &text, &msg),
		    TRUST_OK);
		req = read_request(trust_buf_get0(&text));
		assert_int_equal(
		    EVP_PKEY_eq(X509_REQ_get0_pubkey(req), key), 1);
		assert_names(req, "gw1", shown, (int)subject.n_hosts);
		X509_REQ_free(req);
		trust_buf_free(&text);
		EVP_PKEY_free(key);
	}
}

/* RFC 7030 section 4.2.2: subject and names are those of the old one. */
static void
renews(void **state)
{
	static const char *const hosts[] = {"gw1.plant.example", "192.0.2.7"};
	static const char *const shown[] = {
	    "DNS:gw1.plant.example", "IP Address:192.0.2.7"};
	struct trust_issue issue = {.profile = TRUST_PROFILE_SERVER,
	    .cn = "old name",
	    .hosts = hosts,
	    .n_hosts = 2,
	    .not_before = SIGNER_BEGIN,
	    .not_after = SIGNER_END};
	struct trust_pair old = {0};
	struct trust_message msg = {0};
	struct trust_buf text = {0};
	struct trust_est_subject subject = {0};
	X509_REQ *req;

	(void)state;
	assert_int_equal(
	    trust_pair_make(TRUST_KEY_P256, &issue, NULL, &old, &msg),
	    TRUST_OK);
	subject.renewed = old.certificate;
	assert_int_equal(
	    trust_est_request_make(&subject, old.key, &text, &msg), TRUST_OK);
	req = read_request(trust_buf_get0(&text));
	assert_names(req, "old name", shown, 2);
	X509_REQ_free(req);
	trust_buf_free(&text);
	trust_pair_clear(&old);
}

static void
asks_for_no_other_names(void **state)
{
	static const char *const wrong[] = {"", "a,DNS:b", "a b", "a\nb",
	    "DNS:a", "dirName:x", "a;b", "@section", "a:1", "::g", "a/b",
	    "192.0.2.7 a", "192.0.2.7\tDNS:a"};
	EVP_PKEY *key;

	(void)state;
	assert_int_equal(trust_key_new(TRUST_KEY_P256, &key), TRUST_OK);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct trust_est_subject subject = {
		    .cn = "gw1", .hosts = &wrong[i], .n_hosts = 1};
		struct trust_message msg = {0};
		struct trust_buf text = {0};

		assert_int_equal(
		    trust_est_request_make(&subject, key, &text, &msg),
		    TRUST_ERR_INPUT);
		assert_int_equal(text.len, 0);
		trust_buf_free(&text);
	}
	EVP_PKEY_free(key);
}

/* What stands behind a blank is no part of an address, and is not left out. */
static void
issues_for_no_other_names(void **state)
{
	static const char *const wrong[] = {
	    "", "a b", "a:1", "::g", "a/b", "192.0.2.7 a", "192.0.2.7\tb"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct trust_issue issue = {.profile = TRUST_PROFILE_SERVER,
		    .cn = "gw1",
		    .hosts = &wrong[i],
		    .n_hosts = 1,
		    .not_before = SIGNER_BEGIN,
		    .not_after = SIGNER_END};
		struct trust_pair made = {0};
		struct trust_message msg = {0};

		assert_int_equal(
		    trust_pair_make(TRUST_KEY_P256, &issue, NULL, &made, &msg),
		    TRUST_ERR_INPUT);
		assert_null(made.certificate);
		trust_pair_clear(&made);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_the_rfcs_example),
	    cmocka_unit_test(refuses_what_is_no_base64),
	    cmocka_unit_test(reads_damaged_ones),
	    cmocka_unit_test(roots_of_the_rfcs_example),
	    cmocka_unit_test(trust_spreads_along_signatures),
	    cmocka_unit_test(finds_paths),
	    cmocka_unit_test(makes_requests),
	    cmocka_unit_test(renews),
	    cmocka_unit_test(asks_for_no_other_names),
	    cmocka_unit_test(issues_for_no_other_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
