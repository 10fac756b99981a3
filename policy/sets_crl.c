/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CRLs of the sets, and which of them are of no more use.
 */
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "sets_internal.h"

static void
describe(struct crl *crl)
{
	crl->issuer = trust_ground_issuer(X509_CRL_get_issuer(crl->crl));
	if (trust_certificate_time(X509_CRL_get0_nextUpdate(crl->crl),
		&crl->next_update) != TRUST_OK)
		crl->next_update = INT64_MIN;
}

/* Whether both have the same extension of this kind, or neither has one. */
static bool
agree_on(const X509_CRL *a, const X509_CRL *b, int nid)
{
	int i = X509_CRL_get_ext_by_NID(a, nid, -1);
	int j = X509_CRL_get_ext_by_NID(b, nid, -1);

	if (i < 0 || j < 0)
		return i < 0 && j < 0;
	return ASN1_OCTET_STRING_cmp(
		   X509_EXTENSION_get_data(X509_CRL_get_ext(a, i)),
		   X509_EXTENSION_get_data(X509_CRL_get_ext(b, j))) == 0;
}

/* Of the same CA and key, for the same certificates. */
static bool
is_alike(const struct crl *left, const struct crl *right)
{
	const X509_CRL *a = left->crl, *b = right->crl;

	return left->issuer == right->issuer &&
	       X509_NAME_cmp(X509_CRL_get_issuer(a), X509_CRL_get_issuer(b)) ==
		   0 &&
	       agree_on(a, b, NID_authority_key_identifier) &&
	       agree_on(a, b, NID_issuing_distribution_point);
}

void
trust_sets_describe_crls(struct trust_sets *sets)
{
	struct crl *crl, *other;

	for (crl = sets->crls_by_id; crl != NULL; crl = crl->hh.next)
		describe(crl);
	for (crl = sets->crls_by_id; crl != NULL; crl = crl->hh.next) {
		for (other = sets->crls_by_id; other != NULL;
		     other = other->hh.next)
			crl->superseded |=
			    other->next_update > crl->next_update &&
			    is_alike(crl, other);
	}
}

void
trust_sets_visit_crls(
    const struct trust_sets *sets, trust_sets_visit_crl *visit, void *arg)
{
	for (const struct crl *crl = sets->crls_by_id; crl != NULL;
	     crl = crl->hh.next) {
		const struct trust_sets_crl view = {
		    .id = crl->id,
		    .crl = crl->crl,
		    .next_update = crl->next_update,
		    .superseded = crl->superseded,
		};

		visit(arg, &view);
	}
}
