/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and devices with pre-shared keys: who is let in, with which key,
 * and what ends it. A real registry, real envelopes.
 */
#include "gate_house.h"

#include <openssl/cms.h>

#include "gate_enroll.h"

static const struct trust_secret ONE = {.b = "0123456789abcdef", .len = 16};
static const struct trust_secret TWO = {.b = "fedcba9876543210", .len = 16};
static const struct trust_secret WEAK = {.b = "0123456789abcde", .len = 15};

/* A house whose gate has a gateway's key, or none. */
struct site {
	struct house *house;
	struct trust_pair own, other;
	struct trust_message logged; /* the last line */
};

static void
note_line(void *arg, enum trust_log_level level, const char *line)
{
	struct site *site = arg;

	if (level == TRUST_LOG_ERROR)
		(void)trust_err_set(&site->logged, TRUST_OK, "%s", line);
}

static void
open_gate(struct site *site, EVP_PKEY *key)
{
	struct trust_gate_config config = {
	    .gateway = "gw1",
	    .registry_path = site->house->scratch->path,
	    .remember = true,
	    .gateway_key = key,
	    .log = {.write = note_line, .arg = site},
	};

	trust_gate_close(site->house->gate);
	site->logged.text[0] = '\0';
	assert_int_equal(
	    trust_gate_open(&config, &site->house->gate, NULL), TRUST_OK);
}

static void
put_json(struct site *site, json_t *record)
{
	struct trust_buf line = {0};

	assert_int_equal(trust_json_encode(record, &line), TRUST_OK);
	put(site->house, (const char *)line.p);
	json_decref(record);
	trust_buf_free(&line);
}

static void
put_gateway(struct site *site, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
	len = BIO_get_mem_data(bio, &text);
	put_json(site, json_pack("{s:s, s:s, s:s%}", "kind", "gateway", "id",
			   "gw1", "pem", text, (size_t)len));
	BIO_free(bio);
}

/* As others may do it, who do not count octets. */
static void
seal_any(const struct trust_secret *secret, STACK_OF(X509) *recipients,
    struct trust_buf *out)
{
	BIO *in = BIO_new_mem_buf(secret->b, (int)secret->len);
	CMS_ContentInfo *cms =
	    CMS_encrypt(recipients, in, EVP_aes_256_cbc(), CMS_BINARY);
	unsigned char *der = NULL, text[4096];
	int len = i2d_CMS_ContentInfo(cms, &der);

	assert_in_range(len, 1, 3000);
	len = EVP_EncodeBlock(text, der, len);
	assert_int_equal(trust_buf_add(out, text, (size_t)len), TRUST_OK);
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
}

static void
put_device(struct site *site, const char *id, const char *identity,
    const char *status, const struct trust_secret *secret, X509 *recipient)
{
	STACK_OF(X509) *recipients = sk_X509_new_null();
	struct trust_buf sealed = {0};

	assert_true(sk_X509_push(recipients, recipient) > 0);
	if (secret->len < TRUST_SECRET_MIN)
		seal_any(secret, recipients, &sealed);
	else
		assert_int_equal(
		    trust_envelope_seal(secret, recipients, &sealed, NULL),
		    TRUST_OK);
	put_json(
	    site, json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}}", "kind",
		      "device", "id", id, "status", status, "auth", "type",
		      "psk", "identity", identity, "key", (char *)sealed.p));
	trust_buf_free(&sealed);
	sk_X509_free(recipients);
}

static void
put_meter(struct site *site, const struct trust_secret *secret)
{
	put_device(
	    site, "meter-04", "one", "enabled", secret, site->own.certificate);
}

static int
site_setup(void **state)
{
	struct site *site = calloc(1, sizeof(*site));
	void *house = NULL;

	if (site == NULL || house_setup(&house) != 0)
		return -1;
	site->house = house;
	make(&site->own, TRUST_PROFILE_DEVICE, "gw1", NULL);
	make(&site->other, TRUST_PROFILE_DEVICE, "gw2", NULL);
	put_gateway(site, site->own.certificate);
	open_gate(site, site->own.key);
	put_meter(site, &ONE);
	*state = site;
	return 0;
}

