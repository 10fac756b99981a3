/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topics: each check is answered from the session's compiled rules. Checks
 * for who has no session (retained messages, queues, late wills) are answered
 * from the registry, by the name that the broker vouches for.
 */
#include <string.h>

#include "enrollment.h"

static int
answer(bool allowed)
{
	return allowed ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}

static bool
check(struct trust_access *access, const struct mosquitto_evt_acl_check *acl)
{
	if (access == NULL)
		return false;
	switch (acl->access) {
	case MOSQ_ACL_WRITE:
		return trust_access_check_publish(
		    access, acl->topic, acl->qos, acl->retain);
	case MOSQ_ACL_READ:
		return trust_access_check_receive(access, acl->topic);
	case MOSQ_ACL_SUBSCRIBE:
		return trust_access_check_subscribe(
		    access, acl->topic, acl->qos);
	case MOSQ_ACL_UNSUBSCRIBE:
		return true;
	default:
		return false;
	}
}

/* A device that keeps trying gets one line a second. What is not delivered to
 * it is no refusal: it asked for more than it may see. */
static void
tell_refusal(struct trust_plugin *plugin, struct trust_session *session,
    const struct mosquitto_evt_acl_check *acl)
{
	const char *action =
	    acl->access == MOSQ_ACL_WRITE ? "publish to" : "subscribe to";
	int64_t now = trust_plugin_now();
	char shown[TRUST_SHOWN_MAX];

	if (acl->access != MOSQ_ACL_WRITE && acl->access != MOSQ_ACL_SUBSCRIBE)
		return;
	if (session->refused_at == now) {
		trust_refusal_count(
		    plugin->refusals, TRUST_REASON_TOPIC_NOT_ALLOWED);
		return;
	}
	session->refused_at = now;
	if (session->newcomer != NULL)
		trust_refusal_tell_client(plugin->refusals,
		    TRUST_REASON_TOPIC_NOT_ALLOWED, session->client_id, NULL,
		    session->address, "a newcomer with token %s may not %s %s",
		    session->newcomer->token, action,
		    trust_span_show(
			trust_span_of(acl->topic), shown, sizeof(shown)));
	else
		trust_refusal_tell_topic(plugin->refusals, session->admission,
		    session->client_id, action, acl->topic,
		    mosquitto_client_address(acl->client));
}

/* It has its own request and response, and the bundle, shares nothing, and
 * leaves no will. */
static bool
may_newcomer(struct trust_plugin *plugin, const struct trust_session *session,
    const struct mosquitto_evt_acl_check *acl)
{
	if (acl->access == MOSQ_ACL_SUBSCRIBE &&
	    trust_topic_unshare(acl->topic) != acl->topic)
		return false;
	if (acl->access == MOSQ_ACL_WRITE &&
	    trust_session_is_over(plugin->sessions, session))
		return false;
	return check(session->access, acl);
}

/* A device, or a newcomer. */
static int
check_governed(struct trust_plugin *plugin, struct trust_session *session,
    const struct mosquitto_evt_acl_check *acl)
{
	bool allowed = session->kind == TRUST_SESSION_NEWCOMER
			   ? may_newcomer(plugin, session, acl)
			   : check(session->access, acl);

	if (!allowed)
		tell_refusal(plugin, session, acl);
	return answer(allowed);
}

/* ---- Clients that others govern ---- */

/* What nobody but devices reaches. */
#define OURS         "trust/v1/#"
#define OUR_COMMANDS "$CONTROL/trust/#"

static bool
is_ours(const char *topic)
{
	return trust_topic_filter_matches(OURS, topic) ||
	       trust_topic_filter_matches(OUR_COMMANDS, topic);
}

/* Wider filters ("#", "$CONTROL/#") are others' business: what is ours is not
 * delivered by them. */
static bool
asks_for_ours(const char *filter)
{
	const char *inner = trust_topic_unshare(filter);

	return inner == NULL ||
	       trust_topic_filter_covers(OUR_COMMANDS, inner) ||
	       (strncmp(inner, "trust/", 6) == 0 &&
		   trust_topic_filters_overlap(OURS, inner));
}

static int
check_guest(const struct mosquitto_evt_acl_check *acl)
{
	bool ours =
	    acl->access == MOSQ_ACL_WRITE || acl->access == MOSQ_ACL_READ
		? is_ours(acl->topic)
		: asks_for_ours(acl->topic);

	return ours ? MOSQ_ERR_ACL_DENIED : MOSQ_ERR_PLUGIN_DEFER;
}

/* ---- Who has no session ---- */

/* The broker asks whether the source of a retained message may (still) write
 * there, with the source's names and nothing else. Bridges are not asked
 * about elsewhere, and here have lost the mark that they are bridges. What
 * they bring is remembered, as the configuration may be out of sight; what the
 * broker itself says for them (their state) passes no plugin. */
