/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notifications: read, written, and put in sequence.
 */
#include "notification.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "sync_field.h"

#define TYPE    "trust-notification"
#define VERSION 1

#define NOTIFICATION(member) offsetof(struct trust_notification, member)

/* ---- Reading ---- */

static enum trust_err
read_type(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const char *text = json_string_value(value);

	if (text == NULL || strcmp(text, TYPE) != 0)
		return trust_field_refuse(at, value, "\"" TYPE "\"");
	return TRUST_OK;
}

static enum trust_err
read_version(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	if (!json_is_integer(value) || json_integer_value(value) != VERSION)
		return trust_field_refuse(at, value, "%d", VERSION);
	return TRUST_OK;
}

static enum trust_err
read_length(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	enum trust_err r;
	int64_t n = 0;

	r = trust_field_read_int64(at, field, value, &n);
	if (r == TRUST_OK)
		*(uint32_t *)target = (uint32_t)n;
	return r;
}

static enum trust_err
read_part(struct trust_field_at *at, json_t *value, struct trust_part *part)
{
	static const struct trust_field fields[] = {
	    {"sha256", .read = trust_sync_field_read_digest,
		.offset = offsetof(struct trust_part, sha256),
		.required = true},
	    {"bytes", .read = read_length,
		.offset = offsetof(struct trust_part, len), .required = true,
		.min = 1, .max = TRUST_PART_MAX},
	    {0},
	};
	const struct trust_field *tables[] = {fields, NULL};

	return trust_field_read_object(at, tables, value, part);
}

/* A list of at most `max` entries, and room for them. */
static enum trust_err
read_list(struct trust_field_at *at, const json_t *value, size_t max,
    size_t size, void **out)
{
	size_t n = json_array_size(value);

	*out = NULL;
	if (!json_is_array(value))
		return trust_field_refuse(at, value, "a list");
	if (n > max)
		return trust_err_set(at->msg, TRUST_ERR_INPUT,
		    "%s: want at most %zu entries, got %zu", at->path, max, n);
	*out = calloc(n + 1, size);
	return *out == NULL ? TRUST_ERR_NOMEM : TRUST_OK;
}

static enum trust_err
read_parts(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_parts *parts = target;
	enum trust_err r;
	json_t *entry;
	size_t i;
	void *v;

	r = read_list(at, value, TRUST_PARTS_MAX, sizeof(*parts->v), &v);
	if (r != TRUST_OK)
		return r;
	parts->v = v;
	json_array_foreach(value, i, entry)
	{
		size_t mark = trust_field_enter_index(at, i);

		r = read_part(at, entry, &parts->v[i]);
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
		parts->n++;
	}
	return TRUST_OK;
}

/* The snapshot, or one delta. */
static enum trust_err
read_change(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	static const struct trust_field fields[] = {
	    {"serial", .read = trust_field_read_int64,
		.offset = offsetof(struct trust_parts, serial),
		.required = true, .min = 1, .max = TRUST_SERIAL_MAX},
	    {"parts", .read = read_parts, .required = true},
	    {0},
	};
	const struct trust_field *tables[] = {fields, NULL};

	return trust_field_read_object(at, tables, value, target);
}

static enum trust_err
read_deltas(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_notification *n = target;
	enum trust_err r;
	json_t *entry;
	size_t i;
	void *v;

	r = read_list(at, value, TRUST_DELTAS_MAX, sizeof(*n->deltas), &v);
	if (r != TRUST_OK)
		return r;
	n->deltas = v;
	json_array_foreach(value, i, entry)
	{
		size_t mark = trust_field_enter_index(at, i);

		/* Counted first: what is half read is freed, too. */
		n->n_deltas++;
		r = read_change(at, NULL, entry, &n->deltas[i]);
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
	}
	return TRUST_OK;
}

static const struct trust_field notification_fields[] = {
    {"type", .read = read_type, .required = true},
    {"version", .read = read_version, .required = true},
    {"scope", .read = trust_sync_field_read_id, .offset = NOTIFICATION(scope),
	.required = true},
    {"session", .read = trust_sync_field_read_session,
	.offset = NOTIFICATION(session), .required = true},
    {"serial", .read = trust_field_read_int64, .offset = NOTIFICATION(serial),
	.required = true, .min = 1, .max = TRUST_SERIAL_MAX},
    {"this_update", .read = trust_sync_field_read_time,
	.offset = NOTIFICATION(this_update), .required = true},
    {"next_update", .read = trust_sync_field_read_time,
	.offset = NOTIFICATION(next_update), .required = true},
    {"records", .read = trust_field_read_int64,
	.offset = NOTIFICATION(n_records), .required = true, .min = 0,
	.max = TRUST_RECORDS_MAX},
    {"state", .read = trust_sync_field_read_digest,
	.offset = NOTIFICATION(state), .required = true},
    {"format", .read = trust_field_read_int64, .offset = NOTIFICATION(format),
	.min = 1, .max = TRUST_SERIAL_MAX},
    {"mass_removal", .read = trust_field_read_bool,
	.offset = NOTIFICATION(mass_removal)},
    {"snapshot", .read = read_change, .offset = NOTIFICATION(snapshot),
	.required = true},
    {"deltas", .read = read_deltas, .required = true},
    {0},
};

