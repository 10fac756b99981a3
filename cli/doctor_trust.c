/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor asks whether the server's chain leads to the sensor's anchor: by
 * our own path validation, which has reasons, and by OpenSSL's as its clients
 * have it set, which is what most sensors do.
 */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "certfile.h"
#include "doctor.h"

#define STEP "trust"

/* The security level of OpenSSL's clients on Debian: 112 bits. */
#define AUTH_LEVEL 2

/* ---- The other opinion ---- */

/* X509_V_OK, or what libmosquitto would say. */
static int
verify_as_clients(const struct trust_doctor *doctor, int64_t now)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_STORE *store = X509_STORE_new();
	int error = X509_V_ERR_OUT_OF_MEM;
	X509_VERIFY_PARAM *param;

	if (ctx == NULL || store == NULL)
		goto out;
	for (int i = 0; i < sk_X509_num(doctor->anchors); i++)
		(void)X509_STORE_add_cert(
		    store, sk_X509_value(doctor->anchors, i));
	if (X509_STORE_CTX_init(ctx, store,
		sk_X509_value(doctor->probe.sent, 0), doctor->probe.sent) != 1)
		goto out;
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, (time_t)now);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	(void)X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	error = X509_verify_cert(ctx) == 1 ? X509_V_OK
					   : X509_STORE_CTX_get_error(ctx);
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return error;
}

/* ---- Dates are a step of their own ---- */

static bool
is_about_dates(enum trust_reason reason)
{
	return reason == TRUST_REASON_CERTIFICATE_EXPIRED ||
	       reason == TRUST_REASON_CERTIFICATE_NOT_YET_VALID;
}

static bool
is_within(const X509 *x509, int64_t now)
{
	int64_t from, until;

	return trust_certificate_time(X509_get0_notBefore(x509), &from) ==
		   TRUST_OK &&
	       trust_certificate_time(X509_get0_notAfter(x509), &until) ==
		   TRUST_OK &&
	       from <= now && now <= until;
}

/* A time at which all of the path is valid: the latest begin. `now` where
 * there is no such time. */
static int64_t
common_time(const struct trust_doctor *doctor)
{
	const struct trust_doctor_path *path = &doctor->path;
	int64_t latest = INT64_MIN, from;

	for (int i = 0; i <= path->n; i++) {
		X509 *x509 = i < path->n ? path->v[i] : path->anchor;

		if (x509 != NULL &&
		    trust_certificate_time(X509_get0_notBefore(x509), &from) ==
			TRUST_OK &&
		    from > latest)
			latest = from;
	}
	for (int i = 0; i < path->n; i++) {
		if (!is_within(path->v[i], latest))
			return doctor->now;
	}
	return latest;
}

/* ---- No way to an anchor ---- */

static void
show_anchors(const struct trust_doctor *doctor, char *out, size_t size)
{
	char subject[TRUST_SHOWN_MAX];
	size_t len = 0;

	out[0] = '\0';
	for (int i = 0; i < sk_X509_num(doctor->anchors) && len < size; i++) {
		trust_certificate_show_name(
		    X509_get_subject_name(sk_X509_value(doctor->anchors, i)),
		    subject);
		len += (size_t)snprintf(
		    out + len, size - len, "%s%s", i > 0 ? "; " : "", subject);
	}
}

static void
tell_namesake(struct trust_doctor *doctor)
{
	const struct trust_doctor_path *path = &doctor->path;
	X509 *top = path->v[path->n - 1];
	char name[TRUST_SHOWN_MAX], has[TRUST_SHOWN_MAX], want[TRUST_SHOWN_MAX];

	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "%s holds a CA of the right name, %s, with another key: it has "
	    "key %s, the chain was issued by key %s. The CA was made anew, or "
	    "these are two PKIs",
	    doctor->anchor,
	    trust_certificate_show_name(X509_get_issuer_name(top), name),
	    trust_doctor_show_key_id(
		X509_get0_subject_key_id(path->namesake), has),
	    trust_doctor_show_key_id(X509_get0_authority_key_id(top), want));
	trust_findings_mend(&doctor->findings,
	    "openssl x509 -in %s -noout -dates -ext subjectKeyIdentifier   # "
	    "compare with the CA's own file, and give the sensor that one",
	    doctor->words.anchor);
}

static void
tell_self_signed(struct trust_doctor *doctor)
{
	X509 *leaf = sk_X509_value(doctor->probe.sent, 0);
	char text[TRUST_THUMBPRINT_TEXT] = "", subject[TRUST_SHOWN_MAX];
	struct trust_thumbprint thumbprint;

	if (trust_certificate_thumbprint(leaf, &thumbprint) == TRUST_OK)
		trust_thumbprint_format(&thumbprint, text);
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "the server's certificate, %s, is self-signed and not in %s; "
	    "SHA-256 %s",
	    trust_certificate_show_name(X509_get_subject_name(leaf), subject),
	    doctor->anchor, text);
	trust_findings_mend(&doctor->findings,
	    "openssl x509 -in server.pem -noout -fingerprint -sha256   # on "
	    "the gateway; is it the same, then let the sensor trust that file");
	trust_findings_mend(&doctor->findings,
	    "trustctl pki server DIR %s   # or better one that a CA issues",
	    doctor->words.host);
}

