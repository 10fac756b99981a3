/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an EST server answers with.
 */
#include "est_answer.h"

#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <stdbool.h>
#include <string.h>

/* ---- Base64 ---- */

static bool
is_break(uint8_t c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == '\t';
}

static bool
is_digit(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* The digits alone, and how many octets their end stands for less. What
 * OpenSSL would make of other characters is its secret. */
static enum trust_err
strip(struct trust_span text, struct trust_buf *out, size_t *n_padding)
{
	enum trust_err r = TRUST_OK;

	*n_padding = 0;
	for (size_t i = 0; r == TRUST_OK && i < text.len; i++) {
		if (is_break(text.p[i]))
			continue;
		if (text.p[i] == '=')
			++*n_padding;
		else if (!is_digit(text.p[i]) || *n_padding > 0)
			return TRUST_ERR_INPUT;
		r = trust_buf_add(out, &text.p[i], 1);
	}
	if (r == TRUST_OK &&
	    (out->len == 0 || out->len % 4 != 0 || *n_padding > 2))
		r = TRUST_ERR_INPUT;
	return r;
}

/* RFC 4648 section 4. `der` has room for it. */
static enum trust_err
decode(struct trust_span text, struct trust_buf *digits, struct trust_span *der)
{
	size_t n_padding;
	enum trust_err r = strip(text, digits, &n_padding);
	int n;

	if (r != TRUST_OK)
		return r;
	/* Into itself: three octets of four. */
	n = EVP_DecodeBlock(digits->p, digits->p, (int)digits->len);
	if (n < 0 || (size_t)n < n_padding)
		return TRUST_ERR_INPUT;
	*der = (struct trust_span){digits->p, (size_t)n - n_padding};
	return TRUST_OK;
}

/* ---- CMS ---- */

/* Up references of what is in it; NULL: that is not certificates alone. */
static STACK_OF(X509) *
take_certificates(const PKCS7 *p7)
{
	const PKCS7_SIGNED *data;
	int n;

	if (!PKCS7_type_is_signed(p7) || p7->d.sign == NULL)
		return NULL;
	data = p7->d.sign;
	if (sk_PKCS7_SIGNER_INFO_num(data->signer_info) > 0 ||
	    data->contents == NULL || data->contents->d.ptr != NULL)
		return NULL;
	n = sk_X509_num(data->cert);
	if (n < 1 || n > TRUST_EST_CERTIFICATES_MAX)
		return NULL;
	return X509_chain_up_ref(data->cert);
}

enum trust_err
trust_est_answer_parse(
    struct trust_span body, STACK_OF(X509) **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf digits = {0};
	struct trust_span der = {0};
	PKCS7 *p7 = NULL;
	const uint8_t *p;

	*out = NULL;
	r = decode(body, &digits, &der);
	if (r == TRUST_OK) {
		p = der.p;
		p7 = d2i_PKCS7(NULL, &p, (long)der.len);
		if (p7 != NULL && p == der.p + der.len)
			*out = take_certificates(p7);
		if (*out == NULL)
			r = TRUST_ERR_INPUT;
	}
	if (r == TRUST_ERR_INPUT)
		(void)trust_err_set(msg, r,
		    "want 1 to %d certificates, as certs-only CMS in base64, "
		    "got something else",
		    TRUST_EST_CERTIFICATES_MAX);
	ERR_clear_error();
	PKCS7_free(p7);
	trust_buf_free(&digits);
	return r;
}
