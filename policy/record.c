/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: their kinds, their ids, their canonical form, their end.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "record.h"

static const char *const kind_names[TRUST_KIND_LAST + 1] = {
    [TRUST_KIND_DEVICE] = "device",
    [TRUST_KIND_ANCHOR] = "anchor",
    [TRUST_KIND_GROUP] = "group",
    [TRUST_KIND_CRL] = "crl",
    [TRUST_KIND_ROLE] = "role",
    [TRUST_KIND_TOKEN] = "token",
    [TRUST_KIND_GATEWAY] = "gateway",
};

const char *
trust_kind_name(enum trust_kind kind)
{
	if (kind < TRUST_KIND_FIRST || kind > TRUST_KIND_LAST)
		return "unknown";
	return kind_names[kind];
}

bool
trust_kind_parse(const char *name, enum trust_kind *kind)
{
	*kind = (enum trust_kind)0;
	for (int i = TRUST_KIND_FIRST; i <= TRUST_KIND_LAST; i++) {
		if (strcmp(kind_names[i], name) == 0) {
			*kind = (enum trust_kind)i;
			return true;
		}
	}
	return false;
}

/* By hand: what is a letter here must not depend on a locale. */
static bool
is_id_char(uint8_t c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("-._%*?!(),:=@'", c) != NULL;
}

bool
trust_id_check(const uint8_t *p, size_t len)
{
	if (len == 0 || len > TRUST_ID_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_id_char(p[i]))
			return false;
	}
	return true;
}

bool
trust_id_match(const char *pattern, const char *id)
{
	const char *star = NULL; /* what is behind the last * */
	const char *from = NULL; /* where that * ends in the id, so far */

	while (*id != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			from = id;
		} else if (*pattern == '?' || *pattern == *id) {
			pattern++;
			id++;
		} else if (star != NULL) {
			pattern = star;
			id = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static void
free_role(struct trust_role *role)
{
	for (size_t i = 0; i < role->n_rules; i++)
		free(role->rules[i].topics.v);
	free(role->rules);
}

static void
free_kind(struct trust_record *record)
{
	switch (record->kind) {
	case TRUST_KIND_DEVICE:
		free(record->u.device.pins);
		free(record->u.device.roles.v);
		break;
	case TRUST_KIND_GROUP:
		free(record->u.group.anchors.v);
		free(record->u.group.intermediates.v);
		free(record->u.group.match.v);
		free(record->u.group.roles.v);
		break;
	case TRUST_KIND_ROLE:
		free_role(&record->u.role);
		break;
	case TRUST_KIND_ANCHOR:
	case TRUST_KIND_CRL:
	case TRUST_KIND_TOKEN:
	case TRUST_KIND_GATEWAY:
		break;
	}
}

struct trust_record *
trust_record_get1(struct trust_record *record)
{
	record->more_refs++;
	return record;
}

void
trust_record_free(struct trust_record *record)
{
	if (record == NULL)
		return;
	if (record->more_refs > 0) {
		record->more_refs--;
		return;
	}
	free_kind(record);
	json_decref(record->json);
	trust_buf_free(&record->canonical);
	free(record);
}

enum trust_err
trust_record_encode(const struct trust_record *record, struct trust_buf *out)
{
	const struct trust_buf *made = &record->canonical;

	if (made->len > 0)
		return trust_buf_add(out, made->p, made->len);
	return trust_json_encode(record->json, out);
}

enum trust_err
trust_record_encode_unscoped(
    const struct trust_record *record, struct trust_buf *out)
{
	enum trust_err r;
	json_t *copy;

	if (json_object_get(record->json, "scopes") == NULL)
		return trust_json_encode(record->json, out);
	copy = json_copy(record->json);
	if (copy == NULL)
		return TRUST_ERR_NOMEM;
	/* It is there, so it goes. */
	(void)json_object_del(copy, "scopes");
	r = trust_json_encode(copy, out);
	json_decref(copy);
	return r;
}
