/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sync thread: a replica between two mailboxes.
 */
#include "sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mailbox.h"
#include "plugin.h"
#include "sync_log.h"
#include "thread.h"

/* Octets that may wait for the thread: all of one request's parts, twice; and
 * some notifications, which do not come again by themselves and so are not
 * crowded out by parts that nobody here asked for. */
#define INBOX_PARTS_MAX ((size_t)2 * TRUST_REQUEST_WANT_MAX * TRUST_PART_MAX)
#define INBOX_MAX       (INBOX_PARTS_MAX + (size_t)4 * TRUST_NOTIFICATION_MAX)
/* Octets that may wait for the broker's tick. */
#define OUTBOX_MAX ((size_t)4 * 1024 * 1024)
/* How often the replica looks at the time, in milliseconds. */
#define TICK_MS 250
/* When a notification that an error (a full disk) kept from being heard is
 * heard again, in milliseconds: the bridge has acknowledged it, and it will
 * not come by itself. */
#define AGAIN_MS 5000

enum in {
	IN_NOTIFICATION,
	IN_CONTENT,
	IN_RESYNC,
};

enum out {
	OUT_REQUEST,
	OUT_REPORT,
	OUT_APPLIED,
	OUT_LOG,                                     /* plus the level */
	OUT_REFUSED = OUT_LOG + TRUST_LOG_DEBUG + 1, /* plus the reason */
};

struct trust_sync {
	struct trust_replica *replica;
	struct trust_mailbox *in, *out;
	pthread_t thread;
	bool started;
	struct trust_sync_log refusals; /* the thread's */
	/* The thread's: the last notification, if it was not heard. */
	struct trust_buf unheard;
	int64_t again_at_ms;
	char complaint[TRUST_MESSAGE_MAX]; /* the last one logged */
};

/* ---- Within the thread ---- */

static void
put_request(void *arg, struct trust_span json)
{
	struct trust_sync *sync = arg;

	(void)trust_mailbox_put(sync->out, OUT_REQUEST, json, 0);
}

static void
put_report(void *arg, struct trust_span json)
{
	struct trust_sync *sync = arg;

	(void)trust_mailbox_put(sync->out, OUT_REPORT, json, 0);
}

static bool
is_stopping(void *arg)
{
	struct trust_sync *sync = arg;

	return trust_mailbox_is_closed(sync->in);
}

static void
put_log(void *arg, enum trust_log_level level, const char *line)
{
	struct trust_sync *sync = arg;

	(void)trust_mailbox_put(
	    sync->out, OUT_LOG + (int)level, trust_span_of(line), 0);
}

static void
put_applied(void *arg, const struct trust_notification_mark *held)
{
	struct trust_sync *sync = arg;
	struct trust_message line;

	(void)trust_err_set(&line, TRUST_OK,
	    "registry is at serial %lld now, %lld records",
	    (long long)held->serial, (long long)held->n_records);
	(void)trust_mailbox_put(
	    sync->out, OUT_APPLIED, trust_span_of(line.text), 0);
}

static void
put_told(void *arg, enum trust_sync_reason reason, const char *text)
{
	struct trust_sync *sync = arg;

	(void)trust_mailbox_put(
	    sync->out, OUT_REFUSED + (int)reason, trust_span_of(text), 0);
}

/* Milliseconds of a clock that nobody sets. */
static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
put_refused(void *arg, enum trust_sync_reason reason, const char *detail)
{
	struct trust_sync *sync = arg;

	trust_sync_log_refuse(&sync->refusals, reason, detail, now_ms());
}

/* Once for each new trouble: a full disk would fill the log as well. */
static void
complain(
    struct trust_sync *sync, enum trust_err r, const struct trust_message *msg)
{
	const char *text = msg->text[0] != '\0' ? msg->text : trust_err_text(r);

	if (r == TRUST_OK || strcmp(sync->complaint, text) == 0)
		return;
	(void)snprintf(sync->complaint, sizeof(sync->complaint), "%s", text);
	put_log(sync, TRUST_LOG_ERROR, text);
}

/* Takes over the bytes. */
static void
hear(struct trust_sync *sync, struct trust_buf *bytes)
{
	struct trust_message msg = {0};
	enum trust_err r;

	r = trust_replica_notify(
	    sync->replica, trust_buf_get0(bytes), trust_plugin_now(), &msg);
	complain(sync, r, &msg);
	trust_buf_free(&sync->unheard);
	if (r == TRUST_OK) {
		sync->complaint[0] = '\0';
		trust_buf_free(bytes);
		return;
	}
	sync->unheard = *bytes; /* transferred */
	sync->again_at_ms = now_ms() + AGAIN_MS;
}

static void
hear_again(struct trust_sync *sync)
{
	struct trust_buf bytes = sync->unheard;

	if (bytes.len == 0 || now_ms() < sync->again_at_ms)
		return;
	sync->unheard = (struct trust_buf){0}; /* transferred */
	hear(sync, &bytes);
}

