/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CONNECT: the verdict of the handshake is looked at again, the client id is
 * bound to the device, the username is set, and a session opens. Clients
 * without a certificate or a pre-shared key of ours are newcomers or guests.
 */
#include <stdio.h>
#include <string.h>

#include "plugin.h"

/* ---- Clients with a certificate, or with a key ---- */

/* What a client proved in its handshake to have; borrowed. NULL: nothing that
 * is of use here. */
struct proof {
	X509 *leaf;                     /* its certificate */
	struct trust_admission *by_key; /* or its pre-shared key's admission */
};

static struct proof
find_proof(
    struct trust_plugin *plugin, const struct mosquitto *client, X509 *leaf)
{
	return (struct proof){
	    .leaf = leaf,
	    .by_key = leaf == NULL
			  ? trust_handshake_psk_get0(plugin->psk, client)
			  : NULL,
	};
}

static bool
is_proved(const struct proof *proof)
{
	return proof->leaf != NULL || proof->by_key != NULL;
}

/* The admission of a client: what the handshake gave it, if that still holds;
 * else a decision from the leaf alone. NULL on a denial. */
static struct trust_admission *
find_admission(struct trust_plugin *plugin, const struct proof *proof,
    struct trust_verdict *verdict)
{
	struct trust_admission *given = proof->by_key, *fresh = NULL;
	X509 *leaf = proof->leaf;

	if (given == NULL)
		given = trust_handshake_get0_admission(plugin->handshake, leaf);
	if (given != NULL)
		trust_gate_review(plugin->gate, given, trust_plugin_now(),
		    false, &fresh, verdict);
	else
		trust_gate_decide(plugin->gate, leaf, NULL, trust_plugin_now(),
		    verdict, &fresh, NULL);
	return fresh;
}

/* If the client id is that of a device's session that is connected. A guest
 * may have it where no record of the device says that it is one. */
static void
tell_takeover(struct trust_plugin *plugin, const struct mosquitto *client,
    const struct trust_admission *admission)
{
	const struct trust_session *old = trust_session_find_id(
	    plugin->sessions, mosquitto_client_id(client));

	if (old != NULL && trust_session_is_live(old) && old->client != client)
		trust_session_event_tell_takeover(
		    plugin, old, admission, mosquitto_client_address(client));
}

/* If it came with a key that a token was spent on, its newcomers have nothing
 * to do here any more. */
static void
finish_enrollment(
    struct trust_plugin *plugin, const struct trust_session *session)
{
	struct trust_message msg = {0};
	bool any;

	if (trust_gate_finish_enrollment(
		plugin->gate, session->admission, &any, &msg) != TRUST_OK)
		trust_plugin_log(NULL, TRUST_LOG_ERROR, msg.text);
	else if (any)
		trust_sessions_await_device(plugin->sessions, session->device);
}

static void
note_arrival(struct trust_plugin *plugin, const struct mosquitto *client)
{
	struct trust_session *session =
	    trust_session_find_client(plugin->sessions, client);
	const char *address = mosquitto_client_address(client);

	plugin->n_allowed++;
	trust_session_note_arrival(session, address, trust_plugin_now());
	trust_gate_note_seen(
	    plugin->gate, session->admission, address, session->since);
	trust_session_event_tell_connected(plugin, session);
	finish_enrollment(plugin, session);
}

/* The device is remembered now, or its first key: others may have come with
 * its client ids, or its other sessions with other keys. A copy of its name,
 * because reviews renew admissions. */
static void
review_others(struct trust_plugin *plugin, const struct mosquitto *client)
{
	const struct trust_session *session =
	    trust_session_find_client(plugin->sessions, client);
	char device[TRUST_ID_MAX + 1];

	(void)snprintf(device, sizeof(device), "%s",
	    trust_admission_get0_verdict(session->admission)->device);
	trust_review_device(plugin, device);
}

/* Takes over the admission. */
static int
open_session(struct trust_plugin *plugin, struct mosquitto *client, X509 *leaf,
    struct trust_admission *admission)
{
	const struct trust_verdict *verdict =
	    trust_admission_get0_verdict(admission);
	const char *id = mosquitto_client_id(client);
	struct trust_access *access = NULL;
	struct trust_message msg = {0};
	bool pinned = false, came;

