/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a leaf to an anchor: every path is tried, the shortest first and among
 * these the likeliest, until one holds or the work is spent.
 *
 * Signatures are verified from the anchor down, so that no key is used that
 * no anchor vouches for, and each is verified once. What a path fails for
 * rules out others: a certificate that is no CA is met once, not in every path
 * that leads over it.
 */
#include "chain.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "chain_check.h"
#include "chain_graph.h"
#include "chain_work.h"

/* Price of one validation, and of each certificate of its path. */
#define PRICE_PATH   60
#define PRICE_MEMBER 12
/* Links made or looked at for a microsecond. */
#define LINKS 8

/* A search under way. */
struct search {
	const struct trust_chain_input *in;
	struct trust_chain_graph *graph;
	struct trust_chain_work *work;
	size_t path[TRUST_CHAIN_PATH_MAX]; /* nodes, the leaf first */
	/* From each of them to the next. */
	struct trust_chain_link *links[TRUST_CHAIN_PATH_MAX];
	size_t n;
	size_t keep;     /* go back until the path is no longer than that */
	size_t limit;    /* certificates of the paths that are tried now */
	bool has_longer; /* a path was left out for its length */
	bool done;       /* the answer is there, or the work is over */
	bool gave_up;    /* the work is over, and there was more to try */
	unsigned paths;  /* that were validated */
	struct trust_chain best;
	bool bounds_alone; /* it would be valid but for the input's bounds */
	/* The first path that would be one but for a signature. */
	struct trust_chain_path forged;
	struct trust_message *msg;
};

static const struct trust_chain_node *
member(const struct search *s, size_t place)
{
	return &s->graph->v[s->path[place]];
}

static const struct trust_chain_node *
top(const struct search *s)
{
	return member(s, s->n - 1);
}

static void
go_back_to(struct search *s, size_t keep)
{
	if (keep < s->keep)
		s->keep = keep;
}

static void
give_up(struct search *s)
{
	s->gave_up = true;
	s->done = true;
}

/* The path as it stands. */
static struct trust_chain_path
path_of(const struct search *s)
{
	struct trust_chain_path path = {.n = (int)s->n, .forged = -1};

	for (size_t i = 0; i < s->n; i++)
		path.v[i] = member(s, i)->x509;
	return path;
}

/* ---- Signatures ---- */

/* False when one does not verify, or the work is over. */
static bool
verify_links(struct search *s)
{
	for (size_t place = s->n - 1; place-- > 0;) {
		struct trust_chain_link *link = s->links[place];
		bool good;

		if (link->signature == TRUST_CHAIN_SIGNATURE_GOOD)
			continue;
		if (!trust_chain_work_verify(
			s->work, member(s, place)->x509, link->x509, &good)) {
			give_up(s);
			return false;
		}
		link->signature = good ? TRUST_CHAIN_SIGNATURE_GOOD
				       : TRUST_CHAIN_SIGNATURE_BAD;
		if (good)
			continue;
		if (s->forged.n == 0 && !link->other_key) {
			s->forged = path_of(s);
			s->forged.forged = (int)place;
		}
		trust_chain_graph_measure(s->graph);
		go_back_to(s, place + 1);
		return false;
	}
	return true;
}

/* ---- Whole paths ---- */

static unsigned
price_of_crls(const struct search *s, size_t place)
{
	const X509 *x509 = member(s, place)->x509;
	unsigned price = 0;

	for (int i = 0; i < sk_X509_CRL_num(s->in->crls); i++) {
		const X509_CRL *crl = sk_X509_CRL_value(s->in->crls, i);

		if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
			X509_get_issuer_name(x509)) == 0)
			price += trust_chain_work_of_crl(
			    crl, member(s, place + 1)->x509);
	}
	return price;
}

static bool
pay_for_path(struct search *s)
{
	unsigned price = PRICE_PATH + (unsigned)s->n * PRICE_MEMBER;

	/* Where there are many groups, each has its path. */
	if (s->paths == 0)
		return true;
	for (size_t place = 0; place + 1 < s->n; place++)
		price += price_of_crls(s, place);
	return trust_chain_work_spend(s->work, price);
}

