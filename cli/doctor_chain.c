/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor looks at the chain that the server sent: what it is, and what is
 * missing.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"

#define STEP "chain"

/* Octets of a key identifier that are shown. */
#define KEY_ID_MAX 32

char *
trust_doctor_show_key_id(const ASN1_OCTET_STRING *id, char out[TRUST_SHOWN_MAX])
{
	int len = id != NULL ? ASN1_STRING_length(id) : 0;
	const unsigned char *p = id != NULL ? ASN1_STRING_get0_data(id) : NULL;
	size_t n = 0;

	snprintf(out, TRUST_SHOWN_MAX, "none");
	for (int i = 0; i < len && i < KEY_ID_MAX; i++)
		n += (size_t)snprintf(out + n, TRUST_SHOWN_MAX - n, "%s%02X",
		    i > 0 ? ":" : "", p[i]);
	return out;
}

/* ---- The way up ---- */

static bool
is_issuer(X509 *issuer, X509 *x509)
{
	bool good = X509_NAME_cmp(X509_get_subject_name(issuer),
			X509_get_issuer_name(x509)) == 0 &&
		    X509_verify(x509, X509_get0_pubkey(issuer)) == 1;

	ERR_clear_error();
	return good;
}

static bool
is_on_path(const struct trust_doctor_path *path, const X509 *x509)
{
	for (int i = 0; i < path->n; i++) {
		if (X509_cmp(path->v[i], x509) == 0)
			return true;
	}
	return false;
}

/* An anchor that is the certificate, or issued it. */
static X509 *
find_anchor(STACK_OF(X509) *anchors, X509 *x509, X509 **namesake)
{
	X509 *anchor;
	int i;

	for (i = 0; i < sk_X509_num(anchors); i++) {
		anchor = sk_X509_value(anchors, i);
		if (X509_cmp(anchor, x509) == 0)
			return anchor;
	}
	for (i = 0; i < sk_X509_num(anchors); i++) {
		anchor = sk_X509_value(anchors, i);
		if (is_issuer(anchor, x509))
			return anchor;
		if (X509_NAME_cmp(X509_get_subject_name(anchor),
			X509_get_issuer_name(x509)) == 0)
			*namesake = anchor;
	}
	return NULL;
}

static X509 *
find_issuer(const struct trust_doctor *doctor, X509 *x509)
{
	STACK_OF(X509) *sent = doctor->probe.sent;

	for (int i = 0; i < sk_X509_num(sent); i++) {
		X509 *issuer = sk_X509_value(sent, i);

		if (!is_on_path(&doctor->path, issuer) &&
		    is_issuer(issuer, x509))
			return issuer;
	}
	return NULL;
}

/* Without an anchor in reach: whose issuer's certificate is not there? */
static void
climb(struct trust_doctor *doctor)
{
	struct trust_doctor_path *path = &doctor->path;
	X509 *x509 = sk_X509_value(doctor->probe.sent, 0);

	while (x509 != NULL && path->n < TRUST_CHAIN_PATH_MAX) {
		path->v[path->n++] = x509;
		path->namesake = NULL;
		path->anchor =
		    find_anchor(doctor->anchors, x509, &path->namesake);
		path->self_signed =
		    path->anchor == NULL && is_issuer(x509, x509);
		if (path->anchor != NULL || path->self_signed)
			return;
		x509 = find_issuer(doctor, x509);
	}
}

static X509 *
find_by_thumbprint(
    STACK_OF(X509) *stack, const struct trust_thumbprint *thumbprint)
{
	struct trust_thumbprint found;

	for (int i = 0; i < sk_X509_num(stack); i++) {
		if (trust_certificate_thumbprint(
			sk_X509_value(stack, i), &found) == TRUST_OK &&
		    trust_thumbprint_equal(&found, thumbprint))
			return sk_X509_value(stack, i);
	}
	return NULL;
}

/* As path validation went. */
static void
follow(struct trust_doctor *doctor)
{
	const struct trust_chain *chain = &doctor->chain;
	struct trust_doctor_path *path = &doctor->path;
	size_t last = chain->n_path - 1;
	X509 *x509;

	path->anchor = find_by_thumbprint(doctor->anchors, &chain->path[last]);
	for (size_t i = 0; i <= last; i++) {
		x509 = find_by_thumbprint(doctor->probe.sent, &chain->path[i]);
		if (x509 != NULL && (i < last || last == 0))
			path->v[path->n++] = x509;
	}
}

enum trust_err
trust_doctor_verify(const struct trust_doctor *doctor, int64_t now,
    struct trust_chain *out, struct trust_message *msg)
{
	const struct trust_chain_input in = {
	    .leaf = sk_X509_value(doctor->probe.sent, 0),
	    .untrusted = doctor->probe.sent,
	    .anchors = doctor->anchors,
	    .now = now,
	    .purpose = TRUST_PURPOSE_SERVER,
	    .max_depth = -1,
	    .wants_path = true,
	};

	return trust_chain_verify(&in, out, msg);
}

