/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TLS connection to a server, to learn what there is to learn: nothing is
 * believed, and nothing is sent but what a handshake sends.
 */
#ifndef TRUST_PROBE_H
#define TRUST_PROBE_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "dial.h"
#include "trust.h"

/* TLS versions, as the handshake has them (RFC 8446 section 4.2.1). */
enum trust_probe_version {
	TRUST_PROBE_TLS_ANY = 0,
	TRUST_PROBE_TLS_1_0 = 0x0301,
	TRUST_PROBE_TLS_1_1 = 0x0302,
	TRUST_PROBE_TLS_1_2 = 0x0303,
	TRUST_PROBE_TLS_1_3 = 0x0304,
};

enum trust_probe_ciphers {
	TRUST_PROBE_CIPHERS_ALL,   /* whatever OpenSSL can still do */
	TRUST_PROBE_CIPHERS_TODAY, /* what OpenSSL's clients offer here */
	/* Forward secrecy and authenticated encryption (RFC 9325). */
	TRUST_PROBE_CIPHERS_GOOD,
};

/* How to come; borrowed. */
struct trust_probe_want {
	const struct trust_dial_address *to;
	const char *name; /* server_name (RFC 6066); NULL: none */
	enum trust_probe_version version; /* the only one to offer, or any */
	enum trust_probe_ciphers ciphers;
	/* The client's certificate, then what it sends with it, and its key.
	 * NULL: none. OpenSSL completes the chain from the anchors, as it does
	 * for libmosquitto. */
	STACK_OF(X509) *certificates;
	EVP_PKEY *key;
	STACK_OF(X509) *anchors;
	/* Wait for the server's answer to that certificate: in TLS 1.3 it
	 * comes after the handshake, if at all. */
	bool waits;
	int timeout_ms; /* of the connection, and of what is said on it */
};

enum trust_probe_end {
	TRUST_PROBE_OPEN,   /* it stood when we left it */
	TRUST_PROBE_ALERT,  /* the server ended it with an alert */
	TRUST_PROBE_CLOSED, /* ended without a word */
	TRUST_PROBE_SILENT, /* it did not go on in time */
	TRUST_PROBE_FAILED, /* see `error` */
};

/* What came of it. */
struct trust_probe {
	STACK_OF(X509) *sent; /* by the server, its own first; owned. NULL: it
			       * did not come to that */
	bool asked;           /* for a certificate */
	bool finished;        /* the handshake, as far as the client can tell */
	bool welcomed;        /* the server said so, too */
	const char *version;  /* "TLSv1.3"; static. NULL: none */
	enum trust_probe_version number;
	const char *cipher; /* static; likewise */
	enum trust_probe_end end;
	int alert; /* its number (RFC 8446 section 6), or -1 */
	char error[TRUST_SHOWN_MAX]; /* of OpenSSL or the system */
};

/* Connect and say what comes of it. An error means that there is no memory, or
 * that the certificate cannot be used. The caller clears `out`. */
enum trust_err trust_probe_run(const struct trust_probe_want *want,
    struct trust_probe *out, struct trust_message *msg) TRUST_MUST_CHECK;

/* Frees what it owns and zeroes it. */
void trust_probe_clear(struct trust_probe *probe);

#endif
