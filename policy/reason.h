/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reason codes: why a decision went as it went. The names are part of the
 * public contract; docs/DECISIONS.md has the table.
 */
#ifndef TRUST_REASON_H
#define TRUST_REASON_H

#include <stdbool.h>

enum trust_reason {
	TRUST_REASON_INTERNAL_ERROR = 0, /* zeroed memory explains nothing */
	/* Allow. */
	TRUST_REASON_THUMBPRINT_MATCH,
	TRUST_REASON_KEY_MATCH,
	TRUST_REASON_CHAIN_REGISTERED,
	TRUST_REASON_CHAIN_ENROLLED,
	/* Deny. */
	TRUST_REASON_NO_CERTIFICATE,
	TRUST_REASON_UNKNOWN_CERTIFICATE,
	TRUST_REASON_THUMBPRINT_MISMATCH,
	TRUST_REASON_DEVICE_DISABLED,
	TRUST_REASON_DEVICE_UNKNOWN,
	TRUST_REASON_BLOCKED_LOCALLY,
	TRUST_REASON_CERTIFICATE_EXPIRED,
	TRUST_REASON_CERTIFICATE_NOT_YET_VALID,
	TRUST_REASON_CERTIFICATE_REVOKED,
	TRUST_REASON_REVOCATION_UNKNOWN,
	TRUST_REASON_CHAIN_UNTRUSTED,
	TRUST_REASON_CHAIN_INVALID,
	TRUST_REASON_CHAIN_TOO_DEEP,
	TRUST_REASON_PURPOSE_NOT_ALLOWED,
	TRUST_REASON_KEY_TOO_WEAK,
	TRUST_REASON_SIGNATURE_TOO_WEAK,
	TRUST_REASON_VALIDITY_TOO_LONG,
	TRUST_REASON_IDENTITY_MISSING,
	TRUST_REASON_IDENTITY_AMBIGUOUS,
	TRUST_REASON_IDENTITY_MALFORMED,
	TRUST_REASON_IDENTITY_NOT_IN_GROUP,
	TRUST_REASON_CLIENT_ID_MISMATCH,
	TRUST_REASON_TOPIC_NOT_ALLOWED,
	TRUST_REASON_REGISTRY_MISSING,
	TRUST_REASON_REGISTRY_STALE,
	TRUST_REASON_TOKEN_INVALID,
	TRUST_REASON_TOKEN_EXPIRED,
	TRUST_N_REASONS,
};

/* "thumbprint_mismatch". Static; a value out of range is "internal_error". */
const char *trust_reason_name(enum trust_reason reason);

/* What it means and what to do, in a sentence without a full stop. Static. */
const char *trust_reason_meaning(enum trust_reason reason);

/* The reason of a name. False when there is none. */
bool trust_reason_parse(const char *name, enum trust_reason *reason);

/* Whether the reason is one of the four that allow. */
bool trust_reason_allows(enum trust_reason reason);

#endif
