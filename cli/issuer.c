/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CA within its bounds. Each certificate that it has made is judged before
 * anybody gets it: by the gateway's own path validation, and by reading its
 * device's name as a gateway does.
 */
#include "issuer.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../certs/issue.h"
#include "../certs/key_source.h"
#include "../certs/pemfile.h"
#include "certfile.h"

/* A URI whose last segment is the device id: identity san_uri_last. */
#define URI_PREFIX "device:"

struct trust_issuer {
	struct trust_issuer_options *options;
	X509 *certificate;
	EVP_PKEY *key;
	STACK_OF(X509) *chain;   /* the CA first; owned */
	STACK_OF(X509) *anchors; /* the CA alone; owned */
	int64_t not_before;
	int64_t not_after;
};

/* ---- Loading ---- */

static enum trust_err
check_ca(
    const struct trust_issuer *issuer, int64_t now, struct trust_message *msg)
{
	const char *path = issuer->options->certificate;
	X509 *ca = issuer->certificate;
	char text[TRUST_CLOCK_TEXT];

	if (X509_check_ca(ca) != 1 ||
	    (X509_get_key_usage(ca) & KU_KEY_CERT_SIGN) == 0)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want the certificate of a CA, with keyCertSign, got "
		    "another",
		    path);
	if (X509_check_private_key(ca, issuer->key) != 1)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want the private key of %s, got another",
		    issuer->options->key, path);
	if (now >= issuer->not_after)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a CA that may issue, got one that has ended on "
		    "%s",
		    path, trust_clock_format(issuer->not_after, text));
	if (now < issuer->not_before)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a CA that may issue, got one that begins on %s; "
		    "is the clock right?",
		    path, trust_clock_format(issuer->not_before, text));
	return TRUST_OK;
}

static X509 *
find_issuer(STACK_OF(X509) *among, X509 *x509)
{
	int i;

	for (i = 0; i < sk_X509_num(among); i++)
		if (trust_issue_is_by(x509, sk_X509_value(among, i)))
			return sk_X509_value(among, i);
	return NULL;
}

static enum trust_err
push(STACK_OF(X509) *stack, X509 *x509)
{
	return X509_add_cert(stack, x509, X509_ADD_FLAG_UP_REF) == 1
		   ? TRUST_OK
		   : TRUST_ERR_NOMEM;
}

/* From the CA upwards. The root is left out: who has to have it has it. */
static enum trust_err
build_chain(struct trust_issuer *issuer, STACK_OF(X509) *above)
{
	X509 *next = issuer->certificate;
	enum trust_err r = push(issuer->chain, next);

	while (r == TRUST_OK &&
	       sk_X509_num(issuer->chain) < TRUST_CHAIN_PATH_MAX) {
		if (trust_certificate_is_self_signed(next))
			break;
		next = find_issuer(above, next);
		if (next == NULL || trust_certificate_is_self_signed(next))
			break;
		r = push(issuer->chain, next);
	}
	ERR_clear_error();
	return r;
}

