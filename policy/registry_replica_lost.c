/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many devices a change takes away: the state held, which another
 * connection still reads, against the state within the change.
 */
#include <string.h>

#include "registry_replica_internal.h"
#include "sets.h"

/* Both states. */
struct comparison {
	struct trust_registry_replica *replica;
	struct trust_registry *held; /* a connection of its own */
	struct trust_sets *held_sets;
	struct trust_sets *new_sets;
	int64_t n_lost;
};

/* ---- Who can come in ---- */

static bool
has_role(const struct trust_strings *roles, const struct trust_sets *sets)
{
	bool found = false;

	for (size_t i = 0; i < roles->n; i++)
		found |= trust_sets_get0_role(sets, roles->v[i]) != NULL;
	return found;
}

static bool
is_open(const struct trust_sets_group *group)
{
	return group != NULL && group->enabled &&
	       sk_X509_num(group->anchors) > 0;
}

/* Whether a group grants anything to those who name no roles. */
static bool
grants(const struct trust_sets_group *group, const struct trust_sets *sets)
{
	return group != NULL && (!group->group->has_roles ||
				    has_role(&group->group->roles, sets));
}

/* Whether a device has a way in, and anything to do there. */
static bool
is_able(const struct trust_record *record, const struct trust_sets *sets)
{
	const struct trust_device *device = &record->u.device;
	const struct trust_sets_group *group = NULL;

	if (!record->enabled)
		return false;
	if (device->auth == TRUST_AUTH_CA) {
		group = trust_sets_get0_group(sets, device->group);
		if (!is_open(group))
			return false;
	}
	if (device->has_roles)
		return has_role(&device->roles, sets);
	return device->auth != TRUST_AUTH_CA || grants(group, sets);
}

static bool
has_same_group(const struct trust_device *a, const struct trust_device *b)
{
	return a->auth != TRUST_AUTH_CA || strcmp(a->group, b->group) == 0;
}

static bool
has_same_roles(const struct trust_device *a, const struct trust_device *b)
{
	bool same = a->has_roles == b->has_roles && a->roles.n == b->roles.n;

	for (size_t i = 0; same && i < a->roles.n; i++)
		same = strcmp(a->roles.v[i], b->roles.v[i]) == 0;
	return same;
}

bool
trust_registry_replica_rests_on_same(
    const struct trust_record *a, const struct trust_record *b)
{
	const struct trust_device *p = &a->u.device, *q = &b->u.device;

	return a->enabled == b->enabled && p->auth == q->auth &&
	       has_same_group(p, q) && has_same_roles(p, q);
}

/* ---- The devices that were touched ---- */

static bool
is_lost(const struct comparison *c, const struct trust_record *held,
    const struct trust_record *now)
{
	return now == NULL || (held->enabled && !now->enabled) ||
	       (is_able(held, c->held_sets) && !is_able(now, c->new_sets));
}

static enum trust_err
find_if_any(struct trust_registry *registry, const char *id,
    struct trust_record **out, struct trust_message *msg)
{
	enum trust_err r =
	    trust_registry_find(registry, TRUST_KIND_DEVICE, id, out, msg);

	return r == TRUST_ERR_NOT_FOUND ? TRUST_OK : r;
}

/* One that is damaged lets nobody in who could be lost. */
static enum trust_err
find_held(const struct comparison *c, const char *id, struct trust_record **out,
    struct trust_message *msg)
{
	enum trust_err r = find_if_any(c->held, id, out, msg);

	return r == TRUST_ERR_DAMAGED ? TRUST_OK : r;
}

static enum trust_err
compare_device(struct comparison *c, const char *id, struct trust_message *msg)
{
	struct trust_record *held = NULL, *now = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = find_held(c, id, &held, msg);
	if (r != TRUST_OK || held == NULL)
		goto out;
	r = find_if_any(c->replica->registry, id, &now, msg);
	if (r != TRUST_OK)
		goto out;
	if (is_lost(c, held, now))
		c->n_lost++;
	r = TRUST_OK;
out:
	trust_record_free(held);
	trust_record_free(now);
	return r;
}

typedef enum trust_err visit_id(
    struct comparison *c, const char *id, struct trust_message *msg);

static enum trust_err
visit_touched(struct comparison *c, enum trust_kind kind, visit_id *visit,
    struct trust_message *msg)
{
	sqlite3_stmt *list =
	    c->replica->statements[TRUST_REGISTRY_REPLICA_LIST_TOUCHED];
	const struct trust_registry_file *file = &c->replica->registry->file;
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char *id;
	bool row;

	if (sqlite3_bind_int(list, 1, (int)kind) != SQLITE_OK)
		return trust_registry_file_fail(file, msg);
	for (;;) {
		r = trust_registry_file_step(file, list, &row, msg);
		if (r != TRUST_OK || !row)
			break;
		id = (const char *)sqlite3_column_text(list, 0);
		if (id == NULL) {
			r = trust_registry_file_fail(file, msg);
			break;
		}
		r = visit(c, id, msg);
		if (r != TRUST_OK)
			break;
	}
	trust_registry_file_reset(list);
	return r;
}

