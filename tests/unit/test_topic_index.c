/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic_index.c: what matches, and that it stays so as the index grows;
 * against libmosquitto and against topic.c, over generated filters and topics.
 * test_role_plain.c compares the rules on top of it with their definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topic.h"
#include "topic_index.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct trust_topic_index *
new_index(void)
{
	struct trust_topic_index *index;

	assert_int_equal(trust_topic_index_new(&index), TRUST_OK);
	return index;
}

static void
add(struct trust_topic_index *index, const char *filter, uint32_t marks)
{
	assert_int_equal(
	    trust_topic_index_add(index, trust_span_of(filter), marks),
	    TRUST_OK);
}

/* And that what was read decides: whatever comes behind it. */
static uint32_t
match(const struct trust_topic_index *index, const char *topic)
{
	static const char *const tails[] = {"", "/", "x", "x/y", "/x", "a/b/c"};
	char *other = malloc(strlen(topic) + 8);
	size_t n_read, len = strlen(topic), again;
	uint32_t marks = trust_topic_index_match(index, topic, &n_read);

	assert_non_null(other);
	assert_in_range(n_read, 1, len + 1);
	for (size_t i = 0; n_read <= len && i < COUNT(tails); i++) {
		memcpy(other, topic, n_read);
		strcpy(other + n_read, tails[i]);
		assert_int_equal(
		    trust_topic_index_match(index, other, &again), marks);
		assert_int_equal(again, n_read);
	}
	free(other);
	return marks;
}

static void
empty(void **state)
{
	struct trust_topic_index *index = new_index();

	(void)state;
	assert_int_equal(match(index, "a"), 0);
	assert_int_equal(match(index, "/"), 0);
	assert_int_equal(match(index, "$SYS/x"), 0);
	assert_int_equal(trust_topic_index_cover(index, "#"), 0);
	trust_topic_index_free(index);
	trust_topic_index_free(NULL);
}

static void
marks_add_up(void **state)
{
	static const struct {
		const char *topic;
		uint32_t marks;
	} cases[] = {
	    {"a", 0x09},
	    {"a/b", 0x87},
	    {"a/c", 0x85},
	    {"a/b/c", 0x81},
	    {"a/", 0x85},
	    {"b", 0x08},
	    {"b/b", 0x84},
	    {"/", 0xa4},
	    {"//", 0xa0},
	    {"b/c/d", 0x80},
	    {"$a", 0x10},
	    {"$a/b", 0x50},
	    {"$b/b", 0x00},
	};
	struct trust_topic_index *index = new_index();

	(void)state;
	add(index, "a/#", 0x01);
	add(index, "a/b", 0x02);
	add(index, "+/+", 0x04);
	add(index, "+", 0x08);
	add(index, "$a/#", 0x10);
	add(index, "/#", 0x20);
	add(index, "$a/+", 0x40);
	add(index, "+/+/#", 0x80);
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t got = match(index, cases[i].topic);

		if (got != cases[i].marks)
			fail_msg("%s: want %x, got %x", cases[i].topic,
			    cases[i].marks, got);
	}
	assert_int_equal(trust_topic_index_cover(index, "a/b"), 0x87);
	assert_int_equal(trust_topic_index_cover(index, "a/#"), 0x01);
	assert_int_equal(trust_topic_index_cover(index, "$a/+"), 0x50);
	assert_int_equal(trust_topic_index_cover(index, "#"), 0x00);
	/* The same filter again. */
	add(index, "a/b", 0x100);
	add(index, "a/#", 0x200);
	assert_int_equal(match(index, "a/b"), 0x387);
	trust_topic_index_free(index);
}

/* Such texts come from values that are none; a denial has them still. */
static void
no_filters(void **state)
{
	struct trust_topic_index *index = new_index();

	(void)state;
	add(index, "", 1);
	add(index, "a+/b", 1);
	add(index, "+a/b", 1);
	add(index, "a#", 1);
	assert_int_equal(match(index, "a/b"), 0);
	assert_int_equal(match(index, "a"), 0);
	assert_int_equal(match(index, "/"), 0);
	add(index, "a/#x/b", 2);
	assert_int_equal(match(index, "a/b"), 2);
	trust_topic_index_free(index);
}

/* No more of a name is read than decides. */
static void
no_more_is_read_than_decides(void **state)
{
	static const struct {
		const char *topic;
		size_t n_read;
	} cases[] = {
	    {"plant/7/temp", sizeof("plant/7/") - 1},
	    {"plant/7", sizeof("plant/7")},
	    {"plant/8/temp", sizeof("plant/8/") - 1},
	    {"other/7/temp", sizeof("other/7/") - 1},
	    {"a/7/b/c", sizeof("a/7/b/") - 1},
	    {"a/7/b", sizeof("a/7/b")},
	    {"$SYS/broker/load", sizeof("$SYS/") - 1},
	};
	struct trust_topic_index *index = new_index();
	size_t n_read;

	(void)state;
	(void)trust_topic_index_match(index, "a/b", &n_read);
	assert_int_equal(n_read, 1);
	add(index, "plant/7/#", 1);
	add(index, "+/7", 2);
	add(index, "a/+/b", 4);
	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)trust_topic_index_match(index, cases[i].topic, &n_read);
		if (n_read != cases[i].n_read)
			fail_msg("%s: want %zu, got %zu", cases[i].topic,
			    cases[i].n_read, n_read);
	}
	trust_topic_index_free(index);
}