/* No other path need fail for the same. */
static void
learn(struct search *s, const struct trust_chain_flaws *flaws)
{
	for (size_t place = s->n; place-- > 0;) {
		uint32_t bit = (uint32_t)1 << place;

		if ((flaws->certificates & bit) != 0) {
			s->graph->v[s->path[place]].ruled_out = true;
			go_back_to(s, place);
		}
		if ((flaws->prefixes & bit) != 0)
			go_back_to(s, place);
		if ((flaws->links & bit) != 0 && place + 1 < s->n) {
			s->links[place]->ruled_out = true;
			go_back_to(s, place + 1);
		}
	}
	s->done = s->graph->v[0].ruled_out;
	if (flaws->certificates != 0 || flaws->links != 0)
		trust_chain_graph_measure(s->graph);
}

/* Of paths that fail, the nearest to a good one tells why: one that is only
 * beyond a bound, then the one whose first rule in the interface's order comes
 * last. */
static bool
is_nearer(const struct search *s, const struct trust_chain *chain,
    const struct trust_chain_flaws *flaws)
{
	if (chain->valid || s->paths == 0)
		return true;
	if (flaws->bounds_alone != s->bounds_alone)
		return flaws->bounds_alone;
	return trust_chain_rank(chain->reason) >
	       trust_chain_rank(s->best.reason);
}

static void
take(struct search *s, const struct trust_chain *chain,
    const struct trust_chain_flaws *flaws)
{
	if (is_nearer(s, chain, flaws)) {
		s->best = *chain;
		s->bounds_alone = flaws->bounds_alone;
	}
	s->paths++;
	if (chain->valid)
		s->done = true;
}

static bool
is_too_deep(const struct search *s)
{
	return s->in->max_depth >= 0 && (int)s->n - 2 > s->in->max_depth;
}

/* The path has reached an anchor. */
static enum trust_err
try_path(struct search *s)
{
	struct trust_chain_path path;
	struct trust_chain_flaws flaws;
	struct trust_chain chain;
	enum trust_err r;

	/* Those that come are no shorter: none is valid, and none nearer. */
	if (is_too_deep(s) && s->bounds_alone) {
		s->done = true;
		return TRUST_OK;
	}
	if (!verify_links(s))
		return TRUST_OK;
	if (!pay_for_path(s)) {
		give_up(s);
		return TRUST_OK;
	}
	path = path_of(s);
	r = trust_chain_check(s->in, &path, &chain, &flaws, s->msg);
	if (r != TRUST_OK)
		return r;
	take(s, &chain, &flaws);
	if (!chain.valid)
		learn(s, &flaws);
	return TRUST_OK;
}

/* ---- The search ---- */

/* No certificate twice, nor another one of the same name and key: that leads
 * round in a circle. */
static bool
is_on_path(const struct search *s, const struct trust_chain_node *node)
{
	for (size_t i = 0; i < s->n; i++) {
		const X509 *other = member(s, i)->x509;

		if (other == node->x509)
			return true;
		if (X509_NAME_cmp(X509_get_subject_name(other),
			X509_get_subject_name(node->x509)) == 0 &&
		    EVP_PKEY_eq(X509_get0_pubkey(other),
			X509_get0_pubkey(node->x509)) == 1)
			return true;
	}
	return false;
}

static bool
may_follow(struct search *s, const struct trust_chain_link *link)
{
	const struct trust_chain_node *node = &s->graph->v[link->issuer];

	if (!trust_chain_link_is_open(s->graph, link))
		return false;
	if (s->n + 1 + node->distance > s->limit) {
		s->has_longer = true;
		return false;
	}
	/* Shorter ones have been tried. */
	if (node->anchor && s->n + 1 < s->limit)
		return false;
	return !is_on_path(s, node);
}

/* All paths of `limit` certificates that begin like the present one. */
static enum trust_err
extend(struct search *s)
{
	const struct trust_chain_node *node = top(s);
	enum trust_err r = TRUST_OK;

	if (node->anchor)
		return try_path(s);
	if (!trust_chain_work_spend(
		s->work, 1 + (unsigned)node->n_links / LINKS))
		give_up(s);
	for (size_t i = 0; i < node->n_links && !s->done; i++) {
		if (!may_follow(s, &node->links[i]))
			continue;
		s->links[s->n - 1] = &node->links[i];
		s->path[s->n++] = node->links[i].issuer;
		r = extend(s);
		s->n--;
		if (r != TRUST_OK || s->keep < s->n)
			break;
		s->keep = TRUST_CHAIN_PATH_MAX;
	}
	return r;
}

/* ---- Where there is no path ---- */

