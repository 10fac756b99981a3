/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile of CRLs: RFC 5280 section 5. The entries are looked at no more
 * than the search for a serial number does.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "profile_internal.h"

/* Octets of a CRL number: section 5.2.3. */
#define NUMBER_MAX 20

static bool
is_strong_digest(int nid)
{
	switch (nid) {
	case NID_md2:
	case NID_md4:
	case NID_md5:
	case NID_md5_sha1:
	case NID_mdc2:
	case NID_ripemd160:
	case NID_sha:
	case NID_sha1:
		return false;
	default:
		return true;
	}
}

/* The digest of RSASSA-PSS is a parameter, and SHA-1 where none is told. */
static bool
is_strong_pss(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *oid;
	RSA_PSS_PARAMS *pss = NULL;
	const void *value;
	bool is_strong;
	int type;

	X509_ALGOR_get0(NULL, &type, &value, algorithm);
	if (type == V_ASN1_SEQUENCE)
		pss = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
	if (pss == NULL || pss->hashAlgorithm == NULL) {
		RSA_PSS_PARAMS_free(pss);
		return false;
	}
	X509_ALGOR_get0(&oid, NULL, NULL, pss->hashAlgorithm);
	is_strong = is_strong_digest(OBJ_obj2nid(oid));
	RSA_PSS_PARAMS_free(pss);
	return is_strong;
}

/* The algorithm inside of what is signed, and the one beside it. OpenSSL has
 * no words for the former in all its versions. */
static bool
do_algorithms_agree(struct trust_span der)
{
	struct profile_item crl, tbs, inner, outer;

	if (!trust_profile_der_next(&der, &crl) ||
	    !trust_profile_der_next(&crl.content, &tbs) ||
	    !trust_profile_der_next(&crl.content, &outer) ||
	    !trust_profile_der_next(&tbs.content, &inner))
		return false;
	if (inner.tag == V_ASN1_INTEGER && /* the version */
	    !trust_profile_der_next(&tbs.content, &inner))
		return false;
	return inner.content.len == outer.content.len &&
	       memcmp(inner.content.p, outer.content.p, inner.content.len) == 0;
}

static enum profile_rule
check_algorithms(X509_CRL *crl)
{
	unsigned char *der = NULL;
	int len = i2d_X509_CRL(crl, &der);
	bool agree = len > 0 &&
		     do_algorithms_agree((struct trust_span){der, (size_t)len});

	OPENSSL_free(der);
	return agree ? RULE_KEPT : RULE_CRL_ALGORITHMS;
}

static enum profile_rule
check_digest(const X509_CRL *crl)
{
	int signature = X509_CRL_get_signature_nid(crl), digest;
	const X509_ALGOR *algorithm;
	bool is_strong;

	X509_CRL_get0_signature(crl, NULL, &algorithm);
	if (signature == NID_rsassaPss)
		is_strong = is_strong_pss(algorithm);
	else
		is_strong =
		    OBJ_find_sigid_algs(signature, &digest, NULL) == 1 &&
		    is_strong_digest(digest);
	return is_strong ? RULE_KEPT : RULE_CRL_DIGEST;
}

/* In the one form that OpenSSL reads a CRL's dates in, whatever the time is. */
static bool
is_time(const ASN1_TIME *date)
{
	time_t any = 0;

	return date != NULL && X509_cmp_time(date, &any) != 0;
}

static enum profile_rule
check_times(const X509_CRL *crl)
{
	if (!is_time(X509_CRL_get0_lastUpdate(crl)))
		return RULE_CRL_THIS_UPDATE;
	return is_time(X509_CRL_get0_nextUpdate(crl)) ? RULE_KEPT
						      : RULE_CRL_NEXT_UPDATE;
}

static enum profile_rule
check_dates(const X509_CRL *crl)
{
	enum profile_rule rule = check_times(crl);

	if (rule == RULE_KEPT &&
	    ASN1_TIME_compare(X509_CRL_get0_nextUpdate(crl),
		X509_CRL_get0_lastUpdate(crl)) == -1)
		rule = RULE_CRL_DATES;
	return rule;
}

