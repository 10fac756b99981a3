/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry as the commands use it.
 */
#include "records.h"

#include <stdio.h>

enum trust_err
trust_records_open(const char *path, enum trust_registry_mode mode,
    struct trust_registry **out, struct trust_message *msg)
{
	enum trust_err r = trust_registry_open(path, mode, out, msg);

	if (r != TRUST_ERR_NOT_FOUND)
		return r;
	return trust_err_set(msg, TRUST_ERR_IO,
	    "%s: there is no registry; trustctl init -r %s makes one", path,
	    path);
}

enum trust_err
trust_records_change(const char *path, trust_records_edit *edit, void *arg,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_registry *registry = NULL;

	r = trust_records_open(path, TRUST_REGISTRY_WRITE, &registry, msg);
	if (r != TRUST_OK)
		goto out;
	if ((r = trust_registry_begin(registry, msg)) != TRUST_OK)
		goto out;
	if ((r = edit(registry, arg, msg)) != TRUST_OK) {
		trust_registry_rollback(registry);
		goto out;
	}
	r = trust_registry_commit(registry, msg);
out:
	trust_registry_close(registry);
	return r;
}

enum trust_err
trust_records_from_json(
    const json_t *json, struct trust_record **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf line = {0};

	*out = NULL;
	if ((r = trust_json_encode(json, &line)) != TRUST_OK)
		goto out;
	r = trust_record_parse(trust_buf_get0(&line), out, msg);
out:
	trust_buf_free(&line);
	return r;
}

bool
trust_records_kind(
    const struct trust_usage *usage, const char *name, enum trust_kind *kind)
{
	char kinds[TRUST_SHOWN_MAX] = "";
	size_t used = 0;
	int k;

	if (trust_kind_parse(name, kind))
		return true;
	for (k = TRUST_KIND_FIRST; k <= TRUST_KIND_LAST; k++)
		used += (size_t)snprintf(kinds + used, sizeof(kinds) - used,
		    "%s%s", k > TRUST_KIND_FIRST ? ", " : "",
		    trust_kind_name((enum trust_kind)k));
	trust_options_wrong(usage, "want a kind (%s), got \"%s\"", kinds, name);
	return false;
}

int
trust_records_missing(const char *path, enum trust_kind kind, const char *id)
{
	trust_output_error("%s: no %s \"%s\"", path, trust_kind_name(kind), id);
	return TRUST_EXIT_NO;
}

/* What is to be removed. */
struct removal {
	enum trust_kind kind;
	const char *id;
};

static enum trust_err
remove_record(
    struct trust_registry *registry, void *arg, struct trust_message *msg)
{
	const struct removal *removal = arg;

	return trust_registry_remove(registry, removal->kind, removal->id, msg);
}

int
trust_records_remove(const char *path, enum trust_kind kind, const char *id)
{
	struct removal removal = {.kind = kind, .id = id};
	struct trust_message msg = {0};
	enum trust_err err =
	    trust_records_change(path, remove_record, &removal, &msg);

	if (err == TRUST_ERR_NOT_FOUND)
		return trust_records_missing(path, kind, id);
	if (err != TRUST_OK)
		return trust_output_failure(err, &msg);
	printf("%s %s removed\n", trust_kind_name(kind), id);
	return TRUST_EXIT_YES;
}
