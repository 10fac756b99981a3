/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading responses.
 */
#include "enroll_response.h"

#include <openssl/bn.h>
#include <string.h>

#include "certificate.h"
#include "json.h"

static enum trust_err
read_error(struct trust_span bytes, struct trust_enroll_response *out,
    struct trust_message *msg)
{
	json_t *json;
	enum trust_err r =
	    trust_json_parse(bytes, TRUST_RESPONSE_MAX, &json, msg);

	if (r != TRUST_OK)
		return r;
	out->is_error = json_is_string(json_object_get(json, "error"));
	json_decref(json);
	return out->is_error ? TRUST_OK
			     : trust_err_set(msg, TRUST_ERR_INPUT,
				   "want PEM, or {\"error\":\"text\"}");
}

static enum trust_err
read_serial(const X509 *x509, char out[TRUST_SERIAL_TEXT])
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
	char *hex = number != NULL ? BN_bn2hex(number) : NULL;
	size_t len = hex != NULL ? strnlen(hex, TRUST_SERIAL_TEXT - 1) : 0;

	if (hex != NULL)
		memcpy(out, hex, len);
	out[len] = '\0';
	OPENSSL_free(hex);
	BN_free(number);
	return hex != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
}

enum trust_err
trust_enroll_response_describe(
    X509 *x509, struct trust_enroll_response *out, struct trust_message *msg)
{
	struct trust_certificate *facts = NULL;
	enum trust_err r = trust_certificate_new(x509, &facts, msg);

	*out = (struct trust_enroll_response){0};
	if (r != TRUST_OK)
		return r;
	out->thumbprint = facts->thumbprint;
	out->key = facts->pin;
	out->not_after = facts->not_after;
	trust_certificate_free(facts);
	return read_serial(x509, out->serial);
}

enum trust_err
trust_enroll_response_read(struct trust_span bytes,
    struct trust_enroll_response *out, struct trust_message *msg)
{
	STACK_OF(X509) *stack = NULL;
	enum trust_err r;

	*out = (struct trust_enroll_response){0};
	if (bytes.len == 0 || bytes.len > TRUST_RESPONSE_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want 1 to %d octets, got %zu", TRUST_RESPONSE_MAX,
		    bytes.len);
	if (bytes.p[0] == '{')
		return read_error(bytes, out, msg);
	r = trust_certificate_parse_pem(bytes, &stack, msg);
	if (r == TRUST_OK)
		r = trust_enroll_response_describe(
		    sk_X509_value(stack, 0), out, msg);
	sk_X509_pop_free(stack, X509_free);
	return r;
}
