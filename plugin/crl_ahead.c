/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread for each change, which is seldom: none waits about in between.
 */
#include "crl_ahead.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "thread.h"

struct trust_crl_ahead {
	const char *registry_path;
	struct trust_ahead *ahead;
	pthread_t thread;
	bool busy;            /* there is a thread to join */
	atomic_bool done;     /* and it has ended */
	struct trust_buf ids; /* the thread's while it is busy */
};

enum trust_err
trust_crl_ahead_new(const char *registry_path, struct trust_ahead *ahead,
    struct trust_crl_ahead **out)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return TRUST_ERR_NOMEM;
	(*out)->registry_path = registry_path;
	(*out)->ahead = ahead;
	return TRUST_OK;
}

void
trust_crl_ahead_free(struct trust_crl_ahead *crls)
{
	if (crls == NULL)
		return;
	trust_crl_ahead_end(crls);
	free(crls);
}

/* ---- Within the thread ---- */

struct work {
	struct trust_registry *registry;
	struct trust_ahead *ahead;
	size_t left; /* octets: what parses more than is kept does so in vain */
};

/* What fails here fails again for the gate, which tells of it. */
static enum trust_err
parse(void *arg, const char *id, struct trust_span line)
{
	struct work *work = arg;
	struct trust_record *record = NULL;
	struct trust_thumbprint digest;
	struct trust_message msg;

	if (line.len > work->left)
		return TRUST_OK;
	work->left -= line.len;
	if (trust_thumbprint_of(line, &digest) == TRUST_OK &&
	    trust_registry_parse(work->registry, TRUST_KIND_CRL, id, line,
		&record, &msg) == TRUST_OK)
		trust_ahead_add(work->ahead, record, &digest);
	trust_record_free(record);
	return TRUST_OK;
}

static void
parse_all(struct work *work, const struct trust_buf *ids)
{
	const char *id = (const char *)ids->p;
	enum trust_err r = TRUST_OK;
	struct trust_message msg;

	for (size_t i = 0; r == TRUST_OK && i < ids->len;
	     i += strlen(id + i) + 1)
		r = trust_registry_list_one(
		    work->registry, TRUST_KIND_CRL, id + i, parse, work, &msg);
}

static void *
run(void *arg)
{
	struct trust_crl_ahead *crls = arg;
	struct work work = {.ahead = crls->ahead, .left = TRUST_AHEAD_MAX};
	struct trust_message msg;

	if (trust_registry_open(crls->registry_path, TRUST_REGISTRY_READ,
		&work.registry, &msg) == TRUST_OK)
		parse_all(&work, &crls->ids);
	trust_registry_close(work.registry);
	atomic_store(&crls->done, true);
	return NULL;
}

/* ---- The broker's side ---- */

bool
trust_crl_ahead_begin(struct trust_crl_ahead *crls, struct trust_span ids)
{
	if (crls->busy)
		return true;
	atomic_store(&crls->done, false);
	crls->busy = trust_buf_add(&crls->ids, ids.p, ids.len) == TRUST_OK &&
		     trust_thread_start(&crls->thread, run, crls);
	if (!crls->busy)
		trust_buf_free(&crls->ids);
	return crls->busy;
}

bool
trust_crl_ahead_is_busy(const struct trust_crl_ahead *crls)
{
	return crls->busy;
}

bool
trust_crl_ahead_is_done(const struct trust_crl_ahead *crls)
{
	return crls->busy && atomic_load(&crls->done);
}

void
trust_crl_ahead_end(struct trust_crl_ahead *crls)
{
	if (crls->busy)
		(void)pthread_join(crls->thread, NULL);
	crls->busy = false;
	trust_buf_free(&crls->ids);
}
