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
};

/* ---- What it has ---- */

static bool
is_wildcard_of(const char *name, const char *host)
{
	return strncmp(name, "*.", 2) == 0 &&
	       strlen(host) >= strlen(name) - 2 &&
	       strcasecmp(host + strlen(host) - (strlen(name) - 2), name + 2) ==
		   0;
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
find_hint(const char *name, const char *host)
{
	size_t len = strlen(name);

	if (is_wildcard_of(name, host))
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
	const char *hint;

	trust_span_show(span, name, sizeof(name));
	show(names, "DNS:", name);
	names->n++;
	if (names->dns[0] == '\0' && strchr(name, '*') == NULL)
		memcpy(names->dns, name, sizeof(name));
	if (strcasecmp(name, host) == 0)
		names->is_dns = true;
	hint = find_hint(name, host);
	if (hint != NULL)
		names->hint = hint;
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

static void
tell_subject_only(struct trust_doctor *doctor, const struct names *names)
{
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_WARN,
	    "the certificate has %s as its CN alone, and no DNS name "
	    "(subjectAltName): libmosquitto and OpenSSL take that, clients "
	    "that keep to RFC 9525 do not",
	    doctor->host);
	mend(doctor, names, false);
}

static void
tell_mismatch(struct trust_doctor *doctor, const struct names *names)
{
	bool is_address = trust_dial_is_address(doctor->host);
	const char *hint = names->hint != NULL ? names->hint : "";
	char subject[TRUST_SHOWN_MAX];

	if (is_address && names->is_dns)
		hint = "; an address counts as IP: alone, not as DNS:";
	else if (is_address && names->n > 0)
		hint = "; an address has to stand there as IP:";
	if (names->n > 0)
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "the certificate is not for %s: it has %s%s", doctor->host,
		    names->shown, hint);
	else
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "the certificate is not for %s: it has no DNS name and no "
		    "address (subjectAltName), and its subject is %s",
		    doctor->host,
		    trust_certificate_show_name(
			X509_get_subject_name(
			    sk_X509_value(doctor->probe.sent, 0)),
			subject));
	mend(doctor, names, is_address);
}

void
trust_doctor_check_names(struct trust_doctor *doctor)
{
	struct names names = {0};
	bool matches, by_subject;
	X509 *leaf;

	if (doctor->probe.sent == NULL)
		return;
	leaf = sk_X509_value(doctor->probe.sent, 0);
	read_names(leaf, doctor->host, &names);
	if (trust_dial_is_address(doctor->host)) {
		matches = X509_check_ip_asc(leaf, doctor->host, 0) == 1;
		by_subject = false;
	} else {
		matches =
		    X509_check_host(leaf, doctor->host, 0, FLAGS, NULL) == 1;
		by_subject =
		    X509_check_host(leaf, doctor->host, 0,
			X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
	}
	if (matches)
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
		    "the certificate is for %s: it has %s", doctor->host,
		    names.shown);
	else if (by_subject)
		tell_subject_only(doctor, &names);
	else
		tell_mismatch(doctor, &names);
}
