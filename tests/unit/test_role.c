/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role.c: interface, "Rules".
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

enum verb { PUBLISH, SUBSCRIBE, RECEIVE };

struct question {
	enum verb verb;
	const char *topic;
	bool allowed;
};

/* A rule that fits on a line. */
#define RULE(is_allow, acts, topic)                                   \
	{                                                             \
		.allow = is_allow, .actions = acts,                   \
		.topics = {1, (const char *[]){topic}}, .max_qos = 2, \
		.retain = true                                        \
	}
#define P  TRUST_ACTION_PUBLISH
#define S  TRUST_ACTION_SUBSCRIBE
#define PS (TRUST_ACTION_PUBLISH | TRUST_ACTION_SUBSCRIBE)

static const struct trust_role_values sensor = {
    .device = "temp-01",
    .group = "plant-7",
    .gateway = "gw1",
    .client = "temp-01",
};

static struct trust_access *
compile(const struct trust_role_values *values, struct trust_rule *rules,
    size_t n_rules)
{
	const struct trust_role role = {rules, n_rules};
	const struct trust_role *const roles[] = {NULL, &role};
	struct trust_access *access;

	assert_int_equal(
	    trust_access_new(values, roles, COUNT(roles), &access), TRUST_OK);
	return access;
}

static bool
ask(struct trust_access *access, const struct question *question)
{
	switch (question->verb) {
	case PUBLISH:
		return trust_access_check_publish(
		    access, question->topic, 0, false);
	case SUBSCRIBE:
		return trust_access_check_subscribe(access, question->topic, 0);
	case RECEIVE:
		return trust_access_check_receive(access, question->topic);
	}
	return false;
}

static void
check(const struct trust_role_values *values, struct trust_rule *rules,
    size_t n_rules, const struct question *questions, size_t n_questions)
{
	struct trust_access *access = compile(values, rules, n_rules);

	for (size_t i = 0; i < n_questions; i++) {
		if (ask(access, &questions[i]) != questions[i].allowed)
			fail_msg("%d %s: want %d", questions[i].verb,
			    questions[i].topic, questions[i].allowed);
	}
	trust_access_free(access);
}

static void
builtin_grants(void **state)
{
	static const struct question questions[] = {
	    {SUBSCRIBE, "trust/v1/bundle", true},
	    {RECEIVE, "trust/v1/bundle", true},
	    {PUBLISH, "trust/v1/enroll/temp-01/request", true},
	    {SUBSCRIBE, "trust/v1/enroll/temp-01/response", true},
	    {RECEIVE, "trust/v1/enroll/temp-01/response", true},
	    {SUBSCRIBE, "$share/g/trust/v1/bundle", true},
	    {PUBLISH, "trust/v1/bundle", false},
	    {PUBLISH, "trust/v1/enroll/temp-01/response", false},
	    {SUBSCRIBE, "trust/v1/enroll/temp-01/request", false},
	    {PUBLISH, "trust/v1/enroll/temp-02/request", false},
	    {SUBSCRIBE, "trust/v1/enroll/temp-02/response", false},
	    {SUBSCRIBE, "trust/v1/enroll/+/response", false},
	    {SUBSCRIBE, "trust/v1/enroll/#", false},
	    {SUBSCRIBE, "trust/v1/#", false},
	    {SUBSCRIBE, "trust/v1/events", false},
	    {SUBSCRIBE, "#", false},
	    {SUBSCRIBE, "devices/temp-01/#", false},
	    {PUBLISH, "devices/temp-01/x", false},
	    {PUBLISH, "$CONTROL/trust/v1", false},
	    {SUBSCRIBE, "$SYS/#", false},
	};

	(void)state;
	check(&sensor, NULL, 0, questions, COUNT(questions));
}

/* No rule makes a CA of whoever has it. */
static void
nobody_publishes_the_bundle(void **state)
{
	struct trust_rule rules[] = {RULE(true, PS, "trust/v1/#"),
	    RULE(true, PS, "trust/v1/bundle"),
	    RULE(true, PS, "trust/v1/{device}")};
	const struct trust_role_values bundle = {
	    "bundle", "", "gw1", "bundle", false};
	static const struct question questions[] = {
	    {PUBLISH, "trust/v1/bundle", false},
	    {SUBSCRIBE, "trust/v1/bundle", true},
	    {RECEIVE, "trust/v1/bundle", true},
	    {PUBLISH, "trust/v1/bundle/x", true},
	    {PUBLISH, "trust/v1/bundles", true},
	    {PUBLISH, "trust/v1/x", true},
	};

	(void)state;
	check(&sensor, rules, COUNT(rules), questions, COUNT(questions));
	check(&bundle, rules, COUNT(rules), questions, COUNT(questions));
}

static void
builtin_grants_of_a_module(void **state)
{
	const struct trust_role_values module = {
	    "temp-01", "", "gw1", "temp-01/mod", false};
	static const struct question questions[] = {
	    {PUBLISH, "trust/v1/enroll/temp-01/mod/request", true},
	    {SUBSCRIBE, "trust/v1/enroll/temp-01/mod/response", true},
	    {PUBLISH, "trust/v1/enroll/temp-01/request", false},
	    {PUBLISH, "trust/v1/enroll/temp-01/mod2/request", false},
	    {SUBSCRIBE, "trust/v1/enroll/temp-01/response", false},
	};

	(void)state;
	check(&module, NULL, 0, questions, COUNT(questions));
}

