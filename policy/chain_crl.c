/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chain_crl.h.
 */
#include "chain_crl.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

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
trust_chain_crl_comparable(const X509_CRL *a, const X509_CRL *b)
{
	return X509_CRL_cmp(a, b) == 0 && !is_delta(a) && !is_delta(b) &&
	       have_same(a, b, NID_issuing_distribution_point);
}

bool
trust_chain_crl_alike(const X509_CRL *a, const X509_CRL *b)
{
	return trust_chain_crl_comparable(a, b) &&
	       have_same(a, b, NID_authority_key_identifier);
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
trust_chain_crls_newest(
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

/* ---- Which count for one certificate ---- */

/* What a CRL's authorityKeyIdentifier says of a certificate of its issuer. */
enum meaning {
	MEANS_IT,       /* or says nothing against it: OpenSSL takes it */
	MEANS_ANOTHER,  /* by serial number: mostly of the same key */
	MEANS_OTHER_KEY /* by the key's identifier: hardly of the same key */
};

static enum meaning
meaning_of(const X509_CRL *crl, X509 *issuer)
{
	AUTHORITY_KEYID *id =
	    X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
	const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(issuer);
	enum meaning meaning = MEANS_IT;

	if (id != NULL && X509_check_akid(issuer, id) != X509_V_OK)
		meaning = id->keyid != NULL && key_id != NULL &&
				  ASN1_OCTET_STRING_cmp(id->keyid, key_id) != 0
			      ? MEANS_OTHER_KEY
			      : MEANS_ANOTHER;
	AUTHORITY_KEYID_free(id);
	return meaning;
}

/* One that has begun, under the name of the certificate's issuer. */
struct candidate {
	X509_CRL *crl;
	int64_t start;
	enum meaning meaning;
	bool done;
};

/* A choice under way. */
struct choice {
	const struct trust_chain_input *in;
	X509 *x509, *issuer;
	struct candidate *v; /* the newest first */
	size_t n;
	struct trust_chain_crls *out;
};

static int
compare_starts(const void *left, const void *right)
{
	const struct candidate *a = left, *b = right;

	if (a->start == b->start)
		return 0;
	return a->start > b->start ? -1 : 1;
}

static bool
is_listed(X509_CRL *crl, X509 *x509)
{
	X509_REVOKED *entry;

	return X509_CRL_get0_by_cert(crl, &entry, x509) == 1;
}

static bool
is_signed_by(X509_CRL *crl, const X509 *issuer)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool good = key != NULL && X509_CRL_verify(crl, key) == 1;

	ERR_clear_error();
	return good;
}

/* Whether there is nothing to find out about the first candidate and those
 * comparable with it: it is alone, or they are of the same key by their own
 * words and it is the newest. */
static bool
is_plain(const struct choice *c, size_t first)
{
	const struct candidate *newest = &c->v[first];

	if (newest->meaning != MEANS_IT)
		return false;
	for (size_t i = first + 1; i < c->n; i++) {
		const struct candidate *other = &c->v[i];

		if (other->done ||
		    !trust_chain_crl_comparable(newest->crl, other->crl))
			continue;
		if (other->start == newest->start ||
		    X509_CRL_get_ext_by_NID(
			other->crl, NID_authority_key_identifier, -1) < 0 ||
		    !trust_chain_crl_alike(newest->crl, other->crl))
			return false;
	}
	return true;
}

static bool
keep_unless_superseded(struct choice *c, X509_CRL *crl)
{
	return is_superseded(c->in, crl) ||
	       sk_X509_CRL_push(c->out->v, crl) > 0;
}

/* Of the first candidate and those comparable with it, the newest that the key
 * has signed are words, and what is older of this key is left out. So is what
 * OpenSSL would take for this key's and is not. */
static bool
choose_words(struct choice *c, size_t first)
{
	struct trust_chain_crls *out = c->out;
	X509_CRL *model = c->v[first].crl, *unsigned_one = NULL;
	bool ok = true, found = false;
	int64_t start = INT64_MIN;

	for (size_t i = first; ok && i < c->n; i++) {
		struct candidate *one = &c->v[i];
		bool older = found && one->start < start;

		if (one->done || !trust_chain_crl_comparable(model, one->crl))
			continue;
		one->done = true;
		if (older && one->meaning == MEANS_IT)
			continue;
		if (is_signed_by(one->crl, c->issuer)) {
			if (older)
				continue;
			found = true;
			start = one->start;
			ok = sk_X509_CRL_push(out->words, one->crl) > 0 &&
			     sk_X509_CRL_push(out->v, one->crl) > 0;
		} else if (one->meaning != MEANS_IT) {
			ok = keep_unless_superseded(c, one->crl);
		} else if (unsigned_one == NULL) {
			unsigned_one = one->crl;
		}
	}
	/* OpenSSL tells that nobody can know, then. */
	if (ok && !found && unsigned_one != NULL)
		ok = sk_X509_CRL_push(out->v, unsigned_one) > 0;
	return ok;
}

static bool
choose_plain(struct choice *c, size_t first)
{
	for (size_t i = first + 1; i < c->n; i++) {
		if (trust_chain_crl_comparable(c->v[first].crl, c->v[i].crl))
			c->v[i].done = true;
	}
	return sk_X509_CRL_push(c->out->v, c->v[first].crl) > 0;
}

static bool
is_of_issuer(const struct choice *c, const X509_CRL *crl)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(crl),
		   X509_get_issuer_name(c->x509)) == 0;
}

