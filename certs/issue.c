/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of the development PKI.
 */
#include "issue.h"

#include <openssl/bn.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#include "key.h"

/* RFC 5280 section 4.1.2.2: positive, at most 20 octets. */
#define SERIAL_BITS 159
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

static enum trust_err
set_subject(X509 *x509, const char *cn, struct trust_message *msg)
{
	const unsigned char *bytes = (const unsigned char *)cn;

	if (cn[0] == '\0' || strlen(cn) > TRUST_ISSUE_CN_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a common name of 1 to %d characters, got %zu", cn,
		    TRUST_ISSUE_CN_MAX, strlen(cn));
	if (X509_NAME_add_entry_by_NID(X509_get_subject_name(x509),
		NID_commonName, MBSTRING_UTF8, bytes, -1, -1, 0) != 1)
		return trust_err_set(
		    msg, TRUST_ERR_INPUT, "%s: cannot be a common name", cn);
	return TRUST_OK;
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

static bool
is_dns_name(const char *host)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789-._*";

	return host[0] != '\0' && strlen(host) <= HOST_MAX &&
	       host[strspn(host, alphabet)] == '\0';
}

/* A DNS name or an IP address as one GeneralName. */
static enum trust_err
make_host(const char *host, GENERAL_NAME **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	ASN1_OCTET_STRING *address = a2i_IPADDRESS(host);
	ASN1_IA5STRING *name = NULL;
	GENERAL_NAME *general = GENERAL_NAME_new();

	*out = NULL;
	if (general == NULL)
		goto out;
	if (address != NULL) {
		GENERAL_NAME_set0_value(general, GEN_IPADD, address);
		address = NULL; /* transferred */
	} else if (is_dns_name(host)) {
		name = ASN1_IA5STRING_new();
		if (name == NULL || ASN1_STRING_set(name, host, -1) != 1)
			goto out;
		GENERAL_NAME_set0_value(general, GEN_DNS, name);
		name = NULL; /* transferred */
	} else {
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a DNS name or an IP address, got \"%s\"", host);
		goto out;
	}
	*out = general;
	general = NULL; /* transferred */
	r = TRUST_OK;
out:
	ASN1_OCTET_STRING_free(address);
	ASN1_IA5STRING_free(name);
	GENERAL_NAME_free(general);
	return r;
}

static enum trust_err
add_hosts(
    X509 *x509, const struct trust_issue *issue, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	GENERAL_NAMES *names = NULL;
	GENERAL_NAME *name = NULL;
	size_t i;

	if (issue->n_hosts == 0)
		return TRUST_OK;
	if ((names = sk_GENERAL_NAME_new_null()) == NULL)
		goto out;
	for (i = 0; i < issue->n_hosts; i++) {
		r = make_host(issue->hosts[i], &name, msg);
		if (r != TRUST_OK)
			goto out;
		if (sk_GENERAL_NAME_push(names, name) == 0) {
			r = TRUST_ERR_NOMEM;
			goto out;
		}
		name = NULL; /* transferred */
	}
	r = TRUST_ERR_INTERNAL;
	if (X509_add1_ext_i2d(
		x509, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1)
		goto out;
	r = TRUST_OK;
out:
	GENERAL_NAME_free(name);
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
	return add_hosts(x509, issue, msg);
}

/* ---- The whole ---- */

static enum trust_err
set_names(
    X509 *x509, const struct trust_issue *issue, struct trust_message *msg)
{
	enum trust_err r = set_subject(x509, issue->cn, msg);

	if (r != TRUST_OK)
		return r;
	if (X509_set_issuer_name(
		x509, X509_get_subject_name(
			  issue->issuer != NULL ? issue->issuer : x509)) != 1)
		return TRUST_ERR_INTERNAL;
	return TRUST_OK;
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
	r = TRUST_ERR_INTERNAL;
	if (X509_sign(x509, signer, trust_key_digest(signer)) == 0)
		goto out;
	*out = x509;
	x509 = NULL; /* transferred */
	r = TRUST_OK;
out:
	X509_free(x509);
	return r;
}
