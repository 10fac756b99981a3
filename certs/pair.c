/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate with its private key.
 */
#include "pair.h"

#include <limits.h>
#include <unistd.h>

#include "pemfile.h"

void
trust_pair_clear(struct trust_pair *pair)
{
	X509_free(pair->certificate);
	EVP_PKEY_free(pair->key);
	*pair = (struct trust_pair){0};
}

enum trust_err
trust_pair_make(enum trust_key type, struct trust_issue *issue,
    const struct trust_pair *issuer, struct trust_pair *out,
    struct trust_message *msg)
{
	enum trust_err r = trust_key_new(type, &out->key);

	if (r != TRUST_OK)
		return r;
	issue->key = out->key;
	if (issuer != NULL) {
		issue->issuer = issuer->certificate;
		issue->issuer_key = issuer->key;
	}
	return trust_issue_certificate(issue, &out->certificate, msg);
}

/* The paths of the two files. */
struct paths {
	char key[PATH_MAX];
	char pem[PATH_MAX];
};

static enum trust_err
make_paths(const char *dir, const char *name, struct paths *out,
    struct trust_message *msg)
{
	enum trust_err r = trust_pemfile_path(out->key, dir, name, ".key", msg);

	if (r != TRUST_OK)
		return r;
	return trust_pemfile_path(out->pem, dir, name, ".pem", msg);
}

enum trust_err
trust_pair_store(const struct trust_pair *pair, X509 *issuer, const char *dir,
    const char *name, struct trust_message *msg)
{
	X509 *const certificates[] = {pair->certificate, issuer};
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct paths paths;

	if ((r = make_paths(dir, name, &paths, msg)) != TRUST_OK)
		return r;
	if ((r = trust_key_store(paths.key, pair->key, msg)) != TRUST_OK)
		return r;
	r = trust_pemfile_store(
	    paths.pem, certificates, issuer != NULL ? 2 : 1, msg);
	if (r != TRUST_OK)
		unlink(paths.key);
	return r;
}

enum trust_err
trust_pair_load(const char *dir, const char *name, struct trust_pair *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct paths paths;

	if ((r = make_paths(dir, name, &paths, msg)) != TRUST_OK)
		return r;
	r = trust_pemfile_load(paths.pem, &out->certificate, msg);
	if (r != TRUST_OK)
		return r;
	return trust_key_load(paths.key, &out->key, msg);
}

void
trust_pair_remove(const char *dir, const char *name)
{
	struct paths paths;

	if (make_paths(dir, name, &paths, NULL) != TRUST_OK)
		return;
	unlink(paths.pem);
	unlink(paths.key);
}
