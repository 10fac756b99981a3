/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chain_crl.h.
 */
#include "chain_crl.h"

#include <openssl/x509v3.h>

#include "certificate.h"

/* One that does not say since when is not to come. */
static int64_t
start_of(const X509_CRL *crl)
{
	int64_t start;

	if (trust_certificate_time(X509_CRL_get0_lastUpdate(crl), &start) !=
	    TRUST_OK)
		return INT64_MIN;
	return start;
}

int64_t
trust_chain_crl_end(const X509_CRL *crl, int64_t grace_s)
{
	int64_t next;

	if (trust_certificate_time(X509_CRL_get0_nextUpdate(crl), &next) !=
	    TRUST_OK)
		return INT64_MIN;
	return next + grace_s;
}

/* ---- Which count ---- */

int
trust_chain_crl_find(const X509_CRL *crl, X509 *const *path, int n)
{
	for (int i = 0; i + 1 < n; i++) {
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
			X509_get_issuer_name(path[i])) == 0)
			return i;
	}
	return -1;
}

static bool
have_same(const X509_CRL *a, const X509_CRL *b, int nid)
{
	int at_a = X509_CRL_get_ext_by_NID(a, nid, -1);
	int at_b = X509_CRL_get_ext_by_NID(b, nid, -1);

	if (at_a < 0 || at_b < 0)
		return at_a < 0 && at_b < 0;
	return ASN1_OCTET_STRING_cmp(
		   X509_EXTENSION_get_data(X509_CRL_get_ext(a, at_a)),
		   X509_EXTENSION_get_data(X509_CRL_get_ext(b, at_b))) == 0;
}

static bool
is_delta(const X509_CRL *crl)
{
	return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
}

bool
trust_chain_crl_alike(const X509_CRL *a, const X509_CRL *b)
{
	return X509_CRL_cmp(a, b) == 0 && !is_delta(a) && !is_delta(b) &&
	       have_same(a, b, NID_authority_key_identifier) &&
	       have_same(a, b, NID_issuing_distribution_point);
}

static bool
is_superseded(const struct trust_chain_input *in, const X509_CRL *crl)
{
	int64_t start = start_of(crl);

	for (int i = 0; i < sk_X509_CRL_num(in->crls); i++) {
		const X509_CRL *other = sk_X509_CRL_value(in->crls, i);
		int64_t begun;

		if (other == crl || !trust_chain_crl_alike(crl, other))
			continue;
		begun = start_of(other);
		if (begun <= in->now && (start > in->now || start < begun))
			return true;
	}
	return false;
}

STACK_OF(X509_CRL) *
trust_chain_crl_choose(
    const struct trust_chain_input *in, X509 *const *path, int n)
{
	STACK_OF(X509_CRL) *out = sk_X509_CRL_new_null();

	for (int i = 0; out != NULL && i < sk_X509_CRL_num(in->crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(in->crls, i);

		if (trust_chain_crl_find(crl, path, n) >= 0 &&
		    is_superseded(in, crl))
			continue;
		if (sk_X509_CRL_push(out, crl) <= 0) {
			sk_X509_CRL_free(out);
			return NULL;
		}
	}
	return out;
}

/* ---- What is left out ---- */

/* Its authorityKeyIdentifier does not mean this certificate. */
static bool
means_another(const X509_CRL *crl, const X509 *issuer)
{
	AUTHORITY_KEYID *id =
	    X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
	bool another = id != NULL && X509_check_akid(issuer, id) != X509_V_OK;

	AUTHORITY_KEYID_free(id);
	return another;
}

bool
trust_chain_crl_revokes(
    const STACK_OF(X509_CRL) *crls, X509 *x509, const X509 *issuer, int64_t now)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);

	for (int i = 0; key != NULL && i < sk_X509_CRL_num(crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(crls, i);
		X509_REVOKED *entry;

		if (start_of(crl) <= now && !is_delta(crl) &&
		    X509_NAME_cmp(X509_CRL_get_issuer(crl),
			X509_get_issuer_name(x509)) == 0 &&
		    X509_CRL_get0_by_cert(crl, &entry, x509) == 1 &&
		    means_another(crl, issuer) &&
		    X509_CRL_verify(crl, key) == 1)
			return true;
	}
	return false;
}

/* ---- For how long ---- */

void
trust_chain_crl_bound(const struct trust_chain_input *in, X509 *const *path,
    int n, struct trust_chain *out)
{
	for (int i = 0; i < sk_X509_CRL_num(in->crls); i++) {
		const X509_CRL *crl = sk_X509_CRL_value(in->crls, i);
		int64_t start = start_of(crl);

		if (trust_chain_crl_find(crl, path, n) < 0)
			continue;
		if (start > in->now && start - 1 < out->valid_until)
			out->valid_until = start - 1;
		if (start <= in->now && start > out->valid_from)
			out->valid_from = start;
	}
}
