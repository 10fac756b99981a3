/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: what it remembers, and when it must not. A real registry, real
 * certificates.
 */
#include "gate_house.h"

static uint64_t
hits(const struct house *h)
{
	struct trust_gate_status status;

	trust_gate_get_status(h->gate, NOW, &status);
	return status.cache_hits;
}

/* ---- The cache ---- */

static void
second_time_is_cached(void **state)
{
	struct house *h = *state;

	assert_int_equal(
	    ask(h, &h->device, true, NOW, NULL), TRUST_REASON_CHAIN_REGISTERED);
	assert_int_equal(hits(h), 0);
	assert_int_equal(
	    ask(h, &h->device, true, NOW, NULL), TRUST_REASON_CHAIN_REGISTERED);
	assert_int_equal(hits(h), 1);
	assert_int_equal(ask(h, &h->pinned, false, NOW, NULL),
	    TRUST_REASON_THUMBPRINT_MATCH);
	assert_int_equal(ask(h, &h->pinned, false, NOW, NULL),
	    TRUST_REASON_THUMBPRINT_MATCH);
	assert_int_equal(hits(h), 2);
}

/* "A cached allow stands when a client later sends fewer certificates." */
static void
fewer_certificates_later(void **state)
{
	struct house *h = *state;

	assert_int_equal(
	    ask(h, &h->device, false, NOW, NULL), TRUST_REASON_CHAIN_UNTRUSTED);
	assert_int_equal(
	    ask(h, &h->device, true, NOW, NULL), TRUST_REASON_CHAIN_REGISTERED);
	assert_int_equal(ask(h, &h->device, false, NOW, NULL),
	    TRUST_REASON_CHAIN_REGISTERED);
}

static void
denials_are_not_cached(void **state)
{
	struct house *h = *state;
	struct trust_gate_status status;

	assert_int_equal(
	    ask(h, &h->stranger, true, NOW, NULL), TRUST_REASON_DEVICE_UNKNOWN);
	trust_gate_get_status(h->gate, NOW, &status);
	assert_int_equal(status.n_cached, 0);
	put(h, "{\"kind\":\"device\",\"id\":\"temp-04\","
	       "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	assert_int_equal(ask(h, &h->stranger, true, NOW, NULL),
	    TRUST_REASON_CHAIN_REGISTERED);
}

static void
cached_is_dropped_with_the_device(void **state)
{
	struct house *h = *state;

	(void)ask(h, &h->pinned, false, NOW, NULL);
	put_pinned(h, "disabled");
	assert_null(trust_gate_recall(h->gate, h->pinned.certificate, NOW));
	assert_int_equal(
	    ask(h, &h->pinned, false, NOW, NULL), TRUST_REASON_DEVICE_DISABLED);
}

/* A namesake of type thumbprint beats what a chain has earned. */
static void
cached_is_dropped_for_a_namesake(void **state)
{
	struct house *h = *state;

	(void)ask(h, &h->device, true, NOW, NULL);
	put(h, "{\"kind\":\"device\",\"id\":\"temp-03\",\"auth\":{\"type\":"
	       "\"key\",\"pins\":[\"0123456789abcdef0123456789abcdef0123456789"
	       "abcdef0123456789abcdef\"]}}");
	assert_int_equal(ask(h, &h->device, true, NOW, NULL),
	    TRUST_REASON_THUMBPRINT_MISMATCH);
}

static void
other_devices_do_not_matter(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;

	(void)ask(h, &h->device, true, NOW, NULL);
	put_pinned(h, "disabled");
	admission = trust_gate_recall(h->gate, h->device.certificate, NOW);
	assert_non_null(admission);
	trust_admission_free(admission);
}

