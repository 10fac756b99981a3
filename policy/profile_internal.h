/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the profile share: the names of the rules, and the reader
 * of DER.
 */
#ifndef TRUST_PROFILE_INTERNAL_H
#define TRUST_PROFILE_INTERNAL_H

#include <openssl/x509v3.h>

#include "profile.h"
#include "span.h"

/* Every rule; the table in profile.c has its words. */
enum profile_rule {
	RULE_KEPT = 0,
	/* Keys and signatures. */
	RULE_RSA_SIZE,
	RULE_RSA_EXPONENT,
	RULE_DSA,
	RULE_CRL_DIGEST,
	/* The certificate. */
	RULE_DER,
	RULE_VERSION,
	RULE_VERSION_DEFAULT,
	RULE_SERIAL_NEGATIVE,
	RULE_SERIAL_ZERO,
	RULE_SERIAL_LONG,
	RULE_SIGNATURE_PARAMETERS,
	RULE_UNIQUE_ID,
	RULE_EXTENSIONS_EMPTY,
	RULE_EXTENSIONS_MANY,
	/* Any extension: its table has field and section. */
	RULE_EXTENSION_TWICE,
	RULE_EXTENSION_LONG,
	RULE_EXTENSION_DER,
	RULE_EXTENSION_MALFORMED,
	RULE_EXTENSION_EMPTY,
	RULE_EXTENSION_CRITICAL,
	RULE_EXTENSION_NOT_CRITICAL,
	RULE_EXTENSION_UNREADABLE,
	/* Some extensions. */
	RULE_AKI_MISSING,
	RULE_AKI_NO_KEY_ID,
	RULE_AKI_HALF_ISSUER,
	RULE_AKI_NOT_OWN,
	RULE_AKI_OF_ANOTHER,
	RULE_PATH_LENGTH,
	RULE_KEY_USAGE_NONE,
	RULE_SAN_NOT_ASCII,
	RULE_SAN_ADDRESS,
	RULE_CONSTRAINTS_NO_CA,
	RULE_CONSTRAINTS_EMPTY,
	RULE_CONSTRAINTS_BOUNDS,
	RULE_CONSTRAINTS_DNS,
	RULE_CONSTRAINTS_EMAIL,
	RULE_CONSTRAINTS_URI,
	RULE_CONSTRAINTS_ADDRESS,
	RULE_POINT_EMPTY,
	/* Names below name constraints. */
	RULE_NAME_DNS,
	RULE_NAME_EMAIL,
	RULE_NAME_URI,
	RULE_NAME_WILDCARD,
	/* CRLs. */
	RULE_CRL_VERSION,
	RULE_CRL_ALGORITHMS,
	RULE_CRL_THIS_UPDATE,
	RULE_CRL_NEXT_UPDATE,
	RULE_CRL_DATES,
	RULE_CRL_NONE_REVOKED,
	RULE_CRL_SERIAL_TWICE,
	RULE_CRL_NUMBER_MISSING,
	RULE_CRL_NUMBER_RANGE,
	RULE_CRL_SCOPE,
	N_RULES,
};

/* A rule, and the extension that it is about where the rule has no field. */
struct profile_break {
	enum profile_rule rule;
	int nid;
};

/* What the profile says of a kind of extension. */
struct profile_extension {
	int nid;
	const char *field;  /* RFC 5280's name */
	const char *source; /* its section */
	bool must_be_critical;
	bool must_not_be_critical;
	bool may_be_empty; /* an empty SEQUENCE is a value */
	/* OpenSSL decodes it anyway, and marks the certificate when that
	 * fails. */
	bool is_cached;
};

/* ---- profile.c ---- */

/* True: nothing is broken. Else the words for what is, in `out`. */
bool trust_profile_keep(
    struct profile_break found, struct trust_profile_finding *out);

/* ---- profile_der.c ---- */

/* One value of DER, with what it is in. */
struct profile_item {
	int tag;
	int class; /* V_ASN1_UNIVERSAL, V_ASN1_CONTEXT_SPECIFIC, … */
	bool is_constructed;
	struct trust_span content;
};

/* Takes the first value off `rest`. False when it is none in DER. */
bool trust_profile_der_next(struct trust_span *rest, struct profile_item *item);

/* Whether it is exactly one value in DER, down to the last octet; what stands
 * inside of octet strings is not looked at. */
bool trust_profile_der_check(struct trust_span der);

/* ---- profile_extension.c ---- */

/* NULL: an extension that the profile does not know. Static. */
const struct profile_extension *trust_profile_extension(int nid);

/* The extensions of a certificate or CRL, each for itself. */
struct profile_break trust_profile_check_extensions(
    const STACK_OF(X509_EXTENSION) *extensions, bool is_cached_invalid);

/* Whether the distribution points of CRLs are whole. */
struct profile_break trust_profile_check_points(
    const STACK_OF(X509_EXTENSION) *extensions);

/* ---- profile_name.c ---- */

/* The name constraints of a CA themselves. */
enum profile_rule trust_profile_check_constraints(
    const NAME_CONSTRAINTS *constraints);

#endif
