/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line into a record: the fields that every kind has, and the kinds that
 * are small.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "record_tables.h"

#define USES_MAX 1000000 /* of a token: more is no bound at all */

/* ---- What every record has ---- */

static enum trust_err
read_comment(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	if (!json_is_string(value) ||
	    json_string_length(value) > TRUST_TEXT_MAX)
		return trust_field_refuse(
		    at, value, "text of at most %d octets", TRUST_TEXT_MAX);
	return TRUST_OK;
}

/* Scopes say who gets a record, and bear on nothing where it is. */
static enum trust_err
read_scopes(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_strings scopes;
	enum trust_err r;

	r = trust_field_read_ids(at, field, value, &scopes);
	free(scopes.v);
	return r;
}

static const struct trust_field_choice statuses[] = {
    {"enabled", true}, {"disabled", false}, {0}};

static const struct trust_field common_fields[] = {
    {"kind", .read = trust_field_skip, .required = true},
    {"id", .read = trust_field_read_id,
	.offset = offsetof(struct trust_record, id), .required = true},
    {"status", .read = trust_field_read_word,
	.offset = offsetof(struct trust_record, enabled), .choices = statuses},
    {"scopes", .read = read_scopes},
    {"comment", .read = read_comment},
    {0},
};

/* ---- Anchors, CRLs, gateways, tokens ---- */

static const struct trust_field_choice purposes[] = {
    {"device", TRUST_PURPOSE_BIT_DEVICE},
    {"upstream", TRUST_PURPOSE_BIT_UPSTREAM},
    {"bundle", TRUST_PURPOSE_BIT_BUNDLE}, {0}};

static const struct trust_field anchor_fields[] = {
    {"pem", .read = trust_field_read_certificate,
	.offset = offsetof(struct trust_record, u.anchor.pem),
	.required = true},
    {"purposes", .read = trust_field_read_bits,
	.offset = offsetof(struct trust_record, u.anchor.purposes),
	.required = true, .choices = purposes},
    {0},
};

static enum trust_err
read_crl(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const char *text = json_string_value(value);
	X509_CRL *crl = NULL;
	enum trust_err r;

	if (text == NULL)
		return trust_field_refuse(at, value, "a CRL in PEM");
	*(const char **)target = text;
	if (at->stored)
		return TRUST_OK;
	r = trust_certificate_parse_crl(trust_span_of(text), &crl, at->msg);
	if (r != TRUST_OK)
		return trust_err_prefix(at->msg, r, "%s", at->path);
	X509_CRL_free(crl);
	return TRUST_OK;
}

static const struct trust_field crl_fields[] = {
    {"pem", .read = read_crl,
	.offset = offsetof(struct trust_record, u.crl.pem), .required = true},
    {0},
};

static const struct trust_field gateway_fields[] = {
    {"pem", .read = trust_field_read_certificate,
	.offset = offsetof(struct trust_record, u.gateway.pem),
	.required = true},
    {0},
};

/* Does not show what is there: it may be the secret itself. */
static enum trust_err
read_secret(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	enum trust_err r =
	    trust_field_read_thumbprint(at, field, value, target);

	if (r == TRUST_ERR_INPUT && value != NULL)
		r = trust_err_set(at->msg, r,
		    "%s: want 64 hex digits of the secret's SHA-256, got "
		    "something else",
		    at->path);
	return r;
}

static enum trust_err
read_expires(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const char *text = json_string_value(value);

	/* Unix seconds are for command lines. */
	if (text == NULL || strchr(text, ':') == NULL ||
	    trust_clock_parse(text, target) != TRUST_OK)
		return trust_field_refuse(
		    at, value, "a time as 2026-12-01T00:00:00Z");
	return TRUST_OK;
}

