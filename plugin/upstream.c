/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether anything comes from upstream.
 */
#include "upstream.h"

#include <stdlib.h>
#include <string.h>

void
trust_upstream_begin(struct trust_upstream *upstream, int64_t now_ms)
{
	upstream->started_ms = now_ms;
}

void
trust_upstream_clear(struct trust_upstream *upstream)
{
	free(upstream->bridge);
	upstream->bridge = NULL;
}

void
trust_upstream_hear(
    struct trust_upstream *upstream, const char *bridge, int64_t now_ms)
{
	upstream->heard_ms = now_ms;
	if (bridge == NULL)
		return;
	upstream->missing_ms = 0;
	if (upstream->bridge != NULL && strcmp(upstream->bridge, bridge) == 0)
		return;
	/* Without memory its leaving is not noticed, and the rest is. */
	free(upstream->bridge);
	upstream->bridge = strdup(bridge);
}

void
trust_upstream_leave(
    struct trust_upstream *upstream, const char *bridge, int64_t now_ms)
{
	if (upstream->bridge != NULL && upstream->missing_ms == 0 &&
	    strcmp(upstream->bridge, bridge) == 0)
		upstream->missing_ms = now_ms;
}

int64_t
trust_upstream_age(const struct trust_upstream *upstream, int64_t now_ms)
{
	return upstream->heard_ms != 0 ? (now_ms - upstream->heard_ms) / 1000
				       : -1;
}

/* ---- What tells ---- */

static bool
is_past(int64_t since_ms, int64_t now_ms)
{
	return now_ms - since_ms >= TRUST_UPSTREAM_GRACE_MS;
}

/* An origin signs anew when half of the time is over; half of the other half
 * is for lines that are down now and then. */
static int64_t
get_due(const struct trust_registry_held *held)
{
	return held->this_update +
	       (held->next_update - held->this_update) / 4 * 3;
}

/* Since when it is away, and why; 0: it is not. */
static int64_t
find_absence(const struct trust_upstream *upstream,
    const struct trust_registry_held *held, int64_t now, int64_t now_ms,
    struct trust_message *why)
{
	int64_t last_ms =
	    upstream->heard_ms != 0 ? upstream->heard_ms : upstream->started_ms;
	char due[TRUST_CLOCK_TEXT];

	if (upstream->missing_ms != 0 &&
	    is_past(upstream->missing_ms, now_ms)) {
		(void)trust_err_set(why, TRUST_OK,
		    "the bridge %s lost its connection", upstream->bridge);
		return upstream->missing_ms;
	}
	if (!is_past(last_ms, now_ms))
		return 0;
	if (upstream->heard_ms == 0) {
		(void)trust_err_set(why, TRUST_OK,
		    "nothing has come since the start; look at the bridge, "
		    "its topics, and what is retained upstream");
		return last_ms;
	}
	if (held->serial == 0) {
		if (now_ms - last_ms < TRUST_UPSTREAM_CONTENT_MS)
			return 0;
		(void)trust_err_set(why, TRUST_OK,
		    "what came is no whole registry, and nothing follows; see "
		    "that trustctl publish --follow runs, and that this "
		    "gateway may read and write its topics there");
		return last_ms;
	}
	if (now < get_due(held))
		return 0;
	(void)trust_err_set(why, TRUST_OK,
	    "want the state held signed anew by %s, got nothing; see "
	    "that trustctl publish --follow runs",
	    trust_clock_format(get_due(held), due));
	return last_ms;
}

/* ---- Telling ---- */

static void
tell_away(const struct trust_upstream *upstream,
    const struct trust_registry_held *held, int64_t now_ms, const char *why)
{
	char since[TRUST_CLOCK_TEXT], until[TRUST_CLOCK_TEXT];
	struct trust_message line;

	(void)trust_duration_format((now_ms - upstream->away_ms) / 1000, since);
	if (held->serial == 0)
		(void)trust_err_set(&line, TRUST_OK,
		    "upstream is away for %s: %s; there is no registry yet",
		    since, why);
	else
		(void)trust_err_set(&line, TRUST_OK,
		    "upstream is away for %s: %s; going on with serial %lld, "
		    "fresh until %s",
		    since, why, (long long)held->serial,
		    trust_clock_format(held->next_update, until));
	upstream->tell(upstream->arg, TRUST_LOG_WARNING, line.text);
}

static void
tell_back(const struct trust_upstream *upstream, int64_t now_ms)
{
	char since[TRUST_CLOCK_TEXT];
	struct trust_message line;

	(void)trust_err_set(&line, TRUST_OK, "upstream is back, after %s",
	    trust_duration_format((now_ms - upstream->away_ms) / 1000, since));
	upstream->tell(upstream->arg, TRUST_LOG_NOTICE, line.text);
}

void
trust_upstream_tick(struct trust_upstream *upstream,
    const struct trust_registry_held *held, int64_t now, int64_t now_ms)
{
	struct trust_message why;
	int64_t since_ms = find_absence(upstream, held, now, now_ms, &why);

	if (upstream->away == (since_ms != 0))
		return;
	upstream->away = since_ms != 0;
	if (upstream->away) {
		upstream->away_ms = since_ms;
		tell_away(upstream, held, now_ms, why.text);
	} else {
		tell_back(upstream, now_ms);
	}
}
