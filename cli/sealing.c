/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See sealing.h.
 */
#include "sealing.h"

#include <stdlib.h>
#include <string.h>

struct gateway {
	struct trust_record *record; /* owned */
	X509 *certificate;           /* owned */
};

struct trust_sealing {
	struct gateway *v; /* owned */
	size_t n;
	/* While they are loaded. */
	const struct trust_registry *registry;
	struct trust_message *msg;
};

void
trust_sealing_free(struct trust_sealing *sealing)
{
	if (sealing == NULL)
		return;
	for (size_t i = 0; i < sealing->n; i++) {
		trust_record_free(sealing->v[i].record);
		X509_free(sealing->v[i].certificate);
	}
	free(sealing->v);
	free(sealing);
}

/* ---- Loading ---- */

/* Takes over the record, if that is well. */
static enum trust_err
add(struct trust_sealing *sealing, struct trust_record *record)
{
	size_t size = (sealing->n + 1) * sizeof(*sealing->v);
	struct gateway *v = realloc(sealing->v, size);
	STACK_OF(X509) *stack = NULL;
	enum trust_err r;

	if (v == NULL)
		return TRUST_ERR_NOMEM;
	sealing->v = v;
	r = trust_certificate_parse_pem(
	    trust_span_of(record->u.gateway.pem), &stack, sealing->msg);
	if (r != TRUST_OK)
		return r;
	sealing->v[sealing->n++] = (struct gateway){
	    .record = record, .certificate = sk_X509_shift(stack)};
	sk_X509_pop_free(stack, X509_free);
	return TRUST_OK;
}

static enum trust_err
add_line(void *arg, const char *id, struct trust_span line)
{
	struct trust_sealing *sealing = arg;
	struct trust_record *record = NULL;
	enum trust_err r = trust_registry_parse(sealing->registry,
	    TRUST_KIND_GATEWAY, id, line, &record, sealing->msg);

	if (r != TRUST_OK)
		return r;
	if (record->enabled) {
		r = add(sealing, record);
		if (r == TRUST_OK)
			record = NULL; /* transferred */
		else
			r = trust_err_prefix(sealing->msg, r, "gateway %s", id);
	}
	trust_record_free(record);
	return r;
}

enum trust_err
trust_sealing_load(struct trust_registry *registry, struct trust_sealing **out,
    struct trust_message *msg)
{
	struct trust_sealing *sealing = calloc(1, sizeof(*sealing));
	enum trust_err r;

	*out = NULL;
	if (sealing == NULL)
		return TRUST_ERR_NOMEM;
	sealing->registry = registry;
	sealing->msg = msg;
	r = trust_registry_list(
	    registry, TRUST_KIND_GATEWAY, add_line, sealing, msg);
	if (r != TRUST_OK) {
		trust_sealing_free(sealing);
		return r;
	}
	sealing->registry = NULL;
	sealing->msg = NULL;
	*out = sealing;
	return TRUST_OK;
}

/* ---- Scopes ---- */

static bool
has_scope(const json_t *scopes, const char *scope)
{
	json_t *entry;
	size_t i;

	json_array_foreach(scopes, i, entry)
	{
		if (strcmp(json_string_value(entry), scope) == 0)
			return true;
	}
	return false;
}

static bool
share_scope(const json_t *a, const json_t *b)
{
	json_t *entry;
	size_t i;

	if (a == NULL || b == NULL)
		return true;
	json_array_foreach(a, i, entry)
	{
		if (has_scope(b, json_string_value(entry)))
			return true;
	}
	return false;
}

static const json_t *
scopes_of(const struct trust_record *record)
{
	return json_object_get(record->json, "scopes");
}

/* ---- Sealing ---- */

enum trust_err
trust_sealing_seal(const struct trust_sealing *sealing, const json_t *scopes,
    const struct trust_secret *key, struct trust_buf *out, size_t *n,
    struct trust_message *msg)
{
	STACK_OF(X509) *recipients = sk_X509_new_null();
	enum trust_err r = recipients != NULL ? TRUST_OK : TRUST_ERR_NOMEM;

	for (size_t i = 0; r == TRUST_OK && i < sealing->n; i++) {
		const struct gateway *gateway = &sealing->v[i];

		if (share_scope(scopes, scopes_of(gateway->record)) &&
		    sk_X509_push(recipients, gateway->certificate) == 0)
			r = TRUST_ERR_NOMEM;
	}
	*n = recipients != NULL ? (size_t)sk_X509_num(recipients) : 0;
	if (r == TRUST_OK && *n == 0)
		r = trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "want a gateway to seal the key for, got none in its "
		    "scopes; trustctl gateway add ID CERTIFICATE makes one");
	if (r == TRUST_OK)
		r = trust_envelope_seal(key, recipients, out, msg);
	sk_X509_free(recipients);
	return r;
}

const char *
trust_sealing_find_missing(
    const struct trust_sealing *sealing, const struct trust_record *device)
{
	if (device->kind != TRUST_KIND_DEVICE || device->u.device.key == NULL)
		return NULL;
	for (size_t i = 0; i < sealing->n; i++) {
		const struct gateway *gateway = &sealing->v[i];

		if (share_scope(
			scopes_of(device), scopes_of(gateway->record)) &&
		    trust_envelope_find(device->u.device.key,
			gateway->certificate, NULL) != TRUST_OK)
			return gateway->record->id;
	}
	return NULL;
}