#define N_MANY 20000

/* Each filter is found by its topic, and no other one. */
static void
many(void **state)
{
	struct trust_topic_index *index = new_index();
	char text[64];

	(void)state;
	for (uint32_t i = 1; i <= N_MANY; i++) {
		snprintf(text, sizeof(text), "p%u/%u/+/x%u", i % 10, i / 10,
		    i % 100);
		add(index, text, i);
	}
	for (uint32_t i = 1; i <= N_MANY; i++) {
		snprintf(text, sizeof(text), "p%u/%u/any/x%u", i % 10, i / 10,
		    i % 100);
		assert_int_equal(match(index, text), i);
		snprintf(text, sizeof(text), "p%u/%u/any/x%u", i % 10, i / 10,
		    (i + 1) % 100);
		assert_int_equal(match(index, text), 0);
	}
	trust_topic_index_free(index);
}

#define N_LEVELS (TRUST_TOPIC_LEVELS_MAX + 1)

/* As many levels as a topic can have, and + at each. */
static void
deep(void **state)
{
	struct trust_topic_index *index = new_index();
	char name[2 * N_LEVELS], filter[2 * N_LEVELS + 2];

	(void)state;
	for (size_t i = 0; i < N_LEVELS; i++) {
		memcpy(&name[2 * i], "a/", 2);
		memcpy(&filter[2 * i], "+/", 2);
	}
	name[2 * N_LEVELS - 1] = '\0';
	assert_true(trust_topic_check_name(name));
	memcpy(&filter[2 * N_LEVELS], "#", 2);
	add(index, filter, 1);
	filter[2 * N_LEVELS - 1] = '\0';
	add(index, filter, 2);
	add(index, name, 4);
	assert_int_equal(match(index, name), 7);
	name[2 * N_LEVELS - 3] = '\0';
	assert_int_equal(match(index, name), 0);
	trust_topic_index_free(index);
}

/* ---- Generated ---- */

#define N_INDEXES 400
#define N_MARKED  32 /* filters of an index, a mark for each */
#define N_ASKED   40 /* topics, and as many filters */

/* xorshift: the same texts on every machine. */
static unsigned
draw(uint32_t *seed, unsigned n)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed % n;
}

/* A text of 1 to 4 levels, each of the first `n` words, and not empty. */
static void
generate(uint32_t *seed, unsigned n, char out[64])
{
	static const char *const words[] = {
	    "a", "b", "", "$a", "trust", "+", "#"};

	do {
		unsigned n_levels = 1 + draw(seed, 4);
		size_t len = 0;

		for (unsigned i = 0; i < n_levels; i++) {
			const char *word = words[draw(seed, n)];

			len += (size_t)snprintf(out + len, 64 - len, "%s%s",
			    i > 0 ? "/" : "", word);
			if (*word == '#') /* is the last level */
				break;
		}
	} while (out[0] == '\0');
}

#define WORDS      7 /* with wildcards */
#define NAME_WORDS 5 /* without */

static bool
broker_matches(const char *filter, const char *topic)
{
	bool result = false;

	assert_int_equal(
	    mosquitto_topic_matches_sub(filter, topic, &result), 0);
	return result;
}

/* What the index says at once, filter by filter. */
static void
compare(const struct trust_topic_index *index, char filters[N_MARKED][64],
    const char *topic, const char *inner, size_t *matched)
{
	uint32_t found = match(index, topic);
	uint32_t cover = trust_topic_index_cover(index, inner);

	for (size_t i = 0; i < N_MARKED; i++) {
		bool matches = (found >> i & 1) != 0;

		if (matches != trust_topic_filter_matches(filters[i], topic) ||
		    matches != broker_matches(filters[i], topic))
			fail_msg("%s %s: %d", filters[i], topic, matches);
		if ((cover >> i & 1) !=
		    trust_topic_filter_covers(filters[i], inner))
			fail_msg("%s covers %s", filters[i], inner);
		*matched += matches;
	}
}

static void
agrees_with_libmosquitto_and_topic(void **state)
{
	static char filters[N_MARKED][64];
	uint32_t seed = 20261121;
	size_t matched = 0;

	(void)state;
	for (size_t i = 0; i < N_INDEXES; i++) {
		struct trust_topic_index *index = new_index();

		for (size_t j = 0; j < N_MARKED; j++) {
			generate(&seed, WORDS, filters[j]);
			add(index, filters[j], 1u << j);
		}
		for (size_t j = 0; j < N_ASKED; j++) {
			char topic[64], inner[64];

			generate(&seed, NAME_WORDS, topic);
			generate(&seed, WORDS, inner);
			compare(index, filters, topic, inner, &matched);
		}
		trust_topic_index_free(index);
	}
	/* The generator would be no good otherwise. */
	assert_in_range(matched, N_INDEXES * N_ASKED * N_MARKED / 50,
	    N_INDEXES * N_ASKED * N_MARKED / 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(empty),
	    cmocka_unit_test(marks_add_up),
	    cmocka_unit_test(no_filters),
	    cmocka_unit_test(no_more_is_read_than_decides),
	    cmocka_unit_test(many),
	    cmocka_unit_test(deep),
	    cmocka_unit_test(agrees_with_libmosquitto_and_topic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
