/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements: CMS SignedData by OpenSSL, made and opened, and who signed.
 */
#include "statement.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "notification.h"
#include "signer.h"

struct trust_statement {
	CMS_ContentInfo *cms;
	struct trust_span content;         /* inside cms */
	STACK_OF(CMS_SignerInfo) *signers; /* inside cms */
};

/* ---- Signing ---- */

/* A digest as strong as the key, SHA-256 at least. */
static const EVP_MD *
digest_for(const EVP_PKEY *key)
{
	int strength = EVP_PKEY_get_security_bits(key);

	if (strength >= 256)
		return EVP_sha512();
	return strength >= 192 ? EVP_sha384() : EVP_sha256();
}

static enum trust_err
add_signer(CMS_ContentInfo *cms, const struct trust_statement_signer *signer,
    unsigned flags, struct trust_message *msg)
{
	char shown[TRUST_SHOWN_MAX];

	if (CMS_add1_signer(cms, signer->certificate, signer->key,
		digest_for(signer->key), flags) != NULL)
		return TRUST_OK;
	(void)trust_certificate_show_name(
	    X509_get_subject_name(signer->certificate), shown);
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "signer %s: want each signer once, with its own private key, RSA "
	    "or EC, got another",
	    shown);
}

static enum trust_err
encode(CMS_ContentInfo *cms, struct trust_buf *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	unsigned char *der = NULL;
	int len = i2d_CMS_ContentInfo(cms, &der);

	if (len <= 0)
		return r;
	if (len > TRUST_NOTIFICATION_MAX) {
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "statement: want at most %d octets, got %d",
		    TRUST_NOTIFICATION_MAX, len);
		goto out;
	}
	r = trust_buf_add(out, der, (size_t)len);
out:
	OPENSSL_free(der);
	return r;
}

static enum trust_err
sign(CMS_ContentInfo *cms, BIO *bio,
    const struct trust_statement_signer *signers, size_t n_signers,
    struct trust_message *msg)
{
	const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP;

	for (size_t i = 0; i < n_signers; i++) {
		enum trust_err r = add_signer(cms, &signers[i], flags, msg);

		if (r != TRUST_OK)
			return r;
	}
	if (CMS_final(cms, bio, NULL, CMS_BINARY) != 1)
		return trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "statement: a signature could not be made");
	return TRUST_OK;
}

enum trust_err
trust_statement_sign(struct trust_span content,
    const struct trust_statement_signer *signers, size_t n_signers,
    struct trust_buf *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	CMS_ContentInfo *cms = NULL;
	BIO *bio = NULL;

	*out = (struct trust_buf){0};
	if (n_signers < 1 || n_signers > TRUST_STATEMENT_SIGNERS_MAX ||
	    content.len == 0 || content.len > TRUST_NOTIFICATION_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "statement: want 1 to %d signers and 1 to %d octets, got "
		    "%zu and %zu",
		    TRUST_STATEMENT_SIGNERS_MAX, TRUST_NOTIFICATION_MAX,
		    n_signers, content.len);
	bio = BIO_new_mem_buf(content.p, (int)content.len);
	cms = CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | CMS_PARTIAL);
	if (bio == NULL || cms == NULL)
		goto out;
	r = sign(cms, bio, signers, n_signers, msg);
	if (r != TRUST_OK)
		goto out;
	r = encode(cms, out, msg);
out:
	CMS_ContentInfo_free(cms);
	BIO_free(bio);
	ERR_clear_error();
	return r;
}

/* ---- Opening ---- */

/*
 * What comes of a step of opening a statement: NULL, or what was wanted and
 * not got. Memory that runs out inside OpenSSL looks like a bad statement; it
 * is refused, and the next one is another question.
 */

/* DER is what comes out again: BER's other forms of the same do not. */
static const char *
read_der(struct trust_span der, CMS_ContentInfo **out)
{
	const unsigned char *p = der.p;
	unsigned char *again = NULL;
	const char *want = NULL;
	int len;

	*out = d2i_CMS_ContentInfo(NULL, &p, (long)der.len);
	if (*out == NULL)
		return "a CMS ContentInfo";
	if (p != der.p + der.len)
		return "nothing behind it";
	len = i2d_CMS_ContentInfo(*out, &again);
	if (len < 0 || (size_t)len != der.len ||
	    memcmp(again, der.p, der.len) != 0)
		want = "DER, which has one form and definite lengths";
	OPENSSL_free(again);
	return want;
}

