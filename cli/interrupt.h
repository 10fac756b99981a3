/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that stay until SIGINT or SIGTERM.
 */
#ifndef TRUST_INTERRUPT_H
#define TRUST_INTERRUPT_H

#include <signal.h>

/* Catch both from now on; what is returned becomes true with the first of
 * them. A second one ends the program at once. */
const volatile sig_atomic_t *trust_interrupt_catch(void);

#endif
