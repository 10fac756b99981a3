/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules compiled for one client, and what they allow: interface, "Rules".
 */
#include <stdlib.h>
#include <string.h>

#include "enroll.h"
#include "role_internal.h"
#include "topic_index.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define QOS_MAX 2

/*
 * A request is one bit: to publish at a QoS, retained or not, or to subscribe
 * (to receive is no more). A rule marks its filters with the requests that it
 * is for: as they are, again for reserved topics where it reaches them, and
 * all of that moved up where it denies.
 */
#define SUBSCRIBE_BIT  0x40u
#define RESERVED_SHIFT 8
#define DENIED_SHIFT   16

/* With its NUL, what is kept of the last topic; a longer one is not. */
#define LAST_MAX 100

struct trust_access {
	unsigned refs;
	struct trust_topic_index *index; /* owned; marked as above */
	char *client;                    /* owned; whose rules they are */
	bool is_newcomer;                /* its name is that of a token */
	/* The topic that was looked up last, and its marks in the index,
	 * which never change: devices speak of the same topic again and
	 * again, or of those that one filter gives them. "" at first, which is
	 * no topic and has none. */
	uint32_t last_marks;
	uint32_t n_read; /* octets of it that say so; 1 at first, its NUL */
	char last[LAST_MAX];
};

/* ---- Rules that are built in ---- */

static const char *default_topics[] = {"devices/{device}/#"};
static struct trust_rule default_rules[] = {
    {true, TRUST_ACTION_PUBLISH | TRUST_ACTION_SUBSCRIBE,
	{COUNT(default_topics), default_topics}, 2, true},
};
static const struct trust_role default_role = {
    default_rules, COUNT(default_rules)};

/* What every device may do. A retained request would be answered anew each
 * time that an Edge CA connects. Whom all devices trust says the registry, and
 * no role: whoever publishes that in its place is a CA for all of them. What
 * happened at the gateway it says itself. */
static const char *request_topics[] = {"trust/v1/enroll/{client}/request"};
static const char *answer_topics[] = {
    "trust/v1/bundle", "trust/v1/enroll/{client}/response"};
static const char *gateway_topics[] = {"trust/v1/bundle", "trust/v1/events"};
static struct trust_rule device_rules[] = {
    {true, TRUST_ACTION_PUBLISH, {COUNT(request_topics), request_topics}, 2,
	false},
    {true, TRUST_ACTION_SUBSCRIBE, {COUNT(answer_topics), answer_topics}, 2,
	true},
    {false, TRUST_ACTION_PUBLISH, {COUNT(gateway_topics), gateway_topics}, 2,
	true},
};
static const struct trust_role device_role = {
    device_rules, COUNT(device_rules)};

const struct trust_role *
trust_role_get0_default(void)
{
	return &default_role;
}

const struct trust_role *
trust_role_get0_device(void)
{
	return &device_role;
}

/* ---- Compiling ---- */

/* A whole value that a topic can hold, and that leads nowhere else. */
static bool
is_usable(const char *value)
{
	return *value != '\0' && *value != '$' && strpbrk(value, "+#") == NULL;
}

static bool
has_usable_values(
    const char *template, const char *const values[TRUST_N_VARIABLES])
{
	enum trust_variable i;

	for (i = 0; i < TRUST_N_VARIABLES; i++) {
		if (trust_template_uses(template, i) && !is_usable(values[i]))
			return false;
	}
	return true;
}

/* Whether the literal text begins with trust/v1/ or with a whole $ level. */
static bool
leads_to_reserved(const char *template)
{
	static const char ours[] = "trust/v1/";

	if (*template == '$')
		return strcspn(template, "{") >= strcspn(template, "/");
	return strncmp(template, ours, sizeof(ours) - 1) == 0;
}

static uint32_t
publish_bit(int qos, bool retain)
{
	return 1u << (retain ? QOS_MAX + 1 + qos : qos);
}

static uint32_t
request_bits(const struct trust_rule *rule)
{
	/* What a rule says of QoS and retain bounds what it gives, and a
	 * denial gives nothing: it denies at all of them. */
	int max_qos = rule->allow ? rule->max_qos : QOS_MAX;
	bool retain = rule->retain || !rule->allow;
	uint32_t bits = 0;

	if ((rule->actions & TRUST_ACTION_SUBSCRIBE) != 0)
		bits |= SUBSCRIBE_BIT;
	if ((rule->actions & TRUST_ACTION_PUBLISH) == 0)
		return bits;
	for (int qos = 0; qos <= max_qos && qos <= QOS_MAX; qos++) {
		bits |= publish_bit(qos, false);
		if (retain)
			bits |= publish_bit(qos, true);
	}
	return bits;
}

