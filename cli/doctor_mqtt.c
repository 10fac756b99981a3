/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor speaks MQTT, with libmosquitto as most sensors do: CONNECT, in
 * both versions of the protocol, and a subscription to the device's own
 * topics.
 */
#include <errno.h>
#include <mosquitto.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "progress.h"

#define KEEPALIVE_S 60
#define STEP_MS     100
/* How long to wait for the end of a connection that we close. */
#define CLOSE_MS 1000

/* Codes of CONNACK: MQTT 3.1.1 section 3.2.2.3, MQTT 5 section 3.2.2.2. */
#define V3_IDENTIFIER_REJECTED 2
#define V3_NOT_AUTHORIZED      5
#define V5_FIRST               0x80
#define V5_CLIENT_ID_NOT_VALID 0x85
#define V5_NOT_AUTHORIZED      0x87

/* One connection. */
struct visit {
	struct mosquitto *mosquitto;
	bool answered; /* CONNACK came, with: */
	int code;
	bool granted, denied;     /* the subscription */
	int error;                /* of libmosquitto, when it ended */
	struct trust_message why; /* what libmosquitto complained of last */
};

/* ---- Called by libmosquitto ---- */

static void
on_connect(struct mosquitto *mosquitto, void *arg, int code)
{
	struct visit *visit = arg;

	(void)mosquitto;
	visit->answered = true;
	visit->code = code;
}

static void
on_subscribe(
    struct mosquitto *mosquitto, void *arg, int id, int n, const int *granted)
{
	struct visit *visit = arg;

	(void)mosquitto;
	(void)id;
	/* MQTT 3.1.1 section 3.9.3: from 0x80 on it is a failure. */
	visit->granted = n == 1 && granted[0] < 0x80;
	visit->denied = !visit->granted;
}

static void
on_log(struct mosquitto *mosquitto, void *arg, int level, const char *line)
{
	struct visit *visit = arg;
	const char *reason = strrchr(line, ':');

	(void)mosquitto;
	/* "OpenSSL Error[0]: error:NUMBER:LIBRARY::REASON" */
	if (level == MOSQ_LOG_ERR)
		(void)trust_err_set(&visit->why, TRUST_OK, "%s",
		    strncmp(line, "OpenSSL ", 8) == 0 && reason != NULL
			? reason + 1
			: line);
}

/* Instead of a question on the terminal. */
static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return 0;
}

/* ---- One connection ---- */

static bool
prepare(struct visit *visit, const char *id, int version)
{
	visit->error = MOSQ_ERR_SUCCESS;
	visit->mosquitto = mosquitto_new(id, true, visit);
	if (visit->mosquitto == NULL)
		return false;
	mosquitto_log_callback_set(visit->mosquitto, on_log);
	mosquitto_connect_callback_set(visit->mosquitto, on_connect);
	mosquitto_subscribe_callback_set(visit->mosquitto, on_subscribe);
	return mosquitto_int_option(visit->mosquitto, MOSQ_OPT_TCP_NODELAY,
		   1) == MOSQ_ERR_SUCCESS &&
	       mosquitto_int_option(visit->mosquitto, MOSQ_OPT_PROTOCOL_VERSION,
		   version) == MOSQ_ERR_SUCCESS;
}

static int
connect_in_time(struct visit *visit, const char *host, int port, int timeout_s)
{
	struct trust_dial_limit limit;
	int code;

	trust_dial_limit_begin(&limit, timeout_s);
	code = mosquitto_connect(visit->mosquitto, host, port, KEEPALIVE_S);
	if (code == MOSQ_ERR_ERRNO) {
		trust_dial_restore_errno(host, port);
		(void)trust_err_set(
		    &visit->why, TRUST_OK, "%s", strerror(errno));
	}
	trust_dial_limit_end(&limit);
	return code;
}

/* Run the network until it is so, or ended, or too late. */
static bool
await(struct visit *visit, const bool *one, const bool *other, int timeout_s)
{
	int64_t deadline = trust_progress_now_ms() + (int64_t)timeout_s * 1000;

	while (!*one && !*other && visit->error == MOSQ_ERR_SUCCESS &&
	       trust_progress_now_ms() < deadline)
		visit->error = mosquitto_loop(visit->mosquitto, STEP_MS, 1);
	return *one || *other;
}

static void
leave(struct visit *visit)
{
	int64_t deadline = trust_progress_now_ms() + CLOSE_MS;

	if (visit->mosquitto == NULL)
		return;
	if (visit->answered && visit->code == 0 &&
	    mosquitto_disconnect(visit->mosquitto) == MOSQ_ERR_SUCCESS) {
		while (trust_progress_now_ms() < deadline &&
		       mosquitto_loop(visit->mosquitto, STEP_MS, 1) ==
			   MOSQ_ERR_SUCCESS)
			;
	}
	mosquitto_destroy(visit->mosquitto);
	visit->mosquitto = NULL;
}

