/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The certificates that a path can lead over, and who may have issued whom,
 * by name. It depends on which certificates there are, never on their order.
 */
#ifndef TRUST_CHAIN_GRAPH_H
#define TRUST_CHAIN_GRAPH_H

#include "chain.h"

/* What is known of the signature on a link. */
enum trust_chain_signature {
	TRUST_CHAIN_SIGNATURE_UNKNOWN,
	TRUST_CHAIN_SIGNATURE_GOOD,
	TRUST_CHAIN_SIGNATURE_BAD,
};

/* An issuer that the name of a certificate leads to. */
struct trust_chain_link {
	size_t issuer;     /* the place of its node */
	X509 *x509;        /* the issuer's certificate */
	unsigned demerits; /* the fewer, the sooner it is tried */
	bool other_key;    /* the key identifiers contradict the link */
	bool ruled_out;    /* no path with this link is valid */
	enum trust_chain_signature signature;
};

/* A certificate: the leaf, or one that the names lead to from there. */
struct trust_chain_node {
	X509 *x509; /* borrowed */
	bool anchor;
	bool ruled_out;    /* no path over it is valid */
	unsigned demerits; /* as an issuer, whoever it issued */
	/* The fewest links from it to an anchor, as far as is known;
	 * TRUST_CHAIN_NODES_MAX: there is no way. */
	unsigned distance;
	struct trust_chain_link *links; /* the best first; owned */
	size_t n_links;
};

struct trust_chain_graph {
	struct trust_chain_node v[TRUST_CHAIN_NODES_MAX]; /* the leaf first */
	size_t n;
	size_t n_links; /* of all nodes */
	bool cut;       /* there were more certificates */
};

/* Of the leaf, the others and the anchors of `in`. The caller frees. */
enum trust_err trust_chain_graph_new(const struct trust_chain_input *in,
    struct trust_chain_graph **out) TRUST_MUST_CHECK;
void trust_chain_graph_free(struct trust_chain_graph *graph);

/* Tell the distances again, after something was ruled out. */
void trust_chain_graph_measure(struct trust_chain_graph *graph);

/* Whether a path may still lead over the link. */
bool trust_chain_link_is_open(
    const struct trust_chain_graph *graph, const struct trust_chain_link *link);

#endif