static uint32_t
marks_of(const struct trust_rule *rule, const char *template)
{
	uint32_t marks = request_bits(rule);

	if (!rule->allow || leads_to_reserved(template))
		marks |= marks << RESERVED_SHIFT;
	return rule->allow ? marks : marks << DENIED_SHIFT;
}

static enum trust_err
visit_topic(const struct trust_rule *rule, size_t number, const char *template,
    const char *const values[TRUST_N_VARIABLES], trust_role_visit *visit,
    void *arg)
{
	struct trust_role_topic topic = {
	    .rule = rule, .number = number, .template = template};
	struct trust_buf filter = {0};
	enum trust_err r;

	r = trust_template_expand(template, values, &filter);
	if (r == TRUST_OK) {
		topic.filter = trust_buf_get0(&filter);
		if (!rule->allow || has_usable_values(template, values))
			topic.marks = marks_of(rule, template);
		else
			topic.is_left_out = true;
		r = visit(arg, &topic);
	}
	trust_buf_free(&filter);
	return r;
}

enum trust_err
trust_role_walk(const struct trust_role *role,
    const char *const values[TRUST_N_VARIABLES], trust_role_visit *visit,
    void *arg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; i < role->n_rules; i++) {
		const struct trust_rule *rule = &role->rules[i];

		for (size_t j = 0; r == TRUST_OK && j < rule->topics.n; j++)
			r = visit_topic(
			    rule, i + 1, rule->topics.v[j], values, visit, arg);
	}
	return r;
}

static enum trust_err
add_topic(void *arg, const struct trust_role_topic *topic)
{
	struct trust_access *access = arg;

	if (topic->is_left_out)
		return TRUST_OK;
	return trust_topic_index_add(
	    access->index, topic->filter, topic->marks);
}

void
trust_role_list_values(
    const struct trust_role_values *values, const char *out[TRUST_N_VARIABLES])
{
	out[TRUST_VARIABLE_DEVICE] = values->device;
	out[TRUST_VARIABLE_GROUP] = values->group;
	out[TRUST_VARIABLE_GATEWAY] = values->gateway;
	out[TRUST_VARIABLE_CLIENT] = values->client;
}

enum trust_err
trust_access_new(const struct trust_role_values *values,
    const struct trust_role *const *roles, size_t n_roles,
    struct trust_access **out)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char *v[TRUST_N_VARIABLES];
	struct trust_access *access;

	*out = NULL;
	trust_role_list_values(values, v);
	access = calloc(1, sizeof(*access));
	if (access == NULL)
		return TRUST_ERR_NOMEM;
	access->refs = 1;
	access->n_read = 1;
	access->is_newcomer = values->is_newcomer;
	access->client = strdup(values->client);
	if (access->client == NULL) {
		r = TRUST_ERR_NOMEM;
		goto out;
	}
	r = trust_topic_index_new(&access->index);
	if (r != TRUST_OK)
		goto out;
	r = trust_role_walk(&device_role, v, add_topic, access);
	for (size_t i = 0; r == TRUST_OK && i < n_roles; i++) {
		if (roles[i] != NULL)
			r = trust_role_walk(roles[i], v, add_topic, access);
	}
	if (r != TRUST_OK)
		goto out;
	*out = access;
	access = NULL; /* transferred */
	r = TRUST_OK;
out:
	trust_access_free(access);
	return r;
}

struct trust_access *
trust_access_get1(struct trust_access *access)
{
	access->refs++;
	return access;
}

void
trust_access_free(struct trust_access *access)
{
	if (access == NULL || --access->refs > 0)
		return;
	trust_topic_index_free(access->index);
	free(access->client);
	free(access);
}

/* ---- Asking ---- */

static bool
is_allowed(uint32_t marks, uint32_t bit, bool reserved)
{
	if (reserved)
		bit <<= RESERVED_SHIFT;
	return (marks & bit) != 0 && (marks & bit << DENIED_SHIFT) == 0;
}

