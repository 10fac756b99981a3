/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's key and certificate as files of a folder:
 *
 *	ID.key        its private key, mode 0600
 *	ID.pem        its certificate
 *	ID-chain.pem  the same with the CAs, as it sends them
 *
 * At any moment, also after the power went, ID.key and the certificates belong
 * together, once there was a certificate. While the key stays each file is
 * replaced as a whole. A new key comes with its certificate in one step: from
 * then on the three are links into ID.set, a link itself, to the folder
 * ID.set.a or ID.set.b, and that link is what is replaced.
 */
#ifndef TRUST_CREDENTIALS_H
#define TRUST_CREDENTIALS_H

#include <limits.h>

#include "../certs/key.h"
#include "trust.h"

struct trust_credentials {
	const char *dir; /* borrowed */
	/* Until the certificate names the device, what stands for it. */
	const char *name;
	/* The key that a certificate is asked for: kept from the first time
	 * on, so that a retry is for the same. */
	char key_path[PATH_MAX];
	bool is_foreign; /* it is not of this folder, and stays as it is */
	EVP_PKEY *key;   /* owned */
};

/*
 * Have a key, and the folder: the one that is there, unless a new one is
 * wanted, else a new one of this type. TRUST_ERR_INPUT: it cannot be used. The
 * caller clears, also after an error.
 */
enum trust_err trust_credentials_open(struct trust_credentials *credentials,
    enum trust_key type, bool wants_new,
    struct trust_message *msg) TRUST_MUST_CHECK;
/*
 * The same for a key that there is, wherever its file is: it is asked for
 * again, and left there. TRUST_ERR_INPUT: the folder has another key under
 * this name.
 */
enum trust_err trust_credentials_keep(struct trust_credentials *credentials,
    const char *key_path, struct trust_message *msg) TRUST_MUST_CHECK;
/* Frees what it owns. */
void trust_credentials_clear(struct trust_credentials *credentials);

/* Where the key is that goes with what was stored. */
enum trust_err trust_credentials_find_key(
    const struct trust_credentials *credentials, const char *id,
    char out[PATH_MAX], struct trust_message *msg) TRUST_MUST_CHECK;

/* Store what came for the key: PEM of the certificate, and of it with its CAs.
 * `id` is the device's. */
enum trust_err trust_credentials_store(
    const struct trust_credentials *credentials, const char *id,
    struct trust_span certificate, struct trust_span chain,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
