/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The upkeep of a publication in a thread, so that a publisher goes on
 * meanwhile: building a large snapshot takes its time, and so does bringing
 * SQLite's log into the file afterwards.
 */
#ifndef TRUST_UPKEEP_H
#define TRUST_UPKEEP_H

#include "trust.h"

struct trust_upkeep;

/* Start. The texts are borrowed until the end; the registry is opened once
 * more. */
enum trust_err trust_upkeep_start(const char *registry, const char *scope,
    struct trust_upkeep **out, struct trust_message *msg) TRUST_MUST_CHECK;
bool trust_upkeep_is_over(const struct trust_upkeep *upkeep);
/* End it, after the step at hand, and tell what it came to. */
enum trust_err trust_upkeep_end(
    struct trust_upkeep *upkeep, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
