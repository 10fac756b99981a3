/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica, notified: judged first, and what is accepted is stored before
 * anything else.
 */
#include "replica_internal.h"

/* A way by snapshot that was begun, or asked for, is gone to its end. */
static enum trust_registry_replica_way
choose_way(const struct trust_replica *replica)
{
	return replica->state.way == TRUST_REGISTRY_REPLICA_SNAPSHOT
		   ? TRUST_REGISTRY_REPLICA_SNAPSHOT
		   : TRUST_REGISTRY_REPLICA_DELTAS;
}

/* Durable first: neither the sequence nor the time goes back after this. */
static enum trust_err
accept(struct trust_replica *replica, struct trust_span der,
    struct trust_replica_judgement *judged,
    const struct trust_thumbprint *sha256, struct trust_message *msg)
{
	enum trust_registry_replica_way way = choose_way(replica);
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_replica_accept(
	    replica->registry, &judged->mark, way, der, msg);
	if (r != TRUST_OK)
		return r;
	replica->state.newest = judged->mark;
	replica->state.way = way;
	trust_notification_free(replica->newest);
	replica->newest = judged->notification;
	judged->notification = NULL; /* transferred */
	replica->newest_sha256 = *sha256;
	replica->unsettled = true;
	return TRUST_OK;
}

static enum trust_err
take(struct trust_replica *replica, struct trust_span der,
    struct trust_replica_judgement *judged,
    const struct trust_thumbprint *sha256, int64_t now,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = accept(replica, der, judged, sha256, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_replica_settle(replica, msg);
	if (r != TRUST_OK)
		return r;
	return trust_replica_advance(replica, now, msg);
}

static enum trust_err
judge_and_take(struct trust_replica *replica,
    const struct trust_replica_known *known, struct trust_span der,
    const struct trust_thumbprint *sha256, int64_t now,
    struct trust_message *msg)
{
	const struct trust_replica_rules rules = {
	    .scope = replica->scope,
	    .anchors = replica->anchors,
	    .n_signatures = replica->n_signatures,
	    .clock_skew_s = replica->clock_skew_s,
	};
	struct trust_replica_judgement judged;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_replica_judge(&rules, known, der, now, &judged, msg);
	if (r != TRUST_OK)
		return r;
	if (judged.reason == TRUST_SYNC_ACCEPTED)
		r = take(replica, der, &judged, sha256, now, msg);
	else
		trust_replica_refuse(
		    replica, judged.reason, judged.detail.text, now);
	trust_replica_judgement_clear(&judged);
	return r;
}

enum trust_err
trust_replica_notify(struct trust_replica *replica, struct trust_span der,
    int64_t now, struct trust_message *msg)
{
	struct trust_replica_known known;
	struct trust_thumbprint sha256;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool again;

	r = trust_replica_follow(replica, now, msg);
	if (r != TRUST_OK)
		return r;
	known = trust_replica_get_known(replica);
	r = trust_replica_judge_again(&known, der, &sha256, &again);
	if (r != TRUST_OK)
		return r;
	if (again) {
		trust_replica_hurry(replica, now);
		return TRUST_OK;
	}
	return judge_and_take(replica, &known, der, &sha256, now, msg);
}
