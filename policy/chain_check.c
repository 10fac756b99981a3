/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Path validation by OpenSSL, with every finding collected: the reason told
 * is the first by the interface's order, not the first that OpenSSL met. The
 * path is given; OpenSSL is held to it.
 */
#include "chain_check.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "certificate.h"
#include "chain_crl.h"
#include "profile.h"

/* What the verify callback works with. */
struct collector {
	const struct trust_chain_input *in;
	const struct trust_chain_path *path;
	struct trust_chain *out;
	struct trust_chain_flaws *flaws;
	/* Of in->crls those that count, for each but the anchor. */
	struct trust_chain_crls crls[TRUST_CHAIN_PATH_MAX];
	bool found;             /* out->reason is set */
	bool followed;          /* OpenSSL went this path, to its end */
	int no_ca_depth;        /* where an issuer was no CA; -1: nowhere */
	const X509_CRL *forged; /* a CRL that its issuer did not sign */
	bool no_memory;         /* OpenSSL did not see all CRLs */
};

static void
note(struct collector *c, enum trust_reason reason, int depth, const X509 *x509,
    const char *text)
{
	struct trust_chain *out = c->out;

	if (c->found &&
	    trust_chain_rank(out->reason) <= trust_chain_rank(reason))
		return;
	c->found = true;
	out->reason = reason;
	out->depth = depth;
	out->subject[0] = '\0';
	if (x509 != NULL)
		(void)trust_certificate_show_name(
		    X509_get_subject_name(x509), out->subject);
	(void)snprintf(out->detail, sizeof(out->detail), "%s", text);
}

/* A date tells more with the date beside it. */
static void
note_date(struct collector *c, enum trust_reason reason, int depth,
    const X509 *x509, const ASN1_TIME *date, const char *what)
{
	char text[TRUST_DETAIL_MAX], when[TRUST_CLOCK_TEXT] = "";
	char now[TRUST_CLOCK_TEXT];
	int64_t seconds;

	if (trust_certificate_time(date, &seconds) == TRUST_OK)
		(void)trust_clock_format(seconds, when);
	(void)snprintf(text, sizeof(text),
	    "it %s %s, it is %s (RFC 5280 section 4.1.2.5)", what, when,
	    trust_clock_format(c->in->now, now));
	note(c, reason, depth, x509, text);
}

static void
note_flaw(struct collector *c, enum trust_chain_scope scope, int depth)
{
	uint32_t bit = (uint32_t)1 << depth;

	switch (scope) {
	case TRUST_CHAIN_SCOPE_CERTIFICATE:
		c->flaws->certificates |= bit;
		break;
	case TRUST_CHAIN_SCOPE_LINK:
		c->flaws->links |= bit;
		break;
	case TRUST_CHAIN_SCOPE_PREFIX:
		c->flaws->prefixes |= bit;
		break;
	case TRUST_CHAIN_SCOPE_PATH:
		break;
	}
}

/* The extension that is critical and unknown, by its number. */
static void
note_critical(struct collector *c, int depth, const X509 *x509)
{
	char oid[64] = "", text[TRUST_DETAIL_MAX];

	for (int i = 0; i < X509_get_ext_count(x509); i++) {
		X509_EXTENSION *extension = X509_get_ext(x509, i);

		if (X509_EXTENSION_get_critical(extension) == 0 ||
		    X509_supported_extension(extension) != 0)
			continue;
		(void)OBJ_obj2txt(
		    oid, sizeof(oid), X509_EXTENSION_get_object(extension), 1);
		break;
	}
	(void)snprintf(text, sizeof(text),
	    "its extension %s is critical and unknown (RFC 5280 section 4.2)",
	    oid);
	note(c, TRUST_REASON_CHAIN_INVALID, depth, x509, text);
}

