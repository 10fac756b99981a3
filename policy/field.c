/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects read by tables, and how what is wrong with them is said.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "field.h"

#define SHOWN_MAX 72 /* octets of a value in a message */

/* ---- Places and complaints ---- */

/* By hand: every field of every record comes by here, and printf() would be a
 * tenth of the cost of reading it. What does not fit is cut. */
static size_t
append(struct trust_field_at *at, size_t len, const char *text)
{
	size_t room = sizeof(at->path) - 1 - len;
	size_t n = strnlen(text, room);

	memcpy(at->path + len, text, n);
	at->path[len + n] = '\0';
	return len + n;
}

size_t
trust_field_enter(struct trust_field_at *at, const char *name)
{
	size_t mark = strlen(at->path);
	size_t len = mark;

	if (mark > 0)
		len = append(at, len, ".");
	(void)append(at, len, name);
	return mark;
}

size_t
trust_field_enter_index(struct trust_field_at *at, size_t i)
{
	size_t mark = strlen(at->path);

	snprintf(at->path + mark, sizeof(at->path) - mark, "[%zu]", i);
	return mark;
}

void
trust_field_leave(struct trust_field_at *at, size_t mark)
{
	at->path[mark] = '\0';
}

static const char *
where(const struct trust_field_at *at)
{
	return at->path[0] != '\0' ? at->path : "record";
}

static const char *
show_value(const json_t *value, char out[SHOWN_MAX])
{
	char text[SHOWN_MAX - 2]; /* two quotes */

	if (value == NULL)
		return "nothing";
	switch (json_typeof(value)) {
	case JSON_STRING:
		trust_span_show(trust_span_of(json_string_value(value)), text,
		    sizeof(text));
		snprintf(out, SHOWN_MAX, "\"%s\"", text);
		return out;
	case JSON_INTEGER:
		snprintf(out, SHOWN_MAX, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(value));
		return out;
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	default:
		return "null";
	}
}

enum trust_err
trust_field_refuse(
    struct trust_field_at *at, const json_t *value, const char *fmt, ...)
{
	char shown[SHOWN_MAX];
	char want[TRUST_MESSAGE_MAX];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(want, sizeof(want), fmt, args);
	va_end(args);
	if (n < 0)
		return TRUST_ERR_INTERNAL;
	return trust_err_set(at->msg, TRUST_ERR_INPUT, "%s: want %s, got %s",
	    where(at), want, show_value(value, shown));
}

/* ---- Objects ---- */

static const struct trust_field *
find_field(const struct trust_field *const *tables, const char *name)
{
	for (; *tables != NULL; tables++) {
		const struct trust_field *field;

		for (field = *tables; field->name != NULL; field++) {
			if (strcmp(field->name, name) == 0)
				return field;
		}
	}
	return NULL;
}

static enum trust_err
refuse_unknown(struct trust_field_at *at,
    const struct trust_field *const *tables, const char *name)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf known = {0};
	char shown[SHOWN_MAX];

	for (; *tables != NULL; tables++) {
		const struct trust_field *field;

		for (field = *tables; field->name != NULL; field++) {
			r = trust_buf_printf(&known, "%s%s",
			    known.len > 0 ? ", " : "", field->name);
			if (r != TRUST_OK)
				goto out;
		}
	}
	trust_span_show(trust_span_of(name), shown, sizeof(shown));
	r = trust_err_set(at->msg, TRUST_ERR_INPUT,
	    "%s: want no field but %s, got \"%s\"", where(at),
	    (const char *)known.p, shown);
out:
	trust_buf_free(&known);
	return r;
}

static enum trust_err
read_fields(struct trust_field_at *at, const struct trust_field *field,
    json_t *object, char *base)
{
	for (; field->name != NULL; field++) {
		json_t *value = json_object_get(object, field->name);
		enum trust_err r;
		size_t mark;

		if (value == NULL && !field->required)
			continue;
		mark = trust_field_enter(at, field->name);
		r = field->read(at, field, value, base + field->offset);
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
	}
	return TRUST_OK;
}

enum trust_err
trust_field_read_object(struct trust_field_at *at,
    const struct trust_field *const *tables, json_t *object, void *base)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return trust_field_refuse(at, object, "an object");
	json_object_foreach(object, name, value)
	{
		if (find_field(tables, name) == NULL)
			return refuse_unknown(at, tables, name);
	}
	for (; *tables != NULL; tables++) {
		enum trust_err r = read_fields(at, *tables, object, base);

		if (r != TRUST_OK)
			return r;
	}
	return TRUST_OK;
}

/* ---- Words ---- */

/* "enabled or disabled". */
static enum trust_err
refuse_choice(struct trust_field_at *at, const json_t *value,
    const struct trust_field_choice *choices)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf want = {0};

	for (size_t i = 0; choices[i].name != NULL; i++) {
		const char *link = choices[i + 1].name == NULL ? " or " : ", ";

		r = trust_buf_printf(
		    &want, "%s%s", i > 0 ? link : "", choices[i].name);
		if (r != TRUST_OK)
			goto out;
	}
	r = trust_field_refuse(at, value, "%s", (const char *)want.p);
out:
	trust_buf_free(&want);
	return r;
}

enum trust_err
trust_field_choose(struct trust_field_at *at, const json_t *value,
    const struct trust_field_choice *choices, int *out)
{
	const char *text = json_string_value(value);

	*out = 0;
	for (size_t i = 0; text != NULL && choices[i].name != NULL; i++) {
		if (strcmp(text, choices[i].name) == 0) {
			*out = choices[i].value;
			return TRUST_OK;
		}
	}
	return refuse_choice(at, value, choices);
}