static void
default_role(void **state)
{
	const struct trust_role *role = trust_role_get0_default();
	static const struct question questions[] = {
	    {PUBLISH, "devices/temp-01", true},
	    {PUBLISH, "devices/temp-01/t/1", true},
	    {SUBSCRIBE, "devices/temp-01/#", true},
	    {SUBSCRIBE, "devices/temp-01", true},
	    {SUBSCRIBE, "devices/temp-01/+/set", true},
	    {SUBSCRIBE, "$share/g/devices/temp-01/#", true},
	    {RECEIVE, "devices/temp-01/t", true},
	    {PUBLISH, "devices/temp-010/t", false},
	    {PUBLISH, "devices/temp-02/t", false},
	    {PUBLISH, "devices", false},
	    {PUBLISH, "devices/", false},
	    {PUBLISH, "devices//temp-01", false},
	    {PUBLISH, "Devices/temp-01", false},
	    {SUBSCRIBE, "devices/#", false},
	    {SUBSCRIBE, "devices/+", false},
	    {SUBSCRIBE, "devices/+/t", false},
	    {SUBSCRIBE, "#", false},
	    {SUBSCRIBE, "$share/g/devices/#", false},
	    {RECEIVE, "devices/temp-02/t", false},
	    /* What is no topic and no filter. */
	    {PUBLISH, "devices/temp-01/#", false},
	    {PUBLISH, "devices/temp-01/+", false},
	    {PUBLISH, "", false},
	    {RECEIVE, "devices/temp-01/#", false},
	    {SUBSCRIBE, "", false},
	    {SUBSCRIBE, "devices/temp-01/a#", false},
	    {SUBSCRIBE, "devices/temp-01/#/a", false},
	    {SUBSCRIBE, "$share/g", false},
	    {SUBSCRIBE, "$share//devices/temp-01/#", false},
	    {SUBSCRIBE, "$share/+/devices/temp-01/#", false},
	    {SUBSCRIBE, "$share/g/$share/g/devices/temp-01/#", false},
	};

	(void)state;
	check(&sensor, role->rules, role->n_rules, questions, COUNT(questions));
}

static void
deny_wins(void **state)
{
	struct trust_rule rules[] = {
	    RULE(true, PS, "a/#"),
	    RULE(false, PS, "a/secret/#"),
	    RULE(false, P, "a/quiet"),
	    RULE(true, PS, "a/secret/#"),
	};
	static const struct question questions[] = {
	    {PUBLISH, "a/b", true},
	    {PUBLISH, "a/secret", false},
	    {PUBLISH, "a/secret/x", false},
	    {RECEIVE, "a/secret/x", false},
	    {SUBSCRIBE, "a/secret/x", false},
	    {SUBSCRIBE, "a/secret/+", false},
	    {SUBSCRIBE, "$share/g/a/secret/#", false},
	    {PUBLISH, "a/quiet", false},
	    {SUBSCRIBE, "a/quiet", true},
	    {RECEIVE, "a/quiet", true},
	    /* A denied filter that only overlaps leaves the subscription. */
	    {SUBSCRIBE, "a/#", true},
	    {SUBSCRIBE, "a/+/x", true},
	    {SUBSCRIBE, "a/+", true},
	};

	(void)state;
	check(&sensor, rules, COUNT(rules), questions, COUNT(questions));
}

static void
deny_is_as_wide_as_it_says(void **state)
{
	struct trust_rule everything[] = {
	    RULE(true, PS, "a/#"),
	    RULE(true, PS, "$SYS/#"),
	    RULE(false, PS, "#"),
	};
	struct trust_rule dollar[] = {
	    RULE(true, PS, "a/#"),
	    RULE(true, PS, "$SYS/#"),
	    RULE(false, PS, "$SYS/broker/#"),
	};
	static const struct question of_everything[] = {
	    {PUBLISH, "a/b", false},
	    {SUBSCRIBE, "a/b", false},
	    {SUBSCRIBE, "trust/v1/bundle", false},
	    {RECEIVE, "trust/v1/bundle", false},
	    {PUBLISH, "trust/v1/enroll/temp-01/request", false},
	    /* Wildcards never reach $, in a denial neither. */
	    {SUBSCRIBE, "$SYS/#", true},
	    {RECEIVE, "$SYS/x", true},
	};
	static const struct question of_dollar[] = {
	    {SUBSCRIBE, "$SYS/#", true},
	    {RECEIVE, "$SYS/x", true},
	    {RECEIVE, "$SYS/broker/x", false},
	    {SUBSCRIBE, "$SYS/broker/+", false},
	    {PUBLISH, "a/b", true},
	};

	(void)state;
	check(&sensor, everything, COUNT(everything), of_everything,
	    COUNT(of_everything));
	check(&sensor, dollar, COUNT(dollar), of_dollar, COUNT(of_dollar));
}

