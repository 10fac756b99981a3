/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small sets of a registry, parsed and held in memory. What does not
 * parse fails the load: never quietly less than the registry says.
 */
#include <stdlib.h>
#include <string.h>

#include "sets_internal.h"

/* An enabled anchor with purpose device. */
struct anchor {
	char id[TRUST_ID_MAX + 1];
	STACK_OF(X509) *certificates; /* owned */
	UT_hash_handle hh;            /* by id */
};

struct loading;

/* Take what a record means into the sets; *record becomes NULL when they keep
 * it. */
typedef enum trust_err add_record(struct loading *loading,
    struct trust_record **record, struct trust_message *msg);

/* A load under way. */
struct loading {
	struct trust_sets *sets;
	struct anchor *anchors; /* needed until the groups have theirs */
	enum trust_kind kind;   /* of the present walk */
	add_record *add;
	struct trust_message *msg;
};

static void
free_group(struct group *group)
{
	trust_record_free(group->record);
	sk_X509_pop_free(group->set.anchors, X509_free);
	sk_X509_pop_free(group->set.intermediates, X509_free);
	free(group);
}

static void
free_anchors(struct anchor *anchors)
{
	struct anchor *anchor;

	while ((anchor = anchors) != NULL) {
		HASH_DEL(anchors, anchor);
		sk_X509_pop_free(anchor->certificates, X509_free);
		free(anchor);
	}
}

void
trust_sets_free(struct trust_sets *sets)
{
	struct group *group;
	struct role *role;
	struct crl *crl;

	if (sets == NULL)
		return;
	while ((role = sets->roles) != NULL) {
		HASH_DEL(sets->roles, role);
		trust_record_free(role->record);
		free(role);
	}
	while ((group = sets->groups) != NULL) {
		HASH_DEL(sets->groups, group);
		free_group(group);
	}
	while ((crl = sets->crls_by_id) != NULL) {
		HASH_DEL(sets->crls_by_id, crl);
		free(crl);
	}
	free(sets->groups_in_order);
	sk_X509_CRL_pop_free(sets->crls, X509_CRL_free);
	free(sets);
}

static enum trust_err
add_role(struct loading *loading, struct trust_record **record,
    struct trust_message *msg)
{
	struct role *role = NULL;

	if (!(*record)->enabled)
		return TRUST_OK;
	role = calloc(1, sizeof(*role));
	if (role == NULL)
		return TRUST_ERR_NOMEM;
	HASH_ADD_KEYPTR(hh, loading->sets->roles, (*record)->id,
	    strlen((*record)->id), role);
	if (role->hh.tbl == NULL) {
		free(role);
		return TRUST_ERR_NOMEM;
	}
	role->record = *record;
	*record = NULL; /* transferred */
	return TRUST_OK;
}

static enum trust_err
add_anchor(struct loading *loading, struct trust_record **record,
    struct trust_message *msg)
{
	const struct trust_anchor *source = &(*record)->u.anchor;
	struct anchor *anchor = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (!(*record)->enabled ||
	    (source->purposes & TRUST_PURPOSE_BIT_DEVICE) == 0)
		return TRUST_OK;
	anchor = calloc(1, sizeof(*anchor));
	if (anchor == NULL)
		return TRUST_ERR_NOMEM;
	memcpy(anchor->id, (*record)->id, strlen((*record)->id) + 1);
	r = trust_certificate_parse_pem(
	    trust_span_of(source->pem), &anchor->certificates, msg);
	if (r != TRUST_OK)
		goto out;
	HASH_ADD_STR(loading->anchors, id, anchor);
	if (anchor->hh.tbl == NULL) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	anchor = NULL; /* transferred */
	r = TRUST_OK;
out:
	if (anchor != NULL)
		sk_X509_pop_free(anchor->certificates, X509_free);
	free(anchor);
	return r;
}