static void
time_ends_what_is_cached(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;

	(void)ask(h, &h->device, true, NOW, &admission);
	assert_int_equal(
	    review(h, admission, NOW + DAY_S), TRUST_REASON_CHAIN_REGISTERED);
	assert_int_equal(review(h, admission, NOW + DAY_S + 1),
	    TRUST_REASON_CERTIFICATE_EXPIRED);
	assert_int_equal(review(h, admission, NOW - DAY_S - 1),
	    TRUST_REASON_CERTIFICATE_NOT_YET_VALID);
	assert_null(
	    trust_gate_recall(h->gate, h->device.certificate, NOW + DAY_S + 1));
	trust_admission_free(admission);
}

/* ---- Reviews ---- */

static void
review_without_the_client(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;

	(void)ask(h, &h->device, true, NOW, &admission);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"match\":[\"temp-*\"],\"max_depth\":1}");
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_CHAIN_REGISTERED);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"match\":[\"temp-*\"],\"max_depth\":0}");
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_CHAIN_TOO_DEEP);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[]}");
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_CHAIN_UNTRUSTED);
	trust_admission_free(admission);
}

static void
stronger_keys_are_asked_of_who_is_in(void **state)
{
	struct house *h = *state;
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_DEVICE,
	    .cn = "temp-03",
	    .not_before = NOW - DAY_S,
	    .not_after = NOW + DAY_S,
	};
	struct trust_admission *admission;

	trust_pair_clear(&h->device);
	assert_int_equal(trust_pair_make(TRUST_KEY_RSA2048, &issue, &h->edge,
			     &h->device, NULL),
	    TRUST_OK);
	(void)ask(h, &h->device, true, NOW, &admission);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"match\":[\"temp-*\"],\"min_rsa_bits\":2049}");
	assert_int_equal(review(h, admission, NOW), TRUST_REASON_KEY_TOO_WEAK);
	trust_admission_free(admission);
}

/* ---- Names and topics ---- */

static void
rules_by_name(void **state)
{
	struct house *h = *state;
	struct trust_access *access;

	assert_int_equal(trust_gate_access_by_name(
			     h->gate, "temp-03", "temp-03", &access, NULL),
	    TRUST_OK);
	assert_true(
	    trust_access_check_publish(access, "devices/temp-03/x", 1, true));
	assert_false(
	    trust_access_check_publish(access, "devices/temp-04/x", 1, true));
	trust_access_free(access);
	assert_int_equal(trust_gate_access_by_name(
			     h->gate, "temp-03", "temp-03/m", &access, NULL),
	    TRUST_ERR_NOT_FOUND);
	assert_int_equal(trust_gate_access_by_name(
			     h->gate, "nobody", "nobody", &access, NULL),
	    TRUST_ERR_NOT_FOUND);
	put_pinned(h, "disabled");
	assert_int_equal(trust_gate_access_by_name(
			     h->gate, "pinned", "pinned", &access, NULL),
	    TRUST_ERR_NOT_FOUND);
	assert_true(trust_gate_is_device(h->gate, "pinned"));
	assert_false(trust_gate_is_device(h->gate, "pinned/m"));
	assert_false(trust_gate_is_device(h->gate, "nobody"));
}

/* Whether the device may publish there, asked by its name. */
static bool
may_by_name(struct house *h, const char *device, const char *topic)
{
	struct trust_access *access;
	bool allowed;

	if (trust_gate_access_by_name(h->gate, device, device, &access, NULL) !=
	    TRUST_OK)
		return false;
	allowed = trust_access_check_publish(access, topic, 1, true);
	trust_access_free(access);
	return allowed;
}

