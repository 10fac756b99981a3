/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envelopes: CMS EnvelopedData by OpenSSL. Recipients are named by the key
 * identifier of their certificate where it has one, so that a certificate that
 * is renewed for the same key opens what was sealed before.
 */
#include "envelope.h"

#include <openssl/cms.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"

void
trust_secret_clear(struct trust_secret *secret)
{
	OPENSSL_cleanse(secret, sizeof(*secret));
}

/* ---- Base64 ---- */

static enum trust_err
encode(struct trust_span der, struct trust_buf *out)
{
	size_t size = 4 * ((der.len + 2) / 3) + 1;
	uint8_t *text = malloc(size);
	enum trust_err r;

	if (text == NULL)
		return TRUST_ERR_NOMEM;
	(void)EVP_EncodeBlock(text, der.p, (int)der.len);
	r = trust_buf_add(out, text, size - 1);
	free(text);
	return r;
}

/* The octets, which the caller frees; NULL when it is no base64. */
static uint8_t *
decode(const char *text, long *len)
{
	size_t n = strlen(text), padding = 0;
	uint8_t *der;
	int got;

	if (n == 0 || n % 4 != 0 || n > TRUST_RECORD_MAX)
		return NULL;
	while (padding < 2 && text[n - 1 - padding] == '=')
		padding++;
	der = malloc(n / 4 * 3);
	if (der == NULL)
		return NULL;
	got = EVP_DecodeBlock(der, (const uint8_t *)text, (int)n);
	if (got >= (int)padding) {
		*len = got - (long)padding;
		return der;
	}
	free(der);
	return NULL;
}

/* An envelope and nothing behind it; NULL for anything else. */
static CMS_ContentInfo *
parse(const char *text)
{
	CMS_ContentInfo *cms = NULL;
	long len = 0;
	uint8_t *der = decode(text, &len);
	const uint8_t *p = der;
	int type = NID_undef;

	if (der == NULL)
		return NULL;
	cms = d2i_CMS_ContentInfo(NULL, &p, len);
	if (cms != NULL)
		type = OBJ_obj2nid(CMS_get0_type(cms));
	if (cms != NULL &&
	    (p != der + len ||
		(type != NID_pkcs7_enveloped &&
		    type != NID_id_smime_ct_authEnvelopedData))) {
		CMS_ContentInfo_free(cms);
		cms = NULL;
	}
	free(der);
	return cms;
}

/* ---- Sealing ---- */

/* OAEP with SHA-256 (RFC 8017 section 7.1), and its mask likewise. */
static bool
choose_oaep(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

/* ECDH with the KDF of X9.63 and SHA-256 (RFC 5753 section 7.1.4), where
 * OpenSSL would take SHA-1. */
static bool
choose_kdf(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) == 1;
}

static bool
add_recipient(CMS_ContentInfo *cms, X509 *certificate)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	unsigned flags = CMS_KEY_PARAM;
	CMS_RecipientInfo *recipient;
	EVP_PKEY_CTX *ctx;

	if (X509_get0_subject_key_id(certificate) != NULL)
		flags |= CMS_USE_KEYID;
	if (key == NULL ||
	    (!EVP_PKEY_is_a(key, "RSA") && !EVP_PKEY_is_a(key, "EC")))
		return false;
	recipient = CMS_add1_recipient_cert(cms, certificate, flags);
	if (recipient == NULL)
		return false;
	ctx = CMS_RecipientInfo_get0_pkey_ctx(recipient);
	return ctx != NULL &&
	       (EVP_PKEY_is_a(key, "RSA") ? choose_oaep(ctx) : choose_kdf(ctx));
}

static enum trust_err
add_recipients(
    CMS_ContentInfo *cms, STACK_OF(X509) *recipients, struct trust_message *msg)
{
	char shown[TRUST_SHOWN_MAX];

	for (int i = 0; i < sk_X509_num(recipients); i++) {
		X509 *certificate = sk_X509_value(recipients, i);

		if (add_recipient(cms, certificate))
			continue;
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "envelope: want certificates of RSA or EC keys, got %s",
		    trust_certificate_show_name(
			X509_get_subject_name(certificate), shown));
	}
	return TRUST_OK;
}

static enum trust_err
check_secret(const struct trust_secret *secret, struct trust_message *msg)
{
	if (secret->len >= TRUST_SECRET_MIN && secret->len <= TRUST_SECRET_MAX)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "pre-shared key: want %d to %d octets, got %zu", TRUST_SECRET_MIN,
	    TRUST_SECRET_MAX, secret->len);
}

