/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content: the lines of snapshots and deltas, cut into parts (sync.md,
 * "Content"), and the state digest over records.
 */
#ifndef TRUST_CONTENT_H
#define TRUST_CONTENT_H

#include "notification.h"
#include "record.h"

/* One line of a part. */
struct trust_content_line {
	struct trust_record *put; /* owned; NULL for a removal */
	/* SHA-256 of the record's canonical line as it was sent: what the
	 * state digest counts. Reading may change a record's own form (upper
	 * case hex), so keep this one beside it. Zero for a removal. */
	struct trust_thumbprint digest;
	enum trust_kind kind; /* of a removal */
	char id[TRUST_ID_MAX + 1];
};

/* Parse {"put":RECORD} or {"remove":{"kind":…,"id":…}}; a record that still
 * carries `scopes` is refused. The caller frees `put`. */
enum trust_err trust_content_parse(struct trust_span line,
    struct trust_content_line *out, struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether a line has the very form that trust_content_encode_put writes; *out
 * is what stands where the record does. It may be anything. */
bool trust_content_get0_put(struct trust_span line, struct trust_span *out);

/* Call `visit` for every line of a part, without its newline; the last line
 * ends with one too. What is not TRUST_OK ends the walk and is returned. */
enum trust_err trust_content_walk(struct trust_span part,
    enum trust_err (*visit)(void *arg, struct trust_span line), void *arg,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* The canonical line of a record as it is sent: without `scopes`. */
enum trust_err trust_content_encode_record(
    const struct trust_record *record, struct trust_buf *out) TRUST_MUST_CHECK;
/* {"put":…} of such a line, or {"remove":…}, with its newline. */
enum trust_err trust_content_encode_put(
    struct trust_span canonical, struct trust_buf *out) TRUST_MUST_CHECK;
enum trust_err trust_content_encode_remove(enum trust_kind kind, const char *id,
    struct trust_buf *out) TRUST_MUST_CHECK;

/* The state digest: the sum modulo 2^256, big-endian, of the SHA-256 of each
 * record's canonical line. Zeroed memory is the state of no record. */
void trust_content_state_add(
    struct trust_thumbprint *state, const struct trust_thumbprint *record);
void trust_content_state_subtract(
    struct trust_thumbprint *state, const struct trust_thumbprint *record);

#endif
