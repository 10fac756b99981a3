/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateways of a scope, as they report: a line for each that has something
 * new to say, or says nothing any more. Reports are claims, never evidence.
 */
#ifndef TRUST_GATEWAYS_H
#define TRUST_GATEWAYS_H

#include "trust.h"

/* Gateways that are kept in mind; a site has a handful. */
#define TRUST_GATEWAYS_MAX 10000
/* They report every 15 minutes: two reports are missing. */
#define TRUST_GATEWAYS_SILENT_S (35 * 60)

struct trust_gateways;

enum trust_err trust_gateways_new(struct trust_gateways **out) TRUST_MUST_CHECK;
void trust_gateways_free(struct trust_gateways *gateways);

/* A report came. `present` is the notification that is out. */
void trust_gateways_report(struct trust_gateways *gateways,
    const struct trust_report *report, const struct trust_notification *present,
    int64_t now);
/* A gateway asks for parts: it has a notification. */
void trust_gateways_request(
    struct trust_gateways *gateways, const struct trust_request *request);
/* Whether some reported a state that is not the one that was out then, and
 * have neither caught up nor asked for anything since. */
bool trust_gateways_are_behind(const struct trust_gateways *gateways);
/* They have been reminded: what they report from now on counts. */
void trust_gateways_remind(struct trust_gateways *gateways);
/* Tell of those that have fallen silent. */
void trust_gateways_tick(struct trust_gateways *gateways, int64_t now);

#endif
