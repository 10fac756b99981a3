/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trust anchors: those of a purpose, the bundle and when it is another, and
 * by which anchor a device came.
 */
#include <sqlite3.h>

#include "gate_house.h"

#include "anchor.h"
#include "record_pem.h"

#define ANCHOR(id, pem, more)                                   \
	"{\"kind\":\"anchor\",\"id\":\"" id "\",\"pem\":\"" pem \
	"\",\"purposes\":" more "}"

/* Told of nothing that a test asks about. */
static void
on_device(void *arg, const char *device)
{
	(void)arg;
	(void)device;
}

static void
on_ground(void *arg, uint64_t ground)
{
	(void)arg;
	(void)ground;
}

static void
follow(struct house *h)
{
	const struct trust_gate_visitor visitor = {
	    .device = on_device, .ground = on_ground};

	(void)trust_gate_follow(h->gate, &visitor);
}

static void
take_out(struct house *h, const char *anchor)
{
	struct trust_registry *registry;

	assert_int_equal(trust_registry_open(h->scratch->path,
			     TRUST_REGISTRY_WRITE, &registry, NULL),
	    TRUST_OK);
	assert_int_equal(trust_registry_begin(registry, NULL), TRUST_OK);
	assert_int_equal(
	    trust_registry_remove(registry, TRUST_KIND_ANCHOR, anchor, NULL),
	    TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, NULL), TRUST_OK);
	trust_registry_close(registry);
}

/* How many certificates the bundle has; -1: there is nothing to take. */
static int
take(struct house *h)
{
	STACK_OF(X509) *stack = NULL;
	struct trust_buf bundle = {0};
	int n = 0;

	if (!trust_gate_take_bundle(h->gate, &bundle))
		return -1;
	if (bundle.len > 0) {
		assert_int_equal(trust_certificate_parse_pem(
				     trust_buf_get0(&bundle), &stack, NULL),
		    TRUST_OK);
		n = sk_X509_num(stack);
	}
	sk_X509_pop_free(stack, X509_free);
	trust_buf_free(&bundle);
	return n;
}

/* ---- Those of a purpose ---- */

/* "one two": the common names, in order. */
static void
assert_anchors(struct house *h, unsigned purposes, const char *names)
{
	struct trust_registry *registry;
	STACK_OF(X509) *stack = NULL;
	char got[128] = "", cn[32];

	assert_int_equal(trust_registry_open(h->scratch->path,
			     TRUST_REGISTRY_READ, &registry, NULL),
	    TRUST_OK);
	assert_int_equal(
	    trust_anchor_load(registry, purposes, &stack, NULL), TRUST_OK);
	for (int i = 0; i < sk_X509_num(stack); i++) {
		X509_NAME *name =
		    X509_get_subject_name(sk_X509_value(stack, i));

		assert_true(X509_NAME_get_text_by_NID(
				name, NID_commonName, cn, sizeof(cn)) > 0);
		(void)snprintf(
		    got + strlen(got), sizeof(got) - strlen(got), "%s ", cn);
	}
	assert_string_equal(got, names);
	sk_X509_pop_free(stack, X509_free);
	trust_registry_close(registry);
}

static void
anchors_of_a_purpose(void **state)
{
	struct house *h = *state;

	assert_anchors(h, TRUST_PURPOSE_BIT_DEVICE, "root ");
	assert_anchors(h, TRUST_PURPOSE_BIT_BUNDLE, "");
	put(h, ANCHOR("z", PEM_ONE, "[\"bundle\",\"upstream\"]"));
	put(h, ANCHOR("b", PEM_TWO, "[\"bundle\"]"));
	assert_anchors(h, TRUST_PURPOSE_BIT_BUNDLE, "two one ");
	assert_anchors(h, TRUST_PURPOSE_BIT_UPSTREAM, "one ");
	assert_anchors(h, TRUST_PURPOSE_BIT_DEVICE, "root ");
	assert_anchors(h, 0, "");
	/* Each certificate once, and only while it is enabled. */
	put(h, ANCHOR("a", PEM_ONE, "[\"bundle\"]"));
	assert_anchors(h, TRUST_PURPOSE_BIT_BUNDLE, "one two ");
	put(h, ANCHOR("b", PEM_TWO, "[\"bundle\"],\"status\":\"disabled\""));
	assert_anchors(h, TRUST_PURPOSE_BIT_BUNDLE, "one ");
}

/* ---- The bundle ---- */

static void
the_bundle_is_told_when_it_may_be_another(void **state)
{
	struct house *h = *state;

	follow(h);
	assert_int_equal(take(h), 0);
	assert_int_equal(take(h), -1);
	follow(h);
	assert_int_equal(take(h), -1);
	put(h, ANCHOR("b", PEM_TWO, "[\"bundle\"]"));
	assert_int_equal(take(h), -1); /* nobody has looked yet */
	follow(h);
	assert_int_equal(take(h), 1);
	put_pinned(h, "disabled");
	follow(h);
	assert_int_equal(take(h), -1);
	take_out(h, "b");
	follow(h);
	assert_int_equal(take(h), 0);
}