static bool
is_retained_of_bridge(
    struct trust_plugin *plugin, const struct mosquitto_evt_acl_check *acl)
{
	const char *id = mosquitto_client_id(acl->client);

	return acl->access == MOSQ_ACL_WRITE &&
	       mosquitto_client_address(acl->client) == NULL &&
	       (trust_broker_config_has_bridge(plugin->broker_config, id) ||
		   trust_gate_is_bridge(plugin->gate, id));
}

/* Retained messages' sources and clients restored from disk have no address:
 * their names are those that the broker has kept. */
static int
check_absent(
    struct trust_plugin *plugin, const struct mosquitto_evt_acl_check *acl)
{
	const char *id = mosquitto_client_id(acl->client);
	const char *device = mosquitto_client_username(acl->client);
	struct trust_access *access = NULL;
	enum trust_err r = TRUST_ERR_NOT_FOUND;
	bool allowed;

	if (device != NULL)
		r = trust_gate_access_by_name(
		    plugin->gate, device, id, &access, NULL);
	if (r == TRUST_OK) {
		allowed = check(access, acl);
		trust_access_free(access);
		return answer(allowed);
	}
	if (r != TRUST_ERR_NOT_FOUND || trust_gate_is_device(plugin->gate, id))
		return MOSQ_ERR_ACL_DENIED;
	if (is_retained_of_bridge(plugin, acl))
		return MOSQ_ERR_SUCCESS;
	return check_guest(acl);
}

/*
 * A client with an address was connected, and nobody asked this plugin about
 * it: with a certificate, or with a device's client id, it came in past the
 * plugin. Else it is a guest whose session has been forgotten.
 */
static bool
is_intruder(struct trust_plugin *plugin, struct mosquitto *client)
{
	X509 *leaf = mosquitto_client_certificate(client);

	X509_free(leaf);
	return leaf != NULL ||
	       trust_gate_is_device(plugin->gate, mosquitto_client_id(client));
}

static int
check_stranger(
    struct trust_plugin *plugin, const struct mosquitto_evt_acl_check *acl)
{
	if (mosquitto_client_address(acl->client) == NULL)
		return check_absent(plugin, acl);
	if (!is_intruder(plugin, acl->client))
		return check_guest(acl);
	trust_intruder_note(plugin, mosquitto_client_id(acl->client));
	return MOSQ_ERR_ACL_DENIED;
}

/* ---- Events ---- */

int
trust_access_on_acl_check(int event, void *data, void *userdata)
{
	const struct mosquitto_evt_acl_check *acl = data;
	struct trust_plugin *plugin = userdata;
	const char *id = mosquitto_client_id(acl->client);
	struct trust_session *session;

	(void)event;
	if (id == NULL || acl->topic == NULL)
		return MOSQ_ERR_ACL_DENIED;
	if (acl->access == MOSQ_ACL_WRITE)
		plugin->last_publisher = acl->client;
	session = trust_session_find(plugin->sessions, acl->client, id);
	if (plugin->provenance != NULL &&
	    trust_provenance_denies(
		plugin->provenance, plugin->sessions, session, acl))
		return MOSQ_ERR_ACL_DENIED;
	if (trust_enrollment_denies(plugin, session, acl))
		return MOSQ_ERR_ACL_DENIED;
	if (session == NULL)
		return check_stranger(plugin, acl);
	return session->kind == TRUST_SESSION_GUEST
		   ? check_guest(acl)
		   : check_governed(plugin, session, acl);
}

/* A publisher that was not asked about, and has no address. */
static bool
is_bridge(const struct mosquitto *client, bool asked)
{
	return !asked && client != NULL &&
	       mosquitto_client_id(client) != NULL &&
	       mosquitto_client_address(client) == NULL;
}

/* Comes after the check for the same message. A bridge's client id is
 * remembered for its retained messages, and what it brings is stamped where it
 * comes from. */
int
trust_access_on_message(int event, void *data, void *userdata)
{
	struct mosquitto_evt_message *message = data;
	struct trust_plugin *plugin = userdata;
	bool asked = plugin->last_publisher == message->client;
	bool enrolls = trust_enrollment_is_meant(message);
	struct trust_session *session;

	(void)event;
	plugin->last_publisher = NULL;
	if (message->client == NULL)
		return MOSQ_ERR_SUCCESS; /* a plugin's */
	if (is_bridge(message->client, asked)) {
		if (enrolls)
			return trust_enrollment_on_message(
			    plugin, NULL, message);
		if (message->retain)
			trust_gate_remember_bridge(
			    plugin->gate, mosquitto_client_id(message->client));
		return MOSQ_ERR_SUCCESS;
	}
	if (plugin->provenance == NULL && !enrolls)
		return MOSQ_ERR_SUCCESS;
	session = trust_session_find(plugin->sessions, message->client,
	    mosquitto_client_id(message->client));
	if (enrolls)
		return trust_enrollment_on_message(plugin, session, message);
	return trust_provenance_stamp(plugin->provenance, session, message);
}
