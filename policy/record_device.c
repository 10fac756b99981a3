/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of devices, and how each proves who it is.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "record_tables.h"

#define DEVICE(member) offsetof(struct trust_record, u.device.member)
#define AUTH(member)   offsetof(struct trust_device, member)

/* Octets of a PSK identity: what RFC 4279 section 5.3 wants supported. */
#define PSK_IDENTITY_MAX 128

/* ---- Keys ---- */

static enum trust_err
read_pin_list(
    struct trust_field_at *at, json_t *list, struct trust_device *device)
{
	json_t *value;
	size_t i;

	json_array_foreach(list, i, value)
	{
		struct trust_thumbprint *pin = &device->pins[i];
		size_t mark = trust_field_enter_index(at, i);
		enum trust_err r;

		r = trust_field_read_thumbprint(at, NULL, value, pin);
		for (size_t j = 0; r == TRUST_OK && j < i; j++) {
			if (trust_thumbprint_equal(&device->pins[j], pin))
				r = trust_field_refuse(
				    at, value, "no pin twice");
		}
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
	}
	device->n_pins = json_array_size(list);
	return TRUST_OK;
}

static enum trust_err
read_pins(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_device *device = target;
	enum trust_err r;

	r = trust_field_check_list(at, value, 1);
	if (r != TRUST_OK)
		return r;
	device->pins = calloc(json_array_size(value), sizeof(*device->pins));
	if (device->pins == NULL)
		return TRUST_ERR_NOMEM;
	return read_pin_list(at, value, device);
}

/* ---- Thumbprints ---- */

/* Comes after the primary one. */
static enum trust_err
read_secondary(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_device *device = target;
	struct trust_thumbprint *secondary = &device->thumbprints[1];
	enum trust_err r;

	r = trust_field_read_thumbprint(at, field, value, secondary);
	if (r != TRUST_OK)
		return r;
	if (trust_thumbprint_equal(&device->thumbprints[0], secondary))
		return trust_field_refuse(at, value, "another than primary");
	device->n_thumbprints = 2;
	return TRUST_OK;
}

static enum trust_err
read_primary(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_device *device = target;

	device->n_thumbprints = 1;
	return trust_field_read_thumbprint(
	    at, field, value, &device->thumbprints[0]);
}

/* ---- Pre-shared keys ---- */

static enum trust_err
read_psk_identity(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const char *text = json_string_value(value);
	struct trust_device *device = target;

	if (text == NULL || *text == '\0' || strlen(text) > PSK_IDENTITY_MAX ||
	    strchr(text, '\n') != NULL)
		return trust_field_refuse(
		    at, value, "one line of 1 to %d octets", PSK_IDENTITY_MAX);
	device->identity = text;
	return trust_thumbprint_of(
	    trust_span_of(text), &device->identity_sha256);
}

/* RFC 4648 section 4, padded, with nothing between and no stray bits. */
static bool
is_base64(const char *text)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strspn(text, digits);
	size_t padding = strspn(text + n, "=");
	size_t last;

	if (n == 0 || text[n + padding] != '\0' || padding > 2 ||
	    (n + padding) % 4 != 0)
		return false;
	last = (size_t)(strchr(digits, text[n - 1]) - digits);
	return last % (1u << (2 * padding)) == 0;
}

/* Does not show what is there: it may be the key itself. */
static enum trust_err
read_psk_key(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const char *text = json_string_value(value);

	if (text == NULL || !is_base64(text))
		return trust_err_set(at->msg, TRUST_ERR_INPUT,
		    "%s: want base64 of a CMS EnvelopedData, got %s", at->path,
		    value == NULL ? "nothing" : "something else");
	*(const char **)target = text;
	return TRUST_OK;
}

/* ---- "auth" ---- */

static const struct trust_field thumbprint_fields[] = {
    {"type", .read = trust_field_skip, .required = true},
    {"primary", .read = read_primary, .required = true},
    {"secondary", .read = read_secondary},
    {0},
};

static const struct trust_field key_fields[] = {
    {"type", .read = trust_field_skip, .required = true},
    {"pins", .read = read_pins, .required = true},
    {0},
};

static const struct trust_field ca_fields[] = {
    {"type", .read = trust_field_skip, .required = true},
    {"group", .read = trust_field_read_id, .offset = AUTH(group),
	.required = true},
    {0},
};

static const struct trust_field psk_fields[] = {
    {"type", .read = trust_field_skip, .required = true},
    {"identity", .read = read_psk_identity, .required = true},
    {"key", .read = read_psk_key, .offset = AUTH(key), .required = true},
    {0},
};

