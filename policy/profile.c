/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the profile in one table, and those on the fields of a
 * certificate that are no extensions.
 */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "profile_internal.h"

/* Octets of a serial number: RFC 5280 section 4.1.2.2. */
#define SERIAL_MAX 20
/* Bits of an RSA key of 112 bits of security: NIST SP 800-57, table 2. */
#define RSA_BITS_MIN 2048
/* The least public exponent of RSA: FIPS 186-5 section A.1.1. */
#define EXPONENT_MIN 65537

#define INVALID TRUST_REASON_CHAIN_INVALID
#define WEAK    TRUST_REASON_KEY_TOO_WEAK
#define UNKNOWN TRUST_REASON_REVOCATION_UNKNOWN

/* Of a CRL's dates. */
#define NO_TIME "is no time of the form YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ"

/* Where the field is NULL, it is the extension's, as is the source. */
static const struct trust_profile_finding rules[N_RULES] = {
    [RULE_RSA_EXPONENT] = {WEAK, "subjectPublicKeyInfo",
	"is RSA with an exponent below 65537 or an even one",
	"FIPS 186-5 section A.1.1"},
    [RULE_RSA_SIZE] = {WEAK, "subjectPublicKeyInfo",
	"is RSA of less than 2048 bits", "NIST SP 800-57 part 1, table 2"},
    [RULE_DSA] = {WEAK, "subjectPublicKeyInfo", "is DSA, which is withdrawn",
	"FIPS 186-5 section 4"},

    [RULE_DER] = {INVALID, "tbsCertificate", "is not in DER",
	"RFC 5280 section 4.1, X.690 sections 10 and 11"},
    [RULE_VERSION] = {INVALID, "version", "is none of 1, 2 and 3",
	"RFC 5280 section 4.1.2.1"},
    [RULE_VERSION_DEFAULT] = {INVALID, "version",
	"1 is written, want it absent",
	"RFC 5280 section 4.1, X.690 section 11.5"},
    [RULE_SERIAL_NEGATIVE] = {INVALID, "serialNumber", "is negative",
	"RFC 5280 section 4.1.2.2"},
    [RULE_SERIAL_ZERO] = {INVALID, "serialNumber", "is zero",
	"RFC 5280 section 4.1.2.2"},
    [RULE_SERIAL_LONG] = {INVALID, "serialNumber", "is longer than 20 octets",
	"RFC 5280 section 4.1.2.2"},
    [RULE_SIGNATURE_PARAMETERS] = {INVALID, "signatureAlgorithm",
	"has parameters that its algorithm has not",
	"RFC 5758 section 3.2, RFC 8410 section 3"},
    [RULE_UNIQUE_ID] = {INVALID, "issuerUniqueID or subjectUniqueID",
	"is there, and the version is 1", "RFC 5280 section 4.1.2.8"},
    [RULE_EXTENSIONS_EMPTY] = {INVALID, "extensions", "is there and empty",
	"RFC 5280 section 4.1.2.9"},
    [RULE_EXTENSIONS_MANY] = {INVALID, "extensions",
	"has more of them than are read", "no certificate has 64"},

    [RULE_EXTENSION_TWICE] = {INVALID, NULL, "is there twice",
	"RFC 5280 section 4.2"},
    [RULE_EXTENSION_LONG] = {INVALID, NULL, "has more than 16 KiB", NULL},
    [RULE_EXTENSION_DER] = {INVALID, NULL,
	"is not one value in DER, or has octets behind it", NULL},
    [RULE_EXTENSION_MALFORMED] = {INVALID, NULL, "cannot be decoded", NULL},
    [RULE_EXTENSION_EMPTY] = {INVALID, NULL, "is empty", NULL},
    [RULE_EXTENSION_CRITICAL] = {INVALID, NULL,
	"is critical, want it not critical", NULL},
    [RULE_EXTENSION_NOT_CRITICAL] = {INVALID, NULL,
	"is not critical, want it critical", NULL},

    [RULE_EXTENSION_UNREADABLE] = {INVALID, "extensions",
	"has one that cannot be read", "RFC 5280 section 4.2"},
    [RULE_AKI_MISSING] = {INVALID, "authorityKeyIdentifier", "is missing",
	"RFC 5280 section 4.2.1.1"},
    [RULE_AKI_NO_KEY_ID] = {INVALID, "authorityKeyIdentifier",
	"has no keyIdentifier", "RFC 5280 section 4.2.1.1"},
    [RULE_AKI_HALF_ISSUER] = {INVALID, "authorityKeyIdentifier",
	"has one of authorityCertIssuer and authorityCertSerialNumber alone",
	"RFC 5280 section 4.2.1.1"},
    [RULE_AKI_NOT_OWN] = {INVALID, "authorityKeyIdentifier",
	"of a self-signed certificate is not its subjectKeyIdentifier",
	"RFC 5280 section 4.2.1.1"},
    [RULE_AKI_OF_ANOTHER] = {INVALID, "authorityKeyIdentifier",
	"is not its issuer's subjectKeyIdentifier, or issuer and serial number",
	"RFC 5280 section 4.2.1.1"},
    [RULE_PATH_LENGTH] = {INVALID, "basicConstraints",
	"has a pathLenConstraint below zero", "RFC 5280 section 4.2.1.9"},
    [RULE_KEY_USAGE_NONE] = {INVALID, "keyUsage", "has no bit set",
	"RFC 5280 section 4.2.1.3"},
    [RULE_SAN_NOT_ASCII] = {INVALID, "subjectAltName",
	"has a name with an octet that is not ASCII",
	"RFC 5280 section 4.2.1.6"},
    [RULE_SAN_ADDRESS] = {INVALID, "subjectAltName",
	"has an iPAddress of neither 4 nor 16 octets",
	"RFC 5280 section 4.2.1.6"},
    [RULE_CONSTRAINTS_EMPTY] = {INVALID, "nameConstraints",
	"has permitted or excluded subtrees, and none of them",
	"RFC 5280 section 4.2.1.10"},
    [RULE_CONSTRAINTS_NO_CA] = {INVALID, "nameConstraints",
	"is in a certificate of no CA", "RFC 5280 section 4.2.1.10"},
    [RULE_CONSTRAINTS_BOUNDS] = {INVALID, "nameConstraints",
	"has a minimum that is not 0, or a maximum",
	"RFC 5280 section 4.2.1.10"},
    [RULE_CONSTRAINTS_DNS] = {INVALID, "nameConstraints",
	"has a dNSName that is no host name", "RFC 5280 section 4.2.1.10"},
    [RULE_CONSTRAINTS_EMAIL] = {INVALID, "nameConstraints",
	"has an rfc822Name that is no mailbox, host or domain",
	"RFC 5280 section 4.2.1.10"},
    [RULE_CONSTRAINTS_URI] = {INVALID, "nameConstraints",
	"has a uniformResourceIdentifier that is no host or domain",
	"RFC 5280 section 4.2.1.10"},
    [RULE_CONSTRAINTS_ADDRESS] = {INVALID, "nameConstraints",
	"has an iPAddress that is no address with a mask",
	"RFC 5280 section 4.2.1.10"},
    [RULE_POINT_EMPTY] = {INVALID, NULL,
	"has a point with neither distributionPoint nor cRLIssuer",
	"RFC 5280 section 4.2.1.13"},

    [RULE_NAME_DNS] = {INVALID, "subjectAltName",
	"has a dNSName that is no host name, under a name constraint",
	"RFC 5280 sections 4.2.1.6 and 4.2.1.10"},
    [RULE_NAME_EMAIL] = {INVALID, "subjectAltName or emailAddress",
	"is no mailbox, under a name constraint",
	"RFC 5280 sections 4.2.1.6 and 4.2.1.10"},
    [RULE_NAME_URI] = {INVALID, "subjectAltName",
	"has a uniformResourceIdentifier without a plain host name, under a "
	"name constraint",
	"RFC 5280 section 4.2.1.10"},
    [RULE_NAME_WILDCARD] = {INVALID, "subjectAltName",
	"has a wildcard that covers an excluded subtree",
	"RFC 5280 section 4.2.1.10"},

    [RULE_CRL_DIGEST] = {UNKNOWN, "signatureAlgorithm",
	"has a digest of less than 112 bits of security",
	"NIST SP 800-57 part 1, table 3"},
    [RULE_CRL_VERSION] = {UNKNOWN, "version", "is not 2",
	"RFC 5280 section 5.1.2.1"},
    [RULE_CRL_ALGORITHMS] = {UNKNOWN, "signatureAlgorithm",
	"is not the one in tbsCertList", "RFC 5280 section 5.1.1.2"},
    [RULE_CRL_THIS_UPDATE] = {UNKNOWN, "thisUpdate", NO_TIME,
	"RFC 5280 section 5.1.2.4"},
    [RULE_CRL_NEXT_UPDATE] = {UNKNOWN, "nextUpdate", NO_TIME,
	"RFC 5280 section 5.1.2.5"},
    [RULE_CRL_DATES] = {UNKNOWN, "nextUpdate", "is before thisUpdate",
	"RFC 5280 section 5.1.2.5"},
    [RULE_CRL_NONE_REVOKED] = {UNKNOWN, "revokedCertificates",
	"is there and empty", "RFC 5280 section 5.1.2.6"},
    [RULE_CRL_SERIAL_TWICE] = {UNKNOWN, "revokedCertificates",
	"has a serial number twice", "RFC 5280 section 5.1.2.6"},
    [RULE_CRL_NUMBER_MISSING] = {UNKNOWN, "cRLNumber", "is missing",
	"RFC 5280 section 5.2.3"},
    [RULE_CRL_NUMBER_RANGE] = {UNKNOWN, "cRLNumber",
	"is negative or longer than 20 octets", "RFC 5280 section 5.2.3"},
    [RULE_CRL_SCOPE] = {UNKNOWN, "issuingDistributionPoint",
	"has more than one of its onlyContains…", "RFC 5280 section 5.2.5"},
};

