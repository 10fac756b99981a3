/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrollment on its topics.
 */
#include "enrollment.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OURS "trust-"
/* The last levels of the two topics of a client. */
#define REQUEST  "request"
#define RESPONSE "response"

static struct trust_span
payload_of(const void *payload, uint32_t len)
{
	return (struct trust_span){payload, len};
}

/* ---- Checks ---- */

/* What begins so is this gateway's word, on these topics also where nothing
 * else is stamped. A name that cannot be read may be one. */
static bool
is_claim(int identifier, const char *name)
{
	return identifier == MQTT_PROP_USER_PROPERTY &&
	       (name == NULL || strncmp(name, OURS, sizeof(OURS) - 1) == 0);
}

/* No plugin sees wills, so none is let through. With Mosquitto 2.1, where a
 * check cannot tell a will from a message, it is whatever has claims. */
static bool
denies_publication(struct trust_plugin *plugin,
    const struct trust_session *session,
    const struct mosquitto_evt_acl_check *acl)
{
	if (session == NULL || trust_session_is_over(plugin->sessions, session))
		return true;
	if (!plugin->is_2_1)
		return false;
	if (plugin->properties == NULL)
		return acl->properties != NULL; /* nobody can look at them */
	return trust_properties_have(
	    plugin->properties, acl->properties, is_claim);
}

static bool
denies_delivery(struct trust_plugin *plugin, enum trust_enroll_topic topic,
    struct trust_span client, const struct mosquitto_evt_acl_check *acl)
{
	struct trust_span payload = payload_of(acl->payload, acl->payloadlen);

	return topic == TRUST_ENROLL_TOPIC_REQUEST
		   ? !trust_pending_has_request(
			 &plugin->pendings, client, payload)
		   : !trust_pending_has_answer(&plugin->pendings, client,
			 mosquitto_client_id(acl->client), payload);
}

bool
trust_enrollment_denies(struct trust_plugin *plugin,
    const struct trust_session *session,
    const struct mosquitto_evt_acl_check *acl)
{
	struct trust_span client;
	enum trust_enroll_topic topic =
	    trust_enroll_parse_topic(acl->topic, &client);

	if (topic == TRUST_ENROLL_TOPIC_OTHER)
		return false;
	if (acl->access == MOSQ_ACL_WRITE)
		return denies_publication(plugin, session, acl);
	return acl->access == MOSQ_ACL_READ &&
	       denies_delivery(plugin, topic, client, acl);
}

/* ---- Requests ---- */

/* An answer of this gateway, where the client hears answers. */
static void
answer(struct trust_plugin *plugin, const struct trust_session *session,
    struct trust_span client, const char *asked_on,
    const struct trust_verdict *verdict)
{
	struct trust_pending *pending =
	    trust_pending_note(&plugin->pendings, client, NULL);
	bool hides = verdict->reason == TRUST_REASON_INTERNAL_ERROR;
	json_t *json =
	    json_pack("{s:s++}", "error", trust_reason_name(verdict->reason),
		": ", hides ? "see the gateway's log" : verdict->detail);
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII);
	char topic[TRUST_CLIENT_MAX + 64];

	(void)snprintf(topic, sizeof(topic), "%.*s" RESPONSE,
	    (int)(strlen(asked_on) - strlen(REQUEST)), asked_on);
	if (pending != NULL && text != NULL) {
		trust_pending_add_answer(
		    pending, session->client_id, trust_span_of(text));
		(void)mosquitto_broker_publish_copy(
		    NULL, topic, (int)strlen(text), text, 1, false, NULL);
	}
	free(text);
	json_decref(json);
}

static int
refuse(struct trust_plugin *plugin, const struct trust_session *session,
    struct trust_span client, struct trust_verdict *verdict,
    const struct mosquitto_evt_message *message)
{
	X509 *leaf = mosquitto_client_certificate(message->client);
	char why[TRUST_MESSAGE_MAX];

	answer(plugin, session, client, message->topic, verdict);
	(void)snprintf(why, sizeof(why), "%s", verdict->detail);
	(void)snprintf(verdict->detail, sizeof(verdict->detail),
	    "a request for a certificate of device %s: %.300s", session->device,
	    why);
	(void)snprintf(
	    verdict->device, sizeof(verdict->device), "%s", session->device);
	trust_refusal_tell(plugin->refusals, verdict, session->client_id, leaf,
	    session->address);
	X509_free(leaf);
	return MOSQ_ERR_ACL_DENIED;
}