/* One allowed filter has to cover a subscription; two halves do not. */
static void
one_filter_covers(void **state)
{
	struct trust_rule rules[] = {
	    RULE(true, PS, "a"),
	    RULE(true, PS, "a/+/#"),
	};
	static const struct question questions[] = {
	    {SUBSCRIBE, "a", true},
	    {SUBSCRIBE, "a/+", true},
	    {SUBSCRIBE, "a/x/#", true},
	    {SUBSCRIBE, "a/#", false},
	};

	(void)state;
	check(&sensor, rules, COUNT(rules), questions, COUNT(questions));
}

static void
actions(void **state)
{
	struct trust_rule rules[] = {
	    RULE(true, P, "out"),
	    RULE(true, S, "in"),
	    RULE(true, 0, "none"),
	};
	static const struct question questions[] = {
	    {PUBLISH, "out", true},
	    {SUBSCRIBE, "in", true},
	    {RECEIVE, "in", true},
	    {SUBSCRIBE, "out", false},
	    {RECEIVE, "out", false},
	    {PUBLISH, "in", false},
	    {PUBLISH, "none", false},
	    {SUBSCRIBE, "none", false},
	};

	(void)state;
	check(&sensor, rules, COUNT(rules), questions, COUNT(questions));
}

/* Wildcards lead to none of what belongs to the gateway. */
static void
wildcards_stay_outside(void **state)
{
	struct trust_rule rules[] = {
	    RULE(true, PS, "#"),
	    RULE(true, PS, "+/#"),
	    RULE(true, PS, "+/v1/#"),
	    RULE(true, PS, "+/+/x"),
	};
	static const struct question questions[] = {
	    {PUBLISH, "a", true},
	    {PUBLISH, "trusty/v1/x", true},
	    {PUBLISH, "/trust", true},
	    {SUBSCRIBE, "#", true},
	    {SUBSCRIBE, "+/v1/x", true},
	    {SUBSCRIBE, "+/#", true},
	    {PUBLISH, "trust", false},
	    {PUBLISH, "trust/", false},
	    {PUBLISH, "trust/v1", false},
	    {PUBLISH, "trust/v1/x", false},
	    {PUBLISH, "trust/v2/x", false},
	    {PUBLISH, "$CONTROL/trust/v1", false},
	    {PUBLISH, "$SYS/v1/x", false},
	    {PUBLISH, "$x", false},
	    {RECEIVE, "trust/v1/x", false},
	    {RECEIVE, "trust/v1/events", false},
	    {RECEIVE, "$SYS/v1/x", false},
	    {SUBSCRIBE, "trust/#", false},
	    {SUBSCRIBE, "trust", false},
	    {SUBSCRIBE, "trust/+/x", false},
	    {SUBSCRIBE, "trust/v1/#", false},
	    {SUBSCRIBE, "$share/g/trust/v1/x", false},
	    {SUBSCRIBE, "$SYS/#", false},
	    {SUBSCRIBE, "$share/g/$SYS/#", false},
	    {SUBSCRIBE, "$CONTROL/#", false},
	};

	(void)state;
	check(&sensor, rules, COUNT(rules), questions, COUNT(questions));
}

/* Literal text leads there, if it goes far enough. */
static void
literal_text_leads_inside(void **state)
{
	struct trust_rule rules[] = {
	    RULE(true, S, "trust/v1/events"),
	    RULE(true, P, "trust/v1/x/{device}/+"),
	    RULE(true, PS, "$CONTROL/trust/v1"),
	    RULE(true, S, "$SYS/broker/+/{device}"),
	    RULE(true, PS, "$only"),
	};
	struct trust_rule too_short[] = {
	    RULE(true, PS, "trust/#"),
	    RULE(true, PS, "trust/+/x"),
	    RULE(true, PS, "trust"),
	    RULE(true, PS, "trust/v1"),
	    RULE(true, PS, "trust/v2/#"),
	    RULE(true, PS, "$"),
	};
	struct trust_rule all_of_it[] = {RULE(true, PS, "trust/v1/#")};
	static const struct question questions[] = {
	    {SUBSCRIBE, "trust/v1/events", true},
	    {RECEIVE, "trust/v1/events", true},
	    {PUBLISH, "trust/v1/x/temp-01/y", true},
	    {PUBLISH, "$CONTROL/trust/v1", true},
	    {SUBSCRIBE, "$SYS/broker/x/temp-01", true},
	    {SUBSCRIBE, "$SYS/broker/+/temp-01", true},
	    {PUBLISH, "$only", true},
	    {PUBLISH, "trust/v1/events", false},
	    {PUBLISH, "trust/v1/x/temp-02/y", false},
	    {PUBLISH, "$CONTROL/trust/v1/response", false},
	    {SUBSCRIBE, "$CONTROL/#", false},
	    {SUBSCRIBE, "$SYS/broker/#", false},
	    {SUBSCRIBE, "$SYS/broker/x/temp-02", false},
	};
	static const struct question of_too_short[] = {
	    {PUBLISH, "trust", false},
	    {PUBLISH, "trust/v1", false},
	    {PUBLISH, "trust/v1/x", false},
	    {PUBLISH, "trust/v2/x", false},
	    {PUBLISH, "$x", false},
	    {PUBLISH, "$SYS", false},
	    {SUBSCRIBE, "trust/#", false},
	    {SUBSCRIBE, "trust/v1/x", false},
	    {SUBSCRIBE, "trust/v1/#", false},
	    {RECEIVE, "trust/v1/x", false},
	};
	static const struct question of_all[] = {
	    {PUBLISH, "trust/v1/x", true},
	    {PUBLISH, "trust/v1", true},
	    {SUBSCRIBE, "trust/v1/#", true},
	    {SUBSCRIBE, "trust/#", false},
	    {SUBSCRIBE, "trust/+", false},
	    {PUBLISH, "trust/v2", false},
	    {PUBLISH, "a", false},
	};

	(void)state;
	check(&sensor, rules, COUNT(rules), questions, COUNT(questions));
	check(&sensor, too_short, COUNT(too_short), of_too_short,
	    COUNT(of_too_short));
	check(&sensor, all_of_it, COUNT(all_of_it), of_all, COUNT(of_all));
}

