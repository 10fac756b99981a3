/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's fields, and the values of its answer.
 */
#include "command_call.h"

#include <string.h>

const char *
trust_call_get0_device(const struct trust_call *call, struct trust_message *msg)
{
	const char *device =
	    json_string_value(json_object_get(call->command, "device"));

	if (device == NULL ||
	    !trust_id_check((const uint8_t *)device, strlen(device))) {
		(void)trust_err_set(
		    msg, TRUST_ERR_INPUT, "device: want a device id");
		return NULL;
	}
	return device;
}

bool
trust_call_get_number(const struct trust_call *call, const char *name,
    int64_t absent, int64_t min, int64_t max, int64_t *out,
    struct trust_message *msg)
{
	const json_t *value = json_object_get(call->command, name);

	*out = absent;
	if (value == NULL)
		return true;
	*out = json_integer_value(value);
	if (json_is_integer(value) && *out >= min && *out <= max)
		return true;
	(void)trust_err_set(msg, TRUST_ERR_INPUT,
	    "%s: want a whole number from %lld to %lld", name, (long long)min,
	    (long long)max);
	return false;
}

const char *
trust_call_get0_text(const struct trust_call *call, const char *name,
    const char *absent, struct trust_message *msg)
{
	const json_t *value = json_object_get(call->command, name);

	if (value == NULL)
		return absent;
	if (!json_is_string(value))
		(void)trust_err_set(
		    msg, TRUST_ERR_INPUT, "%s: want a string", name);
	return json_string_value(value);
}

json_t *
trust_call_time(int64_t when)
{
	char text[TRUST_CLOCK_TEXT];

	if (when == 0 || when == TRUST_CLOCK_NEVER)
		return json_null();
	return json_string(trust_clock_format(when, text));
}
