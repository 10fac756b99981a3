/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a certificate says of itself that is to be a trust anchor.
 */
#include "anchor_facts.h"

#include <inttypes.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DAY_S 86400

/* ---- Reading ---- */

static void add_flaw(struct trust_anchor_facts *facts, const char *fmt, ...)
    TRUST_PRINTF(2, 3);

static void
add_flaw(struct trust_anchor_facts *facts, const char *fmt, ...)
{
	struct trust_message *flaw = &facts->flaws[facts->n_flaws];
	va_list ap;

	if (facts->n_flaws == TRUST_ANCHOR_FLAWS_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(flaw->text, sizeof(flaw->text), fmt, ap);
	va_end(ap);
	facts->n_flaws++;
}

/* Whether it says that it is a CA's (RFC 5280 sections 4.2.1.9 and 4.2.1.3). */
static void
read_ca(X509 *x509, struct trust_anchor_facts *facts)
{
	facts->path_len = (int)X509_get_pathlen(x509);
	facts->is_self_signed = trust_certificate_is_self_signed(x509);
	/* All bits are set where there is no keyUsage. */
	facts->is_ca = facts->certificate->is_ca &&
		       (X509_get_key_usage(x509) & KU_KEY_CERT_SIGN) != 0;
	if (!facts->certificate->is_ca)
		add_flaw(facts,
		    "it is no CA's: want cA in basicConstraints (RFC 5280 "
		    "section 4.2.1.9); a device alone is for trustctl device "
		    "add --certificate");
	else if (!facts->is_ca)
		add_flaw(facts, "it may not sign certificates: want "
				"keyCertSign in keyUsage (RFC 5280 section "
				"4.2.1.3)");
}

/* What OpenSSL looks at in a CA of a path, and not in a path of one: the error
 * that it would give. */
static int
find_error(X509 *x509)
{
	int at = X509_get_ext_by_NID(x509, NID_basic_constraints, -1);

	if (at >= 0 && X509_EXTENSION_get_critical(X509_get_ext(x509, at)) == 0)
		return X509_V_ERR_CA_BCONS_NOT_CRITICAL;
	if ((X509_get_extension_flags(x509) & EXFLAG_CRITICAL) != 0)
		return X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION;
	if (X509_get0_subject_key_id(x509) == NULL)
		return X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER;
	if (X509_NAME_entry_count(X509_get_subject_name(x509)) == 0)
		return X509_V_ERR_SUBJECT_NAME_EMPTY;
	return X509_V_OK;
}

/* Of a CA: the rule for which gateways refuse every chain that ends at it. */
static void
judge_rules(X509 *x509, struct trust_anchor_facts *facts)
{
	struct trust_profile_finding finding;
	char text[TRUST_DETAIL_MAX];
	int error = find_error(x509);

	if (!trust_profile_check(x509, TRUST_PLACE_ANCHOR, &finding))
		add_flaw(facts,
		    "gateways refuse every chain that ends at it: %s",
		    trust_profile_tell(&finding, text));
	else if (error != X509_V_OK)
		add_flaw(facts,
		    "gateways refuse every chain that ends at it: %s",
		    trust_chain_rule_of(error).text);
}

static void
judge(X509 *x509, int64_t now, struct trust_anchor_facts *facts)
{
	const struct trust_certificate *certificate = facts->certificate;
	char when[TRUST_CLOCK_TEXT];

	if (now > certificate->not_after)
		add_flaw(facts, "it ended at %s",
		    trust_clock_format(certificate->not_after, when));
	if (certificate->key_strength < TRUST_STRENGTH_MIN)
		add_flaw(facts,
		    "its key is too weak: want RSA 2048, P-256, Ed25519 and "
		    "up, got %s",
		    certificate->key_type);
	if (facts->is_ca)
		judge_rules(x509, facts);
}

/* A line of an extension as OpenSSL prints it; lines with a colon at the end
 * head those below them. */
static void
add_line(json_t *lines, const char *what, char *line)
{
	char text[TRUST_SHOWN_MAX];

	line += strspn(line, " ");
	trust_err_flatten(line);
	(void)snprintf(text, sizeof(text), "%s%s", what, line);
	(void)json_array_append_new(lines, json_string(text));
}

static void
add_lines(json_t *lines, char *text)
{
	const char *what = "";
	char *line, *rest = NULL;

	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (strstr(line, "Permitted:") != NULL)
			what = "names permitted: ";
		else if (strstr(line, "Excluded:") != NULL)
			what = "names excluded: ";
		else
			add_line(lines, what, line);
	}
}

static enum trust_err
print_extension(X509_EXTENSION *extension, struct trust_buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum trust_err r = TRUST_ERR_NOMEM;
	char *text = NULL;
	long len;

	if (bio == NULL)
		return r;
	if (X509V3_EXT_print(bio, extension, X509V3_EXT_DEFAULT, 0) != 1)
		(void)BIO_puts(bio, "there are some that cannot be read");
	len = BIO_get_mem_data(bio, &text);
	r = trust_buf_add(out, text, len > 0 ? (size_t)len : 0);
	BIO_free(bio);
	return r;
}