bool
trust_profile_keep(
    struct profile_break found, struct trust_profile_finding *out)
{
	const struct profile_extension *extension;

	if (found.rule == RULE_KEPT)
		return true;
	*out = rules[found.rule];
	extension = trust_profile_extension(found.nid);
	if (out->field == NULL)
		out->field =
		    extension != NULL ? extension->field : "an extension";
	if (out->source == NULL)
		out->source = extension != NULL ? extension->source
						: "RFC 5280 section 4.2";
	return false;
}

char *
trust_profile_tell(
    const struct trust_profile_finding *finding, char out[TRUST_DETAIL_MAX])
{
	(void)snprintf(out, TRUST_DETAIL_MAX, "%s %s (%s)", finding->field,
	    finding->text, finding->source);
	return out;
}

/* ---- The key ---- */

static bool
is_good_exponent(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool is_good = EVP_PKEY_get_bn_param(key, "e", &e) == 1 &&
		       BN_is_odd(e) &&
		       (BN_num_bits(e) > 31 || BN_get_word(e) >= EXPONENT_MIN);

	BN_free(e);
	return is_good;
}

static enum profile_rule
check_key(const X509 *x509)
{
	const EVP_PKEY *key = X509_get0_pubkey(x509);
	int type = key != NULL ? EVP_PKEY_get_base_id(key) : NID_undef;

	/* A key that cannot be read has no strength: OpenSSL sees to that. */
	if (type == EVP_PKEY_DSA)
		return RULE_DSA;
	if (type != EVP_PKEY_RSA && type != EVP_PKEY_RSA_PSS)
		return RULE_KEPT;
	/* OpenSSL rounds the strength of what is shorter up to 112 bits. */
	if (EVP_PKEY_get_bits(key) < RSA_BITS_MIN)
		return RULE_RSA_SIZE;
	return is_good_exponent(key) ? RULE_KEPT : RULE_RSA_EXPONENT;
}

