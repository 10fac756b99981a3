/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An admission: an allowing verdict with all that is needed to reach it again
 * without the client. Counted references, for one thread.
 */
#ifndef TRUST_ADMISSION_H
#define TRUST_ADMISSION_H

#include "ground.h"
#include "judge.h"
#include "role.h"

struct trust_admission {
	unsigned refs;
	struct trust_verdict verdict;
	/* Counted; NULL of one that came by a pre-shared key, which has
	 * neither leaf nor chains. */
	struct trust_certificate *certificate;
	struct trust_buf leaf;     /* DER */
	STACK_OF(X509) *untrusted; /* others sent; owned */
	struct trust_group_chains chains;
	char *anchor; /* owned; see trust_admission_get0_anchor */
	/* The PSK identity, owned; NULL of one that came by a certificate. */
	char *identity;
	/* SHA-256 of its key as the record had it sealed, and of the key. */
	struct trust_thumbprint sealed_key, key;
	/* The rules of the last client that it was for, and that client's id:
	 * one that comes again shares them. Owned; NULL before the first. */
	struct trust_access *access;
	char *client_id;
	struct trust_grounds grounds; /* what it rests on */
	size_t n_chain_grounds; /* the first of them: what its chains do */
	uint64_t epoch;     /* of the gate: which file it was that said so */
	int64_t generation; /* of the registry, at which it was reached */
	uint64_t blocks;    /* of the gate: as they were when it was reached */
	uint64_t sets_serial; /* of the sets that the chains rest on */
	int64_t valid_from;   /* a clock before this asks again */
};

/*
 * Make one, for nobody yet. Takes over the verdict, the certificate, the
 * chains and the untrusted certificates, also when it fails; the leaf's DER is
 * copied.
 */
enum trust_err trust_admission_new(struct trust_verdict *verdict,
    struct trust_certificate *certificate, struct trust_group_chains *chains,
    struct trust_span leaf, STACK_OF(X509) *untrusted,
    struct trust_admission **out) TRUST_MUST_CHECK;

/* The same for who came by a pre-shared key. Takes over the verdict, also
 * when it fails; the rest is copied. */
enum trust_err trust_admission_new_psk(struct trust_verdict *verdict,
    const char *identity, const struct trust_thumbprint *sealed_key,
    const struct trust_thumbprint *key,
    struct trust_admission **out) TRUST_MUST_CHECK;

/*
 * The same verdict was reached again, over these chains: it takes them over,
 * and whoever holds it holds the new one. False: it is another verdict, or
 * rests on something else, or its chain ends at another of these anchors, and
 * nothing happened. What it was reached at is the caller's to enter.
 */
bool trust_admission_renew(struct trust_admission *admission,
    const struct trust_sets *sets, const struct trust_verdict *verdict,
    struct trust_group_chains *chains);

struct trust_admission *trust_admission_get1(struct trust_admission *admission);
void trust_admission_free(struct trust_admission *admission);
const struct trust_verdict *trust_admission_get0_verdict(
    const struct trust_admission *admission);
/* NULL: it came by a pre-shared key, and has an identity. */
const struct trust_certificate *trust_admission_get0_certificate(
    const struct trust_admission *admission);
/* The id of the anchor that the chain ends at; NULL without a chain, or where
 * nobody could tell. */
const char *trust_admission_get0_anchor(
    const struct trust_admission *admission);
/* Of the sets that it was reached by. */
enum trust_err trust_admission_set_anchor(struct trust_admission *admission,
    const struct trust_sets *sets) TRUST_MUST_CHECK;
/* NULL: it came by a certificate. */
const char *trust_admission_get0_identity(
    const struct trust_admission *admission);
/*
 * What it rests on besides its device's record: only a change that moves one
 * of these, or that record, can end it or change its roles before its time.
 */
const struct trust_grounds *trust_admission_get0_grounds(
    const struct trust_admission *admission);

#endif