bool
trust_doctor_hears_mqtt(const struct trust_doctor *doctor)
{
	struct visit visit = {0};
	bool answered = false;

	if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS)
		return false;
	if (prepare(&visit, NULL, MQTT_PROTOCOL_V311) &&
	    connect_in_time(&visit, doctor->reached->text, doctor->port,
		doctor->timeout_s) == MOSQ_ERR_SUCCESS)
		answered = await(&visit, &visit.answered, &visit.answered,
		    doctor->timeout_s);
	leave(&visit);
	mosquitto_lib_cleanup();
	return answered;
}

/* ---- CONNECT ---- */

static const char *
words_of(int code)
{
	const char *text = code >= V5_FIRST ? mosquitto_reason_string(code)
					    : mosquitto_connack_string(code);
	const char *colon = strstr(text, ": ");

	return colon != NULL ? colon + 2 : text;
}

static void
mend_refusal(struct trust_doctor *doctor, int code)
{
	bool by_id =
	    code == V3_IDENTIFIER_REJECTED || code == V5_CLIENT_ID_NOT_VALID;
	bool by_rights = code == V3_NOT_AUTHORIZED || code == V5_NOT_AUTHORIZED;
	char id[TRUST_SHELL_MAX];

	trust_shell_quote(doctor->own_name, "ID", id);
	if ((by_rights || by_id) && doctor->own_fits &&
	    doctor->client_id != NULL &&
	    strcmp(doctor->client_id, doctor->own_name) != 0)
		trust_findings_mend(&doctor->findings,
		    "mosquitto_pub -i %s …   # the certificate counts; the "
		    "client id has to be the device's",
		    id);
	if (by_rights && !doctor->own_fits)
		trust_findings_mend(&doctor->findings,
		    "trustctl doctor --host %s --port %d --anchor %s --cert "
		    "SENSOR.pem --key SENSOR.key",
		    doctor->words.host, doctor->port, doctor->words.anchor);
	trust_findings_mend(&doctor->findings,
	    "grep 'mosquitto_trust: refused' "
	    "/var/log/mosquitto/mosquitto.log | tail   # on the gateway: the "
	    "reason");
}

static void
tell_refusal(struct trust_doctor *doctor, const char *step, int code)
{
	/* Libmosquitto's words end like sentences. */
	const char *words = words_of(code);

	trust_findings_add(&doctor->findings, step, TRUST_RESULT_FAIL,
	    "CONNECT as %s is refused: code %s%0*X, %.*s",
	    trust_doctor_client_id(doctor) != NULL
		? trust_doctor_client_id(doctor)
		: "anybody",
	    code >= V5_FIRST ? "0x" : "", code >= V5_FIRST ? 2 : 1,
	    (unsigned)code, (int)strcspn(words, "."), words);
	mend_refusal(doctor, code);
}

static void
mend_by_log(struct trust_doctor *doctor)
{
	trust_findings_mend(&doctor->findings,
	    "tail /var/log/mosquitto/mosquitto.log   # on the gateway");
}

static void
tell_no_mqtt(struct trust_doctor *doctor, const char *step, const char *how)
{
	trust_findings_add(&doctor->findings, step, TRUST_RESULT_FAIL,
	    "%s: port %d is TLS, and maybe no MQTT: a web server, or MQTT over "
	    "WebSockets, which needs another client",
	    how, doctor->port);
	trust_findings_mend(&doctor->findings,
	    "grep -n 'listener\\|protocol' /etc/mosquitto/mosquitto.conf   # "
	    "on the gateway: which port is for MQTT without WebSockets?");
	mend_by_log(doctor);
}

static void
tell_no_answer(
    struct trust_doctor *doctor, const char *step, const struct visit *visit)
{
	char how[TRUST_SHOWN_MAX];

	if (visit->error == MOSQ_ERR_SUCCESS) {
		snprintf(how, sizeof(how), "no answer to CONNECT within %d s",
		    doctor->timeout_s);
		tell_no_mqtt(doctor, step, how);
		return;
	}
	if (visit->why.text[0] == '\0') {
		tell_no_mqtt(doctor, step,
		    visit->error == MOSQ_ERR_PROTOCOL
			? "the answer to CONNECT is no MQTT"
			: "the server hangs up on CONNECT");
		return;
	}
	trust_findings_add(&doctor->findings, step, TRUST_RESULT_FAIL,
	    "the connection ended without an answer to CONNECT: %s",
	    visit->why.text);
	mend_by_log(doctor);
}

/* ---- SUBSCRIBE ---- */

/* The device's own topics, as the built-in role has them; false: none are
 * known. */
static bool
find_topic(const struct trust_doctor *doctor, char *out, size_t size)
{
	const char *id = trust_doctor_client_id(doctor);
	char device[TRUST_ID_MAX + 1];

	if (doctor->topic != NULL)
		return snprintf(out, size, "%s", doctor->topic) < (int)size;
	return id != NULL && trust_identity_client_device(id, device) &&
	       snprintf(out, size, "devices/%s/#", device) < (int)size;
}