/* Whoever is called "trust" or "v1" gets no further for it. */
static void
values_stay_outside(void **state)
{
	const struct trust_role_values sly = {.device = "trust",
	    .group = "v1",
	    .gateway = "$SYS",
	    .client = "trust/v1"};
	struct trust_rule rules[] = {
	    RULE(true, PS, "{device}/#"),
	    RULE(true, PS, "{device}/v1/x"),
	    RULE(true, PS, "{client}/#"),
	    RULE(true, PS, "trust/{group}/x"),
	    RULE(true, PS, "tru{group}"),
	    RULE(true, PS, "{gateway}/#"),
	    RULE(true, PS, "${device}/x"),
	    RULE(true, PS, "$CONTROL{group}/x"),
	    RULE(true, PS, "b/{device}"),
	};
	static const struct question questions[] = {
	    {PUBLISH, "b/trust", true},
	    {PUBLISH, "truv1", true},
	    {PUBLISH, "trust", false},
	    {PUBLISH, "trust/v1/x", false},
	    {PUBLISH, "trust/v1", false},
	    {SUBSCRIBE, "trust/#", false},
	    {SUBSCRIBE, "trust/v1/x", false},
	    {SUBSCRIBE, "trust/v1/#", false},
	    {RECEIVE, "trust/v1/x", false},
	    {PUBLISH, "$SYS/x", false},
	    {RECEIVE, "$SYS/x", false},
	    {SUBSCRIBE, "$SYS/#", false},
	    {PUBLISH, "$trust/x", false},
	    {PUBLISH, "$CONTROLv1/x", false},
	};

	(void)state;
	check(&sly, rules, COUNT(rules), questions, COUNT(questions));
}

/* Ids hold no wildcards; if ever one did, it would still open nothing. */
static void
values_widen_nothing(void **state)
{
	static const char *const values[] = {"#", "+", "a+", "a/#", "$SYS", ""};

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		const struct trust_role_values v = {
		    values[i], values[i], values[i], values[i], false};
		struct trust_rule rules[] = {
		    RULE(true, PS, "d/{device}"),
		    RULE(true, PS, "g/{group}/x"),
		    RULE(true, PS, "{client}"),
		    RULE(true, PS, "w/{gateway}/#"),
		    RULE(true, PS, "plain"),
		};
		static const struct question questions[] = {
		    {PUBLISH, "plain", true},
		    {PUBLISH, "d/x", false},
		    {PUBLISH, "d/", false},
		    {PUBLISH, "d", false},
		    {PUBLISH, "d/$SYS", false},
		    {PUBLISH, "g/x/x", false},
		    {PUBLISH, "g//x", false},
		    {PUBLISH, "x", false},
		    {PUBLISH, "w/a/x", false},
		    {PUBLISH, "w//x", false},
		    {SUBSCRIBE, "d/#", false},
		    {SUBSCRIBE, "d/+", false},
		    {SUBSCRIBE, "#", false},
		    {SUBSCRIBE, "+", false},
		    {SUBSCRIBE, "trust/v1/enroll/+/response", false},
		    {SUBSCRIBE, "trust/v1/enroll//response", false},
		    {RECEIVE, "trust/v1/enroll/x/response", false},
		};

		check(&v, rules, COUNT(rules), questions, COUNT(questions));
	}
}

static void
variables(void **state)
{
	const struct trust_role_values module = {
	    "temp-01", "plant-7", "gw1", "temp-01/mod", false};
	struct trust_rule rules[] = {
	    RULE(true, PS, "d/{device}"),
	    RULE(true, PS, "g/{group}/+"),
	    RULE(true, PS, "{gateway}/{client}/#"),
	    RULE(false, PS, "{gateway}/{client}/not"),
	    RULE(true, PS, "x{device}y"),
	};
	static const struct question questions[] = {
	    {PUBLISH, "d/temp-01", true},
	    {PUBLISH, "g/plant-7/x", true},
	    {PUBLISH, "gw1/temp-01/mod", true},
	    {SUBSCRIBE, "gw1/temp-01/mod/#", true},
	    {PUBLISH, "xtemp-01y", true},
	    {PUBLISH, "gw1/temp-01/mod/not", false},
	    {PUBLISH, "gw1/temp-01/x", false},
	    {PUBLISH, "d/{device}", false},
	    {PUBLISH, "d/temp-02", false},
	    {PUBLISH, "g/plant-8/x", false},
	    {PUBLISH, "gw2/temp-01/mod", false},
	};

	(void)state;
	check(&module, rules, COUNT(rules), questions, COUNT(questions));
}

