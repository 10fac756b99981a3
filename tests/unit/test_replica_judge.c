/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replica_judge.c: what is said beforehand, from the file alone, is what the
 * replica does then.
 */
#include "replica_gateway.h"

#include "version.h"

/* What is said of a notification by who has but the replica's file. */
static struct trust_replica_judgement
foresee(struct gateway *g, const struct trust_buf *der, bool *again)
{
	const struct trust_replica_rules rules = {
	    .scope = g->config.scope,
	    .anchors = g->config.anchors,
	    .n_signatures = g->config.n_signatures,
	    .clock_skew_s = g->config.clock_skew_s,
	};
	struct trust_replica_judgement judged;
	struct trust_replica_known known;
	struct trust_thumbprint sha256;
	struct trust_message msg = {0};

	if (trust_replica_load_known(g->scratch->path, &known, &msg) !=
	    TRUST_OK)
		fail_msg("%s", msg.text);
	assert_int_equal(trust_replica_judge_again(
			     &known, trust_buf_get0(der), &sha256, again),
	    TRUST_OK);
	assert_int_equal(trust_replica_judge(&rules, &known,
			     trust_buf_get0(der), g->now, &judged, &msg),
	    TRUST_OK);
	return judged;
}

/* It is said, and it comes about. */
static void
assert_comes_about(struct gateway *g, const struct trust_buf *der,
    enum trust_sync_reason reason, enum trust_replica_path path)
{
	struct trust_replica_judgement judged;
	int n_refused = g->n_refused;
	int n_requests = g->n_requests;
	int64_t held = held_serial(g);
	bool again;

	judged = foresee(g, der, &again);
	assert_string_equal(trust_sync_reason_name(judged.reason),
	    trust_sync_reason_name(reason));
	assert_int_equal(judged.path, path);
	assert_false(again);
	notify(g, der);
	assert_int_equal(
	    g->n_refused, n_refused + (reason != TRUST_SYNC_ACCEPTED));
	if (reason == TRUST_SYNC_ACCEPTED) {
		assert_int_equal(newest_serial(g), judged.mark.serial);
		assert_int_equal(g->n_requests,
		    n_requests + (path != TRUST_REPLICA_NOWHERE));
	} else {
		assert_int_equal(g->reason, reason);
		assert_string_equal(g->detail, judged.detail.text);
	}
	if (path == TRUST_REPLICA_BY_DELTAS)
		assert_int_equal(g->request.have, held);
	trust_replica_judgement_clear(&judged);
}

static void
assert_of(struct gateway *g, const struct trust_notification *n,
    const struct trust_pair *signer, enum trust_sync_reason reason,
    enum trust_replica_path path)
{
	struct trust_buf der = {0};

	origin_sign(n, signer, 1, &der);
	assert_comes_about(g, &der, reason, path);
	trust_buf_free(&der);
}

/* The present serial of the origin. */
static void
assert_present(struct gateway *g, enum trust_sync_reason reason,
    enum trust_replica_path path)
{
	struct trust_notification *n = origin_describe(g->origin);

	assert_of(g, n, &g->origin->signers[0], reason, path);
	trust_notification_free(n);
}

static void
paths_are_foreseen(void **state)
{
	struct gateway *g = *state;

	origin_put_devices(g->origin, 0, 20, 0);
	origin_commit(g->origin);
	assert_present(g, TRUST_SYNC_ACCEPTED, TRUST_REPLICA_BY_SNAPSHOT);
	answer_all(g);
	origin_put_devices(g->origin, 0, 1, 1);
	origin_commit(g->origin);
	assert_present(g, TRUST_SYNC_ACCEPTED, TRUST_REPLICA_BY_DELTAS);
	answer_all(g);
	/* Signed anew. */
	g->origin->this_update++;
	assert_present(g, TRUST_SYNC_ACCEPTED, TRUST_REPLICA_NOWHERE);
	/* The deltas do not reach back. */
	origin_put_devices(g->origin, 0, 1, 2);
	origin_commit(g->origin);
	origin_put_devices(g->origin, 0, 1, 3);
	origin_commit(g->origin);
	g->origin->snapshot = g->origin->first_delta = 4;
	assert_present(g, TRUST_SYNC_ACCEPTED, TRUST_REPLICA_BY_SNAPSHOT);
	answer_all(g);
	assert_holds(g, 4);
}

/* What was asked for as a snapshot comes as one, whatever is published. */
static void
a_snapshot_that_was_begun_is_foreseen(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 20);
	assert_int_equal(
	    trust_replica_resync(g->replica, g->now, NULL), TRUST_OK);
	origin_put_devices(g->origin, 0, 1, 1);
	origin_commit(g->origin);
	assert_present(g, TRUST_SYNC_ACCEPTED, TRUST_REPLICA_BY_SNAPSHOT);
}

