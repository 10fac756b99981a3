/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names connect certificates; everything else only says which connection is
 * tried first (RFC 4158 section 3.5). Key identifiers are hints of the issuer's
 * (RFC 5280 section 4.2.1.1), and no reason to leave a path out.
 */
#include "chain_graph.h"

#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

/* What speaks against an issuer, the weightiest first. */
enum {
	DEMERIT_OTHER_KEY = 1 << 5,      /* key identifiers differ */
	DEMERIT_DATES = 1 << 4,          /* not valid now */
	DEMERIT_NO_CA = 1 << 3,          /* it may not issue */
	DEMERIT_WEAK_SIGNATURE = 1 << 2, /* its own is of an old digest */
	DEMERIT_NO_KEY_ID = 1 << 1,      /* nothing to compare */
	DEMERIT_NO_ANCHOR = 1 << 0,
};

static bool
is_in_time(const X509 *x509, int64_t now)
{
	time_t when = (time_t)now;

	return X509_cmp_time(X509_get0_notBefore(x509), &when) < 0 &&
	       X509_cmp_time(X509_get0_notAfter(x509), &when) > 0;
}

static bool
is_weakly_signed(X509 *x509)
{
	uint32_t flags = 0;
	int bits = 0;

	return X509_get_signature_info(x509, NULL, NULL, &bits, &flags) != 1 ||
	       bits < TRUST_STRENGTH_MIN;
}

static unsigned
demerits_of_key_ids(X509 *x509, X509 *issuer)
{
	const ASN1_OCTET_STRING *want = X509_get0_authority_key_id(x509);
	const ASN1_OCTET_STRING *got = X509_get0_subject_key_id(issuer);
	const ASN1_INTEGER *serial = X509_get0_authority_serial(x509);

	if (serial != NULL &&
	    ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(issuer)) != 0)
		return DEMERIT_OTHER_KEY;
	if (want == NULL || got == NULL)
		return DEMERIT_NO_KEY_ID;
	return ASN1_OCTET_STRING_cmp(want, got) == 0 ? 0 : DEMERIT_OTHER_KEY;
}

static unsigned
demerits_of(const struct trust_chain_node *issuer, int64_t now)
{
	unsigned demerits = 0;

	if (!is_in_time(issuer->x509, now))
		demerits |= DEMERIT_DATES;
	if (X509_check_ca(issuer->x509) != 1 ||
	    (X509_get_key_usage(issuer->x509) & KU_KEY_CERT_SIGN) == 0)
		demerits |= DEMERIT_NO_CA;
	if (!issuer->anchor && is_weakly_signed(issuer->x509))
		demerits |= DEMERIT_WEAK_SIGNATURE;
	if (!issuer->anchor)
		demerits |= DEMERIT_NO_ANCHOR;
	return demerits;
}

/* The certificates themselves have the last word, so that the order in which
 * they came has none. */
static int
compare_links(const void *left, const void *right)
{
	const struct trust_chain_link *a = left, *b = right;

	if (a->demerits != b->demerits)
		return a->demerits < b->demerits ? -1 : 1;
	return X509_cmp(a->x509, b->x509);
}

static bool
is_issuer_by_name(const X509 *x509, const X509 *issuer)
{
	return X509_NAME_cmp(X509_get_issuer_name(x509),
		   X509_get_subject_name(issuer)) == 0;
}

static void
add_node(struct trust_chain_graph *graph, X509 *x509, bool anchor, int64_t now)
{
	struct trust_chain_node *node;

	for (size_t i = 0; i < graph->n; i++) {
		if (X509_cmp(graph->v[i].x509, x509) == 0)
			return;
	}
	if (graph->n == TRUST_CHAIN_NODES_MAX) {
		graph->cut = true;
		return;
	}
	node = &graph->v[graph->n++];
	node->x509 = x509;
	node->anchor = anchor;
	node->demerits = demerits_of(node, now);
}

