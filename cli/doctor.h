/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl doctor: the steps of a diagnosis, and what they know of one
 * another. Each step looks at one thing, adds what it finds to the findings,
 * and says nothing where an earlier one left nothing to look at.
 */
#ifndef TRUST_DOCTOR_H
#define TRUST_DOCTOR_H

#include "dial.h"
#include "findings.h"
#include "probe.h"
#include "shell.h"
#include "trust.h"

/* How the server's certificate leads up, as far as it does: as our path
 * validation went, or where that reached no anchor, from issuer to issuer. */
struct trust_doctor_path {
	X509 *v[TRUST_CHAIN_PATH_MAX]; /* borrowed; the server's own first */
	int n;                         /* without the anchor above them */
	bool self_signed; /* the last of them is, and is no anchor */
	X509 *anchor;     /* that issued the last, or is it; or NULL */
	X509 *namesake;   /* an anchor of its issuer's name that did not */
};

/* The command line as words of a shell, for what a person is to type. */
struct trust_doctor_words {
	char host[TRUST_SHELL_MAX];
	char address[TRUST_SHELL_MAX]; /* with the port, for s_client */
	char anchor[TRUST_SHELL_MAX];
	char cert[TRUST_SHELL_MAX];
	char key[TRUST_SHELL_MAX];
	char registry[TRUST_SHELL_MAX];
};

struct trust_doctor {
	/* The command line. */
	const char *host;
	int port;
	const char *anchor, *cert, *key; /* files; the latter both or none */
	const char *client_id;           /* or NULL */
	const char *topic;               /* to subscribe to, or NULL */
	const char *registry;            /* file, or NULL */
	const char *gateway;
	int revocation;
	int64_t crl_grace_s;
	int64_t now;
	int timeout_s;
	bool no_connect; /* end before MQTT */
	bool json;
	struct trust_doctor_words words;
	/* The files. */
	STACK_OF(X509) *anchors; /* owned; NULL: none could be read */
	STACK_OF(X509) *own;     /* what the client sends; owned, or NULL */
	EVP_PKEY *own_key;       /* owned, or NULL */
	bool own_fits;           /* the one is the other's */
	/* The name in the client's certificate, and the client id that goes
	 * with it where none is given; "" for none. */
	char own_name[TRUST_ID_MAX + 1];
	/* What was learnt. */
	struct trust_dial_addresses addresses;
	const struct trust_dial_address *reached; /* or NULL */
	struct trust_probe probe;                 /* as the client */
	struct trust_doctor_path path;
	struct trust_chain chain; /* what path validation says of it, now */
	struct trust_findings findings;
};

/* What is asked for, and in which order. */
enum trust_err trust_doctor_load(
    struct trust_doctor *doctor, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_doctor_reach(struct trust_doctor *doctor);
enum trust_err trust_doctor_shake(
    struct trust_doctor *doctor, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_doctor_check_names(struct trust_doctor *doctor);
enum trust_err trust_doctor_check_chain(
    struct trust_doctor *doctor, struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_doctor_check_trust(
    struct trust_doctor *doctor, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_doctor_check_times(struct trust_doctor *doctor);
enum trust_err trust_doctor_check_protocol(
    struct trust_doctor *doctor, struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_doctor_check_own(
    struct trust_doctor *doctor, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_doctor_check_answer(struct trust_doctor *doctor);
enum trust_err trust_doctor_ask_registry(
    struct trust_doctor *doctor, struct trust_message *msg) TRUST_MUST_CHECK;
enum trust_err trust_doctor_try_mqtt(
    struct trust_doctor *doctor, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_doctor_ask_clock(struct trust_doctor *doctor);

/* The client id to come with; NULL: any. */
const char *trust_doctor_client_id(const struct trust_doctor *doctor);

/* How to connect to the address that was reached, as the client. */
struct trust_probe_want trust_doctor_want(const struct trust_doctor *doctor);

/* Validate what the server sent at some time, with the path. */
enum trust_err trust_doctor_verify(const struct trust_doctor *doctor,
    int64_t now, struct trust_chain *out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Tell what is wrong with a file of certificates; `word` is its name for a
 * shell. Returns whether it has some. */
bool trust_doctor_check_file(struct trust_doctor *doctor, const char *step,
    const char *path, const char *word, bool has_certificates);

/* Whether a certificate that counts should have been renewed by now. */
bool trust_doctor_ends_soon(int64_t not_before, int64_t not_after, int64_t now);

/* Whether something answers in MQTT without TLS. */
bool trust_doctor_hears_mqtt(const struct trust_doctor *doctor);

/* "DB:57:…" of a key identifier, as `openssl x509 -ext` shows it, or "none".
 * Cut where it is longer. Returns `out`. */
char *trust_doctor_show_key_id(
    const ASN1_OCTET_STRING *id, char out[TRUST_SHOWN_MAX]);

#endif