/* Other references to the same certificates. */
static enum trust_err
push_all(STACK_OF(X509) *to, STACK_OF(X509) *from)
{
	return X509_add_certs(to, from, X509_ADD_FLAG_UP_REF) == 1
		   ? TRUST_OK
		   : TRUST_ERR_NOMEM;
}

static enum trust_err
push_pem(STACK_OF(X509) *to, const char *pem, struct trust_message *msg)
{
	STACK_OF(X509) *from = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_certificate_parse_pem(trust_span_of(pem), &from, msg);
	if (r == TRUST_OK)
		r = push_all(to, from);
	sk_X509_pop_free(from, X509_free);
	return r;
}

/* A missing or disabled anchor vouches for nobody. */
static enum trust_err
fill_group(const struct loading *loading, struct trust_sets_group *set,
    struct trust_message *msg)
{
	const struct trust_strings *pems = &set->group->intermediates;
	const struct trust_strings *ids = &set->group->anchors;
	enum trust_err r = TRUST_OK;
	struct anchor *anchor;

	set->anchors = sk_X509_new_null();
	set->intermediates = sk_X509_new_null();
	if (set->anchors == NULL || set->intermediates == NULL)
		return TRUST_ERR_NOMEM;
	for (size_t i = 0; r == TRUST_OK && i < ids->n; i++) {
		HASH_FIND_STR(loading->anchors, ids->v[i], anchor);
		if (anchor != NULL)
			r = push_all(set->anchors, anchor->certificates);
	}
	for (size_t i = 0; r == TRUST_OK && i < pems->n; i++)
		r = push_pem(set->intermediates, pems->v[i], msg);
	return r;
}

static enum trust_err
add_group(struct loading *loading, struct trust_record **record,
    struct trust_message *msg)
{
	struct trust_sets *sets = loading->sets;
	struct group *group = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return TRUST_ERR_NOMEM;
	group->set.id = (*record)->id;
	group->set.group = &(*record)->u.group;
	group->set.enabled = (*record)->enabled;
	r = fill_group(loading, &group->set, msg);
	if (r != TRUST_OK)
		goto out;
	HASH_ADD_KEYPTR(
	    hh, sets->groups, group->set.id, strlen(group->set.id), group);
	if (group->hh.tbl == NULL) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	sets->identities |= 1u << group->set.group->identity;
	group->record = *record;
	*record = NULL; /* transferred */
	group = NULL;   /* transferred */
	r = TRUST_OK;
out:
	if (group != NULL)
		free_group(group);
	return r;
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

static enum trust_err
add_crl(struct loading *loading, struct trust_record **record,
    struct trust_message *msg)
{
	struct trust_span pem = trust_span_of((*record)->u.crl.pem);
	struct crl *crl = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (!(*record)->enabled)
		return TRUST_OK;
	crl = calloc(1, sizeof(*crl));
	if (crl == NULL)
		return TRUST_ERR_NOMEM;
	memcpy(crl->id, (*record)->id, strlen((*record)->id) + 1);
	r = trust_thumbprint_of(pem, &crl->digest);
	if (r == TRUST_OK)
		r = trust_certificate_parse_crl(pem, &crl->crl, msg);
	if (r == TRUST_OK)
		r = keep_crl(loading->sets, crl);
	if (r != TRUST_OK) {
		X509_CRL_free(crl->crl);
		free(crl);
	}
	return r;
}

static enum trust_err
visit(void *arg, const char *id, struct trust_span line)
{
	struct loading *loading = arg;
	struct trust_record *record = NULL;
	struct trust_message why = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_record_parse(line, &record, &why);
	if (r != TRUST_OK)
		goto out;
	r = loading->add(loading, &record, &why);
	if (r != TRUST_OK)
		goto out;
	r = TRUST_OK;
out:
	trust_record_free(record);
	if (r != TRUST_OK) {
		(void)trust_err_prefix(
		    &why, r, "%s %s", trust_kind_name(loading->kind), id);
		(void)trust_err_set(loading->msg, r, "%s", why.text);
	}
	return r;
}

bool
trust_sets_hold(enum trust_kind kind)
{
	return kind != TRUST_KIND_DEVICE && kind != TRUST_KIND_TOKEN &&
	       kind != TRUST_KIND_GATEWAY;
}

/* Anchors come before the groups that name them. */
static enum trust_err
load_all(struct trust_registry *registry, struct loading *loading,
    struct trust_message *msg)
{
	static const struct {
		enum trust_kind kind;
		add_record *add;
	} kinds[] = {
	    {TRUST_KIND_ANCHOR, add_anchor},
	    {TRUST_KIND_GROUP, add_group},
	    {TRUST_KIND_ROLE, add_role},
	    {TRUST_KIND_CRL, add_crl},
	};
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		loading->kind = kinds[i].kind;
		loading->add = kinds[i].add;
		r = trust_registry_list(
		    registry, kinds[i].kind, visit, loading, msg);
		if (r != TRUST_OK)
			return r;
	}
	return TRUST_OK;
}

