/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica under attack: whatever lies between it and its origin does, the
 * worst that comes of it is a stale gateway, and that shows.
 */
#include "replica_gateway.h"

/* ---- Attacks: the notification ---- */

static void
attack_arbitrary_content(void **state)
{
	struct gateway *g = *state;
	struct trust_buf der;

	begin_with(g, 5);
	origin_put_devices(g->origin, 0, 1, 9);
	origin_commit(g->origin);
	der = origin_publish(g->origin);
	/* Somebody's own words instead of what was signed. */
	for (size_t i = 0; i + 10 < der.len; i++) {
		if (memcmp(der.p + i, "\"serial\":2", 10) == 0)
			der.p[i + 9] = '3';
	}
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_SIGNATURE_INVALID, 1);
	assert_holds(g, 1);
	assert_int_equal(newest_serial(g), 1);
	trust_buf_free(&der);
}

static void
attack_arbitrary_bytes(void **state)
{
	struct gateway *g = *state;
	struct trust_buf der;

	begin_with(g, 5);
	der = origin_publish(g->origin);
	assert_int_equal(trust_buf_add(&der, "", 1), TRUST_OK);
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_MALFORMED, 1);
	assert_holds(g, 1);
	trust_buf_free(&der);
}

static void
attack_endless_notification(void **state)
{
	struct gateway *g = *state;
	struct trust_buf der = {0};

	der.len = TRUST_NOTIFICATION_MAX + 1;
	der.p = calloc(1, der.len);
	assert_non_null(der.p);
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_TOO_LARGE, 1);
	trust_buf_free(&der);
}

static void
attack_endless_data(void **state)
{
	struct gateway *g = *state;
	struct trust_span part = {.len = 64 * 1024 * 1024};
	uint8_t *zeros = calloc(1, part.len);

	assert_non_null(zeros);
	part.p = zeros;
	origin_put_devices(g->origin, 0, 5, 0);
	origin_commit(g->origin);
	publish(g);
	receive(g, part);
	assert_refused(g, TRUST_SYNC_UNSOLICITED, 1);
	answer_all(g);
	assert_holds(g, 1);
	free(zeros);
}

static void
attack_extraneous_parts(void **state)
{
	struct gateway *g = *state;
	struct stat before, after;
	char path[96], junk[1024];

	origin_put_devices(g->origin, 0, 50, 0);
	origin_commit(g->origin);
	publish(g);
	snprintf(path, sizeof(path), "%s.staging", g->scratch->path);
	assert_int_equal(stat(path, &before), 0);
	for (int i = 0; i < 1000; i++) {
		memset(junk, 'a' + i % 26, sizeof(junk));
		receive(g, (struct trust_span){(uint8_t *)junk, sizeof(junk)});
	}
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	assert_refused(g, TRUST_SYNC_UNSOLICITED, 1000);
	answer_all(g);
	assert_holds(g, 1);
}

static void
attack_fast_forward(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf der = {0};

	begin_with(g, 5);
	/* Far in the future, the last serial that there is: too early. */
	n = origin_describe(g->origin);
	n->serial = TRUST_SERIAL_MAX;
	n->snapshot.serial = TRUST_SERIAL_MAX;
	n->n_deltas = 0;
	n->this_update = NOW + 100 * DAY_S;
	n->next_update = NOW + 101 * DAY_S;
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_FROM_FUTURE, 1);
	/* Now: a signer may do it, and its successor comes back from it. */
	n->this_update = NOW + 1;
	n->next_update = NOW + DAY_S;
	trust_buf_free(&der);
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	assert_int_equal(held_serial(g), 1);
	answer_all(g);
	assert_int_equal(held_serial(g), TRUST_SERIAL_MAX);
	g->now += 60;
	g->origin->session = SESSION_2;
	g->origin->this_update = g->now;
	origin_put_devices(g->origin, 0, 1, 7);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 2);
	n->n_deltas = 1;
	trust_notification_free(n);
	trust_buf_free(&der);
}

