/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_token.c and gate_enroll.c: newcomers, their requests, and what becomes
 * of both.
 */
#include "gate_house.h"

#include <openssl/x509.h>

#include "gate_enroll.h"

#define SECRET "correct-horse-battery-staple-of-256-bits-xx"
#define USER   "token:t-1"

/* The token t-1. */
static void
put_token(struct house *h, const char *device, const char *gateway, int uses,
    const char *status)
{
	struct trust_thumbprint digest;
	char hex[TRUST_THUMBPRINT_TEXT], when[TRUST_CLOCK_TEXT], line[512];

	assert_int_equal(
	    trust_thumbprint_of(trust_span_of(SECRET), &digest), TRUST_OK);
	(void)snprintf(line, sizeof(line),
	    "{\"kind\":\"token\",\"id\":\"t-1\",\"secret_sha256\":\"%s\","
	    "\"device\":\"%s\",\"gateway\":\"%s\",\"uses\":%d,"
	    "\"expires\":\"%s\",\"status\":\"%s\"}",
	    trust_thumbprint_format(&digest, hex), device, gateway, uses,
	    trust_clock_format(NOW + DAY_S, when), status);
	put(h, line);
}

static void
put_good_token(struct house *h)
{
	put_token(h, "temp-03", "gw1", 1, "enabled");
}

/* "" for an allowance. */
static const char *
reason_of(struct trust_verdict *verdict)
{
	const char *name = verdict->outcome == TRUST_ALLOW
			       ? ""
			       : trust_reason_name(verdict->reason);

	if (verdict->outcome == TRUST_DENY)
		assert_true(verdict->detail[0] != '\0');
	trust_verdict_clear(verdict);
	return name;
}

static const char *
come(struct house *h, const char *username, const char *password, int64_t now,
    struct trust_newcomer *out)
{
	struct trust_newcomer newcomer;
	struct trust_verdict verdict;

	trust_gate_decide_newcomer(h->gate, username, password, now,
	    out != NULL ? out : &newcomer, &verdict);
	return reason_of(&verdict);
}

static const char *
look_again(struct house *h, const struct trust_newcomer *newcomer, int64_t now)
{
	struct trust_verdict verdict;

	trust_gate_review_newcomer(h->gate, newcomer, now, &verdict);
	return reason_of(&verdict);
}

static void
a_good_token(void **state)
{
	struct house *h = *state;
	struct trust_newcomer newcomer;

	put_good_token(h);
	assert_string_equal(come(h, USER, SECRET, NOW, &newcomer), "");
	assert_string_equal(newcomer.token, "t-1");
	assert_string_equal(newcomer.device, "temp-03");
	assert_int_equal(newcomer.expires, NOW + DAY_S);
	assert_string_equal(look_again(h, &newcomer, NOW), "");
	assert_string_equal(come(h, USER, SECRET, NOW + DAY_S, NULL), "");
	assert_string_equal(
	    come(h, USER, SECRET, NOW + DAY_S + 1, NULL), "token_expired");
	assert_string_equal(
	    look_again(h, &newcomer, NOW + DAY_S + 1), "token_expired");
}

static void
bad_tokens(void **state)
{
	static const struct {
		const char *username, *password;
	} cases[] = {
	    {USER, NULL},
	    {USER, ""},
	    {USER, SECRET "x"},
	    {USER, "orrect-horse"},
	    {"token:t-2", SECRET},
	    {"token:T-1", SECRET},
	    {"token:", SECRET},
	    {"token:t-1/x", SECRET},
	    {"token:t-1\n", SECRET},
	    {"Token:t-1", SECRET},
	    {"t-1", SECRET},
	    {"", SECRET},
	};
	struct house *h = *state;

	put_good_token(h);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
		    come(h, cases[i].username, cases[i].password, NOW, NULL),
		    "token_invalid");
}

/* What its record says, and its device's. */
static void
tokens_that_do_not_count(void **state)
{
	struct house *h = *state;

	put_token(h, "temp-03", "gw2", 1, "enabled");
	assert_string_equal(come(h, USER, SECRET, NOW, NULL), "token_invalid");
	put_token(h, "temp-03", "gw1", 1, "disabled");
	assert_string_equal(come(h, USER, SECRET, NOW, NULL), "token_invalid");
	put_token(h, "nobody", "gw1", 1, "enabled");
	assert_string_equal(come(h, USER, SECRET, NOW, NULL), "device_unknown");
	put_token(h, "pinned", "gw1", 1, "enabled");
	assert_string_equal(come(h, USER, SECRET, NOW, NULL), "token_invalid");
	put_good_token(h);
	assert_string_equal(come(h, USER, SECRET, NOW, NULL), "");
	(void)set_block(h, "temp-03", true);
	assert_string_equal(
	    come(h, USER, SECRET, NOW, NULL), "blocked_locally");
	(void)set_block(h, "temp-03", false);
	put(h, "{\"kind\":\"device\",\"id\":\"temp-03\",\"status\":\"disabled\""
	       ",\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	assert_string_equal(
	    come(h, USER, SECRET, NOW, NULL), "device_disabled");
}