static size_t
find_alike(const struct trust_sets *sets, size_t n)
{
	const struct trust_sets_group *set = &sets->groups_in_order[n]->set;

	for (size_t i = 0; i < n; i++) {
		const struct trust_sets_group *other =
		    &sets->groups_in_order[i]->set;

		if (other->alike == i &&
		    trust_certificate_same_all(set->anchors, other->anchors) &&
		    trust_certificate_same_all(
			set->intermediates, other->intermediates))
			return i;
	}
	return n;
}

static enum trust_err
put_in_order(struct trust_sets *sets)
{
	struct group *group = sets->groups;
	size_t n = trust_sets_count_groups(sets);

	if (n == 0)
		return TRUST_OK;
	sets->groups_in_order = calloc(n, sizeof(struct group *));
	if (sets->groups_in_order == NULL)
		return TRUST_ERR_NOMEM;
	for (size_t i = 0; group != NULL; group = group->hh.next, i++) {
		sets->groups_in_order[i] = group;
		group->set.alike = find_alike(sets, i);
	}
	return TRUST_OK;
}

enum trust_err
trust_sets_load(struct trust_registry *registry, struct trust_sets **out,
    struct trust_message *msg)
{
	struct loading loading = {.msg = msg};
	struct trust_sets *sets = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	sets = calloc(1, sizeof(*sets));
	if (sets == NULL) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	sets->identities = 1u << TRUST_IDENTITY_CN;
	sets->crls = sk_X509_CRL_new_null();
	if (sets->crls == NULL) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	loading.sets = sets;
	r = load_all(registry, &loading, msg);
	if (r != TRUST_OK)
		goto out;
	r = put_in_order(sets);
	if (r != TRUST_OK)
		goto out;
	*out = sets;
	sets = NULL; /* transferred */
	r = TRUST_OK;
out:
	free_anchors(loading.anchors);
	trust_sets_free(sets);
	return r;
}

size_t
trust_sets_count_groups(const struct trust_sets *sets)
{
	return HASH_COUNT(sets->groups);
}

const struct trust_sets_group *
trust_sets_get0_group_at(const struct trust_sets *sets, size_t i)
{
	return &sets->groups_in_order[i]->set;
}

const struct trust_sets_group *
trust_sets_get0_group(const struct trust_sets *sets, const char *id)
{
	struct group *group;

	HASH_FIND_STR(sets->groups, id, group);
	return group != NULL ? &group->set : NULL;
}

const struct trust_role *
trust_sets_get0_role(const struct trust_sets *sets, const char *id)
{
	struct role *role;

	HASH_FIND_STR(sets->roles, id, role);
	return role != NULL ? &role->record->u.role : NULL;
}

STACK_OF(X509_CRL) *
trust_sets_get0_crls(const struct trust_sets *sets)
{
	return sets->crls;
}

unsigned
trust_sets_get_identities(const struct trust_sets *sets)
{
	return sets->identities;
}
