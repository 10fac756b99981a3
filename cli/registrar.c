/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Edge CA at its gateway. What is issued stands in the audit file before
 * anybody hears of it; an answer that is lost costs nothing, because who asks
 * again for the same key gets another certificate.
 */
#include "registrar.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enrolled.h"
#include "ledger.h"
#include "progress.h"
#include "throttle.h"

/* How long to run the network before the next look at the clock. */
#define STEP_MS 100
/* Requests of one device: at once, and one more each minute. */
#define BURST     5
#define REFILL_MS (60 * 1000)
/* Devices that this is remembered of, 200 octets each. */
#define DEVICES_MAX 10000
/* Octets of a bundle that are passed on: a gateway delivers 256 KiB, and the
 * chain stands before it. */
#define BUNDLE_MAX (192 * 1024)

#define BUNDLE "trust/v1/bundle"

/* Subscribed to in this order: what is retained is there before the first
 * request. */
static const char *const topics[] = {
    BUNDLE,
    "trust/v1/enroll/+/request",
    "trust/v1/enroll/+/+/request",
};
#define N_TOPICS (sizeof(topics) / sizeof(topics[0]))

struct registrar {
	struct trust_registrar_options *options;
	struct trust_mqtt_options gateway; /* with MQTT 5 */
	char id[TRUST_ID_MAX + 1];         /* where the options have none */
	struct trust_mqtt_events events;
	struct trust_issuer *issuer;
	struct trust_servercert *server; /* NULL: not ours */
	struct trust_throttle *throttle;
	struct trust_mqtt *mqtt;
	struct trust_buf bundle; /* PEM; empty: the gateway has none */
	size_t n_subscribed;
	bool lost; /* the connection, and told so */
	bool done;
};

/* One request, as it came. */
struct request {
	char client[TRUST_CLIENT_MAX + 1]; /* as the topic has it */
	char *device;                      /* the gateway's word; owned */
	char *identity;
	char *gateway; /* NULL: it did not say */
	enum trust_identity form;
	EVP_PKEY *key; /* owned */
};

/* A refusal: its code, which programs read, stands before the message. */
static enum trust_err
refuse(const char *code, struct trust_message *msg)
{
	return trust_err_prefix(msg, TRUST_ERR_INPUT, "%s", code);
}

/* ---- Reading a request ---- */

/* {client} of the topic; false where it is none of ours. */
static bool
read_client(const char *topic, char out[TRUST_CLIENT_MAX + 1])
{
	struct trust_span client;

	if (trust_enroll_parse_topic(topic, &client) !=
		TRUST_ENROLL_TOPIC_REQUEST ||
	    client.len > TRUST_CLIENT_MAX)
		return false;
	memcpy(out, client.p, client.len);
	out[client.len] = '\0';
	return true;
}

static bool
read_form(const char *name, enum trust_identity *out)
{
	int i;

	for (i = 0; i < TRUST_N_IDENTITIES; i++) {
		*out = (enum trust_identity)i;
		if (strcmp(trust_identity_name(*out), name) == 0)
			return true;
	}
	return false;
}

/* Who it is for, by the gateway's word. */
static enum trust_err
read_stamp(const struct trust_mqtt_message *message, struct request *request,
    struct trust_message *msg)
{
	request->device =
	    trust_mqtt_message_get1_property(message, "trust-device");
	request->identity =
	    trust_mqtt_message_get1_property(message, "trust-identity");
	request->gateway =
	    trust_mqtt_message_get1_property(message, "trust-gateway");
	if (request->device != NULL &&
	    trust_id_check(
		(const uint8_t *)request->device, strlen(request->device)) &&
	    request->identity != NULL &&
	    read_form(request->identity, &request->form))
		return TRUST_OK;
	(void)trust_err_set(msg, TRUST_ERR_INPUT,
	    "want one trust-device and one trust-identity of the gateway's, "
	    "got none, or more");
	return refuse("not_stamped", msg);
}