static void
note_error(struct collector *c, int error, int depth, const X509 *x509)
{
	struct trust_chain_rule rule = trust_chain_rule_of(error);

	note_flaw(c, rule.scope, depth);
	if (error == X509_V_ERR_CERT_HAS_EXPIRED && x509 != NULL) {
		note_date(c, TRUST_REASON_CERTIFICATE_EXPIRED, depth, x509,
		    X509_get0_notAfter(x509), "ended at");
		return;
	}
	if (error == X509_V_ERR_CERT_NOT_YET_VALID && x509 != NULL) {
		note_date(c, TRUST_REASON_CERTIFICATE_NOT_YET_VALID, depth,
		    x509, X509_get0_notBefore(x509), "is valid from");
		return;
	}
	if (error == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION && x509 != NULL) {
		note_critical(c, depth, x509);
		return;
	}
	note(c, rule.reason, depth, x509, rule.text);
}

static bool
crl_still_counts(const struct collector *c, const X509_CRL *crl)
{
	c->out->crl_stale = true;
	return c->in->revocation == TRUST_REVOCATION_IF_PRESENT ||
	       (crl != NULL &&
		   c->in->now <= trust_chain_crl_end(crl, c->in->crl_grace_s));
}

/* RFC 5280 section 4.1.2.5: notAfter is the last valid second. */
static bool
ends_this_second(const struct collector *c, const X509 *x509)
{
	int64_t not_after;

	return x509 != NULL &&
	       trust_certificate_time(X509_get0_notAfter(x509), &not_after) ==
		   TRUST_OK &&
	       not_after == c->in->now;
}

/* Who is no CA has no CA's purpose either, and what a forged CRL lists is
 * nobody's word. */
static bool
is_aftermath(const struct collector *c, X509_STORE_CTX *ctx, int error)
{
	if (error == X509_V_ERR_INVALID_PURPOSE)
		return c->no_ca_depth == X509_STORE_CTX_get_error_depth(ctx);
	if (error == X509_V_ERR_CERT_REVOKED)
		return c->forged != NULL &&
		       c->forged == X509_STORE_CTX_get0_current_crl(ctx);
	return false;
}

static void
note_cause(struct collector *c, X509_STORE_CTX *ctx, int error)
{
	if (error == X509_V_ERR_INVALID_CA)
		c->no_ca_depth = X509_STORE_CTX_get_error_depth(ctx);
	if (error == X509_V_ERR_CRL_SIGNATURE_FAILURE ||
	    error == X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE)
		c->forged = X509_STORE_CTX_get0_current_crl(ctx);
}

static bool
is_about_anchor(X509_STORE_CTX *ctx)
{
	const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);

	return X509_STORE_CTX_get_error_depth(ctx) == sk_X509_num(chain) - 1;
}

/* The anchor is trusted as it is: nobody revokes it here, and nobody has to
 * say that it is not revoked. */
static bool
is_about_status_of_anchor(X509_STORE_CTX *ctx, int error)
{
	enum trust_reason reason = trust_chain_rule_of(error).reason;

	return (reason == TRUST_REASON_CERTIFICATE_REVOKED ||
		   reason == TRUST_REASON_REVOCATION_UNKNOWN) &&
	       is_about_anchor(ctx);
}

/* By a CRL that OpenSSL left out. */
static bool
is_vouched_for(const struct collector *c, X509_STORE_CTX *ctx)
{
	int depth = X509_STORE_CTX_get_error_depth(ctx);
	bool late;

	if (X509_STORE_CTX_get0_parent_ctx(ctx) != NULL ||
	    depth + 1 >= c->path->n ||
	    !trust_chain_crls_vouch(
		&c->crls[depth], c->path->v[depth + 1], c->in, &late))
		return false;
	c->out->crl_stale |= late;
	return true;
}

/* Findings that OpenSSL makes and our rules do not. */
static bool
is_forgiven(const struct collector *c, X509_STORE_CTX *ctx, int error)
{
	if (is_about_status_of_anchor(ctx, error))
		return true;
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return ends_this_second(
		    c, X509_STORE_CTX_get_current_cert(ctx));
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return c->in->revocation == TRUST_REVOCATION_IF_PRESENT ||
		       is_vouched_for(c, ctx);
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return c->in->revocation == TRUST_REVOCATION_IF_PRESENT;
	case X509_V_ERR_CRL_HAS_EXPIRED:
		return crl_still_counts(
		    c, X509_STORE_CTX_get0_current_crl(ctx));
	case X509_V_ERR_CA_CERT_MISSING_KEY_USAGE:
		/* Section 6.1.4 (n) asks for it only where it is present, and
		 * an anchor is none of the certificates that 6.1.4 is about:
		 * roots by OpenSSL's own defaults have none. */
		return is_about_anchor(ctx);
	case X509_V_ERR_CA_BCONS_NOT_CRITICAL:
		/* A rule of section 4.2.1.9 for who issues, which NIST's test
		 * 4.6.4 breaks. An anchor is chosen: it keeps the rule. */
		return !is_about_anchor(ctx);
	default:
		return false;
	}
}

