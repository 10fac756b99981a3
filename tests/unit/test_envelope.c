/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelopes of pre-shared keys: who can open them, and what is in them.
 */
#include "signer_scratch.h"

#include <openssl/cms.h>
#include <openssl/evp.h>

#include "envelope.h"

static const struct trust_secret SECRET = {
    .b = {0x00, 0x01, 0x0a, 0x0d, 0xff, 0x00, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 0x00},
    .len = 32,
};

static struct trust_pair
make(enum trust_key type, const char *cn)
{
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_DEVICE,
	    .cn = cn,
	    .not_before = SIGNER_BEGIN,
	    .not_after = SIGNER_END,
	};
	struct trust_pair pair = {0};
	struct trust_message msg = {0};

	if (trust_pair_make(type, &issue, NULL, &pair, &msg) != TRUST_OK)
		fail_msg("%s: %s", cn, msg.text);
	return pair;
}

static char *
seal(const struct trust_secret *secret, X509 *a, X509 *b)
{
	STACK_OF(X509) *recipients = signer_anchors(a, b);
	struct trust_message msg = {0};
	struct trust_buf out = {0};

	if (trust_envelope_seal(secret, recipients, &out, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	sk_X509_free(recipients);
	assert_int_equal(strlen((char *)out.p), out.len);
	return (char *)out.p;
}

static char *
encode(CMS_ContentInfo *cms)
{
	unsigned char *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);
	unsigned char *text = calloc(1, 2 * (size_t)len + 4);

	assert_true(len > 0);
	assert_non_null(text);
	EVP_EncodeBlock(text, der, len);
	OPENSSL_free(der);
	return (char *)text;
}

static enum trust_err
try(const char *text, const struct trust_pair *pair)
{
	struct trust_secret secret;
	struct trust_message msg = {0};
	enum trust_err r = trust_envelope_open(
	    text, pair->certificate, pair->key, &secret, &msg);

	if (r != TRUST_OK) {
		assert_int_equal(secret.len, 0);
		assert_true(msg.text[0] != '\0');
		return r;
	}
	assert_int_equal(secret.len, SECRET.len);
	assert_memory_equal(secret.b, SECRET.b, SECRET.len);
	trust_secret_clear(&secret);
	assert_int_equal(secret.len, 0);
	assert_int_equal(secret.b[4], 0);
	return r;
}

static void
who_it_is_for_opens_it(void **state)
{
	struct trust_pair ec = make(TRUST_KEY_P256, "gw1");
	struct trust_pair rsa = make(TRUST_KEY_RSA2048, "gw2");
	struct trust_pair other = make(TRUST_KEY_P256, "gw3");
	char *one = seal(&SECRET, ec.certificate, NULL);
	char *both = seal(&SECRET, rsa.certificate, ec.certificate);

	(void)state;
	assert_int_equal(try(one, &ec), TRUST_OK);
	assert_int_equal(try(both, &ec), TRUST_OK);
	assert_int_equal(try(both, &rsa), TRUST_OK);
	assert_int_equal(try(one, &rsa), TRUST_ERR_NOT_FOUND);
	assert_int_equal(try(both, &other), TRUST_ERR_NOT_FOUND);
	assert_int_equal(
	    trust_envelope_find(both, rsa.certificate, NULL), TRUST_OK);
	assert_int_equal(trust_envelope_find(one, other.certificate, NULL),
	    TRUST_ERR_NOT_FOUND);
	assert_int_equal(
	    trust_envelope_find("AAAA", ec.certificate, NULL), TRUST_ERR_INPUT);
	free(one);
	free(both);
	trust_pair_clear(&ec);
	trust_pair_clear(&rsa);
	trust_pair_clear(&other);
}

/* The certificate says who it is for, the key opens it. */
static void
another_key_does_not(void **state)
{
	static const enum trust_key types[] = {
	    TRUST_KEY_P256, TRUST_KEY_RSA2048};

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct trust_pair own = make(types[i], "gw1");
		struct trust_pair other = make(types[i], "gw1");
		char *text = seal(&SECRET, own.certificate, NULL);
		EVP_PKEY *key = own.key;

		own.key = other.key;
		assert_int_equal(try(text, &own), TRUST_ERR_INPUT);
		own.key = key;
		assert_int_equal(try(text, &own), TRUST_OK);
		free(text);
		trust_pair_clear(&own);
		trust_pair_clear(&other);
	}
}

/* Nor is it guessed where the cipher takes whatever comes, as CFB does. */
static void
another_key_does_not_by_chance(void **state)
{
	struct trust_pair pair = make(TRUST_KEY_RSA2048, "gw1");
	struct trust_pair other = make(TRUST_KEY_RSA2048, "gw1");
	BIO *in = BIO_new_mem_buf(SECRET.b, (int)SECRET.len);
	CMS_ContentInfo *cms = CMS_encrypt(
	    NULL, NULL, EVP_aes_256_cfb128(), CMS_BINARY | CMS_PARTIAL);
	CMS_RecipientInfo *recipient =
	    CMS_add1_recipient_cert(cms, pair.certificate, CMS_KEY_PARAM);
	EVP_PKEY_CTX *ctx = CMS_RecipientInfo_get0_pkey_ctx(recipient);
	EVP_PKEY *key = pair.key;
	char *text = NULL;

	(void)state;
	assert_true(
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0);
	assert_int_equal(CMS_final(cms, in, NULL, CMS_BINARY), 1);
	text = encode(cms);
	assert_int_equal(try(text, &pair), TRUST_OK);
	pair.key = other.key;
	assert_int_equal(try(text, &pair), TRUST_ERR_INPUT);
	pair.key = key;
	free(text);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	trust_pair_clear(&pair);
	trust_pair_clear(&other);
}

