/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's own server certificate: issued by its Edge CA, renewed in
 * time, and taken by Mosquitto without an end of any connection.
 */
#ifndef TRUST_SERVERCERT_H
#define TRUST_SERVERCERT_H

#include "issuer.h"

/* The command line; borrowed. All of the files or none. */
struct trust_servercert_options {
	struct trust_texts names; /* DNS names and addresses */
	const char *certificate;  /* a file: with the CAs, to be sent */
	const char *key;          /* a file; the key in it is kept */
	const char *broker_pid;   /* a file with Mosquitto's number, or NULL */
	const char *audit;        /* a file, as ledger.h has it */
};

/* Whether there is a server certificate to look after; TRUST_ERR_INPUT for an
 * option that others are missing for. */
enum trust_err trust_servercert_check(
    const struct trust_servercert_options *options, bool *wanted,
    struct trust_message *msg) TRUST_MUST_CHECK;

struct trust_servercert;

/* Look after it from now on: have one there when this returns. */
enum trust_err trust_servercert_open(
    const struct trust_servercert_options *options,
    const struct trust_issuer *issuer, int64_t now,
    struct trust_servercert **out, struct trust_message *msg) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_servercert_close(struct trust_servercert *servercert);

/* Do what is due. What goes wrong is told and tried again. */
void trust_servercert_tick(struct trust_servercert *servercert, int64_t now);

#endif
