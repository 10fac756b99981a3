/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signal ends the broker's epoll_wait, which is the one thing that does and
 * that a plugin has at hand: Mosquitto 2.0 looks at no wish for a next tick,
 * and at no descriptors but its own. Everything else that the signal could
 * hit goes on by SA_RESTART.
 */
#include "wake.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* In nanoseconds: little beside what is done in a tick, so that what is left
 * to do takes hardly longer than it would at one go. */
#define EVERY_NS 250000

/* glibc before 2.38 has the field and not its name. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

struct trust_wake {
	timer_t timer;
	struct sigaction before;
	bool soon;
};

static void
on_signal(int number)
{
	(void)number;
}

static bool
is_free(void)
{
	struct sigaction now;

	return sigaction(SIGURG, NULL, &now) == 0 &&
	       (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN);
}

static bool
set_up(struct trust_wake *wake)
{
	struct sigaction action = {
	    .sa_handler = on_signal, .sa_flags = SA_RESTART};
	struct sigevent event = {
	    .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG};

	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &wake->timer) != 0)
		return false;
	if (sigaction(SIGURG, &action, &wake->before) == 0)
		return true;
	(void)timer_delete(wake->timer);
	return false;
}

enum trust_err
trust_wake_new(struct trust_wake **out)
{
	struct trust_wake *wake;

	*out = NULL;
	if (!is_free())
		return TRUST_OK;
	wake = calloc(1, sizeof(*wake));
	if (wake == NULL)
		return TRUST_ERR_NOMEM;
	if (!set_up(wake)) {
		free(wake);
		return TRUST_OK;
	}
	*out = wake;
	return TRUST_OK;
}

/* A signal that is under way by then does nothing, as is its default. */
void
trust_wake_free(struct trust_wake *wake)
{
	if (wake == NULL)
		return;
	(void)timer_delete(wake->timer);
	(void)sigaction(SIGURG, &wake->before, NULL);
	free(wake);
}

void
trust_wake_set(struct trust_wake *wake, bool soon)
{
	struct itimerspec every = {0};

	if (wake == NULL || wake->soon == soon)
		return;
	if (soon) {
		every.it_interval.tv_nsec = EVERY_NS;
		every.it_value.tv_nsec = EVERY_NS;
	}
	if (timer_settime(wake->timer, 0, &every, NULL) == 0)
		wake->soon = soon;
}
