/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a leaf to an anchor: which certificates, and whether they hold.
 */
#include "chain.h"

#include <openssl/x509_vfy.h>
#include <string.h>

#include "chain_check.h"

/* A store and not a stack: OpenSSL shows the signers of CRLs only that. */
static X509_STORE *
new_store(const STACK_OF(X509) *anchors)
{
	X509_STORE *store = X509_STORE_new();

	if (store == NULL || anchors == NULL)
		return store;
	for (int i = 0; i < sk_X509_num(anchors); i++) {
		if (X509_STORE_add_cert(store, sk_X509_value(anchors, i)) !=
		    1) {
			X509_STORE_free(store);
			return NULL;
		}
	}
	return store;
}

enum trust_err
trust_chain_verify(const struct trust_chain_input *in, struct trust_chain *out,
    struct trust_message *msg)
{
	X509_STORE *anchors = new_store(in->anchors);
	enum trust_err r = TRUST_ERR_NOMEM;

	memset(out, 0, sizeof(*out));
	if (anchors != NULL)
		r = trust_chain_check(in, anchors, out, msg);
	X509_STORE_free(anchors);
	return r;
}
