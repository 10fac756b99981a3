/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of certificates and CRLs.
 */
#include "certfile.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "files.h"

/* A CRL of a million entries has about 40 MB. */
#define FILE_MAX (64 * 1024 * 1024)

static bool
is_pem(struct trust_span bytes)
{
	static const char mark[] = "-----BEGIN ";

	return bytes.len > 0 &&
	       memmem(bytes.p, bytes.len, mark, sizeof(mark) - 1) != NULL;
}

/* DER begins with the tag of a SEQUENCE, PEM text never does. */
static bool
is_der(struct trust_span bytes)
{
	return bytes.len > 0 && bytes.p[0] == 0x30 && !is_pem(bytes);
}

static enum trust_err
parse_der(
    struct trust_span der, STACK_OF(X509) **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;
	X509 *x509 = NULL;

	if ((r = trust_certificate_parse_der(der, &x509, msg)) != TRUST_OK)
		goto out;
	if ((stack = sk_X509_new_null()) == NULL ||
	    sk_X509_push(stack, x509) == 0) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	x509 = NULL; /* transferred */
	*out = stack;
	stack = NULL; /* transferred */
	r = TRUST_OK;
out:
	sk_X509_free(stack);
	X509_free(x509);
	return r;
}

enum trust_err
trust_certfile_load(
    const char *path, STACK_OF(X509) **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf bytes = {0};
	struct trust_span span;

	*out = NULL;
	if ((r = trust_files_read(path, FILE_MAX, &bytes, msg)) != TRUST_OK)
		goto out;
	span = trust_buf_get0(&bytes);
	r = is_der(span) ? parse_der(span, out, msg)
			 : trust_certificate_parse_pem(span, out, msg);
	if (r != TRUST_OK)
		r = trust_err_prefix(msg, r, "%s", path);
out:
	trust_buf_free(&bytes);
	return r;
}

enum trust_err
trust_certfile_add(const char *const *paths, size_t n, STACK_OF(X509) *to,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		r = trust_certfile_load(paths[i], &stack, msg);
		if (r != TRUST_OK)
			goto out;
		if (!X509_add_certs(to, stack, X509_ADD_FLAG_UP_REF)) {
			r = TRUST_ERR_NOMEM;
			goto out;
		}
		sk_X509_pop_free(stack, X509_free);
		stack = NULL;
	}
	r = TRUST_OK;
out:
	sk_X509_pop_free(stack, X509_free);
	return r;
}

static enum trust_err
push_crl(STACK_OF(X509_CRL) *to, X509_CRL *crl)
{
	if (sk_X509_CRL_push(to, crl) != 0)
		return TRUST_OK;
	X509_CRL_free(crl);
	return TRUST_ERR_NOMEM;
}

static enum trust_err
add_crl_der(
    struct trust_span der, STACK_OF(X509_CRL) *to, struct trust_message *msg)
{
	const uint8_t *p = der.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)der.len);

	if (crl == NULL || p != der.p + der.len) {
		X509_CRL_free(crl);
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a CRL in PEM or DER, got something else");
	}
	return push_crl(to, crl);
}

static enum trust_err
add_crls_pem(
    struct trust_span pem, STACK_OF(X509_CRL) *to, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	int before = sk_X509_CRL_num(to);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509_CRL *crl;

	if (bio == NULL)
		return TRUST_ERR_NOMEM;
	ERR_clear_error();
	while ((crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)) != NULL)
		if ((r = push_crl(to, crl)) != TRUST_OK)
			goto out;
	if (sk_X509_CRL_num(to) == before ||
	    ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "want CRLs in PEM or DER, got something else");
		goto out;
	}
	r = TRUST_OK;
out:
	ERR_clear_error();
	BIO_free(bio);
	return r;
}

enum trust_err
trust_certfile_add_crls(const char *const *paths, size_t n,
    STACK_OF(X509_CRL) *to, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf bytes = {0};
	struct trust_span span;
	size_t i;

	for (i = 0; i < n; i++) {
		r = trust_files_read(paths[i], FILE_MAX, &bytes, msg);
		if (r != TRUST_OK)
			goto out;
		span = trust_buf_get0(&bytes);
		r = is_pem(span) ? add_crls_pem(span, to, msg)
				 : add_crl_der(span, to, msg);
		if (r != TRUST_OK) {
			r = trust_err_prefix(msg, r, "%s", paths[i]);
			goto out;
		}
		trust_buf_free(&bytes);
		bytes = (struct trust_buf){0};
	}
	r = TRUST_OK;
out:
	trust_buf_free(&bytes);
	return r;
}

enum trust_err
trust_certfile_facts(
    const char *pem, struct trust_certificate **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;

	*out = NULL;
	r = trust_certificate_parse_pem(trust_span_of(pem), &stack, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_certificate_new(sk_X509_value(stack, 0), out, msg);
out:
	sk_X509_pop_free(stack, X509_free);
	return r;
}

bool
trust_certfile_read_id(const char *path, char out[TRUST_ID_MAX + 1])
{
	struct trust_certificate *facts = NULL;
	STACK_OF(X509) *stack = NULL;
	enum trust_reason reason;
	bool found = false;

	out[0] = '\0';
	if (trust_certfile_load(path, &stack, NULL) != TRUST_OK)
		return false;
	if (trust_certificate_new(sk_X509_value(stack, 0), &facts, NULL) ==
	    TRUST_OK)
		found =
		    trust_identity_read(facts, TRUST_IDENTITY_CN, out, &reason);
	trust_certificate_free(facts);
	sk_X509_pop_free(stack, X509_free);
	return found;
}

const char *
trust_certfile_show_time(const ASN1_TIME *time, char out[TRUST_CLOCK_TEXT])
{
	int64_t when = TRUST_CLOCK_NEVER;

	if (time != NULL && trust_certificate_time(time, &when) != TRUST_OK)
		return "unreadable";
	return trust_clock_format(when, out);
}
