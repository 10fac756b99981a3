/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON, read strictly (RFC 8259, RFC 7493) and written canonically (RFC 8785).
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* Integers that every reader of JSON holds exactly: RFC 7493 section 2.2. */
#define INTEGER_MAX ((INT64_C(1) << 53) - 1)

static bool
is_safe_integer(json_int_t n)
{
	return n >= -INTEGER_MAX && n <= INTEGER_MAX;
}

/* ---- Reading ---- */

/* Unicode's control characters (category Cc) but the newline. */
static bool
has_control(const char *p, size_t len)
{
	const uint8_t *c = (const uint8_t *)p;

	for (size_t i = 0; i < len; i++) {
		if ((c[i] < ' ' && c[i] != '\n') || c[i] == 0x7f)
			return true;
		/* U+0080 to U+009F in UTF-8. */
		if (c[i] == 0xc2 && i + 1 < len && c[i + 1] < 0xa0)
			return true;
	}
	return false;
}

static const char *find_fault(json_t *value, int depth);

static const char *
find_object_fault(json_t *object, int depth)
{
	const char *fault;
	const char *key;
	json_t *member;

	json_object_foreach(object, key, member)
	{
		if (has_control(key, strlen(key)))
			return "a control character in a key";
		fault = find_fault(member, depth + 1);
		if (fault != NULL)
			return fault;
	}
	return NULL;
}

static const char *
find_array_fault(json_t *array, int depth)
{
	const char *fault;
	json_t *member;
	size_t i;

	json_array_foreach(array, i, member)
	{
		fault = find_fault(member, depth + 1);
		if (fault != NULL)
			return fault;
	}
	return NULL;
}

/* What is wrong with a value that jansson takes and we do not, or NULL. */
static const char *
find_fault(json_t *value, int depth)
{
	if (depth > TRUST_JSON_DEPTH_MAX)
		return "more levels than allowed";
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return find_object_fault(value, depth);
	case JSON_ARRAY:
		return find_array_fault(value, depth);
	case JSON_STRING:
		if (has_control(
			json_string_value(value), json_string_length(value)))
			return "a control character in a string";
		return NULL;
	case JSON_INTEGER:
		if (!is_safe_integer(json_integer_value(value)))
			return "an integer beyond 2^53";
		return NULL;
	case JSON_REAL:
		return "a number with a fraction or an exponent";
	default:
		return NULL;
	}
}

/* Any JSON value that jansson takes. */
static enum trust_err
load(struct trust_span text, json_t **out, struct trust_message *msg)
{
	char shown[TRUST_SHOWN_MAX];
	json_error_t error;

	*out = NULL;
	if (text.len == 0)
		return trust_err_set(
		    msg, TRUST_ERR_INPUT, "want one JSON object, got nothing");
	*out = json_loadb(
	    (const char *)text.p, text.len, JSON_REJECT_DUPLICATES, &error);
	if (*out != NULL)
		return TRUST_OK;
	/* jansson says nothing when memory runs out. */
	if (error.text[0] == '\0')
		return TRUST_ERR_NOMEM;
	trust_span_show(trust_span_of(error.text), shown, sizeof(shown));
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "want one JSON object, got at column %d: %s", error.column, shown);
}

/* An object whose own level is `depth`. */
static enum trust_err
parse_object(struct trust_span text, size_t max, int depth, json_t **out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	json_t *value = NULL;
	const char *fault;

	*out = NULL;
	if (text.len > max)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want at most %zu octets, got %zu", max, text.len);
	r = load(text, &value, msg);
	if (r != TRUST_OK)
		return r;
	fault = json_is_object(value) ? find_fault(value, depth) : "an array";
	if (fault != NULL) {
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "want one JSON object of text and whole numbers, at most "
		    "%d levels deep, got %s",
		    TRUST_JSON_DEPTH_MAX + 1 - depth, fault);
		goto out;
	}
	*out = value;
	value = NULL; /* transferred */
	r = TRUST_OK;
out:
	json_decref(value);
	return r;
}

enum trust_err
trust_json_parse(
    struct trust_span text, size_t max, json_t **out, struct trust_message *msg)
{
	return parse_object(text, max, 1, out, msg);
}

enum trust_err
trust_json_parse_wrapped(
    struct trust_span text, size_t max, json_t **out, struct trust_message *msg)
{
	return parse_object(text, max, 0, out, msg);
}

/* ---- Writing ---- */

/*
 * Octets of UTF-8 in the order of UTF-16 code units: those that lead beyond
 * the Basic Multilingual Plane become surrogates and sort before U+E000.
 */
static int
utf16_weight(uint8_t c)
{
	if (c >= 0xf0)
		return c - 0xf0 + 0xee;
	if (c >= 0xee)
		return c - 0xee + 0xf3;
	return c;
}

static int
compare_keys(const void *a, const void *b)
{
	const uint8_t *p = *(const uint8_t *const *)a;
	const uint8_t *q = *(const uint8_t *const *)b;

	while (*p != '\0' && *p == *q) {
		p++;
		q++;
	}
	return utf16_weight(*p) - utf16_weight(*q);
}

