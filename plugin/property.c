/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading properties, and leaving some out.
 */
#include "property.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libmosquitto.so.1"
/* From here on the broker frees a list of properties that was replaced. */
#define FREES_REPLACED 2000015 /* 2.0.15, as mosquitto_lib_version() has it */

/* libmosquitto's functions that read properties. */
struct reader {
	int (*identifier)(const mosquitto_property *property);
	const mosquitto_property *(*next)(const mosquitto_property *property);
	const mosquitto_property *(*read_byte)(
	    const mosquitto_property *list, int id, uint8_t *value, bool skip);
	const mosquitto_property *(*read_int32)(
	    const mosquitto_property *list, int id, uint32_t *value, bool skip);
	const mosquitto_property *(*read_string)(
	    const mosquitto_property *list, int id, char **value, bool skip);
	const mosquitto_property *(*read_binary)(const mosquitto_property *list,
	    int id, void **value, uint16_t *len, bool skip);
	const mosquitto_property *(*read_pair)(const mosquitto_property *list,
	    int id, char **name, char **value, bool skip);
	void (*release)(void *p); /* what they have allocated */
};

struct trust_properties {
	void *library; /* NULL: with 2.1 the broker has what it takes */
	struct reader reader;
	bool frees_replaced; /* the broker does */
};

/* ---- What reads properties ---- */

/* A function by its name, without a cast that ISO C does not know. */
static bool
find(void *library, const char *name, void *function)
{
	void *found = dlsym(library, name);

	memcpy(function, &found, sizeof(found));
	return found != NULL;
}

static bool
find_all(void *library, struct reader *out)
{
	return find(library, "mosquitto_property_identifier",
		   &out->identifier) &&
	       find(library, "mosquitto_property_next", &out->next) &&
	       find(library, "mosquitto_property_read_byte", &out->read_byte) &&
	       find(library, "mosquitto_property_read_int32",
		   &out->read_int32) &&
	       find(library, "mosquitto_property_read_string",
		   &out->read_string) &&
	       find(library, "mosquitto_property_read_binary",
		   &out->read_binary) &&
	       find(library, "mosquitto_property_read_string_pair",
		   &out->read_pair);
}

/* Whether it reads what the broker writes: a library of another version may
 * lay out properties otherwise. */
static bool
reads_what_is_written(const struct reader *reader)
{
	const mosquitto_property *second = NULL;
	mosquitto_property *list = NULL;
	char *name = NULL, *value = NULL;
	bool same;

	if (mosquitto_property_add_byte(
		&list, MQTT_PROP_PAYLOAD_FORMAT_INDICATOR, 1) == 0 &&
	    mosquitto_property_add_string_pair(
		&list, MQTT_PROP_USER_PROPERTY, "name", "value") == 0)
		second = reader->next(list);
	same = second != NULL &&
	       reader->identifier(list) == MQTT_PROP_PAYLOAD_FORMAT_INDICATOR &&
	       reader->identifier(second) == MQTT_PROP_USER_PROPERTY &&
	       reader->read_pair(second, MQTT_PROP_USER_PROPERTY, &name, &value,
		   false) != NULL &&
	       strcmp(name, "name") == 0 && strcmp(value, "value") == 0;
	reader->release(name);
	reader->release(value);
	mosquitto_property_free_all(&list);
	return same;
}

/* The functions of the library beside a broker of 2.0, and its version, which
 * has to stand for the broker's. */
static bool
open_library(struct trust_properties *properties)
{
	int (*version)(int *major, int *minor, int *revision);

	properties->reader.release = free;
	properties->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (properties->library == NULL ||
	    !find(properties->library, "mosquitto_lib_version", &version) ||
	    !find_all(properties->library, &properties->reader))
		return false;
	properties->frees_replaced =
	    version(NULL, NULL, NULL) >= FREES_REPLACED;
	return true;
}

static bool
look_in_broker(struct trust_properties *properties)
{
	properties->reader.release = mosquitto_free;
	properties->frees_replaced = true;
	return find_all(RTLD_DEFAULT, &properties->reader);
}

enum trust_err
trust_properties_new(
    bool is_2_1, struct trust_properties **out, struct trust_message *msg)
{
	struct trust_properties *properties = calloc(1, sizeof(*properties));

	*out = NULL;
	if (properties == NULL)
		return TRUST_ERR_NOMEM;
	if (!(is_2_1 ? look_in_broker(properties) : open_library(properties)) ||
	    !reads_what_is_written(&properties->reader)) {
		trust_properties_free(properties);
		return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "want %s of the broker's own version, to read properties",
		    LIBRARY);
	}
	*out = properties;
	return TRUST_OK;
}

