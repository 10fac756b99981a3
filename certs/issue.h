/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates of the development PKI: RFC 5280 profiles, one for each part
 * that a certificate can play.
 */
#ifndef TRUST_ISSUE_H
#define TRUST_ISSUE_H

#include <openssl/x509.h>
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
	const char *cn; /* 1 to TRUST_ISSUE_CN_MAX characters */
	/* subjectAltName: DNS names, or IP addresses as text. */
	const char *const *hosts;
	size_t n_hosts;
	EVP_PKEY *key;        /* the subject's */
	X509 *issuer;         /* NULL: self-signed */
	EVP_PKEY *issuer_key; /* with issuer */
	int64_t not_before;
	int64_t not_after;
};

/* RFC 5280 appendix A.1, ub-common-name. */
#define TRUST_ISSUE_CN_MAX 64

/*
 * Make it, with a random serial number. TRUST_ERR_INPUT: the common name or a
 * host cannot stand in a certificate. The caller frees with X509_free.
 */
enum trust_err trust_issue_certificate(const struct trust_issue *issue,
    X509 **out, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
