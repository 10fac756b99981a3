/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extensions, each for itself: RFC 5280 sections 4.2 and 5.2.
 */
#include <openssl/asn1t.h>
#include <openssl/err.h>

#include "profile_internal.h"

#define ROW(field_, section_) \
	.field = field_, .source = "RFC 5280 section " section_

/* What is known of extensions that certificates and CRLs have. A private one
 * has to be DER alone. */
static const struct profile_extension extensions[] = {
    {NID_authority_key_identifier, ROW("authorityKeyIdentifier", "4.2.1.1"),
	.must_not_be_critical = true,
	.may_be_empty = true, /* told as one without keyIdentifier */
	.is_cached = true},
    {NID_subject_key_identifier, ROW("subjectKeyIdentifier", "4.2.1.2"),
	.must_not_be_critical = true, .is_cached = true},
    {NID_key_usage, ROW("keyUsage", "4.2.1.3"), .is_cached = true},
    {NID_certificate_policies, ROW("certificatePolicies", "4.2.1.4")},
    {NID_policy_mappings, ROW("policyMappings", "4.2.1.5")},
    {NID_subject_alt_name, ROW("subjectAltName", "4.2.1.6"), .is_cached = true},
    {NID_issuer_alt_name, ROW("issuerAltName", "4.2.1.7")},
    {NID_subject_directory_attributes,
	ROW("subjectDirectoryAttributes", "4.2.1.8"),
	.must_not_be_critical = true},
    {NID_basic_constraints, ROW("basicConstraints", "4.2.1.9"),
	.may_be_empty = true, /* cA and pathLenConstraint have defaults */
	.is_cached = true},
    {NID_name_constraints, ROW("nameConstraints", "4.2.1.10"),
	.must_be_critical = true, .is_cached = true},
    /* It MUST be critical, and NIST's suite has it otherwise in 29 tests; it
     * is heeded either way. */
    {NID_policy_constraints, ROW("policyConstraints", "4.2.1.11")},
    {NID_ext_key_usage, ROW("extKeyUsage", "4.2.1.12"), .is_cached = true},
    {NID_crl_distribution_points, ROW("cRLDistributionPoints", "4.2.1.13"),
	.is_cached = true},
    {NID_inhibit_any_policy, ROW("inhibitAnyPolicy", "4.2.1.14"),
	.must_be_critical = true},
    /* Section 5.2.6 says the same of it in a CRL. */
    {NID_freshest_crl, ROW("freshestCRL", "4.2.1.15"),
	.must_not_be_critical = true},
    {NID_info_access, ROW("authorityInfoAccess", "4.2.2.1"),
	.must_not_be_critical = true},
    {NID_sinfo_access, ROW("subjectInfoAccess", "4.2.2.2"),
	.must_not_be_critical = true},
    {NID_crl_number, ROW("cRLNumber", "5.2.3"), .must_not_be_critical = true},
    {NID_delta_crl, ROW("deltaCRLIndicator", "5.2.4"),
	.must_be_critical = true},
    {NID_issuing_distribution_point, ROW("issuingDistributionPoint", "5.2.5"),
	.must_be_critical = true},
};

const struct profile_extension *
trust_profile_extension(int nid)
{
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]);
	     i++) {
		if (extensions[i].nid == nid && nid != NID_undef)
			return &extensions[i];
	}
	return NULL;
}

static struct trust_span
value_of(X509_EXTENSION *extension)
{
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);

	return (struct trust_span){
	    ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
}

static bool
is_empty(struct trust_span value)
{
	return value.len == 2 && value.p[1] == 0;
}

static bool
decodes(X509_EXTENSION *extension)
{
	const X509V3_EXT_METHOD *method = X509V3_EXT_get(extension);
	struct trust_span value = value_of(extension);
	const unsigned char *p = value.p;
	ASN1_VALUE *decoded;

	if (method == NULL || method->it == NULL)
		return true;
	decoded =
	    ASN1_item_d2i(NULL, &p, (long)value.len, ASN1_ITEM_ptr(method->it));
	if (decoded == NULL)
		return false;
	ASN1_item_free(decoded, ASN1_ITEM_ptr(method->it));
	return true;
}

/* By the table: how it is marked, and whether it can be read. */
static enum profile_rule
check_known(const struct profile_extension *known, X509_EXTENSION *extension,
    bool is_cached_invalid)
{
	bool is_critical = X509_EXTENSION_get_critical(extension) != 0;

	if (known->must_be_critical && !is_critical)
		return RULE_EXTENSION_NOT_CRITICAL;
	if (known->must_not_be_critical && is_critical)
		return RULE_EXTENSION_CRITICAL;
	if (!known->may_be_empty && is_empty(value_of(extension)))
		return RULE_EXTENSION_EMPTY;
	if ((!known->is_cached || is_cached_invalid) && !decodes(extension))
		return RULE_EXTENSION_MALFORMED;
	return RULE_KEPT;
}

static bool
is_twice(const STACK_OF(X509_EXTENSION) *all, int place)
{
	const ASN1_OBJECT *oid =
	    X509_EXTENSION_get_object(sk_X509_EXTENSION_value(all, place));

	for (int i = 0; i < place; i++) {
		if (OBJ_cmp(oid, X509_EXTENSION_get_object(
				     sk_X509_EXTENSION_value(all, i))) == 0)
			return true;
	}
	return false;
}

struct profile_break
trust_profile_check_extensions(
    const STACK_OF(X509_EXTENSION) *all, bool is_cached_invalid)
{
	struct profile_break found = {.rule = RULE_KEPT};
	int n = sk_X509_EXTENSION_num(all);

	if (n > TRUST_EXTENSIONS_MAX)
		found.rule = RULE_EXTENSIONS_MANY;
	for (int i = 0; i < n && found.rule == RULE_KEPT; i++) {
		X509_EXTENSION *extension = sk_X509_EXTENSION_value(all, i);
		const struct profile_extension *known;

		found.nid = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
		known = trust_profile_extension(found.nid);
		if (is_twice(all, i))
			found.rule = RULE_EXTENSION_TWICE;
		else if (known != NULL &&
			 value_of(extension).len > TRUST_EXTENSION_MAX)
			found.rule = RULE_EXTENSION_LONG;
		else if (known != NULL &&
			 !trust_profile_der_check(value_of(extension)))
			found.rule = RULE_EXTENSION_DER;
		else if (known != NULL)
			found.rule =
			    check_known(known, extension, is_cached_invalid);
	}
	return found;
}

/* ---- Distribution points ---- */

static bool
are_whole(X509_EXTENSION *extension)
{
	CRL_DIST_POINTS *points = X509V3_EXT_d2i(extension);
	bool whole = true;

	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *point = sk_DIST_POINT_value(points, i);

		if (point->distpoint == NULL && point->CRLissuer == NULL)
			whole = false;
	}
	CRL_DIST_POINTS_free(points);
	return whole;
}

struct profile_break
trust_profile_check_points(const STACK_OF(X509_EXTENSION) *all)
{
	static const int kinds[] = {
	    NID_crl_distribution_points, NID_freshest_crl};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int place = X509v3_get_ext_by_NID(all, kinds[i], -1);

		if (place >= 0 &&
		    !are_whole(sk_X509_EXTENSION_value(all, place)))
			return (struct profile_break){
			    RULE_POINT_EMPTY, kinds[i]};
	}
	return (struct profile_break){.rule = RULE_KEPT};
}