static int
site_teardown(void **state)
{
	struct site *site = *state;
	void *house = site->house;

	trust_pair_clear(&site->own);
	trust_pair_clear(&site->other);
	free(site);
	return house_teardown(&house);
}

/* Ask for an identity's key, which is this one when it is let in. */
static enum trust_reason
ask_psk(struct site *site, const char *identity,
    const struct trust_secret *want, struct trust_admission **out)
{
	struct trust_admission *admission;
	struct trust_verdict verdict;
	struct trust_secret key;
	enum trust_reason reason;

	trust_gate_decide_psk(
	    site->house->gate, identity, NOW, &verdict, &admission, &key);
	reason = verdict.reason;
	assert_int_equal(admission != NULL, verdict.outcome == TRUST_ALLOW);
	assert_int_equal(key.len > 0, verdict.outcome == TRUST_ALLOW);
	if (verdict.outcome == TRUST_ALLOW) {
		assert_int_equal(key.len, want->len);
		assert_memory_equal(key.b, want->b, want->len);
		assert_true(verdict.default_role);
	} else {
		assert_true(verdict.detail[0] != '\0');
	}
	trust_verdict_clear(&verdict);
	trust_secret_clear(&key);
	if (out != NULL)
		*out = admission;
	else
		trust_admission_free(admission);
	return reason;
}

/* Why nobody can open the meter's key: there is no reason code for that. */
static void
assert_trouble(struct site *site, const char *want)
{
	struct trust_admission *admission;
	struct trust_verdict verdict;
	struct trust_secret key;

	trust_gate_decide_psk(
	    site->house->gate, "one", NOW, &verdict, &admission, &key);
	assert_int_equal(verdict.outcome, TRUST_DENY);
	assert_int_equal(verdict.reason, TRUST_REASON_INTERNAL_ERROR);
	assert_string_equal(verdict.device, "meter-04");
	if (strstr(verdict.detail, want) == NULL)
		fail_msg("%s", verdict.detail);
	assert_null(admission);
	assert_int_equal(key.len, 0);
	trust_verdict_clear(&verdict);
}

/* ---- Coming in ---- */

static void
the_identity_leads_to_the_key(void **state)
{
	struct site *site = *state;
	struct trust_admission *admission;

	assert_int_equal(
	    ask_psk(site, "one", &ONE, &admission), TRUST_REASON_KEY_MATCH);
	assert_string_equal(
	    trust_admission_get0_verdict(admission)->device, "meter-04");
	assert_string_equal(trust_admission_get0_identity(admission), "one");
	assert_null(trust_admission_get0_certificate(admission));
	trust_admission_free(admission);
	/* Held by now. */
	assert_int_equal(
	    ask_psk(site, "one", &ONE, NULL), TRUST_REASON_KEY_MATCH);
	assert_string_equal(site->logged.text, "");
}

static void
who_is_refused(void **state)
{
	struct site *site = *state;
	static const char *const unknown[] = {"", "One", "meter-04", "one ",
	    "on", "temp-03", "\xff\xfe", "pinned"};

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_int_equal(ask_psk(site, unknown[i], NULL, NULL),
		    TRUST_REASON_DEVICE_UNKNOWN);
	(void)set_block(site->house, "meter-04", true);
	assert_int_equal(
	    ask_psk(site, "one", NULL, NULL), TRUST_REASON_BLOCKED_LOCALLY);
	(void)set_block(site->house, "meter-04", false);
	put_device(
	    site, "meter-04", "one", "disabled", &ONE, site->own.certificate);
	assert_int_equal(
	    ask_psk(site, "one", NULL, NULL), TRUST_REASON_DEVICE_DISABLED);
	put_meter(site, &WEAK);
	assert_int_equal(
	    ask_psk(site, "one", NULL, NULL), TRUST_REASON_KEY_TOO_WEAK);
	put(site->house, "{\"kind\":\"device\",\"id\":\"meter-04\","
			 "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	assert_int_equal(
	    ask_psk(site, "one", NULL, NULL), TRUST_REASON_DEVICE_UNKNOWN);
}

