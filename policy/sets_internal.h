/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the sets share. Not for others.
 */
#ifndef TRUST_SETS_INTERNAL_H
#define TRUST_SETS_INTERNAL_H

/* Without memory an entry is not added, and the load fails. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "sets.h"

/* An enabled anchor with purpose device or upstream. */
struct anchor {
	char id[TRUST_ID_MAX + 1];
	unsigned purposes;            /* bits */
	STACK_OF(X509) *certificates; /* owned */
	UT_hash_handle hh;            /* by id */
};

struct role {
	struct trust_record *record; /* counted */
	UT_hash_handle hh;           /* by id */
};

struct group {
	struct trust_record *record; /* counted */
	struct trust_sets_group set; /* its stacks are owned */
	UT_hash_handle hh;           /* by id */
};

/* An enabled CRL. */
struct crl {
	char id[TRUST_ID_MAX + 1];
	struct trust_thumbprint digest; /* of its PEM */
	X509_CRL *crl;                  /* the stack's */
	uint64_t issuer;                /* trust_ground_issuer */
	int64_t next_update;            /* INT64_MIN: it says none */
	bool superseded;                /* as in struct trust_sets_crl */
	UT_hash_handle hh;              /* by id */
};

struct trust_sets {
	struct anchor *anchors;
	struct role *roles;
	struct group *groups;
	struct group **groups_in_order; /* of their ids */
	struct crl *crls_by_id;
	STACK_OF(X509_CRL) *crls;
	STACK_OF(X509) *upstream;
	unsigned identities; /* bits */
};

/* Take in a CRL, if it is enabled: sets_crl.c. */
enum trust_err trust_sets_add_crl(struct trust_sets *sets,
    const struct trust_record *record,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Take in one of the sets before. */
enum trust_err trust_sets_share_crl(
    struct trust_sets *sets, const struct crl *was) TRUST_MUST_CHECK;
/* Find out which of them others supersede. */
void trust_sets_find_superseded(struct trust_sets *sets);

#endif
