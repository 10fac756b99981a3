/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admissions and their references.
 */
#include "admission.h"

#include <stdlib.h>
#include <string.h>

static enum trust_err
copy_leaf(X509 *leaf, struct trust_buf *out)
{
	unsigned char *der = NULL;
	int len = i2d_X509(leaf, &der);
	enum trust_err r;

	if (len <= 0)
		return TRUST_ERR_INTERNAL;
	r = trust_buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	return r;
}

/* The latest notBefore of what the verdict rests on. */
static int64_t
start_of(const struct trust_admission *a)
{
	int64_t from = INT64_MIN;

	if (a->verdict.reason == TRUST_REASON_THUMBPRINT_MATCH ||
	    a->verdict.reason == TRUST_REASON_KEY_MATCH)
		return a->verdict.valid_until == TRUST_CLOCK_NEVER
			   ? INT64_MIN
			   : a->certificate->not_before;
	for (size_t i = 0; i < a->chains.n; i++) {
		if (a->chains.v[i].chain.valid_from > from)
			from = a->chains.v[i].chain.valid_from;
	}
	return from;
}

enum trust_err
trust_admission_new(struct trust_verdict *verdict,
    struct trust_certificate *certificate, struct trust_group_chains *chains,
    X509 *leaf, STACK_OF(X509) *untrusted, struct trust_admission **out)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	struct trust_admission *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (a == NULL) {
		trust_verdict_clear(verdict);
		trust_certificate_free(certificate);
		trust_group_chains_clear(chains);
		sk_X509_pop_free(untrusted, X509_free);
		return r;
	}
	a->refs = 1;
	a->verdict = *verdict;
	memset(verdict, 0, sizeof(*verdict)); /* transferred */
	a->certificate = certificate;
	a->untrusted = untrusted;
	a->chains = *chains;
	memset(chains, 0, sizeof(*chains)); /* transferred */
	a->valid_from = start_of(a);
	r = copy_leaf(leaf, &a->leaf);
	if (r != TRUST_OK) {
		trust_admission_free(a);
		return r;
	}
	*out = a;
	return TRUST_OK;
}

struct trust_admission *
trust_admission_get1(struct trust_admission *admission)
{
	admission->refs++;
	return admission;
}

void
trust_admission_free(struct trust_admission *admission)
{
	if (admission == NULL || --admission->refs > 0)
		return;
	trust_verdict_clear(&admission->verdict);
	trust_certificate_free(admission->certificate);
	trust_buf_free(&admission->leaf);
	sk_X509_pop_free(admission->untrusted, X509_free);
	trust_group_chains_clear(&admission->chains);
	trust_access_free(admission->access);
	free(admission->client_id);
	free(admission);
}

const struct trust_verdict *
trust_admission_get0_verdict(const struct trust_admission *admission)
{
	return &admission->verdict;
}

const struct trust_certificate *
trust_admission_get0_certificate(const struct trust_admission *admission)
{
	return admission->certificate;
}
