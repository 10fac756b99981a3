/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl est cacerts: the roots of an EST server's CA, at first and when they
 * change.
 */
#include <stdio.h>
#include <string.h>

#include "../certs/est_trust.h"
#include "certfile.h"
#include "commands.h"
#include "est_files.h"
#include "est_link.h"

/* One run. */
struct cacerts {
	struct trust_est_link link;
	struct trust_texts fingerprints;
	struct trust_thumbprint named[TRUST_TEXTS_MAX]; /* what they say */

	STACK_OF(X509) *before; /* owned: cacerts.pem as it was, or NULL */
	STACK_OF(X509) *answer; /* owned */
	struct trust_est_roots roots;
	bool is_told; /* the roots are shown */
};

/* ---- Who is named ---- */

static enum trust_err
read_fingerprints(struct cacerts *c, struct trust_message *msg)
{
	for (size_t i = 0; i < c->fingerprints.n; i++)
		if (trust_thumbprint_parse(
			c->fingerprints.v[i], &c->named[i]) != TRUST_OK)
			return trust_err_set(msg, TRUST_ERR_INPUT,
			    "--fingerprint: want SHA-256 in hex, 64 digits, "
			    "got \"%s\"",
			    c->fingerprints.v[i]);
	return TRUST_OK;
}

static enum trust_err
find_named(struct cacerts *c)
{
	struct trust_thumbprint thumbprint;
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < c->roots.n; i++) {
		struct trust_est_root *root = &c->roots.v[i];

		r = trust_certificate_thumbprint(
		    root->certificate, &thumbprint);
		if (r != TRUST_OK || root->standing != TRUST_EST_UNKNOWN)
			continue;
		for (size_t j = 0; j < c->fingerprints.n; j++)
			if (trust_thumbprint_equal(&thumbprint, &c->named[j]))
				root->standing = TRUST_EST_NAMED;
	}
	return r;
}

/* ---- What a person sees ---- */

static const char *
show_thumbprint(const X509 *x509, char out[TRUST_THUMBPRINT_TEXT])
{
	struct trust_thumbprint thumbprint = {0};

	if (trust_certificate_thumbprint(x509, &thumbprint) != TRUST_OK)
		return "unreadable";
	return trust_thumbprint_format(&thumbprint, out);
}

static void
tell_root(const char *what, const X509 *x509)
{
	char subject[TRUST_SHOWN_MAX], until[TRUST_CLOCK_TEXT];
	char hex[TRUST_THUMBPRINT_TEXT];

	printf("%-8s %s, until %s\n         %s\n", what,
	    trust_certificate_show_name(X509_get_subject_name(x509), subject),
	    trust_certfile_show_time(X509_get0_notAfter(x509), until),
	    show_thumbprint(x509, hex));
}

static bool
is_answered(const struct cacerts *c, const X509 *x509)
{
	for (size_t i = 0; i < c->roots.n; i++)
		if (c->roots.v[i].standing != TRUST_EST_OVER &&
		    X509_cmp(c->roots.v[i].certificate, x509) == 0)
			return true;
	return false;
}

static void
tell_roots(struct cacerts *c)
{
	static const char *const words[] = {
	    [TRUST_EST_UNKNOWN] = "unknown",
	    [TRUST_EST_OVER] = "over",
	    [TRUST_EST_VOUCHED] = "vouched",
	    [TRUST_EST_NAMED] = "named",
	    [TRUST_EST_KNOWN] = "known",
	};

	for (size_t i = 0; i < c->roots.n; i++)
		tell_root(
		    words[c->roots.v[i].standing], c->roots.v[i].certificate);
	for (int i = 0; i < sk_X509_num(c->before); i++)
		if (!is_answered(c, sk_X509_value(c->before, i)))
			tell_root("gone", sk_X509_value(c->before, i));
	(void)fflush(stdout);
	c->is_told = true;
}

/* ---- Deciding ---- */

/* A root for which nobody stands is the user's decision, each by itself. */
static enum trust_err
decide_unknown(struct cacerts *c, struct trust_message *msg)
{
	char subject[TRUST_SHOWN_MAX], hex[TRUST_THUMBPRINT_TEXT];
	char question[TRUST_MESSAGE_MAX];

	for (size_t i = 0; i < c->roots.n; i++) {
		struct trust_est_root *root = &c->roots.v[i];
		X509 *x509 = root->certificate;

		if (root->standing != TRUST_EST_UNKNOWN)
			continue;
		/* Who is asked sees first what there is in all. */
		if (!c->is_told && trust_prompt_has_terminal())
			tell_roots(c);
		(void)trust_certificate_show_name(
		    X509_get_subject_name(x509), subject);
		(void)show_thumbprint(x509, hex);
		snprintf(question, sizeof(question),
		    "Trust the root %s, SHA-256 %s", subject, hex);
		if (!trust_prompt_confirm(question))
			return trust_err_set(msg, TRUST_ERR_CONFLICT,
			    "%s: a root that nobody vouches for, %s; nothing "
			    "is written. If it is published so: --fingerprint "
			    "%s",
			    c->link.server, subject, hex);
		root->standing = TRUST_EST_NAMED;
	}
	return TRUST_OK;
}