/* The path of a CRL's own signer is validated in a context below ours. */
static const X509_STORE_CTX *
outermost(const X509_STORE_CTX *ctx)
{
	while (X509_STORE_CTX_get0_parent_ctx(ctx) != NULL)
		ctx = X509_STORE_CTX_get0_parent_ctx(ctx);
	return ctx;
}

/* A path that we found and OpenSSL does not follow. What was found before
 * tells why. */
static void
note_unfollowed(struct collector *c, X509_STORE_CTX *ctx, int error)
{
	if (!c->found)
		note_error(c, error, X509_STORE_CTX_get_error_depth(ctx),
		    X509_STORE_CTX_get_current_cert(ctx));
}

/* Goes on after what is wrong, to find what comes first in our order; where
 * OpenSSL does not follow the path there is nothing to go on with. */
static int
on_verify(int ok, X509_STORE_CTX *ctx)
{
	const X509_STORE_CTX *ours = outermost(ctx);
	struct collector *c = X509_STORE_CTX_get_app_data(ours);
	int error = X509_STORE_CTX_get_error(ctx);

	if (ok == 1)
		return 1;
	if (is_forgiven(c, ctx, error) || is_aftermath(c, ctx, error)) {
		X509_STORE_CTX_set_error(ctx, X509_V_OK);
		return 1;
	}
	/* What is wrong with the path of a CRL's signer comes back as a CRL
	 * whose signer has none. */
	if (ctx != ours)
		return 0;
	if (trust_chain_rule_of(error).reason == TRUST_REASON_CHAIN_UNTRUSTED) {
		note_unfollowed(c, ctx, error);
		return 0;
	}
	note_cause(c, ctx, error);
	note_error(c, error, X509_STORE_CTX_get_error_depth(ctx),
	    X509_STORE_CTX_get_current_cert(ctx));
	return 1;
}

/* ---- In the place of OpenSSL's own functions ---- */

/* Whether the one is followed by the other: as the path says; for the signer
 * of a CRL as OpenSSL would. */
static int
is_followed_by(X509_STORE_CTX *ctx, X509 *x509, X509 *issuer)
{
	const struct collector *c = X509_STORE_CTX_get_app_data(ctx);
	int last;

	if (X509_STORE_CTX_get0_parent_ctx(ctx) != NULL)
		return X509_check_issued(issuer, x509) == X509_V_OK;
	last = c->path->n - 1;
	for (int i = 0; i < last; i++) {
		if (X509_cmp(c->path->v[i], x509) == 0)
			return X509_cmp(c->path->v[i + 1], issuer) == 0;
	}
	/* A leaf that is an anchor, and its own issuer. */
	return X509_cmp(c->path->v[last], x509) == 0 &&
	       X509_cmp(x509, issuer) == 0;
}

static bool
is_path(const STACK_OF(X509) *chain, const struct trust_chain_path *path)
{
	if (sk_X509_num(chain) != path->n)
		return false;
	for (int i = 0; i < path->n; i++) {
		if (X509_cmp(sk_X509_value(chain, i), path->v[i]) != 0)
			return false;
	}
	return true;
}

static void
check_dates(struct collector *c, int depth)
{
	X509 *x509 = c->path->v[depth];
	time_t now = (time_t)c->in->now;
	int begun = X509_cmp_time(X509_get0_notBefore(x509), &now);
	int ended = X509_cmp_time(X509_get0_notAfter(x509), &now);

	if (begun == 0)
		note_error(
		    c, X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD, depth, x509);
	else if (begun > 0)
		note_error(c, X509_V_ERR_CERT_NOT_YET_VALID, depth, x509);
	if (ended == 0)
		note_error(
		    c, X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD, depth, x509);
	else if (ended < 0 && !ends_this_second(c, x509))
		note_error(c, X509_V_ERR_CERT_HAS_EXPIRED, depth, x509);
}

