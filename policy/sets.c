/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small sets of a registry, parsed and held in memory. What does not
 * parse fails the load: never quietly less than the registry says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sets_internal.h"

/* A record that was touched since the sets before. */
struct touched {
	char key[TRUST_ID_MAX + 2]; /* its kind as an octet, and its id */
	UT_hash_handle hh;
};

struct loading;

/* Take what a record means into the sets; *record becomes NULL when they keep
 * it. */
typedef enum trust_err add_record(struct loading *loading,
    struct trust_record **record, struct trust_message *msg);

/* Take from the sets before what was not touched. */
typedef enum trust_err share_records(const struct loading *loading);

/* A load under way. */
struct loading {
	struct trust_registry *registry;
	struct trust_ahead *ahead; /* NULL: none */
	struct trust_sets *sets;
	const struct trust_sets *was; /* NULL: all is to be read */
	struct touched *touched;      /* since then; owned */
	enum trust_kind kind;         /* of the present walk */
	add_record *add;
	struct trust_message *msg;
	enum trust_err r; /* of what was noted */
};

static void
free_group(struct group *group)
{
	trust_record_free(group->record);
	sk_X509_pop_free(group->set.anchors, X509_free);
	trust_grounds_clear(&group->set.anchor_grounds);
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
	free_anchors(sets->anchors);
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

/* ---- What was touched ---- */

/* An id has no NUL, and no kind is 0. */
static void
make_key(enum trust_kind kind, const char *id, char key[TRUST_ID_MAX + 2])
{
	key[0] = (char)kind;
	(void)snprintf(key + 1, TRUST_ID_MAX + 1, "%s", id);
}

static void
note(void *arg, enum trust_kind kind, const char *id)
{
	struct loading *loading = arg;
	struct touched *touched;
	char key[TRUST_ID_MAX + 2];

	if (!trust_sets_hold(kind))
		return;
	make_key(kind, id, key);
	HASH_FIND_STR(loading->touched, key, touched);
	if (touched != NULL)
		return;
	touched = calloc(1, sizeof(*touched));
	if (touched != NULL) {
		memcpy(touched->key, key, sizeof(key));
		HASH_ADD_STR(loading->touched, key, touched);
	}
	if (touched == NULL || touched->hh.tbl == NULL) {
		free(touched);
		loading->r = TRUST_ERR_NOMEM;
	}
}

static bool
is_touched(const struct loading *loading, enum trust_kind kind, const char *id)
{
	struct touched *touched;
	char key[TRUST_ID_MAX + 2];

	make_key(kind, id, key);
	HASH_FIND_STR(loading->touched, key, touched);
	return touched != NULL;
}

static void
free_touched(struct touched *all)
{
	struct touched *touched;

	while ((touched = all) != NULL) {
		HASH_DEL(all, touched);
		free(touched);
	}
}

/* ---- Roles ---- */

/* Takes over the record if it succeeds, as all that keep something. */
static enum trust_err
keep_role(struct trust_sets *sets, struct trust_record *record)
{
	struct role *role = calloc(1, sizeof(*role));

	if (role == NULL)
		return TRUST_ERR_NOMEM;
	HASH_ADD_KEYPTR(hh, sets->roles, record->id, strlen(record->id), role);
	if (role->hh.tbl == NULL) {
		free(role);
		return TRUST_ERR_NOMEM;
	}
	role->record = record;
	return TRUST_OK;
}

static enum trust_err
add_role(struct loading *loading, struct trust_record **record,
    struct trust_message *msg)
{
	enum trust_err r;

	if (!(*record)->enabled)
		return TRUST_OK;
	r = keep_role(loading->sets, *record);
	if (r == TRUST_OK)
		*record = NULL; /* transferred */
	return r;
}

static enum trust_err
share_roles(const struct loading *loading)
{
	const struct role *role = loading->was->roles;
	enum trust_err r = TRUST_OK;

	for (; r == TRUST_OK && role != NULL; role = role->hh.next) {
		if (is_touched(loading, TRUST_KIND_ROLE, role->record->id))
			continue;
		r = keep_role(loading->sets, role->record);
		if (r == TRUST_OK)
			(void)trust_record_get1(role->record);
	}
	return r;
}

/* ---- Anchors ---- */

static enum trust_err
keep_anchor(struct trust_sets *sets, const char *id,
    const struct trust_thumbprint *digest,
    const struct trust_thumbprint *thumbprint, STACK_OF(X509) *certificates)
{
	struct anchor *anchor = calloc(1, sizeof(*anchor));

	if (anchor == NULL)
		return TRUST_ERR_NOMEM;
	memcpy(anchor->id, id, strlen(id) + 1);
	HASH_ADD_STR(sets->anchors, id, anchor);
	if (anchor->hh.tbl == NULL) {
		free(anchor);
		return TRUST_ERR_NOMEM;
	}
	anchor->digest = *digest;
	anchor->thumbprint = *thumbprint;
	anchor->certificates = certificates;
	return TRUST_OK;
}

static enum trust_err
share_anchor(struct trust_sets *sets, const struct anchor *was)
{
	STACK_OF(X509) *same = X509_chain_up_ref(was->certificates);
	enum trust_err r = TRUST_ERR_NOMEM;

	if (same != NULL)
		r = keep_anchor(
		    sets, was->id, &was->digest, &was->thumbprint, same);
	if (r != TRUST_OK)
		sk_X509_pop_free(same, X509_free);
	return r;
}

/* The one with this id and this PEM in the sets before, or NULL: decoding
 * takes half a millisecond for each certificate. */
static const struct anchor *
find_same_anchor(const struct trust_sets *was, const char *id,
    const struct trust_thumbprint *digest)
{
	struct anchor *anchor = NULL;

	if (was != NULL)
		HASH_FIND_STR(was->anchors, id, anchor);
	return anchor != NULL && trust_thumbprint_equal(&anchor->digest, digest)
		   ? anchor
		   : NULL;
}

static enum trust_err
add_anchor(struct loading *loading, struct trust_record **record,
    struct trust_message *msg)
{
	const struct trust_anchor *source = &(*record)->u.anchor;
	struct trust_span pem = trust_span_of(source->pem);
	STACK_OF(X509) *certificates = NULL;
	struct trust_thumbprint digest, thumbprint;
	const struct anchor *same;
	enum trust_err r;

	if (!(*record)->enabled ||
	    (source->purposes & TRUST_PURPOSE_BIT_DEVICE) == 0)
		return TRUST_OK;
	r = trust_thumbprint_of(pem, &digest);
	if (r != TRUST_OK)
		return r;
	same = find_same_anchor(loading->was, (*record)->id, &digest);
	if (same != NULL)
		return share_anchor(loading->sets, same);
	r = trust_certificate_parse_pem(pem, &certificates, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_certificate_thumbprint(
	    sk_X509_value(certificates, 0), &thumbprint);
	if (r == TRUST_OK)
		r = keep_anchor(loading->sets, (*record)->id, &digest,
		    &thumbprint, certificates);
	if (r != TRUST_OK)
		sk_X509_pop_free(certificates, X509_free);
	return r;
}

static enum trust_err
share_anchors(const struct loading *loading)
{
	const struct anchor *anchor = loading->was->anchors;
	enum trust_err r = TRUST_OK;

	for (; r == TRUST_OK && anchor != NULL; anchor = anchor->hh.next) {
		if (!is_touched(loading, TRUST_KIND_ANCHOR, anchor->id))
			r = share_anchor(loading->sets, anchor);
	}
	return r;
}

/* ---- Groups ---- */

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
find_anchors(const struct trust_sets *sets, struct trust_sets_group *group)
{
	const struct trust_strings *ids = &group->group->anchors;
	enum trust_err r = TRUST_OK;
	struct anchor *anchor;

	group->anchors = sk_X509_new_null();
	if (group->anchors == NULL)
		return TRUST_ERR_NOMEM;
	for (size_t i = 0; r == TRUST_OK && i < ids->n; i++) {
		HASH_FIND_STR(sets->anchors, ids->v[i], anchor);
		if (anchor != NULL)
			r = push_all(group->anchors, anchor->certificates);
	}
	if (r != TRUST_OK)
		return r;
	return trust_grounds_add_issuers(
	    &group->anchor_grounds, group->anchors);
}

/* The certificate of this PEM among those that a group had before; or NULL. */
static X509 *
find_same_intermediate(const struct group *was, const char *pem)
{
	const struct trust_strings *pems;

	if (was == NULL)
		return NULL;
	pems = &was->record->u.group.intermediates;
	if (sk_X509_num(was->set.intermediates) != (int)pems->n)
		return NULL; /* a registry that was tampered with */
	for (size_t i = 0; i < pems->n; i++) {
		if (strcmp(pems->v[i], pem) == 0)
			return sk_X509_value(was->set.intermediates, (int)i);
	}
	return NULL;
}

static enum trust_err
find_intermediates(const struct group *was, const struct trust_strings *pems,
    STACK_OF(X509) **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	*out = sk_X509_new_null();
	if (*out == NULL)
		return TRUST_ERR_NOMEM;
	for (size_t i = 0; r == TRUST_OK && i < pems->n; i++) {
		X509 *same = find_same_intermediate(was, pems->v[i]);

		if (same == NULL)
			r = push_pem(*out, pems->v[i], msg);
		else if (X509_add_cert(*out, same, X509_ADD_FLAG_UP_REF) != 1)
			r = TRUST_ERR_NOMEM;
	}
	return r;
}

/* Takes over the intermediates in any case. */
static enum trust_err
keep_group(struct trust_sets *sets, struct trust_record *record,
    STACK_OF(X509) *intermediates)
{
	struct group *group = calloc(1, sizeof(*group));
	enum trust_err r;

	if (group == NULL) {
		sk_X509_pop_free(intermediates, X509_free);
		return TRUST_ERR_NOMEM;
	}
	group->set.id = record->id;
	group->set.group = &record->u.group;
	group->set.enabled = record->enabled;
	group->set.intermediates = intermediates;
	r = find_anchors(sets, &group->set);
	if (r != TRUST_OK)
		goto fail;
	HASH_ADD_KEYPTR(
	    hh, sets->groups, group->set.id, strlen(group->set.id), group);
	if (group->hh.tbl == NULL) {
		r = TRUST_ERR_NOMEM;
		goto fail;
	}
	sets->identities |= 1u << group->set.group->identity;
	group->record = record;
	return TRUST_OK;
fail:
	free_group(group);
	return r;
}

static enum trust_err
add_group(struct loading *loading, struct trust_record **record,
    struct trust_message *msg)
{
	STACK_OF(X509) *intermediates = NULL;
	struct group *was = NULL;
	enum trust_err r;

	if (loading->was != NULL)
		HASH_FIND_STR(loading->was->groups, (*record)->id, was);
	r = find_intermediates(
	    was, &(*record)->u.group.intermediates, &intermediates, msg);
	if (r != TRUST_OK) {
		sk_X509_pop_free(intermediates, X509_free);
		return r;
	}
	r = keep_group(loading->sets, *record, intermediates);
	if (r == TRUST_OK)
		*record = NULL; /* transferred */
	return r;
}

/* Their anchors may be others by now. */
static enum trust_err
share_groups(const struct loading *loading)
{
	const struct group *group = loading->was->groups;
	enum trust_err r = TRUST_OK;
	STACK_OF(X509) *same;

	for (; r == TRUST_OK && group != NULL; group = group->hh.next) {
		if (is_touched(loading, TRUST_KIND_GROUP, group->set.id))
			continue;
		same = X509_chain_up_ref(group->set.intermediates);
		r = same != NULL
			? keep_group(loading->sets, group->record, same)
			: TRUST_ERR_NOMEM;
		if (r == TRUST_OK)
			(void)trust_record_get1(group->record);
	}
	return r;
}

/* ---- CRLs ---- */

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

/* Takes over the CRL if it succeeds. */
static enum trust_err
keep_new_crl(struct trust_sets *sets, const char *id,
    const struct trust_thumbprint *digest, X509_CRL *parsed)
{
	struct crl *crl = calloc(1, sizeof(*crl));
	enum trust_err r;

	if (crl == NULL)
		return TRUST_ERR_NOMEM;
	memcpy(crl->id, id, strlen(id) + 1);
	crl->digest = *digest;
	crl->crl = parsed;
	r = keep_crl(sets, crl);
	if (r != TRUST_OK)
		free(crl);
	return r;
}

static enum trust_err
parse_crl(struct trust_sets *sets, const char *id, struct trust_span pem,
    const struct trust_thumbprint *digest, struct trust_message *msg)
{
	X509_CRL *crl = NULL;
	enum trust_err r = trust_certificate_parse_crl(pem, &crl, msg);

	if (r == TRUST_OK)
		r = keep_new_crl(sets, id, digest, crl);
	if (r != TRUST_OK)
		X509_CRL_free(crl);
	return r;
}

static enum trust_err
share_crl(struct trust_sets *sets, const struct crl *was)
{
	struct crl *crl = calloc(1, sizeof(*crl));
	enum trust_err r;

	if (crl == NULL)
		return TRUST_ERR_NOMEM;
	memcpy(crl->id, was->id, sizeof(crl->id));
	crl->digest = was->digest;
	crl->crl = was->crl;
	crl->signer = was->signer;
	crl->has_signer = was->has_signer;
	r = keep_crl(sets, crl);
	if (r == TRUST_OK)
		(void)X509_CRL_up_ref(crl->crl);
	else
		free(crl);
	return r;
}

/* The one with this id and this PEM in the sets before, or NULL. */
static const struct crl *
find_same_crl(const struct trust_sets *was, const char *id,
    const struct trust_thumbprint *digest)
{
	struct crl *crl = NULL;

	if (was != NULL)
		HASH_FIND_STR(was->crls_by_id, id, crl);
	return crl != NULL && trust_thumbprint_equal(&crl->digest, digest)
		   ? crl
		   : NULL;
}

/* Takes over the CRL that was parsed ahead. */
static enum trust_err
add_parsed(struct loading *loading, struct trust_ahead_crl *parsed)
{
	const struct crl *same =
	    find_same_crl(loading->was, parsed->id, &parsed->digest);
	enum trust_err r = TRUST_OK;

	if (parsed->enabled && same != NULL) {
		r = share_crl(loading->sets, same);
	} else if (parsed->enabled) {
		r = keep_new_crl(
		    loading->sets, parsed->id, &parsed->digest, parsed->crl);
		if (r == TRUST_OK)
			parsed->crl = NULL; /* transferred */
	}
	X509_CRL_free(parsed->crl);
	return r;
}

/* If somebody has parsed this very line ahead, which spares the JSON, too. */
static enum trust_err
add_ahead(struct loading *loading, const char *id, struct trust_span line,
    bool *added)
{
	struct trust_thumbprint digest;
	struct trust_ahead_crl parsed;
	enum trust_err r;

	*added = false;
	if (loading->kind != TRUST_KIND_CRL || loading->ahead == NULL ||
	    !trust_ahead_has(loading->ahead, id))
		return TRUST_OK;
	r = trust_thumbprint_of(line, &digest);
	if (r != TRUST_OK ||
	    !trust_ahead_take(loading->ahead, id, &digest, &parsed))
		return r;
	*added = true;
	return add_parsed(loading, &parsed);
}

static enum trust_err
add_crl(struct loading *loading, struct trust_record **record,
    struct trust_message *msg)
{
	const char *id = (*record)->id;
	struct trust_span pem = trust_span_of((*record)->u.crl.pem);
	struct trust_thumbprint digest;
	const struct crl *same;
	enum trust_err r;

	if (!(*record)->enabled)
		return TRUST_OK;
	r = trust_thumbprint_of(pem, &digest);
	if (r != TRUST_OK)
		return r;
	same = find_same_crl(loading->was, id, &digest);
	if (same != NULL)
		return share_crl(loading->sets, same);
	return parse_crl(loading->sets, id, pem, &digest, msg);
}

static enum trust_err
share_crls(const struct loading *loading)
{
	const struct crl *crl = loading->was->crls_by_id;
	enum trust_err r = TRUST_OK;

	for (; r == TRUST_OK && crl != NULL; crl = crl->hh.next) {
		if (!is_touched(loading, TRUST_KIND_CRL, crl->id))
			r = share_crl(loading->sets, crl);
	}
	return r;
}

/* ---- Loading ---- */

/* Takes over the record. */
static enum trust_err
take(struct loading *loading, const char *id, struct trust_record *record)
{
	struct trust_message why = {0};
	enum trust_err r = loading->add(loading, &record, &why);

	trust_record_free(record);
	if (r != TRUST_OK) {
		(void)trust_err_prefix(
		    &why, r, "%s %s", trust_kind_name(loading->kind), id);
		(void)trust_err_set(loading->msg, r, "%s", why.text);
	}
	return r;
}

static enum trust_err
visit(void *arg, const char *id, struct trust_span line)
{
	struct loading *loading = arg;
	struct trust_record *record = NULL;
	enum trust_err r;
	bool added;

	r = add_ahead(loading, id, line, &added);
	if (r != TRUST_OK || added)
		return r;
	r = trust_registry_parse(
	    loading->registry, loading->kind, id, line, &record, loading->msg);
	return r == TRUST_OK ? take(loading, id, record) : r;
}

bool
trust_sets_hold(enum trust_kind kind)
{
	return kind != TRUST_KIND_DEVICE && kind != TRUST_KIND_TOKEN &&
	       kind != TRUST_KIND_GATEWAY;
}

/* Those of the present kind that were touched, as they are now: some are not
 * there any more. */
static enum trust_err
read_touched(struct loading *loading)
{
	const struct touched *touched = loading->touched;
	enum trust_err r = TRUST_OK;

	for (; r == TRUST_OK && touched != NULL; touched = touched->hh.next) {
		if (touched->key[0] != (char)loading->kind)
			continue;
		r = trust_registry_list_one(loading->registry, loading->kind,
		    touched->key + 1, visit, loading, loading->msg);
	}
	return r;
}

/* Anchors come before the groups that name them. */
static enum trust_err
load_all(struct loading *loading)
{
	static const struct {
		enum trust_kind kind;
		add_record *add;
		share_records *share;
	} kinds[] = {
	    {TRUST_KIND_ANCHOR, add_anchor, share_anchors},
	    {TRUST_KIND_GROUP, add_group, share_groups},
	    {TRUST_KIND_ROLE, add_role, share_roles},
	    {TRUST_KIND_CRL, add_crl, share_crls},
	};
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		loading->kind = kinds[i].kind;
		loading->add = kinds[i].add;
		if (loading->was == NULL) {
			r = trust_registry_list(loading->registry,
			    loading->kind, visit, loading, loading->msg);
		} else {
			r = kinds[i].share(loading);
			if (r == TRUST_OK)
				r = read_touched(loading);
		}
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

static int
compare_ids(const struct group *a, const struct group *b)
{
	return strcmp(a->set.id, b->set.id);
}

static enum trust_err
put_in_order(struct trust_sets *sets)
{
	size_t n = trust_sets_count_groups(sets);
	struct group *group;

	if (n == 0)
		return TRUST_OK;
	HASH_SRT(hh, sets->groups, compare_ids);
	group = sets->groups;
	sets->groups_in_order = calloc(n, sizeof(struct group *));
	if (sets->groups_in_order == NULL)
		return TRUST_ERR_NOMEM;
	for (size_t i = 0; group != NULL; group = group->hh.next, i++) {
		sets->groups_in_order[i] = group;
		group->set.alike = find_alike(sets, i);
	}
	return TRUST_OK;
}

static enum trust_err
load(struct loading *loading, struct trust_sets **out)
{
	struct trust_sets *sets = calloc(1, sizeof(*sets));
	enum trust_err r = TRUST_ERR_NOMEM;

	if (sets == NULL)
		return r;
	sets->identities = 1u << TRUST_IDENTITY_CN;
	sets->crls = sk_X509_CRL_new_null();
	if (sets->crls == NULL)
		goto out;
	loading->sets = sets;
	r = load_all(loading);
	if (r == TRUST_OK)
		r = put_in_order(sets);
	if (r != TRUST_OK)
		goto out;
	trust_sets_describe_crls(sets);
	*out = sets;
	sets = NULL; /* transferred */
out:
	trust_sets_free(sets);
	return r;
}

enum trust_err
trust_sets_load(struct trust_registry *registry, struct trust_ahead *ahead,
    struct trust_sets **out, struct trust_message *msg)
{
	struct loading loading = {
	    .registry = registry, .ahead = ahead, .msg = msg};

	*out = NULL;
	return load(&loading, out);
}

enum trust_err
trust_sets_reload(struct trust_registry *registry, struct trust_ahead *ahead,
    const struct trust_sets *was, int64_t since, struct trust_sets **out,
    struct trust_message *msg)
{
	struct loading loading = {
	    .registry = registry, .ahead = ahead, .was = was, .msg = msg};
	enum trust_err r;

	*out = NULL;
	r = trust_registry_changes(registry, since, note, &loading, msg);
	if (r == TRUST_ERR_NOT_FOUND) {
		loading.was = NULL; /* more than can be told */
		r = TRUST_OK;
	}
	if (r == TRUST_OK)
		r = loading.r;
	if (r == TRUST_OK && (loading.was == NULL || loading.touched != NULL))
		r = load(&loading, out);
	free_touched(loading.touched);
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

const char *
trust_sets_get0_anchor(const struct trust_sets *sets, const char *group,
    const struct trust_thumbprint *thumbprint)
{
	const struct trust_sets_group *set = trust_sets_get0_group(sets, group);
	struct anchor *anchor;

	for (size_t i = 0; set != NULL && i < set->group->anchors.n; i++) {
		HASH_FIND_STR(sets->anchors, set->group->anchors.v[i], anchor);
		if (anchor != NULL &&
		    trust_thumbprint_equal(&anchor->thumbprint, thumbprint))
			return anchor->id;
	}
	return NULL;
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
