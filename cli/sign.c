/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl sign: a notification and its parts as files, for gateways that no
 * line leads to.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "development.h"
#include "files.h"
#include "partfile.h"
#include "signing.h"

/* Updates, until there is a snapshot. */
#define ATTEMPTS 10

/* What the directory holds of an earlier time; NULL: nothing. */
static enum trust_err
read_earlier(const struct trust_signing *signing, const char *dir,
    struct trust_notification **out, struct trust_message *msg)
{
	char path[TRUST_PARTFILE_PATH_MAX];
	struct trust_buf der = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	r = trust_partfile_notification(path, dir, msg);
	if (r != TRUST_OK || access(path, F_OK) != 0)
		return r;
	r = trust_files_read(path, TRUST_NOTIFICATION_MAX, &der, msg);
	if (r == TRUST_OK)
		r = trust_signing_read(signing, trust_buf_get0(&der), out, msg);
	if (r == TRUST_OK && *out == NULL)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a notification of scope %s, or none", path,
		    signing->scope);
	trust_buf_free(&der);
	return r;
}

/* Parts are known by their digest: what is there already is the same. */
static enum trust_err
write_part(struct trust_signing *signing, const char *dir,
    const struct trust_part *part, struct trust_message *msg)
{
	char path[TRUST_PARTFILE_PATH_MAX];
	struct trust_buf bytes = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_partfile_path(path, dir, &part->sha256, msg);
	if (r != TRUST_OK || access(path, F_OK) == 0)
		return r;
	r = trust_publication_part(
	    signing->registry, signing->scope, &part->sha256, &bytes, msg);
	if (r == TRUST_OK)
		r = trust_partfile_store(path, trust_buf_get0(&bytes), msg);
	trust_buf_free(&bytes);
	return r;
}

static enum trust_err
write_parts(struct trust_signing *signing, const char *dir,
    const struct trust_parts *parts, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < parts->n; i++)
		r = write_part(signing, dir, &parts->v[i], msg);
	return r;
}

/* The notification last: what it names is there. */
static enum trust_err
write_all(struct trust_signing *signing, const char *dir,
    const struct trust_notification *n, struct trust_message *msg)
{
	char path[TRUST_PARTFILE_PATH_MAX];
	struct trust_buf der = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_signing_sign(signing, n, &der, msg);
	if (r == TRUST_OK)
		r = write_parts(signing, dir, &n->snapshot, msg);
	for (size_t i = 0; r == TRUST_OK && i < n->n_deltas; i++)
		r = write_parts(signing, dir, &n->deltas[i], msg);
	if (r == TRUST_OK)
		r = trust_partfile_notification(path, dir, msg);
	if (r == TRUST_OK)
		r = trust_partfile_store(path, trust_buf_get0(&der), msg);
	trust_buf_free(&der);
	return r;
}

/* The first snapshot may have to be built before there is something to sign;
 * it cannot be while others change the registry without end. */
static enum trust_err
update(struct trust_signing *signing, const struct trust_notification *earlier,
    struct trust_notification **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	*out = NULL;
	for (int i = 0; r == TRUST_OK && *out == NULL && i < ATTEMPTS; i++) {
		r = trust_signing_update(signing, earlier, out, msg);
		if (r == TRUST_OK)
			r = trust_publication_upkeep_run(
			    signing->registry, signing->scope, msg);
	}
	if (r == TRUST_OK && *out == NULL)
		r = trust_err_set(msg, TRUST_ERR_BUSY,
		    "%s: others keep changing it, tried %d times",
		    signing->registry_path, ATTEMPTS);
	return r;
}

static enum trust_err
sign(struct trust_signing *signing, const char *dir, struct trust_message *msg)
{
	struct trust_notification *earlier = NULL;
	struct trust_notification *n = NULL;
	char until[TRUST_CLOCK_TEXT];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_signing_open(signing, msg);
	if (r != TRUST_OK)
		goto out;
	if (mkdir(dir, 0777) != 0 && errno != EEXIST) {
		r = trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", dir, strerror(errno));
		goto out;
	}
	r = read_earlier(signing, dir, &earlier, msg);
	if (r != TRUST_OK)
		goto out;
	r = update(signing, earlier, &n, msg);
	if (r != TRUST_OK)
		goto out;
	r = write_all(signing, dir, n, msg);
	if (r != TRUST_OK)
		goto out;
	trust_development_tell_all(signing->registry);
	printf("scope %s: serial %" PRId64 ", %" PRId64
	       " records, fresh until %s, in %s\n",
	    n->scope, n->serial, n->n_records,
	    trust_clock_format(n->next_update, until), dir);
out:
	trust_notification_free(earlier);
	trust_notification_free(n);
	return r;
}

int
trust_sign_run(int argc, char **argv)
{
	struct trust_signing signing = TRUST_SIGNING_DEFAULTS;
	const struct trust_option options[] = {
	    TRUST_SIGNING_OPTIONS(signing),
	};
	const struct trust_usage usage = {
	    .command = "sign",
	    .arguments = "DIR",
	    .text = "Sign what the gateways of a scope are to know, as files: "
		    "notification.der, and\nSHA256.part for each part of its "
		    "content. trustctl apply brings them into a\nreplica. "
		    "Exit status 1: what is in the directory is ahead of the "
		    "registry.\n",
	    .options = options,
	    .n_options = sizeof(options) / sizeof(options[0]),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_message msg = {0};
	struct trust_args args;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	r = sign(&signing, args.v[0], &msg);
	trust_signing_close(&signing);
	if (r == TRUST_OK)
		return TRUST_EXIT_YES;
	(void)trust_output_failure(r, &msg);
	return r == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO : TRUST_EXIT_ERROR;
}
