/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small sets: what of the registry counts, and what does not.
 */
#include "registry_scratch.h"

#include "record_pem.h"
#include "sets.h"

#define RECORD(kind, id, fields) \
	"{\"kind\":\"" kind "\",\"id\":\"" id "\"," fields "}"
#define ANCHOR(id, purpose, status)                            \
	RECORD("anchor", id,                                   \
	    "\"pem\":\"" PEM_ONE "\",\"purposes\":[\"" purpose \
	    "\"],\"status\":\"" status "\"")
#define CRL(id, status) \
	RECORD("crl", id, "\"pem\":\"" PEM_CRL "\",\"status\":\"" status "\"")

static void
put(struct scratch *s, const char *line)
{
	if (scratch_change(s, &line, 1) != TRUST_OK)
		fail_msg("%s", s->msg.text);
}

static struct trust_sets *
load(struct scratch *s)
{
	struct trust_registry *registry = scratch_open(s, TRUST_REGISTRY_READ);
	struct trust_sets *sets = NULL;

	assert_int_equal(
	    trust_registry_begin_read(registry, &s->msg), TRUST_OK);
	if (trust_sets_load(registry, NULL, &sets, &s->msg) != TRUST_OK)
		fail_msg("%s", s->msg.text);
	/* Nothing of them is in the registry any more. */
	trust_registry_close(registry);
	return sets;
}

static void
an_empty_registry_has_empty_sets(void **state)
{
	struct scratch *s = *state;
	struct trust_sets *sets;

	scratch_create(s);
	sets = load(s);
	assert_int_equal(trust_sets_count_groups(sets), 0);
	assert_null(trust_sets_get0_group(sets, "plant-7"));
	assert_null(trust_sets_get0_role(sets, "sensor"));
	assert_int_equal(sk_X509_CRL_num(trust_sets_get0_crls(sets)), 0);
	assert_int_equal(
	    trust_sets_get_identities(sets), 1u << TRUST_IDENTITY_CN);
	trust_sets_free(sets);
	trust_sets_free(NULL);
}

static void
roles_are_found_when_enabled(void **state)
{
	struct scratch *s = *state;
	const struct trust_role *role;
	struct trust_sets *sets;

	scratch_create(s);
	put(s, RECORD("role", "sensor",
		   "\"rules\":[{\"effect\":\"allow\",\"actions\":[\"publish\"],"
		   "\"topics\":[\"devices/{device}/#\"]}]"));
	put(s, RECORD("role", "off", "\"rules\":[],\"status\":\"disabled\""));
	sets = load(s);
	role = trust_sets_get0_role(sets, "sensor");
	assert_non_null(role);
	assert_int_equal(role->n_rules, 1);
	assert_null(trust_sets_get0_role(sets, "off"));
	assert_null(trust_sets_get0_role(sets, "Sensor"));
	trust_sets_free(sets);
}

static void
groups_hold_the_anchors_that_vouch(void **state)
{
	struct scratch *s = *state;
	const struct trust_sets_group *group;
	struct trust_sets *sets;

	scratch_create(s);
	put(s, ANCHOR("good", "device", "enabled"));
	put(s, ANCHOR("disabled", "device", "disabled"));
	put(s, ANCHOR("upstream", "upstream", "enabled"));
	put(s,
	    RECORD("group", "plant-7",
		"\"anchors\":[\"good\",\"disabled\",\"upstream\",\"missing\"],"
		"\"intermediates\":[\"" PEM_TWO "\"],"
		"\"identity\":\"san_dns\""));
	put(s, RECORD("group", "plant-8",
		   "\"anchors\":[\"good\"],\"status\":\"disabled\""));
	sets = load(s);
	assert_int_equal(trust_sets_count_groups(sets), 2);
	group = trust_sets_get0_group(sets, "plant-7");
	assert_ptr_equal(group, trust_sets_get0_group_at(sets, 0));
	assert_string_equal(group->id, "plant-7");
	assert_true(group->enabled);
	assert_int_equal(sk_X509_num(group->anchors), 1);
	assert_int_equal(sk_X509_num(group->intermediates), 1);
	group = trust_sets_get0_group(sets, "plant-8");
	assert_ptr_equal(group, trust_sets_get0_group_at(sets, 1));
	assert_false(group->enabled);
	assert_int_equal(sk_X509_num(group->anchors), 1);
	assert_int_equal(trust_sets_get_identities(sets),
	    1u << TRUST_IDENTITY_CN | 1u << TRUST_IDENTITY_SAN_DNS);
	trust_sets_free(sets);
}

