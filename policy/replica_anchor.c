/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica's anchors: who signs registries vouches for nothing else.
 */
#include <openssl/err.h>
#include <string.h>

#include "replica_internal.h"

/* It is the key that vouches, in whichever certificate it is. Where one cannot
 * be read, for lack of memory or of an algorithm, its octets tell. */
static enum trust_err
compare_keys(X509 *a, X509 *b, bool *same)
{
	uint8_t left[EVP_MAX_MD_SIZE], right[EVP_MAX_MD_SIZE];
	unsigned int len;
	bool hashed = true;

	*same = EVP_PKEY_eq(X509_get0_pubkey(a), X509_get0_pubkey(b)) == 1;
	if (!*same) {
		hashed = X509_pubkey_digest(a, EVP_sha256(), left, &len) == 1 &&
			 X509_pubkey_digest(b, EVP_sha256(), right, &len) == 1;
		*same = hashed && memcmp(left, right, len) == 0;
	}
	ERR_clear_error();
	return hashed ? TRUST_OK : TRUST_ERR_NOMEM;
}

enum trust_err
trust_replica_check_anchor(STACK_OF(X509) *anchors,
    const struct trust_record *record, struct trust_message *msg)
{
	STACK_OF(X509) *held = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (record->kind != TRUST_KIND_ANCHOR)
		return TRUST_OK;
	r = trust_certificate_parse_pem(
	    trust_span_of(record->u.anchor.pem), &held, msg);
	if (r != TRUST_OK)
		return r;
	for (int i = 0; r == TRUST_OK && i < sk_X509_num(anchors); i++) {
		for (int k = 0; r == TRUST_OK && k < sk_X509_num(held); k++) {
			bool same;

			r = compare_keys(sk_X509_value(anchors, i),
			    sk_X509_value(held, k), &same);
			if (r == TRUST_OK && same)
				r = trust_err_set(msg, TRUST_ERR_CONFLICT,
				    "anchor %s: want another key than a "
				    "registry anchor's, got the same; take it "
				    "out of the registry at the origin, or "
				    "out of registry_anchor here",
				    record->id);
		}
	}
	sk_X509_pop_free(held, X509_free);
	return r;
}

/* ---- At start ---- */

struct walk {
	const struct trust_registry *registry;
	STACK_OF(X509) *anchors;
	struct trust_message *msg;
};

static enum trust_err
visit(void *arg, const char *id, struct trust_span line)
{
	const struct walk *walk = arg;
	struct trust_record *record = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_parse(
	    walk->registry, TRUST_KIND_ANCHOR, id, line, &record, walk->msg);
	if (r == TRUST_OK)
		r = trust_replica_check_anchor(
		    walk->anchors, record, walk->msg);
	trust_record_free(record);
	return r;
}

enum trust_err
trust_replica_check_anchors(STACK_OF(X509) *anchors, const char *registry_path,
    struct trust_message *msg)
{
	struct walk walk = {.anchors = anchors, .msg = msg};
	struct trust_registry *registry = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_open(
	    registry_path, TRUST_REGISTRY_READ, &registry, msg);
	if (r != TRUST_OK)
		return r;
	walk.registry = registry;
	r = trust_registry_list(registry, TRUST_KIND_ANCHOR, visit, &walk, msg);
	trust_registry_close(registry);
	if (r == TRUST_ERR_CONFLICT)
		return trust_err_prefix(msg, r, "%s", registry_path);
	return r;
}