/* What stays of what the client sent with it. A Response Topic would have an
 * answer sent elsewhere; what is said of the payload is not so any more. */
static bool
is_left_out(int identifier, const char *name)
{
	return identifier != MQTT_PROP_MESSAGE_EXPIRY_INTERVAL &&
	       (identifier != MQTT_PROP_USER_PROPERTY ||
		   is_claim(identifier, name));
}

static int
stamp(struct trust_plugin *plugin, const struct trust_enrollment *enrollment,
    struct mosquitto_evt_message *message)
{
	const struct {
		const char *name, *value;
	} stamps[] = {
	    {"trust-device", enrollment->device},
	    {"trust-identity", trust_identity_name(enrollment->identity)},
	    {"trust-gateway", plugin->options.gateway},
	};
	int rc = MOSQ_ERR_SUCCESS;

	if (plugin->properties != NULL)
		rc = trust_properties_remove(
		    plugin->properties, &message->properties, is_left_out);
	else if (message->properties != NULL)
		rc = MOSQ_ERR_ACL_DENIED; /* nobody can look through them */
	for (size_t i = 0;
	     i < sizeof(stamps) / sizeof(stamps[0]) && rc == MOSQ_ERR_SUCCESS;
	     i++)
		rc = mosquitto_property_add_string_pair(&message->properties,
		    MQTT_PROP_USER_PROPERTY, stamps[i].name, stamps[i].value);
	return rc;
}

/* The broker frees what it had, and this in the end. */
static int
replace_payload(
    struct mosquitto_evt_message *message, const struct trust_buf *payload)
{
	void *copy = mosquitto_malloc(payload->len);

	if (copy == NULL)
		return MOSQ_ERR_NOMEM;
	memcpy(copy, payload->p, payload->len);
	message->payload = copy;
	message->payloadlen = (uint32_t)payload->len;
	return MOSQ_ERR_SUCCESS;
}

static bool
note_request(struct trust_plugin *plugin, const struct trust_session *session,
    struct trust_span client, const struct trust_enrollment *enrollment)
{
	struct trust_pending *pending = trust_pending_note(
	    &plugin->pendings, client, &enrollment->request.key);

	if (pending == NULL ||
	    trust_thumbprint_of(trust_buf_get0(&enrollment->request.pem),
		&pending->request) != TRUST_OK)
		return false;
	pending->waits = true;
	pending->was_told = false;
	(void)snprintf(
	    pending->device, sizeof(pending->device), "%s", enrollment->device);
	(void)snprintf(pending->client_id, sizeof(pending->client_id), "%s",
	    session->client_id);
	(void)snprintf(
	    pending->address, sizeof(pending->address), "%s", session->address);
	plugin->n_requests++;
	return true;
}

static int
pass_on(struct trust_plugin *plugin, const struct trust_session *session,
    struct trust_span client, const struct trust_enrollment *enrollment,
    struct mosquitto_evt_message *message)
{
	char shown[TRUST_SHOWN_MAX];
	int rc = stamp(plugin, enrollment, message);

	if (rc == MOSQ_ERR_SUCCESS)
		rc = replace_payload(message, &enrollment->request.pem);
	if (rc == MOSQ_ERR_SUCCESS &&
	    !note_request(plugin, session, client, enrollment))
		rc = MOSQ_ERR_ACL_DENIED;
	if (rc == MOSQ_ERR_SUCCESS)
		mosquitto_log_printf(MOSQ_LOG_NOTICE,
		    "mosquitto_trust: client %s asks for a certificate of "
		    "device %s, for a key of %s",
		    trust_span_show(trust_span_of(session->client_id), shown,
			sizeof(shown)),
		    enrollment->device, enrollment->request.key_type);
	return rc;
}

static int
on_request(struct trust_plugin *plugin, struct trust_session *session,
    struct trust_span client, struct mosquitto_evt_message *message)
{
	const struct trust_enroll_asker asker = {
	    .newcomer = session->newcomer, .admission = session->admission};
	struct trust_enrollment enrollment;
	struct trust_verdict verdict;
	int rc;

	trust_gate_decide_request(plugin->gate, &asker,
	    payload_of(message->payload, message->payloadlen),
	    trust_plugin_now(), &enrollment, &verdict);
	rc = verdict.outcome == TRUST_ALLOW
		 ? pass_on(plugin, session, client, &enrollment, message)
		 : refuse(plugin, session, client, &verdict, message);
	trust_enrollment_clear(&enrollment);
	trust_verdict_clear(&verdict);
	return rc;
}

