/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admissions and their references.
 */
#include "admission.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "role.h"

/* ---- Grounds ---- */

static bool
is_pinned(const struct trust_admission *a)
{
	return a->verdict.reason == TRUST_REASON_THUMBPRINT_MATCH ||
	       a->verdict.reason == TRUST_REASON_KEY_MATCH;
}

static enum trust_err
add(struct trust_admission *a, enum trust_ground_kind kind, const void *p,
    size_t len)
{
	return trust_grounds_add(&a->grounds, trust_ground(kind, p, len));
}

static enum trust_err
add_id(struct trust_admission *a, enum trust_ground_kind kind, const char *id)
{
	return add(a, kind, id, strlen(id));
}

/* Another device may take the thumbprint or the key for its own. */
static enum trust_err
add_certificate(struct trust_admission *a)
{
	const struct trust_certificate *c = a->certificate;
	enum trust_err r = add(a, TRUST_GROUND_THUMBPRINT, c->thumbprint.b,
	    sizeof(c->thumbprint.b));

	if (r == TRUST_OK)
		r = add(a, TRUST_GROUND_PIN, c->pin.b, sizeof(c->pin.b));
	return r;
}

static enum trust_err
add_roles(struct trust_admission *a)
{
	const struct trust_verdict *v = &a->verdict;
	enum trust_err r = TRUST_OK;

	if (v->default_role)
		return add_id(a, TRUST_GROUND_ROLE, TRUST_ROLE_DEFAULT);
	for (size_t i = 0; r == TRUST_OK && i < v->n_roles; i++)
		r = add_id(a, TRUST_GROUND_ROLE, v->roles[i]);
	return r;
}

static enum trust_err
add_name(struct trust_admission *a, unsigned identity,
    const struct trust_value *value)
{
	enum trust_err r;

	if (!trust_id_check(value->p, value->len) ||
	    (value->len == strlen(a->verdict.device) &&
		memcmp(value->p, a->verdict.device, value->len) == 0))
		return TRUST_OK;
	r = add(a, TRUST_GROUND_NAME, value->p, value->len);
	if (r == TRUST_OK)
		r = add(a, TRUST_GROUND_IDENTITY, &identity, sizeof(identity));
	return r;
}

/* Names besides the device's: another device may come to have them. */
static enum trust_err
add_names(struct trust_admission *a)
{
	enum trust_err r = TRUST_OK;

	for (unsigned i = 0; i < TRUST_N_IDENTITIES; i++) {
		const struct trust_values *names = &a->certificate->names[i];

		for (size_t j = 0; r == TRUST_OK && j < names->n; j++)
			r = add_name(a, i, &names->v[j]);
	}
	return r;
}

/* Where a path can go on: above the leaf, or above what was sent with it. An
 * anchor may also be the leaf itself. */
static enum trust_err
add_issuers(struct trust_admission *a)
{
	enum trust_err r =
	    trust_grounds_add(&a->grounds, a->certificate->subject_ground);

	if (r == TRUST_OK)
		r = trust_grounds_add(
		    &a->grounds, a->certificate->issuer_ground);
	for (int i = 0; r == TRUST_OK && i < sk_X509_num(a->untrusted); i++)
		r = trust_grounds_add_issuer(&a->grounds,
		    X509_get_issuer_name(sk_X509_value(a->untrusted, i)));
	return r;
}

static enum trust_err
add_groups(struct trust_admission *a)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < a->chains.n; i++)
		r = add_id(a, TRUST_GROUND_GROUP, a->chains.v[i].group);
	return r;
}

/* Where a pin settles it, nobody asks for names and chains. Those of the chains
 * come first: what has the same number as one of them is not added, and who
 * chooses a name does not take one of theirs away. */
static enum trust_err
find_grounds(struct trust_admission *a)
{
	enum trust_err r = TRUST_OK;

	/* Whoever takes a PSK identity takes it from its device's record. */
	if (a->certificate == NULL)
		return add_roles(a);
	if (!is_pinned(a)) {
		r = add_issuers(a);
		if (r == TRUST_OK)
			r = add_groups(a);
		a->n_chain_grounds = a->grounds.n;
		if (r == TRUST_OK)
			r = add_names(a);
	}
	if (r == TRUST_OK)
		r = add_certificate(a);
	return r == TRUST_OK ? add_roles(a) : r;
}

