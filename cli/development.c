/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Development anchors in registries.
 */
#include "development.h"

#include <stdio.h>

#include "../certs/pki.h"
#include "output.h"

void
trust_development_add(
    struct trust_development *development, const char *id, X509 *x509)
{
	if (!trust_pki_is_anchor(x509))
		return;
	if (development->n < TRUST_DEVELOPMENT_IDS_MAX)
		(void)snprintf(development->ids[development->n],
		    sizeof(development->ids[0]), "%s", id);
	development->n++;
}

void
trust_development_add_record(
    struct trust_development *development, const struct trust_record *record)
{
	STACK_OF(X509) *stack = NULL;

	if (record->kind != TRUST_KIND_ANCHOR || !record->enabled)
		return;
	if (trust_certificate_parse_pem(
		trust_span_of(record->u.anchor.pem), &stack, NULL) == TRUST_OK)
		trust_development_add(
		    development, record->id, sk_X509_value(stack, 0));
	sk_X509_pop_free(stack, X509_free);
}

void
trust_development_compare(
    struct trust_development *development, struct trust_registry *registry)
{
	bool meant = false;

	if (trust_registry_is_development(registry, &meant, NULL) == TRUST_OK &&
	    meant)
		development->n = 0;
}

void
trust_development_tell(const struct trust_development *development)
{
	if (development->n == 0)
		return;
	for (size_t i = 0; i < development->n && i < TRUST_DEVELOPMENT_IDS_MAX;
	     i++)
		trust_output_note(
		    "anchor %s is of a development PKI, and this registry is "
		    "not one for development: whoever has that PKI's directory "
		    "has its keys, and is trusted like your devices",
		    development->ids[i]);
	trust_output_note_rest(
	    development->n, TRUST_DEVELOPMENT_IDS_MAX, "anchor");
	trust_output_note("where that is meant, trustctl init --development "
			  "makes a registry for it");
}

static enum trust_err
visit(void *arg, const char *id, struct trust_span line)
{
	struct trust_record *record = NULL;
	enum trust_err r = trust_record_parse(line, &record, NULL);

	(void)id;
	if (r == TRUST_OK)
		trust_development_add_record(arg, record);
	trust_record_free(record);
	return r;
}

void
trust_development_tell_all(struct trust_registry *registry)
{
	struct trust_development development = {0};

	/* What cannot be read is told by who needs it. */
	(void)!trust_registry_list(
	    registry, TRUST_KIND_ANCHOR, visit, &development, NULL);
	trust_development_compare(&development, registry);
	trust_development_tell(&development);
}
