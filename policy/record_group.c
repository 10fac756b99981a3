/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of groups: which anchors vouch for which names.
 */
#include <stddef.h>
#include <string.h>

#include "clock.h"
#include "record_tables.h"

#define GROUP(member) offsetof(struct trust_record, u.group.member)

/* Bits of the largest RSA key that certificates have in practice. */
#define RSA_BITS_MAX 16384

static enum trust_err
read_intermediates(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	return trust_field_read_strings(
	    at, value, 0, trust_field_read_certificate, target);
}

static enum trust_err
read_identity(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_field_choice choices[TRUST_N_IDENTITIES + 1] = {0};
	enum trust_err r;
	int choice;

	for (int i = 0; i < TRUST_N_IDENTITIES; i++) {
		choices[i].name = trust_identity_name((enum trust_identity)i);
		choices[i].value = i;
	}
	r = trust_field_choose(at, value, choices, &choice);
	if (r == TRUST_OK)
		*(enum trust_identity *)target = (enum trust_identity)choice;
	return r;
}

/* What a pattern consists of are the characters of ids. */
static enum trust_err
read_match(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_group *group = target;

	group->has_match = true;
	return trust_field_read_ids(at, field, value, &group->match);
}

static enum trust_err
read_roles(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	struct trust_group *group = target;

	group->has_roles = true;
	return trust_field_read_ids(at, field, value, &group->roles);
}

static enum trust_err
read_max_validity(struct trust_field_at *at, const struct trust_field *field,
    json_t *value, void *target)
{
	const char *text = json_string_value(value);
	int64_t seconds;

	/* None at all would read as no bound. */
	if (text == NULL || trust_duration_parse(text, &seconds) != TRUST_OK ||
	    seconds == 0)
		return trust_field_refuse(
		    at, value, "a duration as 825d, up to 100 years");
	*(int64_t *)target = seconds;
	return TRUST_OK;
}

static const struct trust_field_choice enrolls[] = {
    {"registered", false}, {"automatic", true}, {0}};
static const struct trust_field_choice pins[] = {{"first", true}, {0}};

const struct trust_field trust_record_group_fields[] = {
    {"anchors", .read = trust_field_read_ids, .offset = GROUP(anchors),
	.required = true},
    {"intermediates", .read = read_intermediates,
	.offset = GROUP(intermediates)},
    {"identity", .read = read_identity, .offset = GROUP(identity)},
    {"match", .read = read_match,
	.offset = offsetof(struct trust_record, u.group)},
    {"enroll", .read = trust_field_read_word, .offset = GROUP(automatic),
	.choices = enrolls},
    {"roles", .read = read_roles,
	.offset = offsetof(struct trust_record, u.group)},
    {"max_depth", .read = trust_field_read_int, .offset = GROUP(max_depth),
	.min = 0, .max = TRUST_CHAIN_PATH_MAX - 2},
    {"min_rsa_bits", .read = trust_field_read_int,
	.offset = GROUP(min_rsa_bits), .min = 0, .max = RSA_BITS_MAX},
    {"require_client_auth_eku", .read = trust_field_read_bool,
	.offset = GROUP(require_client_auth_eku)},
    {"max_validity", .read = read_max_validity,
	.offset = GROUP(max_validity_s)},
    {"client_id", .read = trust_record_read_client_id,
	.offset = GROUP(client_id)},
    {"pin", .read = trust_field_read_word, .offset = GROUP(pin_first),
	.choices = pins},
    {0},
};