/* ---- The others, when what they rest on went ---- */

static bool
lost_groups(const struct comparison *c)
{
	size_t n = trust_sets_count_groups(c->held_sets);
	const struct trust_sets_group *held, *now;

	for (size_t i = 0; i < n; i++) {
		held = trust_sets_get0_group_at(c->held_sets, i);
		now = trust_sets_get0_group(c->new_sets, held->id);
		if (is_open(held) && !is_open(now))
			return true;
		if (grants(held, c->held_sets) && !grants(now, c->new_sets))
			return true;
	}
	return false;
}

/* What is not TRUST_OK ends the walk over roles: one that went is enough. */
static enum trust_err
look_for_role(struct comparison *c, const char *id, struct trust_message *msg)
{
	if (trust_sets_get0_role(c->held_sets, id) != NULL &&
	    trust_sets_get0_role(c->new_sets, id) == NULL)
		return TRUST_ERR_NOT_FOUND;
	return TRUST_OK;
}

static enum trust_err
compare_sets(struct comparison *c, bool *lost, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	*lost = lost_groups(c);
	if (*lost)
		return TRUST_OK;
	r = visit_touched(c, TRUST_KIND_ROLE, look_for_role, msg);
	*lost = r == TRUST_ERR_NOT_FOUND;
	return *lost ? TRUST_OK : r;
}

/* A device that was not touched rests on the same in both states. */
static enum trust_err
compare_untouched(
    struct comparison *c, sqlite3_stmt *row, struct trust_message *msg)
{
	const char *id = (const char *)sqlite3_column_text(row, 0);
	struct trust_record *record = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (id == NULL)
		return trust_registry_file_fail(
		    &c->replica->registry->file, msg);
	r = trust_registry_parse(c->replica->registry, TRUST_KIND_DEVICE, id,
	    trust_registry_file_get0_bytes(row, 1), &record, msg);
	if (r != TRUST_OK)
		return r;
	if (is_lost(c, record, record))
		c->n_lost++;
	trust_record_free(record);
	return TRUST_OK;
}

static enum trust_err
visit_untouched(struct comparison *c, struct trust_message *msg)
{
	sqlite3_stmt *list =
	    c->replica
		->statements[TRUST_REGISTRY_REPLICA_LIST_UNTOUCHED_DEVICES];
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row;

	for (;;) {
		r = trust_registry_file_step(
		    &c->replica->registry->file, list, &row, msg);
		if (r != TRUST_OK || !row)
			break;
		r = compare_untouched(c, list, msg);
		if (r != TRUST_OK)
			break;
	}
	trust_registry_file_reset(list);
	return r;
}

/* ---- All of them ---- */

static enum trust_err
compare(struct comparison *c, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool lost;

	r = trust_sets_load(c->held, NULL, &c->held_sets, msg);
	/* What is damaged lets nobody in: there is nobody to lose. */
	if (r == TRUST_ERR_INPUT || r == TRUST_ERR_DAMAGED)
		return TRUST_OK;
	if (r != TRUST_OK)
		return r;
	r = trust_sets_load(c->replica->registry, NULL, &c->new_sets, msg);
	if (r != TRUST_OK)
		return r;
	r = visit_touched(c, TRUST_KIND_DEVICE, compare_device, msg);
	if (r != TRUST_OK)
		return r;
	r = compare_sets(c, &lost, msg);
	if (r != TRUST_OK || !lost)
		return r;
	return visit_untouched(c, msg);
}

static enum trust_err
count(struct trust_registry_replica *replica, int64_t *n_lost,
    struct trust_message *msg)
{
	struct comparison c = {.replica = replica};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_open(
	    replica->registry->file.path, TRUST_REGISTRY_READ, &c.held, msg);
	if (r != TRUST_OK)
		goto out;
	/* Nobody commits while this change is under way: it is what is held. */
	r = trust_registry_begin_read(c.held, msg);
	if (r != TRUST_OK)
		goto out;
	r = compare(&c, msg);
	if (r != TRUST_OK)
		goto out;
	*n_lost = c.n_lost;
	r = TRUST_OK;
out:
	trust_sets_free(c.held_sets);
	trust_sets_free(c.new_sets);
	trust_registry_close(c.held);
	return r;
}

enum trust_err
trust_registry_replica_count_lost(struct trust_registry_replica *replica,
    int percent, int64_t least, int64_t *n_held, int64_t *n_lost,
    struct trust_message *msg)
{
	const struct trust_registry_replica_change *change = &replica->change;
	int64_t n = change->n_touched_devices;

	*n_held = change->n_devices;
	*n_lost = 0;
	if (change->n_devices <= least)
		return TRUST_OK;
	if (!change->touched_sets &&
	    (n <= least || n * 100 <= percent * change->n_devices))
		return TRUST_OK;
	return count(replica, n_lost, msg);
}
