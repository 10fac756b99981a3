/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and reports, read and written.
 */
#include "exchange.h"

#include <string.h>

#include "clock.h"
#include "json.h"
#include "sync_field.h"

#define REQUEST "trust-request"
#define REPORT  "trust-report"

static enum trust_err
check_type(struct trust_field_at *at, const json_t *value, const char *type)
{
	const char *text = json_string_value(value);

	if (text == NULL || strcmp(text, type) != 0)
		return trust_field_refuse(at, value, "\"%s\"", type);
	return TRUST_OK;
}

/* ---- Requests ---- */

static enum trust_err
read_request_type(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	return check_type(at, value, REQUEST);
}

static enum trust_err
read_want(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_request *request = target;
	json_t *entry;
	size_t i;

	if (!json_is_array(value))
		return trust_field_refuse(at, value, "a list");
	if (json_array_size(value) > TRUST_REQUEST_WANT_MAX)
		return trust_err_set(at->msg, TRUST_ERR_INPUT,
		    "%s: want at most %d entries, got %zu", at->path,
		    TRUST_REQUEST_WANT_MAX, json_array_size(value));
	json_array_foreach(value, i, entry)
	{
		size_t mark = trust_field_enter_index(at, i);
		enum trust_err r;

		r = trust_sync_field_read_digest(
		    at, NULL, entry, &request->want[i]);
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
		request->n_want++;
	}
	return TRUST_OK;
}

static const struct trust_field request_fields[] = {
    {"type", .read = read_request_type, .required = true},
    {"gateway", .read = trust_sync_field_read_id,
	.offset = offsetof(struct trust_request, gateway), .required = true},
    {"scope", .read = trust_sync_field_read_id,
	.offset = offsetof(struct trust_request, scope), .required = true},
    {"session", .read = trust_sync_field_read_session_or_null,
	.offset = offsetof(struct trust_request, session), .required = true},
    {"have", .read = trust_field_read_int64,
	.offset = offsetof(struct trust_request, have), .required = true,
	.min = 0, .max = TRUST_SERIAL_MAX},
    {"want", .read = read_want, .required = true},
    {0},
};