static const struct trust_field token_fields[] = {
    {"secret_sha256", .read = read_secret,
	.offset = offsetof(struct trust_record, u.token.secret_sha256),
	.required = true},
    {"device", .read = trust_field_read_id,
	.offset = offsetof(struct trust_record, u.token.device),
	.required = true},
    {"gateway", .read = trust_field_read_id,
	.offset = offsetof(struct trust_record, u.token.gateway),
	.required = true},
    {"expires", .read = read_expires,
	.offset = offsetof(struct trust_record, u.token.expires),
	.required = true},
    {"uses", .read = trust_field_read_int64,
	.offset = offsetof(struct trust_record, u.token.uses), .required = true,
	.min = 1, .max = USES_MAX},
    {0},
};

/* ---- All of them ---- */

static const struct trust_field *const kind_fields[TRUST_KIND_LAST + 1] = {
    [TRUST_KIND_DEVICE] = trust_record_device_fields,
    [TRUST_KIND_ANCHOR] = anchor_fields,
    [TRUST_KIND_GROUP] = trust_record_group_fields,
    [TRUST_KIND_CRL] = crl_fields,
    [TRUST_KIND_ROLE] = trust_record_role_fields,
    [TRUST_KIND_TOKEN] = token_fields,
    [TRUST_KIND_GATEWAY] = gateway_fields,
};

static enum trust_err
read_kind(struct trust_field_at *at, const json_t *value, enum trust_kind *kind)
{
	struct trust_field_choice kinds[TRUST_KIND_LAST + 1] = {0};
	size_t mark = trust_field_enter(at, "kind");
	enum trust_err r;
	int choice;

	for (int i = TRUST_KIND_FIRST; i <= TRUST_KIND_LAST; i++) {
		kinds[i - TRUST_KIND_FIRST].name =
		    trust_kind_name((enum trust_kind)i);
		kinds[i - TRUST_KIND_FIRST].value = i;
	}
	r = trust_field_choose(at, value, kinds, &choice);
	trust_field_leave(at, mark);
	*kind = (enum trust_kind)choice;
	return r;
}

static void
set_defaults(struct trust_record *record)
{
	record->enabled = true;
	if (record->kind != TRUST_KIND_GROUP)
		return;
	record->u.group.identity = TRUST_IDENTITY_CN;
	record->u.group.max_depth = TRUST_CHAIN_DEPTH_DEFAULT;
	record->u.group.min_rsa_bits = 2048;
	record->u.group.client_id = TRUST_CLIENT_ID_EXACT;
}

static enum trust_err
read_record(struct trust_field_at *at, struct trust_record *record)
{
	const struct trust_field *tables[] = {common_fields, NULL, NULL};
	enum trust_err r;

	r = read_kind(at, json_object_get(record->json, "kind"), &record->kind);
	if (r != TRUST_OK)
		return r;
	set_defaults(record);
	tables[1] = kind_fields[record->kind];
	return trust_field_read_object(at, tables, record->json, record);
}

static enum trust_err
parse_json(json_t *json, bool stored, struct trust_record **out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_field_at at = {.msg = msg, .stored = stored};
	struct trust_record *record;

	*out = NULL;
	record = calloc(1, sizeof(*record));
	if (record == NULL)
		return TRUST_ERR_NOMEM;
	record->json = json_incref(json);
	r = read_record(&at, record);
	if (r != TRUST_OK)
		goto out;
	record->rewritten = at.rewrote;
	*out = record;
	record = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_record_free(record);
	return r;
}

enum trust_err
trust_record_parse_json(
    json_t *json, struct trust_record **out, struct trust_message *msg)
{
	return parse_json(json, false, out, msg);
}

static enum trust_err
parse(struct trust_span line, bool stored, struct trust_record **out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	json_t *json;

	*out = NULL;
	r = trust_json_parse(line, TRUST_RECORD_MAX, &json, msg);
	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "record");
	r = parse_json(json, stored, out, msg);
	json_decref(json);
	return r;
}

enum trust_err
trust_record_parse(struct trust_span line, struct trust_record **out,
    struct trust_message *msg)
{
	return parse(line, false, out, msg);
}

enum trust_err
trust_record_parse_stored(struct trust_span line, struct trust_record **out,
    struct trust_message *msg)
{
	return parse(line, true, out, msg);
}
