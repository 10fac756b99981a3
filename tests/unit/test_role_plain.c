/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role.c against the plain definition of the interface, "Rules": every rule
 * looked at, one by one. Generated, with a fixed seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "role.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define N_ROLES     800
#define N_QUESTIONS 250 /* of each role */
#define N_EXPLAINED 10  /* one in so many */
#define RULES_MAX   60
#define TEXT_MAX    80

enum verb { PUBLISH, SUBSCRIBE, RECEIVE, N_VERBS };

/* A rule with one topic, and that topic for one device. */
struct plain {
	bool allow;
	unsigned actions;
	int max_qos;
	bool retain;
	char template[TEXT_MAX];
	char filter[TEXT_MAX];
};

struct plain_rules {
	struct plain v[RULES_MAX];
	size_t n;
	/* A value that no topic can hold: allows nothing. */
	bool unusable;
};

struct question {
	enum verb verb;
	char topic[TEXT_MAX];
	int qos;
	bool retain;
};

/* ---- The definition ---- */

static const struct plain builtin[] = {
    {true, TRUST_ACTION_PUBLISH, 2, false, "trust/v1/enroll/{client}/request",
	"trust/v1/enroll/c/request"},
    {true, TRUST_ACTION_SUBSCRIBE, 2, true, "trust/v1/enroll/{client}/response",
	"trust/v1/enroll/c/response"},
    {true, TRUST_ACTION_SUBSCRIBE, 2, true, "trust/v1/bundle",
	"trust/v1/bundle"},
    {false, TRUST_ACTION_PUBLISH, 2, true, "trust/v1/bundle",
	"trust/v1/bundle"},
};

/* Whether the rule's literal text leads to reserved topics. */
static bool
is_literal(const char *template)
{
	size_t literal = strcspn(template, "{+#");

	if (template[0] == '$')
		return literal >= strcspn(template, "/");
	return literal >= 9 && memcmp(template, "trust/v1/", 9) == 0;
}

static bool
applies(const struct plain *rule, const struct question *question)
{
	if (question->verb == PUBLISH)
		return (rule->actions & TRUST_ACTION_PUBLISH) != 0 &&
		       trust_topic_filter_matches(
			   rule->filter, question->topic);
	if ((rule->actions & TRUST_ACTION_SUBSCRIBE) == 0)
		return false;
	if (question->verb == RECEIVE)
		return trust_topic_filter_matches(
		    rule->filter, question->topic);
	return trust_topic_filter_covers(rule->filter, question->topic);
}

static bool
gives(const struct plain_rules *rules, const struct plain *rule,
    const struct question *question)
{
	if (!rule->allow || !applies(rule, question))
		return false;
	if (rules->unusable && strchr(rule->template, '{') != NULL)
		return false;
	if (trust_topic_is_reserved(question->topic) &&
	    !is_literal(rule->template))
		return false;
	return question->verb != PUBLISH ||
	       (question->qos <= rule->max_qos &&
		   (rule->retain || !question->retain));
}

static bool
decide(const struct plain_rules *rules, const struct question *question)
{
	bool given = false;

	for (size_t i = 0; i < rules->n; i++) {
		if (!rules->v[i].allow && applies(&rules->v[i], question))
			return false;
		given |= gives(rules, &rules->v[i], question);
	}
	for (size_t i = 0; i < COUNT(builtin); i++) {
		if (!builtin[i].allow && applies(&builtin[i], question))
			return false;
		given |= applies(&builtin[i], question) &&
			 (question->verb != PUBLISH || builtin[i].retain ||
			     !question->retain);
	}
	return given;
}

/* ---- What is asked ---- */

static uint32_t seed = 20261120;