/* ---- Fields ---- */

static enum profile_rule
check_encoding(const X509 *x509)
{
	enum profile_rule rule = RULE_DER;
	unsigned char *der = NULL;
	int len = i2d_X509(x509, &der);
	struct trust_span rest = {der, len > 0 ? (size_t)len : 0};
	struct profile_item certificate, tbs, first;

	if (len <= 0 || !trust_profile_der_check(rest))
		goto out;
	if (!trust_profile_der_next(&rest, &certificate) ||
	    !trust_profile_der_next(&certificate.content, &tbs) ||
	    !trust_profile_der_next(&tbs.content, &first))
		goto out;
	rule = first.class == V_ASN1_CONTEXT_SPECIFIC &&
		       X509_get_version(x509) == X509_VERSION_1
		   ? RULE_VERSION_DEFAULT
		   : RULE_KEPT;
out:
	OPENSSL_free(der);
	return rule;
}

static enum profile_rule
check_serial(const X509 *x509)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	const unsigned char *p = ASN1_STRING_get0_data(serial);
	int len = ASN1_STRING_length(serial);

	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		return RULE_SERIAL_NEGATIVE;
	if (len == 0 || (len == 1 && p[0] == 0))
		return RULE_SERIAL_ZERO;
	/* What begins with a one bit is encoded with an octet more. */
	return len > SERIAL_MAX || (len == SERIAL_MAX && (p[0] & 0x80) != 0)
		   ? RULE_SERIAL_LONG
		   : RULE_KEPT;
}

