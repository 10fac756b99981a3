/* SPDX-License-Identifier: Apache-2.0 */
/*
 * References: for each kind an object whose keys are the ids that were named,
 * and whose values say by whom first.
 */
#include "references.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

/* Different ids of a kind. A million devices share a handful of roles. */
#define IDS_MAX 10000

static const enum trust_kind kinds[] = {
    TRUST_KIND_ROLE, TRUST_KIND_GROUP, TRUST_KIND_ANCHOR, TRUST_KIND_DEVICE};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct trust_references {
	json_t *named[N_KINDS]; /* {"sensor": "device temp-01"} */
};

enum trust_err
trust_references_new(struct trust_references **out)
{
	struct trust_references *references = calloc(1, sizeof(*references));
	bool whole = references != NULL;

	*out = NULL;
	for (size_t i = 0; whole && i < N_KINDS; i++) {
		references->named[i] = json_object();
		whole = references->named[i] != NULL;
	}
	if (!whole) {
		trust_references_free(references);
		return TRUST_ERR_NOMEM;
	}
	*out = references;
	return TRUST_OK;
}

void
trust_references_free(struct trust_references *references)
{
	if (references == NULL)
		return;
	for (size_t i = 0; i < N_KINDS; i++)
		json_decref(references->named[i]);
	free(references);
}

static void
add(struct trust_references *references, enum trust_kind kind, const char *id,
    const struct trust_record *by)
{
	char who[TRUST_SHOWN_MAX];
	json_t *named = NULL;

	for (size_t i = 0; i < N_KINDS; i++)
		if (kinds[i] == kind)
			named = references->named[i];
	if (json_object_get(named, id) != NULL ||
	    json_object_size(named) >= IDS_MAX)
		return;
	(void)snprintf(
	    who, sizeof(who), "%s %s", trust_kind_name(by->kind), by->id);
	/* Without memory there is one note less. */
	(void)json_object_set_new(named, id, json_string(who));
}

static void
add_all(struct trust_references *references, enum trust_kind kind,
    const struct trust_strings *ids, const struct trust_record *by)
{
	for (size_t i = 0; i < ids->n; i++) {
		/* That one is built in. */
		if (kind != TRUST_KIND_ROLE ||
		    strcmp(ids->v[i], TRUST_ROLE_DEFAULT) != 0)
			add(references, kind, ids->v[i], by);
	}
}

void
trust_references_add(
    struct trust_references *references, const struct trust_record *record)
{
	const struct trust_device *device = &record->u.device;
	const struct trust_group *group = &record->u.group;

	if (record->kind == TRUST_KIND_DEVICE) {
		if (device->group != NULL)
			add(references, TRUST_KIND_GROUP, device->group,
			    record);
		add_all(references, TRUST_KIND_ROLE, &device->roles, record);
	} else if (record->kind == TRUST_KIND_GROUP) {
		add_all(references, TRUST_KIND_ANCHOR, &group->anchors, record);
		add_all(references, TRUST_KIND_ROLE, &group->roles, record);
	} else if (record->kind == TRUST_KIND_TOKEN) {
		add(references, TRUST_KIND_DEVICE, record->u.token.device,
		    record);
	}
}

static enum trust_err
resolve(json_t *named, struct trust_registry *registry, enum trust_kind kind,
    struct trust_message *msg)
{
	struct trust_record *record;
	enum trust_err r = TRUST_OK;
	const char *id;
	json_t *who;
	void *next;

	json_object_foreach_safe(named, next, id, who)
	{
		record = NULL;
		r = trust_registry_find(registry, kind, id, &record, msg);
		trust_record_free(record);
		if (r == TRUST_OK)
			(void)json_object_del(named, id);
		else if (r != TRUST_ERR_NOT_FOUND)
			return r;
	}
	return TRUST_OK;
}

enum trust_err
trust_references_resolve(struct trust_references *references,
    struct trust_registry *registry, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < N_KINDS; i++)
		r = resolve(references->named[i], registry, kinds[i], msg);
	return r;
}

static void
tell(const json_t *named, const char *kind)
{
	size_t n = json_object_size(named), told = 0;
	const char *id;
	json_t *who;

	json_object_foreach((json_t *)(uintptr_t)named, id, who)
	{
		if (told++ == TRUST_OUTPUT_NAMED_MAX) {
			trust_output_note("%zu more %ss are named, and not "
					  "there",
			    n - TRUST_OUTPUT_NAMED_MAX, kind);
			return;
		}
		trust_output_note("%s %s, which %s names, is not there; "
				  "it grants nothing until it is",
		    kind, id, json_string_value(who));
	}
}

void
trust_references_tell(const struct trust_references *references)
{
	for (size_t i = 0; i < N_KINDS; i++)
		tell(references->named[i], trust_kind_name(kinds[i]));
}
