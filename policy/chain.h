/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path building and validation: RFC 4158, and RFC 5280 section 6, from a leaf
 * to a trust anchor. Every path is tried, in an order of ours, within a bound.
 * OpenSSL validates each; what it finds wrong becomes one of our reasons, the
 * first that applies by the order of the interface.
 */
#ifndef TRUST_CHAIN_H
#define TRUST_CHAIN_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "chain_rule.h"
#include "clock.h"
#include "thumbprint.h"

enum trust_purpose {
	TRUST_PURPOSE_CLIENT, /* TLS client */
	TRUST_PURPOSE_SERVER, /* TLS server */
	TRUST_PURPOSE_ANY,
};

enum trust_revocation {
	TRUST_REVOCATION_IF_PRESENT, /* a CA without a current CRL is fine */
	TRUST_REVOCATION_REQUIRE,    /* every CA of the path needs one */
};

struct trust_chain_work;

/* What to validate, against what. All borrowed; stacks may be NULL. */
struct trust_chain_input {
	X509 *leaf;
	STACK_OF(X509) *untrusted; /* in any order, may hold strangers */
	STACK_OF(X509) *anchors;   /* roots or intermediates */
	STACK_OF(X509_CRL) *crls;
	int64_t now;
	enum trust_purpose purpose;
	enum trust_revocation revocation;
	int64_t crl_grace_s; /* a CRL counts so long after nextUpdate */
	/* CRLs of version 1, or without a number, count as well: what is on
	 * them does, and who is not is not refused for it. */
	bool takes_old_crls;
	/* Bounds of who trusts the anchors: where one path is beyond them,
	 * another one is looked for. */
	int max_depth;    /* CAs between leaf and anchor; -1: no bound */
	int min_rsa_bits; /* of each RSA key, the anchor's too; 0: no bound */
	bool wants_path;  /* to be told which certificates it leads over */
	/* Shared by the verifications of one leaf against several sets of
	 * anchors, for whose sum the bound on the work holds; each may
	 * validate one path beyond it. NULL: it has its own. */
	struct trust_chain_work *work;
	/* RFC 5280 section 6.1.1 (c), (d), (e), (f), (g). */
	const char *const *policies; /* OIDs; none: any policy */
	size_t n_policies;
	bool require_policy;
	bool no_policy_mapping;
	bool no_any_policy;
};

/* What came of it. Zeroed memory is not valid. */
struct trust_chain {
	bool valid;
	enum trust_reason reason; /* when not valid */
	int depth; /* of the certificate that it is about; 0 is the leaf */
	char subject[TRUST_SHOWN_MAX]; /* of that certificate */
	char detail[TRUST_DETAIL_MAX]; /* the rule, for a person */
	/* The path, leaf first, anchor last, where it is wanted, and its
	 * length; also of a path that breaks a rule. Empty when no anchor is
	 * reached. */
	struct trust_thumbprint path[TRUST_CHAIN_PATH_MAX];
	size_t n_path;
	/* Of a valid one: the anchor that it ends at. */
	struct trust_thumbprint anchor;
	/* The result holds for `now` in [valid_from, valid_until], both
	 * inclusive: certificates' dates, and CRLs' with the grace. */
	int64_t valid_from;
	int64_t valid_until;
	int min_rsa_bits; /* smallest RSA key of the path; 0: none */
	/* A CRL was past its nextUpdate and still counted, or was left out. */
	bool crl_stale;
	/* What it took: signatures of certificates that were verified, and
	 * paths that were validated. */
	unsigned signatures;
	unsigned paths;
};

/*
 * Find a valid path. The answer, good or bad, is in `out`; an error means that
 * there is none. It is the same whatever the order of the certificates. Where
 * no path is valid the one that came nearest gives the reason; where more
 * paths are left than TRUST_CHAIN_WORK_MAX pays for it is chain_invalid, and
 * the detail says so.
 */
enum trust_err trust_chain_verify(const struct trust_chain_input *in,
    struct trust_chain *out, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
