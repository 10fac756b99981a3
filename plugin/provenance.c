/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User properties of messages: read, taken away, added.
 */
#include "provenance.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "broker.h"

#define LIBRARY "libmosquitto.so.1"
/* From here on the broker frees a list of properties that was replaced. */
#define FREES_REPLACED 2000015 /* 2.0.15, as mosquitto_lib_version() has it */
#define MQTT_5         5

static const char *const names[] = {
    "trust-device", "trust-thumbprint", "trust-gateway"};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

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

struct trust_provenance {
	const char *gateway;
	void *library; /* NULL: with 2.1 the broker has what it takes */
	struct reader reader;
	bool frees_replaced; /* the broker does */
	bool is_2_1;
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
open_library(struct trust_provenance *provenance)
{
	int (*version)(int *major, int *minor, int *revision);

	provenance->reader.release = free;
	provenance->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (provenance->library == NULL ||
	    !find(provenance->library, "mosquitto_lib_version", &version) ||
	    !find_all(provenance->library, &provenance->reader))
		return false;
	provenance->frees_replaced =
	    version(NULL, NULL, NULL) >= FREES_REPLACED;
	return true;
}

static bool
look_in_broker(struct trust_provenance *provenance)
{
	provenance->reader.release = mosquitto_free;
	provenance->frees_replaced = true;
	return find_all(RTLD_DEFAULT, &provenance->reader);
}

enum trust_err
trust_provenance_new(const char *gateway, bool is_2_1,
    struct trust_provenance **out, struct trust_message *msg)
{
	struct trust_provenance *provenance = calloc(1, sizeof(*provenance));

	*out = NULL;
	if (provenance == NULL)
		return TRUST_ERR_NOMEM;
	provenance->gateway = gateway;
	provenance->is_2_1 = is_2_1;
	if (!(is_2_1 ? look_in_broker(provenance) : open_library(provenance)) ||
	    !reads_what_is_written(&provenance->reader)) {
		trust_provenance_free(provenance);
		return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "plugin_opt_provenance: want %s of the broker's own "
		    "version, to read properties",
		    LIBRARY);
	}
	*out = provenance;
	return TRUST_OK;
}

void
trust_provenance_free(struct trust_provenance *provenance)
{
	if (provenance == NULL)
		return;
	if (provenance->library != NULL)
		(void)dlclose(provenance->library);
	free(provenance);
}

/* ---- What others claim ---- */

/* What cannot be read is a claim, too. */
static bool
is_claim(const struct reader *reader, const mosquitto_property *property)
{
	char *name = NULL, *value = NULL;
	bool claim;

	if (reader->identifier(property) != MQTT_PROP_USER_PROPERTY)
		return false;
	claim = reader->read_pair(property, MQTT_PROP_USER_PROPERTY, &name,
		    &value, false) == NULL;
	for (size_t i = 0; i < N_NAMES && !claim; i++)
		claim = strcmp(name, names[i]) == 0;
	reader->release(name);
	reader->release(value);
	return claim;
}

static bool
has_claim(const struct reader *reader, const mosquitto_property *list)
{
	for (; list != NULL; list = reader->next(list)) {
		if (is_claim(reader, list))
			return true;
	}
	return false;
}

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
static int
remove_claims(
    const struct trust_provenance *provenance, mosquitto_property **list)
{
	const struct reader *reader = &provenance->reader;
	mosquitto_property *copy = NULL;
	const mosquitto_property *p;
	int rc = MOSQ_ERR_SUCCESS;

	if (!has_claim(reader, *list))
		return MOSQ_ERR_SUCCESS;
	for (p = *list; p != NULL && rc == MOSQ_ERR_SUCCESS;
	     p = reader->next(p))
		if (!is_claim(reader, p))
			rc = copy_one(reader, p, &copy);
	if (rc != MOSQ_ERR_SUCCESS) {
		mosquitto_property_free_all(&copy);
		return rc;
	}
	if (!provenance->frees_replaced)
		mosquitto_property_free_all(list);
	*list = copy;
	return MOSQ_ERR_SUCCESS;
}

/* ---- What this gateway says ---- */

static int
add_stamps(const struct trust_provenance *provenance,
    const struct trust_admission *admission, mosquitto_property **list)
{
	char thumbprint[TRUST_THUMBPRINT_TEXT];
	const char *const values[N_NAMES] = {
	    admission->verdict.device,
	    trust_thumbprint_format(
		&trust_admission_get0_certificate(admission)->thumbprint,
		thumbprint),
	    provenance->gateway,
	};
	int rc = MOSQ_ERR_SUCCESS;

	for (size_t i = 0; i < N_NAMES && rc == MOSQ_ERR_SUCCESS; i++)
		rc = mosquitto_property_add_string_pair(
		    list, MQTT_PROP_USER_PROPERTY, names[i], values[i]);
	return rc;
}

int
trust_provenance_stamp(struct trust_provenance *provenance,
    const struct trust_session *session, struct mosquitto_evt_message *message)
{
	int rc = remove_claims(provenance, &message->properties);

	if (rc != MOSQ_ERR_SUCCESS || session == NULL ||
	    session->kind != TRUST_SESSION_DEVICE)
		return rc;
	return add_stamps(provenance, session->admission, &message->properties);
}

/* Mosquitto 2.0 sends the will of a client whose id another takes over before
 * it tells that the old one is gone. Where the other is refused in the end,
 * the id is nobody's. */
static bool
is_taken_over(
    struct trust_sessions *sessions, const struct trust_session *session)
{
	const struct trust_session *holder =
	    trust_session_find_id(sessions, session->client_id);

	return holder != NULL && holder != session;
}

bool
trust_provenance_denies(const struct trust_provenance *provenance,
    struct trust_sessions *sessions, const struct trust_session *session,
    const struct mosquitto_evt_acl_check *acl)
{
	/* The source of a retained message is asked about without a version. */
	if (acl->access != MOSQ_ACL_WRITE ||
	    mosquitto_client_protocol_version(acl->client) != MQTT_5)
		return false;
	if (provenance->is_2_1)
		return has_claim(&provenance->reader, acl->properties);
	return session == NULL || session->offline ||
	       is_taken_over(sessions, session);
}
