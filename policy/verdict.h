/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict: the answer to one question about one certificate, or about one
 * PSK identity.
 */
#ifndef TRUST_VERDICT_H
#define TRUST_VERDICT_H

#include "reason.h"
#include "record.h"
#include "steps.h"

enum trust_outcome {
	TRUST_DENY = 0, /* zeroed memory denies */
	TRUST_ALLOW,
};

/* The answer. Zeroed memory is a denial for an internal error. */
struct trust_verdict {
	enum trust_outcome outcome;
	enum trust_reason reason;
	/* Whom it is about: of a denial, whom it would have been, if known. */
	char device[TRUST_ID_MAX + 1];
	char group[TRUST_ID_MAX + 1];   /* "" without one */
	bool registered;                /* a device record is behind it */
	enum trust_client_id client_id; /* exact or prefix */
	/* Role ids; none and !default_role is an explicit empty list. */
	char **roles; /* owned */
	size_t n_roles;
	bool default_role;   /* nobody named roles: the built-in one */
	bool pin_first;      /* the group admits its first key alone */
	int64_t valid_until; /* last second for which an allowance holds */
	char detail[TRUST_MESSAGE_MAX]; /* for a person, may be "" */
};

/* Frees what it owns and zeroes it. */
void trust_verdict_clear(struct trust_verdict *verdict);
/* A copy for the caller to clear; cleared already when there is no memory. */
enum trust_err trust_verdict_copy(const struct trust_verdict *from,
    struct trust_verdict *out) TRUST_MUST_CHECK;

/*
 * Make it a denial for this reason, with a detail for a person; whom it is
 * about stays. `steps`, which may be NULL, get the detail as what failed.
 * Returns false, for a check to end with.
 */
bool trust_verdict_deny(struct trust_verdict *verdict,
    struct trust_steps *steps, enum trust_reason reason, const char *fmt, ...)
    TRUST_PRINTF(4, 5);

/* Whether both let the same in, in the same way, until the same second. */
bool trust_verdict_equal(
    const struct trust_verdict *a, const struct trust_verdict *b);

/* The roles for a device: its own, else its group's, else the built-in one.
 * Either may be NULL. */
enum trust_err trust_verdict_set_roles(struct trust_verdict *verdict,
    const struct trust_device *device,
    const struct trust_group *group) TRUST_MUST_CHECK;
/* The client id rule: the device's, else its group's, else exact. */
enum trust_client_id trust_verdict_client_id(
    const struct trust_device *device, const struct trust_group *group);

#endif
