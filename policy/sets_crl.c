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

/* The stack owns the CRL, the table tells which it is. */
static enum trust_err
keep_crl(struct trust_sets *sets, struct crl *crl)
{
	HASH_ADD_STR(sets->crls_by_id, id, crl);
	if (crl->hh.tbl == NULL)
		return TRUST_ERR_NOMEM;
	if (sk_X509_CRL_push(sets->crls, crl->crl) > 0)
		return TRUST_OK;
	HASH_DEL(sets->crls_by_id, crl);
	return TRUST_ERR_NOMEM;
}

enum trust_err
trust_sets_add_crl(struct trust_sets *sets, const struct trust_record *record,
    struct trust_message *msg)
{
	struct trust_span pem = trust_span_of(record->u.crl.pem);
	struct crl *crl = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (!record->enabled)
		return TRUST_OK;
	crl = calloc(1, sizeof(*crl));
	if (crl == NULL)
		return TRUST_ERR_NOMEM;
	memcpy(crl->id, record->id, strlen(record->id) + 1);
	r = trust_thumbprint_of(pem, &crl->digest);
	if (r == TRUST_OK)
		r = trust_certificate_parse_crl(pem, &crl->crl, msg);
	if (r == TRUST_OK)
		describe(crl);
	if (r == TRUST_OK)
		r = keep_crl(sets, crl);
	if (r != TRUST_OK) {
		X509_CRL_free(crl->crl);
		free(crl);
	}
	return r;
}

enum trust_err
trust_sets_share_crl(struct trust_sets *sets, const struct crl *was)
{
	struct crl *crl = calloc(1, sizeof(*crl));
	enum trust_err r;

	if (crl == NULL)
		return TRUST_ERR_NOMEM;
	memcpy(crl->id, was->id, sizeof(crl->id));
	crl->digest = was->digest;
	crl->crl = was->crl;
	crl->issuer = was->issuer;
	crl->next_update = was->next_update;
	r = keep_crl(sets, crl);
	if (r == TRUST_OK)
		(void)X509_CRL_up_ref(crl->crl);
	else
		free(crl);
	return r;
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

static bool
is_delta(const X509_CRL *crl)
{
	return X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) >= 0;
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
	       agree_on(a, b, NID_issuing_distribution_point) &&
	       is_delta(a) == is_delta(b);
}

void
trust_sets_find_superseded(struct trust_sets *sets)
{
	struct crl *crl, *other;

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