/* Takes over the mail's bytes. */
static void
handle(struct trust_sync *sync, struct trust_mail *mail)
{
	struct trust_message msg = {0};
	int64_t now = trust_plugin_now();
	enum trust_err r;

	if (mail->kind == IN_NOTIFICATION) {
		hear(sync, &mail->bytes);
		return;
	}
	if (mail->kind == IN_CONTENT)
		r = trust_replica_receive(
		    sync->replica, trust_buf_get0(&mail->bytes), now, &msg);
	else
		r = trust_replica_resync(sync->replica, now, &msg);
	complain(sync, r, &msg);
	trust_buf_free(&mail->bytes);
}

static void *
run(void *arg)
{
	struct trust_sync *sync = arg;
	struct trust_mail mail;

	while (!trust_mailbox_is_closed(sync->in)) {
		struct trust_message msg = {0};

		if (trust_mailbox_take(sync->in, TICK_MS, &mail))
			handle(sync, &mail);
		hear_again(sync);
		trust_sync_log_tick(&sync->refusals, now_ms());
		complain(sync,
		    trust_replica_tick(sync->replica, trust_plugin_now(), &msg),
		    &msg);
	}
	return NULL;
}

/* ---- The broker's side ---- */

static bool
start_thread(struct trust_sync *sync)
{
	sync->started = trust_thread_start(&sync->thread, run, sync);
	return sync->started;
}

enum trust_err
trust_sync_start(const struct trust_replica_config *config,
    struct trust_sync **out, struct trust_message *msg)
{
	struct trust_sync *sync = calloc(1, sizeof(*sync));
	struct trust_replica_events events = {
	    .request = put_request,
	    .report = put_report,
	    .applied = put_applied,
	    .refused = put_refused,
	    .is_stopping = is_stopping,
	    .log = {.write = put_log, .arg = sync},
	    .arg = sync,
	};
	enum trust_err r = TRUST_ERR_NOMEM;

	*out = NULL;
	if (sync == NULL)
		return r;
	sync->refusals.tell = put_told;
	sync->refusals.arg = sync;
	r = trust_mailbox_new(INBOX_MAX, &sync->in);
	if (r == TRUST_OK)
		r = trust_mailbox_new(OUTBOX_MAX, &sync->out);
	if (r == TRUST_OK)
		r = trust_replica_open(config, &events, &sync->replica, msg);
	if (r == TRUST_OK && !start_thread(sync))
		r = trust_err_set(msg, TRUST_ERR_INTERNAL,
		    "sync: the thread could not be started");
	if (r != TRUST_OK) {
		trust_sync_stop(sync);
		return r;
	}
	*out = sync;
	return TRUST_OK;
}

void
trust_sync_stop(struct trust_sync *sync)
{
	if (sync == NULL)
		return;
	if (sync->in != NULL)
		trust_mailbox_close(sync->in);
	if (sync->started)
		(void)pthread_join(sync->thread, NULL);
	trust_replica_close(sync->replica);
	trust_mailbox_free(sync->in);
	trust_mailbox_free(sync->out);
	trust_buf_free(&sync->unheard);
	free(sync);
}

/* More octets than any may have: whatever they are, they are refused, and
 * counted. */
static struct trust_span
cut(struct trust_span bytes, size_t max)
{
	if (bytes.len > max + 1)
		bytes.len = max + 1;
	return bytes;
}

bool
trust_sync_notify(struct trust_sync *sync, struct trust_span bytes)
{
	return trust_mailbox_put(
	    sync->in, IN_NOTIFICATION, cut(bytes, TRUST_NOTIFICATION_MAX), 0);
}

bool
trust_sync_receive(struct trust_sync *sync, struct trust_span bytes)
{
	return trust_mailbox_put(sync->in, IN_CONTENT,
	    cut(bytes, TRUST_PART_MAX), INBOX_MAX - INBOX_PARTS_MAX);
}

bool
trust_sync_resync(struct trust_sync *sync)
{
	return trust_mailbox_put(
	    sync->in, IN_RESYNC, (struct trust_span){NULL, 0}, 0);
}

bool
trust_sync_has_news(const struct trust_sync *sync)
{
	return trust_mailbox_has_some(sync->out);
}

static void
hand_over(
    const struct trust_sync_visitor *visitor, int kind, struct trust_span bytes)
{
	if (kind == OUT_REQUEST)
		visitor->request(visitor->arg, bytes);
	else if (kind == OUT_REPORT)
		visitor->report(visitor->arg, bytes);
	else if (kind == OUT_APPLIED)
		visitor->applied(visitor->arg, (const char *)bytes.p);
	else if (kind >= OUT_REFUSED)
		visitor->refused(visitor->arg,
		    (enum trust_sync_reason)(kind - OUT_REFUSED),
		    (const char *)bytes.p);
	else
		visitor->log(visitor->arg,
		    (enum trust_log_level)(kind - OUT_LOG),
		    (const char *)bytes.p);
}

void
trust_sync_drain(
    struct trust_sync *sync, const struct trust_sync_visitor *visitor)
{
	struct trust_mail mail;

	while (trust_mailbox_take(sync->out, 0, &mail)) {
		hand_over(visitor, mail.kind, trust_buf_get0(&mail.bytes));
		trust_buf_free(&mail.bytes);
	}
}