static void
add_issuers(struct trust_chain_graph *graph, const X509 *x509,
    const STACK_OF(X509) *certificates, bool anchors, int64_t now)
{
	for (int i = 0; i < sk_X509_num(certificates); i++) {
		X509 *other = sk_X509_value(certificates, i);

		if (is_issuer_by_name(x509, other))
			add_node(graph, other, anchors, now);
	}
}

static enum trust_err
add_links(struct trust_chain_graph *graph, struct trust_chain_node *node)
{
	node->links = calloc(graph->n, sizeof(*node->links));
	if (node->links == NULL)
		return TRUST_ERR_NOMEM;
	for (size_t i = 1; i < graph->n; i++) {
		const struct trust_chain_node *issuer = &graph->v[i];
		struct trust_chain_link *link = &node->links[node->n_links];

		if (issuer == node ||
		    !is_issuer_by_name(node->x509, issuer->x509))
			continue;
		link->issuer = i;
		link->x509 = issuer->x509;
		link->demerits = issuer->demerits |
				 demerits_of_key_ids(node->x509, issuer->x509);
		link->other_key = (link->demerits & DEMERIT_OTHER_KEY) != 0;
		node->n_links++;
	}
	graph->n_links += node->n_links;
	qsort(node->links, node->n_links, sizeof(*node->links), compare_links);
	return TRUST_OK;
}

static bool
is_among(X509 *x509, const STACK_OF(X509) *certificates)
{
	for (int i = 0; i < sk_X509_num(certificates); i++) {
		if (X509_cmp(sk_X509_value(certificates, i), x509) == 0)
			return true;
	}
	return false;
}

enum trust_err
trust_chain_graph_new(
    const struct trust_chain_input *in, struct trust_chain_graph **out)
{
	struct trust_chain_graph *graph = calloc(1, sizeof(*graph));

	*out = NULL;
	if (graph == NULL)
		return TRUST_ERR_NOMEM;
	add_node(graph, in->leaf, is_among(in->leaf, in->anchors), in->now);
	for (size_t i = 0; i < graph->n; i++) {
		struct trust_chain_node *node = &graph->v[i];

		/* A path ends at its anchor. */
		if (node->anchor)
			continue;
		add_issuers(graph, node->x509, in->anchors, true, in->now);
		add_issuers(graph, node->x509, in->untrusted, false, in->now);
		if (add_links(graph, node) != TRUST_OK) {
			trust_chain_graph_free(graph);
			return TRUST_ERR_NOMEM;
		}
	}
	trust_chain_graph_measure(graph);
	*out = graph;
	return TRUST_OK;
}

void
trust_chain_graph_free(struct trust_chain_graph *graph)
{
	if (graph == NULL)
		return;
	for (size_t i = 0; i < graph->n; i++)
		free(graph->v[i].links);
	free(graph);
}

bool
trust_chain_link_is_open(
    const struct trust_chain_graph *graph, const struct trust_chain_link *link)
{
	return !link->ruled_out &&
	       link->signature != TRUST_CHAIN_SIGNATURE_BAD &&
	       graph->v[link->issuer].distance < TRUST_CHAIN_NODES_MAX;
}

static bool
measure_node(
    const struct trust_chain_graph *graph, struct trust_chain_node *node)
{
	unsigned distance = TRUST_CHAIN_NODES_MAX;

	if (node->anchor)
		distance = 0;
	for (size_t i = 0; !node->anchor && i < node->n_links; i++) {
		const struct trust_chain_link *link = &node->links[i];
		unsigned above = graph->v[link->issuer].distance;

		if (trust_chain_link_is_open(graph, link) &&
		    above + 1 < distance)
			distance = above + 1;
	}
	if (node->ruled_out)
		distance = TRUST_CHAIN_NODES_MAX;
	if (distance == node->distance)
		return false;
	node->distance = distance;
	return true;
}

void
trust_chain_graph_measure(struct trust_chain_graph *graph)
{
	bool moved = true;

	for (size_t i = 0; i < graph->n; i++)
		graph->v[i].distance = TRUST_CHAIN_NODES_MAX;
	while (moved) {
		moved = false;
		for (size_t i = graph->n; i-- > 0;)
			moved |= measure_node(graph, &graph->v[i]);
	}
}
