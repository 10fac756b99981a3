/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what an EST server has answered leads to somebody who is trusted.
 */
#include "est_trust.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>

/* ---- Roots ---- */

static bool
is_valid(const X509 *x509, int64_t now)
{
	time_t at = (time_t)now;

	return X509_cmp_time(X509_get0_notBefore(x509), &at) < 0 &&
	       X509_cmp_time(X509_get0_notAfter(x509), &at) > 0;
}

static bool
is_among(X509 *x509, STACK_OF(X509) *stack)
{
	for (int i = 0; i < sk_X509_num(stack); i++)
		if (X509_cmp(x509, sk_X509_value(stack, i)) == 0)
			return true;
	return false;
}

static bool
is_found(const struct trust_est_roots *roots, const X509 *x509)
{
	for (size_t i = 0; i < roots->n; i++)
		if (X509_cmp(roots->v[i].certificate, x509) == 0)
			return true;
	return false;
}

void
trust_est_trust_find_roots(STACK_OF(X509) *answer, STACK_OF(X509) *known,
    int64_t now, struct trust_est_roots *out)
{
	out->n = 0;
	for (int i = 0; i < sk_X509_num(answer); i++) {
		X509 *x509 = sk_X509_value(answer, i);
		struct trust_est_root *root = &out->v[out->n];

		if (out->n == TRUST_EST_CERTIFICATES_MAX ||
		    X509_self_signed(x509, 1) != 1 || is_found(out, x509))
			continue;
		root->certificate = x509;
		if (!is_valid(x509, now))
			root->standing = TRUST_EST_OVER;
		else if (is_among(x509, known))
			root->standing = TRUST_EST_KNOWN;
		else
			root->standing = TRUST_EST_UNKNOWN;
		out->n++;
	}
	ERR_clear_error();
}

/* Whether the certificate is for the same name and key as the root. */
static bool
is_of(const X509 *x509, const X509 *root)
{
	return X509_NAME_cmp(X509_get_subject_name(x509),
		   X509_get_subject_name(root)) == 0 &&
	       EVP_PKEY_eq(X509_get0_pubkey(x509), X509_get0_pubkey(root)) == 1;
}

/* Whether it lets its subject do all that a root may. */
static bool
is_unbound_ca(X509 *x509)
{
	return X509_check_ca(x509) == 1 && X509_get_pathlen(x509) < 0 &&
	       (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) != 0 &&
	       X509_get_ext_by_NID(x509, NID_name_constraints, -1) < 0;
}

static bool
has_signed(X509 *issuer, X509 *x509, int64_t now)
{
	return is_valid(issuer, now) &&
	       X509_NAME_cmp(X509_get_issuer_name(x509),
		   X509_get_subject_name(issuer)) == 0 &&
	       X509_verify(x509, X509_get0_pubkey(issuer)) == 1;
}

static bool
is_signed_by_trusted(X509 *x509, STACK_OF(X509) *known,
    const struct trust_est_roots *roots, int64_t now)
{
	for (int i = 0; i < sk_X509_num(known); i++)
		if (has_signed(sk_X509_value(known, i), x509, now))
			return true;
	for (size_t i = 0; i < roots->n; i++)
		if (roots->v[i].standing >= TRUST_EST_VOUCHED &&
		    has_signed(roots->v[i].certificate, x509, now))
			return true;
	return false;
}

static bool
is_vouched(X509 *root, STACK_OF(X509) *answer, STACK_OF(X509) *known,
    const struct trust_est_roots *roots, int64_t now)
{
	for (int i = 0; i < sk_X509_num(answer); i++) {
		X509 *x509 = sk_X509_value(answer, i);

		if (is_of(x509, root) && is_unbound_ca(x509) &&
		    is_valid(x509, now) &&
		    is_signed_by_trusted(x509, known, roots, now))
			return true;
	}
	return false;
}

void
trust_est_trust_spread(STACK_OF(X509) *answer, STACK_OF(X509) *known,
    int64_t now, struct trust_est_roots *roots)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < roots->n; i++) {
			struct trust_est_root *root = &roots->v[i];

			if (root->standing != TRUST_EST_UNKNOWN ||
			    !is_vouched(
				root->certificate, answer, known, roots, now))
				continue;
			root->standing = TRUST_EST_VOUCHED;
			again = true;
		}
	}
	ERR_clear_error();
}

/* ---- Paths ---- */

static enum trust_err
fill_store(X509_STORE *store, STACK_OF(X509) *anchors)
{
	/* Every anchor that is named is one, also where others issued it. */
	if (X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) != 1)
		return TRUST_ERR_INTERNAL;
	for (int i = 0; i < sk_X509_num(anchors); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(anchors, i)) != 1)
			return TRUST_ERR_INTERNAL;
	return TRUST_OK;
}

static enum trust_err
verify(X509_STORE_CTX *context, int64_t now, STACK_OF(X509) **out,
    struct trust_message *msg)
{
	STACK_OF(X509) *path;

	X509_STORE_CTX_set_time(context, 0, (time_t)now);
	if (X509_verify_cert(context) != 1)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a certificate that leads to one of the anchors, "
		    "got: %s",
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(context)));
	path = X509_STORE_CTX_get1_chain(context);
	if (path == NULL)
		return TRUST_ERR_NOMEM;
	if (sk_X509_num(path) > 1)
		X509_free(sk_X509_pop(path));
	*out = path;
	return TRUST_OK;
}

enum trust_err
trust_est_trust_find_path(X509 *certificate, STACK_OF(X509) *others,
    STACK_OF(X509) *anchors, int64_t now, STACK_OF(X509) **out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_STORE *store = X509_STORE_new();

	*out = NULL;
	if (context == NULL || store == NULL)
		goto out;
	r = fill_store(store, anchors);
	if (r != TRUST_OK)
		goto out;
	r = TRUST_ERR_INTERNAL;
	if (X509_STORE_CTX_init(context, store, certificate, others) != 1)
		goto out;
	r = verify(context, now, out, msg);
out:
	ERR_clear_error();
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return r;
}