static void
tell_stranger(struct trust_doctor *doctor)
{
	const struct trust_doctor_path *path = &doctor->path;
	char anchors[TRUST_MESSAGE_MAX], name[TRUST_SHOWN_MAX];
	X509 *top = path->v[path->n - 1];

	show_anchors(doctor, anchors, sizeof(anchors));
	trust_certificate_show_name(X509_get_issuer_name(top), name);
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "no path leads to an anchor of %s: the chain ends at %s, which is "
	    "not there; it holds %s",
	    doctor->anchor, name, anchors);
	trust_findings_mend(&doctor->findings,
	    "trustctl doctor --host %s --port %d --anchor FILE   # with the "
	    "certificate of that root: from who runs the gateway, not from "
	    "the connection",
	    doctor->words.host, doctor->port);
	if (path->n > 1)
		trust_findings_mend(&doctor->findings,
		    "certfile /etc/mosquitto/certs/server-chain.pem   # or, "
		    "where that is no root, the gateway has to send it too");
}

static void
tell_no_path(struct trust_doctor *doctor)
{
	if (doctor->path.namesake != NULL)
		tell_namesake(doctor);
	else if (doctor->path.self_signed && doctor->path.n == 1)
		tell_self_signed(doctor);
	else
		tell_stranger(doctor);
}

/* ---- A way that breaks a rule ---- */

static void
mend_rule(struct trust_doctor *doctor, enum trust_reason reason)
{
	switch (reason) {
	case TRUST_REASON_PURPOSE_NOT_ALLOWED:
	case TRUST_REASON_KEY_TOO_WEAK:
	case TRUST_REASON_SIGNATURE_TOO_WEAK:
		trust_findings_mend(&doctor->findings,
		    "trustctl pki server DIR %s   # or have the CA issue one "
		    "with serverAuth, SHA-256, and a key of P-256 or RSA 2048",
		    doctor->words.host);
		break;
	default:
		break;
	}
	trust_findings_mend(&doctor->findings,
	    "openssl s_client -connect %s -showcerts </dev/null >sent.pem; "
	    "trustctl verify --purpose server --anchor %s sent.pem",
	    doctor->words.address, doctor->words.anchor);
}

/* Who is right depends on the sensor. */
static void
tell_rule(struct trust_doctor *doctor, const struct trust_chain *chain,
    bool clients_agree)
{
	trust_findings_add(&doctor->findings, STEP,
	    clients_agree ? TRUST_RESULT_FAIL : TRUST_RESULT_WARN,
	    "%s: %s: %s%s", chain->subject, trust_reason_name(chain->reason),
	    chain->detail,
	    clients_agree ? "" : "; OpenSSL's clients let it pass");
	mend_rule(doctor, chain->reason);
}

static void
tell_dated_anchor(struct trust_doctor *doctor)
{
	const X509 *anchor = doctor->path.anchor;
	char subject[TRUST_SHOWN_MAX], from[TRUST_CLOCK_TEXT];
	char until[TRUST_CLOCK_TEXT];

	trust_certfile_show_time(X509_get0_notBefore(anchor), from);
	trust_certfile_show_time(X509_get0_notAfter(anchor), until);
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "the anchor itself, %s, counts from %s until %s, and not now",
	    trust_certificate_show_name(X509_get_subject_name(anchor), subject),
	    from, until);
	trust_findings_mend(&doctor->findings,
	    "timedatectl   # if this machine's clock is right, the sensor "
	    "needs the CA's new certificate in %s",
	    doctor->words.anchor);
}

/* ---- */

static void
tell_good(struct trust_doctor *doctor, int64_t now)
{
	const X509 *anchor = doctor->path.anchor;
	int error = verify_as_clients(doctor, now);
	char subject[TRUST_SHOWN_MAX];

	trust_certificate_show_name(X509_get_subject_name(anchor), subject);
	if (error == X509_V_OK) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
		    "the chain leads to %s of %s", subject, doctor->anchor);
		return;
	}
	if (error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT ||
	    error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
		    "the chain leads to %s of %s, which is no root: "
		    "libmosquitto and most other clients want the root as well",
		    subject, doctor->anchor);
		trust_findings_mend(&doctor->findings, "cat root.pem >>%s",
		    doctor->words.anchor);
		return;
	}
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "the chain leads to %s of %s, and OpenSSL's clients still do not "
	    "take it: %s",
	    subject, doctor->anchor, X509_verify_cert_error_string(error));
	mend_rule(doctor, TRUST_REASON_CHAIN_INVALID);
}

/* The sensor trusts the very certificate that the server has. Our gateways do
 * not take that of an upstream; a sensor's library does. */
static bool
is_pinned(const struct trust_doctor_path *path)
{
	return X509_cmp(path->anchor, path->v[0]) == 0;
}

enum trust_err
trust_doctor_check_trust(struct trust_doctor *doctor, struct trust_message *msg)
{
	struct trust_chain chain = doctor->chain;
	int64_t now = doctor->now;
	enum trust_err r;

	if (!trust_doctor_check_file(doctor, STEP, doctor->anchor,
		doctor->words.anchor, doctor->anchors != NULL) ||
	    doctor->probe.sent == NULL)
		return TRUST_OK;
	if (doctor->path.anchor == NULL) {
		tell_no_path(doctor);
		return TRUST_OK;
	}
	if (is_pinned(&doctor->path)) {
		tell_good(doctor, common_time(doctor));
		return TRUST_OK;
	}
	if (!chain.valid && is_about_dates(chain.reason)) {
		if (!is_within(doctor->path.anchor, now)) {
			tell_dated_anchor(doctor);
			return TRUST_OK;
		}
		now = common_time(doctor);
		r = trust_doctor_verify(doctor, now, &chain, msg);
		if (r != TRUST_OK)
			return r;
	}
	if (chain.valid || is_about_dates(chain.reason))
		tell_good(doctor, now);
	else
		tell_rule(doctor, &chain,
		    verify_as_clients(doctor, now) != X509_V_OK);
	return TRUST_OK;
}
