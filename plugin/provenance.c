/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User properties of messages: what others claim, and what this gateway says.
 */
#include "provenance.h"

#include <stdlib.h>
#include <string.h>

#include "broker.h"

#define MQTT_5 5

static const char *const names[] = {
    "trust-device", "trust-thumbprint", "trust-gateway"};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

struct trust_provenance {
	const char *gateway;
	const struct trust_properties *properties;
	bool is_2_1;
};

enum trust_err
trust_provenance_new(const char *gateway, bool is_2_1,
    const struct trust_properties *properties, struct trust_provenance **out)
{
	struct trust_provenance *provenance = calloc(1, sizeof(*provenance));

	*out = provenance;
	if (provenance == NULL)
		return TRUST_ERR_NOMEM;
	provenance->gateway = gateway;
	provenance->properties = properties;
	provenance->is_2_1 = is_2_1;
	return TRUST_OK;
}

void
trust_provenance_free(struct trust_provenance *provenance)
{
	free(provenance);
}

/* What others claim. What cannot be read is a claim, too. */
static bool
is_claim(int identifier, const char *name)
{
	bool claim = name == NULL;

	if (identifier != MQTT_PROP_USER_PROPERTY)
		return false;
	for (size_t i = 0; i < N_NAMES && !claim; i++)
		claim = strcmp(name, names[i]) == 0;
	return claim;
}

/* ---- What this gateway says ---- */

static int
add_stamps(const struct trust_provenance *provenance,
    const struct trust_admission *admission, mosquitto_property **list)
{
	const struct trust_certificate *certificate =
	    trust_admission_get0_certificate(admission);
	char thumbprint[TRUST_THUMBPRINT_TEXT];
	const char *const values[N_NAMES] = {
	    admission->verdict.device,
	    certificate != NULL
		? trust_thumbprint_format(&certificate->thumbprint, thumbprint)
		: NULL,
	    provenance->gateway,
	};
	int rc = MOSQ_ERR_SUCCESS;

	for (size_t i = 0; i < N_NAMES && rc == MOSQ_ERR_SUCCESS; i++)
		if (values[i] != NULL)
			rc = mosquitto_property_add_string_pair(
			    list, MQTT_PROP_USER_PROPERTY, names[i], values[i]);
	return rc;
}

int
trust_provenance_stamp(struct trust_provenance *provenance,
    const struct trust_session *session, struct mosquitto_evt_message *message)
{
	int rc = trust_properties_remove(
	    provenance->properties, &message->properties, is_claim);

	if (rc != MOSQ_ERR_SUCCESS || session == NULL ||
	    session->kind != TRUST_SESSION_DEVICE)
		return rc;
	return add_stamps(provenance, session->admission, &message->properties);
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
		return trust_properties_have(
		    provenance->properties, acl->properties, is_claim);
	return session == NULL || trust_session_is_over(sessions, session);
}