static void
without_a_registry(void **state)
{
	struct house *h = *state;
	const struct trust_gate_visitor visitor = {0};
	struct trust_newcomer newcomer;

	put_good_token(h);
	assert_string_equal(come(h, USER, SECRET, NOW, &newcomer), "");
	assert_int_equal(unlink(h->scratch->path), 0);
	(void)trust_gate_follow(h->gate, &visitor);
	assert_string_equal(
	    come(h, USER, SECRET, NOW, NULL), "registry_missing");
	assert_string_equal(look_again(h, &newcomer, NOW), "registry_missing");
}

static void
client_ids(void **state)
{
	struct house *h = *state;
	struct trust_newcomer newcomer;

	put_good_token(h);
	(void)come(h, USER, SECRET, NOW, &newcomer);
	assert_true(trust_gate_may_newcomer_be(h->gate, &newcomer, "temp-03"));
	assert_true(trust_gate_may_newcomer_be(h->gate, &newcomer, "sensor"));
	assert_true(trust_gate_may_newcomer_be(h->gate, &newcomer, ""));
	assert_false(trust_gate_may_newcomer_be(h->gate, &newcomer, "pinned"));
}

/* ---- Requests ---- */

/* A request of a pair's key. */
static struct trust_buf
request_of(const struct trust_pair *pair)
{
	X509_REQ *req = X509_REQ_new();
	struct trust_buf out = {0};
	unsigned char *der = NULL;
	int len;

	assert_int_equal(X509_REQ_set_pubkey(req, pair->key), 1);
	assert_true(X509_REQ_sign(req, pair->key, EVP_sha256()) > 0);
	len = i2d_X509_REQ(req, &der);
	assert_int_equal(trust_buf_add(&out, der, (size_t)len), TRUST_OK);
	OPENSSL_free(der);
	X509_REQ_free(req);
	return out;
}

static const char *
request(struct house *h, const struct trust_enroll_asker *asker,
    const struct trust_pair *pair, struct trust_enrollment *out)
{
	struct trust_enrollment enrollment;
	struct trust_verdict verdict;
	struct trust_buf bytes = request_of(pair);

	trust_gate_decide_request(
	    h->gate, asker, trust_buf_get0(&bytes), NOW, &enrollment, &verdict);
	trust_buf_free(&bytes);
	assert_int_equal(
	    enrollment.request.pem.len > 0, verdict.outcome == TRUST_ALLOW);
	if (out != NULL)
		*out = enrollment;
	else
		trust_enrollment_clear(&enrollment);
	return reason_of(&verdict);
}

static void
spent_on_one_key(void **state)
{
	struct house *h = *state;
	struct trust_newcomer one, other;
	struct trust_enroll_asker asker = {.newcomer = &one};
	struct trust_enrollment enrollment;

	put_good_token(h);
	(void)come(h, USER, SECRET, NOW, &one);
	(void)come(h, USER, SECRET, NOW, &other);
	assert_string_equal(request(h, &asker, &h->device, &enrollment), "");
	assert_string_equal(enrollment.device, "temp-03");
	assert_int_equal(enrollment.identity, TRUST_IDENTITY_CN);
	assert_true(one.has_asked);
	assert_true(trust_thumbprint_equal(&one.key, &enrollment.request.key));
	trust_enrollment_clear(&enrollment);
	assert_string_equal(request(h, &asker, &h->device, NULL), "");
	assert_string_equal(
	    request(h, &asker, &h->stranger, NULL), "token_invalid");
	/* Two at once. */
	asker.newcomer = &other;
	assert_string_equal(
	    request(h, &asker, &h->stranger, NULL), "token_invalid");
	assert_false(other.has_asked);
	assert_string_equal(request(h, &asker, &h->device, NULL), "");
	/* Spent, and not finished: it may come again. */
	assert_string_equal(come(h, USER, SECRET, NOW, NULL), "");
}

static void
finished_when_the_device_is_in(void **state)
{
	struct house *h = *state;
	struct trust_newcomer newcomer;
	const struct trust_enroll_asker asker = {.newcomer = &newcomer};
	struct trust_admission *admission;
	bool any;

	put_token(h, "temp-03", "gw1", 2, "enabled");
	(void)come(h, USER, SECRET, NOW, &newcomer);
	assert_string_equal(request(h, &asker, &h->device, NULL), "");
	(void)ask(h, &h->device, true, NOW, &admission);
	assert_int_equal(
	    trust_gate_finish_enrollment(h->gate, admission, &any, NULL),
	    TRUST_OK);
	assert_true(any);
	assert_string_equal(look_again(h, &newcomer, NOW), "token_invalid");
	assert_string_equal(
	    request(h, &asker, &h->device, NULL), "token_invalid");
	/* The second use, and then there is none. */
	assert_string_equal(come(h, USER, SECRET, NOW, &newcomer), "");
	put_token(h, "temp-03", "gw1", 1, "enabled");
	assert_string_equal(come(h, USER, SECRET, NOW, NULL), "token_invalid");
	trust_admission_free(admission);
}