static enum trust_err
write_roots(const struct cacerts *c, struct trust_message *msg)
{
	STACK_OF(X509) *stack = sk_X509_new_null();
	enum trust_err r = TRUST_ERR_NOMEM;

	if (stack == NULL)
		return r;
	for (size_t i = 0; i < c->roots.n; i++)
		if (c->roots.v[i].standing >= TRUST_EST_VOUCHED &&
		    sk_X509_push(stack, c->roots.v[i].certificate) == 0)
			goto out;
	if (sk_X509_num(stack) == 0) {
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a root among the certificates, self-signed and "
		    "valid now, got none",
		    c->link.server);
		goto out;
	}
	r = trust_est_files_replace(
	    c->link.dir, TRUST_EST_FILES_ANCHORS, stack, msg);
	if (r == TRUST_OK)
		printf("%s/" TRUST_EST_FILES_ANCHORS ": %d root%s\n",
		    c->link.dir, sk_X509_num(stack),
		    sk_X509_num(stack) == 1 ? "" : "s");
out:
	sk_X509_free(stack);
	return r;
}

/* ---- The whole of it ---- */

static enum trust_err
fetch(struct cacerts *c, struct trust_message *msg)
{
	enum trust_err r = read_fingerprints(c, msg);

	if (r == TRUST_OK)
		r = trust_est_link_load_anchors(&c->link, msg);
	if (r == TRUST_OK)
		r = trust_est_files_load(
		    c->link.dir, TRUST_EST_FILES_ANCHORS, &c->before, msg);
	if (r == TRUST_OK && c->link.anchors == NULL && c->fingerprints.n == 0)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "want --cafile, or the published --fingerprint of the "
		    "root, "
		    "to know the server by");
	if (r == TRUST_OK)
		r = trust_est_link_open(&c->link, msg);
	if (r == TRUST_OK)
		r = trust_est_link_ask(&c->link, "cacerts",
		    (struct trust_span){0}, &c->answer, msg);
	return r;
}

static enum trust_err
judge(struct cacerts *c, struct trust_message *msg)
{
	int64_t now = trust_options_now();
	enum trust_err r = TRUST_ERR_INTERNAL;

	trust_est_trust_find_roots(c->answer, c->link.anchors, now, &c->roots);
	r = find_named(c);
	if (r != TRUST_OK)
		return r;
	trust_est_trust_spread(c->answer, c->link.anchors, now, &c->roots);
	return decide_unknown(c, msg);
}

static enum trust_err
run(struct cacerts *c, struct trust_message *msg)
{
	enum trust_err r = fetch(c, msg);

	if (r == TRUST_OK)
		r = judge(c, msg);
	if (r == TRUST_OK)
		r = write_roots(c, msg);
	if (r == TRUST_OK && !c->is_told)
		tell_roots(c);
	trust_est_link_close(&c->link);
	sk_X509_pop_free(c->before, X509_free);
	sk_X509_pop_free(c->answer, X509_free);
	return r;
}

int
trust_est_cacerts_run(int argc, char **argv)
{
	struct cacerts c = {.link = TRUST_EST_LINK_DEFAULTS};
	const struct trust_option options[] = {
	    TRUST_EST_LINK_OPTIONS(c.link),
	    {.name = "fingerprint",
		.argument = "HEX",
		.help = "SHA-256 of a root, as its CA has published it",
		.texts = &c.fingerprints},
	};
	const struct trust_usage usage = {
	    .command = "est cacerts",
	    .arguments = "",
	    .text = "Get the roots of an EST server's CA, as cacerts.pem in "
		    "DIR. Taken is a root that\nis known already, that a "
		    "known one has certified, that --fingerprint names, or\n"
		    "that you say yes to at the terminal. Exit status 1: "
		    "there was another.\n",
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_message msg = {0};
	struct trust_args args;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	r = run(&c, &msg);
	if (r == TRUST_OK)
		return TRUST_EXIT_YES;
	(void)trust_output_failure(r, &msg);
	return r == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO : TRUST_EXIT_ERROR;
}
