/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an Edge CA answers.
 */
#include "enrolled.h"

#include <openssl/err.h>
#include <string.h>

#include "../certs/issue.h"

/* Octets of a refusal. */
#define REFUSAL_MAX (16 * 1024)

void
trust_enrolled_clear(struct trust_enrolled *enrolled)
{
	X509_free(enrolled->leaf);
	sk_X509_pop_free(enrolled->chain, X509_free);
	sk_X509_pop_free(enrolled->bundle, X509_free);
	*enrolled = (struct trust_enrolled){0};
}

/* ---- Reading ---- */

static enum trust_err
read_refusal(struct trust_span answer, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	json_t *json = NULL;
	const char *text;

	r = trust_json_parse(answer, REFUSAL_MAX, &json, msg);
	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "the answer");
	text = json_string_value(json_object_get(json, "error"));
	r = text != NULL
		? trust_err_set(
		      msg, TRUST_ERR_CONFLICT, "the gateway refuses: %s", text)
		: trust_err_set(msg, TRUST_ERR_INPUT,
		      "want a certificate in PEM or an error, got something "
		      "else");
	json_decref(json);
	return r;
}

/* Where the bundle begins is said, so that a CA that is in the chain as well
 * is in both. */
static void
split(struct trust_span answer, struct trust_span *certificates,
    struct trust_span *bundle)
{
	static const char mark[] = TRUST_ENROLLED_BUNDLE;
	const uint8_t *at =
	    memmem(answer.p, answer.len, mark, sizeof(mark) - 1);

	*certificates = answer;
	*bundle = (struct trust_span){0};
	if (at == NULL)
		return;
	certificates->len = (size_t)(at - answer.p);
	bundle->p = at + sizeof(mark) - 1;
	bundle->len = answer.len - certificates->len - (sizeof(mark) - 1);
}

/* Who says nothing of a bundle sends it behind the chain: what is no link of
 * that, and the roots, are the bundle. */
static enum trust_err
take_unmarked(struct trust_enrolled *e)
{
	X509 *last = e->leaf;
	int i, n = 0;

	for (; n < sk_X509_num(e->chain); n++) {
		X509 *next = sk_X509_value(e->chain, n);

		if (!trust_issue_is_by(last, next) ||
		    trust_certificate_is_self_signed(next))
			break;
		last = next;
	}
	if (n == sk_X509_num(e->chain))
		return TRUST_OK;
	if ((e->bundle = sk_X509_new_null()) == NULL)
		return TRUST_ERR_NOMEM;
	for (i = n; i < sk_X509_num(e->chain); i++) {
		if (sk_X509_push(e->bundle, sk_X509_value(e->chain, i)) == 0)
			return TRUST_ERR_NOMEM;
		(void)sk_X509_set(e->chain, i, NULL);
	}
	while (sk_X509_num(e->chain) > n)
		(void)sk_X509_pop(e->chain);
	return TRUST_OK;
}

static enum trust_err
read_answer(struct trust_span answer, struct trust_enrolled *out,
    struct trust_message *msg)
{
	struct trust_span certificates, bundle;
	enum trust_err r = TRUST_ERR_INTERNAL;

	split(answer, &certificates, &bundle);
	r = trust_certificate_parse_pem(certificates, &out->chain, msg);
	if (r == TRUST_OK)
		out->leaf = sk_X509_shift(out->chain);
	if (r == TRUST_OK && bundle.len > 0)
		r = trust_certificate_parse_pem(bundle, &out->bundle, msg);
	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "the answer");
	return bundle.len > 0 ? TRUST_OK : take_unmarked(out);
}

/* ---- Judging ---- */

/* Whether a form of identity says that it is this device's. */
static bool
names_device(const struct trust_certificate *facts, const char *device)
{
	char found[TRUST_ID_MAX + 1];
	enum trust_reason reason;
	int i;

	for (i = 0; i < TRUST_N_IDENTITIES; i++)
		if (trust_identity_read(
			facts, (enum trust_identity)i, found, &reason) &&
		    strcmp(found, device) == 0)
			return true;
	return false;
}

static enum trust_err
check_device(const struct trust_certificate *facts, const char *device,
    char out[TRUST_ID_MAX + 1], struct trust_message *msg)
{
	enum trust_reason reason;

	if (device == NULL &&
	    trust_identity_read(facts, TRUST_IDENTITY_CN, out, &reason))
		return TRUST_OK;
	if (device == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a certificate whose common name is a device, got "
		    "%s; name the device",
		    facts->subject);
	if (!names_device(facts, device))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a certificate of %s, got one of %s", device,
		    facts->subject);
	(void)snprintf(out, TRUST_ID_MAX + 1, "%s", device);
	return TRUST_OK;
}

static enum trust_err
check_facts(const struct trust_enrolled_wanted *wanted,
    struct trust_enrolled *e, struct trust_message *msg)
{
	struct trust_certificate *facts = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_certificate_new(e->leaf, &facts, msg);
	if (r != TRUST_OK)
		goto out;
	if (EVP_PKEY_eq(X509_get0_pubkey(e->leaf), wanted->key) != 1)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a certificate for our key, got one for another");
	else
		r = check_device(facts, wanted->device, e->device, msg);
out:
	trust_certificate_free(facts);
	return r;
}

static enum trust_err
add_all(STACK_OF(X509) *to, STACK_OF(X509) *from)
{
	return from == NULL ||
		       X509_add_certs(to, from,
			   X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) == 1
		   ? TRUST_OK
		   : TRUST_ERR_NOMEM;
}

/* Whom a gateway trusts is its business; but a certificate that leads to no CA
 * that came with it is no use anywhere. */
static enum trust_err
check_chain(const struct trust_enrolled_wanted *wanted,
    const struct trust_enrolled *e, struct trust_message *msg)
{
	struct trust_chain_input input = {
	    .leaf = e->leaf,
	    .anchors = sk_X509_new_null(),
	    .now = wanted->now,
	    .purpose = TRUST_PURPOSE_CLIENT,
	    .max_depth = -1,
	};
	struct trust_chain chain = {0};
	enum trust_err r = TRUST_ERR_NOMEM;

	if (input.anchors == NULL ||
	    (r = add_all(input.anchors, e->chain)) != TRUST_OK ||
	    (r = add_all(input.anchors, e->bundle)) != TRUST_OK ||
	    (r = add_all(input.anchors, wanted->anchors)) != TRUST_OK)
		goto out;
	r = trust_chain_verify(&input, &chain, msg);
	if (r != TRUST_OK || chain.valid)
		goto out;
	r = trust_err_set(msg, TRUST_ERR_INPUT,
	    "want a certificate that counts, got %s: %s%s",
	    trust_reason_name(chain.reason), chain.detail,
	    chain.reason == TRUST_REASON_CERTIFICATE_NOT_YET_VALID ||
		    chain.reason == TRUST_REASON_CERTIFICATE_EXPIRED
		? "; is the clock right?"
		: "");
out:
	sk_X509_pop_free(input.anchors, X509_free);
	return r;
}

enum trust_err
trust_enrolled_read(struct trust_span answer,
    const struct trust_enrolled_wanted *wanted, struct trust_enrolled *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = (struct trust_enrolled){0};
	if (answer.len > 0 && answer.p[0] == '{')
		return read_refusal(answer, msg);
	r = read_answer(answer, out, msg);
	if (r == TRUST_OK)
		r = check_facts(wanted, out, msg);
	if (r == TRUST_OK)
		r = check_chain(wanted, out, msg);
	ERR_clear_error();
	return r;
}