static void
attack_freeze_with_withheld_content(void **state)
{
	struct gateway *g = *state;
	struct trust_buf older;

	begin_with(g, 5);
	older = origin_publish(g->origin);
	/* Notifications pass, for days; their content does not. */
	for (int day = 1; day <= 5; day++) {
		g->now += DAY_S;
		g->origin->this_update = g->now;
		origin_put_devices(g->origin, 0, 1, (unsigned)day);
		origin_commit(g->origin);
		publish(g);
	}
	tick(g, 900);
	assert_int_equal(newest_serial(g), 6);
	assert_holds(g, 1);
	/* It shows: nothing of this made it fresher. */
	assert_true(g->report.stale);
	assert_int_equal(g->report.serial, 1);
	assert_int_equal(g->n_applied, 0);
	/* The sequence has gone on, also across a restart. */
	reopen(g);
	notify(g, &older);
	assert_refused(g, TRUST_SYNC_SERIAL_REGRESSED, 1);
	tick(g, 1);
	answer_all(g);
	assert_holds(g, 6);
	trust_buf_free(&older);
}

static void
attack_freeze_with_nothing_passing(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 5);
	g->now += DAY_S;
	tick(g, 900);
	assert_true(g->report.stale);
	assert_holds(g, 1);
	/* A clock that is set back does not make it fresh. */
	origin_put_devices(g->origin, 0, 1, 9);
	origin_commit(g->origin);
	g->origin->this_update = NOW + 3 * DAY_S;
	g->now = NOW + 3 * DAY_S;
	publish(g);
	g->now = NOW;
	tick(g, 900);
	assert_true(g->report.stale);
}

static void
attack_rollback(void **state)
{
	struct gateway *g = *state;
	struct trust_buf first;

	begin_with(g, 5);
	first = origin_publish(g->origin);
	origin_put_devices(g->origin, 0, 1, 1);
	origin_commit(g->origin);
	g->origin->this_update = NOW + 10;
	follow(g);
	assert_holds(g, 2);
	notify(g, &first);
	assert_refused(g, TRUST_SYNC_SERIAL_REGRESSED, 1);
	reopen(g);
	g->n_refused = 0;
	notify(g, &first);
	assert_int_equal(g->reason, TRUST_SYNC_SERIAL_REGRESSED);
	assert_holds(g, 2);
	trust_buf_free(&first);
}

static void
attack_rollback_of_time(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 5);
	g->origin->this_update = NOW - 10;
	publish(g);
	assert_refused(g, TRUST_SYNC_THIS_UPDATE_REGRESSED, 1);
	assert_holds(g, 1);
}

static void
attack_rollback_to_a_former_session(void **state)
{
	struct gateway *g = *state;
	struct trust_buf former;

	begin_with(g, 5);
	g->now += 60;
	g->origin->this_update = NOW + 30;
	former = origin_publish(g->origin);
	g->origin->session = SESSION_2;
	g->origin->this_update = NOW + 40;
	origin_put_devices(g->origin, 0, 1, 1);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 2);
	notify(g, &former);
	assert_refused(g, TRUST_SYNC_SESSION_REPLACED_BY_OLDER, 1);
	assert_holds(g, 2);
	trust_buf_free(&former);
}

static void
attack_two_faces_of_one_serial(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf der = {0};

	begin_with(g, 5);
	n = origin_describe(g->origin);
	n->this_update++;
	n->state.b[0] ^= 1;
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_EQUIVOCATION, 1);
	assert_holds(g, 1);
	trust_notification_free(n);
	trust_buf_free(&der);
}

static void
attack_compromised_signer_below_the_threshold(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf der = {0};
	struct trust_pair twice[2] = {g->origin->signers[0]};

	close_gateway(g);
	g->config.n_signatures = 2;
	open_gateway(g);
	origin_put_devices(g->origin, 0, 5, 0);
	origin_commit(g->origin);
	publish(g);
	assert_refused(g, TRUST_SYNC_TOO_FEW_SIGNERS, 1);
	/* One key with two certificates is one signer. */
	origin_certify(&g->origin->root, &twice[0], &twice[1]);
	n = origin_describe(g->origin);
	origin_sign(n, twice, 2, &der);
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_TOO_FEW_SIGNERS, 2);
	assert_int_equal(newest_serial(g), 0);
	trust_buf_free(&der);
	origin_sign(n, g->origin->signers, 2, &der);
	notify(g, &der);
	answer_all(g);
	assert_holds(g, 1);
	trust_pair_clear(&twice[1]);
	trust_notification_free(n);
	trust_buf_free(&der);
}

/* A signer of this origin, valid in these days from NOW on. */
static struct trust_pair
make_signer(struct gateway *g, int from, int until)
{
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_SIGNER,
	    .cn = "of a few days",
	    .not_before = NOW + from * DAY_S,
	    .not_after = NOW + until * DAY_S,
	};
	struct trust_pair pair = {0};

	assert_int_equal(trust_pair_make(TRUST_KEY_P256, &issue,
			     &g->origin->root, &pair, NULL),
	    TRUST_OK);
	return pair;
}

