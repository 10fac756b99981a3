/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher. After each connect it listens to what is retained, before it
 * signs anything; then it publishes when the registry changes, when what is
 * out grows old, and when somebody else has published.
 */
#include "publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "gateways.h"
#include "progress.h"
#include "upkeep.h"

/* How long to run the network before the next look at the registry. */
#define STEP_MS 100
/* How long a retained notification may be on its way after the broker has
 * taken the last of the subscriptions. */
#define LISTEN_MS 1000
/* How long to wait after a publication: changes that come in a row are one
 * serial, and nobody who writes to the topic keeps us signing. */
#define PAUSE_MS 250
/* How long one publication may take, up to the broker's acknowledgement. */
#define ONCE_MS (60 * 1000)
/* Parts on their way to the broker. */
#define WINDOW 16

#define TOPIC_MAX (TRUST_ID_MAX + 32)

/* The topics of sync.md; the first three are subscribed to, in this order. */
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
	bool ready;           /* what is retained is known */
	int64_t ready_ms;     /* when it counts as known; 0: not yet asked */
	struct trust_buf out; /* the notification that is out; empty: none */
	bool is_news;         /* and came from somebody else */
	/* What is published, and of which state of the registry. */
	struct trust_notification *present;
	int64_t generation;
	struct trust_upkeep *upkeep; /* NULL: not under way */
	bool published;              /* at least once */
	int64_t next_ms;             /* not before this */
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

static void
subscribe_next(struct trust_publisher *p)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (p->n_subscribed == N_SUBSCRIPTIONS) {
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
		printf("%s: connected again\n", p->broker->host);
	p->lost = false;
	p->out.len = 0;
	p->n_subscribed = 0;
	p->ready_ms = 0;
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
		trust_output_error("%s: %s", p->broker->host, why);
		end(p, TRUST_EXIT_ERROR);
		return;
	}
	p->lost = true;
	trust_output_error("%s: %s; trying again in %s", p->broker->host, why,
	    trust_duration_format(
		trust_mqtt_wait_ms(p->mqtt) / 1000 + 1, wait));
}

static void
on_subscribed(void *arg, bool granted)
{
	struct trust_publisher *p = arg;

	if (!granted) {
		trust_output_error("%s: want to subscribe to %s, the broker "
				   "refuses",
		    p->broker->host, p->topics[p->n_subscribed]);
		end(p, TRUST_EXIT_ERROR);
		return;
	}
	p->n_subscribed++;
	subscribe_next(p);
}

/* ---- What arrives ---- */

/* An empty one is how a retained message is taken away. */
static void
take_notification(struct trust_publisher *p, struct trust_span der)
{
	struct trust_span out = trust_buf_get0(&p->out);

	if (der.len == out.len && der.len > 0 &&
	    memcmp(der.p, out.p, der.len) == 0)
		return;
	p->is_news = true;
	p->out.len = 0;
	if (der.len <= TRUST_NOTIFICATION_MAX &&
	    trust_buf_add(&p->out, der.p, der.len) != TRUST_OK)
		end_with(p, TRUST_ERR_NOMEM, &(struct trust_message){0});
}

static void
take_request(struct trust_publisher *p, struct trust_span text)
{
	struct trust_request request;

	if (!p->follow || trust_request_parse(text, &request, NULL) != TRUST_OK)
		return;
	if (strcmp(request.scope, p->signing->scope) == 0)
		trust_answers_ask(
		    p->answers, &request, trust_progress_now_ms());
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
on_message(void *arg, const char *topic, struct trust_span payload)
{
	static void (*const take[N_SUBSCRIPTIONS])(
	    struct trust_publisher * p, struct trust_span payload) = {
	    [NOTIFICATION] = take_notification,
	    [REQUEST] = take_request,
	    [REPORT] = take_report,
	};
	struct trust_publisher *p = arg;

	for (int i = 0; i < N_SUBSCRIPTIONS; i++) {
		if (strcmp(topic, p->topics[i]) == 0)
			take[i](p, payload);
	}
}

/* ---- Publishing ---- */

/* Signed again when half of the time is over. */
static bool
is_due(const struct trust_notification *n, int64_t now)
{
	return now >= n->this_update + (n->next_update - n->this_update) / 2;
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

static void
print_published(const struct trust_notification *n)
{
	char until[TRUST_CLOCK_TEXT];

	printf("scope %s: published serial %" PRId64 ", %" PRId64
	       " records, fresh until %s\n",
	    n->scope, n->serial, n->n_records,
	    trust_clock_format(n->next_update, until));
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
	trust_buf_free(&p->out);
	p->out = der;
	p->published = true;
	if (p->follow)
		print_published(n);
	return TRUST_OK;
}

/* Read what is out; what no gateway takes is not in the way. */
static enum trust_err
read_out(struct trust_publisher *p, struct trust_notification **out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	if (p->out.len == 0)
		return TRUST_OK;
	r = trust_signing_read(p->signing, trust_buf_get0(&p->out), out, msg);
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
	if (p->published && is_current(out, n)) {
		p->present = out;
		out = NULL; /* transferred */
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
	return generation != p->generation;
}

/* Another process that writes for long is waited for, in --follow. */
static void
follow_where_due(struct trust_publisher *p)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (trust_progress_now_ms() < p->next_ms)
		return;
	if (p->present != NULL && !p->is_news && !has_changed(p) &&
	    !is_due(p->present, trust_options_now()))
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

/* Where it is over. */
static void
end_upkeep(struct trust_publisher *p)
{
	struct trust_message msg = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (p->upkeep == NULL || !trust_upkeep_is_over(p->upkeep))
		return;
	r = trust_upkeep_end(p->upkeep, &msg);
	p->upkeep = NULL;
	if (r != TRUST_OK)
		end_with(p, r, &msg);
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
	    (p->out.len == 0 && trust_progress_now_ms() < p->ready_ms))
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
	if (p->follow) {
		follow_where_due(p);
		if (!p->done)
			answer(p);
		trust_gateways_tick(p->gateways, trust_options_now());
	} else if (!p->published) {
		follow_where_due(p);
	} else if (p->upkeep == NULL &&
		   trust_mqtt_count_unacknowledged(p->mqtt) == 0) {
		print_published(p->present);
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
	p->events = (struct trust_mqtt_events){
	    on_connected, on_disconnected, on_subscribed, on_message, p};
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
	trust_buf_free(&publisher->out);
	free(publisher);
}
