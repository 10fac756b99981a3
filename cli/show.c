/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl show: one record, and what its certificates or its CRL say.
 */
#include <stdio.h>
#include <stdlib.h>

#include "certfile.h"
#include "commands.h"
#include "options.h"
#include "records.h"

static enum trust_err
print_pretty(const struct trust_record *record)
{
	char *text = json_dumps(record->json, JSON_INDENT(2) | JSON_SORT_KEYS);

	if (text == NULL)
		return TRUST_ERR_NOMEM;
	printf("%s\n", text);
	free(text);
	return TRUST_OK;
}

static enum trust_err
print_certificate(const char *pem, struct trust_message *msg)
{
	char thumbprint[TRUST_THUMBPRINT_TEXT];
	char from[TRUST_CLOCK_TEXT], to[TRUST_CLOCK_TEXT];
	struct trust_certificate *certificate = NULL;
	enum trust_err r = trust_certfile_facts(pem, &certificate, msg);

	if (r != TRUST_OK)
		return r;
	printf("\ncertificate %s\n"
	       "  issuer      %s\n"
	       "  thumbprint  %s\n"
	       "  key         %s\n"
	       "  valid       %s to %s\n",
	    certificate->subject, certificate->issuer,
	    trust_thumbprint_format(&certificate->thumbprint, thumbprint),
	    certificate->key_type,
	    trust_clock_format(certificate->not_before, from),
	    trust_clock_format(certificate->not_after, to));
	trust_certificate_free(certificate);
	return TRUST_OK;
}

static enum trust_err
print_crl(const char *pem, struct trust_message *msg)
{
	char issuer[TRUST_SHOWN_MAX];
	char from[TRUST_CLOCK_TEXT], to[TRUST_CLOCK_TEXT];
	STACK_OF(X509_REVOKED) *revoked;
	X509_CRL *crl = NULL;
	enum trust_err r =
	    trust_certificate_parse_crl(trust_span_of(pem), &crl, msg);

	if (r != TRUST_OK)
		return r;
	revoked = X509_CRL_get_REVOKED(crl); /* NULL: none is */
	printf("\ncrl of %s\n"
	       "  revoked  %d\n"
	       "  valid    %s to %s\n",
	    trust_certificate_show_name(X509_CRL_get_issuer(crl), issuer),
	    revoked != NULL ? sk_X509_REVOKED_num(revoked) : 0,
	    trust_certfile_show_time(X509_CRL_get0_lastUpdate(crl), from),
	    trust_certfile_show_time(X509_CRL_get0_nextUpdate(crl), to));
	X509_CRL_free(crl);
	return TRUST_OK;
}

static enum trust_err
print_intermediates(
    const struct trust_strings *intermediates, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	size_t i;

	for (i = 0; i < intermediates->n; i++) {
		r = print_certificate(intermediates->v[i], msg);
		if (r != TRUST_OK)
			return r;
	}
	return TRUST_OK;
}

/* What the certificates and the CRL in a record say. */
static enum trust_err
print_contents(const struct trust_record *record, struct trust_message *msg)
{
	switch (record->kind) {
	case TRUST_KIND_ANCHOR:
		return print_certificate(record->u.anchor.pem, msg);
	case TRUST_KIND_GATEWAY:
		return print_certificate(record->u.gateway.pem, msg);
	case TRUST_KIND_CRL:
		return print_crl(record->u.crl.pem, msg);
	case TRUST_KIND_GROUP:
		return print_intermediates(&record->u.group.intermediates, msg);
	case TRUST_KIND_DEVICE:
	case TRUST_KIND_ROLE:
	case TRUST_KIND_TOKEN:
		return TRUST_OK;
	}
	return TRUST_ERR_INTERNAL;
}

static enum trust_err
find(const char *path, enum trust_kind kind, const char *id,
    struct trust_record **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_registry *registry = NULL;

	r = trust_records_open(path, TRUST_REGISTRY_READ, &registry, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_find(registry, kind, id, out, msg);
	trust_registry_close(registry);
	return r;
}

static int
run(const char *path, enum trust_kind kind, const char *id, bool json)
{
	struct trust_message msg = {0};
	struct trust_record *record = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if ((r = find(path, kind, id, &record, &msg)) != TRUST_OK)
		goto out;
	if (json) {
		r = trust_output_json(json_incref(record->json), &msg);
		goto out;
	}
	if ((r = print_pretty(record)) != TRUST_OK)
		goto out;
	r = print_contents(record, &msg);
out:
	trust_record_free(record);
	if (r == TRUST_ERR_NOT_FOUND)
		return trust_records_missing(path, kind, id);
	return r == TRUST_OK ? TRUST_EXIT_YES : trust_output_failure(r, &msg);
}

static const char about[] =
    "Show a record, and what the certificates or the CRL in it say. With\n"
    "--json the record's line as put takes it.\n";

int
trust_show_run(int argc, char **argv)
{
	const char *registry = NULL;
	bool json = false;
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&registry),
	    TRUST_OPTION_JSON(&json),
	};
	const struct trust_usage usage = {
	    .command = "show",
	    .arguments = "KIND ID",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 2,
	    .max_args = 2,
	};
	struct trust_args args;
	enum trust_kind kind;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (!trust_records_kind(&usage, args.v[0], &kind))
		return TRUST_EXIT_ERROR;
	return run(registry, kind, args.v[1], json);
}
