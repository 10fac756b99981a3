/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of roles: rules about topics.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "record_tables.h"
#include "template.h"

#define RULE(member) offsetof(struct trust_rule, member)

static enum trust_err
read_topic(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const char *text = json_string_value(value);
	bool valid = false;

	if (text != NULL && strchr(text, '\n') == NULL) {
		enum trust_err r = trust_template_check(text, &valid);

		if (r != TRUST_OK)
			return r;
	}
	if (!valid)
		return trust_field_refuse(at, value,
		    "a topic filter (MQTT 5.0 section 4.7), which may hold "
		    "{device}, {group}, {gateway}, {client}");
	*(const char **)target = text;
	return TRUST_OK;
}

static enum trust_err
read_topics(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	return trust_field_read_strings(at, value, 1, read_topic, target);
}

static const struct trust_field_choice effects[] = {
    {"allow", true}, {"deny", false}, {0}};
static const struct trust_field_choice actions[] = {
    {"publish", TRUST_ACTION_PUBLISH}, {"subscribe", TRUST_ACTION_SUBSCRIBE},
    {0}};

static const struct trust_field rule_fields[] = {
    {"effect", .read = trust_field_read_word, .offset = RULE(allow),
	.required = true, .choices = effects},
    {"actions", .read = trust_field_read_bits, .offset = RULE(actions),
	.required = true, .choices = actions},
    {"topics", .read = read_topics, .offset = RULE(topics), .required = true},
    {"max_qos", .read = trust_field_read_int, .offset = RULE(max_qos), .min = 0,
	.max = 2},
    {"retain", .read = trust_field_read_bool, .offset = RULE(retain)},
    {0},
};

static enum trust_err
read_rules(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	static const struct trust_field *const tables[] = {rule_fields, NULL};
	struct trust_role *role = target;
	json_t *member;
	enum trust_err r;
	size_t i;

	r = trust_field_check_list(at, value, 0);
	if (r != TRUST_OK)
		return r;
	role->rules = calloc(json_array_size(value) + 1, sizeof(*role->rules));
	if (role->rules == NULL)
		return TRUST_ERR_NOMEM;
	json_array_foreach(value, i, member)
	{
		struct trust_rule *rule = &role->rules[role->n_rules++];
		size_t mark = trust_field_enter_index(at, i);

		rule->max_qos = 2;
		rule->retain = true;
		r = trust_field_read_object(at, tables, member, rule);
		trust_field_leave(at, mark);
		if (r != TRUST_OK)
			return r;
	}
	return TRUST_OK;
}

const struct trust_field trust_record_role_fields[] = {
    {"rules", .read = read_rules,
	.offset = offsetof(struct trust_record, u.role), .required = true},
    {0},
};
