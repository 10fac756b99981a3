/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a notification lists: the snapshot, and which deltas. For
 * policy/publication*.c alone.
 */
#ifndef TRUST_PUBLICATION_LIST_H
#define TRUST_PUBLICATION_LIST_H

#include "registry_publication.h"

/* Describe a scope as its head has it, without next_update and mass_removal.
 * The caller frees `out`. */
enum trust_err trust_publication_list_describe(
    struct trust_registry_publication *publication, const char *scope,
    const struct trust_registry_publication_head *head,
    struct trust_notification **out,
    struct trust_message *msg) TRUST_MUST_CHECK;

/* Whether another snapshot is due. */
bool trust_publication_list_is_long(const struct trust_notification *n);

/* Drop the deltas that lead up to the snapshot and cost gateways more than it
 * would, the oldest first. Returns the serial of the first that is left, or
 * would come next. */
int64_t trust_publication_list_cut(struct trust_notification *n);

/*
 * Whether the way of a gateway by what is listed may lead through a serial;
 * false for 0. The snapshot stands for all that was before it. A gateway's
 * way is judged as a whole, so a mass removal that is meant has to be told as
 * long as that. Not longer: it would switch the guard off for good.
 */
bool trust_publication_list_reaches(
    const struct trust_notification *n, int64_t serial);

#endif
