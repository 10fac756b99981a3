/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates made here.
 */
#include "issue.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "key.h"

/* RFC 5280 section 4.1.2.2: positive, at most 20 octets. */
#define SERIAL_BITS 128
/* Of RFC 3986 and others. */
#define ALPHA        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define ALPHANUMERIC ALPHA "0123456789"
/* RFC 1035 section 2.3.4, as text. */
#define HOST_MAX 253

/* The extensions of a profile, as OpenSSL writes them (x509v3_config(5)).
 * NULL: not there. */
static const struct {
	const char *basic_constraints;
	const char *key_usage;
	const char *extended_key_usage;
} profiles[] = {
    [TRUST_PROFILE_ROOT] = {"critical,CA:TRUE,pathlen:2",
	"critical,keyCertSign,cRLSign", NULL},
    [TRUST_PROFILE_INTERMEDIATE] = {"critical,CA:TRUE,pathlen:1",
	"critical,keyCertSign,cRLSign", NULL},
    [TRUST_PROFILE_EDGE_CA] = {"critical,CA:TRUE,pathlen:0",
	"critical,keyCertSign,cRLSign", NULL},
    [TRUST_PROFILE_SIGNER_ROOT] = {"critical,CA:TRUE,pathlen:0",
	"critical,keyCertSign,cRLSign", NULL},
    [TRUST_PROFILE_SIGNER] = {"critical,CA:FALSE", "critical,digitalSignature",
	NULL},
    [TRUST_PROFILE_SERVER] = {"critical,CA:FALSE", "critical,digitalSignature",
	"serverAuth"},
    [TRUST_PROFILE_DEVICE] = {"critical,CA:FALSE", "critical,digitalSignature",
	"clientAuth"},
};

static enum trust_err
set_serial(X509 *x509)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	BIGNUM *number = BN_new();

	if (number == NULL)
		return TRUST_ERR_NOMEM;
	if (BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) !=
		1 ||
	    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) == NULL)
		goto out;
	r = TRUST_OK;
out:
	BN_free(number);
	return r;
}

/* `nid` is one whose upper bound is TRUST_ISSUE_CN_MAX. */
static enum trust_err
add_attribute(X509 *x509, int nid, const char *value, struct trust_message *msg)
{
	const unsigned char *bytes = (const unsigned char *)value;
	bool is_serial = nid == NID_serialNumber;
	const char *what = is_serial ? "serialNumber" : "common name";

	if (value == NULL)
		return TRUST_OK;
	if (value[0] == '\0' || strlen(value) > TRUST_ISSUE_CN_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a %s of 1 to %d characters, got %zu", value, what,
		    TRUST_ISSUE_CN_MAX, strlen(value));
	if (X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), nid,
		is_serial ? MBSTRING_ASC : MBSTRING_UTF8, bytes, -1, -1,
		0) != 1)
		return trust_err_set(
		    msg, TRUST_ERR_INPUT, "%s: cannot be a %s", value, what);
	return TRUST_OK;
}

static enum trust_err
set_subject(
    X509 *x509, const struct trust_issue *issue, struct trust_message *msg)
{
	enum trust_err r = add_attribute(x509, NID_commonName, issue->cn, msg);

	if (r != TRUST_OK)
		return r;
	return add_attribute(x509, NID_serialNumber, issue->serial_number, msg);
}

static enum trust_err
set_dates(X509 *x509, const struct trust_issue *issue)
{
	if (ASN1_TIME_set(X509_getm_notBefore(x509), issue->not_before) ==
		NULL ||
	    ASN1_TIME_set(X509_getm_notAfter(x509), issue->not_after) == NULL)
		return TRUST_ERR_INTERNAL;
	return TRUST_OK;
}

/* ---- Extensions ---- */

static enum trust_err
add_extension(X509 *x509, X509V3_CTX *context, int nid, const char *value)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509_EXTENSION *extension;

	if (value == NULL)
		return TRUST_OK;
	extension = X509V3_EXT_conf_nid(NULL, context, nid, value);
	if (extension == NULL || X509_add_ext(x509, extension, -1) != 1)
		goto out;
	r = TRUST_OK;
out:
	X509_EXTENSION_free(extension);
	return r;
}

/* Whether the text is one character or more of these and no other. */
static bool
consists_of(const char *text, const char *alphabet)
{
	return text[0] != '\0' && text[strspn(text, alphabet)] == '\0';
}

