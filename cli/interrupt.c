/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGINT and SIGTERM.
 */
#include "interrupt.h"

#include <stddef.h>

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
	interrupted = 1;
}

const volatile sig_atomic_t *
trust_interrupt_catch(void)
{
	const struct sigaction action = {
	    .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	return &interrupted;
}