/* A chain is validated once for groups with the same certificates. */
static void
groups_that_are_alike_are_told(void **state)
{
	struct scratch *s = *state;
	struct trust_sets *sets;

	scratch_create(s);
	put(s, ANCHOR("good", "device", "enabled"));
	put(s, ANCHOR("same", "device", "enabled"));
	put(s, ANCHOR("disabled", "device", "disabled"));
	put(s, RECORD("group", "a", "\"anchors\":[\"disabled\"]"));
	put(s, RECORD("group", "b", "\"anchors\":[\"good\"]"));
	put(s, RECORD("group", "c", "\"anchors\":[\"same\",\"disabled\"]"));
	put(s,
	    RECORD("group", "d",
		"\"anchors\":[\"good\"],\"intermediates\":[\"" PEM_TWO "\"]"));
	put(s,
	    RECORD("group", "e",
		"\"anchors\":[\"same\"],\"intermediates\":[\"" PEM_TWO "\"]"));
	put(s,
	    RECORD("group", "f",
		"\"anchors\":[\"good\"],\"intermediates\":[\"" PEM_ONE "\"]"));
	sets = load(s);
	assert_int_equal(trust_sets_get0_group(sets, "a")->alike, 0);
	assert_int_equal(trust_sets_get0_group(sets, "b")->alike, 1);
	assert_int_equal(trust_sets_get0_group(sets, "c")->alike, 1);
	assert_int_equal(trust_sets_get0_group(sets, "d")->alike, 3);
	assert_int_equal(trust_sets_get0_group(sets, "e")->alike, 3);
	assert_int_equal(trust_sets_get0_group(sets, "f")->alike, 5);
	trust_sets_free(sets);
}

static void
crls_count_when_enabled(void **state)
{
	struct scratch *s = *state;
	struct trust_sets *sets;

	scratch_create(s);
	put(s, CRL("a", "enabled"));
	put(s, CRL("b", "enabled"));
	put(s, CRL("c", "disabled"));
	sets = load(s);
	assert_int_equal(sk_X509_CRL_num(trust_sets_get0_crls(sets)), 2);
	trust_sets_free(sets);
}

static void
damage_pem(struct scratch *s)
{
	uint8_t *p, *at;
	size_t len;

	p = scratch_read(s->path, &len);
	at = memmem(p, len, "-BEGIN ", 7);
	assert_non_null(at);
	memcpy(at, "-BOGUS ", 7);
	scratch_write(s->path, p, len);
	free(p);
}

/* A CRL that got lost would let revoked devices in. */
static void
a_record_that_does_not_parse_fails_the_load(void **state)
{
	static const struct {
		const char *line;
		const char *who;
	} rows[] = {
	    {CRL("edge-ca", "enabled"), "crl edge-ca: "},
	    {ANCHOR("root", "device", "enabled"), "anchor root: "},
	    {RECORD("group", "plant",
		 "\"anchors\":[],\"intermediates\":[\"" PEM_TWO "\"]"),
		"group plant: "},
	};
	struct scratch *s = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct trust_registry *registry;
		struct trust_sets *sets;

		scratch_create(s);
		put(s, rows[i].line);
		damage_pem(s);
		registry = scratch_open(s, TRUST_REGISTRY_READ);
		assert_int_equal(
		    trust_sets_load(registry, NULL, &sets, &s->msg),
		    TRUST_ERR_INPUT);
		assert_null(sets);
		assert_non_null(strstr(s->msg.text, rows[i].who));
		trust_registry_close(registry);
		(void)scratch_count(s, true);
	}
}