static const char *
read_content(struct trust_statement *statement)
{
	CMS_ContentInfo *cms = statement->cms;
	ASN1_OCTET_STRING **content;

	if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
		return "SignedData";
	if (OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data)
		return "content of type id-data";
	content = CMS_get0_content(cms);
	if (content == NULL || *content == NULL)
		return "the content inside";
	statement->content.p = ASN1_STRING_get0_data(*content);
	statement->content.len = (size_t)ASN1_STRING_length(*content);
	return NULL;
}

static const char *
read_signers(struct trust_statement *statement)
{
	CMS_ContentInfo *cms = statement->cms;
	STACK_OF(X509) *certificates = CMS_get1_certs(cms);
	int n_certificates = sk_X509_num(certificates);
	int n;

	sk_X509_pop_free(certificates, X509_free);
	statement->signers = CMS_get0_SignerInfos(cms);
	n = sk_CMS_SignerInfo_num(statement->signers);
	if (n < 1 || n > TRUST_STATEMENT_SIGNERS_MAX ||
	    n_certificates > TRUST_STATEMENT_SIGNERS_MAX)
		return "1 to 16 signers and certificates";
	if (CMS_set1_signers_certs(cms, NULL, 0) != n)
		return "the certificate of every signer inside";
	return NULL;
}

/* RFC 5652 section 11.1: the signed content type is that of the content.
 * OpenSSL looks only whether there is one. */
