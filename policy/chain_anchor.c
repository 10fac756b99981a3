/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules for anchors that are OpenSSL's in a path, asked without one; those
 * of the profile are asked as in a path.
 */
#include "chain_anchor.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "chain_rule.h"
#include "profile.h"

static bool
is_spelled_out(const EVP_PKEY *key)
{
	int is = 0;

	return EVP_PKEY_is_a(key, "EC") == 1 &&
	       EVP_PKEY_get_int_param(key,
		   OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &is) == 1 &&
	       is == 1;
}

static int
find_error_of_key(X509 *anchor)
{
	const EVP_PKEY *key = X509_get0_pubkey(anchor);

	if (key == NULL)
		return X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY;
	if (EVP_PKEY_get_security_bits(key) < TRUST_STRENGTH_MIN)
		return X509_V_ERR_CA_KEY_TOO_SMALL;
	return is_spelled_out(key) ? X509_V_ERR_EC_KEY_EXPLICIT_PARAMS
				   : X509_V_OK;
}

/* What is wrong with how it says that it is a CA. */
static int
find_error(X509 *anchor)
{
	uint32_t flags = X509_get_extension_flags(anchor);

	if ((flags & EXFLAG_INVALID) != 0)
		return X509_V_ERR_INVALID_EXTENSION;
	if ((flags & EXFLAG_CRITICAL) != 0)
		return X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION;
	if ((flags & EXFLAG_BCONS_CRITICAL) == 0)
		return X509_V_ERR_CA_BCONS_NOT_CRITICAL;
	if (X509_get0_subject_key_id(anchor) == NULL)
		return X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER;
	if (X509_NAME_entry_count(X509_get_subject_name(anchor)) == 0)
		return X509_V_ERR_SUBJECT_NAME_EMPTY;
	if (X509_NAME_entry_count(X509_get_issuer_name(anchor)) == 0)
		return X509_V_ERR_ISSUER_NAME_EMPTY;
	return X509_V_OK;
}

static bool
tell(enum trust_reason reason, const char *text, enum trust_reason *out,
    char detail[TRUST_DETAIL_MAX])
{
	*out = reason;
	(void)snprintf(detail, TRUST_DETAIL_MAX, "%s", text);
	ERR_clear_error();
	return false;
}

static bool
tell_error(int error, enum trust_reason *out, char detail[TRUST_DETAIL_MAX])
{
	struct trust_chain_rule rule = trust_chain_rule_of(error);

	return tell(rule.reason, rule.text, out, detail);
}

bool
trust_chain_anchor_check(
    X509 *anchor, enum trust_reason *reason, char detail[TRUST_DETAIL_MAX])
{
	struct trust_profile_finding finding;
	char text[TRUST_DETAIL_MAX];
	int of_key = find_error_of_key(anchor), error;
	bool kept = trust_profile_check(anchor, TRUST_PLACE_ANCHOR, &finding);

	/* A weak key comes first in the interface's order. */
	if (!kept && finding.reason == TRUST_REASON_KEY_TOO_WEAK)
		return tell(finding.reason, trust_profile_tell(&finding, text),
		    reason, detail);
	if (of_key != X509_V_OK)
		return tell_error(of_key, reason, detail);
	/* A self-signed one of version 1 is none either, as OpenSSL has it. */
	if ((X509_get_extension_flags(anchor) & EXFLAG_CA) == 0 ||
	    (X509_get_key_usage(anchor) & KU_KEY_CERT_SIGN) == 0)
		return tell(TRUST_REASON_CHAIN_INVALID,
		    "it is no CA: want basicConstraints with cA, and keyUsage "
		    "with keyCertSign or none (RFC 5280 sections 4.2.1.3 and "
		    "4.2.1.9)",
		    reason, detail);
	if (!kept)
		return tell(finding.reason, trust_profile_tell(&finding, text),
		    reason, detail);
	error = find_error(anchor);
	if (error != X509_V_OK)
		return tell_error(error, reason, detail);
	ERR_clear_error();
	return true;
}