static enum profile_rule
check_number(X509_CRL *crl)
{
	enum profile_rule rule = RULE_KEPT;
	ASN1_INTEGER *number =
	    X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
	int len;

	if (number == NULL)
		return RULE_CRL_NUMBER_MISSING;
	len = ASN1_STRING_length(number);
	if (ASN1_STRING_type(number) == V_ASN1_NEG_INTEGER ||
	    len > NUMBER_MAX ||
	    (len == NUMBER_MAX &&
		(ASN1_STRING_get0_data(number)[0] & 0x80) != 0))
		rule = RULE_CRL_NUMBER_RANGE;
	ASN1_INTEGER_free(number);
	return rule;
}

static int
count_true(ASN1_BOOLEAN a, ASN1_BOOLEAN b, ASN1_BOOLEAN c)
{
	return (a > 0) + (b > 0) + (c > 0);
}

static enum profile_rule
check_scope(const X509_CRL *crl, bool *is_indirect)
{
	ISSUING_DIST_POINT *scope = X509_CRL_get_ext_d2i(
	    crl, NID_issuing_distribution_point, NULL, NULL);
	enum profile_rule rule = RULE_KEPT;

	*is_indirect = scope != NULL && scope->indirectCRL > 0;
	if (scope != NULL &&
	    count_true(scope->onlyuser, scope->onlyCA, scope->onlyattr) > 1)
		rule = RULE_CRL_SCOPE;
	ISSUING_DIST_POINT_free(scope);
	return rule;
}

/* A search puts the entries in order, so that twins are neighbours. In an
 * indirect CRL they are of different issuers. */
static enum profile_rule
check_revoked(X509_CRL *crl, bool is_indirect)
{
	STACK_OF(X509_REVOKED) *revoked = X509_CRL_get_REVOKED(crl);
	int n = sk_X509_REVOKED_num(revoked);
	X509_REVOKED *found;

	if (revoked != NULL && n == 0)
		return RULE_CRL_NONE_REVOKED;
	if (revoked == NULL || is_indirect)
		return RULE_KEPT;
	(void)X509_CRL_get0_by_serial(crl, &found,
	    X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(revoked, 0)));
	for (int i = 1; i < n; i++) {
		if (ASN1_INTEGER_cmp(X509_REVOKED_get0_serialNumber(
					 sk_X509_REVOKED_value(revoked, i - 1)),
			X509_REVOKED_get0_serialNumber(
			    sk_X509_REVOKED_value(revoked, i))) == 0)
			return RULE_CRL_SERIAL_TWICE;
	}
	return RULE_KEPT;
}

static enum profile_rule
check_fields(X509_CRL *crl, bool takes_old)
{
	bool is_indirect;
	enum profile_rule rule = check_algorithms(crl);

	if (rule == RULE_KEPT)
		rule = check_digest(crl);
	if (rule == RULE_KEPT && !takes_old &&
	    X509_CRL_get_version(crl) != X509_CRL_VERSION_2)
		rule = RULE_CRL_VERSION;
	if (rule == RULE_KEPT)
		rule = check_dates(crl);
	if (rule == RULE_KEPT)
		rule = check_number(crl);
	if (rule == RULE_CRL_NUMBER_MISSING && takes_old)
		rule = RULE_KEPT;
	if (rule == RULE_KEPT)
		rule = check_scope(crl, &is_indirect);
	if (rule == RULE_KEPT)
		rule = check_revoked(crl, is_indirect);
	return rule;
}

bool
trust_profile_check_crl_dates(
    const X509_CRL *crl, struct trust_profile_finding *out)
{
	bool kept = trust_profile_keep(
	    (struct profile_break){.rule = check_times(crl)}, out);

	ERR_clear_error();
	return kept;
}

bool
trust_profile_check_crl(
    X509_CRL *crl, bool takes_old, struct trust_profile_finding *out)
{
	const STACK_OF(X509_EXTENSION) *extensions =
	    X509_CRL_get0_extensions(crl);
	/* Its extensions before what they hold: twice is neither. */
	struct profile_break found =
	    trust_profile_check_extensions(extensions, true);

	if (found.rule == RULE_KEPT)
		found = trust_profile_check_points(extensions);
	if (found.rule == RULE_KEPT)
		found.rule = check_fields(crl, takes_old);
	ERR_clear_error();
	if (trust_profile_keep(found, out))
		return true;
	/* Whatever it is, it leaves open what is revoked. */
	out->reason = TRUST_REASON_REVOCATION_UNKNOWN;
	return false;
}
