/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gateway_key.h.
 */
#include "gateway_key.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define OPTION "plugin_opt_gateway_key"

/* Instead of a question on the terminal. */
static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

/* Of the file that is open: nobody puts another one in its place. */
static enum trust_err
check_mode(FILE *file, const char *path, struct trust_message *msg)
{
	struct stat st;

	if (fstat(fileno(file), &st) != 0)
		return trust_err_set(msg, TRUST_ERR_IO, OPTION ": %s: %s", path,
		    strerror(errno));
	if (!S_ISREG(st.st_mode))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    OPTION ": want a file, got \"%s\", which is none", path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) == 0)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    OPTION
	    ": %s: want mode 0600 (chmod 0600), because who reads it can "
	    "open the keys of devices, got %04o",
	    path, (unsigned)(st.st_mode & 07777));
}

static enum trust_err
read_key(
    FILE *file, const char *path, EVP_PKEY **out, struct trust_message *msg)
{
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);

	ERR_clear_error();
	if (key != NULL &&
	    (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC"))) {
		*out = key;
		return TRUST_OK;
	}
	EVP_PKEY_free(key);
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    OPTION ": %s: want a private key in PEM, RSA or EC, without a "
		   "passphrase, got something else",
	    path);
}

enum trust_err
trust_gateway_key_load(
    const char *path, EVP_PKEY **out, struct trust_message *msg)
{
	FILE *file = fopen(path, "re");
	char user[TRUST_USER_TEXT];
	enum trust_err r;

	*out = NULL;
	if (file == NULL) {
		int error = errno;

		return trust_err_set(msg, TRUST_ERR_IO,
		    OPTION ": want a PEM file that %s, as whom the broker "
			   "runs, can read, got \"%s\": %s",
		    trust_user_show(user), path, strerror(error));
	}
	r = check_mode(file, path, msg);
	if (r == TRUST_OK)
		r = read_key(file, path, out, msg);
	(void)fclose(file);
	return r;
}
