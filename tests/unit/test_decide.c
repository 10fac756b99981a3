/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.c: every step of the interface's order, on facts made by hand. What
 * certificates and chains really give is tested in tests/cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "decide.h"

#define NOW INT64_C(1000000)

/* A good P-256 certificate with CN temp-01, valid around NOW. */
static struct trust_certificate
good_certificate(void)
{
	static uint8_t cn[] = "temp-01";
	struct trust_certificate c = {
	    .not_before = NOW - 100,
	    .not_after = NOW + 100,
	    .version = 3,
	    .has_client_auth_eku = true,
	    .key_strength = 128,
	    .key_type = "EC P-256",
	};

	c.thumbprint.b[31] = 0xc3;
	c.names[TRUST_IDENTITY_CN].v[0] =
	    (struct trust_value){cn, sizeof(cn) - 1};
	c.names[TRUST_IDENTITY_CN].n = 1;
	return c;
}

static struct trust_record
device(enum trust_auth auth)
{
	return (struct trust_record){
	    .kind = TRUST_KIND_DEVICE,
	    .id = "temp-01",
	    .enabled = true,
	    .u.device = {.auth = auth, .n_thumbprints = 1, .group = "plant"},
	};
}

static struct trust_group
group(void)
{
	return (struct trust_group){
	    .identity = TRUST_IDENTITY_CN,
	    .max_depth = 4,
	    .min_rsa_bits = 2048,
	};
}

static struct trust_chain
good_chain(void)
{
	return (struct trust_chain){
	    .valid = true,
	    .n_path = 3,
	    .valid_from = NOW - 100,
	    .valid_until = NOW + 50,
	};
}

/* The verdict for facts, as a reason and an outcome that must agree. */
static enum trust_reason
reason_of(const struct trust_facts *facts, const struct trust_certificate *c,
    struct trust_verdict *out)
{
	enum trust_reason reason;

	assert_int_equal(trust_decide(facts, c, NOW, out, NULL), TRUST_OK);
	reason = out->reason;
	assert_int_equal(
	    out->outcome == TRUST_ALLOW, trust_reason_allows(reason));
	return reason;
}

static enum trust_reason
reason_alone(const struct trust_facts *facts, const struct trust_certificate *c)
{
	struct trust_verdict verdict;
	enum trust_reason reason = reason_of(facts, c, &verdict);

	trust_verdict_clear(&verdict);
	return reason;
}

static void
zero_is_deny(void **state)
{
	struct trust_verdict verdict = {0};

	(void)state;
	assert_int_equal(verdict.outcome, TRUST_DENY);
	assert_int_equal(verdict.reason, TRUST_REASON_INTERNAL_ERROR);
	assert_false(trust_reason_allows(verdict.reason));
}

static void
registry_comes_first(void **state)
{
	struct trust_record pinned = device(TRUST_AUTH_THUMBPRINT);
	struct trust_certificate c = good_certificate();
	struct trust_facts facts = {.by_thumbprint = &pinned};

	(void)state;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_REGISTRY_MISSING);
	facts.state = TRUST_REGISTRY_STATE_STALE;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_REGISTRY_STALE);
}

static void
pins_in_order(void **state)
{
	struct trust_record pinned = device(TRUST_AUTH_THUMBPRINT);
	struct trust_certificate c = good_certificate();
	struct trust_facts facts = {
	    .state = TRUST_REGISTRY_STATE_READY, .by_thumbprint = &pinned};

	(void)state;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_THUMBPRINT_MATCH);
	c.key_strength = TRUST_STRENGTH_MIN - 1;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_KEY_TOO_WEAK);
	c.not_after = NOW - 1;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_CERTIFICATE_EXPIRED);
	c.not_before = NOW + 1;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_CERTIFICATE_NOT_YET_VALID);
	pinned.enabled = false;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_DEVICE_DISABLED);
}

static void
pins_look_at_nothing_else(void **state)
{
	struct trust_record pinned = device(TRUST_AUTH_KEY);
	struct trust_certificate c = good_certificate();
	struct trust_facts facts = {.state = TRUST_REGISTRY_STATE_READY,
	    .by_pin = &pinned,
	    .self_signed = true};

	(void)state;
	c.is_ca = true;
	c.version = 1;
	c.has_client_auth_eku = false;
	c.names[TRUST_IDENTITY_CN].n = 0;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_KEY_MATCH);
}

/* RFC 5280 section 4.1.2.5: both ends belong to the period. */
static void
dates_are_inclusive(void **state)
{
	struct trust_record pinned = device(TRUST_AUTH_THUMBPRINT);
	struct trust_certificate c = good_certificate();
	struct trust_facts facts = {
	    .state = TRUST_REGISTRY_STATE_READY, .by_thumbprint = &pinned};
	struct trust_verdict verdict;

	(void)state;
	c.not_before = c.not_after = NOW;
	assert_int_equal(
	    reason_of(&facts, &c, &verdict), TRUST_REASON_THUMBPRINT_MATCH);
	assert_int_equal(verdict.valid_until, NOW);
	trust_verdict_clear(&verdict);
	c.not_after = NOW - 1;
	pinned.u.device.ignore_validity = true;
	assert_int_equal(
	    reason_of(&facts, &c, &verdict), TRUST_REASON_THUMBPRINT_MATCH);
	assert_true(verdict.valid_until == TRUST_CLOCK_NEVER);
	trust_verdict_clear(&verdict);
}

