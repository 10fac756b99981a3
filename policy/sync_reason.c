/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reasons of sync in words.
 */
#include <stddef.h>
#include <string.h>

#include "sync_reason.h"

struct entry {
	const char *name;
	const char *meaning;
};

static const struct entry reasons[TRUST_N_SYNC_REASONS] = {
    [TRUST_SYNC_ACCEPTED] = {"accepted", "all is well; nothing to do"},
    [TRUST_SYNC_TOO_LARGE] = {"too_large",
	"the notification has more octets than any may have; let the origin "
	"build a new snapshot, so that fewer parts are listed"},
    [TRUST_SYNC_MALFORMED] = {"malformed",
	"the notification is not what the protocol says; look at the origin's "
	"version, and at what else may write to the topic"},
    [TRUST_SYNC_SIGNATURE_INVALID] = {"signature_invalid",
	"a signature does not hold; the notification was damaged or altered "
	"on its way, or somebody tries to forge one"},
    [TRUST_SYNC_SIGNER_UNTRUSTED] = {"signer_untrusted",
	"nobody who signed may sign for this gateway; compare the signer's "
	"certificate and its dates with registry_anchor, and treat it as an "
	"attack if the origin is not the one that signed"},
    [TRUST_SYNC_TOO_FEW_SIGNERS] = {"too_few_signers",
	"fewer signers than registry_signatures wants; publish with every "
	"--signer, and ask why one is missing"},
    [TRUST_SYNC_FORMAT_UNSUPPORTED] = {"format_unsupported",
	"the registry has records that this version does not know; upgrade "
	"the gateway"},
    [TRUST_SYNC_WRONG_SCOPE] = {"wrong_scope",
	"the notification is of another scope; correct the bridge's topics or "
	"the option scope"},
    [TRUST_SYNC_FROM_FUTURE] = {"from_future",
	"the notification was made later than this gateway's clock says it is "
	"now; correct whichever clock is wrong"},
    [TRUST_SYNC_SERIAL_REGRESSED] = {"serial_regressed",
	"an older state than the newest accepted; somebody replays old "
	"notifications, or the origin was restored from a backup, which wants "
	"trustctl publish --new-session"},
    [TRUST_SYNC_THIS_UPDATE_REGRESSED] = {"this_update_regressed",
	"signed before the newest accepted one; somebody replays old "
	"notifications, or the origin's clock went back"},
    [TRUST_SYNC_EQUIVOCATION] = {"equivocation",
	"two notifications say different things under one serial; two origins "
	"sign for this scope, or a signer's key is in other hands"},
    [TRUST_SYNC_SESSION_REPLACED_BY_OLDER] = {"session_replaced_by_older",
	"another session that is no newer than this one; somebody replays a "
	"former session, or two origins sign for this scope"},
    [TRUST_SYNC_EXPIRED] = {"expired",
	"the notification is past its next_update and brings nothing new; see "
	"that the origin runs and the line to it is up"},
    [TRUST_SYNC_UNSOLICITED] = {"unsolicited",
	"a content part that nobody here waits for; another gateway of the "
	"scope asked for it, or it came twice, and where neither can be, "
	"somebody else writes to the topic"},
    [TRUST_SYNC_MALFORMED_RECORD] = {"malformed_record",
	"a line of the content is no record that this version takes; look at "
	"the origin's version and at the line that the log names"},
    [TRUST_SYNC_DUPLICATE_CLAIM] = {"duplicate_claim",
	"two devices would have one thumbprint or key; correct it in the "
	"origin's registry"},
    [TRUST_SYNC_STATE_MISMATCH] = {"state_mismatch",
	"the content does not lead to the state that was signed; the snapshot "
	"is tried once, and if it fails too, the origin is at fault"},
    [TRUST_SYNC_MASS_REMOVAL_HELD] = {"mass_removal_held",
	"the change would shut out more devices than max_removals allows; if "
	"it is meant, trustctl publish --mass-removal"},
};

static const struct entry *
find(enum trust_sync_reason reason)
{
	/* What is unknown must not read as accepted. */
	if ((unsigned)reason >= TRUST_N_SYNC_REASONS)
		reason = TRUST_SYNC_MALFORMED;
	return &reasons[reason];
}

const char *
trust_sync_reason_name(enum trust_sync_reason reason)
{
	return find(reason)->name;
}

const char *
trust_sync_reason_meaning(enum trust_sync_reason reason)
{
	return find(reason)->meaning;
}

bool
trust_sync_reason_parse(const char *name, enum trust_sync_reason *reason)
{
	*reason = TRUST_SYNC_ACCEPTED;
	for (int i = 0; i < TRUST_N_SYNC_REASONS; i++) {
		if (strcmp(reasons[i].name, name) == 0) {
			*reason = (enum trust_sync_reason)i;
			return true;
		}
	}
	return false;
}