static void
without_a_registry(void **state)
{
	struct site *site = *state;

	assert_int_equal(unlink(site->house->scratch->path), 0);
	open_gate(site, site->own.key);
	assert_int_equal(
	    ask_psk(site, "one", NULL, NULL), TRUST_REASON_REGISTRY_MISSING);
}

static void
another_key_takes_its_place(void **state)
{
	struct site *site = *state;

	assert_int_equal(
	    ask_psk(site, "one", &ONE, NULL), TRUST_REASON_KEY_MATCH);
	put_meter(site, &TWO);
	assert_int_equal(
	    ask_psk(site, "one", &TWO, NULL), TRUST_REASON_KEY_MATCH);
}

/* ---- The gateway's key ---- */

static void
keys_that_cannot_be_opened(void **state)
{
	struct site *site = *state;

	put_device(
	    site, "meter-04", "one", "enabled", &ONE, site->other.certificate);
	assert_trouble(site,
	    "device meter-04: auth.key: envelope: it is not for this "
	    "gateway's certificate");
	put(site->house, "{\"kind\":\"device\",\"id\":\"meter-04\",\"auth\":"
			 "{\"type\":\"psk\",\"identity\":\"one\",\"key\":"
			 "\"MIIB\"}}");
	assert_trouble(site, "want a CMS EnvelopedData");
	put_meter(site, &ONE);
	open_gate(site, NULL);
	assert_trouble(site, "want plugin_opt_gateway_key");
}

/* What was opened before does not outlive the gateway's record. */
static void
a_gateway_record_that_does_not_fit(void **state)
{
	struct site *site = *state;
	static const char want[] =
	    "plugin_opt_gateway_key: want the private key of the certificate "
	    "in the record of gateway gw1, got another one";

	assert_int_equal(
	    ask_psk(site, "one", &ONE, NULL), TRUST_REASON_KEY_MATCH);
	put_gateway(site, site->other.certificate);
	assert_trouble(site, want);
	open_gate(site, site->own.key);
	assert_non_null(strstr(site->logged.text, want));
	put_gateway(site, site->own.certificate);
	assert_int_equal(
	    ask_psk(site, "one", &ONE, NULL), TRUST_REASON_KEY_MATCH);
}

static void
without_a_gateway_record(void **state)
{
	struct site *site = *state;
	struct trust_registry *registry =
	    scratch_open(site->house->scratch, TRUST_REGISTRY_WRITE);

	assert_int_equal(trust_registry_begin(registry, NULL), TRUST_OK);
	assert_int_equal(
	    trust_registry_remove(registry, TRUST_KIND_GATEWAY, "gw1", NULL),
	    TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, NULL), TRUST_OK);
	trust_registry_close(registry);
	assert_trouble(site, "want a record of gateway gw1 in the registry");
}

/* ---- Reviews ---- */

static void
what_a_session_outlives(void **state)
{
	struct site *site = *state;
	struct trust_admission *admission;

	(void)ask_psk(site, "one", &ONE, &admission);
	assert_int_equal(
	    review(site->house, admission, NOW), TRUST_REASON_KEY_MATCH);
	/* The same key, sealed anew. */
	put_meter(site, &ONE);
	assert_int_equal(
	    review(site->house, admission, NOW), TRUST_REASON_KEY_MATCH);
	/* Something else. */
	put_pinned(site->house, "disabled");
	assert_int_equal(
	    review(site->house, admission, NOW), TRUST_REASON_KEY_MATCH);
	trust_admission_free(admission);
}