static const struct trust_field *const auth_fields[] = {
    [TRUST_AUTH_THUMBPRINT] = thumbprint_fields,
    [TRUST_AUTH_KEY] = key_fields,
    [TRUST_AUTH_CA] = ca_fields,
    [TRUST_AUTH_PSK] = psk_fields,
};

static enum trust_err
read_auth_type(
    struct trust_field_at *at, const json_t *value, enum trust_auth *auth)
{
	static const struct trust_field_choice types[] = {
	    {"thumbprint", TRUST_AUTH_THUMBPRINT}, {"key", TRUST_AUTH_KEY},
	    {"ca", TRUST_AUTH_CA}, {"psk", TRUST_AUTH_PSK}, {0}};
	size_t mark = trust_field_enter(at, "type");
	enum trust_err r;
	int choice;

	r = trust_field_choose(at, value, types, &choice);
	trust_field_leave(at, mark);
	*auth = (enum trust_auth)choice;
	return r;
}

static enum trust_err
read_auth(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const struct trust_field *tables[] = {NULL, NULL};
	struct trust_device *device = target;
	enum trust_err r;

	if (!json_is_object(value))
		return trust_field_refuse(at, value, "an object");
	r = read_auth_type(at, json_object_get(value, "type"), &device->auth);
	if (r != TRUST_OK)
		return r;
	tables[0] = auth_fields[device->auth];
	return trust_field_read_object(at, tables, value, device);
}

/* ---- The rest ---- */

enum trust_err
trust_record_read_client_id(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	static const struct trust_field_choice choices[] = {
	    {"exact", TRUST_CLIENT_ID_EXACT},
	    {"prefix", TRUST_CLIENT_ID_PREFIX}, {0}};
	enum trust_err r;
	int choice;

	r = trust_field_choose(at, value, choices, &choice);
	if (r == TRUST_OK)
		*(enum trust_client_id *)target = (enum trust_client_id)choice;
	return r;
}

static enum trust_err
read_roles(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_device *device = target;

	device->has_roles = true;
	return trust_field_read_ids(at, field, value, &device->roles);
}

static enum trust_err check_attribute(struct trust_field_at *at, json_t *value);

static enum trust_err
check_attributes(struct trust_field_at *at, json_t *object)
{
	const char *name;
	json_t *value;

	if (json_object_size(object) > TRUST_LIST_MAX)
		return trust_field_refuse(
		    at, object, "at most %d attributes", TRUST_LIST_MAX);
	json_object_foreach(object, name, value)
	{
		char shown[TRUST_SHOWN_MAX];
		enum trust_err r;
		size_t mark;

		if (*name == '\0' || strlen(name) > TRUST_ID_MAX)
			return trust_field_refuse(at, object,
			    "names of 1 to %d octets", TRUST_ID_MAX);
		mark = trust_field_enter(at,
		    trust_span_show(trust_span_of(name), shown, sizeof(shown)));
		r = check_attribute(at, value);
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
	}
	return TRUST_OK;
}

static enum trust_err
check_attribute_list(struct trust_field_at *at, json_t *list)
{
	enum trust_err r;
	json_t *value;
	size_t i;

	r = trust_field_check_list(at, list, 0);
	if (r != TRUST_OK)
		return r;
	json_array_foreach(list, i, value)
	{
		size_t mark = trust_field_enter_index(at, i);

		r = check_attribute(at, value);
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
	}
	return TRUST_OK;
}

static enum trust_err
check_attribute(struct trust_field_at *at, json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return check_attributes(at, value);
	case JSON_ARRAY:
		return check_attribute_list(at, value);
	case JSON_STRING:
		if (json_string_length(value) > TRUST_TEXT_MAX)
			return trust_field_refuse(at, value,
			    "text of at most %d octets", TRUST_TEXT_MAX);
		return TRUST_OK;
	case JSON_NULL:
		return trust_field_refuse(at, value,
		    "text, true or false, whole numbers, lists or objects");
	default:
		return TRUST_OK;
	}
}

static enum trust_err
read_attributes(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	if (!json_is_object(value))
		return trust_field_refuse(at, value, "an object");
	return check_attributes(at, value);
}

const struct trust_field trust_record_device_fields[] = {
    {"auth", .read = read_auth,
	.offset = offsetof(struct trust_record, u.device), .required = true},
    {"roles", .read = read_roles,
	.offset = offsetof(struct trust_record, u.device)},
    {"client_id", .read = trust_record_read_client_id,
	.offset = DEVICE(client_id)},
    {"ignore_validity", .read = trust_field_read_bool,
	.offset = DEVICE(ignore_validity)},
    {"attributes", .read = read_attributes},
    {0},
};
