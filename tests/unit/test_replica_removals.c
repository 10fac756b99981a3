/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica and changes that take too many devices away at once.
 */
#include "replica_gateway.h"

#include <jansson.h>
#include <openssl/pem.h>

#include "json.h"

/* ---- Too much at once ---- */

static void
a_mass_removal_is_held(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 200);
	origin_remove_devices(g->origin, 0, 21);
	origin_commit(g->origin);
	follow(g);
	assert_refused(g, TRUST_SYNC_MASS_REMOVAL_HELD, 1);
	assert_holds(g, 1);
	assert_non_null(strstr(g->detail, "21"));
	/* Not by snapshot, either, nor after a restart. */
	reopen(g);
	tick(g, 1000);
	assert_int_equal(g->n_refused, 1);
	assert_holds(g, 1);
	/* Until somebody says that it is meant; nothing is fetched again. */
	g->n_requests = 0;
	g->origin->mass_removal = true;
	g->origin->this_update = g->now;
	publish(g);
	assert_int_equal(g->n_requests, 0);
	tick(g, 1);
	assert_holds(g, 2);
}

static void
a_tenth_may_go(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 200);
	origin_remove_devices(g->origin, 0, 20);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 2);
}

static void
ten_may_always_go(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 20);
	origin_remove_devices(g->origin, 0, 10);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 2);
}

static void
attack_many_small_removals(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 200);
	for (int i = 0; i < 30; i++) {
		origin_remove_devices(g->origin, i, i + 1);
		origin_commit(g->origin);
	}
	follow(g);
	assert_refused(g, TRUST_SYNC_MASS_REMOVAL_HELD, 1);
	assert_holds(g, 1);
}

static void
attack_many_small_removals_by_snapshot(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 200);
	origin_remove_devices(g->origin, 0, 30);
	origin_commit(g->origin);
	g->origin->snapshot = 2;
	g->origin->first_delta = 3;
	follow(g);
	assert_refused(g, TRUST_SYNC_MASS_REMOVAL_HELD, 1);
	assert_holds(g, 1);
}

/* Going and coming again within a change is no removal. */
static void
what_comes_again_was_not_removed(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 200);
	origin_remove_devices(g->origin, 0, 100);
	origin_commit(g->origin);
	origin_put_devices(g->origin, 0, 100, 1);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 3);
}

static void
put_disabled(struct origin *o, int from, int to)
{
	char line[256];

	for (int i = from; i < to; i++) {
		snprintf(line, sizeof(line),
		    "{\"kind\":\"device\",\"id\":\"dev-%d\","
		    "\"status\":\"disabled\",\"auth\":{"
		    "\"type\":\"thumbprint\",\"primary\":\"%064x\"}}",
		    i, i);
		origin_put(o, line);
	}
}

static void
disabling_many_is_held(void **state)
{
	struct gateway *g = *state;

	begin_with(g, 100);
	put_disabled(g->origin, 0, 11);
	origin_commit(g->origin);
	follow(g);
	assert_refused(g, TRUST_SYNC_MASS_REMOVAL_HELD, 1);
	assert_holds(g, 1);
}

/* An anchor, a group of it, a role, and devices that rest on them. */
static void
begin_with_group(struct gateway *g, int n)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct trust_pair root = {0};
	struct trust_buf line = {0};
	char text[256];
	json_t *record;
	char *pem;
	long len;

	origin_pair(&root, TRUST_PROFILE_ROOT, "factory", NULL);
	assert_int_equal(PEM_write_bio_X509(bio, root.certificate), 1);
	len = BIO_get_mem_data(bio, &pem);
	record = json_pack("{s:s, s:s, s:s%, s:[s]}", "kind", "anchor", "id",
	    "factory", "pem", pem, (size_t)len, "purposes", "device");
	assert_int_equal(trust_json_encode(record, &line), TRUST_OK);
	origin_put(g->origin, (const char *)line.p);
	origin_put(g->origin,
	    "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"factory\"],"
	    "\"roles\":[\"sensor\"]}");
	origin_put(
	    g->origin, "{\"kind\":\"role\",\"id\":\"sensor\",\"rules\":[]}");
	for (int i = 0; i < n; i++) {
		snprintf(text, sizeof(text),
		    "{\"kind\":\"device\",\"id\":\"ca-%d\",\"auth\":{"
		    "\"type\":\"ca\",\"group\":\"plant\"}}",
		    i);
		origin_put(g->origin, text);
	}
	json_decref(record);
	trust_buf_free(&line);
	trust_pair_clear(&root);
	BIO_free(bio);
	begin_with(g, 30);
}

static void
hold_what_goes_with(struct gateway *g, enum trust_kind kind, const char *id)
{
	begin_with_group(g, 20);
	origin_remove(g->origin, kind, id);
	origin_commit(g->origin);
	follow(g);
	assert_refused(g, TRUST_SYNC_MASS_REMOVAL_HELD, 1);
	assert_non_null(strstr(g->detail, "got 20"));
	assert_holds(g, 1);
}

static void
an_anchor_takes_its_devices_along(void **state)
{
	hold_what_goes_with(*state, TRUST_KIND_ANCHOR, "factory");
}

static void
a_group_takes_its_devices_along(void **state)
{
	hold_what_goes_with(*state, TRUST_KIND_GROUP, "plant");
}

static void
a_role_takes_its_devices_along(void **state)
{
	hold_what_goes_with(*state, TRUST_KIND_ROLE, "sensor");
}

static void
another_role_is_as_good(void **state)
{
	struct gateway *g = *state;

	begin_with_group(g, 20);
	origin_put(g->origin,
	    "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"factory\"],"
	    "\"roles\":[\"meter\"]}");
	origin_put(
	    g->origin, "{\"kind\":\"role\",\"id\":\"meter\",\"rules\":[]}");
	origin_remove(g->origin, TRUST_KIND_ROLE, "sensor");
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_mass_removal_is_held),
	    TEST(a_tenth_may_go),
	    TEST(ten_may_always_go),
	    TEST(attack_many_small_removals),
	    TEST(attack_many_small_removals_by_snapshot),
	    TEST(what_comes_again_was_not_removed),
	    TEST(disabling_many_is_held),
	    TEST(an_anchor_takes_its_devices_along),
	    TEST(a_group_takes_its_devices_along),
	    TEST(a_role_takes_its_devices_along),
	    TEST(another_role_is_as_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
