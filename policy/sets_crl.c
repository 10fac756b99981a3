/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CRLs of the sets, and which of them count when.
 */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "chain_crl.h"
#include "profile.h"
#include "sets_internal.h"

/* INT64_MIN for none. */
static int64_t
read_time(const ASN1_TIME *time)
{
	int64_t seconds;

	return trust_certificate_time(time, &seconds) == TRUST_OK ? seconds
								  : INT64_MIN;
}

/* One whose dates no decision reads has none here either. */
static int64_t
read_end(const X509_CRL *crl)
{
	struct trust_profile_finding finding;

	return trust_profile_check_crl_dates(crl, &finding)
		   ? read_time(X509_CRL_get0_nextUpdate(crl))
		   : INT64_MIN;
}

static void
describe(struct crl *crl)
{
	/* Without it only the key tells whose it is. */
	if (trust_ground_issuer(X509_CRL_get_issuer(crl->crl), &crl->issuer) !=
	    TRUST_OK)
		crl->issuer = 0;
	crl->this_update = read_time(X509_CRL_get0_lastUpdate(crl->crl));
	crl->next_update = read_end(crl->crl);
	crl->counts_from = INT64_MIN;
	crl->counts_until = TRUST_CLOCK_NEVER;
}

/* ---- Whose they are ---- */

static bool
find_signer_among(struct crl *crl, STACK_OF(X509) *certificates)
{
	for (int i = 0; i < sk_X509_num(certificates); i++) {
		X509 *x509 = sk_X509_value(certificates, i);
		EVP_PKEY *key = X509_get0_pubkey(x509);
		unsigned int len = 0;

		if (key == NULL ||
		    X509_NAME_cmp(X509_get_subject_name(x509),
			X509_CRL_get_issuer(crl->crl)) != 0 ||
		    X509_CRL_verify(crl->crl, key) != 1)
			continue;
		crl->has_signer = X509_pubkey_digest(x509, EVP_sha256(),
				      crl->signer.b, &len) == 1 &&
				  len == TRUST_THUMBPRINT_LEN;
		return true;
	}
	return false;
}

/* Among the certificates that the registry has. */
static bool
find_signer(const struct trust_sets *sets, struct crl *crl)
{
	for (const struct group *group = sets->groups;
	     group != NULL && !crl->has_signer; group = group->hh.next) {
		if (find_signer_among(crl, group->set.anchors) ||
		    find_signer_among(crl, group->set.intermediates))
			break;
	}
	ERR_clear_error();
	return crl->has_signer;
}

/* By their own words, or by the signatures where they name the key in other
 * ways. */
static bool
are_of_one_key(
    const struct trust_sets *sets, struct crl *crl, struct crl *other)
{
	if (trust_chain_crl_alike(crl->crl, other->crl))
		return true;
	return trust_chain_crl_comparable(crl->crl, other->crl) &&
	       find_signer(sets, crl) && find_signer(sets, other) &&
	       trust_thumbprint_equal(&crl->signer, &other->signer);
}

/* ---- When they count ---- */

/* What the other one leaves to it. */
static void
compare(const struct trust_sets *sets, struct crl *crl, struct crl *other)
{
	if (other->issuer != crl->issuer ||
	    other->this_update == crl->this_update ||
	    !are_of_one_key(sets, crl, other))
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
			compare(sets, crl, other);
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