	if (trust_gate_access(plugin->gate, admission, id, &access, &msg) !=
		TRUST_OK ||
	    mosquitto_set_username(client, verdict->device) !=
		MOSQ_ERR_SUCCESS ||
	    trust_gate_pin(plugin->gate, admission, &pinned, &msg) !=
		TRUST_OK) {
		trust_refusal_tell_client(plugin->refusals,
		    TRUST_REASON_INTERNAL_ERROR, id, leaf,
		    mosquitto_client_address(client),
		    "the session could not be set up: %s",
		    msg.text[0] != '\0' ? msg.text : "out of memory");
		trust_access_free(access);
		trust_admission_free(admission);
		return MOSQ_ERR_AUTH;
	}
	came = trust_gate_remember_device(plugin->gate, admission);
	tell_takeover(plugin, client, admission);
	if (trust_session_open(plugin->sessions, client, id,
		TRUST_SESSION_DEVICE, admission, access) != TRUST_OK) {
		trust_refusal_tell_client(plugin->refusals,
		    TRUST_REASON_INTERNAL_ERROR, id, leaf,
		    mosquitto_client_address(client), "out of memory");
		return MOSQ_ERR_AUTH;
	}
	note_arrival(plugin, client);
	if (pinned || came)
		review_others(plugin, client);
	return MOSQ_ERR_SUCCESS;
}

static void
tell_refused(struct trust_plugin *plugin, const struct mosquitto *client,
    const struct proof *proof, const struct trust_verdict *verdict)
{
	const char *id = mosquitto_client_id(client);
	const char *address = mosquitto_client_address(client);

	if (proof->by_key != NULL)
		trust_refusal_tell_psk(plugin->refusals, verdict, id,
		    trust_admission_get0_identity(proof->by_key), address);
	else
		trust_refusal_tell(
		    plugin->refusals, verdict, id, proof->leaf, address);
}

static int
connect_device(struct trust_plugin *plugin, struct mosquitto *client,
    const struct proof *proof)
{
	struct trust_admission *admission;
	struct trust_verdict verdict;
	int rc = MOSQ_ERR_AUTH;

	admission = find_admission(plugin, proof, &verdict);
	trust_decide_client_id(&verdict, mosquitto_client_id(client), NULL);
	if (admission != NULL && verdict.outcome == TRUST_ALLOW) {
		rc = open_session(plugin, client, proof->leaf, admission);
	} else {
		tell_refused(plugin, client, proof, &verdict);
		trust_admission_free(admission);
	}
	trust_verdict_clear(&verdict);
	return rc;
}

/* ---- Clients without ---- */

/* A durable client that was restored from disk has no address and never was
 * connected to this process; the broker vouches for its names. */
static bool
is_restored_device(struct trust_plugin *plugin, const struct mosquitto *client)
{
	const char *device = mosquitto_client_username(client);
	struct trust_access *access = NULL;
	bool known;

	if (mosquitto_client_address(client) != NULL || device == NULL)
		return false;
	known = trust_gate_access_by_name(plugin->gate, device,
		    mosquitto_client_id(client), &access, NULL) == TRUST_OK;
	trust_access_free(access);
	return known;
}

/* It came over a listener with TLS, where option client_certificates asked it
 * for one: nobody else governs those. */
static int
refuse_without(struct trust_plugin *plugin, const struct mosquitto *client)
{
	trust_refusal_tell_client(plugin->refusals, TRUST_REASON_NO_CERTIFICATE,
	    mosquitto_client_id(client), NULL, mosquitto_client_address(client),
	    "it was asked for a certificate and sent none");
	return MOSQ_ERR_AUTH;
}

static int
connect_without(
    struct trust_plugin *plugin, const struct mosquitto_evt_basic_auth *auth)
{
	if (auth->username == NULL || !trust_enroll_is_newcomer(auth->username))
		return refuse_without(plugin, auth->client);
	return trust_newcomer_connect(
	    plugin, auth->client, auth->username, auth->password);
}

/* Whoever listens on the way has the secret, too. */
static bool
is_token_in_the_clear(const struct trust_plugin *plugin,
    const struct mosquitto_evt_basic_auth *auth)
{
	return plugin->options.optional_certificates &&
	       auth->username != NULL &&
	       trust_enroll_is_newcomer(auth->username);
}

static int
refuse_in_the_clear(struct trust_plugin *plugin, const struct mosquitto *client)
{
	trust_refusal_tell_client(plugin->refusals, TRUST_REASON_TOKEN_INVALID,
	    mosquitto_client_id(client), NULL, mosquitto_client_address(client),
	    "a token came without TLS, where others may have read its secret; "
	    "make another one, and use a listener with TLS");
	return MOSQ_ERR_AUTH;
}

/* ---- Events ---- */

/* Where it is that of the connection: Mosquitto 2.1 may have it from a proxy.
 */