/* What is kept of who was asked about last ends with what it rests on. */
static void
rules_by_name_follow_the_registry(void **state)
{
	struct house *h = *state;

	assert_true(may_by_name(h, "pinned", "devices/pinned/x"));
	assert_true(may_by_name(h, "temp-03", "devices/temp-03/x"));
	assert_true(may_by_name(h, "temp-03", "devices/temp-03/y"));
	assert_false(may_by_name(h, "temp-03", "devices/pinned/x"));
	put(h, "{\"kind\":\"role\",\"id\":\"default\",\"rules\":[]}");
	assert_false(may_by_name(h, "temp-03", "devices/temp-03/x"));
	put(h, "{\"kind\":\"role\",\"id\":\"default\",\"rules\":[{\"effect\":"
	       "\"allow\",\"actions\":[\"publish\"],\"topics\":[\"x\"]}]}");
	assert_true(may_by_name(h, "temp-03", "x"));
	assert_false(set_block(h, "temp-03", true));
	assert_false(may_by_name(h, "temp-03", "x"));
	assert_true(set_block(h, "temp-03", false));
	assert_true(may_by_name(h, "temp-03", "x"));
	put(h,
	    "{\"kind\":\"device\",\"id\":\"temp-03\",\"status\":\"disabled\","
	    "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	assert_false(may_by_name(h, "temp-03", "x"));
}

/* Who comes again under its client id shares its rules, until the registry
 * moves; another client id has its own. */
static void
rules_are_shared(void **state)
{
	struct house *h = *state;
	struct trust_access *first, *second, *other;
	struct trust_admission *admission;

	(void)ask(h, &h->pinned, false, NOW, &admission);
	assert_int_equal(
	    trust_gate_access(h->gate, admission, "pinned", &first, NULL),
	    TRUST_OK);
	assert_int_equal(
	    trust_gate_access(h->gate, admission, "pinned", &second, NULL),
	    TRUST_OK);
	assert_ptr_equal(first, second);
	assert_int_equal(
	    trust_gate_access(h->gate, admission, "pinned/m", &other, NULL),
	    TRUST_OK);
	assert_ptr_not_equal(first, other);
	trust_access_free(second);
	trust_access_free(other);
	trust_admission_free(admission);
	assert_true(trust_access_check_publish(
	    first, "trust/v1/enroll/pinned/request", 1, false));
	put(h, "{\"kind\":\"role\",\"id\":\"default\",\"rules\":[]}");
	(void)ask(h, &h->pinned, false, NOW, &admission);
	assert_int_equal(
	    trust_gate_access(h->gate, admission, "pinned", &second, NULL),
	    TRUST_OK);
	assert_false(
	    trust_access_check_publish(second, "devices/pinned/x", 1, false));
	trust_access_free(first);
	trust_access_free(second);
	trust_admission_free(admission);
}

static enum trust_reason
explain_topic(struct house *h, const char *device, const char *client_id,
    const char *topic, bool *allowed)
{
	const struct trust_access_request request = {
	    .publish = true, .topic = topic};
	struct trust_access_ruling ruling;
	struct trust_steps steps = {0};
	struct trust_verdict verdict;
	enum trust_reason reason;

	assert_int_equal(trust_gate_explain_topic(h->gate, device, client_id,
			     &request, &verdict, &ruling, &steps, NULL),
	    TRUST_OK);
	assert_true(steps.n > 0);
	*allowed = ruling.allowed;
	reason = verdict.reason;
	if (verdict.outcome == TRUST_ALLOW)
		assert_string_equal(verdict.device, device);
	else
		assert_false(ruling.allowed);
	trust_verdict_clear(&verdict);
	trust_access_ruling_clear(&ruling);
	trust_steps_free(&steps);
	return reason;
}

static void
rules_are_explained(void **state)
{
	struct house *h = *state;
	bool allowed;

	(void)explain_topic(
	    h, "temp-03", "temp-03", "devices/temp-03/x", &allowed);
	assert_true(allowed);
	(void)explain_topic(
	    h, "temp-03", "temp-03", "devices/temp-04/x", &allowed);
	assert_false(allowed);
	assert_int_equal(explain_topic(h, "temp-03", "temp-03/m",
			     "devices/temp-03", &allowed),
	    TRUST_REASON_CLIENT_ID_MISMATCH);
	assert_int_equal(
	    explain_topic(h, "nobody", "nobody", "devices/nobody", &allowed),
	    TRUST_REASON_DEVICE_UNKNOWN);
	assert_false(set_block(h, "nobody", true));
	assert_int_equal(
	    explain_topic(h, "nobody", "nobody", "devices/nobody", &allowed),
	    TRUST_REASON_BLOCKED_LOCALLY);
	put_pinned(h, "disabled");
	assert_int_equal(
	    explain_topic(h, "pinned", "pinned", "devices/pinned", &allowed),
	    TRUST_REASON_DEVICE_DISABLED);
	assert_false(set_block(h, "temp-03", true));
	assert_int_equal(
	    explain_topic(h, "temp-03", "temp-03", "devices/temp-03", &allowed),
	    TRUST_REASON_BLOCKED_LOCALLY);
	assert_true(set_block(h, "temp-03", false));
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"status\":\"disabled\"}");
	assert_int_equal(
	    explain_topic(h, "temp-03", "temp-03", "devices/temp-03", &allowed),
	    TRUST_REASON_CHAIN_UNTRUSTED);
}