/* ---- What changed since ---- */

/* Sets, and the generation that they are of. */
struct loaded {
	struct trust_sets *sets;
	int64_t generation;
};

static struct loaded
load_first(struct scratch *s, struct trust_registry *registry)
{
	struct loaded was = {0};

	assert_int_equal(
	    trust_registry_begin_read(registry, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_sets_load(registry, NULL, &was.sets, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_registry_get_generation(registry, &was.generation, &s->msg),
	    TRUST_OK);
	trust_registry_end_read(registry);
	return was;
}

static struct trust_sets *
reload(struct scratch *s, struct trust_registry *registry, struct loaded was)
{
	struct trust_sets *is;

	assert_int_equal(
	    trust_registry_begin_read(registry, &s->msg), TRUST_OK);
	if (trust_sets_reload(registry, NULL, was.sets, was.generation, &is,
		&s->msg) != TRUST_OK)
		fail_msg("%s", s->msg.text);
	trust_registry_end_read(registry);
	return is;
}

static void
drop(struct scratch *s, enum trust_kind kind, const char *id)
{
	struct trust_registry *registry = scratch_open(s, TRUST_REGISTRY_WRITE);

	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_registry_remove(registry, kind, id, &s->msg), TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, &s->msg), TRUST_OK);
	trust_registry_close(registry);
}

/* Of each kind one that stays and one that goes, changes or comes. */
static void
only_what_was_touched_is_read_again(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;
	struct trust_sets *is;
	struct loaded was;

	scratch_create(s);
	put(s, RECORD("role", "stays", "\"rules\":[]"));
	put(s, RECORD("role", "goes", "\"rules\":[]"));
	put(s, RECORD("group", "m", "\"anchors\":[]"));
	put(s, CRL("stays", "enabled"));
	put(s, CRL("goes", "enabled"));
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	was = load_first(s, registry);
	assert_null(reload(s, registry, was));
	drop(s, TRUST_KIND_ROLE, "goes");
	put(s, RECORD("role", "comes", "\"rules\":[]"));
	put(s, RECORD("group", "a", "\"anchors\":[]"));
	put(s, CRL("goes", "disabled"));
	is = reload(s, registry, was);
	assert_ptr_equal(trust_sets_get0_role(is, "stays"),
	    trust_sets_get0_role(was.sets, "stays"));
	assert_non_null(trust_sets_get0_role(was.sets, "goes"));
	assert_null(trust_sets_get0_role(is, "goes"));
	assert_non_null(trust_sets_get0_role(is, "comes"));
	assert_string_equal(trust_sets_get0_group_at(is, 0)->id, "a");
	assert_string_equal(trust_sets_get0_group_at(is, 1)->id, "m");
	assert_ptr_equal(trust_sets_get0_group(is, "m")->group,
	    trust_sets_get0_group(was.sets, "m")->group);
	assert_int_equal(sk_X509_CRL_num(trust_sets_get0_crls(is)), 1);
	/* What is shared outlives those it was shared with. */
	trust_sets_free(was.sets);
	assert_int_equal(trust_sets_get0_role(is, "stays")->n_rules, 0);
	assert_non_null(X509_CRL_get_issuer(
	    sk_X509_CRL_value(trust_sets_get0_crls(is), 0)));
	trust_sets_free(is);
	trust_registry_close(registry);
}

