/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certification requests.
 */
#include "csr.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "issue.h"
#include "key.h"

static enum trust_err
set_subject(X509_REQ *req, const char *cn)
{
	int len = (int)strnlen(cn, TRUST_ISSUE_CN_MAX);

	if (X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(req),
		NID_commonName, MBSTRING_UTF8, (const unsigned char *)cn, len,
		-1, 0) != 1)
		return TRUST_ERR_INTERNAL;
	return TRUST_OK;
}

enum trust_err
trust_csr_write(EVP_PKEY *key, const char *cn, struct trust_buf *out)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509_REQ *req = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long len;

	if (req == NULL || bio == NULL) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	if (set_subject(req, cn) != TRUST_OK ||
	    X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_pubkey(req, key) != 1 ||
	    X509_REQ_sign(req, key, trust_key_digest(key)) == 0 ||
	    PEM_write_bio_X509_REQ(bio, req) != 1 ||
	    (len = BIO_get_mem_data(bio, &text)) <= 0)
		goto out;
	r = trust_buf_add(out, text, (size_t)len);
out:
	ERR_clear_error();
	X509_REQ_free(req);
	BIO_free(bio);
	return r;
}
