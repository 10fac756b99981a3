/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What moved from one load of the sets to the next. Records are compared, not
 * their numbers: what was only touched moves nobody.
 */
#include <jansson.h>
#include <string.h>

#include "sets_internal.h"
#include "verdict.h"

/* ---- Roles ---- */

static enum trust_err
add_id(struct trust_grounds *moved, enum trust_ground_kind kind, const char *id)
{
	return trust_grounds_add(moved, trust_ground(kind, id, strlen(id)));
}

static enum trust_err
compare_roles(const struct trust_sets *a, const struct trust_sets *b,
    struct trust_sets_news *news)
{
	enum trust_err r = TRUST_OK;
	const struct role *role;
	struct role *other;

	for (role = a->roles; r == TRUST_OK && role != NULL;
	     role = role->hh.next) {
		HASH_FIND_STR(b->roles, role->record->id, other);
		if (other == NULL ||
		    json_equal(role->record->json, other->record->json) == 0)
			r = add_id(
			    &news->moved, TRUST_GROUND_ROLE, role->record->id);
	}
	return r;
}

/* ---- Groups, and the anchors that they name ---- */

/* It concerns whom it vouches for, and whom it may have come to vouch for:
 * every path to it goes from a certificate at hand to one of its own. */
static enum trust_err
add_group(struct trust_grounds *moved, const struct trust_sets_group *set)
{
	enum trust_err r = add_id(moved, TRUST_GROUND_GROUP, set->id);

	if (r == TRUST_OK)
		r = trust_grounds_add_issuers(moved, set->anchors);
	if (r == TRUST_OK)
		r = trust_grounds_add_issuers(moved, set->intermediates);
	return r;
}

/* Whether it has come to own client ids that it did not, or the reverse. */
static bool
owns_others(const struct group *a, const struct group *b)
{
	enum trust_client_id was = TRUST_CLIENT_ID_EXACT;

	if (b != NULL)
		was = trust_verdict_client_id(NULL, b->set.group);
	return trust_verdict_client_id(NULL, a->set.group) != was;
}

/* What a chain is made of, and the bounds it is searched within, do not change
 * with the rest of a record. */
static bool
has_same_paths(const struct group *a, const struct group *b)
{
	return b != NULL &&
	       a->set.group->max_depth == b->set.group->max_depth &&
	       a->set.group->min_rsa_bits == b->set.group->min_rsa_bits &&
	       trust_certificate_same_all(a->set.anchors, b->set.anchors) &&
	       trust_certificate_same_all(
		   a->set.intermediates, b->set.intermediates);
}

static enum trust_err
compare_group(
    const struct group *a, const struct group *b, struct trust_sets_news *news)
{
	bool same_paths = has_same_paths(a, b);
	enum trust_err r = TRUST_OK;

	if (!same_paths || json_equal(a->record->json, b->record->json) == 0)
		r = add_group(&news->moved, &a->set);
	if (r == TRUST_OK && !same_paths)
		r = add_group(&news->paths, &a->set);
	if (r == TRUST_OK && owns_others(a, b))
		r = trust_grounds_add(&news->moved,
		    trust_ground(TRUST_GROUND_CLIENT_IDS, NULL, 0));
	return r;
}

static enum trust_err
compare_groups(const struct trust_sets *a, const struct trust_sets *b,
    struct trust_sets_news *news)
{
	enum trust_err r = TRUST_OK;
	const struct group *group;
	struct group *other;

	for (group = a->groups; r == TRUST_OK && group != NULL;
	     group = group->hh.next) {
		HASH_FIND_STR(b->groups, group->set.id, other);
		r = compare_group(group, other, news);
	}
	return r;
}

/* A kind of name that a group looks at for the first time: another device may
 * have had that name all along (thumbprint_mismatch). */
static enum trust_err
compare_identities(const struct trust_sets *was, const struct trust_sets *is,
    struct trust_grounds *moved)
{
	unsigned news = is->identities & ~was->identities;
	enum trust_err r = TRUST_OK;

	for (unsigned i = 0; r == TRUST_OK && i < TRUST_N_IDENTITIES; i++) {
		if ((news & (1u << i)) != 0)
			r = trust_grounds_add(moved,
			    trust_ground(TRUST_GROUND_IDENTITY, &i, sizeof(i)));
	}
	return r;
}

/* ---- CRLs ---- */

/* It concerns paths with a certificate of its issuer: at hand, or one of the
 * intermediates of a group. Not an anchor: nobody revokes those. */
static enum trust_err
add_crl(struct trust_grounds *moved, const struct trust_sets *sets,
    const X509_CRL *crl)
{
	const X509_NAME *issuer = X509_CRL_get_issuer(crl);
	enum trust_err r = trust_grounds_add_issuer(moved, issuer);

	for (const struct group *group = sets->groups;
	     r == TRUST_OK && group != NULL; group = group->hh.next) {
		if (trust_certificate_any_issued_by(
			group->set.intermediates, issuer))
			r = add_id(moved, TRUST_GROUND_GROUP, group->set.id);
	}
	return r;
}

static enum trust_err
compare_crls(const struct trust_sets *a, const struct trust_sets *b,
    struct trust_sets_news *news)
{
	enum trust_err r = TRUST_OK;
	const struct crl *crl;
	struct crl *other;

	for (crl = a->crls_by_id; r == TRUST_OK && crl != NULL;
	     crl = crl->hh.next) {
		HASH_FIND_STR(b->crls_by_id, crl->id, other);
		if (other == NULL ||
		    !trust_thumbprint_equal(&crl->digest, &other->digest)) {
			r = add_crl(&news->moved, b, crl->crl);
			if (r == TRUST_OK)
				r = add_crl(&news->paths, b, crl->crl);
		}
	}
	return r;
}

/* ---- */

/* What `a` has and `b` has not, or has otherwise. */
static enum trust_err
compare(const struct trust_sets *a, const struct trust_sets *b,
    struct trust_sets_news *news)
{
	enum trust_err r = compare_roles(a, b, news);

	if (r == TRUST_OK)
		r = compare_groups(a, b, news);
	if (r == TRUST_OK)
		r = compare_crls(a, b, news);
	return r;
}

enum trust_err
trust_sets_compare(const struct trust_sets *was, const struct trust_sets *is,
    struct trust_sets_news *news)
{
	enum trust_err r = compare(was, is, news);

	if (r == TRUST_OK)
		r = compare(is, was, news);
	if (r == TRUST_OK)
		r = compare_identities(was, is, &news->moved);
	return r;
}

void
trust_sets_news_clear(struct trust_sets_news *news)
{
	trust_grounds_clear(&news->moved);
	trust_grounds_clear(&news->paths);
}