static enum trust_err
encode_escape(uint8_t c, struct trust_buf *out)
{
	static const char named[] = "\bb\tt\nn\ff\rr\"\"\\\\";

	for (const char *p = named; *p != '\0'; p += 2) {
		if (c == (uint8_t)*p)
			return trust_buf_printf(out, "\\%c", p[1]);
	}
	return trust_buf_printf(out, "\\u%04x", c);
}

static enum trust_err
encode_string(const char *text, size_t len, struct trust_buf *out)
{
	enum trust_err r = trust_buf_add(out, "\"", 1);
	size_t plain = 0; /* octets before i that go out as they are */

	for (size_t i = 0; i < len && r == TRUST_OK; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c >= ' ' && c != '"' && c != '\\') {
			plain++;
			continue;
		}
		r = trust_buf_add(out, text + i - plain, plain);
		plain = 0;
		if (r == TRUST_OK)
			r = encode_escape(c, out);
	}
	if (r == TRUST_OK)
		r = trust_buf_add(out, text + len - plain, plain);
	if (r == TRUST_OK)
		r = trust_buf_add(out, "\"", 1);
	return r;
}

static enum trust_err encode_value(
    const json_t *value, int depth, struct trust_buf *out);

/* The keys of an object in canonical order, borrowed; the array is the
 * caller's. */
static enum trust_err
sort_keys(const json_t *object, const char ***out)
{
	size_t n = json_object_size(object);
	size_t i = 0;
	const char **keys;
	const char *key;
	json_t *member;

	*out = NULL;
	keys = calloc(n + 1, sizeof(*keys));
	if (keys == NULL)
		return TRUST_ERR_NOMEM;
	/* jansson's iterator wants a mutable object, and leaves it alone. */
	json_object_foreach((json_t *)(uintptr_t)object, key, member)
	    keys[i++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	*out = keys;
	return TRUST_OK;
}

static enum trust_err
encode_object(const json_t *object, int depth, struct trust_buf *out)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char **keys = NULL;

	r = sort_keys(object, &keys);
	if (r == TRUST_OK)
		r = trust_buf_add(out, "{", 1);
	for (size_t i = 0; r == TRUST_OK && keys[i] != NULL; i++) {
		if (i > 0)
			r = trust_buf_add(out, ",", 1);
		if (r == TRUST_OK)
			r = encode_string(keys[i], strlen(keys[i]), out);
		if (r == TRUST_OK)
			r = trust_buf_add(out, ":", 1);
		if (r == TRUST_OK)
			r = encode_value(
			    json_object_get(object, keys[i]), depth + 1, out);
	}
	if (r == TRUST_OK)
		r = trust_buf_add(out, "}", 1);
	free(keys);
	return r;
}

static enum trust_err
encode_array(const json_t *array, int depth, struct trust_buf *out)
{
	enum trust_err r = trust_buf_add(out, "[", 1);
	json_t *member;
	size_t i;

	json_array_foreach(array, i, member)
	{
		if (r == TRUST_OK && i > 0)
			r = trust_buf_add(out, ",", 1);
		if (r == TRUST_OK)
			r = encode_value(member, depth + 1, out);
	}
	if (r == TRUST_OK)
		r = trust_buf_add(out, "]", 1);
	return r;
}

static enum trust_err
encode_value(const json_t *value, int depth, struct trust_buf *out)
{
	if (value == NULL || depth > TRUST_JSON_DEPTH_MAX)
		return TRUST_ERR_INPUT;
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return encode_object(value, depth, out);
	case JSON_ARRAY:
		return encode_array(value, depth, out);
	case JSON_STRING:
		return encode_string(
		    json_string_value(value), json_string_length(value), out);
	case JSON_INTEGER:
		if (!is_safe_integer(json_integer_value(value)))
			return TRUST_ERR_INPUT;
		return trust_buf_printf(
		    out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	case JSON_TRUE:
		return trust_buf_add(out, "true", 4);
	case JSON_FALSE:
		return trust_buf_add(out, "false", 5);
	case JSON_NULL:
		return trust_buf_add(out, "null", 4);
	default:
		return TRUST_ERR_INPUT;
	}
}

static bool
is_ascii(const char *text)
{
	while (*text != '\0' && ((uint8_t)*text & 0x80) == 0)
		text++;
	return *text == '\0';
}

enum trust_err
trust_json_encode_text(const char *text, struct trust_buf *out)
{
	enum trust_err r;
	json_t *value;

	if (is_ascii(text))
		return encode_string(text, strlen(text), out);
	/* It knows UTF-8. */
	value = json_string(text);
	r = trust_json_encode(value, out);
	json_decref(value);
	return r;
}

enum trust_err
trust_json_encode(const json_t *value, struct trust_buf *out)
{
	size_t len = out->len;
	enum trust_err r = encode_value(value, 1, out);

	if (r != TRUST_OK && out->p != NULL) {
		out->len = len;
		out->p[len] = '\0';
	}
	return r;
}

json_t *
trust_json_text(const char *text)
{
	return text != NULL && text[0] != '\0' ? json_string(text)
					       : json_null();
}
