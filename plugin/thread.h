/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads beside the broker's own. None of them calls the broker's API.
 */
#ifndef TRUST_THREAD_H
#define TRUST_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Start one that no signal reaches: those are the broker's, whose thread has
 * handlers that expect them. */
bool trust_thread_start(pthread_t *out, void *(*run)(void *), void *arg);

#endif
