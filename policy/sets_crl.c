/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CRLs of the sets, and which of them count when.
 */
#include "chain_crl.h"
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

/* What the other one leaves to it. */
static void
compare(struct crl *crl, const struct crl *other)
{
	if (other->issuer != crl->issuer ||
	    other->this_update == crl->this_update ||
	    !trust_chain_crl_alike(crl->crl, other->crl))
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