/*
 * The verify function of X509_STORE_CTX_set_verify(3ssl), which stands for
 * signatures and dates: the signatures were verified to find the path, and are
 * not verified a second time. Returns 0 to end the validation.
 */
static int
check_links(X509_STORE_CTX *ctx)
{
	struct collector *c = X509_STORE_CTX_get_app_data(ctx);
	int forged = c->path->forged;

	c->followed = is_path(X509_STORE_CTX_get0_chain(ctx), c->path);
	if (!c->followed)
		return 0;
	for (int i = 0; i < c->path->n; i++)
		check_dates(c, i);
	if (forged < 0)
		return 1;
	note_error(
	    c, X509_V_ERR_CERT_SIGNATURE_FAILURE, forged, c->path->v[forged]);
	return 0;
}

/* ---- The profile ---- */

static void
note_finding(struct collector *c, const struct trust_profile_finding *finding,
    enum trust_chain_scope scope, int depth)
{
	char text[TRUST_DETAIL_MAX];

	note_flaw(c, scope, depth);
	note(c, finding->reason, depth, c->path->v[depth],
	    trust_profile_tell(finding, text));
}

static enum trust_profile_place
place_of(int depth, int n)
{
	if (depth == n - 1)
		return TRUST_PLACE_ANCHOR;
	return depth == 0 ? TRUST_PLACE_LEAF : TRUST_PLACE_INTERMEDIATE;
}

/* OpenSSL passes over CRLs that it cannot read as if there were none: what is
 * on them stays in the dark. */
static void
check_crl(struct collector *c, X509_CRL *crl, int depth)
{
	struct trust_profile_finding finding;
	char text[TRUST_DETAIL_MAX], told[TRUST_DETAIL_MAX];

	if (trust_profile_check_crl(crl, c->in->takes_old_crls, &finding))
		return;
	(void)snprintf(text, sizeof(text), "its issuer's CRL: %s",
	    trust_profile_tell(&finding, told));
	note(c, finding.reason, depth, c->path->v[depth], text);
}

/* Those of the issuer of the certificate there. */
static void
check_crls(struct collector *c, int depth)
{
	const STACK_OF(X509_CRL) *crls = c->crls[depth].v;

	for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(crls, i);

		if (trust_chain_crl_find(crl, c->path->v, c->path->n) == depth)
			check_crl(c, crl, depth);
	}
}

/* By CRLs that OpenSSL leaves out. */
static void
check_left_out(struct collector *c)
{
	X509 *const *path = c->path->v;

	for (int i = 0; i + 1 < c->path->n; i++) {
		if (trust_chain_crls_revoke(&c->crls[i], path[i], path[i + 1]))
			note_error(c, X509_V_ERR_CERT_REVOKED, i, path[i]);
	}
}

/* Asked before OpenSSL: of two that find the same, this knows the field. */
static void
check_profile(struct collector *c)
{
	X509 *const *path = c->path->v;
	struct trust_profile_finding finding;
	int n = c->path->n, depth;

	for (int i = 0; i < n; i++) {
		if (!trust_profile_check(path[i], place_of(i, n), &finding))
			note_finding(
			    c, &finding, TRUST_CHAIN_SCOPE_CERTIFICATE, i);
		if (i + 1 < n &&
		    !trust_profile_check_issuer(path[i], path[i + 1], &finding))
			note_finding(c, &finding, TRUST_CHAIN_SCOPE_LINK, i);
	}
	/* Decodes names again and again: not those that were refused. */
	if (!c->found && !trust_profile_check_names(path, n, &finding, &depth))
		note_finding(c, &finding, TRUST_CHAIN_SCOPE_PATH, depth);
	for (int i = 0; i + 1 < n; i++)
		check_crls(c, i);
}

/*
 * What OpenSSL gives up at instead of telling: a certificate that it cannot
 * read, and from 3.2 on an issuer whose key usage forbids it (RFC 5280 section
 * 6.1.4 (n)), which it does not even follow.
 */
