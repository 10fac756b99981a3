/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor compares the name that the sensor uses with those that the
 * server's certificate has (RFC 9525): the commonest mistake of all.
 */
#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "doctor.h"

#define STEP "names"

/* What OpenSSL's clients do, without "f*.example", which libmosquitto does not
 * take. */
#define FLAGS                                   \
	(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | \
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)

/* Names that are shown of a certificate. */
#define NAMES_MAX 8

struct names {
	char shown[TRUST_MESSAGE_MAX];  /* "DNS:gw1.example, IP:10.0.0.1" */
	char dns[TRUST_SHOWN_MAX];      /* one to connect by; "" for none */
	char address[INET6_ADDRSTRLEN]; /* likewise */
	int n;                          /* DNS names and addresses */
	const char *hint; /* what the mistake is, where it is a known one */
	bool is_dns;      /* the address stands there as a DNS name */
	bool is_wide;     /* "*.lan" would do, if it counted */
};

/* ---- What it has ---- */

/* The labels that the host has in place of the wildcard, "" for none; NULL
 * where it is not below it. */
static const char *
below_wildcard(const char *name, const char *host, size_t *len)
{
	size_t suffix, whole = strlen(host);

	*len = 0;
	if (strncmp(name, "*.", 2) != 0)
		return NULL;
	suffix = strlen(name) - 1;
	if (strcasecmp(host, name + 2) == 0)
		return host;
	if (whole <= suffix || strcasecmp(host + whole - suffix, name + 1) != 0)
		return NULL;
	*len = whole - suffix;
	return host;
}

/* Whether the host is the name's first label. */
static bool
is_short_of(const char *name, const char *host)
{
	size_t len = strlen(host);

	return strchr(host, '.') == NULL && strncasecmp(name, host, len) == 0 &&
	       name[len] == '.';
}

static const char *
find_hint(struct names *names, const char *name, const char *host)
{
	size_t len = strlen(name), n;
	const char *labels = below_wildcard(name, host, &n);

	if (labels != NULL && n > 0 && memchr(labels, '.', n) == NULL) {
		names->is_wide = true;
		return "; a wildcard does not count right below a top-level "
		       "domain";
	}
	if (labels != NULL)
		return "; a wildcard stands for one label, neither for none "
		       "nor for two";
	if (is_short_of(name, host))
		return "; the certificate has the full name, the sensor uses "
		       "the short one";
	if (strncasecmp(host, name, len) == 0 && strcmp(host + len, ".") == 0)
		return "; the dot at the end makes it another name";
	return NULL;
}

static void
show(struct names *names, const char *kind, const char *name)
{
	size_t len = strlen(names->shown);

	if (names->n > NAMES_MAX)
		return;
	snprintf(names->shown + len, sizeof(names->shown) - len, "%s%s%s",
	    len > 0 ? ", " : "", kind, names->n == NAMES_MAX ? "…" : name);
}

static void
take_dns(struct names *names, const ASN1_IA5STRING *value, const char *host)
{
	const struct trust_span span = {
	    ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
	char name[TRUST_SHOWN_MAX];
	const char *found;

	trust_span_show(span, name, sizeof(name));
	show(names, "DNS:", name);
	names->n++;
	if (names->dns[0] == '\0' && strchr(name, '*') == NULL)
		memcpy(names->dns, name, sizeof(name));
	if (strcasecmp(name, host) == 0)
		names->is_dns = true;
	found = find_hint(names, name, host);
	if (found != NULL)
		names->hint = found;
}

static void
take_address(struct names *names, const ASN1_OCTET_STRING *value)
{
	int len = ASN1_STRING_length(value);
	char text[INET6_ADDRSTRLEN];

	if ((len != 4 && len != 16) ||
	    inet_ntop(len == 4 ? AF_INET : AF_INET6,
		ASN1_STRING_get0_data(value), text, sizeof(text)) == NULL)
		return;
	show(names, "IP:", text);
	names->n++;
	if (names->address[0] == '\0')
		memcpy(names->address, text, sizeof(text));
}

static void
read_names(X509 *leaf, const char *host, struct names *names)
{
	GENERAL_NAMES *list =
	    X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *name;

	for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
		name = sk_GENERAL_NAME_value(list, i);
		if (name->type == GEN_DNS)
			take_dns(names, name->d.dNSName, host);
		else if (name->type == GEN_IPADD)
			take_address(names, name->d.iPAddress);
	}
	GENERAL_NAMES_free(list);
}