/* xorshift: the same on every machine. */
static unsigned
draw(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

static void
append(char out[TEXT_MAX], const char *text)
{
	size_t len = strlen(out);

	assert_true((size_t)snprintf(out + len, TEXT_MAX - len, "%s", text) <
		    TEXT_MAX - len);
}

/* Up to five levels, each of the first `n` words; also with the device's
 * name for {device}. */
static void
draw_text(unsigned n, const char *device, char template[TEXT_MAX],
    char filter[TEXT_MAX])
{
	static const char *const starts[] = {"", "", "", "", "", "a/", "trust/",
	    "trust/v1/", "trust/v1/enroll/", "$a/"};
	static const char *const words[] = {"a", "b", "", "ab", "$a", "trust",
	    "v1", "bundle", "{device}", "+", "+", "+", "#"};
	const char *start = starts[draw(COUNT(starts))];
	unsigned n_levels = 1 + draw(5);

	assert_true(n <= COUNT(words));
	template[0] = filter[0] = '\0';
	append(template, start);
	append(filter, start);
	for (unsigned i = 0; i < n_levels; i++) {
		const char *word = words[draw(n)];

		append(template, i > 0 ? "/" : "");
		append(filter, i > 0 ? "/" : "");
		append(template, word);
		append(filter, *word == '{' ? device : word);
		if (*word == '#')
			break;
	}
}

#define N_WORDS     13 /* with wildcards */
#define NAME_WORDS  9  /* without */
#define PLAIN_WORDS 4  /* those that meet most */

static void
draw_rules(const char *device, struct plain_rules *out)
{
	/* A denial in ten, so that something is left. */
	out->n = 1 + draw(RULES_MAX);
	out->unusable = *device == '\0' || *device == '$';
	for (size_t i = 0; i < out->n; i++) {
		struct plain *rule = &out->v[i];

		rule->allow = draw(10) > 0;
		rule->actions = draw(4);
		rule->max_qos = (int)draw(3);
		rule->retain = draw(2) > 0;
		draw_text(N_WORDS, device, rule->template, rule->filter);
		/* Most denials of everything leave nothing to ask. */
		if (strcspn(rule->template, "+#") == 0 && draw(4) > 0)
			rule->allow = true;
	}
}

static void
draw_question(const char *device, struct question *out)
{
	char template[TEXT_MAX];
	unsigned n;

	out->verb = draw(N_VERBS);
	out->qos = (int)draw(3);
	out->retain = draw(2) > 0;
	n = draw(2) > 0              ? PLAIN_WORDS
	    : out->verb == SUBSCRIBE ? N_WORDS
				     : NAME_WORDS;
	do
		draw_text(n, device, template, out->topic);
	while (out->topic[0] == '\0');
}

/* ---- And answered ---- */

/* Rules as a role has them. */
struct written {
	const char *topics[RULES_MAX];
	struct trust_rule v[RULES_MAX];
	struct trust_role role;
};

static const struct trust_role *
write_role(const struct plain_rules *rules, struct written *out)
{
	for (size_t i = 0; i < rules->n; i++) {
		out->topics[i] = rules->v[i].template;
		out->v[i] = (struct trust_rule){
		    .allow = rules->v[i].allow,
		    .actions = rules->v[i].actions,
		    .topics = {1, &out->topics[i]},
		    .max_qos = rules->v[i].max_qos,
		    .retain = rules->v[i].retain,
		};
	}
	out->role = (struct trust_role){out->v, rules->n};
	return &out->role;
}

static struct trust_access *
compile(const char *device, const struct plain_rules *rules)
{
	const struct trust_role_values values = {device, "", "", "c", false};
	const struct trust_role *role;
	struct trust_access *access;
	struct written written;

	role = write_role(rules, &written);
	assert_int_equal(
	    trust_access_new(&values, &role, 1, &access), TRUST_OK);
	return access;
}

/* An explanation names a rule of the effect that the answer has. */
static void
explain(const char *device, const struct plain_rules *rules,
    const struct question *question, bool want)
{
	const struct trust_role_values values = {device, "", "", "c", false};
	const struct trust_access_request request = {
	    .publish = question->verb == PUBLISH,
	    .topic = question->topic,
	    .qos = question->qos,
	    .retain = question->retain,
	};
	struct trust_access_ruling ruling;
	const char *const name = "plain";
	const struct trust_role *role;
	struct written written;

	role = write_role(rules, &written);
	assert_int_equal(trust_access_explain(
			     &values, &role, &name, 1, &request, &ruling, NULL),
	    TRUST_OK);
	assert_int_equal(ruling.allowed, want);
	if (ruling.rule == 0)
		assert_false(want);
	else
		assert_int_equal(ruling.effect, want);
	trust_access_ruling_clear(&ruling);
}

static bool
ask(struct trust_access *access, const struct question *question)
{
	switch (question->verb) {
	case PUBLISH:
		return trust_access_check_publish(
		    access, question->topic, question->qos, question->retain);
	case SUBSCRIBE:
		return trust_access_check_subscribe(
		    access, question->topic, question->qos);
	case RECEIVE:
		return trust_access_check_receive(access, question->topic);
	default:
		return false;
	}
}

/* A shared subscription is judged by its inner filter, whatever its name. */
static void
share(struct trust_access *access, const struct question *question, bool want)
{
	struct question shared = *question;

	shared.topic[0] = '\0';
	append(shared.topic, draw(2) > 0 ? "$share/g/" : "$share/a b/");
	append(shared.topic, question->topic);
	if (ask(access, &shared) != want)
		fail_msg("%s: want %d", shared.topic, want);
}

/* The same topic, asked about at once for something else. */
static void
ask_again(struct trust_access *access, const struct plain_rules *rules,
    const struct question *question)
{
	struct question again = *question;

	again.verb = again.verb == PUBLISH ? RECEIVE : PUBLISH;
	again.retain = !again.retain;
	if (ask(access, &again) != decide(rules, &again))
		fail_msg("%d %s: not again", again.verb, again.topic);
}

static void
agrees_with_the_definition(void **state)
{
	static const char *const devices[] = {
	    "a", "d", "trust", "v1", "$a", ""};
	static struct plain_rules rules;
	size_t allowed[N_VERBS] = {0};

	(void)state;
	for (size_t i = 0; i < N_ROLES; i++) {
		const char *device = devices[draw(COUNT(devices))];
		struct trust_access *access;

		draw_rules(device, &rules);
		access = compile(device, &rules);
		for (size_t j = 0; j < N_QUESTIONS; j++) {
			struct question question;
			bool want;

			draw_question(device, &question);
			want = decide(&rules, &question);
			if (ask(access, &question) != want)
				fail_msg("role %zu, %d %s: want %d", i,
				    question.verb, question.topic, want);
			allowed[question.verb] += want;
			if (question.verb == SUBSCRIBE)
				share(access, &question, want);
			else
				ask_again(access, &rules, &question);
			if (question.verb != RECEIVE && j % N_EXPLAINED == 0)
				explain(device, &rules, &question, want);
		}
		trust_access_free(access);
	}
	/* The generator would be no good otherwise. */
	for (size_t i = 0; i < N_VERBS; i++)
		assert_in_range(allowed[i], N_ROLES * N_QUESTIONS / 30,
		    N_ROLES * N_QUESTIONS / 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(agrees_with_the_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