static void
qos_and_retain(void **state)
{
	struct trust_rule rules[] = {
	    RULE(true, PS, "q/#"),
	    RULE(true, PS, "q/x"),
	    RULE(true, PS, "all/#"),
	    RULE(false, PS, "all/not"),
	};
	struct trust_access *access;

	(void)state;
	rules[0].max_qos = 0;
	rules[0].retain = false;
	rules[1].max_qos = 1;
	rules[1].retain = false;
	/* A denial is one at every QoS, retained or not. */
	rules[3].max_qos = 0;
	rules[3].retain = false;
	access = compile(&sensor, rules, COUNT(rules));
	assert_true(trust_access_check_publish(access, "q/a", 0, false));
	assert_false(trust_access_check_publish(access, "q/a", 1, false));
	assert_false(trust_access_check_publish(access, "q/a", 0, true));
	assert_true(trust_access_check_publish(access, "q/x", 1, false));
	assert_false(trust_access_check_publish(access, "q/x", 2, false));
	assert_false(trust_access_check_publish(access, "q/x", 0, true));
	assert_true(trust_access_check_publish(access, "all/x", 2, true));
	assert_false(trust_access_check_publish(access, "all/x", 3, true));
	assert_false(trust_access_check_publish(access, "all/x", -1, true));
	assert_false(trust_access_check_publish(access, "all/not", 0, false));
	assert_false(trust_access_check_publish(access, "all/not", 2, true));
	/* max_qos bounds messages, not what a subscriber asks for. */
	assert_true(trust_access_check_subscribe(access, "q/a", 2));
	assert_false(trust_access_check_subscribe(access, "q/a", 3));
	assert_false(trust_access_check_subscribe(access, "q/a", -1));
	trust_access_free(access);
}

static void
enrollment_is_not_retained(void **state)
{
	struct trust_rule rules[] = {RULE(true, PS, "trust/v1/#")};
	struct trust_access *access = compile(&sensor, NULL, 0);
	static const char request[] = "trust/v1/enroll/temp-01/request";
	static const char response[] = "trust/v1/enroll/temp-02/response";

	(void)state;
	assert_true(trust_access_check_publish(access, request, 2, false));
	assert_false(trust_access_check_publish(access, request, 0, true));
	trust_access_free(access);
	access = compile(&sensor, rules, COUNT(rules));
	assert_true(trust_access_check_publish(access, request, 2, false));
	assert_false(trust_access_check_publish(access, request, 0, true));
	assert_true(trust_access_check_publish(access, response, 2, false));
	assert_false(trust_access_check_publish(access, response, 0, true));
	trust_access_free(access);
}

/* Rules may name the topics of all, and open none but the client's own. */
static void
enrollment_is_bound(void **state)
{
	struct trust_rule rules[] = {
	    RULE(true, PS, "trust/v1/#"),
	    RULE(true, PS, "trust/v1/enroll/+/+/response"),
	};
	static const struct question questions[] = {
	    {PUBLISH, "trust/v1/enroll/temp-01/request", true},
	    {PUBLISH, "trust/v1/enroll/temp-02/request", false},
	    {PUBLISH, "trust/v1/enroll/temp-01/mod/request", false},
	    {PUBLISH, "trust/v1/enroll/token:t-1/request", false},
	    {PUBLISH, "trust/v1/enroll/temp-02/response", true},
	    {PUBLISH, "trust/v1/enroll/token:t-1/response", true},
	    {SUBSCRIBE, "trust/v1/enroll/+/request", true},
	    {SUBSCRIBE, "trust/v1/enroll/temp-02/request", true},
	    {RECEIVE, "trust/v1/enroll/temp-02/request", true},
	    {SUBSCRIBE, "trust/v1/enroll/temp-01/response", true},
	    {SUBSCRIBE, "$share/g/trust/v1/enroll/temp-01/response", true},
	    {RECEIVE, "trust/v1/enroll/temp-01/response", true},
	    {SUBSCRIBE, "trust/v1/enroll/temp-02/response", false},
	    {SUBSCRIBE, "trust/v1/enroll/temp-01/mod/response", false},
	    {SUBSCRIBE, "trust/v1/enroll/+/response", false},
	    {SUBSCRIBE, "trust/v1/enroll/+/+/response", false},
	    {SUBSCRIBE, "$share/g/trust/v1/enroll/+/response", false},
	    /* It is what is delivered that counts. */
	    {SUBSCRIBE, "trust/v1/#", true},
	    {SUBSCRIBE, "trust/v1/enroll/+/+", true},
	    {RECEIVE, "trust/v1/enroll/temp-02/response", false},
	    {RECEIVE, "trust/v1/enroll/token:t-1/response", false},
	    {RECEIVE, "trust/v1/events", true},
	    {PUBLISH, "trust/v1/enroll/temp-02", true},
	    {PUBLISH, "trust/v1/enroll/a/b/c/request", true},
	};

	(void)state;
	check(&sensor, rules, COUNT(rules), questions, COUNT(questions));
}

