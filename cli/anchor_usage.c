/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the anchors of a registry are used.
 */
#include "anchor_usage.h"

#include <stdlib.h>
#include <string.h>

#include "certfile.h"

struct trust_anchor_usage {
	/* {id: {"purposes": bits, "thumbprint": hex}}; those enabled have bits,
	 * others none. */
	json_t *anchors;
	json_t *groups; /* {id: [anchor, …]}; of enabled groups */
	json_t *named;  /* {anchor: [group, …]}; of all groups */
	/* Of the walk. */
	const struct trust_registry *registry;
	struct trust_message *msg;
};

static enum trust_err
note_anchor(struct trust_anchor_usage *usage, const struct trust_record *record)
{
	unsigned purposes = record->enabled ? record->u.anchor.purposes : 0;
	struct trust_certificate *certificate = NULL;
	char thumbprint[TRUST_THUMBPRINT_TEXT];
	enum trust_err r;

	r = trust_certfile_facts(
	    record->u.anchor.pem, &certificate, usage->msg);
	if (r != TRUST_OK)
		return r;
	(void)trust_thumbprint_format(&certificate->thumbprint, thumbprint);
	trust_certificate_free(certificate);
	return json_object_set_new(usage->anchors, record->id,
		   json_pack("{s:i, s:s}", "purposes", (int)purposes,
		       "thumbprint", thumbprint)) == 0
		   ? TRUST_OK
		   : TRUST_ERR_NOMEM;
}

/* Add to the array of a key, which is made if need be. */
static enum trust_err
append(json_t *object, const char *key, const char *value)
{
	json_t *array = json_object_get(object, key);

	if (array == NULL) {
		array = json_array();
		if (json_object_set_new(object, key, array) != 0)
			return TRUST_ERR_NOMEM;
	}
	if (value == NULL)
		return TRUST_OK;
	return json_array_append_new(array, json_string(value)) == 0
		   ? TRUST_OK
		   : TRUST_ERR_NOMEM;
}

static enum trust_err
note_group(struct trust_anchor_usage *usage, const struct trust_record *record)
{
	const struct trust_strings *anchors = &record->u.group.anchors;
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < anchors->n; i++) {
		r = append(usage->named, anchors->v[i], record->id);
		if (r == TRUST_OK && record->enabled)
			r = append(usage->groups, record->id, anchors->v[i]);
	}
	return r;
}

static enum trust_err
visit(struct trust_anchor_usage *usage, enum trust_kind kind, const char *id,
    struct trust_span line,
    enum trust_err (*note)(
	struct trust_anchor_usage *usage, const struct trust_record *record))
{
	struct trust_record *record = NULL;
	enum trust_err r = trust_registry_parse(
	    usage->registry, kind, id, line, &record, usage->msg);

	if (r == TRUST_OK)
		r = note(usage, record);
	trust_record_free(record);
	return r;
}

static enum trust_err
visit_anchor(void *arg, const char *id, struct trust_span line)
{
	return visit(arg, TRUST_KIND_ANCHOR, id, line, note_anchor);
}

static enum trust_err
visit_group(void *arg, const char *id, struct trust_span line)
{
	return visit(arg, TRUST_KIND_GROUP, id, line, note_group);
}

enum trust_err
trust_anchor_usage_load(struct trust_registry *registry,
    struct trust_anchor_usage **out, struct trust_message *msg)
{
	struct trust_anchor_usage *usage = calloc(1, sizeof(*usage));
	enum trust_err r = TRUST_ERR_NOMEM;

	*out = NULL;
	if (usage == NULL)
		return r;
	*usage = (struct trust_anchor_usage){.anchors = json_object(),
	    .groups = json_object(),
	    .named = json_object(),
	    .registry = registry,
	    .msg = msg};
	if (usage->anchors != NULL && usage->groups != NULL &&
	    usage->named != NULL)
		r = trust_registry_list(
		    registry, TRUST_KIND_ANCHOR, visit_anchor, usage, msg);
	if (r == TRUST_OK)
		r = trust_registry_list(
		    registry, TRUST_KIND_GROUP, visit_group, usage, msg);
	if (r != TRUST_OK) {
		trust_anchor_usage_free(usage);
		return r;
	}
	*out = usage;
	return TRUST_OK;
}

void
trust_anchor_usage_free(struct trust_anchor_usage *usage)
{
	if (usage == NULL)
		return;
	json_decref(usage->anchors);
	json_decref(usage->groups);
	json_decref(usage->named);
	free(usage);
}

const json_t *
trust_anchor_usage_get0_groups(
    const struct trust_anchor_usage *usage, const char *anchor)
{
	return json_object_get(usage->named, anchor);
}

static bool
is_for(const struct trust_anchor_usage *usage, const char *anchor,
    unsigned purpose)
{
	const json_t *purposes = json_object_get(
	    json_object_get(usage->anchors, anchor), "purposes");

	return ((unsigned)json_integer_value(purposes) & purpose) != 0;
}

/* Whether this anchor vouches for a group's devices, and no other does. */
static bool
is_only(const struct trust_anchor_usage *usage, const json_t *anchors,
    const char *anchor)
{
	bool named = false;
	const json_t *name;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)anchors, i, name)
	{
		const char *id = json_string_value(name);

		if (!is_for(usage, id, TRUST_PURPOSE_BIT_DEVICE))
			continue;
		if (strcmp(id, anchor) != 0)
			return false;
		named = true;
	}
	return named;
}

json_t *
trust_anchor_usage_only(
    const struct trust_anchor_usage *usage, const char *anchor)
{
	json_t *only = json_array();
	const char *group;
	json_t *anchors;

	json_object_foreach(usage->groups, group, anchors)
	{
		if (is_only(usage, anchors, anchor) &&
		    json_array_append_new(only, json_string(group)) != 0) {
			json_decref(only);
			return NULL;
		}
	}
	return only;
}

bool
trust_anchor_usage_is_last(const struct trust_anchor_usage *usage,
    const char *anchor, unsigned purpose)
{
	const char *id;
	json_t *other;

	if (!is_for(usage, anchor, purpose))
		return false;
	json_object_foreach(usage->anchors, id, other)
	{
		if (strcmp(id, anchor) != 0 && is_for(usage, id, purpose))
			return false;
	}
	return true;
}

const char *
trust_anchor_usage_get0_twin(const struct trust_anchor_usage *usage,
    const char *anchor, const struct trust_thumbprint *thumbprint)
{
	char hex[TRUST_THUMBPRINT_TEXT];
	const char *id;
	json_t *other;

	(void)trust_thumbprint_format(thumbprint, hex);
	json_object_foreach(usage->anchors, id, other)
	{
		if (strcmp(id, anchor) != 0 &&
		    strcmp(
			json_string_value(json_object_get(other, "thumbprint")),
			hex) == 0)
			return id;
	}
	return NULL;
}
