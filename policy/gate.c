/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's belongings: the registry, its sets, the verdict cache, and what
 * the gateway remembers by itself.
 */
#include "gate_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Opening ---- */

void
trust_gate_complain(struct trust_gate *gate, const struct trust_message *msg)
{
	if (strcmp(gate->complaint, msg->text) == 0)
		return;
	memcpy(gate->complaint, msg->text, sizeof(gate->complaint));
	trust_log_printf(&gate->config.log, TRUST_LOG_ERROR, "%s", msg->text);
}

static bool
find_file(const char *path, struct file_id *out)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	*out = (struct file_id){st.st_dev, st.st_ino};
	return true;
}

static void
forget_trouble(struct trust_gate *gate)
{
	gate->unread = false;
	gate->told_unread = false;
	gate->bad_generation = -1;
}

bool
trust_gate_is_same_file(const struct trust_gate *gate)
{
	struct file_id now;

	return find_file(gate->config.registry_path, &now) &&
	       now.device == gate->file.device && now.inode == gate->file.inode;
}

void
trust_gate_forget_registry(struct trust_gate *gate)
{
	trust_gate_forget_absent(gate);
	trust_sets_free(gate->sets);
	gate->sets = NULL;
	trust_gate_forget_news(gate);
	trust_registry_close(gate->registry);
	gate->registry = NULL;
	gate->bundle_told = false;
	trust_cache_free(gate->cache);
	gate->cache = NULL;
	trust_gate_forget_keys(gate);
}

enum trust_err
trust_gate_open_registry(struct trust_gate *gate, struct trust_message *msg)
{
	enum trust_err r;

	/* One that cannot be looked at is there, maybe: opening it tells. */
	if (!find_file(gate->config.registry_path, &gate->file) &&
	    (errno == ENOENT || errno == ENOTDIR))
		return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "%s: there is no registry; make one with trustctl init",
		    gate->config.registry_path);
	forget_trouble(gate);
	gate->bundle_told = false;
	r = trust_cache_new(TRUST_CACHE_MAX, &gate->cache);
	if (r == TRUST_OK)
		r = trust_registry_open(gate->config.registry_path,
		    TRUST_REGISTRY_READ, &gate->registry, msg);
	if (r == TRUST_OK)
		r = trust_gate_ask_generation(gate, msg);
	if (r == TRUST_OK)
		r = trust_gate_read_role(gate, msg);
	if (r == TRUST_OK)
		r = trust_gate_read_age(gate, msg);
	if (r != TRUST_OK)
		trust_gate_forget_registry(gate);
	gate->told_generation = gate->generation;
	gate->epoch++;
	return r;
}

/* Without a registry nobody is let in, whoever is blocked: then REGISTRY.local
 * may wait until there is a directory to make it in. */
static enum trust_err
open_both(struct trust_gate *gate, struct trust_message *msg)
{
	struct trust_message trouble = {0};
	enum trust_err local = TRUST_ERR_INTERNAL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	local = trust_gate_open_local(gate, msg);
	if (local != TRUST_OK && local != TRUST_ERR_NOT_FOUND)
		return local;
	r = trust_gate_open_registry(gate, &trouble);
	if (r == TRUST_ERR_NOT_FOUND) {
		trust_gate_complain(gate, &trouble);
		return TRUST_OK;
	}
	if (r != TRUST_OK)
		return trust_err_set(msg, r, "%s", trouble.text);
	return gate->config.remember ? local : TRUST_OK;
}

enum trust_err
trust_gate_open(const struct trust_gate_config *config, struct trust_gate **out,
    struct trust_message *msg)
{
	struct trust_message trouble = {0};
	struct trust_gate *gate;
	enum trust_err r;

	*out = NULL;
	gate = calloc(1, sizeof(*gate));
	if (gate == NULL)
		return trust_err_set(
		    msg, TRUST_ERR_NOMEM, "gate: out of memory");
	gate->config = *config;
	r = trust_pool_new(TRUST_POOL_MAX, &gate->pool);
	if (r == TRUST_OK)
		r = open_both(gate, &trouble);
	if (r != TRUST_OK) {
		trust_gate_close(gate);
		return trust_err_set(msg, r, "%s", trouble.text);
	}
	trust_gate_follow_keys(gate);
	*out = gate;
	return TRUST_OK;
}

void
trust_gate_close(struct trust_gate *gate)
{
	if (gate == NULL)
		return;
	trust_gate_forget_registry(gate);
	while (trust_gate_store_some_seen(gate))
		;
	trust_gate_forget_late_crls(gate);
	trust_gate_forget_ledger(gate);
	trust_local_close(gate->local);
	trust_pool_free(gate->pool);
	free(gate);
}

/* ---- Keeping the sets current ---- */

enum trust_err
trust_gate_ask_generation(struct trust_gate *gate, struct trust_message *msg)
{
	return trust_registry_get_generation(
	    gate->registry, &gate->generation, msg);
}

/* Nobody rests on sets before the first. */
static void
take_sets(struct trust_gate *gate, struct trust_sets *fresh)
{
	struct trust_sets_news news = {0};
	enum trust_err r = TRUST_OK;

	if (gate->sets != NULL)
		r = trust_sets_compare(gate->sets, fresh, &news);
	for (size_t i = 0; r == TRUST_OK && i < news.moved.n; i++)
		r = trust_grounds_add(&gate->moved, news.moved.v[i]);
	if (r != TRUST_OK)
		gate->all_moved = true;
	trust_sets_free(gate->sets);
	gate->sets = fresh;
	gate->sets_serial++;
	if (r != TRUST_OK)
		trust_gate_forget_ledger(gate);
	else
		trust_gate_note_paths(gate, &news.paths);
	trust_sets_news_clear(&news);
}

/* Within a read: the sets as this state of the registry has them. */
static enum trust_err
refresh_sets(struct trust_gate *gate, struct trust_message *msg)
{
	struct trust_sets *fresh = NULL;
	enum trust_err r;

	r = trust_gate_ask_generation(gate, msg);
	if (r != TRUST_OK ||
	    (gate->sets != NULL && gate->generation == gate->sets_generation))
		return r;
	if (gate->sets == NULL)
		r = trust_sets_load(
		    gate->registry, gate->config.ahead, &fresh, msg);
	else
		r = trust_sets_reload(gate->registry, gate->config.ahead,
		    gate->sets, gate->sets_generation, &fresh, msg);
	if (r != TRUST_OK)
		return r;
	if (fresh != NULL)
		take_sets(gate, fresh);
	gate->sets_generation = gate->generation;
	return TRUST_OK;
}

static enum trust_err
begin_read(struct trust_gate *gate, struct trust_message *msg)
{
	enum trust_err r;

	r = trust_registry_begin_read(gate->registry, msg);
	if (r != TRUST_OK)
		return r;
	r = refresh_sets(gate, msg);
	if (r == TRUST_ERR_INPUT || r == TRUST_ERR_DAMAGED)
		gate->bad_generation = gate->generation;
	if (r != TRUST_OK)
		trust_registry_end_read(gate->registry);
	return r;
}

enum trust_err
trust_gate_begin_read(struct trust_gate *gate, struct trust_message *msg)
{
	enum trust_err r = begin_read(gate, msg);

	if (r != TRUST_OK) {
		gate->unread = true;
	} else if (gate->unread) {
		forget_trouble(gate);
		gate->all_moved = true;
	}
	return r;
}

bool
trust_gate_is_ready(const struct trust_gate *gate)
{
	return gate->registry != NULL;
}