static bool
is_dns_name(const char *host)
{
	return consists_of(host, ALPHANUMERIC "-._*") &&
	       strlen(host) <= HOST_MAX;
}

/* A device's, which is nobody's pattern. */
static bool
is_plain_dns_name(const char *name)
{
	return is_dns_name(name) && strchr(name, '*') == NULL;
}

/* RFC 3986: a scheme and something behind it. What would have to be written
 * as %XX there is no id then, and what begins a query ends the path. */
static bool
is_uri(const char *text)
{
	size_t scheme = strspn(text, ALPHANUMERIC "+-.");

	return scheme > 0 && strchr(ALPHA, text[0]) != NULL &&
	       text[scheme] == ':' &&
	       consists_of(text + scheme + 1, ALPHANUMERIC "-._~!()*',;:=@/");
}

/* RFC 5280 section 4.2.1.6: a mailbox, local-part@domain. */
static bool
is_mailbox(const char *text)
{
	size_t local = strspn(text, ALPHANUMERIC "-._%*?!'=");

	return local > 0 && text[local] == '@' &&
	       is_plain_dns_name(text + local + 1);
}

/* Append a name of text. */
static enum trust_err
push_text(GENERAL_NAMES *names, int type, const char *text)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	ASN1_IA5STRING *string = ASN1_IA5STRING_new();
	GENERAL_NAME *name = GENERAL_NAME_new();

	if (string == NULL || name == NULL ||
	    ASN1_STRING_set(string, text, -1) != 1)
		goto out;
	GENERAL_NAME_set0_value(name, type, string);
	string = NULL; /* transferred */
	if (sk_GENERAL_NAME_push(names, name) == 0)
		goto out;
	name = NULL; /* transferred */
	r = TRUST_OK;
out:
	ASN1_IA5STRING_free(string);
	GENERAL_NAME_free(name);
	return r;
}

/* NULL: it is none. OpenSSL leaves out what stands behind a blank. */
static ASN1_OCTET_STRING *
read_address(const char *host)
{
	return consists_of(host, "0123456789abcdefABCDEF.:")
		   ? a2i_IPADDRESS(host)
		   : NULL;
}

enum trust_err
trust_issue_add_host(
    GENERAL_NAMES *names, const char *host, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	ASN1_OCTET_STRING *address = read_address(host);
	GENERAL_NAME *name = NULL;

	if (address == NULL && is_dns_name(host))
		return push_text(names, GEN_DNS, host);
	if (address == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a DNS name or an IP address, got \"%s\"", host);
	if ((name = GENERAL_NAME_new()) == NULL)
		goto out;
	GENERAL_NAME_set0_value(name, GEN_IPADD, address);
	address = NULL; /* transferred */
	if (sk_GENERAL_NAME_push(names, name) == 0)
		goto out;
	name = NULL; /* transferred */
	r = TRUST_OK;
out:
	ASN1_OCTET_STRING_free(address);
	GENERAL_NAME_free(name);
	return r;
}

static enum trust_err
push_device(GENERAL_NAMES *names, const struct trust_issue *issue,
    struct trust_message *msg)
{
	const struct {
		int type;
		const char *text;
		bool (*is_one)(const char *text);
		const char *what;
	} forms[] = {
	    {GEN_DNS, issue->dns, is_plain_dns_name, "a DNS name"},
	    {GEN_URI, issue->uri, is_uri, "a URI"},
	    {GEN_EMAIL, issue->email, is_mailbox, "a mail address"},
	};
	enum trust_err r = TRUST_OK;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].text == NULL)
			continue;
		if (!forms[i].is_one(forms[i].text))
			return trust_err_set(msg, TRUST_ERR_INPUT,
			    "want %s, got \"%s\"", forms[i].what,
			    forms[i].text);
		r = push_text(names, forms[i].type, forms[i].text);
		if (r != TRUST_OK)
			return r;
	}
	return r;
}

