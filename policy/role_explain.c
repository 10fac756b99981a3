/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a request is allowed or denied: the same rules, one by one.
 */
#include <stdlib.h>
#include <string.h>

#include "role_internal.h"

/* Everything that starts with trust/, as a filter. */
#define OURS "trust/#"

struct explanation {
	/* With the inner filter of a shared subscription. */
	struct trust_access_request request;
	const char *role; /* the id of the one that is walked; NULL: built in */
	struct trust_access_ruling *ruling;
	struct trust_steps *steps;
};

/* ---- What decided ---- */

void
trust_access_ruling_clear(struct trust_access_ruling *ruling)
{
	free(ruling->role);
	free(ruling->topic);
	free(ruling->filter);
	*ruling = (struct trust_access_ruling){0};
}

static const char *
filter_of(const struct trust_role_topic *topic)
{
	/* An empty value may leave nothing. */
	return topic->filter.len > 0 ? (const char *)topic->filter.p : "";
}

/* The first denial decides, or else the first allowance. */
static enum trust_err
note_decision(
    const struct explanation *explanation, const struct trust_role_topic *topic)
{
	struct trust_access_ruling *ruling = explanation->ruling;

	if (ruling->rule != 0 && (!ruling->effect || topic->rule->allow))
		return TRUST_OK;
	trust_access_ruling_clear(ruling);
	ruling->rule = topic->number;
	ruling->effect = topic->rule->allow;
	ruling->topic = strdup(topic->template);
	ruling->filter = strdup(filter_of(topic));
	if (explanation->role != NULL)
		ruling->role = strdup(explanation->role);
	if (ruling->topic == NULL || ruling->filter == NULL ||
	    (ruling->role == NULL && explanation->role != NULL))
		return TRUST_ERR_NOMEM;
	return TRUST_OK;
}

/* ---- Rule by rule ---- */

/* "rule 2 of role sensor WHAT: TEMPLATE, here FILTER". */
static void
tell(const struct explanation *explanation,
    const struct trust_role_topic *topic, enum trust_step_kind kind,
    const char *what)
{
	const char *filter = filter_of(topic);
	bool same = strcmp(filter, topic->template) == 0;

	if (explanation->role == NULL)
		trust_steps_add(explanation->steps, kind,
		    "the rule for every device %s: %s%s%s", what,
		    topic->template, same ? "" : ", here ", same ? "" : filter);
	else
		trust_steps_add(explanation->steps, kind,
		    "rule %zu of role %s %s: %s%s%s", topic->number,
		    explanation->role, what, topic->template,
		    same ? "" : ", here ", same ? "" : filter);
}

static bool
is_for_action(const struct trust_rule *rule, bool publish)
{
	return (rule->actions & (publish ? TRUST_ACTION_PUBLISH
					 : TRUST_ACTION_SUBSCRIBE)) != 0;
}

static bool
applies(const char *filter, const struct trust_access_request *request)
{
	return request->publish
		   ? trust_topic_filter_matches(filter, request->topic)
		   : trust_topic_filter_covers(filter, request->topic);
}

/* Whether the filter would apply if $ were a letter like others. */
static bool
stops_at_dollar(const char *filter, const struct trust_access_request *request)
{
	struct trust_access_request other = *request;
	char *topic;
	bool stops;

	if (*request->topic != '$' || (*filter != '#' && *filter != '+'))
		return false;
	topic = strdup(request->topic);
	if (topic == NULL)
		return false;
	*topic = 'S';
	other.topic = topic;
	stops = applies(filter, &other);
	free(topic);
	return stops;
}

/* A rule whose filter does not apply. */
static void
tell_near(
    const struct explanation *explanation, const struct trust_role_topic *topic)
{
	const struct trust_access_request *request = &explanation->request;
	const char *filter = filter_of(topic);

	if (!is_for_action(topic->rule, request->publish) || topic->is_left_out)
		return;
	if (stops_at_dollar(filter, request))
		tell(explanation, topic, TRUST_STEP_FACT,
		    "does not lead there, as no wildcard leads to $");
	else if (!request->publish && explanation->role != NULL &&
		 trust_topic_filters_overlap(filter, request->topic))
		tell(explanation, topic, TRUST_STEP_FACT,
		    topic->rule->allow
			? "allows a part of it alone"
			: "denies a part of it, which is not delivered");
}

/* A rule whose filter applies, and that does not decide. */
static void
tell_idle(
    const struct explanation *explanation, const struct trust_role_topic *topic)
{
	const struct trust_access_request *request = &explanation->request;
	const struct trust_rule *rule = topic->rule;
	const char *why;

	if (!is_for_action(rule, request->publish))
		why = request->publish ? "is not for publishing"
				       : "is not for subscribing";
	else if (topic->is_left_out)
		why = "allows nothing, for want of a value that it names";
	else if (request->publish && request->qos > rule->max_qos)
		why = rule->max_qos == 0 ? "allows QoS 0 alone"
					 : "allows QoS 0 and 1 alone";
	else if (request->publish && request->retain && !rule->retain)
		why = "allows no retained messages";
	else
		why = "does not lead there, as its text does not begin so";
	tell(explanation, topic, TRUST_STEP_FACT, why);
}

