/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private keys: made, stored, loaded.
 */
#include "key.h"

#include <errno.h>
#include <openssl/pem.h>
#include <string.h>

#include "pemfile.h"

#define RSA_BITS 2048u

const char *const trust_key_names[] = {
    [TRUST_KEY_P256] = "p256",
    [TRUST_KEY_P384] = "p384",
    [TRUST_KEY_RSA2048] = "rsa2048",
    [TRUST_KEY_ED25519] = "ed25519",
    NULL,
};

enum trust_err
trust_key_new(enum trust_key type, EVP_PKEY **out)
{
	*out = NULL;
	switch (type) {
	case TRUST_KEY_P256:
		*out = EVP_EC_gen("P-256");
		break;
	case TRUST_KEY_P384:
		*out = EVP_EC_gen("P-384");
		break;
	case TRUST_KEY_RSA2048:
		*out = EVP_RSA_gen(RSA_BITS);
		break;
	case TRUST_KEY_ED25519:
		*out = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		break;
	}
	return *out != NULL ? TRUST_OK : TRUST_ERR_INTERNAL;
}

enum trust_err
trust_key_store(
    const char *path, const EVP_PKEY *key, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	/* Wiped when freed, which BIO_s_mem is not. */
	BIO *bio = BIO_new(BIO_s_secmem());
	struct trust_span pem;
	char *text;
	long len;

	if (bio == NULL)
		return TRUST_ERR_NOMEM;
	if (PEM_write_bio_PKCS8PrivateKey(
		bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		goto out;
	if ((len = BIO_get_mem_data(bio, &text)) <= 0)
		goto out;
	pem = (struct trust_span){(const uint8_t *)text, (size_t)len};
	r = trust_pemfile_create(path, 0600, pem, msg);
out:
	BIO_free(bio);
	return r;
}

/* Instead of a question on the terminal. */
static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	return -1;
}

enum trust_err
trust_key_load(const char *path, EVP_PKEY **out, struct trust_message *msg)
{
	FILE *in;

	*out = NULL;
	if ((in = fopen(path, "rbe")) == NULL)
		return trust_err_set(msg,
		    errno == ENOENT ? TRUST_ERR_NOT_FOUND : TRUST_ERR_IO,
		    "%s: %s", path, strerror(errno));
	/* A buffer of stdio's would keep a copy. */
	(void)setvbuf(in, NULL, _IONBF, 0);
	*out = PEM_read_PrivateKey(in, NULL, no_passphrase, NULL);
	fclose(in);
	if (*out == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a private key in PEM without a passphrase, got "
		    "something else",
		    path);
	return TRUST_OK;
}

const EVP_MD *
trust_key_digest(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519"))
		return NULL;
	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 256)
		return EVP_sha384();
	return EVP_sha256();
}
