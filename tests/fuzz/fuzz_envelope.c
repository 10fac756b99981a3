/* SPDX-License-Identifier: Apache-2.0 */
/*
 * envelope.c: whatever text is opened, what comes out is a secret of a length
 * that it can have, and only from what is for this certificate.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A pair that was made for this: PKCS #8 and DER in base64. */
static const char key_text[] =
    "MHcCAQEEINIcvJFPmiA8pxHJrF9kh6MjSF9qD+pThZAjsFBB1rjhoAoGCCqGSM49AwEHoU"
    "QDQgAEQ30J6vHpdbGrt7QyQ+gCxJpK7D+YceOldRrY6j750lzSxy7robbCbqYWFroHuCD9"
    "19W4yrGmqWHh/eYb0PB7PQ==";
static const char certificate_text[] =
    "MIIBdDCCARmgAwIBAgIUCf5TnYr/MA/NFWjzTugtQYvsAhYwCgYIKoZIzj0EAwIwDjEMMA"
    "oGA1UEAwwDZ3cxMCAXDTI2MTEyMTE4MjQyN1oYDzIxMjYxMDI4MTgyNDI3WjAOMQwwCgYD"
    "VQQDDANndzEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARDfQnq8el1sau3tDJD6ALEmk"
    "rsP5hx46V1GtjqPvnSXNLHLuuhtsJuphYWuge4IP3X1bjKsaapYeH95hvQ8Hs9o1MwUTAd"
    "BgNVHQ4EFgQUw4lIzw//An0v7vUV4BDgA6LYWNEwHwYDVR0jBBgwFoAUw4lIzw//An0v7v"
    "UV4BDgA6LYWNEwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEA4r8gcSuW"
    "R0YQIJ64ordoNVsajc+i4VbAiG6zA1eKlUYCIQC2uST6WNAuMKAzJsRUQqHk2uE8C4gsni"
    "JqWSz4XX4ndw==";

/* The octets of base64, into out; their number without what pads them. */
static size_t
decode(const char *text, uint8_t out[1024])
{
	size_t n = strlen(text);
	int len = EVP_DecodeBlock(out, (const uint8_t *)text, (int)n);

	while (n > 0 && text[--n] == '=')
		len--;
	return (size_t)len;
}

static EVP_PKEY *
load_key(void)
{
	uint8_t der[1024];
	const uint8_t *p = der;
	size_t len = decode(key_text, der);

	return d2i_AutoPrivateKey(NULL, &p, (long)len);
}

static X509 *
load_certificate(void)
{
	uint8_t der[1024];
	const uint8_t *p = der;
	size_t len = decode(certificate_text, der);

	return d2i_X509(NULL, &p, (long)len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static EVP_PKEY *key;
	static X509 *certificate;
	struct trust_secret secret;
	struct trust_message msg = {0};
	char *text = malloc(size + 1);
	enum trust_err found, r;

	if (key == NULL) {
		key = load_key();
		certificate = load_certificate();
	}
	if (text == NULL || key == NULL || certificate == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	/* The seeds are files of one line. */
	if (size > 0 && text[size - 1] == '\n')
		text[size - 1] = '\0';
	found = trust_envelope_find(text, certificate, NULL);
	r = trust_envelope_open(text, certificate, key, &secret, &msg);
	if ((r == TRUST_OK) != (secret.len > 0) ||
	    secret.len > TRUST_SECRET_MAX ||
	    (found != TRUST_OK && r != found) ||
	    (r != TRUST_OK && msg.text[0] == '\0'))
		abort();
	trust_secret_clear(&secret);
	free(text);
	return 0;
}
