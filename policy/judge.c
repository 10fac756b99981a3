/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gathering the facts for a decision: first what pins say, which costs two
 * look-ups; chains only when those leave it open.
 */
#include "judge.h"

#include <stdlib.h>
#include <string.h>

#include "chain_work.h"
#include "identity.h"

void
trust_group_chains_clear(struct trust_group_chains *chains)
{
	free(chains->v);
	memset(chains, 0, sizeof(*chains));
}

/* A look-up whose failure to find is an answer. */
static enum trust_err
absent_is_ok(enum trust_err r)
{
	return r == TRUST_ERR_NOT_FOUND ? TRUST_OK : r;
}

/* The facts, with the records that they point to. */
struct gathering {
	const struct trust_judge_input *in;
	X509 *leaf; /* counted; NULL: nobody has asked for it yet */
	struct trust_record *by_thumbprint;
	struct trust_record *by_pin;
	struct trust_record *namesake;
	/* The device of type ca that was found last while a namesake was
	 * looked for: mostly the candidates' device. */
	struct trust_record *named;
	bool blocked;
	bool self_signed;
	struct trust_candidate *candidates;
	struct trust_record **devices; /* theirs; owned, but for `named` */
	size_t n_devices;              /* or NULLs */
	size_t n_candidates;
	struct trust_group_chains *chains;
	struct trust_chain_work work; /* for all groups together */
};

static void
gathering_clear(struct gathering *g)
{
	trust_record_free(g->by_thumbprint);
	trust_record_free(g->by_pin);
	trust_record_free(g->namesake);
	for (size_t i = 0; i < g->n_devices; i++) {
		if (g->devices[i] != g->named)
			trust_record_free(g->devices[i]);
	}
	trust_record_free(g->named);
	free(g->devices);
	free(g->candidates);
	trust_chain_work_clear(&g->work);
	X509_free(g->leaf);
}

/* To decode it takes longer than most answers, which do without. */
static enum trust_err
need_leaf(struct gathering *g, struct trust_message *msg)
{
	if (g->leaf != NULL)
		return TRUST_OK;
	if (g->in->leaf == NULL)
		return trust_certificate_parse_der(g->in->der, &g->leaf, msg);
	(void)X509_up_ref(g->in->leaf);
	g->leaf = g->in->leaf;
	return TRUST_OK;
}

static struct trust_facts
facts_of(const struct gathering *g)
{
	return (struct trust_facts){
	    .state = g->in->state,
	    .by_thumbprint = g->by_thumbprint,
	    .by_pin = g->by_pin,
	    .namesake = g->namesake,
	    .blocked = g->blocked,
	    .self_signed = g->self_signed,
	    .candidates = g->candidates,
	    .n_candidates = g->n_candidates,
	};
}

/* ---- Pins and names ---- */

static enum trust_err
find_block(const struct trust_judge_input *in, const char *device,
    bool *blocked, struct trust_message *msg)
{
	enum trust_err r;

	if (in->local == NULL)
		return TRUST_OK;
	r = trust_block_find(in->local, device, msg);
	*blocked = r == TRUST_OK;
	return absent_is_ok(r);
}

static enum trust_err
find_block_of_pin(struct gathering *g, struct trust_message *msg)
{
	const struct trust_record *record =
	    g->by_thumbprint != NULL ? g->by_thumbprint : g->by_pin;

	if (record == NULL)
		return TRUST_OK;
	return find_block(g->in, record->id, &g->blocked, msg);
}

static enum trust_err
find_namesake_of(struct gathering *g, const struct trust_value *value,
    struct trust_message *msg)
{
	struct trust_record *record;
	enum trust_err r;

	if (!trust_id_check(value->p, value->len))
		return TRUST_OK;
	r = trust_registry_find(g->in->registry, TRUST_KIND_DEVICE,
	    (const char *)value->p, &record, msg);
	if (r != TRUST_OK)
		return absent_is_ok(r);
	if (record->u.device.auth == TRUST_AUTH_THUMBPRINT ||
	    record->u.device.auth == TRUST_AUTH_KEY) {
		g->namesake = record;
		return TRUST_OK;
	}
	trust_record_free(g->named);
	g->named = record;
	return TRUST_OK;
}