static enum trust_err
visit_topic(void *arg, const struct trust_role_topic *topic)
{
	const struct explanation *explanation = arg;
	bool allow = topic->rule->allow;

	if (!applies(filter_of(topic), &explanation->request)) {
		tell_near(explanation, topic);
		return TRUST_OK;
	}
	if (!trust_role_topic_decides(topic, &explanation->request)) {
		tell_idle(explanation, topic);
		return TRUST_OK;
	}
	tell(explanation, topic, allow ? TRUST_STEP_PASSED : TRUST_STEP_FAILED,
	    allow ? "allows it" : "denies it");
	return note_decision(explanation, topic);
}

/* ---- The whole ---- */

/* The request with what a rule is compared with, or why there is none. */
static bool
read_request(struct explanation *explanation)
{
	struct trust_access_request *request = &explanation->request;
	const char *topic = request->topic;

	if (request->publish) {
		if (trust_topic_check_name(topic))
			return true;
		trust_steps_add(explanation->steps, TRUST_STEP_FAILED,
		    "%s is no topic name (MQTT 5.0 section 4.7)", topic);
		return false;
	}
	request->topic = trust_topic_unshare(topic);
	if (request->topic == NULL ||
	    !trust_topic_check_filter(request->topic)) {
		trust_steps_add(explanation->steps, TRUST_STEP_FAILED,
		    "%s is no topic filter (MQTT 5.0 section 4.7)", topic);
		return false;
	}
	if (request->topic != topic)
		trust_steps_add(explanation->steps, TRUST_STEP_FACT,
		    "a shared subscription counts by its inner filter, %s",
		    request->topic);
	return true;
}

static void
tell_reserved(const struct explanation *explanation)
{
	const struct trust_access_request *request = &explanation->request;

	if (trust_topic_is_reserved(request->topic))
		trust_steps_add(explanation->steps, TRUST_STEP_FACT,
		    "it is the gateway's: only a rule leads there whose text "
		    "begins with trust/v1/, or with the topic's own $ level");
	else if (!request->publish &&
		 trust_topic_filters_overlap(request->topic, OURS))
		trust_steps_add(explanation->steps, TRUST_STEP_FACT,
		    "below trust/ only what a rule that begins with trust/v1/ "
		    "allows is delivered");
}

/* No rule is asked. */
static enum trust_err
tell_bound(const struct explanation *explanation)
{
	const struct trust_access_request *request = &explanation->request;

	trust_steps_add(explanation->steps, TRUST_STEP_FAILED,
	    request->retain ? "nothing of enrollment is retained, whatever "
			      "rules say"
	    : request->publish
		? "requests are sent by the client whose topic it is, "
		  "whatever rules say"
		: "responses reach the client whose topic it is, whatever "
		  "rules say");
	return TRUST_OK;
}

static enum trust_err
walk_all(struct explanation *explanation, const char *const *values,
    const struct trust_role *const *roles, const char *const *names,
    size_t n_roles)
{
	enum trust_err r;

	r = trust_role_walk(
	    trust_role_get0_device(), values, visit_topic, explanation);
	for (size_t i = 0; r == TRUST_OK && i < n_roles; i++) {
		explanation->role = names[i];
		if (roles[i] != NULL)
			r = trust_role_walk(
			    roles[i], values, visit_topic, explanation);
	}
	if (r == TRUST_OK && explanation->ruling->rule == 0)
		trust_steps_add(explanation->steps, TRUST_STEP_FAILED,
		    explanation->request.publish ? "no rule allows it"
						 : "no rule allows all of it");
	return r;
}

enum trust_err
trust_access_explain(const struct trust_role_values *values,
    const struct trust_role *const *roles, const char *const *names,
    size_t n_roles, const struct trust_access_request *request,
    struct trust_access_ruling *out, struct trust_steps *steps)
{
	struct explanation explanation = {
	    .request = *request, .ruling = out, .steps = steps};
	const char *v[TRUST_N_VARIABLES];
	struct trust_access *access;
	enum trust_err r;

	*out = (struct trust_access_ruling){0};
	r = trust_access_new(values, roles, n_roles, &access);
	if (r != TRUST_OK)
		return r;
	trust_role_list_values(values, v);
	if (read_request(&explanation)) {
		tell_reserved(&explanation);
		r = trust_role_is_bound(access, &explanation.request)
			? walk_all(&explanation, v, roles, names, n_roles)
			: tell_bound(&explanation);
	}
	if (r == TRUST_OK)
		out->allowed = trust_access_check(access, request);
	else
		trust_access_ruling_clear(out);
	trust_access_free(access);
	return r;
}