/* ---- What the fields must be to each other ---- */

static enum trust_err
check_deltas(const struct trust_notification *n, struct trust_message *msg)
{
	int64_t first = n->serial - (int64_t)n->n_deltas + 1;

	for (size_t i = 0; i < n->n_deltas; i++) {
		if (n->deltas[i].serial != first + (int64_t)i)
			return trust_err_set(msg, TRUST_ERR_INPUT,
			    "deltas[%zu].serial: want %lld, so that none is "
			    "missing up to %lld, got %lld",
			    i, (long long)first + (long long)i,
			    (long long)n->serial,
			    (long long)n->deltas[i].serial);
	}
	if (n->snapshot.serial > n->serial || n->snapshot.serial < first - 1)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "snapshot.serial: want %lld to %lld, where deltas go on, "
		    "got %lld",
		    (long long)first - 1, (long long)n->serial,
		    (long long)n->snapshot.serial);
	return TRUST_OK;
}

static enum trust_err
check_sizes(const struct trust_notification *n, struct trust_message *msg)
{
	size_t n_parts = n->snapshot.n;

	for (size_t i = 0; i < n->n_deltas; i++)
		n_parts += n->deltas[i].n;
	if (n_parts > TRUST_PARTS_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "parts: want at most %d, got %zu", TRUST_PARTS_MAX,
		    n_parts);
	return TRUST_OK;
}

static enum trust_err
read_notification(
    json_t *json, struct trust_notification *n, struct trust_message *msg)
{
	const struct trust_field *tables[] = {notification_fields, NULL};
	struct trust_field_at at = {.msg = msg};
	enum trust_err r;

	n->format = 1;
	r = trust_field_read_object(&at, tables, json, n);
	if (r == TRUST_OK)
		r = check_deltas(n, msg);
	if (r == TRUST_OK)
		r = check_sizes(n, msg);
	return r;
}

enum trust_err
trust_notification_parse(struct trust_span content,
    struct trust_notification **out, enum trust_sync_reason *reason,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_notification *n = NULL;
	json_t *json = NULL;

	*out = NULL;
	*reason = TRUST_SYNC_MALFORMED;
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return TRUST_ERR_NOMEM;
	r = trust_json_parse(content, TRUST_NOTIFICATION_MAX, &json, msg);
	if (r == TRUST_OK)
		r = read_notification(json, n, msg);
	if (r == TRUST_ERR_INPUT) {
		(void)trust_err_prefix(msg, r, "notification");
		r = TRUST_OK; /* malformed */
		goto out;
	}
	if (r != TRUST_OK)
		goto out;
	if (n->format > TRUST_FORMAT) {
		*reason = TRUST_SYNC_FORMAT_UNSUPPORTED;
		(void)trust_err_set(msg, TRUST_ERR_INPUT,
		    "notification: format: want at most %d, got %lld",
		    TRUST_FORMAT, (long long)n->format);
		goto out;
	}
	*reason = TRUST_SYNC_ACCEPTED;
	*out = n;
	n = NULL; /* transferred */
	r = TRUST_OK;
out:
	json_decref(json);
	trust_notification_free(n);
	return r;
}

void
trust_notification_free(struct trust_notification *notification)
{
	if (notification == NULL)
		return;
	for (size_t i = 0; i < notification->n_deltas; i++)
		free(notification->deltas[i].v);
	free(notification->deltas);
	free(notification->snapshot.v);
	free(notification);
}

/* ---- Writing ---- */

/* Each of these gives a new reference, or NULL when memory runs out. */

