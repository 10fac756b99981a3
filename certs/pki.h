/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKI for development, as files in a directory:
 *
 *	root.pem            the anchor of devices and servers
 *	intermediate.pem    below it
 *	edge-ca.pem         below that, issues to devices
 *	server.pem          a TLS server's certificate and the intermediate
 *	registry-root.pem   another anchor, of registry signers alone
 *	registry-signer.pem signs registries
 *	devices/ID.pem      a device's certificate; with ID-chain.pem the
 *	                    Edge CA's and the intermediate too, as it sends them
 *	servers/NAME.pem    more servers
 *
 * and beside each certificate its private key, NAME.key, mode 0600. What is
 * there is never overwritten. No clock is read: `now` is a parameter.
 */
#ifndef TRUST_PKI_H
#define TRUST_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key.h"

/* Host names that one server certificate can have. */
#define TRUST_PKI_HOSTS_MAX 100

/* Where, with what keys, and from when. */
struct trust_pki {
	const char *dir;    /* borrowed */
	enum trust_key key; /* of new certificates */
	int64_t now;        /* certificates begin five minutes before */
};

/*
 * Make the directory and the PKI in it, with a server certificate for the
 * hosts (DNS names or IP addresses; loopback is added). All or nothing.
 * TRUST_ERR_CONFLICT: there is one, or a part of one, already.
 */
enum trust_err trust_pki_init(const struct trust_pki *pki,
    const char *const *hosts, size_t n_hosts,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether it is a CA's certificate of such a PKI, by its name. */
bool trust_pki_is_anchor(X509 *x509);

/*
 * Make a device's certificate: issued by the Edge CA, or self-signed. `id` is
 * a valid device id, which has no slash. TRUST_ERR_NOT_FOUND: no PKI there.
 * TRUST_ERR_CONFLICT: the device has files already.
 */
enum trust_err trust_pki_device(const struct trust_pki *pki, const char *id,
    int days, bool self_signed, struct trust_message *msg) TRUST_MUST_CHECK;

/* Make another server certificate, in a file called after the first host.
 * Errors as with trust_pki_device. */
enum trust_err trust_pki_server(const struct trust_pki *pki,
    const char *const *hosts, size_t n_hosts, int days,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
