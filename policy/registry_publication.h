/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an origin registry keeps of its publications: of each scope where it
 * stands, which records are in it, and the parts that its notification names.
 * No rules are here; those are publication.h's.
 */
#ifndef TRUST_REGISTRY_PUBLICATION_H
#define TRUST_REGISTRY_PUBLICATION_H

#include "notification.h"
#include "registry.h"

/* Where a scope stands. */
struct trust_registry_publication_head {
	char session[TRUST_SESSION_LEN + 1]; /* "": never published */
	int64_t serial;
	struct trust_thumbprint state;
	int64_t n_records;
	int64_t generation;  /* of the registry, up to which it is current */
	int64_t snapshot;    /* the serial of the snapshot; 0: none yet */
	int64_t marked;      /* the last mass removal; 0: none */
	int64_t this_update; /* of the newest notification */
	int64_t deltas;      /* the serial of the first delta listed */
	int64_t ready;       /* of the next snapshot, complete; 0: none */
};

/* A part of the snapshot, or of a delta. */
struct trust_registry_publication_part {
	bool snapshot;
	int64_t serial;
	int64_t n; /* its place there, from 0 */
	struct trust_thumbprint sha256;
};

struct trust_registry_publication;

/* A scope's publication in a registry that stays open meanwhile; both are
 * borrowed. What is written belongs to the registry's change. */
enum trust_err trust_registry_publication_open(struct trust_registry *registry,
    const char *scope, struct trust_registry_publication **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_registry_publication_close(
    struct trust_registry_publication *publication);

/* A scope that was never published has an empty head. */
enum trust_err trust_registry_publication_load(
    struct trust_registry_publication *publication,
    struct trust_registry_publication_head *out,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_registry_publication_store(
    struct trust_registry_publication *publication,
    const struct trust_registry_publication_head *head,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Forget all members and parts. */
enum trust_err trust_registry_publication_clear(
    struct trust_registry_publication *publication,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- Members: the records of the scope ---- */

/* TRUST_ERR_NOT_FOUND, without a message: it is none. */
enum trust_err trust_registry_publication_find_member(
    struct trust_registry_publication *publication, enum trust_kind kind,
    const char *id, struct trust_thumbprint *digest,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Add or replace; `digest` is of the canonical line as it is sent. */
enum trust_err trust_registry_publication_put_member(
    struct trust_registry_publication *publication, enum trust_kind kind,
    const char *id, const struct trust_thumbprint *digest,
    struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_registry_publication_remove_member(
    struct trust_registry_publication *publication, enum trust_kind kind,
    const char *id, struct trust_message *msg) TRUST_MUST_CHECK;
/* The next member after this one that the registry has no record of any more;
 * kind 0 and "" begin. TRUST_ERR_NOT_FOUND, without a message: no more. */
enum trust_err trust_registry_publication_next_orphan(
    struct trust_registry_publication *publication, enum trust_kind *kind,
    char id[TRUST_ID_MAX + 1], struct trust_message *msg) TRUST_MUST_CHECK;
/* The next of the records that are members, with its line as in the registry;
 * both are borrowed until the next call. TRUST_ERR_NOT_FOUND, without a
 * message: no more. Between the first call and the last one is one read of
 * the registry, or one change. */
enum trust_err trust_registry_publication_next_record(
    struct trust_registry_publication *publication, const char **id,
    struct trust_span *line, struct trust_message *msg) TRUST_MUST_CHECK;

/* ---- Parts ---- */

enum trust_err trust_registry_publication_add_part(
    struct trust_registry_publication *publication,
    const struct trust_registry_publication_part *part, struct trust_span bytes,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* The octets of a part, appended; of litter, too: a part is known by its
 * digest. TRUST_ERR_NOT_FOUND, without a message. */
enum trust_err trust_registry_publication_get_part(
    struct trust_registry_publication *publication,
    const struct trust_thumbprint *sha256, struct trust_buf *out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* What the head lists: deltas by serial, then the snapshot; each one's parts
 * in order. What is not TRUST_OK ends the walk and is returned. */
typedef enum trust_err trust_registry_publication_visit(void *arg,
    const struct trust_registry_publication_part *part, uint32_t len);
enum trust_err trust_registry_publication_list_parts(
    struct trust_registry_publication *publication,
    const struct trust_registry_publication_head *head,
    trust_registry_publication_visit *visit, void *arg,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* How many parts a snapshot has. */
enum trust_err trust_registry_publication_count_parts(
    struct trust_registry_publication *publication, int64_t snapshot,
    int64_t *out, struct trust_message *msg) TRUST_MUST_CHECK;
/* How many parts are litter by the head: no more than `most` are counted. */
enum trust_err trust_registry_publication_count_litter(
    struct trust_registry_publication *publication,
    const struct trust_registry_publication_head *head, int most, int64_t *out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* Drop so many of them. */
enum trust_err trust_registry_publication_drop_litter(
    struct trust_registry_publication *publication,
    const struct trust_registry_publication_head *head, int most,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