static void
check_members(struct collector *c)
{
	for (int i = 0; i < c->path->n; i++) {
		X509 *x509 = c->path->v[i];

		if ((X509_get_extension_flags(x509) & EXFLAG_INVALID) != 0)
			note_error(c, X509_V_ERR_INVALID_EXTENSION, i, x509);
		if (X509_get0_pubkey(x509) == NULL)
			note_error(c,
			    X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, i,
			    x509);
		if (i > 0 && (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) == 0)
			note_error(c, X509_V_ERR_KEYUSAGE_NO_CERTSIGN, i, x509);
	}
}

/* ---- */

static enum trust_err
set_policies(X509_VERIFY_PARAM *param, const struct trust_chain_input *in,
    struct trust_message *msg)
{
	for (size_t i = 0; i < in->n_policies; i++) {
		ASN1_OBJECT *oid = OBJ_txt2obj(in->policies[i], 1);

		if (oid == NULL)
			return trust_err_set(msg, TRUST_ERR_INPUT,
			    "policy: want an OID like 1.2.3, got \"%s\"",
			    in->policies[i]);
		if (X509_VERIFY_PARAM_add0_policy(param, oid) != 1) {
			ASN1_OBJECT_free(oid);
			return TRUST_ERR_NOMEM;
		}
	}
	return TRUST_OK;
}

static unsigned long
flags_of(const struct trust_chain_input *in, X509 *anchor)
{
	unsigned long flags =
	    X509_V_FLAG_X509_STRICT | X509_V_FLAG_POLICY_CHECK;

	/* A chain ends before a root only where the anchor is none. */
	if (X509_self_signed(anchor, 0) != 1)
		flags |= X509_V_FLAG_PARTIAL_CHAIN;
	if (in->revocation == TRUST_REVOCATION_REQUIRE ||
	    (in->crls != NULL && sk_X509_CRL_num(in->crls) > 0))
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL |
			 X509_V_FLAG_EXTENDED_CRL_SUPPORT |
			 X509_V_FLAG_USE_DELTAS;
	if (in->require_policy)
		flags |= X509_V_FLAG_EXPLICIT_POLICY;
	if (in->no_policy_mapping)
		flags |= X509_V_FLAG_INHIBIT_MAP;
	if (in->no_any_policy)
		flags |= X509_V_FLAG_INHIBIT_ANY;
	return flags;
}

static enum trust_err
set_param(
    X509_STORE_CTX *ctx, const struct collector *c, struct trust_message *msg)
{
	const struct trust_chain_input *in = c->in;
	X509 *anchor = c->path->v[c->path->n - 1];
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
	int purpose = 0;

	if (in->purpose == TRUST_PURPOSE_CLIENT)
		purpose = X509_PURPOSE_SSL_CLIENT;
	else if (in->purpose == TRUST_PURPOSE_SERVER)
		purpose = X509_PURPOSE_SSL_SERVER;
	if (purpose != 0 && X509_VERIFY_PARAM_set_purpose(param, purpose) != 1)
		return TRUST_ERR_INTERNAL;
	if (X509_VERIFY_PARAM_set_flags(param, flags_of(in, anchor)) != 1)
		return TRUST_ERR_INTERNAL;
	X509_VERIFY_PARAM_set_time(param, (time_t)in->now);
	X509_VERIFY_PARAM_set_depth(param, TRUST_CHAIN_PATH_MAX - 2);
	/* Level 2 is 112 bits: SSL_CTX_set_security_level(3ssl). */
	X509_VERIFY_PARAM_set_auth_level(param, 2);
	return set_policies(param, in, msg);
}

/* ---- The path that was found ---- */