static void
what_ends_a_session(void **state)
{
	struct site *site = *state;
	struct trust_admission *admission;

	(void)ask_psk(site, "one", &ONE, &admission);
	put_device(
	    site, "meter-04", "one", "disabled", &ONE, site->own.certificate);
	assert_int_equal(
	    review(site->house, admission, NOW), TRUST_REASON_DEVICE_DISABLED);
	put_meter(site, &TWO);
	assert_int_equal(review(site->house, admission, NOW),
	    TRUST_REASON_THUMBPRINT_MISMATCH);
	put_meter(site, &ONE);
	(void)set_block(site->house, "meter-04", true);
	assert_int_equal(
	    review(site->house, admission, NOW), TRUST_REASON_BLOCKED_LOCALLY);
	(void)set_block(site->house, "meter-04", false);
	put_device(
	    site, "meter-04", "two", "enabled", &ONE, site->own.certificate);
	assert_int_equal(
	    review(site->house, admission, NOW), TRUST_REASON_DEVICE_UNKNOWN);
	put_device(
	    site, "meter-04", "one", "enabled", &ONE, site->other.certificate);
	assert_int_equal(
	    review(site->house, admission, NOW), TRUST_REASON_INTERNAL_ERROR);
	put_meter(site, &ONE);
	assert_int_equal(
	    review(site->house, admission, NOW), TRUST_REASON_KEY_MATCH);
	trust_admission_free(admission);
}

/* The front end closes who has become another device. */
static void
an_identity_that_moves(void **state)
{
	struct site *site = *state;
	struct trust_admission *admission, *fresh;
	struct trust_verdict verdict;

	(void)ask_psk(site, "one", &ONE, &admission);
	put_device(
	    site, "meter-04", "two", "enabled", &ONE, site->own.certificate);
	put_device(
	    site, "meter-05", "one", "enabled", &ONE, site->own.certificate);
	trust_gate_review(
	    site->house->gate, admission, NOW, true, &fresh, &verdict);
	assert_string_equal(verdict.device, "meter-05");
	trust_verdict_clear(&verdict);
	trust_admission_free(fresh);
	trust_admission_free(admission);
}

/* ---- Seen ---- */

static void
it_was_here(void **state)
{
	struct site *site = *state;
	struct trust_gate_device device;
	struct trust_admission *admission;
	size_t n;

	(void)ask_psk(site, "one", &ONE, &admission);
	trust_gate_note_seen(site->house->gate, admission, "192.0.2.1", NOW);
	trust_admission_free(admission);
	assert_int_equal(trust_gate_find_device(
			     site->house->gate, "meter-04", &device, NULL),
	    TRUST_OK);
	assert_true(device.was_here);
	assert_int_equal(device.match, TRUST_MATCH_PSK);
	assert_string_equal(trust_match_name(device.match), "psk");
	assert_true(trust_seen_is_psk(&device.seen));
	assert_int_equal(trust_gate_list_ending(site->house->gate,
			     NOW + 1000 * DAY_S, 0, &device, 1, &n, NULL),
	    TRUST_OK);
	assert_int_equal(n, 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, site_setup, site_teardown)

/* It has nothing to renew, and no certificate would let it in. */
static void
asks_for_no_certificate(void **state)
{
	struct site *site = *state;
	struct trust_admission *admission;
	struct trust_enroll_asker asker = {0};
	struct trust_enrollment enrollment;
	struct trust_verdict verdict;

	(void)ask_psk(site, "one", &ONE, &admission);
	asker.admission = admission;
	trust_gate_decide_request(site->house->gate, &asker,
	    trust_span_of("a request"), NOW, &enrollment, &verdict);
	assert_int_equal(verdict.outcome, TRUST_DENY);
	assert_int_equal(verdict.reason, TRUST_REASON_NO_CERTIFICATE);
	trust_verdict_clear(&verdict);
	trust_admission_free(admission);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_identity_leads_to_the_key),
	    TEST(who_is_refused),
	    TEST(without_a_registry),
	    TEST(another_key_takes_its_place),
	    TEST(keys_that_cannot_be_opened),
	    TEST(a_gateway_record_that_does_not_fit),
	    TEST(without_a_gateway_record),
	    TEST(what_a_session_outlives),
	    TEST(what_ends_a_session),
	    TEST(an_identity_that_moves),
	    TEST(it_was_here),
	    TEST(asks_for_no_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