static void
refusals_are_foreseen(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf none = {0};

	begin_with(g, 20);
	n = origin_describe(g->origin);
	assert_comes_about(
	    g, &none, TRUST_SYNC_MALFORMED, TRUST_REPLICA_NOWHERE);
	n->this_update++;
	assert_of(g, n, &g->origin->root, TRUST_SYNC_SIGNER_UNTRUSTED, 0);
	n->n_records++;
	assert_of(g, n, &g->origin->signers[0], TRUST_SYNC_EQUIVOCATION, 0);
	n->this_update -= 2;
	assert_of(
	    g, n, &g->origin->signers[0], TRUST_SYNC_THIS_UPDATE_REGRESSED, 0);
	memcpy(n->session, SESSION_2, sizeof(SESSION_2));
	assert_of(g, n, &g->origin->signers[0],
	    TRUST_SYNC_SESSION_REPLACED_BY_OLDER, 0);
	n->this_update += DAY_S;
	n->next_update = n->this_update + 1;
	assert_of(g, n, &g->origin->signers[0], TRUST_SYNC_FROM_FUTURE, 0);
	n->scope[0] = 'x';
	assert_of(g, n, &g->origin->signers[0], TRUST_SYNC_WRONG_SCOPE, 0);
	trust_notification_free(n);
	g->now += 2 * DAY_S;
	g->origin->this_update++;
	assert_present(g, TRUST_SYNC_EXPIRED, TRUST_REPLICA_NOWHERE);
	assert_holds(g, 1);
}

/* The floor is a file of its own, and it is looked at, too. */
static void
a_clock_below_the_floor_is_foreseen(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 20);
	g->now = 100;
	origin_put_devices(g->origin, 0, 1, 1);
	origin_commit(g->origin);
	g->origin->this_update += DAY_S;
	assert_present(g, TRUST_SYNC_ACCEPTED, TRUST_REPLICA_BY_DELTAS);
}

static void
the_same_octets_are_known(void **state)
{
	struct gateway *g = *state;
	struct trust_buf der;
	struct trust_replica_judgement judged;
	bool again;

	origin_put_devices(g->origin, 0, 20, 0);
	origin_commit(g->origin);
	der = origin_publish(g->origin);
	judged = foresee(g, &der, &again);
	assert_false(again);
	trust_replica_judgement_clear(&judged);
	notify(g, &der);
	judged = foresee(g, &der, &again);
	assert_true(again);
	trust_replica_judgement_clear(&judged);
	trust_buf_free(&der);
}

/* Not even who would be trusted is asked for. */
static void
looking_at_one_needs_no_anchors(void **state)
{
	struct gateway *g = *state;
	const struct trust_replica_rules rules = {
	    .scope = "gw1", .insecure_any_signer = true};
	struct trust_replica_known known = {0};
	struct trust_replica_judgement judged;
	struct trust_buf der;

	origin_commit(g->origin);
	der = origin_publish(g->origin);
	assert_int_equal(trust_replica_judge(&rules, &known,
			     trust_buf_get0(&der), NOW, &judged, NULL),
	    TRUST_OK);
	assert_int_equal(judged.reason, TRUST_SYNC_ACCEPTED);
	trust_replica_judgement_clear(&judged);
	trust_buf_free(&der);
}

/* Nothing is made where there is nothing, and an origin is none. */
static void
looking_makes_nothing(void **state)
{
	struct gateway *g = *state;
	struct trust_replica_known known;
	char path[96];

	snprintf(path, sizeof(path), "%s/other.db", g->scratch->dir);
	assert_int_equal(
	    trust_replica_load_known(path, &known, NULL), TRUST_ERR_NOT_FOUND);
	assert_int_not_equal(access(path, F_OK), 0);
	close_gateway(g);
	(void)scratch_count(g->scratch, true);
	scratch_create(g->scratch);
	assert_int_equal(
	    trust_replica_load_known(g->scratch->path, &known, NULL),
	    TRUST_ERR_CONFLICT);
	assert_int_equal(scratch_count(g->scratch, false), 1);
}

/* A replica that was never followed, or whose memory is gone. */
static void
without_a_memory_the_floor_is_the_build(void **state)
{
	struct gateway *g = *state;
	struct trust_replica_known known;
	char path[128];

	begin_with(g, 5);
	close_gateway(g);
	snprintf(path, sizeof(path), "%s.local", g->scratch->path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(
	    trust_replica_load_known(g->scratch->path, &known, NULL), TRUST_OK);
	assert_int_equal(known.floor, TRUST_BUILD_DATE);
	assert_int_equal(known.held.serial, 1);
	assert_int_equal(known.newest.serial, 1);
	assert_int_not_equal(access(path, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(paths_are_foreseen),
	    TEST(a_snapshot_that_was_begun_is_foreseen),
	    TEST(refusals_are_foreseen),
	    TEST(a_clock_below_the_floor_is_foreseen),
	    TEST(the_same_octets_are_known),
	    TEST(looking_at_one_needs_no_anchors),
	    TEST(looking_makes_nothing),
	    TEST(without_a_memory_the_floor_is_the_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
