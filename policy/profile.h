/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The profile of RFC 5280: what certificates and CRLs must and must not say,
 * beyond what path validation needs and beyond what OpenSSL looks at. Which
 * rule is checked where: docs/CONFORMANCE.md.
 */
#ifndef TRUST_PROFILE_H
#define TRUST_PROFILE_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "err.h"
#include "limit.h"
#include "reason.h"

/* Where in a path a certificate stands. */
enum trust_profile_place {
	TRUST_PLACE_LEAF,
	TRUST_PLACE_INTERMEDIATE,
	TRUST_PLACE_ANCHOR,
};

/* A rule that is broken. Its texts are static. */
struct trust_profile_finding {
	enum trust_reason reason;
	const char *field;  /* "serialNumber", as RFC 5280 spells it */
	const char *text;   /* what is wrong with it: "is zero" */
	const char *source; /* "RFC 5280 section 4.1.2.2" */
};

/*
 * Whether one certificate keeps the rules of its place. Otherwise the rule
 * that it breaks is in `out`, the foremost by the interface's order of
 * reasons. Of an anchor, which is trusted by configuration, the serial number
 * is not looked at; everything that says what it may vouch for is.
 */
bool trust_profile_check(X509 *x509, enum trust_profile_place place,
    struct trust_profile_finding *out) TRUST_MUST_CHECK;

/* Whether a certificate means the key of this issuer by its
 * authorityKeyIdentifier; otherwise the finding is in `out`. */
bool trust_profile_check_issuer(X509 *x509, X509 *issuer,
    struct trust_profile_finding *out) TRUST_MUST_CHECK;

/*
 * Whether the names of a path of `n` (leaf first, anchor last) can be compared
 * with the name constraints above them: OpenSSL compares malformed names as
 * they are, and lets them slip past a constraint. Otherwise the finding is in
 * `out`, and in `depth` the place of the certificate.
 */
bool trust_profile_check_names(X509 *const *path, int n,
    struct trust_profile_finding *out, int *depth) TRUST_MUST_CHECK;

/* Whether a CRL keeps the rules. Who signed it is not looked at. `takes_old`:
 * it may be of version 1, or without a number, as `openssl ca -gencrl` makes it
 * where it is not told of a file for numbers. */
bool trust_profile_check_crl(X509_CRL *crl, bool takes_old,
    struct trust_profile_finding *out) TRUST_MUST_CHECK;

/* Whether its dates alone are times; a nextUpdate that is not there is none.
 * trust_profile_check_crl asks that too. */
bool trust_profile_check_crl_dates(
    const X509_CRL *crl, struct trust_profile_finding *out) TRUST_MUST_CHECK;

/* "serialNumber is zero (RFC 5280 section 4.1.2.2)". Returns `out`. */
char *trust_profile_tell(
    const struct trust_profile_finding *finding, char out[TRUST_DETAIL_MAX]);

#endif
