/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a broker retains on one topic, held against what was published there.
 * An acknowledgement says nothing: in MQTT 3.1.1 a broker sends it for what its
 * access rules drop, too. So what was published is asked for again, by another
 * subscription (MQTT 3.1.1 section 3.8.4: what is retained is sent again), and
 * counts when its octets come back. Times are milliseconds of a clock that
 * does not go back.
 */
#ifndef TRUST_RETAINED_H
#define TRUST_RETAINED_H

#include "trust.h"

/* How long after the broker has taken the first question, and how soon it is
 * asked again: then after twice as long each time. A cluster may take its time
 * to bring what is retained from one node to another. */
#define TRUST_RETAINED_PATIENCE_MS (10 * 1000)
#define TRUST_RETAINED_ASK_MS      500

/* Zeroed: nothing is known. */
struct trust_retained {
	struct trust_buf heard; /* what came last; empty: nothing */
	struct trust_buf sent;  /* published since; empty: nothing */
	bool waiting;           /* for `sent` to come back */
	bool passed_on;         /* it came, but not as what is retained */
	bool disturbed;         /* so did another, which may be retained */
	bool denied;            /* the broker refused to be asked */
	bool asking;            /* and has not answered yet */
	int64_t ask_ms;         /* not before this */
	int64_t wait_ms;        /* between the next two questions */
	int64_t give_up_ms;     /* 0: the broker has not answered yet */
};

/* Begin anew, for a new connection; or for the last time. */
void trust_retained_clear(struct trust_retained *retained);

/* What is out: what was published last, else what came last. Borrowed. */
struct trust_span trust_retained_get0_out(
    const struct trust_retained *retained);

/* Something was published. Takes over the octets; `now_ms` is the time to ask
 * for it. What was waited for before is waited for no more, and the patience
 * with the broker goes on. */
void trust_retained_send(
    struct trust_retained *retained, struct trust_buf *der, int64_t now_ms);

enum trust_retained_news {
	TRUST_RETAINED_NOTHING_NEW,
	TRUST_RETAINED_CONFIRMED, /* what was published is what is retained */
	TRUST_RETAINED_ANOTHER,   /* and came from somebody else */
};

/* A message came, marked as what is retained or not. An empty one is how a
 * retained message is taken away. While something is waited for, only what is
 * retained is news: on a slow line, copies of our own come late. */
enum trust_err trust_retained_hear(struct trust_retained *retained,
    struct trust_span der, bool is_retained,
    enum trust_retained_news *news) TRUST_MUST_CHECK;

/* Whether to subscribe again now; then the broker's answer has to be told. */
bool trust_retained_ask(struct trust_retained *retained, int64_t now_ms);
void trust_retained_answer(
    struct trust_retained *retained, bool granted, int64_t now_ms);

/* Whether what was published did not come back in time, told once; `msg` says
 * what was got instead, and why that may be. */
bool trust_retained_give_up(struct trust_retained *retained, const char *topic,
    int64_t now_ms, struct trust_message *msg);

#endif