static enum trust_err
read_member(X509 *x509, bool wants_path, struct trust_chain *out)
{
	enum trust_err r = TRUST_OK;
	int64_t from, until;
	int bits;

	if (wants_path)
		r = trust_certificate_thumbprint(x509, &out->path[out->n_path]);
	if (r != TRUST_OK)
		return r;
	out->n_path++;
	if (trust_certificate_time(X509_get0_notBefore(x509), &from) ==
		TRUST_OK &&
	    from > out->valid_from)
		out->valid_from = from;
	if (trust_certificate_time(X509_get0_notAfter(x509), &until) ==
		TRUST_OK &&
	    until < out->valid_until)
		out->valid_until = until;
	bits = trust_certificate_rsa_bits(x509);
	if (bits > 0 && (out->min_rsa_bits == 0 || bits < out->min_rsa_bits))
		out->min_rsa_bits = bits;
	return TRUST_OK;
}

static void
bound_by(struct collector *c, const STACK_OF(X509_CRL) *crls)
{
	const struct trust_chain_input *in = c->in;

	for (int i = 0; i < sk_X509_CRL_num(crls); i++) {
		const X509_CRL *crl = sk_X509_CRL_value(crls, i);
		int64_t end = trust_chain_crl_end(crl, in->crl_grace_s);

		if (trust_chain_crl_find(crl, c->path->v, c->path->n) >= 0 &&
		    end >= in->now && end < c->out->valid_until)
			c->out->valid_until = end;
	}
}

/* Where every CA must have a current CRL, the end of one ends the result. One
 * that does not say how long it is current breaks the profile. */
static void
bound_by_crls(struct collector *c)
{
	if (c->in->revocation != TRUST_REVOCATION_REQUIRE)
		return;
	for (int i = 0; i + 1 < c->path->n; i++)
		bound_by(c, c->crls[i].v);
}

static enum trust_err
read_path(struct collector *c)
{
	int n = c->path->n;
	enum trust_err r;

	for (int i = 0; i < n; i++) {
		r = read_member(c->path->v[i], c->in->wants_path, c->out);
		if (r != TRUST_OK)
			return r;
	}
	r = trust_certificate_thumbprint(c->path->v[n - 1], &c->out->anchor);
	if (r != TRUST_OK)
		return r;
	trust_chain_crl_bound(c->in, c->path->v, n, c->out);
	bound_by_crls(c);
	if (n == 1)
		note(c, TRUST_REASON_CHAIN_INVALID, 0, c->in->leaf,
		    "it is the trust anchor itself, which vouches for others");
	return TRUST_OK;
}

/* ---- Bounds ---- */

/* The CA that is one too many, counted from the leaf. */
static void
check_depth(struct collector *c)
{
	int n = c->path->n - 2, max = c->in->max_depth;
	char text[TRUST_DETAIL_MAX];

	if (max < 0 || n <= max)
		return;
	(void)snprintf(text, sizeof(text),
	    "it is CA %d of %d between leaf and anchor, want at most %d "
	    "(max_depth)",
	    max + 1, n, max);
	note(
	    c, TRUST_REASON_CHAIN_TOO_DEEP, max + 1, c->path->v[max + 1], text);
}

static void
check_rsa_bits(struct collector *c)
{
	char text[TRUST_DETAIL_MAX];

	for (int i = 0; i < c->path->n; i++) {
		int bits = trust_certificate_rsa_bits(c->path->v[i]);

		if (bits == 0 || bits >= c->in->min_rsa_bits)
			continue;
		note_flaw(c, TRUST_CHAIN_SCOPE_CERTIFICATE, i);
		(void)snprintf(text, sizeof(text),
		    "its RSA key has %d bits, want at least %d (min_rsa_bits; "
		    "RFC 5280 section 4.1.2.7)",
		    bits, c->in->min_rsa_bits);
		note(c, TRUST_REASON_KEY_TOO_WEAK, i, c->path->v[i], text);
	}
}

/* Beyond RFC 5280, what the input wants. */
static void
check_bounds(struct collector *c)
{
	bool valid = c->out->valid;

	check_depth(c);
	check_rsa_bits(c);
	c->out->valid = valid && !c->found;
	c->flaws->bounds_alone = valid && c->found;
}

/* ---- */