/* ---- References ---- */

/* The latest notBefore of what the verdict rests on. */
static int64_t
start_of(const struct trust_admission *a)
{
	int64_t from = INT64_MIN;

	if (is_pinned(a))
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
    struct trust_span leaf, STACK_OF(X509) *untrusted,
    struct trust_admission **out)
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
	r = trust_buf_add(&a->leaf, leaf.p, leaf.len);
	if (r == TRUST_OK)
		r = find_grounds(a);
	if (r != TRUST_OK) {
		trust_admission_free(a);
		return r;
	}
	*out = a;
	return TRUST_OK;
}

enum trust_err
trust_admission_new_psk(struct trust_verdict *verdict, const char *identity,
    const struct trust_thumbprint *sealed_key,
    const struct trust_thumbprint *key, struct trust_admission **out)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	struct trust_admission *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (a == NULL) {
		trust_verdict_clear(verdict);
		return r;
	}
	a->refs = 1;
	a->verdict = *verdict;
	memset(verdict, 0, sizeof(*verdict)); /* transferred */
	a->sealed_key = *sealed_key;
	a->key = *key;
	a->valid_from = INT64_MIN;
	a->identity = strdup(identity);
	if (a->identity != NULL)
		r = find_grounds(a);
	if (r != TRUST_OK) {
		trust_admission_free(a);
		return r;
	}
	*out = a;
	return TRUST_OK;
}

/* The anchor that the chain of its group ends at, or NULL. */
static const char *
find_anchor(const struct trust_verdict *verdict,
    const struct trust_group_chains *chains, const struct trust_sets *sets)
{
	for (size_t i = 0; i < chains->n; i++) {
		if (strcmp(chains->v[i].group, verdict->group) == 0)
			return trust_sets_get0_anchor(
			    sets, verdict->group, &chains->v[i].chain.anchor);
	}
	return NULL;
}

enum trust_err
trust_admission_set_anchor(
    struct trust_admission *admission, const struct trust_sets *sets)
{
	const char *id =
	    find_anchor(&admission->verdict, &admission->chains, sets);

	if (id == NULL)
		return TRUST_OK;
	admission->anchor = strdup(id);
	return admission->anchor != NULL ? TRUST_OK : TRUST_ERR_NOMEM;
}

/* ---- Renewal ---- */

/* The groups that might vouch are what else it rests on. */
static bool
has_same_groups(
    const struct trust_group_chains *a, const struct trust_group_chains *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = strcmp(a->v[i].group, b->v[i].group) == 0;
	return same;
}

/* NULL is a text of its own. */
static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
forget_access(struct trust_admission *a)
{
	trust_access_free(a->access);
	a->access = NULL;
	free(a->client_id);
	a->client_id = NULL;
}

bool
trust_admission_renew(struct trust_admission *admission,
    const struct trust_sets *sets, const struct trust_verdict *verdict,
    struct trust_group_chains *chains)
{
	if (!trust_verdict_equal(&admission->verdict, verdict) ||
	    !has_same_groups(&admission->chains, chains) ||
	    !is_same_text(
		admission->anchor, find_anchor(verdict, chains, sets)))
		return false;
	trust_group_chains_clear(&admission->chains);
	admission->chains = *chains;
	memset(chains, 0, sizeof(*chains)); /* transferred */
	admission->valid_from = start_of(admission);
	forget_access(admission); /* its roles may have other rules */
	return true;
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
	free(admission->anchor);
	free(admission->identity);
	forget_access(admission);
	trust_grounds_clear(&admission->grounds);
	OPENSSL_cleanse(&admission->key, sizeof(admission->key));
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

const char *
trust_admission_get0_anchor(const struct trust_admission *admission)
{
	return admission->anchor;
}

const char *
trust_admission_get0_identity(const struct trust_admission *admission)
{
	return admission->identity;
}

const struct trust_grounds *
trust_admission_get0_grounds(const struct trust_admission *admission)
{
	return &admission->grounds;
}
