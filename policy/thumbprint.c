/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 thumbprints: computed, read, written, compared.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "thumbprint.h"

enum trust_err
trust_thumbprint_of(struct trust_span bytes, struct trust_thumbprint *out)
{
	unsigned int len = 0;

	*out = (struct trust_thumbprint){0};
	if (EVP_Digest(bytes.p, bytes.len, out->b, &len, EVP_sha256(), NULL) !=
		1 ||
	    len != sizeof(out->b)) {
		*out = (struct trust_thumbprint){0};
		return TRUST_ERR_INTERNAL;
	}
	return TRUST_OK;
}

/* The value of a hex digit, or -1. */
static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum trust_err
trust_thumbprint_parse(const char *text, struct trust_thumbprint *out)
{
	struct trust_thumbprint thumbprint;

	*out = (struct trust_thumbprint){0};
	for (size_t i = 0; i < sizeof(thumbprint.b); i++) {
		int high, low;

		if (i > 0 && *text == ':')
			text++;
		high = hex_value(text[0]);
		if (high < 0)
			return TRUST_ERR_INPUT;
		low = hex_value(text[1]);
		if (low < 0)
			return TRUST_ERR_INPUT;
		thumbprint.b[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0')
		return TRUST_ERR_INPUT;
	*out = thumbprint;
	return TRUST_OK;
}

char *
trust_thumbprint_format(
    const struct trust_thumbprint *thumbprint, char out[TRUST_THUMBPRINT_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	char *p = out;

	for (size_t i = 0; i < sizeof(thumbprint->b); i++) {
		*p++ = hex[thumbprint->b[i] >> 4];
		*p++ = hex[thumbprint->b[i] & 15];
	}
	*p = '\0';
	return out;
}

bool
trust_thumbprint_equal(
    const struct trust_thumbprint *a, const struct trust_thumbprint *b)
{
	return CRYPTO_memcmp(a->b, b->b, sizeof(a->b)) == 0;
}
