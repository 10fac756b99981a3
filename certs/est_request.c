/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an EST server is asked with.
 */
#include "est_request.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "issue.h"
#include "key.h"

/* ---- Subject ---- */

static enum trust_err
set_cn(X509_REQ *req, const char *cn, struct trust_message *msg)
{
	const unsigned char *bytes = (const unsigned char *)cn;

	if (cn[0] == '\0' || strlen(cn) > TRUST_ISSUE_CN_MAX ||
	    X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(req),
		NID_commonName, MBSTRING_UTF8, bytes, -1, -1, 0) != 1)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a common name of 1 to %d characters in UTF-8, "
		    "got %zu octets",
		    cn, TRUST_ISSUE_CN_MAX, strlen(cn));
	return TRUST_OK;
}

/* ---- Names ---- */

static enum trust_err
make_names(const struct trust_est_subject *subject, X509_EXTENSION **out,
    struct trust_message *msg)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	enum trust_err r = names != NULL ? TRUST_OK : TRUST_ERR_NOMEM;

	for (size_t i = 0; r == TRUST_OK && i < subject->n_hosts; i++)
		r = trust_issue_add_host(names, subject->hosts[i], msg);
	if (r == TRUST_OK) {
		*out = X509V3_EXT_i2d(NID_subject_alt_name, 0, names);
		if (*out == NULL)
			r = TRUST_ERR_INTERNAL;
	}
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	return r;
}

/* The names of the certificate that is to be renewed; NULL: it has none. */
static X509_EXTENSION *
copy_names(const X509 *x509)
{
	int at = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);

	return at >= 0 ? X509_EXTENSION_dup(X509_get_ext(x509, at)) : NULL;
}

static enum trust_err
add_names(X509_REQ *req, const struct trust_est_subject *subject,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	STACK_OF(X509_EXTENSION) *stack = NULL;
	X509_EXTENSION *names = NULL;

	if (subject->renewed != NULL)
		names = copy_names(subject->renewed);
	else if (subject->n_hosts > 0)
		r = make_names(subject, &names, msg);
	if (r != TRUST_OK || names == NULL)
		return r;
	r = TRUST_ERR_NOMEM;
	if ((stack = sk_X509_EXTENSION_new_null()) == NULL ||
	    sk_X509_EXTENSION_push(stack, names) == 0)
		goto out;
	names = NULL; /* transferred */
	r = X509_REQ_add_extensions(req, stack) == 1 ? TRUST_OK
						     : TRUST_ERR_INTERNAL;
out:
	X509_EXTENSION_free(names);
	sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free);
	return r;
}

/* ---- The whole ---- */

/* Lines of 64 digits, as RFC 7030's own examples have them. */
static enum trust_err
encode(X509_REQ *req, struct trust_buf *out)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	BIO *memory = BIO_new(BIO_s_mem());
	BIO *base64 = BIO_new(BIO_f_base64());
	char *text;
	long len;

	if (memory == NULL || base64 == NULL)
		goto out;
	BIO_push(base64, memory);
	r = TRUST_ERR_INTERNAL;
	if (i2d_X509_REQ_bio(base64, req) != 1 || BIO_flush(base64) != 1 ||
	    (len = BIO_get_mem_data(memory, &text)) <= 0)
		goto out;
	r = trust_buf_add(out, text, (size_t)len);
out:
	BIO_free(base64);
	BIO_free(memory);
	return r;
}

static enum trust_err
fill(X509_REQ *req, const struct trust_est_subject *subject, EVP_PKEY *key,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	if (X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_pubkey(req, key) != 1)
		return TRUST_ERR_INTERNAL;
	if (subject->renewed == NULL)
		r = set_cn(req, subject->cn, msg);
	else if (X509_REQ_set_subject_name(
		     req, X509_get_subject_name(subject->renewed)) != 1)
		r = TRUST_ERR_INTERNAL;
	if (r == TRUST_OK)
		r = add_names(req, subject, msg);
	if (r == TRUST_OK &&
	    X509_REQ_sign(req, key, trust_key_digest(key)) <= 0)
		r = trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "the request could not be signed with its key");
	return r;
}

enum trust_err
trust_est_request_make(const struct trust_est_subject *subject, EVP_PKEY *key,
    struct trust_buf *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	X509_REQ *req = X509_REQ_new();

	if (req == NULL)
		return r;
	r = fill(req, subject, key, msg);
	if (r == TRUST_OK)
		r = encode(req, out);
	ERR_clear_error();
	X509_REQ_free(req);
	return r;
}