static enum trust_err
load(struct trust_issuer *issuer, struct trust_message *msg)
{
	struct trust_issuer_options *o = issuer->options;
	struct trust_key_prompt prompt = trust_prompt_for_keys(&o->prompt);
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *found = NULL;

	r = trust_certfile_load(o->certificate, &found, msg);
	if (r != TRUST_OK)
		goto out;
	issuer->certificate = sk_X509_shift(found);
	r = trust_certfile_add(o->chain.v, o->chain.n, found, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_key_source_load(o->key, &prompt, &issuer->key, msg);
	if (r != TRUST_OK)
		goto out;
	r = TRUST_ERR_NOMEM;
	issuer->chain = sk_X509_new_null();
	issuer->anchors = sk_X509_new_null();
	if (issuer->chain == NULL || issuer->anchors == NULL)
		goto out;
	if ((r = push(issuer->anchors, issuer->certificate)) != TRUST_OK ||
	    (r = build_chain(issuer, found)) != TRUST_OK)
		goto out;
	r = trust_certificate_time(
	    X509_get0_notBefore(issuer->certificate), &issuer->not_before);
	if (r == TRUST_OK)
		r = trust_certificate_time(
		    X509_get0_notAfter(issuer->certificate),
		    &issuer->not_after);
	if (r != TRUST_OK)
		r = trust_err_set(msg, r,
		    "%s: want dates that can be read, got others",
		    o->certificate);
out:
	sk_X509_pop_free(found, X509_free);
	return r;
}

enum trust_err
trust_issuer_open(struct trust_issuer_options *options, int64_t now,
    struct trust_issuer **out, struct trust_message *msg)
{
	struct trust_issuer *issuer = calloc(1, sizeof(*issuer));
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	if (issuer == NULL)
		return TRUST_ERR_NOMEM;
	issuer->options = options;
	if ((r = load(issuer, msg)) != TRUST_OK ||
	    (r = check_ca(issuer, now, msg)) != TRUST_OK)
		goto out;
	*out = issuer;
	issuer = NULL; /* transferred */
out:
	trust_issuer_close(issuer);
	return r;
}

void
trust_issuer_close(struct trust_issuer *issuer)
{
	if (issuer == NULL)
		return;
	X509_free(issuer->certificate);
	EVP_PKEY_free(issuer->key);
	sk_X509_pop_free(issuer->chain, X509_free);
	sk_X509_pop_free(issuer->anchors, X509_free);
	free(issuer);
}

STACK_OF(X509) *
trust_issuer_get0_chain(const struct trust_issuer *issuer)
{
	return issuer->chain;
}

int64_t
trust_issuer_get_end(const struct trust_issuer *issuer)
{
	return issuer->not_after;
}

/* ---- Issuing ---- */

/* Make what `issue` describes, within the CA's dates, and judge it. */
static enum trust_err
make(const struct trust_issuer *issuer, struct trust_issue *issue,
    int64_t validity_s, enum trust_purpose purpose, int64_t now, X509 **out,
    struct trust_chain *chain, struct trust_message *msg)
{
	struct trust_chain_input input = {
	    .anchors = issuer->anchors,
	    .now = now,
	    .purpose = purpose,
	    .max_depth = -1,
	};
	enum trust_err r = TRUST_ERR_INTERNAL;

	issue->issuer = issuer->certificate;
	issue->issuer_key = issuer->key;
	issue->not_before = now - TRUST_ISSUER_BACKDATE;
	if (issue->not_before < issuer->not_before)
		issue->not_before = issuer->not_before;
	issue->not_after = now + validity_s;
	if (issue->not_after > issuer->not_after)
		issue->not_after = issuer->not_after;
	r = trust_issue_certificate(issue, out, msg);
	if (r != TRUST_OK)
		return r;
	input.leaf = *out;
	r = trust_chain_verify(&input, chain, msg);
	if (r == TRUST_OK && !chain->valid)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "no gateway would take what this CA can issue: %s: %s: %s",
		    trust_reason_name(chain->reason), chain->subject,
		    chain->detail);
	return r;
}

/* Whether a gateway reads this device from it. */
static enum trust_err
check_identity(X509 *x509, const char *device, enum trust_identity identity,
    enum trust_reason *reason, struct trust_message *msg)
{
	struct trust_certificate *facts = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;
	char found[TRUST_ID_MAX + 1];

	r = trust_certificate_new(x509, &facts, msg);
	if (r != TRUST_OK)
		return r;
	if (!trust_identity_read(facts, identity, found, reason) ||
	    strcmp(found, device) != 0) {
		*reason = TRUST_REASON_IDENTITY_MALFORMED;
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want an id that can stand in a certificate as %s, got "
		    "one that cannot",
		    device, trust_identity_name(identity));
	}
	trust_certificate_free(facts);
	return r;
}

/* Put the device where a gateway looks for it. The common name is for people,
 * too, but it has an upper bound that ids have not. */
static void
set_names(struct trust_issue *issue, const char *device,
    enum trust_identity identity, const char *uri)
{
	if (identity == TRUST_IDENTITY_CN ||
	    strlen(device) <= TRUST_ISSUE_CN_MAX)
		issue->cn = device;
	switch (identity) {
	case TRUST_IDENTITY_SERIAL_NUMBER:
		issue->serial_number = device;
		break;
	case TRUST_IDENTITY_SAN_DNS:
		issue->dns = device;
		break;
	case TRUST_IDENTITY_SAN_URI:
		issue->uri = device;
		break;
	case TRUST_IDENTITY_SAN_URI_LAST:
		issue->uri = uri;
		break;
	case TRUST_IDENTITY_SAN_EMAIL:
		issue->email = device;
		break;
	case TRUST_IDENTITY_CN:
	case TRUST_N_IDENTITIES:
		break;
	}
}

/* Whether TLS has signatures of such keys. A curve that is spelled out may be
 * one on which signatures are forged. */
