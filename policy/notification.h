/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A notification: what state a scope is in, and of which parts it can be
 * built (sync.md, "The notification").
 */
#ifndef TRUST_NOTIFICATION_H
#define TRUST_NOTIFICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "sync_reason.h"
#include "thumbprint.h"

#define TRUST_SESSION_LEN 36 /* a UUIDv4 as text, RFC 4122 section 3 */
#define TRUST_SERIAL_MAX  INT64_C(9007199254740991) /* 2^53 - 1 */
/* Octets of a notification, its signatures included. */
#define TRUST_NOTIFICATION_MAX (3 * 512 * 1024)
/* Octets of a content part. */
#define TRUST_PART_MAX (256 * 1024)
/* Records of a scope: ten times what gateways are measured with. With the
 * bounds below, no notification announces content without end. */
#define TRUST_RECORDS_MAX INT64_C(10000000)
/* Parts of a notification, snapshot and deltas together: 4 GiB. */
#define TRUST_PARTS_MAX 16384
/* Deltas of a notification: a year of hourly changes. */
#define TRUST_DELTAS_MAX 10000
/* The newest format of records that this program knows. */
#define TRUST_FORMAT 1

struct trust_part {
	struct trust_thumbprint sha256;
	uint32_t len; /* octets; 1 to TRUST_PART_MAX */
};

/* The parts of a snapshot or of one delta, in order. */
struct trust_parts {
	int64_t serial;
	struct trust_part *v; /* owned by the notification */
	size_t n;
};

struct trust_notification {
	char scope[TRUST_ID_MAX + 1];
	char session[TRUST_SESSION_LEN + 1];
	int64_t serial;
	int64_t this_update;
	int64_t next_update;
	int64_t n_records;
	struct trust_thumbprint state; /* the state digest, big-endian */
	int64_t format;
	bool mass_removal;
	struct trust_parts snapshot;
	struct trust_parts *deltas; /* contiguous; ends at serial */
	size_t n_deltas;
};

/* Parse the content of a statement. `reason` is malformed or
 * format_unsupported, and then `out` is NULL; the message names the field. */
enum trust_err trust_notification_parse(struct trust_span content,
    struct trust_notification **out, enum trust_sync_reason *reason,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_notification_free(struct trust_notification *notification);

/* Canonical JSON (RFC 8785). TRUST_ERR_INPUT: trust_notification_parse would
 * refuse it; then nothing is appended. */
enum trust_err trust_notification_encode(
    const struct trust_notification *notification,
    struct trust_buf *out) TRUST_MUST_CHECK;

/* What of the newest accepted notification is compared with the next. */
struct trust_notification_mark {
	char session[TRUST_SESSION_LEN + 1]; /* "": there is none yet */
	int64_t serial;
	int64_t this_update;
	int64_t next_update;
	int64_t n_records;
	struct trust_thumbprint state;
	struct trust_thumbprint parts; /* SHA-256 over all that names parts */
};

enum trust_err trust_notification_mark(
    const struct trust_notification *notification,
    struct trust_notification_mark *out) TRUST_MUST_CHECK;

/*
 * Refusals 4 to 7 of sync.md, in order. `clock_ok` is false while the system
 * clock is below the time floor: then from_future is not asked. `held` is the
 * mark of the notification whose state is held in full, `newest` of the newest
 * accepted; both may be empty, neither NULL.
 */
enum trust_sync_reason trust_notification_check(
    const struct trust_notification *notification,
    const struct trust_notification_mark *mark, const char *scope,
    const struct trust_notification_mark *newest,
    const struct trust_notification_mark *held, int64_t now,
    int64_t clock_skew_s, bool clock_ok);

#endif