static enum trust_err
find_namesake(struct gathering *g, struct trust_message *msg)
{
	unsigned looked_at = trust_sets_get_identities(g->in->sets);

	for (unsigned i = 0; i < TRUST_N_IDENTITIES; i++) {
		const struct trust_values *values =
		    &g->in->certificate->names[i];

		if ((looked_at & (1u << i)) == 0)
			continue;
		for (size_t j = 0; j < values->n; j++) {
			enum trust_err r =
			    find_namesake_of(g, &values->v[j], msg);

			if (r != TRUST_OK || g->namesake != NULL)
				return r;
		}
	}
	return TRUST_OK;
}

static enum trust_err
find_pinned(struct gathering *g, struct trust_message *msg)
{
	const struct trust_certificate *certificate = g->in->certificate;
	enum trust_err r;

	r = absent_is_ok(trust_registry_find_thumbprint(
	    g->in->registry, &certificate->thumbprint, &g->by_thumbprint, msg));
	if (r != TRUST_OK || g->by_thumbprint != NULL)
		return r;
	r = absent_is_ok(trust_registry_find_pin(
	    g->in->registry, &certificate->pin, &g->by_pin, msg));
	if (r != TRUST_OK || g->by_pin != NULL)
		return r;
	return find_namesake(g, msg);
}

/* ---- Chains ---- */

static bool
may_be_issued_by_anchor(const struct trust_certificate *certificate,
    const struct trust_sets_group *group)
{
	const struct trust_grounds *anchors = &group->anchor_grounds;

	for (size_t i = 0; i < anchors->n; i++) {
		if (anchors->v[i] == certificate->issuer_ground)
			return true;
	}
	return false;
}

/* Whether a path to the group's anchors is thinkable: one of the certificates
 * at hand names an anchor as its issuer. Spares strangers' signatures. Names
 * with the same number are thought to be the same: the path tells. */
static bool
is_candidate(
    const struct trust_judge_input *in, const struct trust_sets_group *group)
{
	if (!group->enabled)
		return false;
	if (may_be_issued_by_anchor(in->certificate, group))
		return true;
	for (int i = 0; i < sk_X509_num(group->anchors); i++) {
		const X509_NAME *name =
		    X509_get_subject_name(sk_X509_value(group->anchors, i));

		if (trust_certificate_any_issued_by(in->untrusted, name) ||
		    trust_certificate_any_issued_by(group->intermediates, name))
			return true;
	}
	return false;
}

static enum trust_err
add_all(STACK_OF(X509) *to, STACK_OF(X509) *from)
{
	for (int i = 0; i < sk_X509_num(from); i++) {
		if (sk_X509_push(to, sk_X509_value(from, i)) == 0)
			return TRUST_ERR_NOMEM;
	}
	return TRUST_OK;
}

static enum trust_err
validate(struct gathering *g, const struct trust_sets_group *group,
    struct trust_chain *out, struct trust_message *msg)
{
	const struct trust_judge_input *in = g->in;
	enum trust_err r = TRUST_ERR_NOMEM;
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	struct trust_chain_input input = {
	    .untrusted = untrusted,
	    .anchors = group->anchors,
	    .crls = trust_sets_get0_crls(in->sets),
	    .now = in->now,
	    .purpose = TRUST_PURPOSE_CLIENT,
	    .revocation = in->revocation,
	    .crl_grace_s = in->crl_grace_s,
	    .takes_old_crls = true,
	    .max_depth = group->group->max_depth,
	    .min_rsa_bits = group->group->min_rsa_bits,
	    .work = &g->work,
	};

	if (untrusted == NULL)
		goto out;
	r = need_leaf(g, msg);
	if (r == TRUST_OK)
		r = add_all(untrusted, in->untrusted);
	if (r == TRUST_OK)
		r = add_all(untrusted, group->intermediates);
	input.leaf = g->leaf;
	if (r == TRUST_OK)
		r = trust_chain_verify(&input, out, msg);
out:
	sk_X509_free(untrusted);
	return r;
}

static const struct trust_chain *
find_known(const struct trust_judge_input *in, const char *group)
{
	if (in->known == NULL)
		return NULL;
	for (size_t i = 0; i < in->known->n; i++) {
		const struct trust_chain *chain = &in->known->v[i].chain;

		if (strcmp(in->known->v[i].group, group) == 0)
			return chain->valid && in->now >= chain->valid_from &&
				       in->now <= chain->valid_until
				   ? chain
				   : NULL;
	}
	return NULL;
}