static bool
is_data_signed(CMS_SignerInfo *signer)
{
	const ASN1_OBJECT *type;

	if (CMS_signed_get_attr_count(signer) < 0)
		return true;
	type = CMS_signed_get0_data_by_OBJ(
	    signer, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
	return type != NULL && OBJ_obj2nid(type) == NID_pkcs7_data;
}

static bool
verify(const struct trust_statement *statement)
{
	for (int i = 0; i < sk_CMS_SignerInfo_num(statement->signers); i++) {
		if (!is_data_signed(
			sk_CMS_SignerInfo_value(statement->signers, i)))
			return false;
	}
	return CMS_verify(statement->cms, NULL, NULL, NULL, NULL,
		   CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) == 1;
}

/* The refusals in their order; what was read so far is in the statement. */
static enum trust_err
open_statement(struct trust_span der, struct trust_statement *statement,
    enum trust_sync_reason *reason, struct trust_message *msg)
{
	const char *want;

	*reason = TRUST_SYNC_TOO_LARGE;
	if (der.len > TRUST_NOTIFICATION_MAX)
		return trust_err_set(msg, TRUST_OK,
		    "statement: want at most %d octets, got %zu",
		    TRUST_NOTIFICATION_MAX, der.len);
	*reason = TRUST_SYNC_MALFORMED;
	want = read_der(der, &statement->cms);
	if (want == NULL)
		want = read_content(statement);
	if (want == NULL)
		want = read_signers(statement);
	if (want != NULL)
		return trust_err_set(msg, TRUST_OK,
		    "statement: want %s, got something else", want);
	*reason = TRUST_SYNC_SIGNATURE_INVALID;
	if (!verify(statement))
		return trust_err_set(msg, TRUST_OK,
		    "statement: want signatures that hold, got one that does "
		    "not");
	*reason = TRUST_SYNC_ACCEPTED;
	return TRUST_OK;
}

enum trust_err
trust_statement_open(struct trust_span der, struct trust_statement **out,
    enum trust_sync_reason *reason, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_statement *statement;

	*out = NULL;
	*reason = TRUST_SYNC_MALFORMED;
	statement = calloc(1, sizeof(*statement));
	if (statement == NULL)
		return TRUST_ERR_NOMEM;
	r = open_statement(der, statement, reason, msg);
	ERR_clear_error();
	if (r != TRUST_OK || *reason != TRUST_SYNC_ACCEPTED)
		goto out;
	*out = statement;
	statement = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_statement_free(statement);
	return r;
}

void
trust_statement_free(struct trust_statement *statement)
{
	if (statement == NULL)
		return;
	CMS_ContentInfo_free(statement->cms);
	free(statement);
}

struct trust_span
trust_statement_get0_content(const struct trust_statement *statement)
{
	return statement->content;
}

static CMS_SignerInfo *
get0_info(const struct trust_statement *statement, size_t i)
{
	if (i >= (size_t)sk_CMS_SignerInfo_num(statement->signers))
		return NULL;
	return sk_CMS_SignerInfo_value(statement->signers, (int)i);
}

X509 *
trust_statement_get0_signer(const struct trust_statement *statement, size_t i)
{
	CMS_SignerInfo *info = get0_info(statement, i);
	X509 *signer = NULL;

	if (info != NULL)
		CMS_SignerInfo_get0_algs(info, NULL, &signer, NULL, NULL);
	return signer;
}

/* ---- Who signed ---- */

static bool
is_strong_digest(int nid)
{
	switch (nid) {
	case NID_sha256:
	case NID_sha384:
	case NID_sha512:
	case NID_sha512_256:
	case NID_sha3_256:
	case NID_sha3_384:
	case NID_sha3_512:
		return true;
	default:
		return false;
	}
}

/* The signature's algorithm names the digest again, or is one that leaves it
 * to the other field. OpenSSL goes by that field alone. */
static bool
has_strong_digest(CMS_SignerInfo *info)
{
	const ASN1_OBJECT *oid;
	X509_ALGOR *digest = NULL;
	X509_ALGOR *signature = NULL;
	int nid;
	int again = NID_undef;

	CMS_SignerInfo_get0_algs(info, NULL, NULL, &digest, &signature);
	X509_ALGOR_get0(&oid, NULL, NULL, digest);
	nid = OBJ_obj2nid(oid);
	if (!is_strong_digest(nid))
		return false;
	X509_ALGOR_get0(&oid, NULL, NULL, signature);
	if (OBJ_obj2nid(oid) == NID_rsaEncryption)
		return true;
	if (OBJ_find_sigid_algs(OBJ_obj2nid(oid), &again, NULL) != 1)
		return false;
	return again == nid || again == NID_undef;
}

/* Whether signer i counts; if not, the message says why. */
static enum trust_err
check_signer(const struct trust_statement *statement, size_t i,
    STACK_OF(X509) *anchors, int64_t now, int64_t this_update, bool *qualifies,
    struct trust_message *msg)
{
	X509 *signer = trust_statement_get0_signer(statement, i);
	char shown[TRUST_SHOWN_MAX];

	*qualifies = false;
	if (has_strong_digest(get0_info(statement, i)))
		return trust_signer_check(
		    signer, anchors, now, this_update, qualifies, msg);
	return trust_err_set(msg, TRUST_OK,
	    "signer %s: want a digest of SHA-256 or better, got another",
	    trust_certificate_show_name(X509_get_subject_name(signer), shown));
}

/* Several certificates of one key are one signer. */
static size_t
add_key(const EVP_PKEY *key, const EVP_PKEY **keys, size_t n_keys)
{
	for (size_t i = 0; i < n_keys; i++) {
		if (EVP_PKEY_eq(keys[i], key) == 1)
			return n_keys;
	}
	keys[n_keys] = key;
	return n_keys + 1;
}

enum trust_err
trust_statement_check_signers(const struct trust_statement *statement,
    STACK_OF(X509) *anchors, size_t n_wanted, int64_t now, int64_t this_update,
    enum trust_sync_reason *reason, struct trust_message *msg)
{
	const EVP_PKEY *keys[TRUST_STATEMENT_SIGNERS_MAX];
	size_t n_keys = 0;
	enum trust_err r;
	X509 *signer;

	*reason = TRUST_SYNC_SIGNER_UNTRUSTED;
	for (size_t i = 0;
	     (signer = trust_statement_get0_signer(statement, i)) != NULL;
	     i++) {
		bool qualifies;

		r = check_signer(
		    statement, i, anchors, now, this_update, &qualifies, msg);
		if (r != TRUST_OK)
			return r;
		if (qualifies)
			n_keys =
			    add_key(X509_get0_pubkey(signer), keys, n_keys);
	}
	ERR_clear_error();
	if (n_keys == 0)
		return TRUST_OK;
	if (n_keys < n_wanted) {
		*reason = TRUST_SYNC_TOO_FEW_SIGNERS;
		return trust_err_set(msg, TRUST_OK,
		    "statement: want %zu distinct signers, got %zu", n_wanted,
		    n_keys);
	}
	*reason = TRUST_SYNC_ACCEPTED;
	return TRUST_OK;
}
