/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher. After each connect it listens to what is retained, before it
 * signs anything; then it publishes when the registry changes, when what is
 * out grows old, and when somebody else has published. Published is what the
 * broker gives back as retained.
 */
#include "publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "gateways.h"
#include "progress.h"
#include "retained.h"
#include "upkeep.h"

/* How long to run the network before the next look at the registry. */
#define STEP_MS 100
/* How long a retained notification may be on its way after the broker has
 * taken the last of the subscriptions. */
#define LISTEN_MS 1000
/* How long to wait after a publication: changes that come in a row are one
 * serial, and nobody who writes to the topic keeps us signing. */
#define PAUSE_MS 250
/* How soon to publish again what the broker did not retain: twice as long
 * after each time. */
#define RETRY_MIN_MS (10 * 1000)
#define RETRY_MAX_MS (5 * 60 * 1000)
/* How long a gateway that reports less than what is out may take to show that
 * it knows better, and how long after the last reminder comes the next. */
#define REMIND_WAIT_MS  (30 * 1000)
#define REMIND_PAUSE_MS (60 * 1000)
/* How long one publication may take, up to the broker's answers. */
#define ONCE_MS (60 * 1000)
/* Parts on their way to the broker. */
#define WINDOW 16

#define TOPIC_MAX (TRUST_ID_MAX + 32)

/* The topics of sync.md. The first is subscribed to, and the first three where
 * gateways are answered; in this order. */
enum topic {
	NOTIFICATION,
	REQUEST,
	REPORT,
	N_SUBSCRIPTIONS,
	CONTENT = N_SUBSCRIPTIONS,
	N_TOPICS,
};

struct trust_publisher {
	struct trust_signing *signing;
	const struct trust_mqtt_options *broker;
	bool follow;
	char topics[N_TOPICS][TOPIC_MAX];
	struct trust_mqtt_events events;
	struct trust_mqtt *mqtt;
	struct trust_answers *answers;
	struct trust_gateways *gateways;
	bool lost; /* the connection, and told so */
	/* Of this connection. */
	int n_subscribed;
	bool ready;       /* what is retained is known */
	int64_t ready_ms; /* when it counts as known; 0: not yet asked */
	struct trust_retained retained;
	bool is_news;     /* what is retained is somebody else's */
	int64_t retry_ms; /* ours was not retained; 0: no such thing */
	/* What is published, and of which state of the registry. */
	struct trust_notification *present;
	int64_t generation;
	struct trust_upkeep *upkeep; /* NULL: not under way */
	bool published;              /* at least once */
	bool unconfirmed;            /* and not seen to be retained */
	int64_t retry_wait_ms;       /* after the next failure */
	int64_t next_ms;             /* not before this */
	/* Gateways that do not know what is out. */
	int64_t remind_ms;   /* are reminded then; 0: there are none */
	int64_t reminded_ms; /* were reminded last; 0: never */
	/* How it ends. */
	bool done;
	int status;
};

static void
end(struct trust_publisher *p, int status)
{
	p->done = true;
	p->status = status;
}

static void
end_with(struct trust_publisher *p, enum trust_err r,
    const struct trust_message *msg)
{
	(void)trust_output_failure(r, msg);
	end(p, r == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO : TRUST_EXIT_ERROR);
}

/* ---- The connection ---- */

static int
count_subscriptions(const struct trust_publisher *p)
{
	return p->follow ? N_SUBSCRIPTIONS : NOTIFICATION + 1;
}

static void
subscribe_next(struct trust_publisher *p)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (p->n_subscribed == count_subscriptions(p)) {
		p->ready_ms = trust_progress_now_ms() + LISTEN_MS;
		return;
	}
	r = trust_mqtt_subscribe(p->mqtt, p->topics[p->n_subscribed], &msg);
	if (r != TRUST_OK)
		end_with(p, r, &msg);
}

static void
on_connected(void *arg)
{
	struct trust_publisher *p = arg;

	if (p->lost)
		printf(
		    "%s: connected again\n", trust_mqtt_get0_address(p->mqtt));
	p->lost = false;
	trust_retained_clear(&p->retained);
	p->n_subscribed = 0;
	p->ready_ms = 0;
	p->retry_ms = 0;
	subscribe_next(p);
}

