/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl thumbprint: SHA-256 of certificates and of their keys.
 */
#include <stdio.h>

#include "certfile.h"
#include "commands.h"
#include "options.h"

static enum trust_err
print_json(const char *path, const struct trust_certificate *certificate,
    const char *thumbprint, const char *pin, struct trust_message *msg)
{
	return trust_output_json(
	    json_pack("{s:s, s:s, s:s, s:s}", "file", path, "subject",
		certificate->subject, "thumbprint", thumbprint, "pin", pin),
	    msg);
}

static enum trust_err
print_one(const char *path, X509 *x509, bool json, struct trust_message *msg)
{
	struct trust_certificate *certificate = NULL;
	char thumbprint[TRUST_THUMBPRINT_TEXT], pin[TRUST_THUMBPRINT_TEXT];
	enum trust_err r = trust_certificate_new(x509, &certificate, msg);

	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "%s", path);
	trust_thumbprint_format(&certificate->thumbprint, thumbprint);
	trust_thumbprint_format(&certificate->pin, pin);
	if (json)
		r = print_json(path, certificate, thumbprint, pin, msg);
	else
		printf("%s: %s\n"
		       "  certificate  %s\n"
		       "  key          %s\n",
		    path, certificate->subject, thumbprint, pin);
	trust_certificate_free(certificate);
	return r;
}

static enum trust_err
print_file(const char *path, bool json, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;
	int i;

	if ((r = trust_certfile_load(path, &stack, msg)) != TRUST_OK)
		goto out;
	for (i = 0; i < sk_X509_num(stack); i++) {
		r = print_one(path, sk_X509_value(stack, i), json, msg);
		if (r != TRUST_OK)
			goto out;
	}
	r = TRUST_OK;
out:
	sk_X509_pop_free(stack, X509_free);
	return r;
}

static const char about[] =
    "Print the SHA-256 of each certificate in the files (PEM or DER, - is\n"
    "standard input), and of its public key. The first is what device\n"
    "records call a thumbprint, the second a pin.\n";

int
trust_thumbprint_run(int argc, char **argv)
{
	bool json = false;
	const struct trust_option options[] = {
	    TRUST_OPTION_JSON(&json),
	};
	const struct trust_usage usage = {
	    .command = "thumbprint",
	    .arguments = "FILE...",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = -1,
	};
	struct trust_message msg = {0};
	struct trust_args args;
	enum trust_err err;
	int i;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	for (i = 0; i < args.n; i++) {
		err = print_file(args.v[i], json, &msg);
		if (err != TRUST_OK)
			return trust_output_failure(err, &msg);
	}
	return TRUST_EXIT_YES;
}
