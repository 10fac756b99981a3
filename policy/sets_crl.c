/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CRLs of the sets, and which of them count when.
 */
#include <openssl/x509v3.h>

#include "clock.h"
#include "sets_internal.h"

/* INT64_MIN for none. */
static int64_t
read_time(const ASN1_TIME *time)
{
	int64_t seconds;

	return trust_certificate_time(time, &seconds) == TRUST_OK ? seconds
								  : INT64_MIN;
}

static void
describe(struct crl *crl)
{
	crl->issuer = trust_ground_issuer(X509_CRL_get_issuer(crl->crl));
	crl->this_update = read_time(X509_CRL_get0_lastUpdate(crl->crl));
	crl->next_update = read_time(X509_CRL_get0_nextUpdate(crl->crl));
	crl->counts_from = INT64_MIN;
	crl->counts_until = TRUST_CLOCK_NEVER;
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

/* What the other one leaves to it. */
static void
compare(struct crl *crl, const struct crl *other)
{
	if (other->this_update == crl->this_update || !is_alike(crl, other))
		return;
	if (other->this_update < crl->this_update)
		crl->counts_from = crl->this_update;
	else if (other->this_update < crl->counts_until)
		crl->counts_until = other->this_update;
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
			compare(crl, other);
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
		    .counts_from = crl->counts_from,
		    .counts_until = crl->counts_until,
		};

		visit(arg, &view);
	}
}
