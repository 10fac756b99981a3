/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topic names and filters: MQTT 5.0 section 4.7.
 */
#include <stddef.h>
#include <string.h>

#include "limit.h"
#include "topic.h"

#define SHARE     "$share" /* MQTT 5.0 section 4.8.2 */
#define SHARE_LEN (sizeof(SHARE) - 1)

static size_t
count_slashes(const char *topic)
{
	size_t n = 0;

	for (const char *p = topic; *p != '\0'; p++)
		n += *p == '/';
	return n;
}

/* Not empty, and within the lengths that a broker takes. */
static bool
has_valid_size(const char *topic)
{
	size_t len = strnlen(topic, TRUST_TOPIC_MAX + 1);

	if (len == 0 || len > TRUST_TOPIC_MAX)
		return false;
	/* So few octets hold no more slashes than that. */
	return len <= TRUST_TOPIC_LEVELS_MAX ||
	       count_slashes(topic) <= TRUST_TOPIC_LEVELS_MAX;
}

bool
trust_topic_check_name(const char *topic)
{
	return has_valid_size(topic) && strpbrk(topic, "+#") == NULL;
}

static bool
is_wildcard(char c)
{
	return c == '+' || c == '#';
}

static bool
is_level_end(char c)
{
	return c == '/' || c == '\0';
}

/* What is behind the text's first level: its slash, or the end. */
static const char *
skip_level(const char *p)
{
	return p + strcspn(p, "/");
}

static bool
is_shared(const char *filter)
{
	return strncmp(filter, SHARE, SHARE_LEN) == 0 &&
	       is_level_end(filter[SHARE_LEN]);
}

bool
trust_topic_check_filter(const char *filter)
{
	if (!has_valid_size(filter) || is_shared(filter))
		return false;
	for (const char *p = filter; *p != '\0'; p++) {
		if (!is_wildcard(*p))
			continue;
		if (p > filter && p[-1] != '/')
			return false;
		if (!is_level_end(p[1]) || (*p == '#' && p[1] != '\0'))
			return false;
	}
	return true;
}

/*
 * Walk a filter along a topic name, or along another filter, of which each
 * level has to be within the first one's.
 */
static bool
walk(const char *outer, const char *inner)
{
	const char *start = inner;

	if (*inner == '$' && is_wildcard(*outer))
		return false;
	for (;;) {
		if (*outer == '#')
			return true;
		/* # matches the level above it, too; but above those of "#"
		 * and "/#" there is no topic. */
		if (*inner == '#')
			return inner - start <= 1 && strcmp(outer, "+/#") == 0;
		if (*outer == '+') {
			outer++;
			inner = skip_level(inner);
		}
		while (!is_level_end(*outer) && *outer == *inner) {
			outer++;
			inner++;
		}
		if (!is_level_end(*outer) || !is_level_end(*inner))
			return false;
		/* "a/#" matches "a": section 4.7.1.2. */
		if (*inner == '\0')
			return *outer == '\0' || strcmp(outer, "/#") == 0;
		if (*outer == '\0')
			return false;
		outer++;
		inner++;
	}
}

bool
trust_topic_filter_matches(const char *filter, const char *topic)
{
	return walk(filter, topic);
}

bool
trust_topic_filter_covers(const char *outer, const char *inner)
{
	return walk(outer, inner);
}

/* One level of both that some text matches: skipped. */
static bool
meet(const char **a, const char **b)
{
	size_t a_len = strcspn(*a, "/");
	size_t b_len = strcspn(*b, "/");
	bool same = **a == '+' || **b == '+' ||
		    (a_len == b_len && memcmp(*a, *b, a_len) == 0);

	*a += a_len;
	*b += b_len;
	return same;
}

/* The rest of a filter behind a level at which the other one ends. Where that
 * level is the whole topic it must not be empty. */
static bool
may_end(const char *rest, size_t n_levels, bool is_empty)
{
	if (*rest == '\0')
		return true;
	return strcmp(rest, "/#") == 0 && !(n_levels == 1 && is_empty);
}

bool
trust_topic_filters_overlap(const char *a, const char *b)
{
	if ((*a == '$' && is_wildcard(*b)) || (*b == '$' && is_wildcard(*a)))
		return false;
	for (size_t n_levels = 1;; n_levels++) {
		bool is_empty = is_level_end(*a) || is_level_end(*b);

		if (*a == '#' || *b == '#')
			return true;
		if (!meet(&a, &b))
			return false;
		if (*a == '\0' || *b == '\0')
			return may_end(*a == '\0' ? b : a, n_levels, is_empty);
		a++;
		b++;
	}
}

const char *
trust_topic_unshare(const char *filter)
{
	const char *name;
	const char *end;

	if (!is_shared(filter))
		return filter;
	if (filter[SHARE_LEN] == '\0')
		return NULL;
	name = filter + SHARE_LEN + 1;
	end = skip_level(name);
	if (end == name || *end == '\0' || end[1] == '\0')
		return NULL;
	for (const char *p = name; p < end; p++) {
		if (is_wildcard(*p))
			return NULL;
	}
	return end + 1;
}

bool
trust_topic_is_reserved(const char *topic)
{
	static const char ours[] = "trust";

	if (*topic == '$')
		return true;
	return strncmp(topic, ours, sizeof(ours) - 1) == 0 &&
	       is_level_end(topic[sizeof(ours) - 1]);
}