/* Whether one under the issuer's name has begun and is not of another of his
 * keys. That may be the same one under two identifiers: if it lists the
 * certificate, it is asked who signed it. */
static bool
is_candidate(const struct choice *c, const struct candidate *one)
{
	if (is_delta(one->crl) || one->start > c->in->now)
		return false;
	return one->meaning != MEANS_OTHER_KEY || is_listed(one->crl, c->x509);
}

/* The name is asked first: a registry may have the CRLs of a thousand CAs. */
static void
find_candidates(struct choice *c)
{
	for (int i = 0; i < sk_X509_CRL_num(c->in->crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(c->in->crls, i);
		struct candidate one = {.crl = crl};

		if (!is_of_issuer(c, crl))
			continue;
		one.start = start_of(crl);
		one.meaning = meaning_of(crl, c->issuer);
		if (is_candidate(c, &one))
			c->v[c->n++] = one;
	}
	qsort(c->v, c->n, sizeof(*c->v), compare_starts);
}

static bool
has_candidate_like(const struct choice *c, const X509_CRL *crl)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].crl == crl ||
		    (trust_chain_crl_comparable(c->v[i].crl, crl) &&
			start_of(crl) > c->in->now))
			return true;
	}
	return false;
}

/* What is not chosen from is there, but one to come in the place of one that
 * has begun. */
static bool
keep_others(struct choice *c)
{
	for (int i = 0; i < sk_X509_CRL_num(c->in->crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(c->in->crls, i);
		bool ok = true;

		if (!is_of_issuer(c, crl))
			ok = sk_X509_CRL_push(c->out->v, crl) > 0;
		else if (!has_candidate_like(c, crl))
			ok = keep_unless_superseded(c, crl);
		if (!ok)
			return false;
	}
	return true;
}

bool
trust_chain_crls_choose(const struct trust_chain_input *in, X509 *x509,
    X509 *issuer, struct trust_chain_crls *out)
{
	int n = sk_X509_CRL_num(in->crls);
	struct choice c = {
	    .in = in, .x509 = x509, .issuer = issuer, .out = out};
	bool ok;

	out->v = sk_X509_CRL_new_null();
	out->words = sk_X509_CRL_new_null();
	c.v = calloc(n > 0 ? (size_t)n : 1, sizeof(*c.v));
	ok = out->v != NULL && out->words != NULL && c.v != NULL;
	if (ok)
		find_candidates(&c);
	for (size_t i = 0; ok && i < c.n; i++) {
		if (!c.v[i].done)
			ok = is_plain(&c, i) ? choose_plain(&c, i)
					     : choose_words(&c, i);
	}
	ok = ok && keep_others(&c);
	free(c.v);
	return ok;
}

void
trust_chain_crls_clear(struct trust_chain_crls *crls)
{
	sk_X509_CRL_free(crls->v);
	sk_X509_CRL_free(crls->words);
	crls->v = crls->words = NULL;
}

/* ---- What OpenSSL leaves out ---- */

bool
trust_chain_crls_revoke(
    const struct trust_chain_crls *crls, X509 *x509, X509 *issuer)
{
	int n = sk_X509_CRL_num(crls->words);

	for (int i = 0; i < n; i++) {
		X509_CRL *crl = sk_X509_CRL_value(crls->words, i);

		/* Of several as new it looks at one. */
		if ((n > 1 || meaning_of(crl, issuer) != MEANS_IT) &&
		    is_listed(crl, x509))
			return true;
	}
	return false;
}

bool
trust_chain_crls_vouch(const struct trust_chain_crls *crls, X509 *issuer,
    const struct trust_chain_input *in, bool *late)
{
	*late = false;
	if ((X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
		return false;
	for (int i = 0; i < sk_X509_CRL_num(crls->words); i++) {
		const X509_CRL *crl = sk_X509_CRL_value(crls->words, i);

		if (X509_CRL_get_ext_by_NID(
			crl, NID_issuing_distribution_point, -1) >= 0 ||
		    trust_chain_crl_end(crl, in->crl_grace_s) < in->now)
			continue;
		*late = trust_chain_crl_end(crl, 0) < in->now;
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