/* ---- Responses ---- */

static void
tell_enrolled(struct trust_plugin *plugin, const struct trust_pending *pending,
    const struct trust_enroll_response *response)
{
	char hex[TRUST_THUMBPRINT_TEXT], when[TRUST_CLOCK_TEXT];
	char detail[TRUST_MESSAGE_MAX];
	const struct trust_event event = {
	    .kind = TRUST_EVENT_ENROLLED,
	    .device = pending->device,
	    .client = pending->client_id,
	    .address = pending->address,
	    .detail = detail,
	};

	(void)snprintf(detail, sizeof(detail),
	    "certificate %s, serial number %s, until %s",
	    trust_thumbprint_format(&response->thumbprint, hex),
	    response->serial, trust_clock_format(response->not_after, when));
	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: enrolled device %s: %s", pending->device, detail);
	trust_event_tell(plugin->events, &event);
}

/* The request that it answers, which waits; NULL: it may not be delivered, and
 * `msg` says why. */
static struct trust_pending *
find_asked(struct trust_plugin *plugin, struct trust_span client,
    struct trust_span bytes, struct trust_enroll_response *response,
    struct trust_message *msg)
{
	struct trust_pending *waiting, *found;

	if (trust_enroll_response_read(bytes, response, msg) != TRUST_OK)
		return NULL;
	waiting = trust_pending_find_waiting(&plugin->pendings, client);
	if (waiting == NULL) {
		(void)snprintf(msg->text, sizeof(msg->text),
		    "no request of that client waits for one");
		return NULL;
	}
	if (response->is_error)
		return waiting;
	found = trust_pending_find(&plugin->pendings, client, &response->key);
	if (found != NULL && found->waits)
		return found;
	(void)snprintf(msg->text, sizeof(msg->text),
	    "its first certificate is for another key than the one that was "
	    "asked for");
	return NULL;
}

/* Without room for the key beside the old one the certificate would be good
 * for nothing, and the old one would stay. */
static bool
accept(struct trust_plugin *plugin, struct trust_pending *pending,
    const struct trust_enroll_response *response, struct trust_message *msg)
{
	if (response->is_error) {
		pending->was_told = true;
		return true;
	}
	if (trust_gate_renew_pin(
		plugin->gate, pending->device, &response->key, msg) != TRUST_OK)
		return false;
	pending->waits = false;
	plugin->n_enrolled++;
	tell_enrolled(plugin, pending, response);
	return true;
}

static int
on_response(struct trust_plugin *plugin, const struct trust_session *session,
    struct trust_span client, const struct mosquitto_evt_message *message)
{
	struct trust_span bytes =
	    payload_of(message->payload, message->payloadlen);
	struct trust_enroll_response response;
	struct trust_message msg = {0};
	char shown[TRUST_SHOWN_MAX];
	struct trust_pending *pending =
	    find_asked(plugin, client, bytes, &response, &msg);

	if (pending != NULL && accept(plugin, pending, &response, &msg)) {
		trust_pending_add_answer(pending, pending->client_id, bytes);
		return MOSQ_ERR_SUCCESS;
	}
	mosquitto_log_printf(MOSQ_LOG_WARNING,
	    "mosquitto_trust: a response of client %s on %s is not delivered: "
	    "%s",
	    session->client_id,
	    trust_span_show(
		trust_span_of(message->topic), shown, sizeof(shown)),
	    msg.text);
	return MOSQ_ERR_ACL_DENIED;
}

/* ---- Messages ---- */

bool
trust_enrollment_is_meant(const struct mosquitto_evt_message *message)
{
	struct trust_span client;

	return trust_enroll_parse_topic(message->topic, &client) !=
	       TRUST_ENROLL_TOPIC_OTHER;
}

int
trust_enrollment_on_message(struct trust_plugin *plugin,
    struct trust_session *session, struct mosquitto_evt_message *message)
{
	struct trust_span client;
	enum trust_enroll_topic topic =
	    trust_enroll_parse_topic(message->topic, &client);

	if (session == NULL || session->access == NULL) {
		mosquitto_log_printf(MOSQ_LOG_WARNING,
		    "mosquitto_trust: a message of enrollment that came over "
		    "a bridge, or from nobody, is not passed on");
		return MOSQ_ERR_ACL_DENIED;
	}
	return topic == TRUST_ENROLL_TOPIC_REQUEST
		   ? on_request(plugin, session, client, message)
		   : on_response(plugin, session, client, message);
}