static bool
is_taken(const EVP_PKEY *key)
{
	int is_explicit = 1;

	if (EVP_PKEY_is_a(key, "EC"))
		return EVP_PKEY_get_int_param(key,
			   OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
			   &is_explicit) == 1 &&
		       is_explicit == 0;
	return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "ED25519") ||
	       EVP_PKEY_is_a(key, "ED448");
}

static bool
is_in_bounds(const struct trust_issuer *issuer, const char *device)
{
	const struct trust_texts *match = &issuer->options->match;
	size_t i;

	for (i = 0; i < match->n; i++)
		if (trust_id_match(match->v[i], device))
			return true;
	return match->n == 0;
}

enum trust_err
trust_issuer_device(const struct trust_issuer *issuer, const char *device,
    enum trust_identity identity, EVP_PKEY *key, int64_t now, X509 **out,
    enum trust_reason *reason, struct trust_message *msg)
{
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_DEVICE, .key = key};
	char uri[sizeof(URI_PREFIX) + TRUST_ID_MAX];
	struct trust_chain chain = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509 *x509 = NULL;

	*out = NULL;
	*reason = TRUST_REASON_INTERNAL_ERROR;
	if (!is_in_bounds(issuer, device)) {
		*reason = TRUST_REASON_IDENTITY_NOT_IN_GROUP;
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a device that this CA may issue to, got another",
		    device);
	}
	if (!is_taken(key)) {
		*reason = TRUST_REASON_KEY_TOO_WEAK;
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a key of RSA, EC on a named curve, Ed25519 or "
		    "Ed448, got another");
	}
	(void)snprintf(uri, sizeof(uri), URI_PREFIX "%s", device);
	set_names(&issue, device, identity, uri);
	r = make(issuer, &issue, issuer->options->validity_s,
	    TRUST_PURPOSE_CLIENT, now, &x509, &chain, msg);
	if (r == TRUST_ERR_INPUT)
		*reason = x509 != NULL ? chain.reason
				       : TRUST_REASON_IDENTITY_MALFORMED;
	if (r == TRUST_OK)
		r = check_identity(x509, device, identity, reason, msg);
	if (r != TRUST_OK)
		goto out;
	*out = x509;
	x509 = NULL; /* transferred */
out:
	X509_free(x509);
	return r;
}

enum trust_err
trust_issuer_server(const struct trust_issuer *issuer,
    const struct trust_texts *names, EVP_PKEY *key, int64_t now, X509 **out,
    struct trust_message *msg)
{
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_SERVER,
	    /* For show: clients look at the names behind it. */
	    .cn = strlen(names->v[0]) <= TRUST_ISSUE_CN_MAX ? names->v[0]
							    : "gateway",
	    .hosts = names->v,
	    .n_hosts = names->n,
	    .key = key,
	};
	struct trust_chain chain = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509 *x509 = NULL;

	*out = NULL;
	r = make(issuer, &issue, issuer->options->server_validity_s,
	    TRUST_PURPOSE_SERVER, now, &x509, &chain, msg);
	if (r != TRUST_OK)
		goto out;
	*out = x509;
	x509 = NULL; /* transferred */
out:
	X509_free(x509);
	return r;
}

enum trust_err
trust_issuer_describe(X509 *x509, struct trust_issued *out)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	struct trust_thumbprint thumbprint;
	int64_t from = 0, until = 0;
	int i, len = ASN1_STRING_length(serial);

	*out = (struct trust_issued){0};
	if (2 * (size_t)len >= sizeof(out->serial_number) ||
	    trust_certificate_thumbprint(x509, &thumbprint) != TRUST_OK ||
	    trust_certificate_time(X509_get0_notBefore(x509), &from) !=
		TRUST_OK ||
	    trust_certificate_time(X509_get0_notAfter(x509), &until) !=
		TRUST_OK)
		return TRUST_ERR_INTERNAL;
	for (i = 0; i < len; i++)
		(void)snprintf(&out->serial_number[2 * i], 3, "%02X",
		    ASN1_STRING_get0_data(serial)[i]);
	trust_thumbprint_format(&thumbprint, out->thumbprint);
	(void)trust_clock_format(from, out->not_before);
	(void)trust_clock_format(until, out->not_after);
	return TRUST_OK;
}

enum trust_err
trust_issuer_write(
    const struct trust_issuer *issuer, X509 *leaf, struct trust_buf *out)
{
	enum trust_err r = trust_pemfile_encode(leaf, out);

	for (int i = 0; r == TRUST_OK && i < sk_X509_num(issuer->chain); i++)
		r = trust_pemfile_encode(sk_X509_value(issuer->chain, i), out);
	return r;
}