static enum profile_rule
check_signature(const X509 *x509)
{
	const X509_ALGOR *algorithm;
	const ASN1_OBJECT *oid;
	int parameters;

	X509_get0_signature(NULL, &algorithm, x509);
	X509_ALGOR_get0(&oid, &parameters, NULL, algorithm);
	switch (OBJ_obj2nid(oid)) {
	case NID_ecdsa_with_SHA224:
	case NID_ecdsa_with_SHA256:
	case NID_ecdsa_with_SHA384:
	case NID_ecdsa_with_SHA512:
	case NID_ED25519:
	case NID_ED448:
		return parameters == V_ASN1_UNDEF ? RULE_KEPT
						  : RULE_SIGNATURE_PARAMETERS;
	default:
		return RULE_KEPT;
	}
}

static enum profile_rule
check_fields(const X509 *x509, enum trust_profile_place place)
{
	const STACK_OF(X509_EXTENSION) *extensions = X509_get0_extensions(x509);
	const ASN1_BIT_STRING *issuer_id, *subject_id;
	enum profile_rule rule;

	if (X509_get_version(x509) < X509_VERSION_1 ||
	    X509_get_version(x509) > X509_VERSION_3)
		return RULE_VERSION;
	/* Nobody trusts an anchor for the number that it gave itself; there
	 * are roots in every browser with 0. */
	rule = place == TRUST_PLACE_ANCHOR ? RULE_KEPT : check_serial(x509);
	if (rule == RULE_KEPT)
		rule = check_signature(x509);
	if (rule != RULE_KEPT)
		return rule;
	X509_get0_uids(x509, &issuer_id, &subject_id);
	if (X509_get_version(x509) == X509_VERSION_1 &&
	    (issuer_id != NULL || subject_id != NULL))
		return RULE_UNIQUE_ID;
	if (extensions != NULL && sk_X509_EXTENSION_num(extensions) == 0)
		return RULE_EXTENSIONS_EMPTY;
	return RULE_KEPT;
}

/* ---- Extensions together with fields ---- */

/* Names somebody else's key than its own, and is signed with its own. The
 * signature is looked at only where the names differ. */
static bool
disowns_itself(X509 *x509)
{
	const ASN1_OCTET_STRING *id = X509_get0_authority_key_id(x509);
	const ASN1_OCTET_STRING *own = X509_get0_subject_key_id(x509);

	return (X509_get_extension_flags(x509) & EXFLAG_SI) != 0 &&
	       own != NULL && ASN1_OCTET_STRING_cmp(id, own) != 0 &&
	       X509_verify(x509, X509_get0_pubkey(x509)) == 1;
}

static enum profile_rule
check_authority(X509 *x509, enum trust_profile_place place)
{
	/* The exception is for CAs that are spread as self-signed ones. */
	bool may_miss = X509_get_version(x509) != X509_VERSION_3 ||
			(place == TRUST_PLACE_ANCHOR &&
			    (X509_get_extension_flags(x509) & EXFLAG_SS) != 0);

	if (X509_get_ext_by_NID(x509, NID_authority_key_identifier, -1) < 0)
		return may_miss ? RULE_KEPT : RULE_AKI_MISSING;
	if (X509_get0_authority_key_id(x509) == NULL)
		return RULE_AKI_NO_KEY_ID;
	if ((X509_get0_authority_issuer(x509) != NULL) !=
	    (X509_get0_authority_serial(x509) != NULL))
		return RULE_AKI_HALF_ISSUER;
	return disowns_itself(x509) ? RULE_AKI_NOT_OWN : RULE_KEPT;
}