/* ---- What is told ---- */

/* TLS 1.2 wants each to certify the one before it (RFC 5246 section 7.4.2); one
 * more for the same key does no harm. */
static bool
is_ordered(STACK_OF(X509) *sent)
{
	bool good = true;

	for (int i = 1; i < sk_X509_num(sent) && good; i++) {
		good = false;
		for (int j = 0; j < i && !good; j++)
			good = is_issuer(
			    sk_X509_value(sent, i), sk_X509_value(sent, j));
	}
	return good;
}

/* Where the certificate itself says that its issuer's can be had (RFC 5280
 * section 4.2.2.1); false for nowhere. */
static bool
show_url(X509 *x509, char *out, size_t size)
{
	AUTHORITY_INFO_ACCESS *list =
	    X509_get_ext_d2i(x509, NID_info_access, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(list) && !found; i++) {
		const ACCESS_DESCRIPTION *a =
		    sk_ACCESS_DESCRIPTION_value(list, i);

		if (OBJ_obj2nid(a->method) != NID_ad_ca_issuers ||
		    a->location->type != GEN_URI)
			continue;
		trust_span_show(
		    (struct trust_span){
			ASN1_STRING_get0_data(
			    a->location->d.uniformResourceIdentifier),
			(size_t)ASN1_STRING_length(
			    a->location->d.uniformResourceIdentifier)},
		    out, size);
		found = true;
	}
	AUTHORITY_INFO_ACCESS_free(list);
	return found;
}

/* The server's own came alone, and no anchor is its issuer. */
static void
tell_missing(struct trust_doctor *doctor)
{
	X509 *top = doctor->path.v[doctor->path.n - 1];
	char issuer[TRUST_SHOWN_MAX], key_id[TRUST_SHOWN_MAX];
	char url[TRUST_SHELL_MAX], word[TRUST_SHELL_MAX];

	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_FAIL,
	    "the certificate of its issuer is missing: %s (key %s) is not "
	    "among the %d sent, and no anchor of %s; an intermediate that the "
	    "gateway has to send, unless it is the anchor that is wrong",
	    trust_certificate_show_name(X509_get_issuer_name(top), issuer),
	    trust_doctor_show_key_id(X509_get0_authority_key_id(top), key_id),
	    sk_X509_num(doctor->probe.sent), doctor->anchor);
	if (show_url(top, url, sizeof(url)))
		trust_findings_mend(&doctor->findings,
		    "curl -O %s   # where the certificate says that it is",
		    trust_shell_quote(url, "URL", word));
	trust_findings_mend(&doctor->findings,
	    "cat server.pem intermediate.pem >server-chain.pem   # on the "
	    "gateway");
	trust_findings_mend(&doctor->findings,
	    "certfile /etc/mosquitto/certs/server-chain.pem   # in "
	    "mosquitto.conf, for the listener on port %d; then sudo systemctl "
	    "reload mosquitto",
	    doctor->port);
}

static void
tell_order(struct trust_doctor *doctor)
{
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_WARN,
	    "what was sent is not in order, or has strangers in it: want each "
	    "certificate followed by its issuer's; small TLS libraries take "
	    "nothing else");
	trust_findings_mend(&doctor->findings,
	    "openssl s_client -connect %s -showcerts </dev/null   # what "
	    "is sent, in this order",
	    doctor->words.address);
	trust_findings_mend(&doctor->findings,
	    "cat server.pem intermediate.pem >server-chain.pem   # on the "
	    "gateway, for certfile");
}

static void
tell_sent(struct trust_doctor *doctor)
{
	const struct trust_doctor_path *path = &doctor->path;
	char list[TRUST_MESSAGE_MAX] = "", name[TRUST_SHOWN_MAX];
	size_t len;

	for (int i = 0; i < path->n; i++) {
		len = strlen(list);
		snprintf(list + len, sizeof(list) - len, "%s%s",
		    i > 0 ? " < " : "",
		    trust_certificate_show_name(
			X509_get_subject_name(path->v[i]), name));
	}
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
	    "sent: %s; issued by %s", list,
	    trust_certificate_show_name(
		X509_get_issuer_name(path->v[path->n - 1]), name));
}

enum trust_err
trust_doctor_check_chain(struct trust_doctor *doctor, struct trust_message *msg)
{
	const struct trust_doctor_path *path = &doctor->path;
	enum trust_err r;

	if (doctor->probe.sent == NULL)
		return TRUST_OK;
	r = trust_doctor_verify(doctor, doctor->now, &doctor->chain, msg);
	if (r != TRUST_OK)
		return r;
	if (doctor->chain.n_path > 0)
		follow(doctor);
	else
		climb(doctor);
	if (doctor->anchors != NULL && path->n == 1 && path->anchor == NULL &&
	    path->namesake == NULL && !path->self_signed)
		tell_missing(doctor);
	else if (!is_ordered(doctor->probe.sent))
		tell_order(doctor);
	else
		tell_sent(doctor);
	return TRUST_OK;
}