/* A denial of the client's own topics stands. */
static void
enrollment_can_be_denied(void **state)
{
	struct trust_rule rules[] = {
	    RULE(false, PS, "trust/v1/enroll/{client}/#"),
	};
	static const struct question questions[] = {
	    {PUBLISH, "trust/v1/enroll/temp-01/request", false},
	    {SUBSCRIBE, "trust/v1/enroll/temp-01/response", false},
	    {SUBSCRIBE, "trust/v1/bundle", true},
	};

	(void)state;
	check(&sensor, rules, COUNT(rules), questions, COUNT(questions));
}

/* Who has a token, and a device whose id looks like the name of one. */
static void
newcomers(void **state)
{
	static const struct question of_newcomer[] = {
	    {PUBLISH, "trust/v1/enroll/token:t-1/request", true},
	    {SUBSCRIBE, "trust/v1/enroll/token:t-1/response", true},
	    {RECEIVE, "trust/v1/enroll/token:t-1/response", true},
	    {SUBSCRIBE, "trust/v1/bundle", true},
	    {RECEIVE, "trust/v1/bundle", true},
	    {PUBLISH, "trust/v1/bundle", false},
	    {PUBLISH, "trust/v1/enroll/token:t-2/request", false},
	    {PUBLISH, "trust/v1/enroll/temp-01/request", false},
	    {PUBLISH, "trust/v1/enroll/token:t-1/response", false},
	    {SUBSCRIBE, "trust/v1/enroll/temp-01/response", false},
	    {SUBSCRIBE, "trust/v1/enroll/+/response", false},
	    {PUBLISH, "devices/temp-01/t", false},
	    {SUBSCRIBE, "devices/temp-01/#", false},
	    {SUBSCRIBE, "#", false},
	};
	static const struct question of_device[] = {
	    {PUBLISH, "trust/v1/enroll/token:t-1/request", false},
	    {SUBSCRIBE, "trust/v1/enroll/token:t-1/response", false},
	    {RECEIVE, "trust/v1/enroll/token:t-1/response", false},
	    {SUBSCRIBE, "trust/v1/bundle", true},
	};
	struct trust_role_values values = {
	    "temp-01", "", "gw1", "token:t-1", true};

	(void)state;
	check(&values, NULL, 0, of_newcomer, COUNT(of_newcomer));
	values.device = values.client;
	values.is_newcomer = false;
	check(&values, NULL, 0, of_device, COUNT(of_device));
}

/* What is kept of one question is not taken for the answer to another. */
static void
same_topic_again(void **state)
{
	struct trust_rule rules[] = {
	    RULE(true, P, "a/#"),
	    RULE(true, S, "b/#"),
	    RULE(true, S, "+/v1/x"),
	};
	static const struct question questions[] = {
	    {PUBLISH, "", false},
	    {RECEIVE, "", false},
	    {PUBLISH, "a/b", true},
	    {PUBLISH, "a/b", true},
	    {RECEIVE, "a/b", false},
	    {PUBLISH, "a/b", true},
	    {PUBLISH, "b/a", false},
	    {RECEIVE, "b/a", true},
	    {SUBSCRIBE, "b/a", true},
	    {PUBLISH, "b/a", false},
	    {PUBLISH, "a", true},
	    {PUBLISH, "a/#", false},
	    {PUBLISH, "a/#", false},
	    {PUBLISH, "a", true},
	    {PUBLISH, "", false},
	    {RECEIVE, "a/v1/x", true},
	    {RECEIVE, "trust/v1/x", false},
	    {RECEIVE, "trust/v1/x", false},
	    {RECEIVE, "trust/v1/bundle", true},
	    {RECEIVE, "trust/v1/bundle", true},
	    {PUBLISH, "trust/v1/bundle", false},
	    {PUBLISH, "a/b/c", true},
	    {PUBLISH, "a/b/d", true},
	    {PUBLISH, "a/b/+", false},
	    {PUBLISH, "a/#", false},
	    {PUBLISH, "a/v1/x", true},
	    {RECEIVE, "a/v1/x", true},
	    {RECEIVE, "a/v1/xy", false},
	    {RECEIVE, "a/v1/", false},
	    {RECEIVE, "a/v1", false},
	    {RECEIVE, "b/c/d", true},
	    {RECEIVE, "b/c", true},
	    {RECEIVE, "b", true},
	    {RECEIVE, "bc", false},
	};
	struct trust_access *access;

	(void)state;
	check(&sensor, rules, COUNT(rules), questions, COUNT(questions));
	rules[0].max_qos = 1;
	rules[0].retain = false;
	access = compile(&sensor, rules, COUNT(rules));
	for (int i = 0; i < 3; i++) {
		assert_true(
		    trust_access_check_publish(access, "a/b", 1, false));
		assert_false(
		    trust_access_check_publish(access, "a/b", 2, false));
		assert_false(
		    trust_access_check_publish(access, "a/b", 1, true));
	}
	trust_access_free(access);
}

