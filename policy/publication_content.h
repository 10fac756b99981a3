/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a scope, brought into the lines of deltas and snapshots. For
 * policy/publication*.c alone.
 */
#ifndef TRUST_PUBLICATION_CONTENT_H
#define TRUST_PUBLICATION_CONTENT_H

#include "registry_publication.h"

struct trust_publication_content {
	struct trust_registry *registry;
	struct trust_registry_publication *publication;
	const char *scope;
	/* Follows what is done; its serial names the parts of deltas. */
	struct trust_registry_publication_head *head;
	bool writes_delta; /* a session that begins has none */
	bool changed;      /* a record came, went, or is another */
	struct trust_message *msg;
	/* Where the walk over records is. */
	enum trust_kind kind;
	enum trust_err failed;
	/* The part that is being filled. */
	struct trust_registry_publication_part part;
	struct trust_buf bytes;
	struct trust_buf record; /* a canonical line as it is sent */
	struct trust_buf line;   /* of a part */
};

/* Frees the buffers. */
void trust_publication_content_clear(struct trust_publication_content *content);

/*
 * Bring members, state digest and number of records up to the registry, by
 * its list of changes where that reaches back to the head's generation, else
 * record by record.
 */
enum trust_err trust_publication_content_follow(
    struct trust_publication_content *content) TRUST_MUST_CHECK;

/* Encode a member for a snapshot, into `line`; it is given as the registry has
 * it. */
enum trust_err trust_publication_content_encode(
    struct trust_publication_content *content, const char *id,
    struct trust_span line) TRUST_MUST_CHECK;

#endif