/* Its key, once the sender has proved to hold it. */
static enum trust_err
read_key(struct trust_span payload, struct request *request,
    struct trust_message *msg)
{
	struct trust_enroll_request found;
	enum trust_err r = TRUST_ERR_INTERNAL;
	enum trust_reason reason;
	X509_REQ *req = NULL;
	BIO *bio = NULL;

	r = trust_enroll_request_read(payload, &found, &reason, msg);
	if (r == TRUST_ERR_INPUT)
		return refuse(trust_reason_name(reason), msg);
	if (r != TRUST_OK)
		return r;
	bio = BIO_new_mem_buf(found.pem.p, (int)found.pem.len);
	if (bio != NULL)
		req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	if (req != NULL)
		request->key = X509_REQ_get_pubkey(req);
	if (request->key == NULL)
		r = TRUST_ERR_INTERNAL;
	X509_REQ_free(req);
	BIO_free(bio);
	trust_enroll_request_clear(&found);
	return r;
}

static void
clear_request(struct request *request)
{
	free(request->device);
	free(request->identity);
	free(request->gateway);
	EVP_PKEY_free(request->key);
}

/* ---- Answering ---- */

static void
publish(struct registrar *registrar, const char *client, const char *text,
    size_t len)
{
	char topic[TRUST_CLIENT_MAX + 32];
	const struct trust_span payload = {(const uint8_t *)text, len};
	struct trust_message msg = {0};
	enum trust_err r;

	(void)snprintf(
	    topic, sizeof(topic), "trust/v1/enroll/%s/response", client);
	r = trust_mqtt_publish(registrar->mqtt, topic, payload, false, &msg);
	if (r != TRUST_OK)
		(void)trust_output_failure(r, &msg);
}

static void
answer_error(struct registrar *registrar, const struct request *request,
    enum trust_err r, const struct trust_message *msg)
{
	const char *text = msg->text[0] != '\0' ? msg->text : trust_err_text(r);
	/* What went wrong here is nothing that a device need know. */
	json_t *answer = json_pack("{s:s}", "error",
	    r == TRUST_ERR_INPUT
		? text
		: "internal_error: the Edge CA's log says why");
	struct trust_buf line = {0};

	trust_output_error("%s: refused, to client %s: %s",
	    request->device != NULL ? request->device : "a device",
	    request->client, text);
	if (answer != NULL && trust_json_encode(answer, &line) == TRUST_OK)
		publish(
		    registrar, request->client, (const char *)line.p, line.len);
	json_decref(answer);
	trust_buf_free(&line);
}

static enum trust_err
record(const struct registrar *registrar, const struct request *request,
    const struct trust_issued *issued, int64_t now, struct trust_message *msg)
{
	char time[TRUST_CLOCK_TEXT];

	return trust_ledger_write(registrar->options->audit,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s}",
		"time", trust_clock_format(now, time), "event", "issued",
		"device", request->device, "client", request->client,
		"identity", request->identity, "gateway",
		trust_json_text(request->gateway), "serial_number",
		issued->serial_number, "thumbprint", issued->thumbprint,
		"not_before", issued->not_before, "not_after",
		issued->not_after),
	    msg);
}

static enum trust_err
write_answer(
    const struct registrar *registrar, X509 *x509, struct trust_buf *out)
{
	const struct trust_buf *bundle = &registrar->bundle;
	enum trust_err r = trust_issuer_write(registrar->issuer, x509, out);

	if (r == TRUST_OK && bundle->len > 0)
		r = trust_buf_printf(out, TRUST_ENROLLED_BUNDLE);
	if (r == TRUST_OK && bundle->len > 0)
		r = trust_buf_add(out, bundle->p, bundle->len);
	return r;
}

static enum trust_err
issue(struct registrar *registrar, const struct request *request,
    struct trust_message *msg)
{
	int64_t now = trust_options_now();
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf answer = {0};
	enum trust_reason reason;
	struct trust_issued issued;
	X509 *x509 = NULL;

