/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates made here, by the development PKI and by the Edge CA: RFC 5280
 * profiles, one for each part that a certificate can play.
 */
#ifndef TRUST_ISSUE_H
#define TRUST_ISSUE_H

#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

enum trust_profile {
	TRUST_PROFILE_ROOT,         /* anchor above two levels of CAs */
	TRUST_PROFILE_INTERMEDIATE, /* CA above one level of CAs */
	TRUST_PROFILE_EDGE_CA,      /* CA of devices */
	TRUST_PROFILE_SIGNER_ROOT,  /* anchor of registry signers alone */
	TRUST_PROFILE_SIGNER,       /* signs registries */
	TRUST_PROFILE_SERVER,       /* TLS server, the gateway */
	TRUST_PROFILE_DEVICE,       /* TLS client, a sensor */
	TRUST_N_PROFILES,
};

/* What the certificate is to say, and who signs it. All borrowed. */
struct trust_issue {
	enum trust_profile profile;
	/* Subject: 1 to TRUST_ISSUE_CN_MAX characters each. Without either
	 * there is a name below, and it is critical (section 4.2.1.6). */
	const char *cn;            /* NULL: none */
	const char *serial_number; /* 802.1AR; NULL: none */
	/* subjectAltName: DNS names, or IP addresses as text. */
	const char *const *hosts;
	size_t n_hosts;
	/* What a device is called there; NULL: not. */
	const char *dns;
	const char *uri;
	const char *email;
	EVP_PKEY *key;        /* the subject's */
	X509 *issuer;         /* NULL: self-signed */
	EVP_PKEY *issuer_key; /* with issuer */
	int64_t not_before;
	int64_t not_after;
};

/* RFC 5280 appendix A.1, ub-common-name and ub-serial-number. */
#define TRUST_ISSUE_CN_MAX 64

/*
 * Make it, with a random serial number of 128 bits. TRUST_ERR_INPUT: a name
 * cannot stand where it is to. The caller frees with X509_free.
 */
enum trust_err trust_issue_certificate(const struct trust_issue *issue,
    X509 **out, struct trust_message *msg) TRUST_MUST_CHECK;

/* Append a DNS name or an IP address, as text, to names. TRUST_ERR_INPUT: it is
 * neither. */
enum trust_err trust_issue_add_host(GENERAL_NAMES *names, const char *host,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether the subjectAltName of a certificate is what it would be for these
 * hosts, in this order. */
bool trust_issue_has_hosts(
    const X509 *x509, const char *const *hosts, size_t n_hosts);

/* Whether that certificate is this issuer's: its name, key identifier and
 * keyUsage say so, and the signature does. Dates and constraints are not
 * looked at. */
bool trust_issue_is_by(X509 *x509, X509 *issuer);

#endif