static json_t *
new_parts(const struct trust_parts *parts)
{
	json_t *list = json_array();
	char hex[TRUST_THUMBPRINT_TEXT];

	for (size_t i = 0; i < parts->n; i++) {
		json_t *part = json_pack("{s:s, s:I}", "sha256",
		    trust_thumbprint_format(&parts->v[i].sha256, hex), "bytes",
		    (json_int_t)parts->v[i].len);

		if (json_array_append_new(list, part) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack(
	    "{s:I, s:o}", "serial", (json_int_t)parts->serial, "parts", list);
}

static json_t *
new_deltas(const struct trust_notification *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->n_deltas; i++) {
		if (json_array_append_new(list, new_parts(&n->deltas[i])) !=
		    0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* What of a notification names parts. */
static json_t *
new_content(const struct trust_notification *n)
{
	return json_pack("{s:o, s:o}", "snapshot", new_parts(&n->snapshot),
	    "deltas", new_deltas(n));
}

static json_t *
new_head(const struct trust_notification *n)
{
	char state[TRUST_THUMBPRINT_TEXT];
	char this_update[TRUST_CLOCK_TEXT];
	char next_update[TRUST_CLOCK_TEXT];

	return json_pack(
	    "{s:s, s:i, s:s, s:s, s:I, s:s, s:s, s:I, s:s, s:I, s:b}", "type",
	    TYPE, "version", VERSION, "scope", n->scope, "session", n->session,
	    "serial", (json_int_t)n->serial, "this_update",
	    trust_clock_format(n->this_update, this_update), "next_update",
	    trust_clock_format(n->next_update, next_update), "records",
	    (json_int_t)n->n_records, "state",
	    trust_thumbprint_format(&n->state, state), "format",
	    (json_int_t)n->format, "mass_removal", (int)n->mass_removal);
}

/* Whether a gateway would take it. */
static enum trust_err
check_text(struct trust_span text)
{
	struct trust_notification *again;
	enum trust_sync_reason reason;
	enum trust_err r;

	r = trust_notification_parse(text, &again, &reason, NULL);
	trust_notification_free(again);
	if (r == TRUST_OK && reason != TRUST_SYNC_ACCEPTED)
		r = TRUST_ERR_INPUT;
	return r;
}

enum trust_err
trust_notification_encode(
    const struct trust_notification *notification, struct trust_buf *out)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	json_t *json = new_head(notification);
	json_t *content = new_content(notification);
	struct trust_buf text = {0};

	if (json == NULL || content == NULL ||
	    json_object_update(json, content) != 0)
		goto out;
	r = trust_json_encode(json, &text);
	if (r == TRUST_OK)
		r = check_text(trust_buf_get0(&text));
	if (r == TRUST_OK)
		r = trust_buf_add(out, text.p, text.len);
out:
	trust_buf_free(&text);
	json_decref(content);
	json_decref(json);
	return r;
}

/* ---- In sequence ---- */

enum trust_err
trust_notification_mark(const struct trust_notification *notification,
    struct trust_notification_mark *out)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	json_t *content = new_content(notification);
	struct trust_buf text = {0};

	*out = (struct trust_notification_mark){
	    .serial = notification->serial,
	    .this_update = notification->this_update,
	    .next_update = notification->next_update,
	    .n_records = notification->n_records,
	    .state = notification->state,
	};
	if (content == NULL)
		goto out;
	r = trust_json_encode(content, &text);
	if (r == TRUST_OK)
		r = trust_thumbprint_of(trust_buf_get0(&text), &out->parts);
	if (r == TRUST_OK)
		memcpy(
		    out->session, notification->session, sizeof(out->session));
out:
	trust_buf_free(&text);
	json_decref(content);
	return r;
}

static bool
is_same_content(const struct trust_notification_mark *a,
    const struct trust_notification_mark *b)
{
	return a->n_records == b->n_records &&
	       trust_thumbprint_equal(&a->state, &b->state) &&
	       trust_thumbprint_equal(&a->parts, &b->parts);
}

/* Refusal 6. */
static enum trust_sync_reason
check_sequence(const struct trust_notification_mark *mark,
    const struct trust_notification_mark *newest)
{
	if (newest->session[0] == '\0')
		return TRUST_SYNC_ACCEPTED;
	if (strcmp(mark->session, newest->session) != 0)
		return mark->this_update > newest->this_update
			   ? TRUST_SYNC_ACCEPTED
			   : TRUST_SYNC_SESSION_REPLACED_BY_OLDER;
	if (mark->serial < newest->serial)
		return TRUST_SYNC_SERIAL_REGRESSED;
	if (mark->this_update < newest->this_update)
		return TRUST_SYNC_THIS_UPDATE_REGRESSED;
	if (mark->serial == newest->serial && !is_same_content(mark, newest))
		return TRUST_SYNC_EQUIVOCATION;
	return TRUST_SYNC_ACCEPTED;
}

/* Whether it leads to a state that comes after the one held. */
static bool
is_newer(const struct trust_notification_mark *mark,
    const struct trust_notification_mark *held)
{
	return strcmp(mark->session, held->session) != 0 ||
	       mark->serial > held->serial;
}

enum trust_sync_reason
trust_notification_check(const struct trust_notification *notification,
    const struct trust_notification_mark *mark, const char *scope,
    const struct trust_notification_mark *newest,
    const struct trust_notification_mark *held, int64_t now,
    int64_t clock_skew_s, bool clock_ok)
{
	enum trust_sync_reason reason;

	if (strcmp(notification->scope, scope) != 0)
		return TRUST_SYNC_WRONG_SCOPE;
	if (clock_ok && notification->this_update - clock_skew_s > now)
		return TRUST_SYNC_FROM_FUTURE;
	reason = check_sequence(mark, newest);
	if (reason != TRUST_SYNC_ACCEPTED)
		return reason;
	if (notification->next_update < now && !is_newer(mark, held))
		return TRUST_SYNC_EXPIRED;
	return TRUST_SYNC_ACCEPTED;
}