/* ---- What mends it ---- */

/* A name of the certificate is what a stranger wrote: one that is no host name
 * is not put before a person to type. */
static bool
is_host_name(const char *name)
{
	return name[0] != '\0' && name[0] != '-' &&
	       strspn(name,
		   "abcdefghijklmnopqrstuvwxyz"
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:") == strlen(name);
}

static void
mend(struct trust_doctor *doctor, const struct names *names, bool is_address)
{
	const char *name =
	    is_host_name(names->dns) ? names->dns : names->address;
	const char *host = doctor->words.host;

	if (is_host_name(name))
		trust_findings_mend(&doctor->findings,
		    "mosquitto_pub -h %s …   # let the sensor use a name that "
		    "the certificate has",
		    name);
	trust_findings_mend(&doctor->findings,
	    "openssl req -new -key server.key -subj /CN=%s -addext "
	    "subjectAltName=%s:%s -out server.csr   # or have the gateway's "
	    "CA make one with this name",
	    host, is_address ? "IP" : "DNS", host);
	trust_findings_mend(&doctor->findings,
	    "trustctl pki server DIR %s   # with a PKI for development", host);
	trust_findings_mend(&doctor->findings,
	    "sudo systemctl reload mosquitto   # once certfile and keyfile are "
	    "the new ones");
}

/* ---- Judging ---- */

/* Who takes a certificate for a name. */
enum fit {
	FIT_NOBODY,
	FIT_OLD,     /* libmosquitto 2.0, which compares by itself */
	FIT_SUBJECT, /* OpenSSL too, by the subject's CN */
	FIT_ALL,     /* RFC 9525 */
};

static enum fit
judge(X509 *leaf, const char *host, const struct names *names)
{
	bool by_text = X509_check_host(leaf, host, 0,
			   X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;

	if (trust_dial_is_address(host)) {
		if (X509_check_ip_asc(leaf, host, 0) == 1)
			return FIT_ALL;
		/* To libmosquitto 2.0 an address is a name as well. */
		return by_text ? FIT_OLD : FIT_NOBODY;
	}
	if (X509_check_host(leaf, host, 0, FLAGS, NULL) == 1)
		return FIT_ALL;
	if (by_text)
		return FIT_SUBJECT;
	return names->is_wide ? FIT_OLD : FIT_NOBODY;
}

static const char *
hint(const struct names *names, bool is_address)
{
	if (is_address && names->is_dns)
		return "; an address counts as IP: alone, not as DNS:";
	if (is_address && names->n > 0)
		return "; an address has to stand there as IP:";
	return names->hint != NULL ? names->hint : "";
}

static void
tell(struct trust_doctor *doctor, const struct names *names, enum fit fit)
{
	bool is_address = trust_dial_is_address(doctor->host);
	X509 *leaf = sk_X509_value(doctor->probe.sent, 0);
	const char *shown = names->shown;
	char subject[TRUST_SHOWN_MAX];

	if (names->n == 0)
		shown = trust_certificate_show_name(
		    X509_get_subject_name(leaf), subject);
	trust_findings_add(&doctor->findings, STEP,
	    fit == FIT_NOBODY ? TRUST_RESULT_FAIL : TRUST_RESULT_WARN,
	    "the certificate is not for %s: it has %s%s%s%s", doctor->host,
	    names->n == 0 ? "no DNS name and no address (subjectAltName), and "
			    "the subject "
			  : "",
	    shown, hint(names, is_address),
	    fit == FIT_SUBJECT ? "; libmosquitto and OpenSSL take the CN for "
				 "it, clients that keep to RFC 9525 do not"
	    : fit == FIT_OLD ? "; libmosquitto 2.0 takes it all the same, 2.1 "
			       "and OpenSSL's other clients do not"
			     : "");
	mend(doctor, names, is_address);
}

void
trust_doctor_check_names(struct trust_doctor *doctor)
{
	struct names names = {0};
	enum fit fit;
	X509 *leaf;

	if (doctor->probe.sent == NULL)
		return;
	leaf = sk_X509_value(doctor->probe.sent, 0);
	read_names(leaf, doctor->host, &names);
	fit = judge(leaf, doctor->host, &names);
	if (fit == FIT_ALL)
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
		    "the certificate is for %s: it has %s", doctor->host,
		    names.shown);
	else
		tell(doctor, &names, fit);
}
