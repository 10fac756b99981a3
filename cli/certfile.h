/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of certificates and CRLs: PEM with any number of them, or DER with
 * one.
 */
#ifndef TRUST_CERTFILE_H
#define TRUST_CERTFILE_H

#include "trust.h"

/* All certificates of a file, in order; at least one. The caller frees with
 * sk_X509_pop_free. */
enum trust_err trust_certfile_load(const char *path, STACK_OF(X509) **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Add all certificates of each file to the stack. */
enum trust_err trust_certfile_add(const char *const *paths, size_t n,
    STACK_OF(X509) *to, struct trust_message *msg) TRUST_MUST_CHECK;

/* Add all CRLs of each file to the stack. */
enum trust_err trust_certfile_add_crls(const char *const *paths, size_t n,
    STACK_OF(X509_CRL) *to, struct trust_message *msg) TRUST_MUST_CHECK;

/* The facts of the first certificate of PEM text, as it stands in a record.
 * The caller frees with trust_certificate_free. */
enum trust_err trust_certfile_facts(const char *pem,
    struct trust_certificate **out, struct trust_message *msg) TRUST_MUST_CHECK;

/* The id that the first certificate of a file has as its common name; false,
 * with "", where there is none. */
bool trust_certfile_read_id(const char *path, char out[TRUST_ID_MAX + 1]);

/* A date of a CRL for people: "never" for NULL, "unreadable" for what is no
 * date. */
const char *trust_certfile_show_time(
    const ASN1_TIME *time, char out[TRUST_CLOCK_TEXT]);

#endif