#define N_GRANTED 150
#define N_ASKED   300

/* Of topics that begin alike one is granted. They are asked about from the
 * shortest to the longest and back, as long ones are not kept. */
static void
same_beginning(void **state)
{
	static char granted[N_GRANTED + 1], topic[N_ASKED + 1];
	struct trust_rule rules[] = {RULE(true, P, granted)};
	struct trust_access *access;

	(void)state;
	for (size_t n = 1; n <= N_GRANTED; n++) {
		memset(granted, 'x', n);
		access = compile(&sensor, rules, COUNT(rules));
		for (size_t i = 1; i < 2 * N_ASKED; i++) {
			size_t len = i <= N_ASKED ? i : 2 * N_ASKED - i;

			memset(topic, 'x', len);
			topic[len] = '\0';
			assert_int_equal(
			    trust_access_check_publish(access, topic, 0, false),
			    len == n);
		}
		trust_access_free(access);
	}
}

static void
refuses_a_bad_template(void **state)
{
	struct trust_rule rules[] = {RULE(true, PS, "a/{nobody}")};
	const struct trust_role role = {rules, COUNT(rules)};
	const struct trust_role *const roles[] = {&role};
	struct trust_access *access = (struct trust_access *)8;

	(void)state;
	assert_int_equal(
	    trust_access_new(&sensor, roles, 1, &access), TRUST_ERR_INPUT);
	assert_null(access);
	trust_access_free(NULL);
}

/* ---- Explained ---- */

/* A request of the sensor, what is said of it, and the step that says why. */
struct explained {
	struct trust_access_request request;
	bool allowed;
	size_t rule;
	const char *role; /* NULL: no rule, or the one for every device */
	const char *step;
};

static struct trust_rule explained_rules[] = {
    {true, P, {1, (const char *[]){"a/{device}/#"}}, 1, false},
    {true, S, {1, (const char *[]){"#"}}, 2, true},
    RULE(false, PS, "a/+/secret"),
    RULE(false, P, "a/+/+"),
    RULE(true, S, "g/{group}/x"),
    RULE(true, PS, "$SYS/x"),
    RULE(true, PS, "+/monitor"),
};

static const struct explained explained_cases[] = {
    {{true, "a/temp-01/b/c", 1, false}, true, 1, "some",
	"rule 1 of role some allows it: a/{device}/#, here a/temp-01/#"},
    {{true, "a/temp-01/b/c", 2, false}, false, 0, NULL,
	"rule 1 of role some allows QoS 0 and 1 alone: a/{device}/#, here "
	"a/temp-01/#"},
    {{true, "a/temp-01/b/c", 0, true}, false, 0, NULL,
	"rule 1 of role some allows no retained messages: a/{device}/#, here "
	"a/temp-01/#"},
    /* The first that denies is named. */
    {{true, "a/temp-01/secret", 0, false}, false, 3, "some",
	"rule 4 of role some denies it: a/+/+"},
    {{true, "x", 0, false}, false, 0, NULL,
	"rule 2 of role some is not for publishing: #"},
    {{true, "x", 0, false}, false, 0, NULL, "no rule allows it"},
    {{true, "a/#", 0, false}, false, 0, NULL,
	"a/# is no topic name (MQTT 5.0 section 4.7)"},
    {{true, "trust/v1/enroll/temp-01/request", 0, false}, true, 1, NULL,
	"the rule for every device allows it: "
	"trust/v1/enroll/{client}/request, here "
	"trust/v1/enroll/temp-01/request"},
    {{true, "$SYS/x", 0, false}, true, 6, "some",
	"rule 6 of role some allows it: $SYS/x"},
    {{true, "$SYS/monitor", 0, false}, false, 0, NULL,
	"rule 7 of role some does not lead there, as no wildcard leads to $: "
	"+/monitor"},
    {{true, "trust/monitor", 0, false}, false, 0, NULL,
	"rule 7 of role some does not lead there, as its text does not begin "
	"so: +/monitor"},
    {{false, "a/#", 2, false}, true, 2, "some",
	"rule 3 of role some denies a part of it, which is not delivered: "
	"a/+/secret"},
    {{false, "#", 0, false}, true, 2, "some",
	"below trust/ only what a rule that begins with trust/v1/ allows is "
	"delivered"},
    {{false, "a/x/secret", 0, false}, false, 3, "some",
	"rule 3 of role some denies it: a/+/secret"},
    {{false, "$share/g/a/x/secret", 0, false}, false, 3, "some",
	"a shared subscription counts by its inner filter, a/x/secret"},
    {{false, "$share/g", 0, false}, false, 0, NULL,
	"$share/g is no topic filter (MQTT 5.0 section 4.7)"},
    {{false, "$SYS/#", 0, false}, false, 0, NULL,
	"rule 6 of role some allows a part of it alone: $SYS/x"},
    {{false, "$SYS/#", 0, false}, false, 0, NULL, "no rule allows all of it"},
    {{false, "trust/v1/bundle", 0, false}, true, 2, NULL,
	"the rule for every device allows it: trust/v1/bundle"},
};

