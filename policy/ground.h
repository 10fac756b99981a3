/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grounds: what an admission rests on, as numbers. A change of the registry
 * moves some of them, and who rests on none of those need not be looked at
 * again. Two grounds may share a number: that costs a look too many, never
 * one too few.
 */
#ifndef TRUST_GROUND_H
#define TRUST_GROUND_H

#include <openssl/x509.h>
#include <stdint.h>

#include "err.h"

enum trust_ground_kind {
	TRUST_GROUND_NAME,       /* a name that the certificate bears */
	TRUST_GROUND_IDENTITY,   /* it bears names of this kind */
	TRUST_GROUND_THUMBPRINT, /* its thumbprint */
	TRUST_GROUND_PIN,        /* its key */
	TRUST_GROUND_ROLE,       /* a role's id */
	TRUST_GROUND_GROUP,      /* the id of a group that may vouch */
	/* Who may come next above a certificate at hand: its issuer. */
	TRUST_GROUND_ISSUER,
	/* Which client ids are devices', as far as groups say so: what those
	 * without an admission rest on. */
	TRUST_GROUND_CLIENT_IDS,
	TRUST_GROUND_TOKEN, /* the id of a token: what its newcomers rest on */
	/* For those who keep admissions: their device, by its id; and what all
	 * rest on. */
	TRUST_GROUND_DEVICE,
	TRUST_GROUND_EVERYTHING,
};

/* The number of one. */
uint64_t trust_ground(enum trust_ground_kind kind, const void *p, size_t len);
/* The number of a name. Names that compare equal (RFC 5280 section 7.1) have
 * the same; where there is no SHA-1 all have. TRUST_ERR_NOMEM: nobody can tell,
 * and a guess would be a look too few. */
enum trust_err trust_ground_issuer(
    const X509_NAME *name, uint64_t *out) TRUST_MUST_CHECK;

/* Several. Zeroed memory is empty. */
struct trust_grounds {
	uint64_t *v; /* owned */
	size_t n;
	size_t room;
};

/* Adds one, if it is not there yet. */
enum trust_err trust_grounds_add(
    struct trust_grounds *grounds, uint64_t ground) TRUST_MUST_CHECK;
enum trust_err trust_grounds_add_issuer(
    struct trust_grounds *grounds, const X509_NAME *name) TRUST_MUST_CHECK;
/* Adds those of whatever these certificates have issued. */
enum trust_err trust_grounds_add_issuers(struct trust_grounds *grounds,
    STACK_OF(X509) *certificates) TRUST_MUST_CHECK;
/* Frees what it owns and zeroes it. */
void trust_grounds_clear(struct trust_grounds *grounds);

#endif