/* Who came after this_update and who went before now do not make one. */
static void
attack_signers_of_different_times(void **state)
{
	struct gateway *g = *state;
	struct trust_pair pairs[3] = {make_signer(g, -1, 9),
	    make_signer(g, -9, -1), g->origin->signers[0]};
	struct trust_notification *n;
	struct trust_buf der = {0};

	g->origin->this_update = NOW - 2 * DAY_S;
	origin_put_devices(g->origin, 0, 5, 0);
	origin_commit(g->origin);
	n = origin_describe(g->origin);
	origin_sign(n, pairs, 2, &der);
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_SIGNER_UNTRUSTED, 1);
	close_gateway(g);
	g->config.n_signatures = 2;
	open_gateway(g);
	trust_buf_free(&der);
	origin_sign(n, pairs, 3, &der);
	g->n_refused = 0;
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_TOO_FEW_SIGNERS, 1);
	assert_int_equal(newest_serial(g), 0);
	trust_buf_free(&der);
	trust_notification_free(n);
	trust_pair_clear(&pairs[0]);
	trust_pair_clear(&pairs[1]);
}

/* Signed by somebody of another PKI, or of this one who may not. */
static void
refuse_signer(struct gateway *g, enum trust_profile root,
    enum trust_profile leaf, bool own_root)
{
	struct trust_pair foreign = {0}, signer = {0};
	struct trust_notification *n;
	struct trust_buf der = {0};

	origin_pair(&foreign, root, "ca", NULL);
	origin_pair(
	    &signer, leaf, "dev-1", own_root ? &g->origin->root : &foreign);
	origin_put_devices(g->origin, 0, 5, 0);
	origin_commit(g->origin);
	n = origin_describe(g->origin);
	origin_sign(n, &signer, 1, &der);
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_SIGNER_UNTRUSTED, 1);
	assert_int_equal(newest_serial(g), 0);
	assert_records(g, 0);
	trust_notification_free(n);
	trust_buf_free(&der);
	trust_pair_clear(&foreign);
	trust_pair_clear(&signer);
}

static void
attack_device_certificate_as_signer(void **state)
{
	refuse_signer(*state, TRUST_PROFILE_ROOT, TRUST_PROFILE_DEVICE, false);
}

static void
attack_edge_ca_certificate_as_signer(void **state)
{
	refuse_signer(*state, TRUST_PROFILE_ROOT, TRUST_PROFILE_EDGE_CA, false);
}

static void
attack_signer_of_another_anchor(void **state)
{
	refuse_signer(
	    *state, TRUST_PROFILE_SIGNER_ROOT, TRUST_PROFILE_SIGNER, false);
}

static void
attack_ca_of_the_registry_anchor_as_signer(void **state)
{
	refuse_signer(*state, TRUST_PROFILE_ROOT, TRUST_PROFILE_EDGE_CA, true);
}

static void
attack_other_scope_replayed(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n;
	struct trust_buf der = {0};

	begin_with(g, 5);
	origin_put_devices(g->origin, 0, 1, 1);
	origin_commit(g->origin);
	n = origin_describe(g->origin);
	snprintf(n->scope, sizeof(n->scope), "gw2");
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	assert_refused(g, TRUST_SYNC_WRONG_SCOPE, 1);
	assert_non_null(strstr(g->detail, "gw2"));
	assert_holds(g, 1);
	trust_notification_free(n);
	trust_buf_free(&der);
}

/* ---- Attacks: the content ---- */

static void
attack_altered_parts(void **state)
{
	struct gateway *g = *state;
	struct trust_request request;
	struct trust_buf part = {0};

	origin_put_devices(g->origin, 0, 50, 0);
	origin_commit(g->origin);
	publish(g);
	request = g->request;
	for (size_t i = 0; i < request.n_want; i++) {
		struct trust_span is =
		    origin_get_part(g->origin, &request.want[i]);

		part.len = 0;
		assert_int_equal(trust_buf_add(&part, is.p, is.len), TRUST_OK);
		part.p[part.len / 2] ^= 1;
		receive(g, trust_buf_get0(&part));
	}
	assert_refused(g, TRUST_SYNC_UNSOLICITED, (int)request.n_want);
	assert_holds(g, 0);
	answer_all(g);
	assert_holds(g, 1);
	trust_buf_free(&part);
}

