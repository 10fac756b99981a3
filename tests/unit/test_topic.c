/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic.c: MQTT 5.0 section 4.7, in tables, against libmosquitto, and by
 * trying every topic of a small alphabet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <mosquitto.h>
#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "topic.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
names(void **state)
{
	static const char *const good[] = {"a", "/", "//", "a/b", "/a", "a/",
	    "$SYS/x", "$", "a b", "\xc3\xa4/\xe2\x82\xac", "trust", "{device}"};
	static const char *const bad[] = {
	    "", "+", "#", "a/+", "a/#", "a+", "#a", "a/b+c/d", "$SYS/#"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(trust_topic_check_name(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(trust_topic_check_name(bad[i]));
}

static void
filters(void **state)
{
	static const char *const good[] = {"a", "/", "+", "#", "+/#", "/#",
	    "/+", "+/+/+", "a/+/b", "a/#", "+//+", "$SYS/#", "$SYS/+/x",
	    "$shared/x", "$", "share/g/x"};
	static const char *const bad[] = {"", "a+", "+a", "a/b+", "a/+b/c",
	    "##", "#/", "#/a", "a#", "a/#/", "a/#/b", "a/b#", "++", "+#", "#+",
	    "/a+", "$share", "$share/", "$share/g/x", "$share/g/#"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(trust_topic_check_filter(good[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(trust_topic_check_filter(bad[i]));
}

/* What a broker would not take is not a topic here. */
static void
sizes(void **state)
{
	static char text[TRUST_TOPIC_MAX + 2];

	(void)state;
	memset(text, 'a', TRUST_TOPIC_MAX);
	assert_true(trust_topic_check_name(text));
	assert_true(trust_topic_check_filter(text));
	text[TRUST_TOPIC_MAX] = 'a';
	assert_false(trust_topic_check_name(text));
	assert_false(trust_topic_check_filter(text));

	memset(text, '/', TRUST_TOPIC_LEVELS_MAX);
	text[TRUST_TOPIC_LEVELS_MAX] = '\0';
	assert_true(trust_topic_check_name(text));
	text[TRUST_TOPIC_LEVELS_MAX] = '/';
	text[TRUST_TOPIC_LEVELS_MAX + 1] = '\0';
	assert_false(trust_topic_check_name(text));
	assert_false(trust_topic_check_filter(text));
}

static void
matches(void **state)
{
	static const struct {
		const char *filter, *topic;
		bool match;
	} cases[] = {
	    /* The examples of section 4.7. */
	    {"sport/tennis/player1/#", "sport/tennis/player1", true},
	    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
	    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon",
		true},
	    {"sport/#", "sport", true},
	    {"sport/tennis/+", "sport/tennis/player1", true},
	    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
	    {"sport/+", "sport", false},
	    {"sport/+", "sport/", true},
	    {"+/+", "/finance", true},
	    {"/+", "/finance", true},
	    {"+", "/finance", false},
	    {"#", "$SYS/x", false},
	    {"+/monitor/Clients", "$SYS/monitor/Clients", false},
	    {"$SYS/#", "$SYS/x", true},
	    {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
	    {"ACCOUNTS", "Accounts", false},
	    /* And around them. */
	    {"#", "a", true},
	    {"#", "/", true},
	    {"+", "a", true},
	    {"+/#", "a", true},
	    {"+/#", "$a", false},
	    {"$SYS/#", "$SYS", true},
	    {"$SYS/#", "$SYS2/x", false},
	    {"$SYS/#", "$sys/x", false},
	    {"a/+/c", "a//c", true},
	    {"a/+/c", "a/b/b/c", false},
	    {"a/$x", "a/$x", true},
	    {"a/+", "a/$x", true},
	    {"a/#", "ab", false},
	    {"a/#", "a/", true},
	    {"a/#", "b", false},
	    {"a/b/#", "a", false},
	    {"a", "a/", false},
	    {"a/", "a", false},
	    {"ab", "a", false},
	    {"a", "ab", false},
	    {"/", "", false},
	    {"//", "/", false},
	    {"/", "//", false},
	    {"a/+/#", "a", false},
	    {"a/+/#", "a/", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (trust_topic_filter_matches(
			cases[i].filter, cases[i].topic) != cases[i].match)
			fail_msg("%s %s", cases[i].filter, cases[i].topic);
	}
}

static void
covers(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool covers;
	} cases[] = {
	    {"#", "#", true},
	    {"#", "+", true},
	    {"#", "+/#", true},
	    /* No topic is empty, so nothing is above these #. */
	    {"+/#", "#", true},
	    {"/+/#", "/#", true},
	    {"+/+/#", "/#", true},
	    {"+/#", "+", true},
	    {"+/#", "+/#", true},
	    {"#", "a/+/b/#", true},
	    {"a/#", "a", true},
	    {"a/#", "a/#", true},
	    {"a/#", "a/+/#", true},
	    {"a/+", "a/b", true},
	    {"a/+", "a/", true},
	    {"a/+", "a/$b", true},
	    {"+/b", "+/b", true},
	    {"$SYS/#", "$SYS/+/x", true},
	    {"$SYS/#", "$SYS", true},
	    {"/#", "/", true},
	    {"+", "#", false},
	    {"+/+/#", "#", false},
	    {"/+/+/#", "/#", false},
	    {"//+/#", "//#", false},
	    {"+/+/#", "+/#", false},
	    {"#", "$SYS/#", false},
	    {"#", "$SYS", false},
	    {"+/#", "$SYS/x", false},
	    {"+", "$x", false},
	    {"$SYS/#", "#", false},
	    {"$SYS/#", "+/#", false},
	    {"$SYS/x", "+/x", false},
	    {"a/+/#", "a/#", false},
	    {"a/+", "a/#", false},
	    {"a/b", "a/+", false},
	    {"a/b", "a/#", false},
	    {"a/b/#", "a/#", false},
	    {"a/#", "#", false},
	    {"a/#", "+/#", false},
	    {"a/#", "+", false},
	    {"a", "a/#", false},
	    {"a/+", "a", false},
	    {"a", "b", false},
	    {"+", "+/+", false},
	    {"+/+", "+", false},
	    {"/#", "#", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (trust_topic_filter_covers(cases[i].outer, cases[i].inner) !=
		    cases[i].covers)
			fail_msg("%s %s", cases[i].outer, cases[i].inner);
	}
}

static void
shared(void **state)
{
	static const struct {
		const char *filter, *inner;
	} cases[] = {
	    {"a/b", "a/b"},
	    {"#", "#"},
	    {"", ""},
	    {"$share/g/a/b", "a/b"},
	    {"$share/g/#", "#"},
	    {"$share/g//", "/"},
	    {"$share/g/$SYS/#", "$SYS/#"},
	    {"$share/g/$share/h/x", "$share/h/x"},
	    {"$shared/g/a", "$shared/g/a"},
	    {"$Share/g/a", "$Share/g/a"},
	    {"share/g/a", "share/g/a"},
	    {"$share", NULL},
	    {"$share/", NULL},
	    {"$share//", NULL},
	    {"$share//a", NULL},
	    {"$share/g", NULL},
	    {"$share/g/", NULL},
	    {"$share/+/a", NULL},
	    {"$share/#/a", NULL},
	    {"$share/#", NULL},
	    {"$share/g+/a", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *inner = trust_topic_unshare(cases[i].filter);

		if (cases[i].inner == NULL)
			assert_null(inner);
		else
			assert_string_equal(inner, cases[i].inner);
	}
}

static void
reserved(void **state)
{
	static const char *const ours[] = {"$", "$SYS", "$CONTROL/trust/v1",
	    "$share/g/a", "trust", "trust/", "trust/#", "trust/v1/x",
	    "trust/+"};
	static const char *const theirs[] = {"", "/", "#", "+", "+/v1/x",
	    "/trust", "trusty", "trusty/v1", "Trust/v1", "trus", "a/trust",
	    "a/$SYS", "/$SYS"};

	(void)state;
	for (size_t i = 0; i < COUNT(ours); i++)
		assert_true(trust_topic_is_reserved(ours[i]));
	for (size_t i = 0; i < COUNT(theirs); i++)
		assert_false(trust_topic_is_reserved(theirs[i]));
}

/* ---- Generated ---- */

#define N_PAIRS 200000

/* xorshift: the same pairs on every machine. */
static unsigned
draw(uint32_t *seed, unsigned n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % n;
}

/* A text of up to `levels` levels, each of the first `n` words. */
static void
generate(uint32_t *seed, unsigned levels, unsigned n, char out[64])
{
	static const char *const words[] = {
	    "a", "b", "", "ab", "$a", "trust", "\xc3\xa4", "+", "#"};
	unsigned n_levels = 1 + draw(seed, levels);
	size_t len = 0;

	for (unsigned i = 0; i < n_levels; i++) {
		const char *word = words[draw(seed, n)];

		len += (size_t)snprintf(
		    out + len, 64 - len, "%s%s", i > 0 ? "/" : "", word);
		/* # is the last level. */
		if (*word == '#')
			break;
	}
}

static void
agrees_with_libmosquitto(void **state)
{
	uint32_t seed = 20261120;
	size_t compared = 0;
	size_t matched = 0;

	(void)state;
	while (compared < N_PAIRS) {
		char filter[64], topic[64];
		bool want = false;
		bool got;

		generate(&seed, 5, 9, filter);
		generate(&seed, 5, 7, topic);
		if (filter[0] == '\0' || topic[0] == '\0')
			continue;
		assert_true(trust_topic_check_filter(filter));
		assert_true(trust_topic_check_name(topic));
		assert_int_equal(mosquitto_sub_topic_check(filter), 0);
		assert_int_equal(mosquitto_pub_topic_check(topic), 0);
		assert_int_equal(
		    mosquitto_topic_matches_sub(filter, topic, &want), 0);
		got = trust_topic_filter_matches(filter, topic);
		if (got != want)
			fail_msg("%s %s: %d", filter, topic, got);
		compared++;
		matched += got;
	}
	/* The generator would be no good otherwise. */
	assert_in_range(matched, N_PAIRS / 50, N_PAIRS / 2);
}

#define TOPIC_LEVELS 4
#define TEXTS_MAX    2048

struct texts {
	char v[TEXTS_MAX][16];
	size_t n;
};

/* Every text of 1 to `levels` words behind what is in `text`. */
static void
enumerate(const char *const *words, size_t n_words, unsigned levels,
    const char *text, struct texts *out)
{
	for (size_t i = 0; i < n_words; i++) {
		char next[16];

		snprintf(next, sizeof(next), "%.8s%s", text, words[i]);
		if (*next != '\0') {
			assert_true(out->n < TEXTS_MAX);
			memcpy(out->v[out->n++], next, sizeof(next));
		}
		if (levels == 1 || words[i][0] == '#')
			continue;
		snprintf(next, sizeof(next), "%.8s%s/", text, words[i]);
		enumerate(words, n_words, levels - 1, next, out);
	}
}

/*
 * Filters of up to three levels against topics of up to four: where one does
 * not cover the other, such a topic shows it, since "z" stands for every word
 * that is not in a filter and the fourth level for all that # may go on to.
 */
static void
covers_what_it_covers(void **state)
{
	static const char *const words[] = {"a", "$", "", "+", "#"};
	static const char *const topic_words[] = {"a", "$", "", "z"};
	static struct texts filters, topics;

	(void)state;
	enumerate(words, COUNT(words), 3, "", &filters);
	enumerate(topic_words, COUNT(topic_words), TOPIC_LEVELS, "", &topics);
	for (size_t i = 0; i < filters.n; i++) {
		for (size_t j = 0; j < filters.n; j++) {
			bool want = true;

			for (size_t k = 0; want && k < topics.n; k++)
				want = !trust_topic_filter_matches(
					   filters.v[j], topics.v[k]) ||
				       trust_topic_filter_matches(
					   filters.v[i], topics.v[k]);
			if (trust_topic_filter_covers(
				filters.v[i], filters.v[j]) != want)
				fail_msg("%s %s: want %d", filters.v[i],
				    filters.v[j], want);
		}
	}
}

/* The same texts: a topic that both match is among them, if there is one. */
static void
overlaps_where_a_topic_is_in_both(void **state)
{
	static const char *const words[] = {"a", "$", "", "+", "#"};
	static const char *const topic_words[] = {"a", "$", "", "z"};
	static struct texts filters, topics;

	(void)state;
	enumerate(words, COUNT(words), 3, "", &filters);
	enumerate(topic_words, COUNT(topic_words), TOPIC_LEVELS, "", &topics);
	for (size_t i = 0; i < filters.n; i++) {
		for (size_t j = 0; j < filters.n; j++) {
			bool want = false;

			for (size_t k = 0; !want && k < topics.n; k++)
				want = trust_topic_filter_matches(
					   filters.v[i], topics.v[k]) &&
				       trust_topic_filter_matches(
					   filters.v[j], topics.v[k]);
			if (trust_topic_filters_overlap(
				filters.v[i], filters.v[j]) != want)
				fail_msg("%s %s: want %d", filters.v[i],
				    filters.v[j], want);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names),
	    cmocka_unit_test(filters),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(matches),
	    cmocka_unit_test(covers),
	    cmocka_unit_test(shared),
	    cmocka_unit_test(reserved),
	    cmocka_unit_test(agrees_with_libmosquitto),
	    cmocka_unit_test(covers_what_it_covers),
	    cmocka_unit_test(overlaps_where_a_topic_is_in_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
