/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trust anchors of a registry.
 */
#include "anchor.h"

#include <openssl/pem.h>

/* A walk over the anchors. */
struct walk {
	const struct trust_registry *registry;
	unsigned purposes;
	STACK_OF(X509) *certificates; /* so far */
	struct trust_message *msg;
};

static enum trust_err
add(struct walk *walk, const struct trust_anchor *anchor)
{
	STACK_OF(X509) *certificates = NULL;
	enum trust_err r;

	r = trust_certificate_parse_pem(
	    trust_span_of(anchor->pem), &certificates, walk->msg);
	if (r == TRUST_OK &&
	    X509_add_certs(walk->certificates, certificates,
		X509_ADD_FLAG_UP_REF | X509_ADD_FLAG_NO_DUP) != 1)
		r = TRUST_ERR_NOMEM;
	sk_X509_pop_free(certificates, X509_free);
	return r;
}

static enum trust_err
visit(void *arg, const char *id, struct trust_span line)
{
	struct walk *walk = arg;
	struct trust_record *record = NULL;
	enum trust_err r = trust_registry_parse(
	    walk->registry, TRUST_KIND_ANCHOR, id, line, &record, walk->msg);

	if (r != TRUST_OK)
		return r;
	if (record->enabled &&
	    (record->u.anchor.purposes & walk->purposes) != 0)
		r = add(walk, &record->u.anchor);
	trust_record_free(record);
	return r;
}

enum trust_err
trust_anchor_load(struct trust_registry *registry, unsigned purposes,
    STACK_OF(X509) **out, struct trust_message *msg)
{
	struct walk walk = {
	    .registry = registry, .purposes = purposes, .msg = msg};
	enum trust_err r;

	*out = NULL;
	walk.certificates = sk_X509_new_null();
	if (walk.certificates == NULL)
		return TRUST_ERR_NOMEM;
	r = trust_registry_list(registry, TRUST_KIND_ANCHOR, visit, &walk, msg);
	if (r != TRUST_OK) {
		sk_X509_pop_free(walk.certificates, X509_free);
		return r;
	}
	*out = walk.certificates;
	return TRUST_OK;
}

/* ---- The bundle ---- */

static enum trust_err
write_pem(STACK_OF(X509) *certificates, struct trust_buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum trust_err r = TRUST_OK;
	char *text = NULL;
	long len;

	if (bio == NULL)
		return TRUST_ERR_NOMEM;
	for (int i = 0; r == TRUST_OK && i < sk_X509_num(certificates); i++) {
		if (PEM_write_bio_X509(bio, sk_X509_value(certificates, i)) !=
		    1)
			r = TRUST_ERR_NOMEM;
	}
	len = BIO_get_mem_data(bio, &text);
	if (r == TRUST_OK && len > 0)
		r = trust_buf_add(out, text, (size_t)len);
	BIO_free(bio);
	return r;
}

enum trust_err
trust_anchor_encode_bundle(struct trust_registry *registry,
    struct trust_buf *out, struct trust_message *msg)
{
	STACK_OF(X509) *certificates = NULL;
	enum trust_err r;

	r = trust_anchor_load(
	    registry, TRUST_PURPOSE_BIT_BUNDLE, &certificates, msg);
	if (r == TRUST_OK)
		r = write_pem(certificates, out);
	sk_X509_pop_free(certificates, X509_free);
	return r;
}