static void
fail(struct search *s, int error, int depth, const X509 *x509)
{
	struct trust_chain_rule rule = trust_chain_rule_of(error);

	memset(&s->best, 0, sizeof(s->best));
	s->best.reason = rule.reason;
	s->best.depth = depth;
	(void)trust_certificate_show_name(
	    X509_get_subject_name(x509), s->best.subject);
	(void)snprintf(s->best.detail, sizeof(s->best.detail), "%s", rule.text);
}

/* Follow the likeliest issuers as far as they lead, and tell where that is. */
static void
tell_dead_end(struct search *s)
{
	const struct trust_chain_node *node;
	size_t i = 0;

	for (s->n = 0; i < s->graph->n && s->n < TRUST_CHAIN_PATH_MAX;) {
		s->path[s->n++] = i;
		node = &s->graph->v[i];
		for (i = 0; i < node->n_links; i++) {
			const struct trust_chain_link *link = &node->links[i];

			if (!link->other_key &&
			    !is_on_path(s, &s->graph->v[link->issuer]))
				break;
		}
		i = i < node->n_links ? node->links[i].issuer : s->graph->n;
	}
	node = top(s);
	if (X509_self_signed(node->x509, 0) != 1)
		fail(s, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
		    (int)s->n - 1, node->x509);
	else if (s->n > 1)
		fail(s, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, (int)s->n - 1,
		    node->x509);
	else
		fail(s, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, 0, node->x509);
}

/* Nobody vouches for the keys of such a path: they verify no CRL. */
static enum trust_err
explain_forged(struct search *s)
{
	struct trust_chain_input in = *s->in;
	struct trust_chain_flaws flaws;

	if (s->forged.forged > 0) {
		in.crls = NULL;
		in.revocation = TRUST_REVOCATION_IF_PRESENT;
	}
	return trust_chain_check(&in, &s->forged, &s->best, &flaws, s->msg);
}

/* A refusal for want of work: not the last word on the certificate. */
static void
tell_over(struct search *s)
{
	fail(s, X509_V_ERR_UNSPECIFIED, 0, s->in->leaf);
	(void)snprintf(s->best.detail, sizeof(s->best.detail),
	    "too many ways lead to an anchor: given up after %u paths and %zu "
	    "signatures",
	    s->paths, s->work->signatures);
}

static enum trust_err
search(struct search *s)
{
	enum trust_err r = trust_chain_graph_new(s->in, &s->graph);
	unsigned distance;

	if (r != TRUST_OK)
		return r;
	if (!trust_chain_work_spend(
		s->work, (unsigned)s->graph->n_links / LINKS))
		give_up(s);
	distance = s->graph->v[0].distance;
	s->n = 1;
	s->has_longer = distance < TRUST_CHAIN_PATH_MAX;
	for (s->limit = distance + 1;
	     r == TRUST_OK && !s->done && s->has_longer &&
	     s->limit <= TRUST_CHAIN_PATH_MAX;
	     s->limit++) {
		s->has_longer = false;
		s->keep = TRUST_CHAIN_PATH_MAX;
		r = extend(s);
	}
	if (r != TRUST_OK || s->best.valid)
		return r;
	if (s->gave_up || s->graph->cut)
		tell_over(s);
	else if (s->paths > 0)
		return TRUST_OK;
	else if (s->forged.n > 0)
		return explain_forged(s);
	else if (distance < TRUST_CHAIN_NODES_MAX &&
		 distance >= TRUST_CHAIN_PATH_MAX)
		fail(s, X509_V_ERR_CERT_CHAIN_TOO_LONG, 0, s->in->leaf);
	else
		tell_dead_end(s);
	return TRUST_OK;
}

enum trust_err
trust_chain_verify(const struct trust_chain_input *in, struct trust_chain *out,
    struct trust_message *msg)
{
	struct trust_chain_work own = {0};
	struct search s = {
	    .in = in, .work = in->work != NULL ? in->work : &own, .msg = msg};
	size_t before = s.work->signatures;
	enum trust_err r = TRUST_OK;

	memset(out, 0, sizeof(*out));
	if (s.work->over)
		tell_over(&s);
	else
		r = search(&s);
	if (r == TRUST_OK) {
		*out = s.best;
		out->signatures = (unsigned)(s.work->signatures - before);
		out->paths = s.paths;
	}
	trust_chain_graph_free(s.graph);
	trust_chain_work_clear(&own);
	ERR_clear_error();
	return r;
}
