/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See psk_key.h.
 */
#include "psk_key.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "../certs/pemfile.h"
#include "../certs/secretfile.h"

/* Octets of a new key. */
#define NEW_LEN 32

enum trust_err
trust_psk_key_new(struct trust_secret *out, struct trust_message *msg)
{
	*out = (struct trust_secret){.len = NEW_LEN};
	if (RAND_priv_bytes(out->b, NEW_LEN) == 1)
		return TRUST_OK;
	ERR_clear_error();
	out->len = 0;
	return trust_err_set(
	    msg, TRUST_ERR_INTERNAL, "OpenSSL has no random numbers");
}

void
trust_psk_key_format(
    const struct trust_secret *key, char out[TRUST_PSK_KEY_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < key->len; i++) {
		out[2 * i] = digits[key->b[i] >> 4];
		out[2 * i + 1] = digits[key->b[i] & 15];
	}
	out[2 * key->len] = '\0';
}

enum trust_err
trust_psk_key_store(
    const char *path, const struct trust_secret *key, struct trust_message *msg)
{
	char text[TRUST_PSK_KEY_TEXT + 1];
	enum trust_err r;

	trust_psk_key_format(key, text);
	memcpy(text + 2 * key->len, "\n", 2);
	r = trust_pemfile_create(path, 0600, trust_span_of(text), msg);
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}

/* ---- Loading ---- */

static enum trust_err
parse(const char *path, char *line, struct trust_secret *out,
    struct trust_message *msg)
{
	line[strcspn(line, "\r\n")] = '\0';
	if (OPENSSL_hexstr2buf_ex(
		out->b, sizeof(out->b), &out->len, line, '\0') == 1 &&
	    out->len >= TRUST_SECRET_MIN)
		return TRUST_OK;
	ERR_clear_error();
	trust_secret_clear(out);
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "%s: want a pre-shared key of %d to %d octets as hex digits on "
	    "one line, got something else",
	    path, TRUST_SECRET_MIN, TRUST_SECRET_MAX);
}

enum trust_err
trust_psk_key_load(
    const char *path, struct trust_secret *out, struct trust_message *msg)
{
	char line[TRUST_PSK_KEY_TEXT + 3] = "";
	enum trust_err r = TRUST_ERR_INTERNAL;
	FILE *file = NULL;

	*out = (struct trust_secret){0};
	r = trust_secretfile_open(path, &file, msg);
	if (r != TRUST_OK)
		return r;
	if (fgets(line, sizeof(line), file) == NULL && ferror(file) != 0)
		r = trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
	if (r == TRUST_OK)
		r = parse(path, line, out, msg);
	OPENSSL_cleanse(line, sizeof(line));
	(void)fclose(file);
	return r;
}
