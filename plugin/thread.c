/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See thread.h.
 */
#include "thread.h"

#include <signal.h>

bool
trust_thread_start(pthread_t *out, void *(*run)(void *), void *arg)
{
	sigset_t all, before;
	bool started;

	(void)sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return false;
	started = pthread_create(out, NULL, run, arg) == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}
