/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of the gateway's own certificate.
 */
#include "est_files.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../certs/key_source.h"
#include "../certs/pemfile.h"
#include "certfile.h"

#define NEW_KEY         "server-new.key"
#define NEW_CERTIFICATE "server-new.pem"

enum trust_err
trust_est_files_path(char out[PATH_MAX], const char *dir, const char *name,
    struct trust_message *msg)
{
	return trust_pemfile_path(out, dir, name, "", msg);
}

enum trust_err
trust_est_files_load(const char *dir, const char *name, STACK_OF(X509) **out,
    struct trust_message *msg)
{
	char path[PATH_MAX];
	enum trust_err r = trust_est_files_path(path, dir, name, msg);

	*out = NULL;
	if (r != TRUST_OK || (access(path, F_OK) != 0 && errno == ENOENT))
		return r;
	return trust_certfile_load(path, out, msg);
}

/* ---- Writing ---- */

static enum trust_err
failed(const char *path, struct trust_message *msg)
{
	return trust_err_set(
	    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
}

static enum trust_err
move(const char *dir, const char *from, const char *to,
    struct trust_message *msg)
{
	char source[PATH_MAX], target[PATH_MAX];
	enum trust_err r = trust_est_files_path(source, dir, from, msg);

	if (r == TRUST_OK)
		r = trust_est_files_path(target, dir, to, msg);
	if (r == TRUST_OK && rename(source, target) != 0)
		r = failed(target, msg);
	return r;
}

enum trust_err
trust_est_files_replace(const char *dir, const char *name,
    STACK_OF(X509) *certificates, struct trust_message *msg)
{
	enum trust_err r = trust_pemfile_make_folder(dir, msg);
	struct trust_buf pem = {0};
	char path[PATH_MAX];

	if (r == TRUST_OK)
		r = trust_est_files_path(path, dir, name, msg);
	for (int i = 0; r == TRUST_OK && i < sk_X509_num(certificates); i++)
		r = trust_pemfile_encode(sk_X509_value(certificates, i), &pem);
	if (r == TRUST_OK)
		r = trust_pemfile_replace(
		    path, 0644, trust_buf_get0(&pem), msg);
	trust_buf_free(&pem);
	return r;
}

/* ---- Keys ---- */

enum trust_err
trust_est_files_new_key(const char *dir, enum trust_key kind, EVP_PKEY **out,
    struct trust_message *msg)
{
	char path[PATH_MAX];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	r = trust_pemfile_make_folder(dir, msg);
	if (r == TRUST_OK)
		r = trust_est_files_path(path, dir, NEW_KEY, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_key_source_load(path, NULL, out, msg);
	if (r != TRUST_ERR_NOT_FOUND)
		return r;
	r = trust_key_new(kind, out);
	if (r == TRUST_OK)
		r = trust_key_store(path, *out, msg);
	if (r == TRUST_OK)
		r = trust_pemfile_sync_folder(path, msg);
	if (r != TRUST_OK) {
		EVP_PKEY_free(*out);
		*out = NULL;
	}
	return r;
}

/* Whether a key file is there, and the certificate's. */
static bool
is_key_of(const char *dir, const char *name, X509 *certificate)
{
	char path[PATH_MAX];
	EVP_PKEY *key = NULL;
	bool yes = false;

	if (trust_est_files_path(path, dir, name, NULL) == TRUST_OK &&
	    trust_key_source_load(path, NULL, &key, NULL) == TRUST_OK)
		yes = X509_check_private_key(certificate, key) == 1;
	ERR_clear_error();
	EVP_PKEY_free(key);
	return yes;
}

/* ---- The pair ---- */

/* From here on it is a matter of names, and any point at which it stops is one
 * that trust_est_files_recover goes on from. */
static enum trust_err
switch_names(const char *dir, bool with_new_key, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	char path[PATH_MAX];

	if (with_new_key)
		r = move(dir, NEW_KEY, TRUST_EST_FILES_KEY, msg);
	if (r == TRUST_OK)
		r = move(
		    dir, NEW_CERTIFICATE, TRUST_EST_FILES_CERTIFICATE, msg);
	if (r == TRUST_OK)
		r = trust_est_files_path(
		    path, dir, TRUST_EST_FILES_CERTIFICATE, msg);
	return r == TRUST_OK ? trust_pemfile_sync_folder(path, msg) : r;
}

enum trust_err
trust_est_files_install(const char *dir, STACK_OF(X509) *certificates,
    bool with_new_key, struct trust_message *msg)
{
	enum trust_err r =
	    trust_est_files_replace(dir, NEW_CERTIFICATE, certificates, msg);

	return r == TRUST_OK ? switch_names(dir, with_new_key, msg) : r;
}

enum trust_err
trust_est_files_recover(const char *dir, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;
	char path[PATH_MAX];
	X509 *leaf;

	r = trust_est_files_load(dir, NEW_CERTIFICATE, &stack, NULL);
	if (r == TRUST_OK && stack == NULL)
		return TRUST_OK;
	leaf = sk_X509_value(stack, 0);
	if (leaf != NULL && is_key_of(dir, NEW_KEY, leaf))
		r = switch_names(dir, true, msg);
	else if (leaf != NULL && is_key_of(dir, TRUST_EST_FILES_KEY, leaf))
		r = switch_names(dir, false, msg);
	else if ((r = trust_est_files_path(path, dir, NEW_CERTIFICATE, msg)) ==
		     TRUST_OK &&
		 unlink(path) != 0) /* of another key, or damaged */
		r = failed(path, msg);
	sk_X509_pop_free(stack, X509_free);
	return r;
}