static void
on_disconnected(void *arg, const char *why)
{
	struct trust_publisher *p = arg;
	char wait[TRUST_CLOCK_TEXT];

	p->ready = false;
	p->ready_ms = 0;
	if (!p->follow) {
		trust_output_error(
		    "%s: %s", trust_mqtt_get0_address(p->mqtt), why);
		end(p, TRUST_EXIT_ERROR);
		return;
	}
	p->lost = true;
	trust_output_error("%s: %s; trying again in %s",
	    trust_mqtt_get0_address(p->mqtt), why,
	    trust_duration_format(
		trust_mqtt_wait_ms(p->mqtt) / 1000 + 1, wait));
}

static void
on_subscribed(void *arg, bool granted)
{
	struct trust_publisher *p = arg;

	if (p->ready) {
		trust_retained_answer(
		    &p->retained, granted, trust_progress_now_ms());
		return;
	}
	if (!granted) {
		trust_output_error("%s: want to subscribe to %s, the broker "
				   "refuses; look at its access rules",
		    trust_mqtt_get0_address(p->mqtt),
		    p->topics[p->n_subscribed]);
		end(p, TRUST_EXIT_ERROR);
		return;
	}
	p->n_subscribed++;
	subscribe_next(p);
}

/* ---- What arrives ---- */

static void
print_published(const struct trust_notification *n)
{
	char until[TRUST_CLOCK_TEXT];

	printf("scope %s: published serial %" PRId64 ", %" PRId64
	       " records, fresh until %s\n",
	    n->scope, n->serial, n->n_records,
	    trust_clock_format(n->next_update, until));
}

/* What is present is what the broker retains. */
static void
confirm(struct trust_publisher *p)
{
	if (p->unconfirmed)
		print_published(p->present);
	p->unconfirmed = false;
	p->retry_ms = 0;
	p->retry_wait_ms = RETRY_MIN_MS;
}

static void
take_notification(
    struct trust_publisher *p, struct trust_span der, bool is_retained)
{
	enum trust_retained_news news;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_retained_hear(&p->retained, der, is_retained, &news);
	if (r != TRUST_OK)
		end_with(p, r, &(struct trust_message){0});
	else if (news == TRUST_RETAINED_CONFIRMED)
		confirm(p);
	else if (news == TRUST_RETAINED_ANOTHER)
		p->is_news = true;
}

static void
take_request(struct trust_publisher *p, struct trust_span text)
{
	struct trust_request request;

	if (!p->follow || trust_request_parse(text, &request, NULL) != TRUST_OK)
		return;
	if (strcmp(request.scope, p->signing->scope) != 0)
		return;
	trust_gateways_request(p->gateways, &request);
	trust_answers_ask(p->answers, &request, trust_progress_now_ms());
}

static void
take_report(struct trust_publisher *p, struct trust_span text)
{
	struct trust_report report;

	if (!p->follow || p->present == NULL ||
	    trust_report_parse(text, &report, NULL) != TRUST_OK)
		return;
	if (strcmp(report.scope, p->signing->scope) != 0)
		return;
	trust_gateways_report(
	    p->gateways, &report, p->present, trust_options_now());
	if (strcmp(report.session, p->present->session) == 0 &&
	    report.serial == p->present->serial)
		trust_answers_satisfy(
		    p->answers, report.gateway, trust_progress_now_ms());
}

static void
on_message(void *arg, const struct trust_mqtt_message *message)
{
	struct trust_publisher *p = arg;

	if (strcmp(message->topic, p->topics[NOTIFICATION]) == 0)
		take_notification(p, message->payload, message->retained);
	else if (strcmp(message->topic, p->topics[REQUEST]) == 0)
		take_request(p, message->payload);
	else if (strcmp(message->topic, p->topics[REPORT]) == 0)
		take_report(p, message->payload);
}

/* ---- Publishing ---- */