static const char *
find_peer(const struct trust_plugin *plugin, const struct mosquitto *client)
{
	return plugin->is_2_1 ? NULL : mosquitto_client_address(client);
}

/* Whether it is read over TLS, where it was asked for a certificate. */
static bool
may_be_read(const struct trust_plugin *plugin, const struct mosquitto *client)
{
	return trust_handshake_reads_any(
	    plugin->reads, find_peer(plugin, client));
}

static bool
is_same_key(
    const struct trust_session *session, const struct trust_admission *by_key)
{
	const char *identity =
	    trust_admission_get0_identity(session->admission);

	return identity != NULL &&
	       strcmp(identity, trust_admission_get0_identity(by_key)) == 0;
}

static bool
is_same_proof(const struct trust_session *session, const struct proof *proof)
{
	const struct trust_certificate *certificate =
	    trust_admission_get0_certificate(session->admission);
	struct trust_thumbprint thumbprint;

	if (proof->leaf == NULL)
		return is_same_key(session, proof->by_key);
	return certificate != NULL &&
	       trust_certificate_thumbprint(proof->leaf, &thumbprint) ==
		   TRUST_OK &&
	       trust_thumbprint_equal(&certificate->thumbprint, &thumbprint);
}

/*
 * Whether a client that is asked about during a reload may have sent a CONNECT
 * just now: it is not known as one that is connected. One that is away has
 * kept its pointer, or is no more and a new client lies there, with the same
 * id if it likes; but nobody has subscriptions before his CONNECT. Where ticks
 * come, the broker reads nothing between the two, but with libwebsockets.
 */
static bool
may_be_new(const struct trust_plugin *plugin, const struct mosquitto *client,
    const struct trust_session *session)
{
	if (plugin->ticks && (plugin->is_2_1 || mosquitto_client_protocol(
						    client) != mp_websockets))
		return false;
	return mosquitto_client_address(client) != NULL &&
	       mosquitto_client_sub_count(client) == 0 &&
	       (session == NULL || session->offline);
}

/*
 * On SIGHUP the broker asks again for every client, also for those that are
 * away. What changed for them is the tick's business: a client that is away
 * must not be refused, for Mosquitto 2.0 would disconnect it a second time.
 */
static bool
is_asked_again(struct trust_plugin *plugin, struct mosquitto *client,
    const struct proof *proof, int *answer)
{
	const struct trust_session *session;

	/* Where a CONNECT is being read, it is that one that is asked about. */
	if (trust_tick_is_reloading(plugin) && may_be_read(plugin, client))
		return false;
	if (!trust_tick_is_reloading(plugin)) {
		trust_tick_look(plugin);
		return false;
	}
	session = trust_session_find(
	    plugin->sessions, client, mosquitto_client_id(client));
	if (may_be_new(plugin, client, session))
		return false;
	if (session == NULL) {
		*answer = is_restored_device(plugin, client)
			      ? MOSQ_ERR_SUCCESS
			      : MOSQ_ERR_PLUGIN_DEFER;
		return !is_proved(proof);
	}
	*answer = session->kind == TRUST_SESSION_GUEST ? MOSQ_ERR_PLUGIN_DEFER
						       : MOSQ_ERR_SUCCESS;
	if (!is_proved(proof))
		return session->offline ||
		       session->kind != TRUST_SESSION_DEVICE;
	return trust_session_is_live(session) && is_same_proof(session, proof);
}

static int
decide(struct trust_plugin *plugin, const struct mosquitto_evt_basic_auth *auth,
    const struct proof *proof)
{
	int rc;

	if (is_asked_again(plugin, auth->client, proof, &rc))
		return rc;
	if (is_proved(proof))
		return connect_device(plugin, auth->client, proof);
	if (may_be_read(plugin, auth->client)) {
		rc = connect_without(plugin, auth);
		if (rc == MOSQ_ERR_SUCCESS)
			trust_handshake_reads_settle(
			    plugin->reads, find_peer(plugin, auth->client));
		return rc;
	}
	if (is_token_in_the_clear(plugin, auth))
		return refuse_in_the_clear(plugin, auth->client);
	return trust_guest_connect(plugin, auth->client);
}

int
trust_connect_on_basic_auth(int event, void *data, void *userdata)
{
	struct mosquitto_evt_basic_auth *auth = data;
	struct trust_plugin *plugin = userdata;
	struct proof proof;
	X509 *leaf;
	int rc;

	(void)event;
	if (mosquitto_client_id(auth->client) == NULL)
		return MOSQ_ERR_AUTH;
	leaf = mosquitto_client_certificate(auth->client);
	proof = find_proof(plugin, auth->client, leaf);
	rc = decide(plugin, auth, &proof);
	trust_handshake_reads_forget(plugin->reads);
	X509_free(leaf);
	return rc;
}

