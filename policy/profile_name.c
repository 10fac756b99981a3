/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name constraints: RFC 5280 section 4.2.1.10. OpenSSL compares names with
 * them; here is what has to hold so that its comparison means something.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "profile_internal.h"

/* RFC 1034 section 3.1, as text. */
#define LABEL_MAX 63
#define HOST_MAX  253

static struct trust_span
span_of(const ASN1_STRING *string)
{
	return (struct trust_span){
	    ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)};
}

static struct trust_span
without(struct trust_span span, size_t n)
{
	return (struct trust_span){span.p + n, span.len - n};
}

/* "*.example.com" */
static bool
is_wildcard(struct trust_span name)
{
	return name.len > 2 && name.p[0] == '*' && name.p[1] == '.';
}

static bool
is_alphanumeric(uint8_t c)
{
	return c < 0x80 && isalnum(c);
}

/* The preferred syntax of host names: RFC 1034 section 3.5, with the digits
 * of RFC 1123 section 2.1. */
static bool
is_host(struct trust_span name)
{
	size_t label = 0; /* where it begins */

	if (name.len == 0 || name.len > HOST_MAX)
		return false;
	for (size_t i = 0; i <= name.len; i++) {
		if (i < name.len && name.p[i] != '.') {
			if (!is_alphanumeric(name.p[i]) && name.p[i] != '-')
				return false;
			continue;
		}
		if (i == label || i - label > LABEL_MAX ||
		    name.p[label] == '-' || name.p[i - 1] == '-')
			return false;
		label = i + 1;
	}
	return true;
}

/* A host, or with a period before it all below. */
static bool
is_domain(struct trust_span name)
{
	return is_host(
	    name.len > 0 && name.p[0] == '.' ? without(name, 1) : name);
}

/* A mailbox (RFC 2821 section 4.1.2) with its local part unquoted: what is
 * quoted can hold an at sign, and comparing it is nobody's strength. */
static bool
is_mailbox(struct trust_span name)
{
	const uint8_t *at = name.len > 0 ? memchr(name.p, '@', name.len) : NULL;

	if (at == NULL || at == name.p)
		return false;
	for (const uint8_t *p = name.p; p < at; p++) {
		if (*p <= ' ' || *p >= 0x7F || strchr("\"(),:;<>[\\]", *p))
			return false;
	}
	return is_host(without(name, (size_t)(at - name.p) + 1));
}

/* scheme://host, with a port or a path behind. No colon but the port's, no
 * user before the host: OpenSSL takes the first colon for the host's end. */
static bool
is_uri_with_host(struct trust_span name)
{
	const uint8_t *colon =
	    name.len > 0 ? memchr(name.p, ':', name.len) : NULL;
	struct trust_span host, rest;
	size_t n = 0;

	if (colon == NULL || colon == name.p)
		return false;
	rest = without(name, (size_t)(colon - name.p) + 1);
	if (rest.len < 2 || rest.p[0] != '/' || rest.p[1] != '/')
		return false;
	rest = without(rest, 2);
	while (n < rest.len && rest.p[n] != ':' && rest.p[n] != '/')
		n++;
	host = (struct trust_span){rest.p, n};
	rest = without(rest, n);
	if (!is_host(host))
		return false;
	if (rest.len == 0 || rest.p[0] == '/')
		return rest.len == 0 || memchr(rest.p, ':', rest.len) == NULL;
	for (n = 1; n < rest.len && rest.p[n] != '/'; n++) {
		if (rest.p[n] < '0' || rest.p[n] > '9')
			return false;
	}
	return true;
}

/* ---- The constraints ---- */

/* Address and mask, of IPv4 or IPv6; the mask in the style of RFC 4632. */
static bool
is_network(struct trust_span base)
{
	bool ended = false;

	if (base.len != 8 && base.len != 32)
		return false;
	for (size_t i = base.len / 2; i < base.len; i++) {
		for (unsigned bit = 0x80; bit != 0; bit >>= 1) {
			bool is_set = (base.p[i] & bit) != 0;

			if (is_set && ended)
				return false;
			ended = !is_set;
		}
	}
	return true;
}

static enum profile_rule
check_base(const GENERAL_NAME *base)
{
	int type;
	const ASN1_STRING *string = GENERAL_NAME_get0_value(base, &type);

	switch (type) {
	case GEN_DNS:
		/* One of no length stands for every name. */
		return ASN1_STRING_length(string) == 0 ||
			       is_host(span_of(string))
			   ? RULE_KEPT
			   : RULE_CONSTRAINTS_DNS;
	case GEN_EMAIL:
		return is_mailbox(span_of(string)) || is_domain(span_of(string))
			   ? RULE_KEPT
			   : RULE_CONSTRAINTS_EMAIL;
	case GEN_URI:
		return is_domain(span_of(string)) ? RULE_KEPT
						  : RULE_CONSTRAINTS_URI;
	case GEN_IPADD:
		return is_network(span_of(string)) ? RULE_KEPT
						   : RULE_CONSTRAINTS_ADDRESS;
	default:
		return RULE_KEPT;
	}
}