static enum trust_err
add_alt_names(
    X509 *x509, const struct trust_issue *issue, struct trust_message *msg)
{
	bool alone = issue->cn == NULL && issue->serial_number == NULL;
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	enum trust_err r = TRUST_ERR_NOMEM;
	size_t i;

	if (names == NULL)
		goto out;
	for (i = 0; i < issue->n_hosts; i++)
		if ((r = trust_issue_add_host(names, issue->hosts[i], msg)) !=
		    TRUST_OK)
			goto out;
	if ((r = push_device(names, issue, msg)) != TRUST_OK)
		goto out;
	if (sk_GENERAL_NAME_num(names) == 0) {
		if (alone)
			r = trust_err_set(msg, TRUST_ERR_INPUT,
			    "want a name in a certificate, got none");
		goto out;
	}
	r = TRUST_ERR_INTERNAL;
	if (X509_add1_ext_i2d(x509, NID_subject_alt_name, names, alone ? 1 : 0,
		X509V3_ADD_DEFAULT) != 1)
		goto out;
	r = TRUST_OK;
out:
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	return r;
}

static enum trust_err
add_extensions(
    X509 *x509, const struct trust_issue *issue, struct trust_message *msg)
{
	const struct {
		int nid;
		const char *value;
	} extensions[] = {
	    {NID_basic_constraints, profiles[issue->profile].basic_constraints},
	    {NID_key_usage, profiles[issue->profile].key_usage},
	    {NID_ext_key_usage, profiles[issue->profile].extended_key_usage},
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier,
		issue->issuer != NULL ? "keyid:always" : NULL},
	};
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509V3_CTX context;
	size_t i;

	X509V3_set_ctx(&context, issue->issuer != NULL ? issue->issuer : x509,
	    x509, NULL, NULL, 0);
	for (i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		r = add_extension(
		    x509, &context, extensions[i].nid, extensions[i].value);
		if (r != TRUST_OK)
			return r;
	}
	return add_alt_names(x509, issue, msg);
}

/* ---- The whole ---- */

static enum trust_err
set_names(
    X509 *x509, const struct trust_issue *issue, struct trust_message *msg)
{
	enum trust_err r = set_subject(x509, issue, msg);

	if (r != TRUST_OK)
		return r;
	if (X509_set_issuer_name(
		x509, X509_get_subject_name(
			  issue->issuer != NULL ? issue->issuer : x509)) != 1)
		return TRUST_ERR_INTERNAL;
	return TRUST_OK;
}

static enum trust_err
sign_error(struct trust_message *msg)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return trust_err_set(msg, TRUST_ERR_INTERNAL,
	    "want a signature by the CA's key, got: %s",
	    reason != NULL ? reason : "no reason");
}

enum trust_err
trust_issue_certificate(
    const struct trust_issue *issue, X509 **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	EVP_PKEY *signer =
	    issue->issuer != NULL ? issue->issuer_key : issue->key;
	X509 *x509 = X509_new();

	*out = NULL;
	if (x509 == NULL || X509_set_version(x509, X509_VERSION_3) != 1 ||
	    X509_set_pubkey(x509, issue->key) != 1)
		goto out;
	if ((r = set_serial(x509)) != TRUST_OK ||
	    (r = set_dates(x509, issue)) != TRUST_OK ||
	    (r = add_extensions(x509, issue, msg)) != TRUST_OK ||
	    (r = set_names(x509, issue, msg)) != TRUST_OK)
		goto out;
	/* A token may be gone, or have had enough. */
	if (X509_sign(x509, signer, trust_key_digest(signer)) == 0) {
		r = sign_error(msg);
		goto out;
	}
	*out = x509;
	x509 = NULL; /* transferred */
	r = TRUST_OK;
out:
	X509_free(x509);
	return r;
}

bool
trust_issue_has_hosts(
    const X509 *x509, const char *const *hosts, size_t n_hosts)
{
	int place = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	const ASN1_OCTET_STRING *found;
	unsigned char *der = NULL;
	bool same = false;
	size_t i;
	int len;

	if (names == NULL || place < 0)
		goto out;
	for (i = 0; i < n_hosts; i++)
		if (trust_issue_add_host(names, hosts[i], NULL) != TRUST_OK)
			goto out;
	found = X509_EXTENSION_get_data(X509_get_ext(x509, place));
	len = i2d_GENERAL_NAMES(names, &der);
	same = len > 0 && len == ASN1_STRING_length(found) &&
	       memcmp(der, ASN1_STRING_get0_data(found), (size_t)len) == 0;
out:
	OPENSSL_free(der);
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	return same;
}

bool
trust_issue_is_by(X509 *x509, X509 *issuer)
{
	return X509_check_issued(issuer, x509) == X509_V_OK &&
	       X509_verify(x509, X509_get0_pubkey(issuer)) == 1;
}
