/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upkeep of a publication in a thread.
 */
#include "upkeep.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "records.h"

/* Between two steps. SQLite's writers do not queue, they look again from time
 * to time: without a pause some would always come too late. */
#define PAUSE_MS 20

struct trust_upkeep {
	const char *registry;
	const char *scope;
	pthread_t thread;
	atomic_bool stop;
	atomic_bool over;
	/* The thread's, until it is joined. */
	enum trust_err r;
	struct trust_message msg;
};

/* Another process that writes for long is waited for. */
static enum trust_err
take_steps(struct trust_upkeep *upkeep, struct trust_registry *registry)
{
	struct trust_publication_upkeep *steps = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool done = false;

	r = trust_publication_upkeep_open(
	    registry, upkeep->scope, &steps, &upkeep->msg);
	while (r == TRUST_OK && !done && !atomic_load(&upkeep->stop)) {
		r = trust_publication_upkeep_step(steps, &done, &upkeep->msg);
		if (r == TRUST_ERR_BUSY)
			r = TRUST_OK;
		if (!done)
			(void)poll(NULL, 0, PAUSE_MS);
	}
	trust_publication_upkeep_close(steps);
	return r;
}

static void *
run(void *arg)
{
	struct trust_upkeep *upkeep = arg;
	struct trust_registry *registry = NULL;

	upkeep->r = trust_records_open(
	    upkeep->registry, TRUST_REGISTRY_WRITE, &registry, &upkeep->msg);
	if (upkeep->r == TRUST_OK)
		upkeep->r = take_steps(upkeep, registry);
	trust_registry_close(registry);
	atomic_store(&upkeep->over, true);
	return NULL;
}

enum trust_err
trust_upkeep_start(const char *registry, const char *scope,
    struct trust_upkeep **out, struct trust_message *msg)
{
	struct trust_upkeep *upkeep = calloc(1, sizeof(*upkeep));
	sigset_t all, before;
	int failed;

	*out = NULL;
	if (upkeep == NULL)
		return TRUST_ERR_NOMEM;
	upkeep->registry = registry;
	upkeep->scope = scope;
	/* Signals are for the thread that waits for them. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(&upkeep->thread, NULL, run, upkeep);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed != 0) {
		free(upkeep);
		return trust_err_set(
		    msg, TRUST_ERR_NOMEM, "no thread can be started");
	}
	*out = upkeep;
	return TRUST_OK;
}

bool
trust_upkeep_is_over(const struct trust_upkeep *upkeep)
{
	return atomic_load(&upkeep->over);
}

enum trust_err
trust_upkeep_end(struct trust_upkeep *upkeep, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	if (upkeep == NULL)
		return r;
	atomic_store(&upkeep->stop, true);
	(void)pthread_join(upkeep->thread, NULL);
	r = upkeep->r;
	*msg = upkeep->msg;
	free(upkeep);
	return r;
}