/* Signed again when half of the time is over. */
static bool
is_due(const struct trust_notification *n, int64_t now)
{
	return now >= n->this_update + (n->next_update - n->this_update) / 2;
}

static bool
is_retry_due(const struct trust_publisher *p)
{
	return p->retry_ms != 0 && trust_progress_now_ms() >= p->retry_ms;
}

/* Whether what is out says what we would say. */
static bool
is_current(
    const struct trust_notification *out, const struct trust_notification *n)
{
	return out != NULL && strcmp(out->session, n->session) == 0 &&
	       out->serial == n->serial &&
	       out->mass_removal == n->mass_removal &&
	       !is_due(out, trust_options_now());
}

static enum trust_err
publish(struct trust_publisher *p, const struct trust_notification *n,
    struct trust_message *msg)
{
	struct trust_buf der = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_signing_sign(p->signing, n, &der, msg);
	if (r == TRUST_OK)
		r = trust_mqtt_publish(p->mqtt, p->topics[NOTIFICATION],
		    trust_buf_get0(&der), true, msg);
	if (r != TRUST_OK) {
		trust_buf_free(&der);
		return r;
	}
	trust_retained_send(&p->retained, &der, trust_progress_now_ms());
	p->published = true;
	p->unconfirmed = true;
	p->retry_ms = 0;
	return TRUST_OK;
}

/* Read what is out; what no gateway takes is not in the way. */
static enum trust_err
read_out(struct trust_publisher *p, struct trust_notification **out,
    struct trust_message *msg)
{
	struct trust_span der = trust_retained_get0_out(&p->retained);
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	if (der.len == 0)
		return TRUST_OK;
	r = trust_signing_read(p->signing, der, out, msg);
	if (r == TRUST_OK && *out == NULL)
		trust_output_error("%s: replacing what is retained there: %s",
		    p->topics[NOTIFICATION], msg->text);
	return r;
}

/* Bring what is out up to the registry. */
static enum trust_err
follow(struct trust_publisher *p, struct trust_message *msg)
{
	struct trust_notification *out = NULL;
	struct trust_notification *n = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = read_out(p, &out, msg);
	if (r != TRUST_OK)
		goto out;
	/* Before the update: what changes behind it is looked at again. */
	r = trust_registry_get_generation(
	    p->signing->registry, &p->generation, msg);
	if (r != TRUST_OK)
		goto out;
	r = trust_signing_update(p->signing, out, &n, msg);
	if (r != TRUST_OK)
		goto out;
	if (p->upkeep == NULL)
		r = trust_upkeep_start(p->signing->registry_path,
		    p->signing->scope, &p->upkeep, msg);
	if (r != TRUST_OK || n == NULL)
		goto out;
	trust_notification_free(p->present);
	if (p->published && !is_retry_due(p) && is_current(out, n)) {
		p->present = out;
		out = NULL; /* transferred */
		if (p->retained.sent.len == 0)
			confirm(p);
	} else {
		p->present = n;
		n = NULL; /* transferred */
		r = publish(p, p->present, msg);
	}
out:
	trust_notification_free(out);
	trust_notification_free(n);
	return r;
}

static bool
has_changed(struct trust_publisher *p)
{
	struct trust_message msg = {0};
	int64_t generation;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_get_generation(
	    p->signing->registry, &generation, &msg);
	if (r != TRUST_OK)
		end_with(p, r, &msg);
	return r == TRUST_OK && generation != p->generation;
}

/* Another process that writes for long is waited for, in --follow. */
static void
follow_where_due(struct trust_publisher *p)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (trust_progress_now_ms() < p->next_ms)
		return;
	if (p->present != NULL && !p->is_news && !is_retry_due(p) &&
	    !has_changed(p) && !is_due(p->present, trust_options_now()))
		return;
	p->is_news = false;
	r = follow(p, &msg);
	p->next_ms = trust_progress_now_ms() + PAUSE_MS;
	if (r == TRUST_ERR_BUSY && p->follow) {
		(void)trust_output_failure(r, &msg);
		p->is_news = true;
	} else if (r != TRUST_OK) {
		end_with(p, r, &msg);
	}
}

