/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate whose long CRLs others parse: it waits with what changed as long as
 * they are about it, and whoever asks meanwhile is answered by the registry as
 * it is.
 */
#include "gate_house.h"

#include "crl_scratch.h"

/* Makes a CRL long enough. */
#define N_OTHERS 1000

/* A second gate on the house's registry. */
struct waiting {
	struct house *h;
	struct trust_gate *gate;
	struct trust_gate *houses; /* its own */
	struct trust_ahead *ahead;
	struct trust_admission *admission;
	bool somebody; /* would parse */
	int n_asked, n_told;
};

static bool
on_crls(void *arg, struct trust_span ids)
{
	struct waiting *w = arg;

	assert_int_equal(ids.len, sizeof("edge"));
	assert_string_equal((const char *)ids.p, "edge");
	w->n_asked++;
	return w->somebody;
}

static void
on_device(void *arg, const char *device)
{
	struct waiting *w = arg;

	(void)device;
	w->n_told++;
}

static void
on_ground(void *arg, uint64_t ground)
{
	struct waiting *w = arg;

	(void)ground;
	w->n_told++;
}

static enum trust_gate_news
follow(struct waiting *w)
{
	const struct trust_gate_visitor visitor = {.device = on_device,
	    .ground = on_ground,
	    .crls = on_crls,
	    .arg = w};

	w->n_asked = w->n_told = 0;
	return trust_gate_follow(w->gate, &visitor);
}

static void
put_long_crl(struct waiting *w)
{
	struct house *h = w->h;

	put_pem(h, "edge",
	    crl_make_long(&h->edge, h->device.certificate,
		ASN1_TIME_set(NULL, (time_t)(NOW - DAY_S)),
		ASN1_TIME_set(NULL, (time_t)(NOW + DAY_S)), N_OTHERS),
	    true);
}

static enum trust_err
parse_one(void *arg, const char *id, struct trust_span line)
{
	struct waiting *w = arg;
	struct trust_thumbprint digest;
	struct trust_record *record;

	(void)id;
	assert_true(line.len >= TRUST_AHEAD_MIN);
	assert_int_equal(trust_thumbprint_of(line, &digest), TRUST_OK);
	assert_int_equal(
	    trust_record_parse_stored(line, &record, NULL), TRUST_OK);
	trust_ahead_add(w->ahead, record, &digest);
	trust_record_free(record);
	return TRUST_OK;
}

static void
parse_ahead(struct waiting *w)
{
	struct trust_registry *registry;

	assert_int_equal(trust_registry_open(w->h->scratch->path,
			     TRUST_REGISTRY_READ, &registry, NULL),
	    TRUST_OK);
	assert_int_equal(trust_registry_list_one(registry, TRUST_KIND_CRL,
			     "edge", parse_one, w, NULL),
	    TRUST_OK);
	trust_registry_close(registry);
}

static int
setup(void **state)
{
	struct waiting *w = calloc(1, sizeof(*w));
	struct trust_gate_config config = {.gateway = "gw1", .remember = true};
	void *house = NULL;

	if (w == NULL || house_setup(&house) != 0 ||
	    trust_ahead_new(TRUST_AHEAD_MAX, &w->ahead) != TRUST_OK)
		return -1;
	w->h = house;
	w->houses = w->h->gate;
	config.registry_path = w->h->scratch->path;
	config.ahead = w->ahead;
	if (trust_gate_open(&config, &w->gate, NULL) != TRUST_OK)
		return -1;
	w->h->gate = w->gate;
	w->somebody = true;
	(void)ask(w->h, &w->h->device, true, NOW, &w->admission);
	assert_non_null(w->admission);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct waiting *w = *state;
	void *house = w->h;

	trust_admission_free(w->admission);
	trust_gate_close(w->gate);
	w->h->gate = w->houses;
	trust_ahead_free(w->ahead);
	free(w);
	return house_teardown(&house);
}

static void
the_change_waits_until_it_is_parsed(void **state)
{
	struct waiting *w = *state;

	assert_false(trust_gate_has_moved(w->gate));
	put_long_crl(w);
	put(w->h, "{\"kind\":\"device\",\"id\":\"temp-03\",\"comment\":\"new\","
		  "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(follow(w), TRUST_GATE_NO_NEWS);
		assert_int_equal(w->n_asked, 1);
		assert_int_equal(w->n_told, 0);
		assert_true(trust_gate_has_moved(w->gate));
	}
	parse_ahead(w);
	assert_int_equal(follow(w), TRUST_GATE_NEWS);
	assert_int_equal(w->n_asked, 0);
	assert_true(w->n_told > 1);
	assert_false(trust_gate_has_moved(w->gate));
	assert_false(trust_ahead_has(w->ahead, "edge"));
	assert_int_equal(
	    review(w->h, w->admission, NOW), TRUST_REASON_CERTIFICATE_REVOKED);
	assert_int_equal(follow(w), TRUST_GATE_NO_NEWS);
}

static void
where_nobody_parses_it_does_not_wait(void **state)
{
	struct waiting *w = *state;

	w->somebody = false;
	put_long_crl(w);
	assert_int_equal(follow(w), TRUST_GATE_NEWS);
	assert_int_equal(w->n_asked, 1);
	assert_true(w->n_told > 0);
	assert_int_equal(
	    review(w->h, w->admission, NOW), TRUST_REASON_CERTIFICATE_REVOKED);
}

/* Nobody is let in by a CRL that was. */
static void
who_comes_meanwhile_is_judged_by_it(void **state)
{
	struct waiting *w = *state;

	put_long_crl(w);
	assert_int_equal(follow(w), TRUST_GATE_NO_NEWS);
	assert_int_equal(ask(w->h, &w->h->device, true, NOW, NULL),
	    TRUST_REASON_CERTIFICATE_REVOKED);
	assert_int_equal(follow(w), TRUST_GATE_NEWS);
	assert_int_equal(w->n_asked, 0);
	assert_true(w->n_told > 0);
}

/* What was parsed is another one by now. */
static void
what_changed_since_is_parsed_here(void **state)
{
	struct waiting *w = *state;

	put_long_crl(w);
	parse_ahead(w);
	put_long_crl(w); /* another signature, and another line */
	assert_int_equal(follow(w), TRUST_GATE_NEWS);
	assert_true(trust_ahead_has(w->ahead, "edge"));
	assert_int_equal(
	    review(w->h, w->admission, NOW), TRUST_REASON_CERTIFICATE_REVOKED);
}

static void
short_ones_are_parsed_here(void **state)
{
	struct waiting *w = *state;

	put_pem(w->h, "edge",
	    crl_make(&w->h->edge, w->h->device.certificate, NOW - DAY_S,
		NOW + DAY_S),
	    true);
	assert_int_equal(follow(w), TRUST_GATE_NEWS);
	assert_int_equal(w->n_asked, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_change_waits_until_it_is_parsed),
	    TEST(where_nobody_parses_it_does_not_wait),
	    TEST(who_comes_meanwhile_is_judged_by_it),
	    TEST(what_changed_since_is_parsed_here),
	    TEST(short_ones_are_parsed_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