/* Decoding a certificate takes half a millisecond, and the broker waits. */
static void
pem_that_stays_is_not_decoded_again(void **state)
{
	struct scratch *s = *state;
	const struct trust_sets_group *a, *b;
	struct trust_registry *registry;
	struct trust_sets *is;
	struct loaded was;

	scratch_create(s);
	put(s, ANCHOR("one", "device", "enabled"));
	put(s,
	    RECORD("group", "plant",
		"\"anchors\":[\"one\"],\"intermediates\":[\"" PEM_TWO "\"]"));
	put(s, CRL("edge-ca", "enabled"));
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	was = load_first(s, registry);
	put(s, RECORD("anchor", "one",
		   "\"pem\":\"" PEM_ONE
		   "\",\"purposes\":[\"device\",\"bundle\"]"));
	put(s, RECORD("group", "plant",
		   "\"anchors\":[\"one\"],\"intermediates\":[\"" PEM_ONE
		   "\",\"" PEM_TWO "\"],\"comment\":\"another\""));
	put(s, RECORD("crl", "edge-ca",
		   "\"pem\":\"" PEM_CRL "\",\"comment\":\"another\""));
	is = reload(s, registry, was);
	a = trust_sets_get0_group(was.sets, "plant");
	b = trust_sets_get0_group(is, "plant");
	assert_ptr_equal(
	    sk_X509_value(b->anchors, 0), sk_X509_value(a->anchors, 0));
	assert_int_equal(sk_X509_num(b->intermediates), 2);
	assert_ptr_equal(sk_X509_value(b->intermediates, 1),
	    sk_X509_value(a->intermediates, 0));
	assert_ptr_equal(sk_X509_CRL_value(trust_sets_get0_crls(is), 0),
	    sk_X509_CRL_value(trust_sets_get0_crls(was.sets), 0));
	trust_sets_free(was.sets);
	was = (struct loaded){is, was.generation + 3};
	put(s, RECORD("anchor", "one",
		   "\"pem\":\"" PEM_TWO "\",\"purposes\":[\"device\"]"));
	is = reload(s, registry, was);
	b = trust_sets_get0_group(is, "plant");
	assert_int_equal(X509_cmp(sk_X509_value(b->anchors, 0),
			     sk_X509_value(b->intermediates, 1)),
	    0);
	trust_sets_free(was.sets);
	trust_sets_free(is);
	trust_registry_close(registry);
}

/* Groups that nobody touched, and their anchors have changed. */
static void
anchors_reach_groups_that_stay(void **state)
{
	struct scratch *s = *state;
	const struct trust_sets_group *group;
	struct trust_registry *registry;
	struct trust_sets *is;
	struct loaded was;

	scratch_create(s);
	put(s, ANCHOR("one", "device", "enabled"));
	put(s, RECORD("group", "plant",
		   "\"anchors\":[\"one\",\"two\"],\"intermediates\":[\"" PEM_TWO
		   "\"],\"identity\":\"san_dns\""));
	put(s, RECORD("group", "same", "\"anchors\":[\"one\"]"));
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	was = load_first(s, registry);
	put(s, ANCHOR("two", "device", "enabled"));
	is = reload(s, registry, was);
	group = trust_sets_get0_group(is, "plant");
	assert_int_equal(sk_X509_num(group->anchors), 2);
	assert_int_equal(sk_X509_num(group->intermediates), 1);
	assert_int_equal(
	    sk_X509_num(trust_sets_get0_group(was.sets, "plant")->anchors), 1);
	assert_int_equal(
	    sk_X509_num(trust_sets_get0_group(is, "same")->anchors), 1);
	assert_int_equal(
	    trust_sets_get_identities(is), trust_sets_get_identities(was.sets));
	trust_sets_free(was.sets);
	was = (struct loaded){is, was.generation + 1};
	put(s, ANCHOR("one", "device", "disabled"));
	is = reload(s, registry, was);
	trust_sets_free(was.sets);
	group = trust_sets_get0_group(is, "plant");
	assert_int_equal(sk_X509_num(group->anchors), 1);
	assert_int_equal(
	    sk_X509_num(trust_sets_get0_group(is, "same")->anchors), 0);
	trust_sets_free(is);
	trust_registry_close(registry);
}