static void
what_no_request_is(void **state)
{
	struct house *h = *state;
	struct trust_newcomer newcomer;
	const struct trust_enroll_asker asker = {.newcomer = &newcomer};
	struct trust_enrollment enrollment;
	struct trust_verdict verdict;

	put_good_token(h);
	(void)come(h, USER, SECRET, NOW, &newcomer);
	trust_gate_decide_request(h->gate, &asker, trust_span_of("hello"), NOW,
	    &enrollment, &verdict);
	assert_string_equal(reason_of(&verdict), "topic_not_allowed");
	assert_false(newcomer.has_asked);
	/* It has spent nothing. */
	assert_string_equal(request(h, &asker, &h->stranger, NULL), "");
}

static void
a_token_that_goes_meanwhile(void **state)
{
	struct house *h = *state;
	struct trust_newcomer newcomer;
	const struct trust_enroll_asker asker = {.newcomer = &newcomer};

	put_good_token(h);
	(void)come(h, USER, SECRET, NOW, &newcomer);
	put_token(h, "temp-03", "gw1", 1, "disabled");
	assert_string_equal(
	    request(h, &asker, &h->device, NULL), "token_invalid");
}

static void
a_device_renews(void **state)
{
	struct house *h = *state;
	struct trust_enroll_asker asker = {0};
	struct trust_admission *admission;
	struct trust_enrollment enrollment;

	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"match\":[\"temp-*\"],\"identity\":\"cn\"}");
	(void)ask(h, &h->device, true, NOW, &admission);
	asker.admission = admission;
	assert_string_equal(request(h, &asker, &h->stranger, &enrollment), "");
	assert_string_equal(enrollment.device, "temp-03");
	trust_enrollment_clear(&enrollment);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"identity\":\"san_uri_last\"}");
	assert_string_equal(request(h, &asker, &h->device, &enrollment), "");
	assert_int_equal(enrollment.identity, TRUST_IDENTITY_SAN_URI_LAST);
	trust_enrollment_clear(&enrollment);
	(void)set_block(h, "temp-03", true);
	assert_string_equal(
	    request(h, &asker, &h->device, NULL), "blocked_locally");
	trust_admission_free(admission);
}

/* ---- First keys ---- */

#define PINS                                                           \
	"{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"]," \
	"\"match\":[\"temp-*\"],\"pin\":\"first\"}"

static bool
arrive(struct house *h, struct trust_admission *admission)
{
	bool news;

	assert_int_equal(
	    trust_gate_pin(h->gate, admission, &news, NULL), TRUST_OK);
	return news;
}

static void
an_enrollment_renews_the_first_key(void **state)
{
	struct house *h = *state;
	struct trust_pair renewed = {0};
	struct trust_admission *old, *new;
	struct trust_certificate *facts;

	put(h, PINS);
	make(&renewed, TRUST_PROFILE_DEVICE, "temp-03", &h->edge);
	assert_int_equal(
	    trust_certificate_new(renewed.certificate, &facts, NULL), TRUST_OK);
	(void)ask(h, &h->device, true, NOW, &old);
	assert_true(arrive(h, old));
	assert_int_equal(ask(h, &renewed, true, NOW, NULL),
	    TRUST_REASON_THUMBPRINT_MISMATCH);
	assert_int_equal(
	    trust_gate_renew_pin(h->gate, "temp-03", &facts->pin, NULL),
	    TRUST_OK);
	/* Old and new, until the new one comes in. */
	assert_int_equal(
	    ask(h, &h->device, true, NOW, NULL), TRUST_REASON_CHAIN_REGISTERED);
	assert_int_equal(
	    ask(h, &renewed, true, NOW, &new), TRUST_REASON_CHAIN_REGISTERED);
	assert_false(arrive(h, old));
	assert_true(arrive(h, new));
	assert_int_equal(ask(h, &h->device, true, NOW, NULL),
	    TRUST_REASON_THUMBPRINT_MISMATCH);
	assert_int_equal(
	    ask(h, &renewed, true, NOW, NULL), TRUST_REASON_CHAIN_REGISTERED);
	trust_admission_free(old);
	trust_admission_free(new);
	trust_certificate_free(facts);
	trust_pair_clear(&renewed);
}

/* Without "pin" there is nothing to renew. */
static void
no_first_key(void **state)
{
	struct house *h = *state;
	const struct trust_thumbprint key = {.b = {1}};

	assert_int_equal(
	    trust_gate_renew_pin(h->gate, "temp-03", &key, NULL), TRUST_OK);
	assert_int_equal(
	    trust_gate_renew_pin(h->gate, "nobody", &key, NULL), TRUST_OK);
	assert_int_equal(
	    trust_gate_unpin(h->gate, "temp-03", NULL), TRUST_ERR_NOT_FOUND);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_good_token),
	    TEST(bad_tokens),
	    TEST(tokens_that_do_not_count),
	    TEST(without_a_registry),
	    TEST(client_ids),
	    TEST(spent_on_one_key),
	    TEST(finished_when_the_device_is_in),
	    TEST(what_no_request_is),
	    TEST(a_token_that_goes_meanwhile),
	    TEST(a_device_renews),
	    TEST(an_enrollment_renews_the_first_key),
	    TEST(no_first_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