static void
chain_never_rescues_a_namesake(void **state)
{
	struct trust_record namesake = device(TRUST_AUTH_THUMBPRINT);
	struct trust_record registered = device(TRUST_AUTH_CA);
	struct trust_certificate c = good_certificate();
	struct trust_group g = group();
	struct trust_chain chain = good_chain();
	struct trust_candidate candidate = {
	    "plant", &g, &chain, &registered, false, false};
	struct trust_facts facts = {.state = TRUST_REGISTRY_STATE_READY,
	    .namesake = &namesake,
	    .candidates = &candidate,
	    .n_candidates = 1};
	struct trust_verdict verdict;

	(void)state;
	namesake.u.device.thumbprints[0].b[30] = 0xa1;
	namesake.u.device.thumbprints[0].b[31] = 0xb2;
	assert_int_equal(
	    reason_of(&facts, &c, &verdict), TRUST_REASON_THUMBPRINT_MISMATCH);
	assert_string_equal(verdict.detail,
	    "temp-01 is registered with another certificate (…A1B2), this "
	    "one is …00C3");
	trust_verdict_clear(&verdict);
}

static void
self_signed_is_unknown(void **state)
{
	struct trust_certificate c = good_certificate();
	struct trust_facts facts = {.state = TRUST_REGISTRY_STATE_READY};

	(void)state;
	facts.self_signed = true;
	assert_false(trust_decide_needs_chain(&facts));
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_UNKNOWN_CERTIFICATE);
	facts.self_signed = false;
	assert_true(trust_decide_needs_chain(&facts));
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_CHAIN_UNTRUSTED);
}

/* Each row breaks one more rule that comes earlier in the order. */
static void
chain_rules_in_order(void **state)
{
	struct trust_record registered = device(TRUST_AUTH_CA);
	struct trust_certificate c = good_certificate();
	struct trust_group g = group();
	struct trust_chain chain = good_chain();
	struct trust_candidate candidate = {
	    "plant", &g, &chain, &registered, false, false};
	struct trust_facts facts = {.state = TRUST_REGISTRY_STATE_READY,
	    .candidates = &candidate,
	    .n_candidates = 1};

	(void)state;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_CHAIN_REGISTERED);
	candidate.device = NULL;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_DEVICE_UNKNOWN);
	g.automatic = true;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_CHAIN_ENROLLED);
	candidate.device = &registered;
	registered.enabled = false;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_DEVICE_DISABLED);
	registered.u.device.group = "another";
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_IDENTITY_NOT_IN_GROUP);
	g.identity = TRUST_IDENTITY_SAN_DNS;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_IDENTITY_MISSING);
	chain.valid = false;
	chain.reason = TRUST_REASON_CHAIN_INVALID;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_CHAIN_INVALID);
	g.max_validity_s = 1;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_VALIDITY_TOO_LONG);
	chain.reason = TRUST_REASON_SIGNATURE_TOO_WEAK;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_SIGNATURE_TOO_WEAK);
	chain.reason = TRUST_REASON_KEY_TOO_WEAK;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_KEY_TOO_WEAK);
	g.require_client_auth_eku = true;
	c.has_client_auth_eku = false;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_PURPOSE_NOT_ALLOWED);
	chain.reason = TRUST_REASON_CERTIFICATE_REVOKED;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_CERTIFICATE_REVOKED);
	chain.reason = TRUST_REASON_CHAIN_TOO_DEEP;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_CHAIN_TOO_DEEP);
	chain.reason = TRUST_REASON_CHAIN_UNTRUSTED;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_CHAIN_UNTRUSTED);
}

static void
ca_certificate_is_no_device(void **state)
{
	struct trust_record registered = device(TRUST_AUTH_CA);
	struct trust_certificate c = good_certificate();
	struct trust_group g = group();
	struct trust_chain chain = good_chain();
	struct trust_candidate candidate = {
	    "plant", &g, &chain, &registered, false, false};
	struct trust_facts facts = {.state = TRUST_REGISTRY_STATE_READY,
	    .candidates = &candidate,
	    .n_candidates = 1};

	(void)state;
	c.is_ca = true;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_PURPOSE_NOT_ALLOWED);
}