/* ---- Reminding ---- */

static bool
is_reminder_due(struct trust_publisher *p, int64_t now_ms)
{
	if (!trust_gateways_are_behind(p->gateways)) {
		p->remind_ms = 0;
		return false;
	}
	if (p->remind_ms == 0)
		p->remind_ms = now_ms + REMIND_WAIT_MS;
	return now_ms >= p->remind_ms && !p->unconfirmed &&
	       (p->reminded_ms == 0 ||
		   now_ms >= p->reminded_ms + REMIND_PAUSE_MS);
}

/* Pass on once more what is out, the same octets. Nodes of a cluster may each
 * retain only what was published at them: a gateway that comes to another one
 * is not given what it missed. */
static void
remind(struct trust_publisher *p)
{
	struct trust_span der = trust_retained_get0_out(&p->retained);
	int64_t now_ms = trust_progress_now_ms();
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (der.len == 0 || !is_reminder_due(p, now_ms))
		return;
	trust_gateways_remind(p->gateways);
	p->remind_ms = 0;
	p->reminded_ms = now_ms;
	r = trust_mqtt_publish(
	    p->mqtt, p->topics[NOTIFICATION], der, true, &msg);
	if (r != TRUST_OK)
		end_with(p, r, &msg);
}

/* ---- Reading back ---- */

static void
give_up(struct trust_publisher *p, const struct trust_message *msg)
{
	char wait[TRUST_CLOCK_TEXT];

	if (!p->follow) {
		trust_output_error(
		    "%s: %s", trust_mqtt_get0_address(p->mqtt), msg->text);
		end(p, TRUST_EXIT_ERROR);
		return;
	}
	trust_output_error("%s: %s; trying again in %s",
	    trust_mqtt_get0_address(p->mqtt), msg->text,
	    trust_duration_format(p->retry_wait_ms / 1000, wait));
	p->retry_ms = trust_progress_now_ms() + p->retry_wait_ms;
	p->retry_wait_ms = 2 * p->retry_wait_ms < RETRY_MAX_MS
			       ? 2 * p->retry_wait_ms
			       : RETRY_MAX_MS;
}

/* Ask for what was published, until it is there or time is up. */
static void
read_back(struct trust_publisher *p)
{
	int64_t now_ms = trust_progress_now_ms();
	const char *topic = p->topics[NOTIFICATION];
	struct trust_message msg = {0};
	enum trust_err r = TRUST_OK;

	if (trust_retained_give_up(&p->retained, topic, now_ms, &msg)) {
		give_up(p, &msg);
		return;
	}
	if (trust_retained_ask(&p->retained, now_ms))
		r = trust_mqtt_subscribe(p->mqtt, topic, &msg);
	if (r != TRUST_OK)
		end_with(p, r, &msg);
}

/* ---- Upkeep ---- */

/* Where it is over. What another process that writes for long kept from it
 * is begun again by the next look at the registry. */
static void
end_upkeep(struct trust_publisher *p)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (p->upkeep == NULL || !trust_upkeep_is_over(p->upkeep))
		return;
	r = trust_upkeep_end(p->upkeep, &msg);
	p->upkeep = NULL;
	if (r == TRUST_ERR_BUSY && p->follow) {
		(void)trust_output_failure(r, &msg);
		p->is_news = true;
	} else if (r != TRUST_OK) {
		end_with(p, r, &msg);
	}
}

/* ---- Answering ---- */

static void
answer(struct trust_publisher *p)
{
	struct trust_thumbprint sha256;
	struct trust_message msg = {0};
	enum trust_err r = TRUST_OK;
	struct trust_buf part;

	while (
	    r == TRUST_OK &&
	    trust_mqtt_count_unacknowledged(p->mqtt) < WINDOW &&
	    trust_answers_take(p->answers, trust_progress_now_ms(), &sha256)) {
		r = trust_publication_part(p->signing->registry,
		    p->signing->scope, &sha256, &part, &msg);
		trust_answers_charge(p->answers, part.len);
		if (r == TRUST_OK)
			r = trust_mqtt_publish(p->mqtt, p->topics[CONTENT],
			    trust_buf_get0(&part), false, &msg);
		else if (r == TRUST_ERR_NOT_FOUND)
			r = TRUST_OK;
		trust_buf_free(&part);
	}
	if (r != TRUST_OK)
		end_with(p, r, &msg);
}