static enum trust_err
run(X509_STORE_CTX *ctx, struct collector *c, struct trust_message *msg)
{
	enum trust_err r;
	int verified;

	r = set_param(ctx, c, msg);
	if (r != TRUST_OK)
		return r;
	/* A forged certificate is refused for that. */
	if (c->path->forged < 0) {
		check_profile(c);
		check_left_out(c);
	}
	check_members(c);
	verified = X509_verify_cert(ctx);
	if (!c->found && (verified < 0 || !c->followed))
		return trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "chain: the validation could not be carried out (%s)",
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(ctx)));
	if (c->no_memory ||
	    X509_STORE_CTX_get_error(ctx) == X509_V_ERR_OUT_OF_MEM)
		return TRUST_ERR_NOMEM;
	r = read_path(c);
	if (r != TRUST_OK)
		return r;
	if (verified != 1 && !c->found)
		note_error(c, X509_STORE_CTX_get_error(ctx),
		    X509_STORE_CTX_get_error_depth(ctx),
		    X509_STORE_CTX_get_current_cert(ctx));
	c->out->valid = verified == 1 && c->followed && !c->found;
	check_bounds(c);
	return TRUST_OK;
}

/* The CRLs for one certificate: of the path, or of the signer of a CRL, whose
 * path OpenSSL looks for in a context below. The anchor has none. */
static STACK_OF(X509_CRL) *
look_up_crls(const X509_STORE_CTX *ctx, const X509_NAME *name)
{
	struct collector *c = X509_STORE_CTX_get_app_data(outermost(ctx));
	int depth = X509_STORE_CTX_get_error_depth(ctx);
	STACK_OF(X509_CRL) *out = NULL;

	(void)name;
	if (X509_STORE_CTX_get0_parent_ctx(ctx) != NULL)
		out = trust_chain_crls_newest(c->in, c->path->v, c->path->n);
	else if (depth + 1 < c->path->n && c->crls[depth].v != NULL)
		out = sk_X509_CRL_dup(c->crls[depth].v);
	else
		return NULL;
	for (int i = 0; i < sk_X509_CRL_num(out); i++)
		X509_CRL_up_ref(sk_X509_CRL_value(out, i));
	c->no_memory |= out == NULL;
	return out;
}

/* A store and not a stack: OpenSSL shows the signers of CRLs only that. */
static X509_STORE *
new_store(X509 *anchor)
{
	X509_STORE *store = X509_STORE_new();

	if (store == NULL)
		return NULL;
	if (X509_STORE_add_cert(store, anchor) != 1) {
		X509_STORE_free(store);
		return NULL;
	}
	X509_STORE_set_check_issued(store, is_followed_by);
	X509_STORE_set_lookup_crls(store, look_up_crls);
	return store;
}

static bool
choose_crls(struct collector *c)
{
	X509 *const *path = c->path->v;

	if (sk_X509_CRL_num(c->in->crls) <= 0)
		return true;
	for (int i = 0; i + 1 < c->path->n; i++) {
		if (!trust_chain_crls_choose(
			c->in, path[i], path[i + 1], &c->crls[i]))
			return false;
	}
	return true;
}

enum trust_err
trust_chain_check(const struct trust_chain_input *in,
    const struct trust_chain_path *path, struct trust_chain *out,
    struct trust_chain_flaws *flaws, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	struct collector c = {.in = in,
	    .path = path,
	    .out = out,
	    .flaws = flaws,
	    .no_ca_depth = -1};
	X509_STORE *store = new_store(path->v[path->n - 1]);
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	memset(out, 0, sizeof(*out));
	memset(flaws, 0, sizeof(*flaws));
	out->valid_from = INT64_MIN;
	out->valid_until = TRUST_CLOCK_NEVER;
	if (store == NULL || ctx == NULL || !choose_crls(&c) ||
	    X509_STORE_CTX_init(ctx, store, in->leaf, in->untrusted) != 1)
		goto out;
	X509_STORE_CTX_set_verify_cb(ctx, on_verify);
	X509_STORE_CTX_set_verify(ctx, check_links);
	if (X509_STORE_CTX_set_app_data(ctx, &c) != 1)
		goto out;
	r = run(ctx, &c, msg);
out:
	if (r != TRUST_OK)
		memset(out, 0, sizeof(*out));
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	for (int i = 0; i < path->n; i++)
		trust_chain_crls_clear(&c.crls[i]);
	ERR_clear_error();
	return r;
}