/* Whether what the search found within the bounds of `other` is what it would
 * find within those of `group`, or as good. */
static bool
serves(const struct trust_chain *chain, const struct trust_group *other,
    const struct trust_group *group)
{
	if (other->max_depth == group->max_depth &&
	    other->min_rsa_bits == group->min_rsa_bits)
		return true;
	return chain->valid && (int)chain->n_path - 2 <= group->max_depth &&
	       (chain->min_rsa_bits == 0 ||
		   chain->min_rsa_bits >= group->min_rsa_bits);
}

/* Of a candidate before, with the same anchors and intermediates. */
static const struct trust_chain *
find_alike(const struct gathering *g, const struct trust_sets_group *group)
{
	for (size_t i = 0; i < g->n_candidates; i++) {
		const struct trust_candidate *c = &g->candidates[i];
		const struct trust_sets_group *other =
		    trust_sets_get0_group(g->in->sets, c->group_id);

		if (other->alike == group->alike &&
		    serves(c->chain, c->group, group->group))
			return c->chain;
	}
	return NULL;
}

static enum trust_err
find_chain(struct gathering *g, const struct trust_sets_group *group,
    struct trust_group_chain *out, struct trust_message *msg)
{
	const struct trust_chain *known = find_known(g->in, group->id);

	if (known == NULL)
		known = find_alike(g, group);
	memcpy(out->group, group->id, strlen(group->id) + 1);
	if (known != NULL) {
		out->chain = *known;
		return TRUST_OK;
	}
	g->chains->n_built++;
	return validate(g, group, &out->chain, msg);
}

static enum trust_err
find_device(struct gathering *g, const char *id, struct trust_record **out,
    struct trust_message *msg)
{
	if (g->named != NULL && strcmp(g->named->id, id) == 0) {
		*out = g->named;
		return TRUST_OK;
	}
	return absent_is_ok(trust_registry_find(
	    g->in->registry, TRUST_KIND_DEVICE, id, out, msg));
}

static enum trust_err
compare_first_key(const struct trust_judge_input *in, const char *device,
    bool *other, struct trust_message *msg)
{
	const struct trust_thumbprint *key = &in->certificate->pin;
	struct trust_local_pin pin;
	enum trust_err r;

	if (in->local == NULL)
		return TRUST_OK;
	r = trust_local_find_pin(in->local, device, &pin, msg);
	*other = r == TRUST_OK && !trust_thumbprint_equal(&pin.key, key) &&
		 !(pin.renewed && trust_thumbprint_equal(&pin.next, key));
	return absent_is_ok(r);
}

/* What is known of the certificate's name in this group, if it is a name. */
static enum trust_err
find_name(struct gathering *g, const struct trust_group *group,
    struct trust_record **device, struct trust_candidate *c,
    struct trust_message *msg)
{
	char id[TRUST_ID_MAX + 1];
	enum trust_reason reason;
	enum trust_err r;

	if (!trust_identity_read(
		g->in->certificate, group->identity, id, &reason))
		return TRUST_OK;
	r = find_device(g, id, device, msg);
	if (r == TRUST_OK)
		r = find_block(g->in, id, &c->blocked, msg);
	if (r == TRUST_OK && group->pin_first)
		r = compare_first_key(g->in, id, &c->other_key, msg);
	return r;
}

static enum trust_err
add_candidate(struct gathering *g, const struct trust_sets_group *group,
    struct trust_message *msg)
{
	size_t i = g->n_candidates;
	struct trust_candidate c = {
	    .group_id = group->id,
	    .group = group->group,
	    .chain = &g->chains->v[i].chain,
	};
	enum trust_err r;

	r = find_chain(g, group, &g->chains->v[i], msg);
	if (r != TRUST_OK)
		return r;
	r = find_name(g, group->group, &g->devices[i], &c, msg);
	if (r != TRUST_OK)
		return r;
	c.device = g->devices[i];
	g->candidates[i] = c;
	g->n_candidates++;
	g->chains->n++;
	return TRUST_OK;
}

/* Each is asked about once: a second answer could be another one, where memory
 * runs out in between. */
