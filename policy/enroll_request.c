/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading PKCS #10.
 */
#include "enroll_request.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "certificate.h"

static enum trust_err refuse(enum trust_reason *reason, enum trust_reason why,
    struct trust_message *msg, const char *fmt, ...) TRUST_PRINTF(4, 5);

static enum trust_err
refuse(enum trust_reason *reason, enum trust_reason why,
    struct trust_message *msg, const char *fmt, ...)
{
	char text[TRUST_MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ERR_clear_error();
	*reason = why;
	return trust_err_set(msg, TRUST_ERR_INPUT, "%s", text);
}

/* ---- From bytes ---- */

static enum trust_err
parse_der(struct trust_span der, X509_REQ **out, enum trust_reason *reason,
    struct trust_message *msg)
{
	const unsigned char *p = der.p;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der.len);

	if (req != NULL && p == der.p + der.len) {
		*out = req;
		return TRUST_OK;
	}
	X509_REQ_free(req);
	return refuse(reason, TRUST_REASON_TOPIC_NOT_ALLOWED, msg, "%s",
	    req != NULL ? "want one PKCS #10 request and nothing behind it"
			: "want a PKCS #10 request (RFC 2986), in DER or PEM");
}

/* What is behind the END line may be white space. */
static bool
is_at_end(BIO *bio)
{
	char *rest;
	long len = BIO_get_mem_data(bio, &rest);

	for (long i = 0; i < len; i++) {
		if (isspace((unsigned char)rest[i]) == 0)
			return false;
	}
	return true;
}

static bool
is_request(const char *label, const char *header)
{
	return (strcmp(label, PEM_STRING_X509_REQ) == 0 ||
		   strcmp(label, PEM_STRING_X509_REQ_OLD) == 0) &&
	       *header == '\0';
}

static enum trust_err
parse_pem(struct trust_span pem, X509_REQ **out, enum trust_reason *reason,
    struct trust_message *msg)
{
	char *label = NULL, *header = NULL;
	unsigned char *der = NULL;
	enum trust_err r = TRUST_ERR_NOMEM;
	long len = 0;
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);

	if (bio == NULL)
		return r;
	if (PEM_read_bio(bio, &label, &header, &der, &len) != 1 ||
	    !is_request(label, header))
		r = refuse(reason, TRUST_REASON_TOPIC_NOT_ALLOWED, msg,
		    "want PEM of a CERTIFICATE REQUEST (RFC 7468 section 7)");
	else if (!is_at_end(bio))
		r = refuse(reason, TRUST_REASON_TOPIC_NOT_ALLOWED, msg,
		    "want one PKCS #10 request and nothing behind it");
	else
		r = parse_der(
		    (struct trust_span){der, (size_t)len}, out, reason, msg);
	OPENSSL_free(label);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(bio);
	return r;
}

static enum trust_err
parse(struct trust_span bytes, X509_REQ **out, enum trust_reason *reason,
    struct trust_message *msg)
{
	static const char begin[] = "-----BEGIN ";

	*out = NULL;
	if (bytes.len == 0 || bytes.len > TRUST_REQUEST_MAX)
		return refuse(reason, TRUST_REASON_TOPIC_NOT_ALLOWED, msg,
		    "want a PKCS #10 request of at most %d octets",
		    TRUST_REQUEST_MAX);
	if (bytes.len >= sizeof(begin) &&
	    memcmp(bytes.p, begin, sizeof(begin) - 1) == 0)
		return parse_pem(bytes, out, reason, msg);
	return parse_der(bytes, out, reason, msg);
}

/* ---- What it has to be ---- */

/* SHA-1 and what is older would let somebody else's signature be found. */
static bool
has_strong_digest(const X509_REQ *req)
{
	int digest = NID_undef, key = NID_undef;

	if (OBJ_find_sigid_algs(
		X509_REQ_get_signature_nid(req), &digest, &key) != 1)
		return false;
	switch (digest) {
	case NID_undef: /* Ed25519, Ed448; RSASSA-PSS says it elsewhere */
	case NID_sha224:
	case NID_sha256:
	case NID_sha384:
	case NID_sha512:
	case NID_sha512_224:
	case NID_sha512_256:
	case NID_sha3_224:
	case NID_sha3_256:
	case NID_sha3_384:
	case NID_sha3_512:
		return true;
	default:
		return false;
	}
}

static enum trust_err
check(X509_REQ *req, struct trust_enroll_request *out,
    enum trust_reason *reason, struct trust_message *msg)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(req);
	struct trust_key_facts facts;

	trust_certificate_read_key(key, &facts);
	memcpy(out->key_type, facts.type, sizeof(out->key_type));
	if (facts.strength < TRUST_STRENGTH_MIN)
		return refuse(reason, TRUST_REASON_KEY_TOO_WEAK, msg,
		    "want a key of RSA 2048, P-256, Ed25519 and up, got %s",
		    facts.type);
	if (facts.bits > TRUST_REQUEST_KEY_MAX)
		return refuse(reason, TRUST_REASON_TOPIC_NOT_ALLOWED, msg,
		    "want a key of at most %d bits", TRUST_REQUEST_KEY_MAX);
	if (!has_strong_digest(req))
		return refuse(reason, TRUST_REASON_SIGNATURE_TOO_WEAK, msg,
		    "want a request signed with SHA-256 or better");
	if (X509_REQ_verify(req, key) != 1)
		return refuse(reason, TRUST_REASON_TOPIC_NOT_ALLOWED, msg,
		    "want a request signed with its own key, got one whose "
		    "signature does not verify (RFC 2986 section 3)");
	return TRUST_OK;
}

/* ---- What is passed on ---- */

static enum trust_err
pin(X509_REQ *req, struct trust_thumbprint *out)
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req), &der);
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (len <= 0)
		return r;
	r = trust_thumbprint_of((struct trust_span){der, (size_t)len}, out);
	OPENSSL_free(der);
	return r;
}

static enum trust_err
encode(const X509_REQ *req, struct trust_buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum trust_err r = TRUST_ERR_NOMEM;
	char *text;
	long len;

	if (bio != NULL && PEM_write_bio_X509_REQ(bio, req) == 1) {
		len = BIO_get_mem_data(bio, &text);
		r = trust_buf_add(out, text, (size_t)len);
	}
	BIO_free(bio);
	return r;
}

void
trust_enroll_request_clear(struct trust_enroll_request *request)
{
	trust_buf_free(&request->pem);
	*request = (struct trust_enroll_request){0};
}

enum trust_err
trust_enroll_request_read(struct trust_span bytes,
    struct trust_enroll_request *out, enum trust_reason *reason,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509_REQ *req = NULL;

	*out = (struct trust_enroll_request){0};
	*reason = TRUST_REASON_INTERNAL_ERROR;
	r = parse(bytes, &req, reason, msg);
	if (r == TRUST_OK)
		r = check(req, out, reason, msg);
	if (r == TRUST_OK)
		r = pin(req, &out->key);
	if (r == TRUST_OK)
		r = encode(req, &out->pem);
	if (r != TRUST_OK)
		trust_enroll_request_clear(out);
	X509_REQ_free(req);
	return r;
}