static enum trust_err
read_constraints(X509 *x509, json_t *lines)
{
	static const struct {
		int nid;
		const char *what;
	} bounds[] = {
	    {NID_name_constraints, ""},
	    {NID_ext_key_usage, "purposes: "},
	};
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < 2; i++) {
		int at = X509_get_ext_by_NID(x509, bounds[i].nid, -1);
		struct trust_buf text = {0};

		if (at < 0)
			continue;
		r = trust_buf_printf(&text, "%s", bounds[i].what);
		if (r == TRUST_OK)
			r = print_extension(X509_get_ext(x509, at), &text);
		if (r == TRUST_OK)
			add_lines(lines, (char *)text.p);
		trust_buf_free(&text);
	}
	return r;
}

enum trust_err
trust_anchor_facts_read(X509 *x509, int64_t now, struct trust_anchor_facts *out,
    struct trust_message *msg)
{
	enum trust_err r;

	memset(out, 0, sizeof(*out));
	r = trust_certificate_new(x509, &out->certificate, msg);
	if (r != TRUST_OK)
		return r;
	out->constraints = json_array();
	if (out->constraints == NULL)
		return TRUST_ERR_NOMEM;
	r = read_constraints(x509, out->constraints);
	if (r != TRUST_OK)
		return r;
	read_ca(x509, out);
	judge(x509, now, out);
	return TRUST_OK;
}

void
trust_anchor_facts_clear(struct trust_anchor_facts *facts)
{
	trust_certificate_free(facts->certificate);
	json_decref(facts->constraints);
	memset(facts, 0, sizeof(*facts));
}

int64_t
trust_anchor_facts_days(const struct trust_anchor_facts *facts, int64_t now)
{
	int64_t end = facts->certificate->not_after;

	/* Which cannot be read lies in the past. */
	if (end < now)
		return end == INT64_MIN ? -1 : (end - now) / DAY_S - 1;
	return (end - now) / DAY_S;
}

/* ---- Showing ---- */

static void
print_dates(const struct trust_certificate *certificate, int64_t days)
{
	char from[TRUST_CLOCK_TEXT], to[TRUST_CLOCK_TEXT];

	printf("  valid        %s to %s",
	    trust_clock_format(certificate->not_before, from),
	    trust_clock_format(certificate->not_after, to));
	if (days < 0)
		printf(" (ended)\n");
	else
		printf(
		    " (%" PRId64 " day%s left)\n", days, days == 1 ? "" : "s");
}

static void
print_ca(const struct trust_anchor_facts *facts)
{
	if (!facts->is_ca)
		printf("  CA           no\n");
	else if (facts->path_len < 0)
		printf("  CA           yes, with any number of CAs below it\n");
	else if (facts->path_len == 0)
		printf("  CA           yes, with no other CA below it\n");
	else
		printf("  CA           yes, with at most %d other CA%s below "
		       "it on a path\n",
		    facts->path_len, facts->path_len == 1 ? "" : "s");
}

static void
print_constraints(const json_t *constraints)
{
	const json_t *line;
	size_t i;

	if (json_array_size(constraints) == 0)
		printf("  constraints  none\n");
	json_array_foreach((json_t *)(uintptr_t)constraints, i, line)
	    printf("  %-11s  %s\n", i == 0 ? "constraints" : "",
		json_string_value(line));
}

void
trust_anchor_facts_print(
    const struct trust_anchor_facts *facts, const char *id, int64_t now)
{
	const struct trust_certificate *certificate = facts->certificate;
	char thumbprint[TRUST_THUMBPRINT_TEXT];

	printf("anchor %s\n"
	       "  subject      %s\n"
	       "  issuer       %s\n"
	       "  thumbprint   %s\n"
	       "  key          %s\n",
	    id, certificate->subject,
	    facts->is_self_signed ? "itself" : certificate->issuer,
	    trust_thumbprint_format(&certificate->thumbprint, thumbprint),
	    certificate->key_type);
	print_dates(certificate, trust_anchor_facts_days(facts, now));
	print_ca(facts);
	print_constraints(facts->constraints);
}

json_t *
trust_anchor_facts_json(
    const struct trust_anchor_facts *facts, const char *id, int64_t now)
{
	const struct trust_certificate *certificate = facts->certificate;
	char thumbprint[TRUST_THUMBPRINT_TEXT];
	char from[TRUST_CLOCK_TEXT], to[TRUST_CLOCK_TEXT];

	return json_pack(
	    "{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:I, s:b, s:o, s:O}",
	    "id", id, "subject", certificate->subject, "issuer",
	    certificate->issuer, "self_signed", facts->is_self_signed,
	    "thumbprint",
	    trust_thumbprint_format(&certificate->thumbprint, thumbprint),
	    "key", certificate->key_type, "not_before",
	    trust_clock_format(certificate->not_before, from), "not_after",
	    trust_clock_format(certificate->not_after, to), "days_left",
	    (json_int_t)trust_anchor_facts_days(facts, now), "ca", facts->is_ca,
	    "path_len",
	    facts->is_ca && facts->path_len >= 0 ? json_integer(facts->path_len)
						 : json_null(),
	    "constraints", facts->constraints);
}
