/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is retained, against what was published.
 */
#include "retained.h"

#include <string.h>

void
trust_retained_clear(struct trust_retained *retained)
{
	trust_buf_free(&retained->heard);
	trust_buf_free(&retained->sent);
	*retained = (struct trust_retained){0};
}

static bool
is_same(const struct trust_buf *buf, struct trust_span der)
{
	return buf->len == der.len && der.len > 0 &&
	       memcmp(buf->p, der.p, der.len) == 0;
}

struct trust_span
trust_retained_get0_out(const struct trust_retained *retained)
{
	return trust_buf_get0(
	    retained->sent.len > 0 ? &retained->sent : &retained->heard);
}

void
trust_retained_send(
    struct trust_retained *retained, struct trust_buf *der, int64_t now_ms)
{
	trust_buf_free(&retained->sent);
	retained->sent = *der;
	*der = (struct trust_buf){0}; /* transferred */
	if (!retained->waiting)
		retained->give_up_ms = 0;
	retained->waiting = true;
	retained->passed_on = false;
	retained->disturbed = false;
	retained->ask_ms = now_ms;
	retained->wait_ms = TRUST_RETAINED_ASK_MS;
}

/* ---- What comes ---- */

/* What was published is what is retained, and what came last; unless another
 * came meanwhile, and the broker has to be asked once more. */
static enum trust_retained_news
confirm(struct trust_retained *retained)
{
	if (retained->disturbed) {
		retained->disturbed = false;
		return TRUST_RETAINED_NOTHING_NEW;
	}
	trust_buf_free(&retained->heard);
	retained->heard = retained->sent;
	retained->sent = (struct trust_buf){0}; /* transferred */
	retained->waiting = false;
	return TRUST_RETAINED_CONFIRMED;
}

/* More than a notification may have is refused by everybody; nothing of it is
 * kept. */
static enum trust_err
replace(struct trust_retained *retained, struct trust_span der)
{
	trust_buf_free(&retained->sent);
	retained->waiting = false;
	retained->heard.len = 0;
	if (der.len > TRUST_NOTIFICATION_MAX)
		return TRUST_OK;
	return trust_buf_add(&retained->heard, der.p, der.len);
}

enum trust_err
trust_retained_hear(struct trust_retained *retained, struct trust_span der,
    bool is_retained, enum trust_retained_news *news)
{
	bool is_ours = is_same(&retained->sent, der);

	*news = TRUST_RETAINED_NOTHING_NEW;
	if (is_ours && is_retained) {
		*news = confirm(retained);
		return TRUST_OK;
	}
	if (retained->waiting && !is_retained) {
		retained->passed_on |= is_ours;
		retained->disturbed |= !is_ours;
		return TRUST_OK;
	}
	/* What was there before is there still. */
	if (is_ours || is_same(&retained->heard, der))
		return TRUST_OK;
	*news = TRUST_RETAINED_ANOTHER;
	return replace(retained, der);
}

/* ---- Asking ---- */

bool
trust_retained_ask(struct trust_retained *retained, int64_t now_ms)
{
	if (!retained->waiting || retained->asking || now_ms < retained->ask_ms)
		return false;
	retained->asking = true;
	return true;
}

void
trust_retained_answer(
    struct trust_retained *retained, bool granted, int64_t now_ms)
{
	retained->asking = false;
	retained->denied = !granted;
	/* The broker has taken what came before the question. */
	if (retained->give_up_ms == 0)
		retained->give_up_ms = now_ms + TRUST_RETAINED_PATIENCE_MS;
	retained->ask_ms = now_ms + retained->wait_ms;
	retained->wait_ms *= 2;
}

static const char *
find_reason(const struct trust_retained *retained)
{
	if (retained->denied)
		return "the broker does not let this client subscribe any "
		       "more, so nobody knows; look at its access rules";
	if (retained->passed_on)
		return "the broker passed it on and does not retain it; look "
		       "at whether it keeps retained messages, and lets this "
		       "client retain";
	if (retained->heard.len > 0)
		return "got what was there before; the broker's access rules "
		       "may not let this client publish it, look at them and "
		       "at the broker's log";
	return "got nothing; the broker's access rules may not let this client "
	       "publish it, or not read it back, look at them and at the "
	       "broker's log";
}

bool
trust_retained_give_up(struct trust_retained *retained, const char *topic,
    int64_t now_ms, struct trust_message *msg)
{
	if (!retained->waiting || retained->give_up_ms == 0 ||
	    now_ms < retained->give_up_ms)
		return false;
	retained->waiting = false;
	(void)trust_err_set(msg, TRUST_ERR_IO,
	    "%s: want the broker to retain what is published, %s", topic,
	    find_reason(retained));
	return true;
}
