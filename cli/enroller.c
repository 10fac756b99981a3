/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request for a certificate at a gateway.
 */
#include "enroller.h"

#include <stdio.h>
#include <string.h>

#include "progress.h"

#define STEP_MS 100
/* How long to wait before asking again where nobody listened: an Edge CA that
 * starts together with its devices is seconds late. */
#define RETRY_MS (5 * 1000)
/* For how long the reason of a refusal may come after the refusal. */
#define REASON_MS (10 * 1000)
/* Octets of an answer: a bundle and a chain. */
#define ANSWER_MAX (1024 * 1024)

#define TOPIC_MAX (TRUST_CLIENT_MAX + 32)

struct asking {
	const struct trust_enroller *enroller;
	struct trust_mqtt_events events;
	struct trust_mqtt *mqtt;
	char request[TOPIC_MAX];
	char response[TOPIC_MAX];
	int64_t until_ms; /* when to give up */
	int64_t retry_ms; /* when to ask again; 0: not */
	bool unheard;     /* the last time nobody listened */
	bool taken;       /* the broker has said something to the request */
	int refused;      /* the broker's code for that; 0: it has not */
	struct trust_buf *answer;
	bool done;
	enum trust_err r; /* then */
	struct trust_message *msg;
};

static void
end(struct asking *asking, enum trust_err r)
{
	asking->done = true;
	asking->r = r;
}

static void
ask(struct asking *asking)
{
	enum trust_err r = trust_mqtt_publish(asking->mqtt, asking->request,
	    asking->enroller->request, false, asking->msg);

	asking->retry_ms = 0;
	if (r != TRUST_OK)
		end(asking, r);
}

static void
on_connected(void *arg)
{
	struct asking *asking = arg;
	enum trust_err r =
	    trust_mqtt_subscribe(asking->mqtt, asking->response, asking->msg);

	if (r != TRUST_OK)
		end(asking, r);
}

/* What the gateway tells nobody whom it refuses is asked of the person. */
static enum trust_err
explain_refusal(const struct asking *asking, const char *why)
{
	const char *address = trust_mqtt_get0_address(asking->mqtt);

	if (asking->enroller->gateway->username != NULL)
		return trust_err_set(asking->msg, TRUST_ERR_CONFLICT,
		    "%s: %s; a token that is used up, over or another "
		    "gateway's wants a new one, trustctl token create",
		    address, why);
	return trust_err_set(asking->msg, TRUST_ERR_CONFLICT,
	    "%s: %s; we came as %s, is that the device of the certificate?",
	    address, why, asking->enroller->client);
}

static void
on_disconnected(void *arg, const char *why)
{
	struct asking *asking = arg;

	if (asking->done)
		return;
	if (trust_mqtt_is_refused(asking->mqtt))
		end(asking, explain_refusal(asking, why));
	else
		end(asking, trust_err_set(asking->msg, TRUST_ERR_IO, "%s: %s",
				trust_mqtt_get0_address(asking->mqtt), why));
}

/* The answer would go past us if we asked before. */
static void
on_subscribed(void *arg, bool granted)
{
	struct asking *asking = arg;

	if (granted)
		ask(asking);
	else
		end(asking,
		    trust_err_set(asking->msg, TRUST_ERR_CONFLICT,
			"%s: want to read %s, the gateway refuses; is the MQTT "
			"client id the device's?",
			trust_mqtt_get0_address(asking->mqtt),
			asking->response));
}

/* The gateway says why on the topic of answers, and the broker its code before
 * that. */
static void
on_published(void *arg, int reason)
{
	struct asking *asking = arg;

	if (asking->done)
		return;
	asking->taken = true;
	asking->unheard = reason == TRUST_MQTT_NO_SUBSCRIBERS;
	if (asking->unheard)
		asking->retry_ms = trust_progress_now_ms() + RETRY_MS;
	if (reason < TRUST_MQTT_REFUSED)
		return;
	asking->refused = reason;
	if (asking->until_ms > trust_progress_now_ms() + REASON_MS)
		asking->until_ms = trust_progress_now_ms() + REASON_MS;
}

/* Newcomers with one token share the topic: what comes before the broker has
 * taken our request, and a certificate after it was refused, is another's. */
static bool
is_ours(const struct asking *asking, const struct trust_mqtt_message *message)
{
	const struct trust_span *payload = &message->payload;

	if (message->retained || !asking->taken ||
	    strcmp(message->topic, asking->response) != 0)
		return false;
	return asking->refused == 0 || (payload->len > 0 && *payload->p == '{');
}

static void
on_message(void *arg, const struct trust_mqtt_message *message)
{
	struct asking *asking = arg;

	if (asking->done || !is_ours(asking, message))
		return;
	if (message->payload.len > ANSWER_MAX)
		end(asking, trust_err_set(asking->msg, TRUST_ERR_CONFLICT,
				"want an answer of at most %d octets, got %zu",
				ANSWER_MAX, message->payload.len));
	else
		end(asking, trust_buf_add(asking->answer, message->payload.p,
				message->payload.len));
}

static enum trust_err
give_up(const struct asking *asking)
{
	char time[TRUST_CLOCK_TEXT];

	if (asking->refused != 0)
		return trust_err_set(asking->msg, TRUST_ERR_CONFLICT,
		    "%s: the gateway refuses what is sent to %s (0x%02x); "
		    "its log says why",
		    trust_mqtt_get0_address(asking->mqtt), asking->request,
		    (unsigned)asking->refused);
	return trust_err_set(asking->msg, TRUST_ERR_IO,
	    "%s: want an answer within %s, got none%s",
	    trust_mqtt_get0_address(asking->mqtt),
	    trust_duration_format(asking->enroller->timeout_s, time),
	    asking->unheard ? "; no Edge CA is connected there" : "");
}

enum trust_err
trust_enroller_ask(const struct trust_enroller *enroller, struct trust_buf *out,
    struct trust_message *msg)
{
	struct asking asking = {
	    .enroller = enroller, .answer = out, .msg = msg};
	enum trust_err r = TRUST_ERR_INTERNAL;

	asking.events = (struct trust_mqtt_events){
	    .connected = on_connected,
	    .disconnected = on_disconnected,
	    .subscribed = on_subscribed,
	    .message = on_message,
	    .published = on_published,
	    .arg = &asking,
	};
	asking.until_ms = trust_progress_now_ms() + enroller->timeout_s * 1000;
	(void)snprintf(asking.request, TOPIC_MAX, "trust/v1/enroll/%s/request",
	    enroller->client);
	(void)snprintf(asking.response, TOPIC_MAX,
	    "trust/v1/enroll/%s/response", enroller->client);
	r = trust_mqtt_open(
	    enroller->gateway, &asking.events, &asking.mqtt, msg);
	if (r != TRUST_OK)
		return r;
	while (!asking.done && trust_progress_now_ms() < asking.until_ms) {
		trust_mqtt_run(asking.mqtt, STEP_MS);
		if (!asking.done && asking.retry_ms != 0 &&
		    trust_progress_now_ms() >= asking.retry_ms)
			ask(&asking);
	}
	r = asking.done ? asking.r : give_up(&asking);
	asking.done = true;
	trust_mqtt_close(asking.mqtt);
	return r;
}
