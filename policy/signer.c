/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A certificate judged as a signer's.
 */
#include "signer.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "chain.h"

/* Bits of security of SHA-256 against collisions: NIST SP 800-107. */
#define DIGEST_STRENGTH_MIN 128

/* ---- In itself ---- */

/* What a signer's certificate lacks in itself, or NULL. */
static const char *
find_lack(X509 *signer)
{
	const EVP_PKEY *key = X509_get0_pubkey(signer);
	int strength = 0;

	/* With no such extension every bit is set. */
	if ((X509_get_extension_flags(signer) & EXFLAG_KUSAGE) == 0 ||
	    (X509_get_key_usage(signer) & KU_DIGITAL_SIGNATURE) == 0)
		return "a keyUsage with digitalSignature";
	/* OpenSSL's answer is no where keyUsage has no keyCertSign. */
	if (X509_check_ca(signer) != 0 ||
	    (X509_get_extension_flags(signer) & EXFLAG_CA) != 0)
		return "an end-entity certificate, no CA's";
	if (key == NULL || EVP_PKEY_get_security_bits(key) < TRUST_STRENGTH_MIN)
		return "a key of 112 bits of security";
	if (X509_get_signature_info(signer, NULL, NULL, &strength, NULL) != 1 ||
	    strength < DIGEST_STRENGTH_MIN)
		return "a certificate signed with SHA-256 or better";
	if ((X509_get_extension_flags(signer) & EXFLAG_CRITICAL) != 0)
		return "no critical extension that is not known here";
	if (trust_certificate_is_self_signed(signer))
		return "one issued by a registry anchor, not self-signed";
	return NULL;
}

/* Where nobody knows the anchors, whose chain would tell. */
static enum trust_err
check_dates(X509 *signer, const char *shown, int64_t when, bool *valid,
    struct trust_message *msg)
{
	char want[TRUST_CLOCK_TEXT];
	char begin[TRUST_CLOCK_TEXT], end[TRUST_CLOCK_TEXT];
	int64_t not_before, not_after;

	*valid = false;
	if (trust_certificate_time(X509_get0_notBefore(signer), &not_before) !=
		TRUST_OK ||
	    trust_certificate_time(X509_get0_notAfter(signer), &not_after) !=
		TRUST_OK)
		return trust_err_set(msg, TRUST_OK,
		    "signer %s: want dates, got something else", shown);
	*valid = not_before <= when && when <= not_after;
	if (*valid)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_OK,
	    "signer %s: want one valid at %s, got one from %s to %s", shown,
	    trust_clock_format(when, want),
	    trust_clock_format(not_before, begin),
	    trust_clock_format(not_after, end));
}

/* ---- Under an anchor ---- */

/* Directly: each anchor is asked alone, and no certificate beside it. */
static enum trust_err
verify_issuer(X509 *signer, X509 *anchor, int64_t when,
    struct trust_chain *chain, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	struct trust_chain_input in = {
	    .leaf = signer,
	    .anchors = sk_X509_new_null(),
	    .now = when,
	    .purpose = TRUST_PURPOSE_ANY,
	    .max_depth = 0,
	};

	if (in.anchors == NULL || sk_X509_push(in.anchors, anchor) == 0)
		goto out;
	r = trust_chain_verify(&in, chain, msg);
out:
	sk_X509_free(in.anchors);
	return r;
}

static enum trust_err
verify_issuers(X509 *signer, STACK_OF(X509) *anchors, int64_t when,
    struct trust_chain *chain, struct trust_message *msg)
{
	for (int i = 0; i < sk_X509_num(anchors); i++) {
		struct trust_chain one;
		enum trust_err r;

		r = verify_issuer(
		    signer, sk_X509_value(anchors, i), when, &one, msg);
		if (r != TRUST_OK)
			return r;
		/* The one that got furthest explains a refusal best. */
		if (i == 0 || one.valid ||
		    trust_chain_rank(one.reason) >
			trust_chain_rank(chain->reason))
			*chain = one;
		if (one.valid)
			break;
	}
	return TRUST_OK;
}

/* At both times; the chain is that of the time at which it fails. */
static enum trust_err
verify_times(X509 *signer, STACK_OF(X509) *anchors, int64_t now,
    int64_t this_update, struct trust_chain *chain, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = verify_issuers(signer, anchors, now, chain, msg);
	if (r != TRUST_OK || !chain->valid || this_update == now)
		return r;
	return verify_issuers(signer, anchors, this_update, chain, msg);
}

static enum trust_err
check_chain(X509 *signer, const char *shown, STACK_OF(X509) *anchors,
    int64_t now, int64_t this_update, bool *valid, struct trust_message *msg)
{
	struct trust_chain chain = {.reason = TRUST_REASON_CHAIN_UNTRUSTED};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = verify_times(signer, anchors, now, this_update, &chain, msg);
	*valid = r == TRUST_OK && chain.valid;
	if (r != TRUST_OK || chain.valid)
		return r;
	return trust_err_set(msg, TRUST_OK,
	    "signer %s: want one issued by a registry anchor and valid, got "
	    "%s: %s",
	    shown, trust_reason_name(chain.reason), chain.detail);
}

/* ---- The whole ---- */

/* What it lacks in itself; the message says so. */
static bool
check_itself(
    X509 *signer, char shown[TRUST_SHOWN_MAX], struct trust_message *msg)
{
	const char *lack = find_lack(signer);

	(void)trust_certificate_show_name(X509_get_subject_name(signer), shown);
	if (lack != NULL)
		(void)trust_err_set(msg, TRUST_OK,
		    "signer %s: want %s, got another", shown, lack);
	return lack == NULL;
}

enum trust_err
trust_signer_check(X509 *signer, STACK_OF(X509) *anchors, int64_t now,
    int64_t this_update, bool *qualifies, struct trust_message *msg)
{
	char shown[TRUST_SHOWN_MAX];

	*qualifies = false;
	if (!check_itself(signer, shown, msg))
		return TRUST_OK;
	return check_chain(
	    signer, shown, anchors, now, this_update, qualifies, msg);
}

enum trust_err
trust_signer_check_unanchored(X509 *signer, int64_t now, int64_t this_update,
    bool *qualifies, struct trust_message *msg)
{
	char shown[TRUST_SHOWN_MAX];
	enum trust_err r = TRUST_ERR_INTERNAL;

	*qualifies = false;
	if (!check_itself(signer, shown, msg))
		return TRUST_OK;
	r = check_dates(signer, shown, now, qualifies, msg);
	if (r == TRUST_OK && *qualifies)
		r = check_dates(signer, shown, this_update, qualifies, msg);
	return r;
}