static void
tell_denied(struct trust_doctor *doctor, const char *topic)
{
	const char *id = trust_doctor_client_id(doctor);
	char device[TRUST_SHELL_MAX], word[TRUST_SHELL_MAX];

	trust_findings_add(&doctor->findings, "subscribe", TRUST_RESULT_WARN,
	    "it is let in, and may not subscribe to %s%s", topic,
	    doctor->topic == NULL ? "; if its role has other topics, name one "
				    "with --topic"
				  : ": no rule of its roles allows it");
	trust_findings_mend(&doctor->findings,
	    "trustctl topic -r %s %s subscribe %s   # by which rule",
	    doctor->words.registry, trust_shell_quote(id, "ID", device),
	    trust_shell_quote(topic, "TOPIC", word));
}

static void
subscribe(struct trust_doctor *doctor, struct visit *visit)
{
	char topic[TRUST_MESSAGE_MAX];

	if (!find_topic(doctor, topic, sizeof(topic)))
		return;
	visit->error = mosquitto_subscribe(visit->mosquitto, NULL, topic, 0);
	if (!await(visit, &visit->granted, &visit->denied, doctor->timeout_s)) {
		trust_findings_add(&doctor->findings, "subscribe",
		    TRUST_RESULT_FAIL, "no answer to SUBSCRIBE %s: %s", topic,
		    mosquitto_strerror(visit->error));
		mend_by_log(doctor);
	} else if (visit->granted)
		trust_findings_add(&doctor->findings, "subscribe",
		    TRUST_RESULT_OK, "it may subscribe to %s", topic);
	else
		tell_denied(doctor, topic);
}

/* ---- Both versions ---- */

/* Returns whether the next one is worth a try. */
static bool
visit_gateway(
    struct trust_doctor *doctor, const char *step, int version, bool subscribes)
{
	struct visit visit = {0};

	if (!prepare(&visit, trust_doctor_client_id(doctor), version) ||
	    mosquitto_tls_set(visit.mosquitto, doctor->anchor, NULL,
		doctor->own_fits ? doctor->cert : NULL,
		doctor->own_fits ? doctor->key : NULL,
		no_passphrase) != MOSQ_ERR_SUCCESS) {
		trust_findings_add(&doctor->findings, step, TRUST_RESULT_FAIL,
		    "libmosquitto does not take these files, or this client "
		    "id");
		leave(&visit);
		return false;
	}
	visit.error = connect_in_time(
	    &visit, doctor->host, doctor->port, doctor->timeout_s);
	(void)await(
	    &visit, &visit.answered, &visit.answered, doctor->timeout_s);
	if (!visit.answered)
		tell_no_answer(doctor, step, &visit);
	else if (visit.code != 0)
		tell_refusal(doctor, step, visit.code);
	else {
		trust_findings_add(&doctor->findings, step, TRUST_RESULT_OK,
		    "the gateway lets it in%s%s",
		    trust_doctor_client_id(doctor) != NULL ? " as " : "",
		    trust_doctor_client_id(doctor) != NULL
			? trust_doctor_client_id(doctor)
			: "");
		if (subscribes)
			subscribe(doctor, &visit);
	}
	leave(&visit);
	return visit.answered;
}

/* A step at which a sensor would have stopped; NULL: none. */
static const char *
obstacle(const struct trust_doctor *doctor)
{
	static const char *const steps[] = {
	    "chain", "trust", "names", "times", "protocol", "answer"};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (trust_findings_count(
			&doctor->findings, steps[i], TRUST_RESULT_FAIL) > 0)
			return steps[i];
	}
	return doctor->cert != NULL && !doctor->own_fits ? "certificate" : NULL;
}

enum trust_err
trust_doctor_try_mqtt(struct trust_doctor *doctor, struct trust_message *msg)
{
	const char *why = obstacle(doctor);

	if (doctor->probe.sent == NULL)
		return TRUST_OK;
	if (why != NULL || doctor->no_connect) {
		trust_findings_add(&doctor->findings, "mqtt", TRUST_RESULT_NOTE,
		    "not tried: %s%s",
		    why != NULL ? "a sensor does not get past "
				: "--no-connect",
		    why != NULL ? why : "");
		return TRUST_OK;
	}
	if (mosquitto_lib_init() != MOSQ_ERR_SUCCESS)
		return trust_err_set(msg, TRUST_ERR_NOMEM, "libmosquitto");
	if (visit_gateway(doctor, "mqtt 3.1.1", MQTT_PROTOCOL_V311, true))
		(void)visit_gateway(doctor, "mqtt 5", MQTT_PROTOCOL_V5, false);
	mosquitto_lib_cleanup();
	return TRUST_OK;
}