static void
attack_reordered_parts(void **state)
{
	struct gateway *g = *state;
	struct trust_request request;

	begin_with(g, 5);
	for (unsigned salt = 1; salt < 20; salt++) {
		origin_put_devices(g->origin, 0, 3, salt);
		origin_commit(g->origin);
	}
	publish(g);
	request = g->request;
	for (size_t i = request.n_want; i-- > 0;)
		send_part(g, &request.want[i]);
	assert_holds(g, 20);
	assert_int_equal(g->n_refused, 0);
}

static void
attack_withheld_parts(void **state)
{
	struct gateway *g = *state;
	struct trust_request request;

	begin_with(g, 5);
	for (unsigned salt = 1; salt < 20; salt++) {
		origin_put_devices(g->origin, 0, 3, salt);
		origin_commit(g->origin);
	}
	publish(g);
	request = g->request;
	g->has_request = false;
	for (size_t i = 0; i < request.n_want; i++) {
		if (i != 7)
			send_part(g, &request.want[i]);
	}
	tick(g, 10 * 60);
	/* All but one is nothing. */
	assert_holds(g, 1);
	assert_int_equal(g->request.n_want, 1);
	answer_all(g);
	assert_holds(g, 20);
}

static void
attack_slow_retrieval(void **state)
{
	struct gateway *g = *state;
	int n_parts = 0;

	g->origin->part_len = 100;
	origin_put_devices(g->origin, 0, 70, 0);
	origin_commit(g->origin);
	publish(g);
	/* One part a minute, whatever is asked for. */
	while (held_serial(g) == 0 && n_parts < 1000) {
		send_part(
		    g, &g->request.want[n_parts % 64 % (int)g->request.n_want]);
		n_parts++;
		tick(g, 60);
	}
	assert_holds(g, 1);
	/* What comes is progress; it does not ask again and again. */
	assert_true(g->n_requests < 20);
}

static void
attack_mix_and_match(void **state)
{
	struct gateway *g = *state;
	struct trust_notification *n, *other;
	struct trust_buf der = {0};
	struct trust_parts parts;

	begin_with(g, 5);
	origin_put_devices(g->origin, 0, 1, 1);
	origin_commit(g->origin);
	other = origin_describe(g->origin);
	origin_put_devices(g->origin, 0, 2, 2);
	origin_commit(g->origin);
	publish(g);
	/* Parts of another serial: nobody waits for them. */
	send_part(g, &other->snapshot.v[0].sha256);
	assert_refused(g, TRUST_SYNC_UNSOLICITED, 1);
	answer_all(g);
	assert_holds(g, 3);
	/* And if the origin itself mixes them up, the state does not hold. */
	origin_put_devices(g->origin, 0, 3, 4);
	origin_commit(g->origin);
	n = origin_describe(g->origin);
	parts = n->deltas[3];
	n->deltas[3] = n->deltas[1];
	n->deltas[3].serial = 4;
	n->deltas[1] = parts;
	n->deltas[1].serial = 2;
	g->n_refused = 0;
	origin_sign(n, g->origin->signers, 1, &der);
	notify(g, &der);
	answer(g);
	assert_int_equal(g->reason, TRUST_SYNC_STATE_MISMATCH);
	assert_holds(g, 3);
	trust_notification_free(n);
	trust_notification_free(other);
	trust_buf_free(&der);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(attack_arbitrary_content),
	    TEST(attack_arbitrary_bytes),
	    TEST(attack_endless_notification),
	    TEST(attack_endless_data),
	    TEST(attack_extraneous_parts),
	    TEST(attack_fast_forward),
	    TEST(attack_freeze_with_withheld_content),
	    TEST(attack_freeze_with_nothing_passing),
	    TEST(attack_rollback),
	    TEST(attack_rollback_of_time),
	    TEST(attack_rollback_to_a_former_session),
	    TEST(attack_two_faces_of_one_serial),
	    TEST(attack_compromised_signer_below_the_threshold),
	    TEST(attack_signers_of_different_times),
	    TEST(attack_device_certificate_as_signer),
	    TEST(attack_edge_ca_certificate_as_signer),
	    TEST(attack_signer_of_another_anchor),
	    TEST(attack_ca_of_the_registry_anchor_as_signer),
	    TEST(attack_other_scope_replayed),
	    TEST(attack_altered_parts),
	    TEST(attack_reordered_parts),
	    TEST(attack_withheld_parts),
	    TEST(attack_slow_retrieval),
	    TEST(attack_mix_and_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
