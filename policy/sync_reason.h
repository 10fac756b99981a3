/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a notification or a content part was refused: sync.md, "Refusals" and
 * "Content". The names are part of the protocol.
 */
#ifndef TRUST_SYNC_REASON_H
#define TRUST_SYNC_REASON_H

#include <stdbool.h>

enum trust_sync_reason {
	TRUST_SYNC_ACCEPTED = 0,
	/* Of notifications, in the order in which they are looked for. */
	TRUST_SYNC_TOO_LARGE,
	TRUST_SYNC_MALFORMED,
	TRUST_SYNC_SIGNATURE_INVALID,
	TRUST_SYNC_SIGNER_UNTRUSTED,
	TRUST_SYNC_TOO_FEW_SIGNERS,
	TRUST_SYNC_FORMAT_UNSUPPORTED,
	TRUST_SYNC_WRONG_SCOPE,
	TRUST_SYNC_FROM_FUTURE,
	TRUST_SYNC_SERIAL_REGRESSED,
	TRUST_SYNC_THIS_UPDATE_REGRESSED,
	TRUST_SYNC_EQUIVOCATION,
	TRUST_SYNC_SESSION_REPLACED_BY_OLDER,
	TRUST_SYNC_EXPIRED,
	/* Of content. */
	TRUST_SYNC_UNSOLICITED,
	TRUST_SYNC_MALFORMED_RECORD,
	TRUST_SYNC_DUPLICATE_CLAIM,
	TRUST_SYNC_STATE_MISMATCH,
	TRUST_SYNC_MASS_REMOVAL_HELD,
	TRUST_N_SYNC_REASONS,
};

/* "serial_regressed". Static; "accepted" for 0. */
const char *trust_sync_reason_name(enum trust_sync_reason reason);
/* What it means and what to do, in a sentence without a full stop. Static. */
const char *trust_sync_reason_meaning(enum trust_sync_reason reason);
bool trust_sync_reason_parse(const char *name, enum trust_sync_reason *reason);

#endif
