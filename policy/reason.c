/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reason codes in words.
 */
#include <stddef.h>
#include <string.h>

#include "reason.h"

struct entry {
	const char *name;
	const char *meaning;
};

static const struct entry reasons[TRUST_N_REASONS] = {
    [TRUST_REASON_INTERNAL_ERROR] = {"internal_error",
	"the gateway could not decide and refused to be safe; the broker's "
	"log names what failed, often memory or the disk, so mend that and "
	"let the device try again"},
    [TRUST_REASON_THUMBPRINT_MATCH] = {"thumbprint_match",
	"the certificate's thumbprint is registered for this device; nothing "
	"to do"},
    [TRUST_REASON_KEY_MATCH] = {"key_match",
	"the certificate's key is pinned for this device; nothing to do"},
    [TRUST_REASON_CHAIN_REGISTERED] = {"chain_registered",
	"the chain leads to an anchor of the device's group, and the device "
	"is registered; nothing to do"},
    [TRUST_REASON_CHAIN_ENROLLED] = {"chain_enrolled",
	"the chain leads to an anchor of a group that admits its devices "
	"without a record; nothing to do"},
    [TRUST_REASON_NO_CERTIFICATE] = {"no_certificate",
	"the client sent no certificate; configure the device with its "
	"certificate and key"},
    [TRUST_REASON_UNKNOWN_CERTIFICATE] = {"unknown_certificate",
	"the certificate is self-signed, and neither its thumbprint nor its "
	"key is registered; if the device is yours, register the thumbprint "
	"(trustctl device add ID --certificate PEM), and if it is not, it is "
	"a stranger"},
    [TRUST_REASON_THUMBPRINT_MISMATCH] = {"thumbprint_mismatch",
	"the certificate bears the name of a device that comes with another "
	"thumbprint or key; if its certificate was renewed, register the new "
	"one as secondary (share/doc/mosquitto-trust/OPERATIONS.md, Changes), "
	"or where its group keeps the first key, trustctl unpin; and if not, "
	"somebody may be posing as the device"},
    [TRUST_REASON_DEVICE_DISABLED] = {"device_disabled",
	"the device is known and switched off in the registry; find out who "
	"disabled it and why before trustctl device enable"},
    [TRUST_REASON_DEVICE_UNKNOWN] = {"device_unknown",
	"the chain is good, but its group wants a record of the device and "
	"there is none; add it (trustctl device add ID --group GROUP), at the "
	"origin where this registry is a replica"},
    [TRUST_REASON_BLOCKED_LOCALLY] = {"blocked_locally",
	"somebody blocked the device on this gateway; ask why, then trustctl "
	"unblock"},
    [TRUST_REASON_CERTIFICATE_EXPIRED] = {"certificate_expired",
	"a certificate is past its notAfter date; renew it, and if many "
	"expire at once, look at the gateway's clock first"},
    [TRUST_REASON_CERTIFICATE_NOT_YET_VALID] = {"certificate_not_yet_valid",
	"a certificate's notBefore date lies ahead; most often a clock is "
	"wrong, the gateway's or that of whoever made the certificate"},
    [TRUST_REASON_CERTIFICATE_REVOKED] = {"certificate_revoked",
	"a CRL in the registry revokes a certificate of the chain; treat the "
	"device as lost and give it a new certificate only when it is back "
	"in good hands"},
    [TRUST_REASON_REVOCATION_UNKNOWN] = {"revocation_unknown",
	"nobody can tell whether a certificate of the chain is revoked: the "
	"CRL that should say so is missing, too old, or not signed by the CA; "
	"get that CA's present CRL and put it into the registry"},
    [TRUST_REASON_CHAIN_UNTRUSTED] = {"chain_untrusted",
	"no path leads from the certificate to an anchor; mostly an "
	"intermediate is missing (let the device send it, or add it to the "
	"group), else its CA is not an anchor of any group"},
    [TRUST_REASON_CHAIN_INVALID] = {"chain_invalid",
	"a path to an anchor exists, and a certificate of it breaks a rule; "
	"trustctl check names both; whoever issued that certificate has to "
	"issue it anew, or put an anchor right that is at fault"},
    [TRUST_REASON_CHAIN_TOO_DEEP] = {"chain_too_deep",
	"more CAs stand between the certificate and the anchor than the group "
	"allows; make the lower CA an anchor, or raise max_depth"},
    [TRUST_REASON_PURPOSE_NOT_ALLOWED] = {"purpose_not_allowed",
	"the certificate is not for TLS clients, by its key usage, its "
	"extended key usage, or because it is a CA's; issue the device one "
	"with clientAuth"},
    [TRUST_REASON_KEY_TOO_WEAK] = {"key_too_weak",
	"a key is shorter than allowed (RSA 2048, P-256, Ed25519 and up, or "
	"what the group asks for); give its owner a stronger key and a new "
	"certificate"},
    [TRUST_REASON_SIGNATURE_TOO_WEAK] = {"signature_too_weak",
	"a certificate is signed with a broken digest such as SHA-1; its CA "
	"has to issue it anew with SHA-256 or better"},
    [TRUST_REASON_VALIDITY_TOO_LONG] = {"validity_too_long",
	"the certificate is made for longer than the group allows; issue a "
	"shorter one, or raise max_validity"},
    [TRUST_REASON_IDENTITY_MISSING] = {"identity_missing",
	"the certificate has no name in the field where its group looks for "
	"the device id; issue one that has, or change the group's identity"},
    [TRUST_REASON_IDENTITY_AMBIGUOUS] = {"identity_ambiguous",
	"the certificate names more than one device, or two groups would "
	"take it for different ones; issue one with a single name, or make "
	"the groups' match apart"},
    [TRUST_REASON_IDENTITY_MALFORMED] = {"identity_malformed",
	"the name in the certificate cannot be a device id (1 to 128 letters, "
	"digits and -._%*?!(),:=@'); issue one with a name that can"},
    [TRUST_REASON_IDENTITY_NOT_IN_GROUP] = {"identity_not_in_group",
	"the name does not match the group that vouches for the chain, or "
	"the device is registered in another one; correct match, or the "
	"device's group, and if neither is wrong, that CA speaks for a "
	"device that is not its own"},
    [TRUST_REASON_CLIENT_ID_MISMATCH] = {"client_id_mismatch",
	"the MQTT client id is not the device's id; set the client id to the "
	"device id, or allow modules with \"client_id\":\"prefix\" and use "
	"ID/MODULE"},
    [TRUST_REASON_TOPIC_NOT_ALLOWED] = {"topic_not_allowed",
	"no rule of the device's roles allows this topic, or one denies it "
	"(trustctl topic names the rule), or the message is none that "
	"belongs there"},
    [TRUST_REASON_REGISTRY_MISSING] = {"registry_missing",
	"the gateway has no registry yet and refuses everybody; see that the "
	"path of option registry is right, then make one (trustctl init) or "
	"let sync bring it"},
    [TRUST_REASON_REGISTRY_STALE] = {"registry_stale",
	"the last word from the upstream is older than max_offline; bring "
	"the line back, apply an update by hand (trustctl apply), or change "
	"on_stale"},
    [TRUST_REASON_TOKEN_INVALID] = {"token_invalid",
	"the bootstrap token is unknown, wrong, used up, or for another "
	"gateway or device; make a new one if it is yours, and if it is not, "
	"somebody is guessing"},
    [TRUST_REASON_TOKEN_EXPIRED] = {"token_expired",
	"the bootstrap token is past its date; put a new one into the "
	"registry, and if it is not old, look at the gateway's clock"},
};

static const struct entry *
find(enum trust_reason reason)
{
	if ((unsigned)reason >= TRUST_N_REASONS)
		reason = TRUST_REASON_INTERNAL_ERROR;
	return &reasons[reason];
}

const char *
trust_reason_name(enum trust_reason reason)
{
	return find(reason)->name;
}

const char *
trust_reason_meaning(enum trust_reason reason)
{
	return find(reason)->meaning;
}

bool
trust_reason_parse(const char *name, enum trust_reason *reason)
{
	*reason = TRUST_REASON_INTERNAL_ERROR;
	for (int i = 0; i < TRUST_N_REASONS; i++) {
		if (strcmp(reasons[i].name, name) == 0) {
			*reason = (enum trust_reason)i;
			return true;
		}
	}
	return false;
}

bool
trust_reason_allows(enum trust_reason reason)
{
	switch (reason) {
	case TRUST_REASON_THUMBPRINT_MATCH:
	case TRUST_REASON_KEY_MATCH:
	case TRUST_REASON_CHAIN_REGISTERED:
	case TRUST_REASON_CHAIN_ENROLLED:
		return true;
	default:
		return false;
	}
}
