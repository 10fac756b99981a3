/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types that fields of sync's messages have.
 */
#include "sync_field.h"

#include <string.h>

#include "clock.h"
#include "notification.h"

enum trust_err
trust_sync_field_read_id(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	enum trust_err r;
	const char *id;

	r = trust_field_read_id(at, field, value, &id);
	if (r == TRUST_OK)
		memcpy(target, id, strlen(id) + 1);
	return r;
}

/* RFC 4122 section 3, of version 4 (section 4.4) and its variant (4.1.1). */
static bool
is_session(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-4xxx-Vxxx-xxxxxxxxxxxx";
	size_t i;

	for (i = 0; form[i] != '\0'; i++) {
		const char *allowed = "0123456789abcdefABCDEF";

		if (form[i] == 'V')
			allowed = "89abAB";
		if (form[i] == '-' || form[i] == '4') {
			if (text[i] != form[i])
				return false;
		} else if (text[i] == '\0' || strchr(allowed, text[i]) == NULL)
			return false;
	}
	return text[i] == '\0';
}

enum trust_err
trust_sync_field_read_session(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	const char *text = json_string_value(value);
	char *session = target;

	if (text == NULL || !is_session(text))
		return trust_field_refuse(at, value, "a UUID of version 4");
	for (; *text != '\0'; text++) {
		bool upper = *text >= 'A' && *text <= 'F';

		*session++ = (char)(upper ? *text - 'A' + 'a' : *text);
	}
	*session = '\0';
	return TRUST_OK;
}

enum trust_err
trust_sync_field_read_session_or_null(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	if (!json_is_null(value))
		return trust_sync_field_read_session(at, field, value, target);
	*(char *)target = '\0';
	return TRUST_OK;
}

enum trust_err
trust_sync_field_read_digest(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	const char *text = json_string_value(value);

	/* One digest, one form. */
	if (text == NULL || text[strspn(text, "0123456789abcdef")] != '\0' ||
	    trust_thumbprint_parse(text, target) != TRUST_OK)
		return trust_field_refuse(
		    at, value, "64 lower-case hex digits");
	return TRUST_OK;
}

/* The last second that RFC 3339 can write in UTC; an offset reaches past. */
#define TIME_MAX INT64_C(253402300799)

enum trust_err
trust_sync_field_read_time(struct trust_field_at *at,
    const struct trust_field *field, json_t *value, void *target)
{
	const char *text = json_string_value(value);
	int64_t *when = target;

	if (text == NULL || strchr(text, ':') == NULL ||
	    trust_clock_parse(text, when) != TRUST_OK || *when < 0 ||
	    *when > TIME_MAX)
		return trust_field_refuse(at, value,
		    "a time as 2026-11-20T12:00:00Z, from 1970 to 9999");
	return TRUST_OK;
}
