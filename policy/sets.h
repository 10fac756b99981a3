/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small sets of a registry (roles, groups, anchors, CRLs), parsed and
 * held in memory. They are replaced as a whole when one of them changes, and
 * share what has not: to parse it costs a broker milliseconds.
 */
#ifndef TRUST_SETS_H
#define TRUST_SETS_H

#include "ahead.h"
#include "ground.h"
#include "registry.h"

struct trust_sets;

/* A group with what it needs to validate a chain. */
struct trust_sets_group {
	const char *id;
	const struct trust_group *group;
	bool enabled;
	/* Enabled anchors with purpose device that it names, and
	 * trust_ground_issuer of their names. */
	STACK_OF(X509) *anchors;
	struct trust_grounds anchor_grounds;
	STACK_OF(X509) *intermediates;
	/* The place of the first group with the same ones: but for the groups'
	 * bounds a chain is good under both, or under neither. */
	size_t alike;
};

/* Whether records of this kind are in them; of one that nobody knows, too. */
bool trust_sets_hold(enum trust_kind kind);

/* Load all of them, within the caller's read (trust_registry_begin_read).
 * `ahead` may have CRLs for it, or be NULL. */
enum trust_err trust_sets_load(struct trust_registry *registry,
    struct trust_ahead *ahead, struct trust_sets **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The same, of which `was` is what the generation `since` had: only records
 * that were touched are read. NULL when none was. For the same thread. */
enum trust_err trust_sets_reload(struct trust_registry *registry,
    struct trust_ahead *ahead, const struct trust_sets *was, int64_t since,
    struct trust_sets **out, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_sets_free(struct trust_sets *sets);

size_t trust_sets_count_groups(const struct trust_sets *sets);
const struct trust_sets_group *trust_sets_get0_group_at(
    const struct trust_sets *sets, size_t i);
/* NULL when there is none. A disabled one is there, and says so. */
const struct trust_sets_group *trust_sets_get0_group(
    const struct trust_sets *sets, const char *id);
/* The id of the anchor, of those that vouch for the group's devices, that has
 * the certificate with this thumbprint; or NULL. */
const char *trust_sets_get0_anchor(const struct trust_sets *sets,
    const char *group, const struct trust_thumbprint *thumbprint);
/* NULL when there is none, or a disabled one. */
const struct trust_role *trust_sets_get0_role(
    const struct trust_sets *sets, const char *id);
/* Every enabled CRL. */
STACK_OF(X509_CRL) *trust_sets_get0_crls(const struct trust_sets *sets);
/* One of those. All borrowed. */
struct trust_sets_crl {
	const char *id;
	const X509_CRL *crl;
	int64_t next_update; /* INT64_MIN: it says none */
	/* Of those of the same CA and key for the same certificates the newest
	 * that has begun counts: this one, from here until there. */
	int64_t counts_from;
	int64_t counts_until; /* TRUST_CLOCK_NEVER: there is no newer one */
};
typedef void trust_sets_visit_crl(void *arg, const struct trust_sets_crl *crl);
void trust_sets_visit_crls(
    const struct trust_sets *sets, trust_sets_visit_crl *visit, void *arg);
/* Bits (1 << enum trust_identity) of the names that any group looks at, and
 * the CN always. */
unsigned trust_sets_get_identities(const struct trust_sets *sets);

/* Zeroed memory is none. */
struct trust_sets_news {
	struct trust_grounds moved;
	/* Those of them with which paths did: where a chain rests on none of
	 * these, it comes out the same. */
	struct trust_grounds paths;
};

/*
 * The grounds that moved from one load to the next: whoever rests on none of
 * them would be decided the same by both. What came counts as well as what
 * went or changed: a new group may make a name ambiguous. The caller clears
 * the news, also when it fails.
 */
enum trust_err trust_sets_compare(const struct trust_sets *was,
    const struct trust_sets *is, struct trust_sets_news *news) TRUST_MUST_CHECK;
void trust_sets_news_clear(struct trust_sets_news *news);

#endif