enum trust_err
trust_envelope_seal(const struct trust_secret *secret,
    STACK_OF(X509) *recipients, struct trust_buf *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	CMS_ContentInfo *cms = NULL;
	BIO *bio = NULL;
	unsigned char *der = NULL;
	int len;

	r = check_secret(secret, msg);
	if (r != TRUST_OK)
		return r;
	if (sk_X509_num(recipients) < 1)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "envelope: want a gateway to seal it for, got none");
	r = TRUST_ERR_NOMEM;
	bio = BIO_new_mem_buf(secret->b, (int)secret->len);
	cms = CMS_encrypt(
	    NULL, NULL, EVP_aes_256_cbc(), CMS_BINARY | CMS_PARTIAL);
	if (bio == NULL || cms == NULL)
		goto out;
	r = add_recipients(cms, recipients, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_err_set(
	    msg, TRUST_ERR_INTERNAL, "envelope: it could not be sealed");
	if (CMS_final(cms, bio, NULL, CMS_BINARY) != 1)
		goto out;
	len = i2d_CMS_ContentInfo(cms, &der);
	if (len > 0)
		r = encode((struct trust_span){der, (size_t)len}, out);
out:
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

/* ---- Opening ---- */

static bool
agrees_with(CMS_RecipientInfo *recipient, X509 *certificate)
{
	STACK_OF(CMS_RecipientEncryptedKey) *keys =
	    CMS_RecipientInfo_kari_get0_reks(recipient);

	for (int i = 0; i < sk_CMS_RecipientEncryptedKey_num(keys); i++) {
		if (CMS_RecipientEncryptedKey_cert_cmp(
			sk_CMS_RecipientEncryptedKey_value(keys, i),
			certificate) == 0)
			return true;
	}
	return false;
}

static bool
is_for(CMS_ContentInfo *cms, X509 *certificate)
{
	STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(cms);

	for (int i = 0; i < sk_CMS_RecipientInfo_num(all); i++) {
		CMS_RecipientInfo *one = sk_CMS_RecipientInfo_value(all, i);
		int type = CMS_RecipientInfo_type(one);

		if (type == CMS_RECIPINFO_TRANS &&
		    CMS_RecipientInfo_ktri_cert_cmp(one, certificate) == 0)
			return true;
		if (type == CMS_RECIPINFO_AGREE &&
		    agrees_with(one, certificate))
			return true;
	}
	return false;
}

static enum trust_err
parse_for(const char *text, X509 *certificate, CMS_ContentInfo **out,
    struct trust_message *msg)
{
	*out = parse(text);
	if (*out == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "envelope: want a CMS EnvelopedData, got something else "
		    "(RFC 5652 section 6.1)");
	if (is_for(*out, certificate))
		return TRUST_OK;
	CMS_ContentInfo_free(*out);
	*out = NULL;
	return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
	    "envelope: it is not for this gateway's certificate");
}

enum trust_err
trust_envelope_find(
    const char *text, X509 *certificate, struct trust_message *msg)
{
	CMS_ContentInfo *cms = NULL;
	enum trust_err r = parse_for(text, certificate, &cms, msg);

	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return r;
}

static enum trust_err
read_secret(BIO *bio, struct trust_secret *out, struct trust_message *msg)
{
	char *p = NULL;
	long len = BIO_get_mem_data(bio, &p);

	if (len < 1 || len > TRUST_SECRET_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "envelope: want a pre-shared key of %d to %d octets in it, "
		    "got %ld",
		    TRUST_SECRET_MIN, TRUST_SECRET_MAX, len);
	memcpy(out->b, p, (size_t)len);
	out->len = (size_t)len;
	return TRUST_OK;
}

enum trust_err
trust_envelope_open(const char *text, X509 *certificate, EVP_PKEY *key,
    struct trust_secret *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	CMS_ContentInfo *cms = NULL;
	/* Wiped when freed, which BIO_s_mem is not. */
	BIO *bio = BIO_new(BIO_s_secmem());

	*out = (struct trust_secret){0};
	if (bio == NULL)
		return TRUST_ERR_NOMEM;
	r = parse_for(text, certificate, &cms, msg);
	if (r != TRUST_OK)
		goto out;
	/* Without the flag a key that does not open it is kept secret: what a
	 * random key makes of it counts, and passes for padded once in 256
	 * times. Who could learn from the difference has no way to ask: what
	 * comes here was signed. */
	if (CMS_decrypt(cms, key, certificate, NULL, bio,
		CMS_BINARY | CMS_DEBUG_DECRYPT) == 1)
		r = read_secret(bio, out, msg);
	else
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "envelope: it is damaged, or sealed in a way that OpenSSL "
		    "does not open");
out:
	CMS_ContentInfo_free(cms);
	BIO_free(bio);
	ERR_clear_error();
	return r;
}