bool
trust_role_topic_decides(const struct trust_role_topic *topic,
    const struct trust_access_request *request)
{
	uint32_t bit = request->publish
			   ? publish_bit(request->qos, request->retain)
			   : SUBSCRIBE_BIT;

	if (trust_topic_is_reserved(request->topic))
		bit <<= RESERVED_SHIFT;
	return (topic->marks & (bit | bit << DENIED_SHIFT)) != 0;
}

/* A device whose id looks like the name of a newcomer has no topics of its own
 * there: they are the newcomer's. */
static bool
is_own(const struct trust_access *access, struct trust_span client)
{
	return client.len == strlen(access->client) &&
	       memcmp(client.p, access->client, client.len) == 0 &&
	       trust_enroll_is_newcomer(access->client) == access->is_newcomer;
}

bool
trust_role_is_bound(const struct trust_access *access,
    const struct trust_access_request *request)
{
	struct trust_span client;
	enum trust_enroll_topic topic =
	    trust_enroll_parse_topic(request->topic, &client);

	if (topic == TRUST_ENROLL_TOPIC_OTHER)
		return true;
	if (request->publish && request->retain)
		return false;
	/* Responses are somebody else's to send, requests to read: rules say
	 * whose. */
	if (request->publish != (topic == TRUST_ENROLL_TOPIC_REQUEST))
		return true;
	return is_own(access, client);
}

/* Whether it begins with what was read of the last one. */
static bool
begins_as_last(const struct trust_access *access, const char *topic)
{
	return strncmp(access->last, topic, access->n_read) == 0;
}

static bool
is_last(const struct trust_access *access, const char *topic)
{
	size_t n = access->n_read;

	return access->last[n - 1] == '\0' ||
	       strcmp(access->last + n, topic + n) == 0;
}

/* The marks of all filters that match; none where it is no topic name. */
static uint32_t
find_marks(struct trust_access *access, const char *topic)
{
	bool begins = begins_as_last(access, topic);
	size_t len, n_read;
	uint32_t marks;

	if (begins && is_last(access, topic))
		return access->last_marks;
	if (!trust_topic_check_name(topic))
		return 0;
	if (begins)
		return access->last_marks;
	marks = trust_topic_index_match(access->index, topic, &n_read);
	len = strlen(topic);
	if (len < LAST_MAX) {
		memcpy(access->last, topic, len + 1);
		access->last_marks = marks;
		access->n_read = (uint32_t)n_read;
	}
	return marks;
}

static bool
may(struct trust_access *access, const struct trust_access_request *request,
    uint32_t bit)
{
	bool reserved = trust_topic_is_reserved(request->topic);

	return is_allowed(find_marks(access, request->topic), bit, reserved) &&
	       (!reserved || trust_role_is_bound(access, request));
}

static bool
is_qos(int qos)
{
	return qos >= 0 && qos <= QOS_MAX;
}

bool
trust_access_check_publish(
    struct trust_access *access, const char *topic, int qos, bool retain)
{
	const struct trust_access_request request = {
	    .publish = true, .topic = topic, .qos = qos, .retain = retain};

	return is_qos(qos) && may(access, &request, publish_bit(qos, retain));
}

bool
trust_access_check_subscribe(
    const struct trust_access *access, const char *filter, int qos)
{
	const char *inner = trust_topic_unshare(filter);
	const struct trust_access_request request = {
	    .topic = inner, .qos = qos};

	/* max_qos bounds messages; a subscription's QoS is only a wish. */
	return inner != NULL && is_qos(qos) &&
	       trust_topic_check_filter(inner) &&
	       is_allowed(trust_topic_index_cover(access->index, inner),
		   SUBSCRIBE_BIT, trust_topic_is_reserved(inner)) &&
	       trust_role_is_bound(access, &request);
}

bool
trust_access_check_receive(struct trust_access *access, const char *topic)
{
	const struct trust_access_request request = {.topic = topic};

	return may(access, &request, SUBSCRIBE_BIT);
}

bool
trust_access_check(
    struct trust_access *access, const struct trust_access_request *request)
{
	if (request->publish)
		return trust_access_check_publish(
		    access, request->topic, request->qos, request->retain);
	return trust_access_check_subscribe(
	    access, request->topic, request->qos);
}
