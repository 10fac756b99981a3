/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of path validation: OpenSSL's errors by our reasons, and the
 * order of these.
 */
#include "chain_rule.h"

#include <openssl/x509_vfy.h>

/* What OpenSSL calls wrong, what we call it, and the rule behind it. Errors
 * that are not here are chain_invalid with OpenSSL's own words. */
static const struct {
	int error;
	struct trust_chain_rule rule;
} rules[] = {
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT,
	{TRUST_REASON_CHAIN_UNTRUSTED, "no certificate of its issuer is known",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
	{TRUST_REASON_CHAIN_UNTRUSTED,
	    "its issuer is no trust anchor and was not sent",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
	{TRUST_REASON_CHAIN_UNTRUSTED,
	    "its issuer is no trust anchor and was not sent",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
	{TRUST_REASON_CHAIN_UNTRUSTED, "it is self-signed and no trust anchor",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
	{TRUST_REASON_CHAIN_UNTRUSTED,
	    "the chain ends in a root that is no trust anchor",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_CERT_UNTRUSTED,
	{TRUST_REASON_CHAIN_UNTRUSTED, "it is not trusted for this purpose",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_CERT_CHAIN_TOO_LONG,
	{TRUST_REASON_CHAIN_TOO_DEEP, "too many certificates",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_CERT_HAS_EXPIRED,
	{TRUST_REASON_CERTIFICATE_EXPIRED,
	    "its time is over (RFC 5280 section 4.1.2.5)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_CERT_NOT_YET_VALID,
	{TRUST_REASON_CERTIFICATE_NOT_YET_VALID,
	    "its time is to come (RFC 5280 section 4.1.2.5)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_CERT_REVOKED,
	{TRUST_REASON_CERTIFICATE_REVOKED,
	    "it is on its issuer's CRL (RFC 5280 section 6.3.3)",
	    TRUST_CHAIN_SCOPE_LINK}},
    {X509_V_ERR_UNABLE_TO_GET_CRL,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "no CRL of its issuer is in the registry", TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_CRL_HAS_EXPIRED,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "its issuer's CRL is past its nextUpdate and the grace",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_CRL_NOT_YET_VALID,
	{TRUST_REASON_REVOCATION_UNKNOWN, "its issuer's CRL is not yet valid",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_CRL_SIGNATURE_FAILURE,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "its issuer's CRL is not signed by the issuer",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "the signature of its issuer's CRL cannot be read",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "the thisUpdate of its issuer's CRL is malformed",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "the nextUpdate of its issuer's CRL is malformed",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "the signer of its issuer's CRL is unknown",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_KEYUSAGE_NO_CRL_SIGN,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "its issuer may not sign CRLs (RFC 5280 section 4.2.1.3)",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "its issuer's CRL has an unknown critical extension",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_DIFFERENT_CRL_SCOPE,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "its issuer's CRL is for other certificates",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_CRL_PATH_VALIDATION_ERROR,
	{TRUST_REASON_REVOCATION_UNKNOWN,
	    "the signer of its issuer's CRL has no path to the anchor",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_INVALID_PURPOSE,
	{TRUST_REASON_PURPOSE_NOT_ALLOWED,
	    "its usages do not allow this purpose (RFC 5280 sections 4.2.1.3 "
	    "and 4.2.1.12)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_EE_KEY_TOO_SMALL,
	{TRUST_REASON_KEY_TOO_WEAK,
	    "its key has less than 112 bits of security (RFC 5280 section "
	    "4.1.2.7)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_CA_KEY_TOO_SMALL,
	{TRUST_REASON_KEY_TOO_WEAK,
	    "its key has less than 112 bits of security (RFC 5280 section "
	    "4.1.2.7)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_CA_MD_TOO_WEAK,
	{TRUST_REASON_SIGNATURE_TOO_WEAK,
	    "the digest of its signature has less than 112 bits of security "
	    "(RFC 5280 section 4.1.1.2)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE,
	{TRUST_REASON_CHAIN_INVALID,
	    "its signature does not verify (RFC 5280 section 6.1.3 (a)(1))",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_INVALID_EXTENSION,
	{TRUST_REASON_CHAIN_INVALID,
	    "an extension of it does not decode (RFC 5280 section 4.2)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY,
	{TRUST_REASON_CHAIN_INVALID, "its key cannot be read",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_INVALID_CA, {TRUST_REASON_CHAIN_INVALID,
				"it is no CA and issued the one below "
				"(RFC 5280 section 6.1.4 (k))",
				TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED,
	{TRUST_REASON_CHAIN_INVALID,
	    "its pathLenConstraint is exceeded (RFC 5280 section 6.1.4 (l))",
	    TRUST_CHAIN_SCOPE_PREFIX}},
    {X509_V_ERR_KEYUSAGE_NO_CERTSIGN,
	{TRUST_REASON_CHAIN_INVALID,
	    "its key may not sign certificates (RFC 5280 section 6.1.4 (n))",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION,
	{TRUST_REASON_CHAIN_INVALID,
	    "it has an unknown critical extension "
	    "(RFC 5280 section 6.1.4 (o))",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_PERMITTED_VIOLATION,
	{TRUST_REASON_CHAIN_INVALID,
	    "a name is outside the permitted subtrees (RFC 5280 section 6.1.3 "
	    "(b))",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_EXCLUDED_VIOLATION,
	{TRUST_REASON_CHAIN_INVALID,
	    "a name is in an excluded subtree (RFC 5280 section 6.1.3 (c))",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_SUBTREE_MINMAX,
	{TRUST_REASON_CHAIN_INVALID,
	    "nameConstraints above it have a minimum or maximum (RFC 5280 "
	    "section 4.2.1.10)",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE,
	{TRUST_REASON_CHAIN_INVALID,
	    "subjectAltName has a name of a form that nameConstraints above "
	    "it bound and nobody can compare (RFC 5280 section 4.2.1.10)",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX,
	{TRUST_REASON_CHAIN_INVALID,
	    "nameConstraints above it are malformed (RFC 5280 section "
	    "4.2.1.10)",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_UNSUPPORTED_NAME_SYNTAX,
	{TRUST_REASON_CHAIN_INVALID,
	    "a name of it is malformed, under nameConstraints (RFC 5280 "
	    "section 4.2.1.10)",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_EC_KEY_EXPLICIT_PARAMS,
	{TRUST_REASON_CHAIN_INVALID,
	    "subjectPublicKeyInfo spells its curve out, want a named one "
	    "(RFC 5480 section 2.1.1)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_PROXY_CERTIFICATES_NOT_ALLOWED,
	{TRUST_REASON_CHAIN_INVALID,
	    "proxyCertInfo: proxy certificates are not taken (RFC 3820)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD,
	{TRUST_REASON_CHAIN_INVALID,
	    "notBefore is no time in the form of RFC 5280 section 4.1.2.5",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD,
	{TRUST_REASON_CHAIN_INVALID,
	    "notAfter is no time in the form of RFC 5280 section 4.1.2.5",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_PATHLEN_INVALID_FOR_NON_CA,
	{TRUST_REASON_CHAIN_INVALID,
	    "basicConstraints has a pathLenConstraint and no cA (RFC 5280 "
	    "section 4.2.1.9)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_PATHLEN_WITHOUT_KU_KEY_CERT_SIGN,
	{TRUST_REASON_CHAIN_INVALID,
	    "basicConstraints has a pathLenConstraint, and keyUsage no "
	    "keyCertSign (RFC 5280 section 4.2.1.9)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_CA_BCONS_NOT_CRITICAL,
	{TRUST_REASON_CHAIN_INVALID,
	    "basicConstraints is not critical, want it critical (RFC 5280 "
	    "section 4.2.1.9)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_CA_CERT_MISSING_KEY_USAGE,
	{TRUST_REASON_CHAIN_INVALID,
	    "keyUsage is missing in a CA (RFC 5280 section 4.2.1.3)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_KU_KEY_CERT_SIGN_INVALID_FOR_NON_CA,
	{TRUST_REASON_CHAIN_INVALID,
	    "keyUsage has keyCertSign, and basicConstraints no cA (RFC 5280 "
	    "section 4.2.1.9)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_ISSUER_NAME_EMPTY,
	{TRUST_REASON_CHAIN_INVALID,
	    "issuer is empty (RFC 5280 section 4.1.2.4)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_SUBJECT_NAME_EMPTY,
	{TRUST_REASON_CHAIN_INVALID,
	    "subject is empty (RFC 5280 section 4.1.2.6)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_EMPTY_SUBJECT_SAN_NOT_CRITICAL,
	{TRUST_REASON_CHAIN_INVALID,
	    "subjectAltName is not critical, and the subject empty (RFC 5280 "
	    "section 4.2.1.6)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_EMPTY_SUBJECT_ALT_NAME,
	{TRUST_REASON_CHAIN_INVALID,
	    "subjectAltName is empty (RFC 5280 section 4.2.1.6)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY,
	{TRUST_REASON_CHAIN_INVALID,
	    "signatureAlgorithm is not the one in tbsCertificate (RFC 5280 "
	    "section 4.1.1.2)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL,
	{TRUST_REASON_CHAIN_INVALID,
	    "authorityKeyIdentifier is critical, want it not critical (RFC "
	    "5280 section 4.2.1.1)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL,
	{TRUST_REASON_CHAIN_INVALID,
	    "subjectKeyIdentifier is critical, want it not critical (RFC "
	    "5280 section 4.2.1.2)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER,
	{TRUST_REASON_CHAIN_INVALID,
	    "authorityKeyIdentifier is missing, or its keyIdentifier (RFC "
	    "5280 section 4.2.1.1)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER,
	{TRUST_REASON_CHAIN_INVALID,
	    "subjectKeyIdentifier is missing in a CA (RFC 5280 section "
	    "4.2.1.2)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_EXTENSIONS_REQUIRE_VERSION_3,
	{TRUST_REASON_CHAIN_INVALID,
	    "version is not 3, and there are extensions (RFC 5280 section "
	    "4.1.2.1)",
	    TRUST_CHAIN_SCOPE_CERTIFICATE}},
    {X509_V_ERR_INVALID_POLICY_EXTENSION,
	{TRUST_REASON_CHAIN_INVALID,
	    "certificatePolicies, policyMappings or policyConstraints is "
	    "malformed (RFC 5280 sections 4.2.1.4, 4.2.1.5 and 4.2.1.11)",
	    TRUST_CHAIN_SCOPE_PATH}},
    {X509_V_ERR_NO_EXPLICIT_POLICY,
	{TRUST_REASON_CHAIN_INVALID,
	    "no acceptable policy is left (RFC 5280 section 6.1.5 (g))",
	    TRUST_CHAIN_SCOPE_PATH}},
};

struct trust_chain_rule
trust_chain_rule_of(int error)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].error == error)
			return rules[i].rule;
	}
	return (struct trust_chain_rule){.reason = TRUST_REASON_CHAIN_INVALID,
	    .text = X509_verify_cert_error_string(error),
	    .scope = TRUST_CHAIN_SCOPE_PATH};
}

/* The reasons of step 5 of the interface's order, the first foremost. */
static const enum trust_reason order[] = {
    TRUST_REASON_CHAIN_UNTRUSTED,
    TRUST_REASON_CHAIN_TOO_DEEP,
    TRUST_REASON_CERTIFICATE_EXPIRED,
    TRUST_REASON_CERTIFICATE_NOT_YET_VALID,
    TRUST_REASON_CERTIFICATE_REVOKED,
    TRUST_REASON_REVOCATION_UNKNOWN,
    TRUST_REASON_PURPOSE_NOT_ALLOWED,
    TRUST_REASON_KEY_TOO_WEAK,
    TRUST_REASON_SIGNATURE_TOO_WEAK,
    TRUST_REASON_VALIDITY_TOO_LONG,
    TRUST_REASON_CHAIN_INVALID,
};

unsigned
trust_chain_rank(enum trust_reason reason)
{
	unsigned i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (order[i] == reason)
			break;
	}
	return i;
}