/* Of more than the registry can tell, all is read. */
static void
what_cannot_be_told_is_read_again(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;
	struct trust_sets *is;
	struct loaded was;

	scratch_create(s);
	put(s, RECORD("role", "stays", "\"rules\":[]"));
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	was = load_first(s, registry);
	was.generation += 1000;
	is = reload(s, registry, was);
	assert_non_null(is);
	assert_non_null(trust_sets_get0_role(is, "stays"));
	trust_sets_free(was.sets);
	trust_sets_free(is);
	trust_registry_close(registry);
}

static enum trust_err
parse_ahead(void *arg, const char *id, struct trust_span line)
{
	struct trust_ahead *ahead = arg;
	struct trust_thumbprint digest;
	struct trust_record *record;

	(void)id;
	assert_int_equal(trust_thumbprint_of(line, &digest), TRUST_OK);
	assert_int_equal(
	    trust_record_parse_stored(line, &record, NULL), TRUST_OK);
	trust_ahead_add(ahead, record, &digest);
	trust_record_free(record);
	return TRUST_OK;
}

static bool
has_crl(const struct trust_sets *sets, const X509_CRL *crl)
{
	STACK_OF(X509_CRL) *crls = trust_sets_get0_crls(sets);
	bool has = false;

	for (int i = 0; i < sk_X509_CRL_num(crls); i++)
		has |= sk_X509_CRL_value(crls, i) == crl;
	return has;
}

/* What another thread has parsed is taken, if it is this very record's. */
static void
crls_that_were_parsed_ahead_are_taken(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;
	struct trust_ahead *ahead;
	struct trust_sets *is;
	struct loaded was;

	scratch_create(s);
	assert_int_equal(trust_ahead_new(TRUST_AHEAD_MAX, &ahead), TRUST_OK);
	put(s, CRL("stays", "enabled"));
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	was = load_first(s, registry);
	put(s, CRL("comes", "enabled"));
	put(s, CRL("off", "disabled"));
	put(s, CRL("moves", "disabled"));
	put(s, RECORD("crl", "stays",
		   "\"pem\":\"" PEM_CRL "\",\"comment\":\"another\""));
	assert_int_equal(trust_registry_list(registry, TRUST_KIND_CRL,
			     parse_ahead, ahead, NULL),
	    TRUST_OK);
	put(s, CRL("moves", "enabled"));
	assert_int_equal(
	    trust_registry_begin_read(registry, &s->msg), TRUST_OK);
	assert_int_equal(trust_sets_reload(registry, ahead, was.sets,
			     was.generation, &is, &s->msg),
	    TRUST_OK);
	trust_registry_end_read(registry);
	assert_false(trust_ahead_has(ahead, "comes"));
	assert_false(trust_ahead_has(ahead, "off"));
	assert_false(trust_ahead_has(ahead, "stays"));
	assert_true(trust_ahead_has(ahead, "moves"));
	assert_int_equal(sk_X509_CRL_num(trust_sets_get0_crls(is)), 3);
	/* The same PEM is the same CRL, parsed again or not. */
	assert_true(
	    has_crl(is, sk_X509_CRL_value(trust_sets_get0_crls(was.sets), 0)));
	trust_sets_free(was.sets);
	trust_sets_free(is);
	trust_registry_close(registry);
	trust_ahead_free(ahead);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_empty_registry_has_empty_sets),
	    TEST(roles_are_found_when_enabled),
	    TEST(groups_hold_the_anchors_that_vouch),
	    TEST(groups_that_are_alike_are_told),
	    TEST(crls_count_when_enabled),
	    TEST(a_record_that_does_not_parse_fails_the_load),
	    TEST(only_what_was_touched_is_read_again),
	    TEST(pem_that_stays_is_not_decoded_again),
	    TEST(anchors_reach_groups_that_stay),
	    TEST(what_cannot_be_told_is_read_again),
	    TEST(crls_that_were_parsed_ahead_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
