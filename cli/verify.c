/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl verify: path validation alone, without a registry.
 */
#include <inttypes.h>
#include <stdio.h>

#include "certfile.h"
#include "commands.h"
#include "options.h"

/* By enum trust_purpose. */
static const char *const purposes[] = {"client", "server", "any", NULL};

#define DEPTH_MAX 100

/* The command line, and what it names once it is read. */
struct verify {
	struct trust_texts anchors, untrusted, crls, policies;
	const char *leaf;
	int purpose;
	bool require_crl;
	bool json;
	/* in.untrusted is owned and holds the leaf as well, in.leaf is not. */
	struct trust_chain_input in;
};

static enum trust_err
load(struct verify *verify, struct trust_message *msg)
{
	struct trust_chain_input *in = &verify->in;
	enum trust_err r = TRUST_ERR_INTERNAL;

	in->wants_path = true;
	in->anchors = sk_X509_new_null();
	in->crls = sk_X509_CRL_new_null();
	if (in->anchors == NULL || in->crls == NULL)
		return TRUST_ERR_NOMEM;
	r = trust_certfile_load(verify->leaf, &in->untrusted, msg);
	if (r != TRUST_OK)
		return r;
	in->leaf = sk_X509_value(in->untrusted, 0);
	r = trust_certfile_add(
	    verify->anchors.v, verify->anchors.n, in->anchors, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_certfile_add(
	    verify->untrusted.v, verify->untrusted.n, in->untrusted, msg);
	if (r != TRUST_OK)
		return r;
	return trust_certfile_add_crls(
	    verify->crls.v, verify->crls.n, in->crls, msg);
}

/* ---- For programs ---- */

static json_t *
path_json(const struct trust_chain *chain)
{
	char text[TRUST_THUMBPRINT_TEXT];
	json_t *path = json_array();
	size_t i;

	for (i = 0; i < chain->n_path; i++) {
		trust_thumbprint_format(&chain->path[i], text);
		if (json_array_append_new(path, json_string(text)) != 0) {
			json_decref(path);
			return NULL;
		}
	}
	return path;
}

static enum trust_err
print_json(const struct trust_chain *chain, struct trust_message *msg)
{
	const char *reason =
	    chain->valid ? NULL : trust_reason_name(chain->reason);

	return trust_output_json(
	    json_pack("{s:b, s:o, s:o, s:o, s:i, s:o, s:i, s:i}", "valid",
		chain->valid, "reason", trust_json_text(reason), "detail",
		trust_json_text(chain->detail), "subject",
		trust_json_text(chain->subject), "depth", chain->depth, "path",
		path_json(chain), "paths", (int)chain->paths, "signatures",
		(int)chain->signatures),
	    msg);
}

/* ---- For people ---- */

/* The certificate of the stack with this thumbprint, or NULL. */
static X509 *
find_certificate(
    STACK_OF(X509) *stack, const struct trust_thumbprint *thumbprint)
{
	struct trust_thumbprint found;
	int i;

	for (i = 0; i < sk_X509_num(stack); i++)
		if (trust_certificate_thumbprint(
			sk_X509_value(stack, i), &found) == TRUST_OK &&
		    trust_thumbprint_equal(&found, thumbprint))
			return sk_X509_value(stack, i);
	return NULL;
}

static void
print_path(const struct verify *verify, const struct trust_chain *chain)
{
	char text[TRUST_THUMBPRINT_TEXT], subject[TRUST_SHOWN_MAX];
	X509 *x509;
	size_t i;

	for (i = 0; i < chain->n_path; i++) {
		x509 = find_certificate(verify->in.untrusted, &chain->path[i]);
		if (x509 == NULL)
			x509 = find_certificate(
			    verify->in.anchors, &chain->path[i]);
		printf("  %zu  %s  %s\n", i,
		    trust_thumbprint_format(&chain->path[i], text),
		    x509 != NULL ? trust_certificate_show_name(
				       X509_get_subject_name(x509), subject)
				 : "");
	}
}

static void
print_text(const struct verify *verify, const struct trust_chain *chain)
{
	char until[TRUST_CLOCK_TEXT];

	if (chain->valid)
		printf("valid: path of %zu certificates, until %s\n",
		    chain->n_path,
		    trust_clock_format(chain->valid_until, until));
	else
		printf("%s: %s: %s\n", trust_reason_name(chain->reason),
		    chain->subject,
		    chain->detail[0] != '\0'
			? chain->detail
			: trust_reason_meaning(chain->reason));
	print_path(verify, chain);
}

static int
run(struct verify *verify)
{
	struct trust_chain chain = {0};
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	verify->in.purpose = (enum trust_purpose)verify->purpose;
	if (verify->require_crl)
		verify->in.revocation = TRUST_REVOCATION_REQUIRE;
	verify->in.policies = verify->policies.v;
	verify->in.n_policies = verify->policies.n;
	if ((r = load(verify, &msg)) != TRUST_OK)
		goto out;
	if ((r = trust_chain_verify(&verify->in, &chain, &msg)) != TRUST_OK)
		goto out;
	if (verify->json)
		r = print_json(&chain, &msg);
	else
		print_text(verify, &chain);
out:
	sk_X509_pop_free(verify->in.anchors, X509_free);
	sk_X509_pop_free(verify->in.untrusted, X509_free);
	sk_X509_CRL_pop_free(verify->in.crls, X509_CRL_free);
	if (r != TRUST_OK)
		return trust_output_failure(r, &msg);
	return chain.valid ? TRUST_EXIT_YES : TRUST_EXIT_NO;
}

static const char about[] =
    "Find a valid path from a certificate to a trust anchor (RFC 5280\n"
    "section 6). LEAF.pem may hold more certificates, which may be on the\n"
    "path. Files are PEM with any number of certificates or CRLs, or DER\n"
    "with one.\n";

int
trust_verify_run(int argc, char **argv)
{
	struct verify verify = {
	    .in = {.now = trust_options_now(), .max_depth = -1}};
	const struct trust_option options[] = {
	    {.name = "anchor",
		.argument = "FILE",
		.help = "trust anchors",
		.required = true,
		.texts = &verify.anchors},
	    {.name = "untrusted",
		.argument = "FILE",
		.help = "may be on the path",
		.texts = &verify.untrusted},
	    {.name = "crl",
		.argument = "FILE",
		.help = "revocation lists",
		.texts = &verify.crls},
	    {.name = "require-crl",
		.help = "every CA of the path needs a current CRL",
		.flag = &verify.require_crl},
	    {.name = "purpose",
		.argument = "client|server|any",
		.help = "what the leaf is for; else client",
		.choice = &verify.purpose,
		.choices = purposes},
	    {.name = "max-depth",
		.argument = "N",
		.help = "most CAs between leaf and anchor",
		.number = &verify.in.max_depth,
		.max = DEPTH_MAX},
	    {.name = "policy",
		.argument = "OID",
		.help = "an acceptable certificate policy",
		.texts = &verify.policies},
	    {.name = "require-policy",
		.help = "the path must be valid for a policy",
		.flag = &verify.in.require_policy},
	    {.name = "no-policy-mapping",
		.help = "policies are not mapped",
		.flag = &verify.in.no_policy_mapping},
	    {.name = "no-any-policy",
		.help = "anyPolicy counts as no policy",
		.flag = &verify.in.no_any_policy},
	    TRUST_OPTION_AT(&verify.in.now),
	    TRUST_OPTION_JSON(&verify.json),
	};
	const struct trust_usage usage = {
	    .command = "verify",
	    .arguments = "LEAF.pem",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	verify.leaf = args.v[0];
	return run(&verify);
}