static bool
has_step(const struct trust_steps *steps, const char *text)
{
	for (size_t i = 0; i < steps->n; i++) {
		if (strcmp(steps->v[i].text, text) == 0)
			return true;
	}
	return false;
}

static void
explains(void **state)
{
	const struct trust_role role = {
	    explained_rules, COUNT(explained_rules)};
	const struct trust_role *const roles[] = {NULL, &role};
	const char *const names[] = {"gone", "some"};
	struct trust_role_values values = sensor;

	(void)state;
	values.group = "";
	for (size_t i = 0; i < COUNT(explained_cases); i++) {
		const struct explained *c = &explained_cases[i];
		struct trust_access_ruling ruling;
		struct trust_steps steps = {0};

		assert_int_equal(
		    trust_access_explain(&values, roles, names, COUNT(roles),
			&c->request, &ruling, &steps),
		    TRUST_OK);
		if (!has_step(&steps, c->step))
			fail_msg(
			    "%s: no step \"%s\"", c->request.topic, c->step);
		assert_int_equal(ruling.allowed, c->allowed);
		assert_int_equal(ruling.rule, c->rule);
		if (c->role != NULL)
			assert_string_equal(ruling.role, c->role);
		else
			assert_null(ruling.role);
		trust_access_ruling_clear(&ruling);
		trust_steps_free(&steps);
	}
}

static void
explains_what_is_left_out(void **state)
{
	struct trust_rule rules[] = {RULE(true, P, "g/{group}/x")};
	const struct trust_role role = {rules, COUNT(rules)};
	const struct trust_role *const roles[] = {&role};
	const char *const names[] = {"some"};
	const struct trust_access_request request = {true, "g//x", 0, false};
	struct trust_role_values values = sensor;
	struct trust_access_ruling ruling;
	struct trust_steps steps = {0};

	(void)state;
	values.group = "";
	assert_int_equal(trust_access_explain(&values, roles, names, 1,
			     &request, &ruling, &steps),
	    TRUST_OK);
	assert_false(ruling.allowed);
	assert_true(has_step(&steps,
	    "rule 1 of role some allows nothing, for want of a value that it "
	    "names: g/{group}/x, here g//x"));
	trust_access_ruling_clear(&ruling);
	trust_steps_free(&steps);
}

/* Of enrollment's topics no rule is asked, and that is said. */
static void
explains_what_is_bound(void **state)
{
	static const struct {
		struct trust_access_request request;
		const char *says;
	} cases[] = {
	    {{true, "trust/v1/enroll/temp-01/request", 1, true},
		"nothing of enrollment is retained"},
	    {{true, "trust/v1/enroll/temp-02/request", 1, false},
		"requests are sent by the client whose topic it is"},
	    {{false, "trust/v1/enroll/temp-02/response", 1, false},
		"responses reach the client whose topic it is"},
	};
	struct trust_rule rules[] = {RULE(true, P | S, "trust/v1/enroll/#")};
	const struct trust_role role = {rules, COUNT(rules)};
	const struct trust_role *const roles[] = {&role};
	const char *const names[] = {"some"};
	struct trust_access_ruling ruling;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trust_steps steps = {0};

		assert_int_equal(trust_access_explain(&sensor, roles, names, 1,
				     &cases[i].request, &ruling, &steps),
		    TRUST_OK);
		assert_false(ruling.allowed);
		assert_int_equal(steps.n > 0, 1);
		assert_non_null(
		    strstr(steps.v[steps.n - 1].text, cases[i].says));
		trust_access_ruling_clear(&ruling);
		trust_steps_free(&steps);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(builtin_grants),
	    cmocka_unit_test(nobody_publishes_the_bundle),
	    cmocka_unit_test(builtin_grants_of_a_module),
	    cmocka_unit_test(default_role),
	    cmocka_unit_test(deny_wins),
	    cmocka_unit_test(deny_is_as_wide_as_it_says),
	    cmocka_unit_test(one_filter_covers),
	    cmocka_unit_test(actions),
	    cmocka_unit_test(wildcards_stay_outside),
	    cmocka_unit_test(literal_text_leads_inside),
	    cmocka_unit_test(values_stay_outside),
	    cmocka_unit_test(values_widen_nothing),
	    cmocka_unit_test(variables),
	    cmocka_unit_test(qos_and_retain),
	    cmocka_unit_test(enrollment_is_not_retained),
	    cmocka_unit_test(enrollment_is_bound),
	    cmocka_unit_test(enrollment_can_be_denied),
	    cmocka_unit_test(newcomers),
	    cmocka_unit_test(same_topic_again),
	    cmocka_unit_test(same_beginning),
	    cmocka_unit_test(refuses_a_bad_template),
	    cmocka_unit_test(explains),
	    cmocka_unit_test(explains_what_is_left_out),
	    cmocka_unit_test(explains_what_is_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