/* ---- The whole of it ---- */

static void
become_ready(struct trust_publisher *p)
{
	if (p->ready_ms == 0 ||
	    (trust_retained_get0_out(&p->retained).len == 0 &&
		trust_progress_now_ms() < p->ready_ms))
		return;
	p->ready = true;
	p->is_news = true;
}

static void
step(struct trust_publisher *p)
{
	trust_mqtt_run(p->mqtt, STEP_MS);
	end_upkeep(p);
	if (!p->ready)
		become_ready(p);
	if (p->done || !p->ready)
		return;
	if (p->follow || !p->published || p->is_news)
		follow_where_due(p);
	if (!p->done)
		read_back(p);
	if (p->done)
		return;
	if (p->follow) {
		answer(p);
		remind(p);
		trust_gateways_tick(p->gateways, trust_options_now());
	} else if (p->published && !p->unconfirmed && p->upkeep == NULL) {
		printf("its content goes to gateways only while somebody "
		       "answers them: trustctl publish --follow\n");
		end(p, TRUST_EXIT_YES);
	}
}

int
trust_publisher_run(
    struct trust_publisher *publisher, const volatile sig_atomic_t *stop)
{
	int64_t deadline = trust_progress_now_ms() + ONCE_MS;

	while (!publisher->done && *stop == 0) {
		step(publisher);
		if (publisher->upkeep != NULL)
			deadline = trust_progress_now_ms() + ONCE_MS;
		if (publisher->done || publisher->follow ||
		    trust_progress_now_ms() < deadline)
			continue;
		trust_output_error("%s: want an answer within %d s, got none",
		    publisher->broker->host, ONCE_MS / 1000);
		end(publisher, TRUST_EXIT_ERROR);
	}
	return publisher->status;
}

enum trust_err
trust_publisher_open(struct trust_signing *signing,
    const struct trust_mqtt_options *broker, bool follow_it,
    struct trust_publisher **out, struct trust_message *msg)
{
	static const char *const names[N_TOPICS] = {
	    [NOTIFICATION] = "notification",
	    [REQUEST] = "request",
	    [REPORT] = "report",
	    [CONTENT] = "content",
	};
	struct trust_publisher *p = calloc(1, sizeof(*p));
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	if (p == NULL)
		return TRUST_ERR_NOMEM;
	p->signing = signing;
	p->broker = broker;
	p->follow = follow_it;
	p->retry_wait_ms = RETRY_MIN_MS;
	p->events = (struct trust_mqtt_events){
	    .connected = on_connected,
	    .disconnected = on_disconnected,
	    .subscribed = on_subscribed,
	    .message = on_message,
	    .arg = p,
	};
	for (int i = 0; i < N_TOPICS; i++)
		snprintf(p->topics[i], TOPIC_MAX, "trust/v1/%s/%s",
		    signing->scope, names[i]);
	r = trust_answers_new(&p->answers);
	if (r == TRUST_OK)
		r = trust_gateways_new(&p->gateways);
	if (r == TRUST_OK)
		r = trust_mqtt_open(broker, &p->events, &p->mqtt, msg);
	if (r != TRUST_OK)
		goto out;
	*out = p;
	p = NULL; /* transferred */
out:
	trust_publisher_close(p);
	return r;
}

void
trust_publisher_close(struct trust_publisher *publisher)
{
	struct trust_message msg = {0};

	if (publisher == NULL)
		return;
	trust_mqtt_close(publisher->mqtt);
	(void)!trust_upkeep_end(publisher->upkeep, &msg);
	trust_answers_free(publisher->answers);
	trust_gateways_free(publisher->gateways);
	trust_notification_free(publisher->present);
	trust_retained_clear(&publisher->retained);
	free(publisher);
}