static enum profile_rule
check_subtrees(const STACK_OF(GENERAL_SUBTREE) *subtrees)
{
	int n = sk_GENERAL_SUBTREE_num(subtrees);

	if (subtrees != NULL && n == 0)
		return RULE_CONSTRAINTS_EMPTY;
	for (int i = 0; i < n; i++) {
		const GENERAL_SUBTREE *subtree =
		    sk_GENERAL_SUBTREE_value(subtrees, i);
		enum profile_rule rule = check_base(subtree->base);

		if (rule != RULE_KEPT)
			return rule;
		if (subtree->maximum != NULL ||
		    (subtree->minimum != NULL &&
			ASN1_INTEGER_get(subtree->minimum) != 0))
			return RULE_CONSTRAINTS_BOUNDS;
	}
	return RULE_KEPT;
}

enum profile_rule
trust_profile_check_constraints(const NAME_CONSTRAINTS *constraints)
{
	enum profile_rule rule = check_subtrees(constraints->permittedSubtrees);

	return rule != RULE_KEPT
		   ? rule
		   : check_subtrees(constraints->excludedSubtrees);
}

/* ---- The names below them ---- */

static bool
has_form(const STACK_OF(GENERAL_SUBTREE) *subtrees, int form)
{
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++) {
		if (sk_GENERAL_SUBTREE_value(subtrees, i)->base->type == form)
			return true;
	}
	return false;
}

static bool
is_constrained(const NAME_CONSTRAINTS *constraints, int form)
{
	return has_form(constraints->permittedSubtrees, form) ||
	       has_form(constraints->excludedSubtrees, form);
}

/* "*.example.com" stands for every host below example.com, so for one that
 * is excluded as well; OpenSSL compares it as if it were a host itself. */
static bool
covers_excluded(
    struct trust_span name, const STACK_OF(GENERAL_SUBTREE) *excluded)
{
	struct trust_span parent = without(name, 1); /* ".example.com" */

	for (int i = 0; i < sk_GENERAL_SUBTREE_num(excluded); i++) {
		const GENERAL_NAME *base =
		    sk_GENERAL_SUBTREE_value(excluded, i)->base;
		struct trust_span host;

		if (base->type != GEN_DNS)
			continue;
		host = span_of(base->d.dNSName);
		if (host.len > parent.len &&
		    memchr(host.p, '.', host.len) ==
			host.p + host.len - parent.len &&
		    strncasecmp((const char *)host.p + host.len - parent.len,
			(const char *)parent.p, parent.len) == 0)
			return true;
	}
	return false;
}

static enum profile_rule
check_name(const GENERAL_NAME *name, const NAME_CONSTRAINTS *constraints)
{
	struct trust_span text;

	if (!is_constrained(constraints, name->type))
		return RULE_KEPT;
	switch (name->type) {
	case GEN_DNS:
		text = span_of(name->d.dNSName);
		if (!is_host(is_wildcard(text) ? without(text, 2) : text))
			return RULE_NAME_DNS;
		return is_wildcard(text) && covers_excluded(text,
						constraints->excludedSubtrees)
			   ? RULE_NAME_WILDCARD
			   : RULE_KEPT;
	case GEN_EMAIL:
		return is_mailbox(span_of(name->d.rfc822Name))
			   ? RULE_KEPT
			   : RULE_NAME_EMAIL;
	case GEN_URI:
		return is_uri_with_host(
			   span_of(name->d.uniformResourceIdentifier))
			   ? RULE_KEPT
			   : RULE_NAME_URI;
	default:
		return RULE_KEPT;
	}
}

/* Section 4.2.1.6: the old place of mail addresses. */
static enum profile_rule
check_subject(const X509_NAME *subject, const NAME_CONSTRAINTS *constraints)
{
	int i = -1;

	if (!is_constrained(constraints, GEN_EMAIL))
		return RULE_KEPT;
	while ((i = X509_NAME_get_index_by_NID(
		    subject, NID_pkcs9_emailAddress, i)) >= 0) {
		if (!is_mailbox(span_of(X509_NAME_ENTRY_get_data(
			X509_NAME_get_entry(subject, i)))))
			return RULE_NAME_EMAIL;
	}
	return RULE_KEPT;
}

static enum profile_rule
check_names_of(const X509 *x509, const NAME_CONSTRAINTS *constraints)
{
	enum profile_rule rule =
	    check_subject(X509_get_subject_name(x509), constraints);
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && rule == RULE_KEPT;
	     i++)
		rule = check_name(sk_GENERAL_NAME_value(names, i), constraints);
	GENERAL_NAMES_free(names);
	return rule;
}

/* Section 6.1.3 (b): what is self-issued goes free, unless it is the leaf. */
static bool
goes_free(X509 *x509, int depth)
{
	return depth > 0 && (X509_get_extension_flags(x509) & EXFLAG_SI) != 0;
}

bool
trust_profile_check_names(
    X509 *const *path, int n, struct trust_profile_finding *out, int *depth)
{
	struct profile_break found = {.rule = RULE_KEPT};

	*depth = 0;
	for (int above = n - 1; above > 0 && found.rule == RULE_KEPT; above--) {
		NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(
		    path[above], NID_name_constraints, NULL, NULL);

		if (constraints == NULL)
			continue;
		for (int i = above - 1; i >= 0 && found.rule == RULE_KEPT;
		     i--) {
			*depth = i;
			if (!goes_free(path[i], i))
				found.rule =
				    check_names_of(path[i], constraints);
		}
		NAME_CONSTRAINTS_free(constraints);
	}
	return trust_profile_keep(found, out);
}