static enum profile_rule
check_names(const X509 *x509)
{
	enum profile_rule rule = RULE_KEPT;
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int type;
		const ASN1_STRING *name = GENERAL_NAME_get0_value(
		    sk_GENERAL_NAME_value(names, i), &type);
		int len;

		if (type == GEN_IPADD) {
			len = ASN1_STRING_length(name);
			if (len != 4 && len != 16)
				rule = RULE_SAN_ADDRESS;
		} else if (type == GEN_DNS || type == GEN_EMAIL ||
			   type == GEN_URI) {
			const unsigned char *p = ASN1_STRING_get0_data(name);

			for (len = ASN1_STRING_length(name); len > 0; len--) {
				if ((*p++ & 0x80) != 0)
					rule = RULE_SAN_NOT_ASCII;
			}
		}
	}
	GENERAL_NAMES_free(names);
	return rule;
}

static enum profile_rule
check_name_constraints(X509 *x509)
{
	enum profile_rule rule;
	NAME_CONSTRAINTS *constraints;

	if (X509_get_ext_by_NID(x509, NID_name_constraints, -1) < 0)
		return RULE_KEPT;
	if ((X509_get_extension_flags(x509) & EXFLAG_CA) == 0)
		return RULE_CONSTRAINTS_NO_CA;
	constraints = X509_get_ext_d2i(x509, NID_name_constraints, NULL, NULL);
	/* What does not decode was told with the other extensions. */
	rule = constraints == NULL
		   ? RULE_KEPT
		   : trust_profile_check_constraints(constraints);
	NAME_CONSTRAINTS_free(constraints);
	return rule;
}

/* What OpenSSL could not read although it decodes. Its own look-ups answer
 * nothing for such a certificate. */
static enum profile_rule
check_unreadable(const X509 *x509)
{
	BASIC_CONSTRAINTS *basic =
	    X509_get_ext_d2i(x509, NID_basic_constraints, NULL, NULL);
	ASN1_BIT_STRING *usage =
	    X509_get_ext_d2i(x509, NID_key_usage, NULL, NULL);
	enum profile_rule rule = RULE_EXTENSION_UNREADABLE;

	if (basic != NULL && basic->pathlen != NULL &&
	    ASN1_STRING_type(basic->pathlen) == V_ASN1_NEG_INTEGER)
		rule = RULE_PATH_LENGTH;
	else if (usage != NULL && ASN1_STRING_length(usage) == 0)
		rule = RULE_KEY_USAGE_NONE;
	ASN1_BIT_STRING_free(usage);
	BASIC_CONSTRAINTS_free(basic);
	return rule;
}

static enum profile_rule
check_together(X509 *x509, enum trust_profile_place place)
{
	enum profile_rule rule = check_authority(x509, place);

	if (rule == RULE_KEPT && X509_get_key_usage(x509) == 0)
		rule = RULE_KEY_USAGE_NONE;
	if (rule == RULE_KEPT)
		rule = check_names(x509);
	if (rule == RULE_KEPT)
		rule = check_name_constraints(x509);
	return rule;
}

bool
trust_profile_check(X509 *x509, enum trust_profile_place place,
    struct trust_profile_finding *out)
{
	const STACK_OF(X509_EXTENSION) *extensions = X509_get0_extensions(x509);
	struct profile_break found = {.rule = check_key(x509)};
	bool is_invalid =
	    (X509_get_extension_flags(x509) & EXFLAG_INVALID) != 0;

	if (found.rule == RULE_KEPT)
		found.rule = check_fields(x509, place);
	if (found.rule == RULE_KEPT)
		found.rule = check_encoding(x509);
	if (found.rule == RULE_KEPT)
		found = trust_profile_check_extensions(extensions, is_invalid);
	if (found.rule == RULE_KEPT)
		found = trust_profile_check_points(extensions);
	if (found.rule == RULE_KEPT)
		found.rule = is_invalid ? check_unreadable(x509)
					: check_together(x509, place);
	ERR_clear_error();
	return trust_profile_keep(found, out);
}

bool
trust_profile_check_issuer(
    X509 *x509, X509 *issuer, struct trust_profile_finding *out)
{
	struct profile_break found = {.rule = RULE_KEPT};
	AUTHORITY_KEYID *id =
	    X509_get_ext_d2i(x509, NID_authority_key_identifier, NULL, NULL);

	if (id != NULL && X509_check_akid(issuer, id) != X509_V_OK)
		found.rule = RULE_AKI_OF_ANOTHER;
	AUTHORITY_KEYID_free(id);
	return trust_profile_keep(found, out);
}
