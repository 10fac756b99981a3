/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl put: records into a registry, line by line, all or nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "development.h"
#include "files.h"
#include "flaws.h"
#include "options.h"
#include "progress.h"
#include "records.h"
#include "references.h"
#include "unsealed.h"

/* Lines on their way into a registry. */
struct put {
	struct trust_registry *registry;
	FILE *in;
	const char *source; /* its name, for messages */
	uint8_t *line;      /* TRUST_RECORD_MAX octets */
	size_t len;         /* octets of the line at hand */
	int64_t number;     /* of that line, from 1 */
	int64_t n_records;  /* put so far */
	struct trust_progress progress;
	struct trust_references *references;
	struct trust_flaws flaws;
	struct trust_unsealed *unsealed;
	struct trust_development development;
};

/* The next line, without its end. False: there is none, or it cannot be read,
 * and then *r says why. */
static bool
read_line(struct put *put, enum trust_err *r, struct trust_message *msg)
{
	int c;

	put->len = 0;
	put->number++;
	while ((c = getc_unlocked(put->in)) != EOF && c != '\n') {
		if (put->len == TRUST_RECORD_MAX) {
			*r = trust_err_set(msg, TRUST_ERR_INPUT,
			    "want at most %d octets in a line, got more",
			    TRUST_RECORD_MAX);
			return false;
		}
		put->line[put->len++] = (uint8_t)c;
	}
	if (c == EOF && ferror(put->in)) {
		*r = trust_err_set(msg, TRUST_ERR_IO, "%s", strerror(errno));
		return false;
	}
	return c != EOF || put->len > 0;
}

static bool
is_blank(const struct put *put)
{
	size_t i;

	for (i = 0; i < put->len; i++)
		if (put->line[i] != ' ' && put->line[i] != '\t' &&
		    put->line[i] != '\r')
			return false;
	return true;
}

static enum trust_err
put_line(struct put *put, struct trust_message *msg)
{
	struct trust_span line = {put->line, put->len};
	struct trust_record *record = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if ((r = trust_record_parse(line, &record, msg)) != TRUST_OK)
		goto out;
	if ((r = trust_flaws_add(&put->flaws, record, msg)) != TRUST_OK)
		goto out;
	r = trust_registry_put(put->registry, record, put->number, msg);
	if (r != TRUST_OK)
		goto out;
	trust_references_add(put->references, record);
	trust_unsealed_add(put->unsealed, record);
	trust_development_add_record(&put->development, record);
	put->n_records++;
	trust_progress_tick(&put->progress, put->n_records);
	r = TRUST_OK;
out:
	trust_record_free(record);
	return r;
}

static enum trust_err
put_lines(struct put *put, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	while (read_line(put, &r, msg))
		if (!is_blank(put) && (r = put_line(put, msg)) != TRUST_OK)
			break;
	if (r != TRUST_OK)
		return trust_err_prefix(
		    msg, r, "%s:%" PRId64, put->source, put->number);
	return TRUST_OK;
}

/* The lines and then the commit, which takes its time with a million. */
static enum trust_err
put_and_commit(struct put *put, struct trust_message *msg)
{
	enum trust_err r = put_lines(put, msg);

	if (r != TRUST_OK) {
		trust_registry_rollback(put->registry);
		return r;
	}
	if ((r = trust_registry_commit(put->registry, msg)) != TRUST_OK)
		return trust_err_prefix(msg, r, "%s", put->source);
	return TRUST_OK;
}

static enum trust_err
put_all(struct put *put, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	if ((put->line = malloc(TRUST_RECORD_MAX)) == NULL)
		return TRUST_ERR_NOMEM;
	if ((r = trust_registry_begin(put->registry, msg)) != TRUST_OK)
		return r;
	trust_progress_start(&put->progress, "records");
	r = put_and_commit(put, msg);
	trust_progress_end(&put->progress);
	return r;
}

static enum trust_err
open_source(struct put *put, const char *path, struct trust_message *msg)
{
	if (path == NULL || strcmp(path, TRUST_FILES_STDIN) == 0) {
		put->in = stdin;
		put->source = "standard input";
		if (isatty(STDIN_FILENO) == 1)
			fprintf(stderr, "records from the keyboard, one a "
					"line; Ctrl-D ends, Ctrl-C drops\n");
		return TRUST_OK;
	}
	put->source = path;
	if ((put->in = fopen(path, "rbe")) == NULL)
		return trust_err_set(
		    msg, TRUST_ERR_IO, "%s: %s", path, strerror(errno));
	return TRUST_OK;
}

/* The records are in, whatever happens here. */
static void
tell_references(struct put *put)
{
	struct trust_message msg = {0};
	enum trust_err r =
	    trust_references_resolve(put->references, put->registry, &msg);

	if (r != TRUST_OK)
		trust_output_note("what the records name was not looked for: "
				  "%s",
		    msg.text[0] != '\0' ? msg.text : trust_err_text(r));
	else
		trust_references_tell(put->references);
}

static int
run(const char *registry, const char *path)
{
	struct trust_message msg = {0};
	struct put put = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_records_open(
	    registry, TRUST_REGISTRY_WRITE, &put.registry, &msg);
	if (r != TRUST_OK)
		goto out;
	if ((r = open_source(&put, path, &msg)) != TRUST_OK)
		goto out;
	if ((r = trust_references_new(&put.references)) != TRUST_OK)
		goto out;
	if ((r = trust_unsealed_new(&put.unsealed)) != TRUST_OK)
		goto out;
	if ((r = put_all(&put, &msg)) != TRUST_OK)
		goto out;
	tell_references(&put);
	trust_flaws_tell(&put.flaws);
	trust_unsealed_tell(put.unsealed, put.registry);
	trust_development_compare(&put.development, put.registry);
	trust_development_tell(&put.development);
	printf("put %" PRId64 " record%s\n", put.n_records,
	    put.n_records == 1 ? "" : "s");
out:
	if (put.in != NULL && put.in != stdin)
		fclose(put.in);
	trust_references_free(put.references);
	trust_flaws_clear(&put.flaws);
	trust_unsealed_free(put.unsealed);
	free(put.line);
	trust_registry_close(put.registry);
	return r == TRUST_OK ? TRUST_EXIT_YES : trust_output_failure(r, &msg);
}

static const char about[] =
    "Add records, or replace those of the same kind and id: JSON, one a\n"
    "line, from the file or from standard input. All or nothing: after an\n"
    "error nothing has changed.\n";

int
trust_put_run(int argc, char **argv)
{
	const char *registry = NULL;
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&registry),
	};
	const struct trust_usage usage = {
	    .command = "put",
	    .arguments = "[FILE.jsonl]",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	return run(registry, args.n > 0 ? args.v[0] : NULL);
}