void
trust_properties_free(struct trust_properties *properties)
{
	if (properties == NULL)
		return;
	if (properties->library != NULL)
		(void)dlclose(properties->library);
	free(properties);
}

/* ---- Those that match ---- */

/* A user property that cannot be read has no name. */
static bool
matches(const struct reader *reader, const mosquitto_property *property,
    trust_property_match *match)
{
	int id = reader->identifier(property);
	char *name = NULL, *value = NULL;
	bool found;

	if (id == MQTT_PROP_USER_PROPERTY)
		(void)reader->read_pair(property, id, &name, &value, false);
	found = match(id, name);
	reader->release(name);
	reader->release(value);
	return found;
}

bool
trust_properties_have(const struct trust_properties *properties,
    const mosquitto_property *list, trust_property_match *match)
{
	const struct reader *reader = &properties->reader;

	for (; list != NULL; list = reader->next(list)) {
		if (matches(reader, list, match))
			return true;
	}
	return false;
}

/* ---- Leaving them out ---- */

static int
copy_text(const struct reader *reader, const mosquitto_property *property,
    int id, mosquitto_property **out)
{
	char *name = NULL, *value = NULL;
	int rc = MOSQ_ERR_NOMEM;

	if (id == MQTT_PROP_USER_PROPERTY &&
	    reader->read_pair(property, id, &name, &value, false) != NULL)
		rc = mosquitto_property_add_string_pair(out, id, name, value);
	else if (id != MQTT_PROP_USER_PROPERTY &&
		 reader->read_string(property, id, &value, false) != NULL)
		rc = mosquitto_property_add_string(out, id, value);
	reader->release(name);
	reader->release(value);
	return rc;
}

static int
copy_binary(const struct reader *reader, const mosquitto_property *property,
    int id, mosquitto_property **out)
{
	void *value = NULL;
	uint16_t len = 0;
	int rc = MOSQ_ERR_NOMEM;

	if (reader->read_binary(property, id, &value, &len, false) != NULL)
		rc = mosquitto_property_add_binary(out, id, value, len);
	reader->release(value);
	return rc;
}

/* The properties that a message of a client can have in the broker: MQTT 5.0
 * section 3.3.2.3. */
static int
copy_one(const struct reader *reader, const mosquitto_property *property,
    mosquitto_property **out)
{
	int id = reader->identifier(property);
	uint8_t byte = 0;
	uint32_t number = 0;

	switch (id) {
	case MQTT_PROP_PAYLOAD_FORMAT_INDICATOR:
		(void)reader->read_byte(property, id, &byte, false);
		return mosquitto_property_add_byte(out, id, byte);
	case MQTT_PROP_MESSAGE_EXPIRY_INTERVAL:
		(void)reader->read_int32(property, id, &number, false);
		return mosquitto_property_add_int32(out, id, number);
	case MQTT_PROP_CONTENT_TYPE:
	case MQTT_PROP_RESPONSE_TOPIC:
	case MQTT_PROP_USER_PROPERTY:
		return copy_text(reader, property, id, out);
	case MQTT_PROP_CORRELATION_DATA:
		return copy_binary(reader, property, id, out);
	default:
		return MOSQ_ERR_ACL_DENIED;
	}
}

/* There is no way to take one out that all brokers have: copy the others. */
int
trust_properties_remove(const struct trust_properties *properties,
    mosquitto_property **list, trust_property_match *match)
{
	const struct reader *reader = &properties->reader;
	mosquitto_property *copy = NULL;
	const mosquitto_property *p;
	int rc = MOSQ_ERR_SUCCESS;

	if (!trust_properties_have(properties, *list, match))
		return MOSQ_ERR_SUCCESS;
	for (p = *list; p != NULL && rc == MOSQ_ERR_SUCCESS;
	     p = reader->next(p))
		if (!matches(reader, p, match))
			rc = copy_one(reader, p, &copy);
	if (rc != MOSQ_ERR_SUCCESS) {
		mosquitto_property_free_all(&copy);
		return rc;
	}
	if (!properties->frees_replaced)
		mosquitto_property_free_all(list);
	*list = copy;
	return MOSQ_ERR_SUCCESS;
}
