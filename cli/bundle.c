/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl bundle: the trust bundle of a registry, for images and
 * manufacturing.
 */
#include <stdio.h>

#include "commands.h"
#include "options.h"
#include "partfile.h"
#include "records.h"

static enum trust_err
read_bundle(const char *path, struct trust_buf *out, struct trust_message *msg)
{
	struct trust_registry *registry = NULL;
	enum trust_err r;

	r = trust_records_open(path, TRUST_REGISTRY_READ, &registry, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_anchor_encode_bundle(registry, out, msg);
	trust_registry_close(registry);
	return r;
}

static enum trust_err
write_out(
    const char *path, const struct trust_buf *bundle, struct trust_message *msg)
{
	if (path != NULL)
		return trust_partfile_store(path, trust_buf_get0(bundle), msg);
	if (fwrite(bundle->p, 1, bundle->len, stdout) != bundle->len)
		return TRUST_ERR_IO;
	return TRUST_OK;
}

static int
run(const char *registry, const char *path)
{
	struct trust_message msg = {0};
	struct trust_buf bundle = {0};
	enum trust_err r = read_bundle(registry, &bundle, &msg);
	int status = TRUST_EXIT_YES;

	/* Who is given an empty file trusts nobody, or everybody. */
	if (r == TRUST_OK && bundle.len == 0) {
		trust_output_error(
		    "%s: no anchor has the purpose bundle; trustctl anchor add "
		    "--purpose bundle gives it one",
		    registry);
		status = TRUST_EXIT_NO;
	} else if (r == TRUST_OK) {
		r = write_out(path, &bundle, &msg);
	}
	trust_buf_free(&bundle);
	return r == TRUST_OK ? status : trust_output_failure(r, &msg);
}

static const char about[] =
    "Write the trust bundle, for images and manufacturing: the certificates\n"
    "of the enabled anchors with purpose bundle as PEM, in the order of their\n"
    "ids. Gateways keep the same on the topic trust/v1/bundle. To standard\n"
    "output, or with -o in place of the file that is there. Exit status 1:\n"
    "there is none, and nothing is written.\n";

int
trust_bundle_run(int argc, char **argv)
{
	const char *registry = NULL, *path = NULL;
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&registry),
	    {.name = "output",
		.letter = 'o',
		.argument = "FILE",
		.help = "the file; else standard output",
		.text = &path},
	};
	const struct trust_usage usage = {
	    .command = "bundle",
	    .arguments = "",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	return run(registry, path);
}