	r = trust_issuer_device(registrar->issuer, request->device,
	    request->form, request->key, now, &x509, &reason, msg);
	if (r == TRUST_ERR_INPUT)
		r = refuse(trust_reason_name(reason), msg);
	if (r != TRUST_OK)
		goto out;
	if ((r = trust_issuer_describe(x509, &issued)) != TRUST_OK ||
	    (r = write_answer(registrar, x509, &answer)) != TRUST_OK)
		goto out;
	r = record(registrar, request, &issued, now, msg);
	if (r != TRUST_OK)
		goto out;
	trust_output_log("%s: issued %s, until %s, to client %s",
	    request->device, issued.thumbprint, issued.not_after,
	    request->client);
	publish(registrar, request->client, (const char *)answer.p, answer.len);
out:
	X509_free(x509);
	trust_buf_free(&answer);
	return r;
}

/* Whether a device has asked too often; said once. */
static bool
is_too_often(struct registrar *registrar, const struct request *request)
{
	struct trust_message msg = {0};

	switch (trust_throttle_ask(
	    registrar->throttle, request->device, trust_progress_now_ms())) {
	case TRUST_THROTTLE_GO:
		return false;
	case TRUST_THROTTLE_STOP:
		(void)trust_err_set(&msg, TRUST_ERR_INPUT,
		    "too_many_requests: want %d at once and one a minute, got "
		    "more",
		    BURST);
		answer_error(registrar, request, TRUST_ERR_INPUT, &msg);
		return true;
	case TRUST_THROTTLE_STILL_STOP:
		return true;
	}
	return true;
}

static void
take_request(
    struct registrar *registrar, const struct trust_mqtt_message *message)
{
	struct trust_message msg = {0};
	struct request request = {0};
	enum trust_err r;

	/* One that is retained would be answered at each connect. */
	if (message->retained || !read_client(message->topic, request.client))
		return;
	r = read_stamp(message, &request, &msg);
	if (r == TRUST_OK && is_too_often(registrar, &request))
		goto out;
	if (r == TRUST_OK)
		r = read_key(message->payload, &request, &msg);
	if (r == TRUST_OK)
		r = issue(registrar, &request, &msg);
	if (r != TRUST_OK)
		answer_error(registrar, &request, r, &msg);
out:
	clear_request(&request);
}

/* What is no bundle is not passed on; that there is none any more is. */
static void
take_bundle(struct registrar *registrar, struct trust_span pem)
{
	STACK_OF(X509) *stack = NULL;
	struct trust_message msg = {0};
	enum trust_err r = TRUST_OK;

	if (pem.len > BUNDLE_MAX)
		r = trust_err_set(&msg, TRUST_ERR_INPUT,
		    "want a bundle of at most %d octets, got %zu", BUNDLE_MAX,
		    pem.len);
	else if (pem.len > 0)
		r = trust_certificate_parse_pem(pem, &stack, &msg);
	sk_X509_pop_free(stack, X509_free);
	trust_buf_free(&registrar->bundle);
	registrar->bundle = (struct trust_buf){0};
	if (r == TRUST_OK)
		r = trust_buf_add(&registrar->bundle, pem.p, pem.len);
	if (r != TRUST_OK)
		trust_output_error("%s: %s", BUNDLE,
		    msg.text[0] != '\0' ? msg.text : trust_err_text(r));
}

static void
on_message(void *arg, const struct trust_mqtt_message *message)
{
	if (strcmp(message->topic, BUNDLE) == 0)
		take_bundle(arg, message->payload);
	else
		take_request(arg, message);
	ERR_clear_error();
}

/* ---- The connection ---- */

static void
subscribe_next(struct registrar *registrar)
{
	const char *address = trust_mqtt_get0_address(registrar->mqtt);
	struct trust_message msg = {0};
	enum trust_err r;

	if (registrar->n_subscribed == N_TOPICS) {
		trust_output_log("%s: %s, answering", address,
		    registrar->lost ? "connected again" : "connected");
		registrar->lost = false;
		return;
	}
	r = trust_mqtt_subscribe(
	    registrar->mqtt, topics[registrar->n_subscribed], &msg);
	if (r != TRUST_OK) {
		(void)trust_output_failure(r, &msg);
		registrar->done = true;
	}
}

static void
on_connected(void *arg)
{
	struct registrar *registrar = arg;

	registrar->n_subscribed = 0;
	trust_buf_free(&registrar->bundle);
	registrar->bundle = (struct trust_buf){0};
	subscribe_next(registrar);
}

