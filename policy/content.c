/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content: lines read and written, and the state digest.
 */
#include "content.h"

#include <string.h>

#include "field.h"
#include "json.h"

/* ---- Reading ---- */

/* The digest first: reading brings hex digits to lower case. */
static enum trust_err
read_put(
    json_t *value, struct trust_content_line *out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf canonical = {0};

	if (!json_is_object(value))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "put: want a record, got something else");
	if (json_object_get(value, "scopes") != NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "put: want a record without scopes, got one with");
	r = trust_json_encode(value, &canonical);
	if (r != TRUST_OK)
		goto out;
	if (canonical.len > TRUST_RECORD_MAX) {
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "put: want at most %d octets, got %zu", TRUST_RECORD_MAX,
		    canonical.len);
		goto out;
	}
	r = trust_thumbprint_of(trust_buf_get0(&canonical), &out->digest);
	if (r != TRUST_OK)
		goto out;
	r = trust_record_parse_json(value, &out->put, msg);
	if (r != TRUST_OK) {
		(void)trust_err_prefix(msg, r, "put");
		goto out;
	}
	if (!out->put->rewritten) {
		out->put->canonical = canonical;
		canonical = (struct trust_buf){0}; /* transferred */
	}
	r = TRUST_OK;
out:
	trust_buf_free(&canonical);
	return r;
}

/* What a removal names. */
struct removal {
	enum trust_kind kind;
	const char *id;
};

static enum trust_err
read_kind(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const char *name = json_string_value(value);

	if (name == NULL || !trust_kind_parse(name, target))
		return trust_field_refuse(at, value, "a kind of records");
	return TRUST_OK;
}

static enum trust_err
read_remove(
    json_t *value, struct trust_content_line *out, struct trust_message *msg)
{
	static const struct trust_field fields[] = {
	    {"kind", .read = read_kind,
		.offset = offsetof(struct removal, kind), .required = true},
	    {"id", .read = trust_field_read_id,
		.offset = offsetof(struct removal, id), .required = true},
	    {0},
	};
	const struct trust_field *tables[] = {fields, NULL};
	struct trust_field_at at = {.path = "remove", .msg = msg};
	struct removal removal = {0};
	enum trust_err r;

	r = trust_field_read_object(&at, tables, value, &removal);
	if (r != TRUST_OK)
		return r;
	out->kind = removal.kind;
	memcpy(out->id, removal.id, strlen(removal.id) + 1);
	return TRUST_OK;
}

static enum trust_err
read_line(
    json_t *line, struct trust_content_line *out, struct trust_message *msg)
{
	json_t *put = json_object_get(line, "put");
	json_t *removal = json_object_get(line, "remove");

	if (json_object_size(line) == 1 && put != NULL)
		return read_put(put, out, msg);
	if (json_object_size(line) == 1 && removal != NULL)
		return read_remove(removal, out, msg);
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "line: want {\"put\":…} or {\"remove\":…}, got another object");
}

static const char put_head[] = "{\"put\":";
static const char put_tail[] = "}";

bool
trust_content_get0_put(struct trust_span line, struct trust_span *out)
{
	size_t head = sizeof(put_head) - 1, tail = sizeof(put_tail) - 1;

	*out = (struct trust_span){0};
	if (line.len < head + tail || memcmp(line.p, put_head, head) != 0 ||
	    memcmp(line.p + line.len - tail, put_tail, tail) != 0)
		return false;
	*out = (struct trust_span){line.p + head, line.len - head - tail};
	return true;
}

/*
 * A line as trust_content_encode_put writes it: what is within is an object by
 * itself, and saves the one around it. TRUST_ERR_INPUT: look at the whole.
 */
static enum trust_err
parse_put(struct trust_span line, json_t **out)
{
	struct trust_span record;

	*out = NULL;
	if (line.len > TRUST_PART_MAX || !trust_content_get0_put(line, &record))
		return TRUST_ERR_INPUT;
	return trust_json_parse(record, TRUST_PART_MAX, out, NULL);
}

enum trust_err
trust_content_parse(struct trust_span line, struct trust_content_line *out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	json_t *json = NULL;

	*out = (struct trust_content_line){0};
	r = parse_put(line, &json);
	if (r == TRUST_OK) {
		r = read_put(json, out, msg);
		goto out;
	}
	if (r != TRUST_ERR_INPUT)
		return r;
	r = trust_json_parse_wrapped(line, TRUST_PART_MAX, &json, msg);
	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "line");
	r = read_line(json, out, msg);
out:
	json_decref(json);
	if (r != TRUST_OK)
		*out = (struct trust_content_line){0};
	return r;
}

enum trust_err
trust_content_walk(struct trust_span part,
    enum trust_err (*visit)(void *arg, struct trust_span line), void *arg,
    struct trust_message *msg)
{
	const uint8_t *p = part.p;
	const uint8_t *end;

	if (part.len == 0 || part.len > TRUST_PART_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "part: want 1 to %d octets, got %zu", TRUST_PART_MAX,
		    part.len);
	end = p + part.len;
	if (end[-1] != '\n')
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "part: want a newline at the end, got none");
	while (p < end) {
		const uint8_t *newline = memchr(p, '\n', (size_t)(end - p));
		struct trust_span line = {p, (size_t)(newline - p)};
		enum trust_err r = visit(arg, line);

		if (r != TRUST_OK)
			return r;
		p = newline + 1;
	}
	return TRUST_OK;
}

/* ---- Writing ---- */

enum trust_err
trust_content_encode_record(
    const struct trust_record *record, struct trust_buf *out)
{
	return trust_record_encode_unscoped(record, out);
}

enum trust_err
trust_content_encode_put(struct trust_span canonical, struct trust_buf *out)
{
	enum trust_err r;

	if (canonical.len > TRUST_RECORD_MAX)
		return TRUST_ERR_INPUT;
	r = trust_buf_add(out, put_head, sizeof(put_head) - 1);
	if (r == TRUST_OK)
		r = trust_buf_add(out, canonical.p, canonical.len);
	if (r == TRUST_OK)
		r = trust_buf_add(out, put_tail, sizeof(put_tail) - 1);
	if (r == TRUST_OK)
		r = trust_buf_add(out, "\n", 1);
	return r;
}

enum trust_err
trust_content_encode_remove(
    enum trust_kind kind, const char *id, struct trust_buf *out)
{
	/* Neither has a character that JSON would escape. */
	return trust_buf_printf(out,
	    "{\"remove\":{\"id\":\"%s\",\"kind\":\"%s\"}}\n", id,
	    trust_kind_name(kind));
}

/* ---- The state digest ---- */

void
trust_content_state_add(
    struct trust_thumbprint *state, const struct trust_thumbprint *record)
{
	unsigned carry = 0;

	for (size_t i = sizeof(state->b); i-- > 0;) {
		carry += (unsigned)state->b[i] + record->b[i];
		state->b[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

void
trust_content_state_subtract(
    struct trust_thumbprint *state, const struct trust_thumbprint *record)
{
	unsigned borrow = 0;

	for (size_t i = sizeof(state->b); i-- > 0;) {
		unsigned difference =
		    0x100u + state->b[i] - record->b[i] - borrow;

		state->b[i] = (uint8_t)difference;
		borrow = 1 - (difference >> 8);
	}
}
