/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An EST server as the command line describes it: what we know of it, what it
 * may know of us, and its answers as certificates.
 */
#ifndef TRUST_EST_LINK_H
#define TRUST_EST_LINK_H

#include "../certs/key_prompt.h"
#include "est_http.h"
#include "options.h"
#include "prompt.h"

/* The command line, and what was loaded by it. */
struct trust_est_link {
	const char *server;
	const char *cafile;
	const char *label;
	const char *cert;
	const char *key;
	const char *username;
	const char *password_file;
	struct trust_prompt prompt;
	const char *dir;
	int64_t wait_s; /* for somebody's approval, in all */

	STACK_OF(X509) *anchors;      /* owned; NULL: none */
	STACK_OF(X509) *certificates; /* owned; NULL: none */
	EVP_PKEY *own_key;            /* owned; with certificates */
	char password[TRUST_KEY_SECRET_MAX];
	struct trust_est_peer peer;
	struct trust_est_http *http;
};

#define TRUST_EST_LINK_DEFAULTS \
	{                       \
		.wait_s = 60,   \
	}

/* Options of every command. `to` is a struct trust_est_link. */
#define TRUST_EST_LINK_OPTIONS(to)                                            \
	{.name = "server",                                                    \
	    .argument = "URL",                                                \
	    .help = "the EST server, https://HOST:PORT",                      \
	    .required = true,                                                 \
	    .text = &(to).server},                                            \
	    {.name = "label",                                                 \
		.argument = "LABEL",                                          \
		.help = "which of its CAs, as it calls that",                 \
		.text = &(to).label},                                         \
	    {.name = "cafile",                                                \
		.argument = "FILE",                                           \
		.help = "the server's trust anchors, beside those of DIR/"    \
			"cacerts.pem",                                        \
		.text = &(to).cafile},                                        \
	{                                                                     \
		.name = "out", .letter = 'o', .argument = "DIR",              \
		.help = "where the files are, and come to", .required = true, \
		.text = &(to).dir                                             \
	}

/* Options of those that want a certificate. */
#define TRUST_EST_LINK_CREDENTIALS(to)                                     \
	{.name = "cert",                                                   \
	    .argument = "FILE",                                            \
	    .help = "a certificate to show the server, and its CAs",       \
	    .text = &(to).cert},                                           \
	    {.name = "key",                                                \
		.argument = "KEY",                                         \
		.help = "its private key, a file or a pkcs11: URI",        \
		.text = &(to).key},                                        \
	    TRUST_PROMPT_OPTIONS((to).prompt),                             \
	    {.name = "username",                                           \
		.letter = 'u',                                             \
		.argument = "NAME",                                        \
		.help = "a user of the server",                            \
		.text = &(to).username},                                   \
	    {.name = "password-file",                                      \
		.argument = "FILE",                                        \
		.help = "whose first line is the user's password; else "   \
			"the terminal is asked",                           \
		.text = &(to).password_file},                              \
	{                                                                  \
		.name = "wait", .argument = "DURATION",                    \
		.help = "for a person's approval there; 60s without this", \
		.duration = &(to).wait_s                                   \
	}

/*
 * Load the anchors: --cafile's, and those that an earlier `est cacerts` has
 * left in DIR; none is no error. Called first.
 */
enum trust_err trust_est_link_load_anchors(
    struct trust_est_link *link, struct trust_message *msg) TRUST_MUST_CHECK;

/* Load certificate, key and password, and ask for what opens them. */
enum trust_err trust_est_link_load_credentials(
    struct trust_est_link *link, struct trust_message *msg) TRUST_MUST_CHECK;

/* Connect, with what was loaded. Without anchors the server is nobody, and
 * gets nothing of us. */
enum trust_err trust_est_link_open(
    struct trust_est_link *link, struct trust_message *msg) TRUST_MUST_CHECK;

/* Frees all, wipes the password. */
void trust_est_link_close(struct trust_est_link *link);

/*
 * Ask, and read the certificates of the answer, which nobody has judged yet.
 * An answer that says to come again later is heeded as long as --wait allows.
 * TRUST_ERR_CONFLICT: the server said no, or not yet. The caller frees with
 * sk_X509_pop_free.
 */
enum trust_err trust_est_link_ask(struct trust_est_link *link,
    const char *operation, struct trust_span body, STACK_OF(X509) **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