static json_t *
new_want(const struct trust_request *request)
{
	json_t *list = json_array();
	char hex[TRUST_THUMBPRINT_TEXT];

	for (size_t i = 0; i < request->n_want; i++) {
		trust_thumbprint_format(&request->want[i], hex);
		if (json_array_append_new(list, json_string(hex)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* "" is null. */
static const char *
session_or_null(const char *session)
{
	return session[0] != '\0' ? session : NULL;
}

/* Encode and release; NULL is memory that ran out. */
static enum trust_err
encode(json_t *json, struct trust_buf *out)
{
	enum trust_err r;

	if (json == NULL)
		return TRUST_ERR_NOMEM;
	r = trust_json_encode(json, out);
	json_decref(json);
	return r;
}

enum trust_err
trust_request_encode(const struct trust_request *request, struct trust_buf *out)
{
	return encode(
	    json_pack("{s:s, s:s, s:s, s:s?, s:I, s:o}", "type", REQUEST,
		"gateway", request->gateway, "scope", request->scope, "session",
		session_or_null(request->session), "have",
		(json_int_t)request->have, "want", new_want(request)),
	    out);
}

/* Read one message by its table; `out` is zero after an error. */
static enum trust_err
parse(struct trust_span text, const struct trust_field *fields, void *out,
    size_t size, struct trust_message *msg)
{
	const struct trust_field *tables[] = {fields, NULL};
	struct trust_field_at at = {.msg = msg};
	json_t *json = NULL;
	enum trust_err r;

	memset(out, 0, size);
	r = trust_json_parse(text, TRUST_EXCHANGE_MAX, &json, msg);
	if (r == TRUST_OK)
		r = trust_field_read_object(&at, tables, json, out);
	json_decref(json);
	if (r != TRUST_OK)
		memset(out, 0, size);
	return r;
}

enum trust_err
trust_request_parse(struct trust_span text, struct trust_request *out,
    struct trust_message *msg)
{
	enum trust_err r;

	r = parse(text, request_fields, out, sizeof(*out), msg);
	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "request");
	return TRUST_OK;
}

/* ---- Reports ---- */

static enum trust_err
read_report_type(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	return check_type(at, value, REPORT);
}

static enum trust_err
read_applied_at(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	if (!json_is_null(value))
		return trust_sync_field_read_time(at, field, value, target);
	*(int64_t *)target = 0;
	return TRUST_OK;
}

static enum trust_err
read_refused(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const struct trust_field count = {.min = 0, .max = TRUST_SERIAL_MAX};
	struct trust_report *report = target;
	const char *name;
	json_t *member;

	if (!json_is_object(value))
		return trust_field_refuse(at, value, "an object");
	json_object_foreach(value, name, member)
	{
		enum trust_sync_reason reason;
		enum trust_err r;
		int64_t n = 0;

		if (!trust_sync_reason_parse(name, &reason) ||
		    reason == TRUST_SYNC_ACCEPTED)
			return trust_field_refuse(
			    at, value, "reasons of refusals and their counts");
		r = trust_field_read_int64(at, &count, member, &n);
		if (r != TRUST_OK)
			return r;
		report->refused[reason] = (uint64_t)n;
	}
	return TRUST_OK;
}

static enum trust_err
read_report_version(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_report *report = target;
	const char *text = json_string_value(value);

	if (text == NULL || *text == '\0' ||
	    strlen(text) >= sizeof(report->version) ||
	    strchr(text, '\n') != NULL)
		return trust_field_refuse(at, value,
		    "one line of 1 to %zu octets", sizeof(report->version) - 1);
	memcpy(report->version, text, strlen(text) + 1);
	return TRUST_OK;
}

static const struct trust_field report_fields[] = {
    {"type", .read = read_report_type, .required = true},
    {"gateway", .read = trust_sync_field_read_id,
	.offset = offsetof(struct trust_report, gateway), .required = true},
    {"scope", .read = trust_sync_field_read_id,
	.offset = offsetof(struct trust_report, scope), .required = true},
    {"session", .read = trust_sync_field_read_session_or_null,
	.offset = offsetof(struct trust_report, session), .required = true},
    {"serial", .read = trust_field_read_int64,
	.offset = offsetof(struct trust_report, serial), .required = true,
	.min = 0, .max = TRUST_SERIAL_MAX},
    {"state", .read = trust_sync_field_read_digest,
	.offset = offsetof(struct trust_report, state), .required = true},
    {"records", .read = trust_field_read_int64,
	.offset = offsetof(struct trust_report, n_records), .required = true,
	.min = 0, .max = TRUST_RECORDS_MAX},
    {"applied_at", .read = read_applied_at,
	.offset = offsetof(struct trust_report, applied_at), .required = true},
    {"stale", .read = trust_field_read_bool,
	.offset = offsetof(struct trust_report, stale), .required = true},
    {"refused", .read = read_refused, .required = true},
    {"version", .read = read_report_version, .required = true},
    {"format", .read = trust_field_read_int64,
	.offset = offsetof(struct trust_report, format), .required = true,
	.min = 1, .max = TRUST_SERIAL_MAX},
    {0},
};

/* The reasons that were met. */
static json_t *
new_refused(const struct trust_report *report)
{
	json_t *counts = json_object();

	for (int i = TRUST_SYNC_ACCEPTED + 1; i < TRUST_N_SYNC_REASONS; i++) {
		const char *name =
		    trust_sync_reason_name((enum trust_sync_reason)i);

		if (report->refused[i] == 0)
			continue;
		if (json_object_set_new(counts, name,
			json_integer((json_int_t)report->refused[i])) != 0) {
			json_decref(counts);
			return NULL;
		}
	}
	return counts;
}

enum trust_err
trust_report_encode(const struct trust_report *report, struct trust_buf *out)
{
	char state[TRUST_THUMBPRINT_TEXT];
	char applied_at[TRUST_CLOCK_TEXT];

	trust_thumbprint_format(&report->state, state);
	trust_clock_format(report->applied_at, applied_at);
	return encode(
	    json_pack("{s:s, s:s, s:s, s:s?, s:I, s:s, s:I, s:s?, s:b, s:o, "
		      "s:s, s:I}",
		"type", REPORT, "gateway", report->gateway, "scope",
		report->scope, "session", session_or_null(report->session),
		"serial", (json_int_t)report->serial, "state", state, "records",
		(json_int_t)report->n_records, "applied_at",
		report->applied_at != 0 ? applied_at : NULL, "stale",
		(int)report->stale, "refused", new_refused(report), "version",
		report->version, "format", (json_int_t)report->format),
	    out);
}

enum trust_err
trust_report_parse(
    struct trust_span text, struct trust_report *out, struct trust_message *msg)
{
	enum trust_err r;

	r = parse(text, report_fields, out, sizeof(*out), msg);
	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "report");
	return TRUST_OK;
}
