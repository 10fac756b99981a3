/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of the gateway's own certificate: what Mosquitto reads, and what
 * is to become that.
 *
 *	cacerts.pem     the roots that the EST server's CA has
 *	server.key      the private key
 *	server.pem      its certificate and the CAs below the root
 *	server-new.key  a key that a certificate is wanted for
 *	server-new.pem  its certificate, about to take the other one's place
 */
#ifndef TRUST_EST_FILES_H
#define TRUST_EST_FILES_H

#include <limits.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "../certs/key.h"
#include "trust.h"

#define TRUST_EST_FILES_ANCHORS     "cacerts.pem"
#define TRUST_EST_FILES_KEY         "server.key"
#define TRUST_EST_FILES_CERTIFICATE "server.pem"

/* All certificates of a file there; NULL: no such file. The caller frees with
 * sk_X509_pop_free. */
enum trust_err trust_est_files_load(const char *dir, const char *name,
    STACK_OF(X509) **out, struct trust_message *msg) TRUST_MUST_CHECK;

/* Put certificates in the place of a file's: whoever reads it finds all of the
 * one or of the other. Makes the folder if need be. */
enum trust_err trust_est_files_replace(const char *dir, const char *name,
    STACK_OF(X509) *certificates, struct trust_message *msg) TRUST_MUST_CHECK;

/* The new key: of an earlier attempt, or made, and on the disk before it is
 * asked for. The caller frees with EVP_PKEY_free. */
enum trust_err trust_est_files_new_key(const char *dir, enum trust_key kind,
    EVP_PKEY **out, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Put a certificate with its CAs in the place of what is there, `with_new_key`
 * the new key as well. What is stopped between is finished by
 * trust_est_files_recover.
 */
enum trust_err trust_est_files_install(const char *dir,
    STACK_OF(X509) *certificates, bool with_new_key,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Finish what an earlier run was stopped at. To be called first. */
enum trust_err trust_est_files_recover(
    const char *dir, struct trust_message *msg) TRUST_MUST_CHECK;

/* DIR/NAME of one of them. */
enum trust_err trust_est_files_path(char out[PATH_MAX], const char *dir,
    const char *name, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