/* A certificate or a key is all that a device proves itself with; enhanced
 * authentication (MQTT 5.0 section 4.12) would go past it. For guests it is
 * one of the ways in that others decide about. */
static int
decide_enhanced(struct trust_plugin *plugin, struct mosquitto *client,
    const struct proof *proof)
{
	if (!is_proved(proof))
		return may_be_read(plugin, client)
			   ? refuse_without(plugin, client)
			   : trust_guest_connect(plugin, client);
	trust_refusal_tell_client(plugin->refusals, TRUST_REASON_NO_CERTIFICATE,
	    mosquitto_client_id(client), proof->leaf,
	    mosquitto_client_address(client),
	    "a device proves itself in its handshake, want no enhanced "
	    "authentication");
	return MOSQ_ERR_AUTH;
}

int
trust_connect_on_ext_auth(int event, void *data, void *userdata)
{
	struct mosquitto_evt_extended_auth *auth = data;
	struct trust_plugin *plugin = userdata;
	struct proof proof;
	X509 *leaf;
	int rc;

	(void)event;
	if (mosquitto_client_id(auth->client) == NULL)
		return MOSQ_ERR_AUTH;
	leaf = mosquitto_client_certificate(auth->client);
	proof = find_proof(plugin, auth->client, leaf);
	rc = decide_enhanced(plugin, auth->client, &proof);
	trust_handshake_reads_forget(plugin->reads);
	X509_free(leaf);
	return rc;
}

/* Mosquitto 2.1: tells of every client that is in, so also of one that nobody
 * asked this plugin about. The data begin as those of DISCONNECT do. */
int
trust_connect_on_connect(int event, void *data, void *userdata)
{
	const struct mosquitto_evt_disconnect *connected = data;
	struct trust_plugin *plugin = userdata;
	const char *id = mosquitto_client_id(connected->client);
	struct proof proof;
	X509 *leaf;

	(void)event;
	if (id == NULL ||
	    trust_session_find(plugin->sessions, connected->client, id) != NULL)
		return MOSQ_ERR_SUCCESS;
	leaf = mosquitto_client_certificate(connected->client);
	proof = find_proof(plugin, connected->client, leaf);
	if (is_proved(&proof) ||
	    trust_guest_check_id(plugin, id, NULL) != TRUST_ERR_NOT_FOUND)
		trust_intruder_note(plugin, id);
	X509_free(leaf);
	return MOSQ_ERR_SUCCESS;
}

/* A client that the broker refused in the end has lost its id when it goes. */
static void
forget_nameless(struct trust_plugin *plugin, const struct mosquitto *client)
{
	trust_session_close(plugin->sessions,
	    trust_session_find_client(plugin->sessions, client));
}

/*
 * The session stays until the next tick, because the will is asked about
 * after this event; that of a durable client until it comes again, for its
 * queue. With MQTT 5 nobody can tell who is durable: a clean start may go
 * with a session expiry interval.
 */
int
trust_connect_on_disconnect(int event, void *data, void *userdata)
{
	const struct mosquitto_evt_disconnect *gone = data;
	struct trust_plugin *plugin = userdata;
	const char *id = mosquitto_client_id(gone->client);
	struct trust_session *session;

	(void)event;
	if (id == NULL) {
		forget_nameless(plugin, gone->client);
		return MOSQ_ERR_SUCCESS;
	}
	session = trust_session_find(plugin->sessions, gone->client, id);
	if (session == NULL && mosquitto_client_address(gone->client) == NULL)
		trust_upstream_leave(
		    &plugin->upstream, id, trust_plugin_now_ms());
	if (session == NULL)
		return MOSQ_ERR_SUCCESS;
	if (!session->offline && !session->closing)
		trust_session_event_tell(
		    plugin, session, TRUST_EVENT_DISCONNECTED, NULL, NULL);
	if (session->admission != NULL && session->access != NULL)
		trust_gate_note_seen(plugin->gate, session->admission,
		    session->address, trust_plugin_now());
	trust_session_leave(plugin->sessions, session,
	    session->kind != TRUST_SESSION_GUEST &&
		(!mosquitto_client_clean_session(gone->client) ||
		    mosquitto_client_protocol_version(gone->client) == 5));
	return MOSQ_ERR_SUCCESS;
}