static void
two_groups_two_devices(void **state)
{
	static uint8_t serial[] = "SN-1";
	struct trust_certificate c = good_certificate();
	struct trust_group g[2] = {group(), group()};
	struct trust_chain chain = good_chain();
	struct trust_candidate candidates[2] = {
	    {"a", &g[0], &chain, NULL, false, false},
	    {"b", &g[1], &chain, NULL, false, false}};
	struct trust_facts facts = {.state = TRUST_REGISTRY_STATE_READY,
	    .candidates = candidates,
	    .n_candidates = 2};

	(void)state;
	g[0].automatic = g[1].automatic = true;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_CHAIN_ENROLLED);
	g[1].identity = TRUST_IDENTITY_SERIAL_NUMBER;
	c.names[TRUST_IDENTITY_SERIAL_NUMBER].v[0] =
	    (struct trust_value){serial, sizeof(serial) - 1};
	c.names[TRUST_IDENTITY_SERIAL_NUMBER].n = 1;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_IDENTITY_AMBIGUOUS);
	g[1].automatic = false;
	assert_int_equal(reason_alone(&facts, &c), TRUST_REASON_CHAIN_ENROLLED);
}

/* Of a group with "pin":"first": somebody may be posing as the device, which
 * says more than that it is blocked. */
static void
another_key_than_the_first(void **state)
{
	struct trust_record registered = device(TRUST_AUTH_CA);
	struct trust_certificate c = good_certificate();
	struct trust_group g = group();
	struct trust_chain chain = good_chain();
	struct trust_candidate candidate = {
	    "plant", &g, &chain, &registered, true, true};
	struct trust_facts facts = {.state = TRUST_REGISTRY_STATE_READY,
	    .candidates = &candidate,
	    .n_candidates = 1};

	(void)state;
	registered.enabled = false;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_THUMBPRINT_MISMATCH);
	candidate.other_key = false;
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_BLOCKED_LOCALLY);
	candidate.other_key = true;
	registered.u.device.group = "another";
	assert_int_equal(
	    reason_alone(&facts, &c), TRUST_REASON_IDENTITY_NOT_IN_GROUP);
}

static void
roles_of_device_then_group_then_default(void **state)
{
	const char *of_group[] = {"meter"}, *of_device[] = {"sensor", "admin"};
	struct trust_record registered = device(TRUST_AUTH_CA);
	struct trust_certificate c = good_certificate();
	struct trust_group g = group();
	struct trust_chain chain = good_chain();
	struct trust_candidate candidate = {
	    "plant", &g, &chain, &registered, false, false};
	struct trust_facts facts = {.state = TRUST_REGISTRY_STATE_READY,
	    .candidates = &candidate,
	    .n_candidates = 1};
	struct trust_verdict v;

	(void)state;
	(void)reason_of(&facts, &c, &v);
	assert_true(v.default_role);
	trust_verdict_clear(&v);
	g.has_roles = true;
	g.roles = (struct trust_strings){1, of_group};
	(void)reason_of(&facts, &c, &v);
	assert_int_equal(v.n_roles, 1);
	assert_string_equal(v.roles[0], "meter");
	trust_verdict_clear(&v);
	registered.u.device.has_roles = true;
	registered.u.device.roles = (struct trust_strings){2, of_device};
	(void)reason_of(&facts, &c, &v);
	assert_int_equal(v.n_roles, 2);
	assert_string_equal(v.roles[1], "admin");
	assert_int_equal(v.valid_until, NOW + 50);
	trust_verdict_clear(&v);
	registered.u.device.roles.n = 0;
	(void)reason_of(&facts, &c, &v);
	assert_int_equal(v.n_roles, 0);
	assert_false(v.default_role);
	trust_verdict_clear(&v);
}

static void
client_id_comes_last(void **state)
{
	struct trust_verdict v = {.outcome = TRUST_ALLOW,
	    .reason = TRUST_REASON_KEY_MATCH,
	    .device = "temp-01",
	    .client_id = TRUST_CLIENT_ID_EXACT};
	struct trust_verdict denied = {.reason = TRUST_REASON_DEVICE_DISABLED};

	(void)state;
	trust_decide_client_id(&denied, "temp-01", NULL);
	assert_int_equal(denied.reason, TRUST_REASON_DEVICE_DISABLED);
	trust_decide_client_id(&v, "temp-01", NULL);
	assert_int_equal(v.outcome, TRUST_ALLOW);
	trust_decide_client_id(&v, "temp-02", NULL);
	assert_int_equal(v.outcome, TRUST_DENY);
	assert_int_equal(v.reason, TRUST_REASON_CLIENT_ID_MISMATCH);
	assert_string_equal(
	    v.detail, "want the client id temp-01, got temp-02");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(zero_is_deny),
	    cmocka_unit_test(registry_comes_first),
	    cmocka_unit_test(pins_in_order),
	    cmocka_unit_test(pins_look_at_nothing_else),
	    cmocka_unit_test(dates_are_inclusive),
	    cmocka_unit_test(chain_never_rescues_a_namesake),
	    cmocka_unit_test(self_signed_is_unknown),
	    cmocka_unit_test(chain_rules_in_order),
	    cmocka_unit_test(ca_certificate_is_no_device),
	    cmocka_unit_test(two_groups_two_devices),
	    cmocka_unit_test(another_key_than_the_first),
	    cmocka_unit_test(roles_of_device_then_group_then_default),
	    cmocka_unit_test(client_id_comes_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