/* A device without a record is known by name only after it came in. */
static void
automatic_devices_are_remembered(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;
	struct trust_access *access;

	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"match\":[\"temp-*\"],\"enroll\":\"automatic\"}");
	assert_int_equal(ask(h, &h->stranger, true, NOW, &admission),
	    TRUST_REASON_CHAIN_ENROLLED);
	assert_false(trust_gate_is_device(h->gate, "temp-04"));
	assert_true(trust_gate_remember_device(h->gate, admission));
	assert_false(trust_gate_remember_device(h->gate, admission));
	trust_admission_free(admission);
	assert_true(trust_gate_is_device(h->gate, "temp-04"));
	assert_int_equal(trust_gate_access_by_name(
			     h->gate, "temp-04", "temp-04", &access, NULL),
	    TRUST_OK);
	trust_access_free(access);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"]}");
	assert_int_equal(trust_gate_access_by_name(
			     h->gate, "temp-04", "temp-04", &access, NULL),
	    TRUST_ERR_NOT_FOUND);
}

static void
bridges_are_remembered(void **state)
{
	struct house *h = *state;

	assert_false(trust_gate_is_bridge(h->gate, "local.gw1.up"));
	trust_gate_remember_bridge(h->gate, "local.gw1.up");
	assert_true(trust_gate_is_bridge(h->gate, "local.gw1.up"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

/* ---- REGISTRY.local ---- */

static void
ignore_device(void *arg, const char *device)
{
}

static void
ignore_ground(void *arg, uint64_t ground)
{
}

/* Another gate in front of the same registry. */
static enum trust_err
open_gate(const struct house *h, bool remember, struct trust_gate **out,
    struct trust_message *msg)
{
	const struct trust_gate_config config = {
	    .gateway = "gw1",
	    .registry_path = h->scratch->path,
	    .remember = remember,
	};

	return trust_gate_open(&config, out, msg);
}

/* Close the house's gate, and write this in place of what it remembers. */
static void
spoil(struct house *h, const char *suffix)
{
	char path[96];

	trust_gate_close(h->gate);
	h->gate = NULL;
	(void)snprintf(path, sizeof(path), "%s.local", h->scratch->path);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(
	    path, sizeof(path), "%s.local%s", h->scratch->path, suffix);
	scratch_write(path, "nobody", 6);
}

/* Neither who decides nor who only asks goes on as if nobody were blocked. */
static void
no_gate_without_who_is_blocked(void **state)
{
	struct house *h = *state;
	struct trust_message msg = {0};

	spoil(h, "");
	assert_int_equal(open_gate(h, true, &h->gate, &msg), TRUST_ERR_FOREIGN);
	assert_null(h->gate);
	assert_non_null(strstr(msg.text, ".local: "));
	assert_int_equal(
	    open_gate(h, false, &h->gate, &msg), TRUST_ERR_FOREIGN);
	assert_null(h->gate);
}

/* Where it can neither be read nor made. Who only asks needs none. */
static void
no_gate_that_cannot_remember(void **state)
{
	struct house *h = *state;
	struct trust_message msg = {0};

	spoil(h, "-wal");
	assert_int_equal(
	    open_gate(h, true, &h->gate, &msg), TRUST_ERR_NOT_FOUND);
	assert_null(h->gate);
	assert_non_null(strstr(msg.text, ".local: cannot be made"));
	assert_int_equal(open_gate(h, false, &h->gate, &msg), TRUST_OK);
	assert_int_equal(ask(h, &h->pinned, false, NOW, NULL),
	    TRUST_REASON_THUMBPRINT_MATCH);
}

/* A registry comes where nothing can be remembered: nobody is let in until
 * it can, and everybody who asks is told. */
static void
nobody_is_let_in_while_nobody_can_tell(void **state)
{
	struct house *h = *state;
	const struct trust_gate_visitor visitor = {
	    .device = ignore_device, .ground = ignore_ground};
	struct trust_gate_device device;
	struct trust_gate_status status;
	struct trust_message msg = {0};
	struct trust_verdict verdict;
	struct trust_steps steps = {0};
	char away[96], leftover[96];

	spoil(h, "-wal");
	(void)snprintf(away, sizeof(away), "%s.away", h->scratch->path);
	(void)snprintf(
	    leftover, sizeof(leftover), "%s.local-wal", h->scratch->path);
	assert_int_equal(rename(h->scratch->path, away), 0);
	assert_int_equal(open_gate(h, true, &h->gate, &msg), TRUST_OK);
	assert_int_equal(ask(h, &h->pinned, false, NOW, NULL),
	    TRUST_REASON_REGISTRY_MISSING);
	assert_int_equal(rename(away, h->scratch->path), 0);
	(void)trust_gate_follow(h->gate, &visitor);
	assert_int_equal(
	    ask(h, &h->pinned, false, NOW, NULL), TRUST_REASON_INTERNAL_ERROR);
	assert_false(may_by_name(h, "pinned", "devices/pinned/x"));
	assert_true(trust_gate_is_device(h->gate, "temp-09"));
	assert_int_equal(
	    trust_gate_find_device(h->gate, "pinned", &device, NULL),
	    TRUST_ERR_IO);
	trust_gate_get_status(h->gate, NOW, &status);
	assert_int_equal(status.n_blocked, -1);
	assert_non_null(strstr(status.local_trouble, leftover));
	trust_gate_explain_device(h->gate, "pinned", NOW, &verdict, &steps);
	assert_int_equal(verdict.outcome, TRUST_DENY);
	assert_int_equal(verdict.reason, TRUST_REASON_INTERNAL_ERROR);
	trust_steps_free(&steps);
	assert_int_equal(unlink(leftover), 0);
	(void)trust_gate_follow(h->gate, &visitor);
	assert_int_equal(ask(h, &h->pinned, false, NOW, NULL),
	    TRUST_REASON_THUMBPRINT_MATCH);
	trust_gate_get_status(h->gate, NOW, &status);
	assert_int_equal(status.n_blocked, 0);
	assert_string_equal(status.local_trouble, "");
}

/* Who only asks is told what the gateway does, and changes nothing. */
static void
who_only_asks_knows_of_blocks(void **state)
{
	struct house *h = *state;
	struct trust_block_change change = {.device = "pinned"};
	struct trust_gate *keeper = h->gate;
	struct trust_message msg = {0};

	assert_false(set_block(h, "pinned", true));
	assert_int_equal(open_gate(h, false, &h->gate, &msg), TRUST_OK);
	assert_int_equal(
	    ask(h, &h->pinned, false, NOW, NULL), TRUST_REASON_BLOCKED_LOCALLY);
	assert_int_equal(
	    trust_gate_change_blocks(h->gate, &change, 1, &msg), TRUST_ERR_IO);
	trust_gate_close(h->gate);
	h->gate = keeper;
	assert_true(set_block(h, "pinned", false));
}

/* ---- A device that is asked about ---- */

static void
assert_explained(struct house *h, const char *device, enum trust_reason reason,
    const char *says)
{
	struct trust_verdict verdict;
	struct trust_steps steps = {0};
	bool said = false;

	trust_gate_explain_device(h->gate, device, NOW, &verdict, &steps);
	for (size_t i = 0; i < steps.n; i++)
		said |= strstr(steps.v[i].text, says) != NULL;
	if (!said)
		fail_msg("%s: nothing says: %s", device, says);
	if (verdict.outcome != TRUST_ALLOW)
		assert_int_equal(verdict.reason, reason);
	trust_verdict_clear(&verdict);
	trust_steps_free(&steps);
}

static void
each_way_in_is_explained(void **state)
{
	struct house *h = *state;

	put(h, "{\"kind\":\"device\",\"id\":\"by-key\",\"auth\":{\"type\":"
	       "\"key\",\"pins\":["
	       "\"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
	       "a5a5a5a5a5a5a5a5\"]}}");
	put(h, "{\"kind\":\"device\",\"id\":\"meter\",\"auth\":{\"type\":"
	       "\"psk\",\"identity\":\"meter-07\",\"key\":\"MIIB\"}}");
	assert_explained(h, "pinned", TRUST_REASON_INTERNAL_ERROR,
	    "it comes in with the certificate ");
	assert_explained(h, "by-key", TRUST_REASON_INTERNAL_ERROR,
	    "it comes in with a certificate of the key a5a5");
	assert_explained(h, "temp-03", TRUST_REASON_INTERNAL_ERROR,
	    "it comes in with a chain to an anchor of group plant");
	assert_explained(h, "meter", TRUST_REASON_INTERNAL_ERROR,
	    "it comes in with the pre-shared key of identity meter-07");
	assert_explained(
	    h, "nobody", TRUST_REASON_INTERNAL_ERROR, "it has no record");
	put_pinned(h, "disabled");
	assert_explained(h, "pinned", TRUST_REASON_DEVICE_DISABLED,
	    "its record is disabled");
}

static void
without_a_registry_that_is_explained(void **state)
{
	struct house *h = *state;

	trust_gate_close(h->gate);
	h->gate = NULL;
	assert_int_equal(unlink(h->scratch->path), 0);
	assert_int_equal(
	    open_gate(h, true, &h->gate, &h->scratch->msg), TRUST_OK);
	assert_explained(h, "temp-03", TRUST_REASON_REGISTRY_MISSING,
	    trust_reason_meaning(TRUST_REASON_REGISTRY_MISSING));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(second_time_is_cached),
	    TEST(fewer_certificates_later),
	    TEST(denials_are_not_cached),
	    TEST(cached_is_dropped_with_the_device),
	    TEST(cached_is_dropped_for_a_namesake),
	    TEST(other_devices_do_not_matter),
	    TEST(time_ends_what_is_cached),
	    TEST(review_without_the_client),
	    TEST(stronger_keys_are_asked_of_who_is_in),
	    TEST(rules_by_name),
	    TEST(rules_by_name_follow_the_registry),
	    TEST(rules_are_shared),
	    TEST(rules_are_explained),
	    TEST(automatic_devices_are_remembered),
	    TEST(bridges_are_remembered),
	    TEST(no_gate_without_who_is_blocked),
	    TEST(no_gate_that_cannot_remember),
	    TEST(nobody_is_let_in_while_nobody_can_tell),
	    TEST(who_only_asks_knows_of_blocks),
	    TEST(each_way_in_is_explained),
	    TEST(without_a_registry_that_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