/* A certificate renewed for the same key has the same key identifier. */
static void
a_renewed_certificate_opens_it(void **state)
{
	struct trust_pair pair = make(TRUST_KEY_P256, "gw1");
	char *text = seal(&SECRET, pair.certificate, NULL);

	(void)state;
	assert_int_equal(
	    ASN1_INTEGER_set(X509_get_serialNumber(pair.certificate), 4711), 1);
	signer_resign(&pair, &pair, EVP_sha256());
	assert_int_equal(try(text, &pair), TRUST_OK);
	free(text);
	trust_pair_clear(&pair);
}

static void
damage_is_found(void **state)
{
	struct trust_pair pair = make(TRUST_KEY_P256, "gw1");
	char *text = seal(&SECRET, pair.certificate, NULL);
	size_t len = strlen(text);
	char *bad = calloc(1, len + 5);

	(void)state;
	assert_non_null(bad);
	/* Octets behind it. */
	snprintf(bad, len + 5, "AAAA%s", text);
	assert_int_equal(try(bad, &pair), TRUST_ERR_INPUT);
	snprintf(bad, len + 5, "%s", text);
	bad[len - 4] = '\0';
	assert_int_equal(try(bad, &pair), TRUST_ERR_INPUT);
	bad[len - 5] = '\0';
	assert_int_equal(try(bad, &pair), TRUST_ERR_INPUT);
	assert_int_equal(try("", &pair), TRUST_ERR_INPUT);
	assert_int_equal(try("====", &pair), TRUST_ERR_INPUT);
	assert_int_equal(try("A===", &pair), TRUST_ERR_INPUT);
	assert_int_equal(try("no base64 at all", &pair), TRUST_ERR_INPUT);
	free(bad);
	free(text);
	trust_pair_clear(&pair);
}

/* As `openssl cms -encrypt` makes them: PKCS #1 v1.5 by default, AES-GCM as
 * AuthEnvelopedData. */
static void
others_make_them_too(void **state)
{
	struct trust_pair pair = make(TRUST_KEY_RSA2048, "gw1");
	STACK_OF(X509) *recipients = signer_anchors(pair.certificate, NULL);
	const EVP_CIPHER *ciphers[] = {EVP_aes_256_cbc(), EVP_aes_256_gcm()};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		BIO *in = BIO_new_mem_buf(SECRET.b, (int)SECRET.len);
		CMS_ContentInfo *cms =
		    CMS_encrypt(recipients, in, ciphers[i], CMS_BINARY);
		char *text = encode(cms);

		assert_int_equal(try(text, &pair), TRUST_OK);
		free(text);
		CMS_ContentInfo_free(cms);
		BIO_free(in);
	}
	sk_X509_free(recipients);
	trust_pair_clear(&pair);
}

static void
what_is_not_sealed(void **state)
{
	struct trust_pair pair = make(TRUST_KEY_P256, "gw1");
	struct trust_pair ed = make(TRUST_KEY_ED25519, "gw2");
	STACK_OF(X509) *recipients = signer_anchors(pair.certificate, NULL);
	STACK_OF(X509) *unfit =
	    signer_anchors(pair.certificate, ed.certificate);
	struct trust_secret secret = SECRET;
	struct trust_message msg = {0};
	struct trust_buf out = {0};

	(void)state;
	secret.len = TRUST_SECRET_MIN - 1;
	assert_int_equal(trust_envelope_seal(&secret, recipients, &out, &msg),
	    TRUST_ERR_INPUT);
	assert_string_equal(
	    msg.text, "pre-shared key: want 16 to 64 octets, got 15");
	assert_int_equal(
	    trust_envelope_seal(&SECRET, NULL, &out, &msg), TRUST_ERR_INPUT);
	assert_int_equal(
	    trust_envelope_seal(&SECRET, unfit, &out, &msg), TRUST_ERR_INPUT);
	assert_string_equal(msg.text,
	    "envelope: want certificates of RSA or EC keys, got CN=gw2");
	assert_int_equal(out.len, 0);
	sk_X509_free(recipients);
	sk_X509_free(unfit);
	trust_pair_clear(&pair);
	trust_pair_clear(&ed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(who_it_is_for_opens_it),
	    cmocka_unit_test(another_key_does_not),
	    cmocka_unit_test(another_key_does_not_by_chance),
	    cmocka_unit_test(a_renewed_certificate_opens_it),
	    cmocka_unit_test(damage_is_found),
	    cmocka_unit_test(others_make_them_too),
	    cmocka_unit_test(what_is_not_sealed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
