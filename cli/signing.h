/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next notification of a scope, made and signed: what publish and sign
 * have in common.
 */
#ifndef TRUST_SIGNING_H
#define TRUST_SIGNING_H

#include "options.h"
#include "prompt.h"
#include "trust.h"

/* The command line, and what was loaded by it. */
struct trust_signing {
	const char *registry_path;
	const char *scope;
	struct trust_texts certificates; /* files; one key for each */
	struct trust_texts keys;         /* files, or URIs of tokens */
	struct trust_prompt prompt;
	struct trust_texts anchor_paths;
	int64_t lifetime_s; /* from this_update to next_update */
	bool mass_removal;
	bool new_session;
	STACK_OF(X509) *anchors; /* owned; empty: none were named */
	struct trust_registry *registry;
	struct trust_statement_signer signers[TRUST_STATEMENT_SIGNERS_MAX];
	size_t n_signers;
};

#define TRUST_SIGNING_DEFAULTS                       \
	{                                            \
		.lifetime_s = INT64_C(24) * 60 * 60, \
	}

/* Their options. `to` is a struct trust_signing. */
#define TRUST_SIGNING_OPTIONS(to)                                              \
	TRUST_OPTION_REGISTRY(&(to).registry_path),                            \
	    {.name = "scope",                                                  \
		.argument = "SCOPE",                                           \
		.help = "what the gateways that follow it share",              \
		.required = true,                                              \
		.text = &(to).scope},                                          \
	    {.name = "signer",                                                 \
		.argument = "FILE",                                            \
		.help = "certificate of a signer",                             \
		.required = true,                                              \
		.texts = &(to).certificates},                                  \
	    {.name = "key",                                                    \
		.argument = "KEY",                                             \
		.help = "its private key; as many as signers, in their order", \
		.required = true,                                              \
		.texts = &(to).keys},                                          \
	    TRUST_PROMPT_OPTIONS((to).prompt),                                 \
	    {.name = "anchor",                                                 \
		.argument = "FILE",                                            \
		.help = "whose signers alone count, these and those of what "  \
			"is out",                                              \
		.texts = &(to).anchor_paths},                                  \
	    {.name = "next-update",                                            \
		.argument = "DURATION",                                        \
		.help = "how long gateways count as fresh; 24h without this",  \
		.duration = &(to).lifetime_s},                                 \
	    {.name = "mass-removal",                                           \
		.help = "let gateways apply this serial whatever it removes",  \
		.flag = &(to).mass_removal},                                   \
	{                                                                      \
		.name = "new-session",                                         \
		.help = "begin anew, after a restored backup",                 \
		.flag = &(to).new_session                                      \
	}

/* Check the command line, load the signers and see that gateways take each,
 * open the registry, and see that no anchor in it stands for them. Whatever
 * comes of it, the caller closes. */
enum trust_err trust_signing_open(
    struct trust_signing *signing, struct trust_message *msg) TRUST_MUST_CHECK;
void trust_signing_close(struct trust_signing *signing);

/*
 * Read what is published already. `out` is NULL for what no gateway of the
 * scope would take either, and the message says why. TRUST_ERR_CONFLICT: a
 * newer program has published it.
 */
enum trust_err trust_signing_read(const struct trust_signing *signing,
    struct trust_span der, struct trust_notification **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Bring the scope up to date and describe it; see trust_publication_update,
 * also for when `out` is NULL.
 * A new session is begun once, and a mass removal let pass once, however
 * often this is called.
 */
enum trust_err trust_signing_update(struct trust_signing *signing,
    const struct trust_notification *published, struct trust_notification **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Sign a notification. The caller frees `der`. TRUST_ERR_INPUT: the time of
 * every signer is over, for one. */
enum trust_err trust_signing_sign(const struct trust_signing *signing,
    const struct trust_notification *notification, struct trust_buf *der,
    struct trust_message *msg) TRUST_MUST_CHECK;

#endif