static void
without_a_registry_it_is_empty(void **state)
{
	struct house *h = *state;
	char away[128];

	put(h, ANCHOR("b", PEM_TWO, "[\"bundle\"]"));
	follow(h);
	assert_int_equal(take(h), 1);
	(void)snprintf(away, sizeof(away), "%s.away", h->scratch->path);
	assert_int_equal(rename(h->scratch->path, away), 0);
	follow(h);
	assert_int_equal(take(h), 0);
	assert_int_equal(take(h), -1);
	assert_int_equal(rename(away, h->scratch->path), 0);
	follow(h);
	assert_int_equal(take(h), 1);
}

/* As a registry of a later version might have it: the bundle stays what it
 * was, and nobody is asked at every tick. */
static void
what_cannot_be_read_is_no_bundle(void **state)
{
	struct house *h = *state;
	sqlite3 *db;

	put(h, ANCHOR("b", PEM_TWO, "[\"bundle\"]"));
	follow(h);
	assert_int_equal(take(h), 1);
	put(h, ANCHOR("c", PEM_ONE, "[\"bundle\"]"));
	assert_int_equal(sqlite3_open(h->scratch->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
			     "UPDATE record SET line = CAST('{}' AS BLOB)"
			     " WHERE id = 'c'",
			     NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	follow(h);
	assert_int_equal(take(h), -1);
	follow(h);
	assert_int_equal(take(h), -1);
	put(h, ANCHOR("c", PEM_ONE, "[\"bundle\"]"));
	follow(h);
	assert_int_equal(take(h), 2);
}

/* ---- By which a device came ---- */

static void
an_admission_tells_its_anchor(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission = NULL;

	assert_int_equal(ask(h, &h->device, true, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	assert_string_equal(trust_admission_get0_anchor(admission), "root");
	trust_admission_free(admission);
	assert_int_equal(ask(h, &h->pinned, false, NOW, &admission),
	    TRUST_REASON_THUMBPRINT_MATCH);
	assert_null(trust_admission_get0_anchor(admission));
	trust_admission_free(admission);
}

/* A chain ends at the nearest anchor; of two records with one certificate the
 * group's first counts, and one that it does not name never does. */
static void
of_several_anchors_the_one_that_vouches(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission = NULL;

	put_anchor(h, "a-twin", h->root.certificate);
	put_anchor(h, "edge", h->edge.certificate);
	assert_int_equal(ask(h, &h->device, true, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	assert_string_equal(trust_admission_get0_anchor(admission), "root");
	trust_admission_free(admission);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"gone\","
	       "\"a-twin\",\"root\"],\"match\":[\"temp-*\"]}");
	assert_int_equal(ask(h, &h->device, true, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	assert_string_equal(trust_admission_get0_anchor(admission), "a-twin");
	trust_admission_free(admission);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\","
	       "\"edge\"],\"match\":[\"temp-*\"]}");
	assert_int_equal(ask(h, &h->device, true, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	assert_string_equal(trust_admission_get0_anchor(admission), "edge");
	trust_admission_free(admission);
}

static void
who_came_by_it_is_listed(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission = NULL;
	struct trust_gate_device v[2];
	size_t n;

	assert_int_equal(ask(h, &h->device, true, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	trust_gate_note_seen(h->gate, admission, "192.0.2.7", NOW);
	trust_admission_free(admission);
	assert_int_equal(ask(h, &h->pinned, false, NOW, &admission),
	    TRUST_REASON_THUMBPRINT_MATCH);
	trust_gate_note_seen(h->gate, admission, "192.0.2.8", NOW);
	trust_admission_free(admission);
	assert_int_equal(
	    trust_gate_list_anchor(h->gate, "root", "", v, 2, &n, NULL),
	    TRUST_OK);
	assert_int_equal(n, 1);
	assert_string_equal(v[0].id, "temp-03");
	assert_string_equal(v[0].seen.anchor, "root");
	assert_int_equal(
	    trust_gate_list_anchor(h->gate, "root", "temp-03", v, 2, &n, NULL),
	    TRUST_OK);
	assert_int_equal(n, 0);
	assert_int_equal(
	    trust_gate_list_anchor(h->gate, "", "", v, 2, &n, NULL), TRUST_OK);
	assert_int_equal(n, 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(anchors_of_a_purpose),
	    TEST(the_bundle_is_told_when_it_may_be_another),
	    TEST(without_a_registry_it_is_empty),
	    TEST(what_cannot_be_read_is_no_bundle),
	    TEST(an_admission_tells_its_anchor),
	    TEST(of_several_anchors_the_one_that_vouches),
	    TEST(who_came_by_it_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