static enum trust_err
list_groups(
    struct gathering *g, const struct trust_sets_group ***out, size_t *n)
{
	size_t n_groups = trust_sets_count_groups(g->in->sets);
	const struct trust_sets_group **groups =
	    calloc(n_groups + 1, sizeof(*groups));

	*n = 0;
	*out = groups;
	if (groups == NULL)
		return TRUST_ERR_NOMEM;
	for (size_t i = 0; i < n_groups; i++) {
		const struct trust_sets_group *group =
		    trust_sets_get0_group_at(g->in->sets, i);

		if (is_candidate(g->in, group))
			groups[(*n)++] = group;
	}
	return TRUST_OK;
}

static enum trust_err
find_candidates(struct gathering *g, struct trust_message *msg)
{
	const struct trust_sets_group **groups = NULL;
	size_t n = 0;
	enum trust_err r = list_groups(g, &groups, &n);

	if (r != TRUST_OK || n == 0)
		goto out;
	r = TRUST_ERR_NOMEM;
	g->candidates = calloc(n, sizeof(*g->candidates));
	g->devices = calloc(n, sizeof(struct trust_record *));
	g->chains->v = calloc(n, sizeof(*g->chains->v));
	if (g->candidates == NULL || g->devices == NULL || g->chains->v == NULL)
		goto out;
	g->n_devices = n;
	r = TRUST_OK;
	for (size_t i = 0; r == TRUST_OK && i < n; i++)
		r = add_candidate(g, groups[i], msg);
out:
	free(groups);
	return r;
}

/* ---- */

/* Whose names differ is not. */
static enum trust_err
find_self_signed(struct gathering *g, struct trust_message *msg)
{
	const struct trust_certificate *c = g->in->certificate;
	enum trust_err r;

	if (c->subject_ground != c->issuer_ground)
		return TRUST_OK;
	r = need_leaf(g, msg);
	if (r == TRUST_OK)
		g->self_signed = trust_certificate_is_self_signed(g->leaf);
	return r;
}

static enum trust_err
gather(struct gathering *g, struct trust_message *msg)
{
	struct trust_facts facts;
	enum trust_err r;

	if (g->in->state != TRUST_REGISTRY_STATE_READY)
		return TRUST_OK;
	r = find_pinned(g, msg);
	if (r == TRUST_OK)
		r = find_block_of_pin(g, msg);
	if (r == TRUST_OK && g->by_thumbprint == NULL && g->by_pin == NULL)
		r = find_self_signed(g, msg);
	if (r != TRUST_OK)
		return r;
	facts = facts_of(g);
	if (!trust_decide_needs_chain(&facts))
		return TRUST_OK;
	return find_candidates(g, msg);
}

static void
describe(const struct trust_certificate *certificate, struct trust_steps *steps)
{
	char from[TRUST_CLOCK_TEXT], until[TRUST_CLOCK_TEXT];
	char thumbprint[TRUST_THUMBPRINT_TEXT];

	if (steps == NULL)
		return;
	trust_steps_add(steps, TRUST_STEP_FACT,
	    "certificate of %s, issued by %s, %s, valid %s to %s",
	    certificate->subject, certificate->issuer, certificate->key_type,
	    trust_clock_format(certificate->not_before, from),
	    trust_clock_format(certificate->not_after, until));
	trust_steps_add(steps, TRUST_STEP_FACT, "its thumbprint is %s",
	    trust_thumbprint_format(&certificate->thumbprint, thumbprint));
}

enum trust_err
trust_judge(const struct trust_judge_input *in, struct trust_verdict *verdict,
    struct trust_group_chains *chains, struct trust_steps *steps,
    struct trust_message *msg)
{
	struct gathering g = {.in = in, .chains = chains};
	struct trust_facts facts;
	enum trust_err r;

	memset(verdict, 0, sizeof(*verdict));
	memset(chains, 0, sizeof(*chains));
	describe(in->certificate, steps);
	r = gather(&g, msg);
	if (r == TRUST_OK) {
		facts = facts_of(&g);
		r = trust_decide(
		    &facts, in->certificate, in->now, verdict, steps);
	}
	gathering_clear(&g);
	if (r != TRUST_OK)
		trust_group_chains_clear(chains);
	return r;
}
