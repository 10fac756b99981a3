/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types that fields have.
 */
#include <stdlib.h>
#include <string.h>

#include "field.h"

/* ---- Single values ---- */

enum trust_err
trust_field_skip(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	return TRUST_OK;
}

enum trust_err
trust_field_read_bool(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	if (!json_is_boolean(value))
		return trust_field_refuse(at, value, "true or false");
	*(bool *)target = json_is_true(value);
	return TRUST_OK;
}

enum trust_err
trust_field_read_int64(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	int64_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < field->min || n > field->max)
		return trust_field_refuse(at, value,
		    "a whole number from %lld to %lld", (long long)field->min,
		    (long long)field->max);
	*(int64_t *)target = n;
	return TRUST_OK;
}

enum trust_err
trust_field_read_int(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	enum trust_err r;
	int64_t n = 0;

	r = trust_field_read_int64(at, field, value, &n);
	if (r == TRUST_OK)
		*(int *)target = (int)n;
	return r;
}

enum trust_err
trust_field_read_id(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const char *text = json_string_value(value);

	if (text == NULL ||
	    !trust_id_check((const uint8_t *)text, strlen(text)))
		return trust_field_refuse(at, value,
		    "an id (1 to %d letters, digits and -._%%*?!(),:=@')",
		    TRUST_ID_MAX);
	*(const char **)target = text;
	return TRUST_OK;
}

enum trust_err
trust_field_read_thumbprint(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	const char *text = json_string_value(value);
	char lower[TRUST_THUMBPRINT_TEXT];
	struct trust_thumbprint *thumbprint = target;

	if (text == NULL ||
	    trust_thumbprint_parse(text, thumbprint) != TRUST_OK)
		return trust_field_refuse(at, value, "64 hex digits");
	/* One thumbprint, one canonical record. */
	trust_thumbprint_format(thumbprint, lower);
	if (strcmp(text, lower) == 0)
		return TRUST_OK;
	at->rewrote = true;
	return json_string_set(value, lower) == 0 ? TRUST_OK : TRUST_ERR_NOMEM;
}

enum trust_err
trust_field_read_certificate(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char *text = json_string_value(value);
	STACK_OF(X509) *stack = NULL;

	if (text == NULL)
		return trust_field_refuse(at, value, "a certificate in PEM");
	/* Registries travel. The value is not shown: it may be the key. */
	if (strstr(text, "PRIVATE KEY") != NULL)
		return trust_err_set(at->msg, TRUST_ERR_INPUT,
		    "%s: want a certificate alone, got a private key too",
		    at->path);
	*(const char **)target = text;
	if (at->stored)
		return TRUST_OK;
	r = trust_certificate_parse_pem(trust_span_of(text), &stack, at->msg);
	if (r != TRUST_OK)
		return trust_err_prefix(at->msg, r, "%s", at->path);
	if (sk_X509_num(stack) != 1) {
		r = trust_err_set(at->msg, TRUST_ERR_INPUT,
		    "%s: want one certificate, got %d", at->path,
		    sk_X509_num(stack));
		goto out;
	}
	r = TRUST_OK;
out:
	sk_X509_pop_free(stack, X509_free);
	return r;
}

/* ---- Words ---- */

enum trust_err
trust_field_read_word(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	enum trust_err r;
	int choice;

	r = trust_field_choose(at, value, field->choices, &choice);
	if (r == TRUST_OK)
		*(bool *)target = choice != 0;
	return r;
}

enum trust_err
trust_field_read_bits(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	enum trust_err r;
	unsigned bits = 0;
	json_t *entry;
	size_t i;

	r = trust_field_check_list(at, value, 1);
	if (r != TRUST_OK)
		return r;
	json_array_foreach(value, i, entry)
	{
		size_t mark = trust_field_enter_index(at, i);
		int bit;

		r = trust_field_choose(at, entry, field->choices, &bit);
		if (r == TRUST_OK && (bits & (unsigned)bit) != 0)
			r = trust_field_refuse(at, entry, "no entry twice");
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
		bits |= (unsigned)bit;
	}
	*(unsigned *)target = bits;
	return TRUST_OK;
}

/* ---- Lists ---- */

enum trust_err
trust_field_check_list(
    struct trust_field_at *at, const json_t *value, size_t min)
{
	size_t n = json_array_size(value);

	if (!json_is_array(value))
		return trust_field_refuse(at, value, "a list");
	if (n < min || n > TRUST_LIST_MAX)
		return trust_err_set(at->msg, TRUST_ERR_INPUT,
		    "%s: want %zu to %d entries, got %zu", at->path, min,
		    TRUST_LIST_MAX, n);
	return TRUST_OK;
}

static bool
has_string(const struct trust_strings *strings, const char *text)
{
	for (size_t i = 0; i < strings->n; i++) {
		if (strcmp(strings->v[i], text) == 0)
			return true;
	}
	return false;
}

static enum trust_err
add_string(struct trust_field_at *at, json_t *value, trust_field_read *entry,
    struct trust_strings *out)
{
	enum trust_err r;
	const char *text = NULL;

	r = entry(at, NULL, value, &text);
	if (r != TRUST_OK)
		return r;
	if (has_string(out, text))
		return trust_field_refuse(at, value, "no entry twice");
	out->v[out->n++] = text;
	return TRUST_OK;
}

enum trust_err
trust_field_read_strings(struct trust_field_at *at, const json_t *value,
    size_t min, trust_field_read *entry, struct trust_strings *out)
{
	enum trust_err r;
	json_t *member;
	size_t i;

	*out = (struct trust_strings){0};
	r = trust_field_check_list(at, value, min);
	if (r != TRUST_OK)
		return r;
	out->v = calloc(json_array_size(value) + 1, sizeof(*out->v));
	if (out->v == NULL)
		return TRUST_ERR_NOMEM;
	json_array_foreach(value, i, member)
	{
		size_t mark = trust_field_enter_index(at, i);

		r = add_string(at, member, entry, out);
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
	}
	return TRUST_OK;
}

enum trust_err
trust_field_read_ids(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	return trust_field_read_strings(
	    at, value, 0, trust_field_read_id, target);
}