static void
on_disconnected(void *arg, const char *why)
{
	struct registrar *registrar = arg;
	char wait[TRUST_CLOCK_TEXT];

	registrar->lost = true;
	trust_output_error("%s: %s; trying again in %s",
	    trust_mqtt_get0_address(registrar->mqtt), why,
	    trust_duration_format(
		trust_mqtt_wait_ms(registrar->mqtt) / 1000 + 1, wait));
}

static void
on_subscribed(void *arg, bool granted)
{
	struct registrar *registrar = arg;

	if (!granted) {
		trust_output_error(
		    "%s: want to subscribe to %s, the gateway refuses; look "
		    "at the role that it has for us",
		    trust_mqtt_get0_address(registrar->mqtt),
		    topics[registrar->n_subscribed]);
		registrar->done = true;
		return;
	}
	registrar->n_subscribed++;
	subscribe_next(registrar);
}

/* With MQTT 5 a gateway says so when it does not pass an answer on. */
static void
on_published(void *arg, int reason)
{
	struct registrar *registrar = arg;

	if (reason >= TRUST_MQTT_REFUSED)
		trust_output_error(
		    "%s: an answer was refused (0x%02x); look at the role "
		    "that it has for us, and at its log",
		    trust_mqtt_get0_address(registrar->mqtt), (unsigned)reason);
}

/* ---- The whole of it ---- */

static enum trust_err
open_server(struct registrar *registrar, int64_t now, struct trust_message *msg)
{
	const struct trust_servercert_options *o = &registrar->options->server;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool wanted;

	r = trust_servercert_check(o, &wanted, msg);
	if (r != TRUST_OK || !wanted)
		return r;
	return trust_servercert_open(
	    o, registrar->issuer, now, &registrar->server, msg);
}

static enum trust_err
open_all(struct registrar *registrar, struct trust_message *msg)
{
	struct trust_registrar_options *o = registrar->options;
	int64_t now = trust_options_now();
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_issuer_open(&o->issuer, now, &registrar->issuer, msg);
	if (r == TRUST_OK)
		r = trust_throttle_new(
		    BURST, REFILL_MS, DEVICES_MAX, &registrar->throttle);
	if (r == TRUST_OK)
		r = trust_ledger_open(o->audit, msg);
	if (r == TRUST_OK)
		r = open_server(registrar, now, msg);
	if (r == TRUST_OK)
		r = trust_mqtt_open(&registrar->gateway, &registrar->events,
		    &registrar->mqtt, msg);
	return r;
}

static void
close_all(struct registrar *registrar)
{
	trust_mqtt_close(registrar->mqtt);
	trust_servercert_close(registrar->server);
	trust_throttle_free(registrar->throttle);
	trust_issuer_close(registrar->issuer);
	trust_buf_free(&registrar->bundle);
}

int
trust_registrar_run(
    struct trust_registrar_options *options, const volatile sig_atomic_t *stop)
{
	struct registrar registrar = {
	    .options = options,
	    .gateway = options->gateway,
	};
	struct trust_message msg = {0};
	int status = TRUST_EXIT_ERROR;
	enum trust_err r;

	registrar.gateway.v5 = true;
	trust_mqtt_take_id(&registrar.gateway, registrar.id);
	registrar.events = (struct trust_mqtt_events){
	    .connected = on_connected,
	    .disconnected = on_disconnected,
	    .subscribed = on_subscribed,
	    .message = on_message,
	    .published = on_published,
	    .arg = &registrar,
	};
	r = open_all(&registrar, &msg);
	if (r != TRUST_OK) {
		status = trust_output_failure(r, &msg);
		goto out;
	}
	while (!registrar.done && *stop == 0) {
		trust_mqtt_run(registrar.mqtt, STEP_MS);
		if (registrar.server != NULL)
			trust_servercert_tick(
			    registrar.server, trust_options_now());
	}
	status = registrar.done ? TRUST_EXIT_ERROR : TRUST_EXIT_YES;
out:
	close_all(&registrar);
	return status;
}
