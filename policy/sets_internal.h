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

/* An enabled anchor with purpose device. */
struct anchor {
	char id[TRUST_ID_MAX + 1];
	struct trust_thumbprint digest;     /* of its PEM */
	struct trust_thumbprint thumbprint; /* of its certificate */
	STACK_OF(X509) *certificates;       /* one; owned */
	UT_hash_handle hh;                  /* by id */
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
	/* What it says of itself: sets_crl.c. */
	uint64_t issuer;      /* trust_ground_issuer */
	int64_t this_update;  /* INT64_MIN: it says none */
	int64_t next_update;  /* likewise */
	int64_t counts_from;  /* as in struct trust_sets_crl */
	int64_t counts_until; /* likewise */
	/* The key that signed it, where that was asked and one is known. */
	struct trust_thumbprint signer;
	bool has_signer;
	UT_hash_handle hh; /* by id */
};

struct trust_sets {
	struct anchor *anchors;
	struct role *roles;
	struct group *groups;
	struct group **groups_in_order; /* of their ids */
	struct crl *crls_by_id;
	STACK_OF(X509_CRL) *crls;
	unsigned identities; /* bits */
};

/* Find out what the CRLs say of themselves: sets_crl.c. */
void trust_sets_describe_crls(struct trust_sets *sets);

#endif
