/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verdict cache rests on: each thing that may end a cached verdict
 * does, and what does not concern it leaves it, and its chain, alone.
 */
#include "gate_house.h"

#include "crl_scratch.h"

static struct trust_gate_status
status(const struct house *h)
{
	struct trust_gate_status out;

	trust_gate_get_status(h->gate, NOW, &out);
	return out;
}

/* The registered device, let in by its chain and cached. */
static void
let_in(struct house *h)
{
	assert_int_equal(
	    ask(h, &h->device, true, NOW, NULL), TRUST_REASON_CHAIN_REGISTERED);
}

/* Whether a resumed session of the device would be taken. */
static bool
is_recalled(struct house *h)
{
	struct trust_admission *admission =
	    trust_gate_recall(h->gate, h->device.certificate, NOW);

	trust_admission_free(admission);
	return admission != NULL;
}

static const char other_group[] =
    "{\"kind\":\"group\",\"id\":\"other\",\"anchors\":[\"other\"]}";

/* `text` with ' for ". */
static void
put_line(struct house *h, const char *text)
{
	char line[512];
	size_t i;

	for (i = 0; text[i] != '\0' && i < sizeof(line) - 1; i++)
		line[i] = text[i] == '\'' ? '"' : text[i];
	line[i] = '\0';
	put(h, line);
}

static void
put_crl(struct house *h, const char *id, const struct trust_pair *issuer,
    X509 *revoked)
{
	put_pem(
	    h, id, crl_make(issuer, revoked, NOW - DAY_S, NOW + DAY_S), true);
}

static void
put_intermediate(struct house *h, bool there)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct trust_buf line = {0};
	json_t *record;
	char *text;
	long len;

	assert_int_equal(PEM_write_bio_X509(bio, h->edge.certificate), 1);
	len = BIO_get_mem_data(bio, &text);
	record = json_pack("{s:s, s:s, s:[s], s:[]}", "kind", "group", "id",
	    "plant", "anchors", "root", "intermediates");
	if (there)
		json_array_append_new(json_object_get(record, "intermediates"),
		    json_stringn(text, (size_t)len));
	assert_int_equal(trust_json_encode(record, &line), TRUST_OK);
	put(h, (const char *)line.p);
	json_decref(record);
	trust_buf_free(&line);
	BIO_free(bio);
}

/* ---- What ends it ---- */

/* One change, and why nobody is recalled after it. */
static const struct change {
	const char *line;
	enum trust_reason reason;
} changes[] = {
    {"{'kind':'device','id':'temp-03','status':'disabled',"
     "'auth':{'type':'ca','group':'plant'}}",
	TRUST_REASON_DEVICE_DISABLED},
    {"{'kind':'device','id':'temp-03','auth':{'type':'ca','group':'none'}}",
	TRUST_REASON_IDENTITY_NOT_IN_GROUP},
    {"{'kind':'group','id':'plant','anchors':['root'],'match':['x-*']}",
	TRUST_REASON_IDENTITY_NOT_IN_GROUP},
    {"{'kind':'group','id':'plant','anchors':['root'],'max_depth':0}",
	TRUST_REASON_CHAIN_TOO_DEEP},
    {"{'kind':'group','id':'plant','anchors':['root'],"
     "'max_validity':'1d'}",
	TRUST_REASON_VALIDITY_TOO_LONG},
    {"{'kind':'group','id':'plant','anchors':['root'],"
     "'identity':'serial_number'}",
	TRUST_REASON_IDENTITY_MISSING},
    {"{'kind':'group','id':'plant','status':'disabled','anchors':['root']}",
	TRUST_REASON_CHAIN_UNTRUSTED},
    {"{'kind':'group','id':'plant','anchors':[]}",
	TRUST_REASON_CHAIN_UNTRUSTED},
};

static void
records_end_it(void **state)
{
	struct house *h = *state;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		put_line(h, "{'kind':'group','id':'plant','anchors':['root']}");
		put_line(h, "{'kind':'device','id':'temp-03',"
			    "'auth':{'type':'ca','group':'plant'}}");
		let_in(h);
		assert_true(is_recalled(h));
		put_line(h, changes[i].line);
		assert_false(is_recalled(h));
		assert_int_equal(
		    ask(h, &h->device, true, NOW, NULL), changes[i].reason);
	}
}

/* Another anchor under the same id, for a group that was not touched. */
static void
anchors_end_it(void **state)
{
	struct house *h = *state;

	let_in(h);
	put_anchor(h, "root", h->pinned.certificate);
	assert_false(is_recalled(h));
	assert_int_equal(
	    ask(h, &h->device, true, NOW, NULL), TRUST_REASON_CHAIN_UNTRUSTED);
}

static void
crls_end_it(void **state)
{
	struct house *h = *state;

	let_in(h);
	put_crl(h, "root", &h->root, h->edge.certificate);
	assert_false(is_recalled(h));
	assert_int_equal(ask(h, &h->device, true, NOW, NULL),
	    TRUST_REASON_CERTIFICATE_REVOKED);
	put_crl(h, "root", &h->root, h->stranger.certificate);
	let_in(h);
	put_crl(h, "edge", &h->edge, h->device.certificate);
	assert_false(is_recalled(h));
}

static ASN1_TIME *
odd_time(const char *text)
{
	ASN1_TIME *time = ASN1_STRING_type_new(V_ASN1_UTCTIME);

	assert_int_equal(ASN1_STRING_set(time, text, -1), 1);
	return time;
}

static ASN1_TIME *
good_time(int64_t when)
{
	return ASN1_TIME_set(NULL, (time_t)when);
}

/* Such a one may come from a registry of before, or by sync: nobody can tell
 * whether it counts, and it lists whom it lists. */
static void
crls_without_dates_end_it(void **state)
{
	/* As long as OpenSSL 3.5 wants a date to be, which reads no CRL with
	 * a shorter one. The second is one to lenient readers, and none to
	 * OpenSSL where it counts. */
	static const char *const odd[] = {
	    "soon, I think", "4001010000+0000", "             "};
	struct house *h = *state;
	X509 *other = h->stranger.certificate;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		let_in(h);
		put_pem(h, "root",
		    crl_make_dated(&h->root, other, good_time(NOW - DAY_S),
			odd_time(odd[i])),
		    true);
		assert_false(is_recalled(h));
		assert_int_equal(ask(h, &h->device, true, NOW, NULL),
		    TRUST_REASON_REVOCATION_UNKNOWN);
		put_pem(h, "root",
		    crl_make_dated(&h->root, other, odd_time(odd[i]),
			good_time(NOW + DAY_S)),
		    true);
		assert_int_equal(ask(h, &h->device, true, NOW, NULL),
		    TRUST_REASON_REVOCATION_UNKNOWN);
		put_crl(h, "root", &h->root, other);
	}
	let_in(h);
}

static void
intermediates_end_it(void **state)
{
	struct house *h = *state;

	put_intermediate(h, true);
	assert_int_equal(ask(h, &h->device, false, NOW, NULL),
	    TRUST_REASON_CHAIN_REGISTERED);
	assert_true(is_recalled(h));
	put_intermediate(h, false);
	assert_false(is_recalled(h));
}

static void
blocks_end_it(void **state)
{
	struct house *h = *state;

	let_in(h);
	assert_false(set_block(h, "pinned", true));
	assert_true(is_recalled(h));
	assert_false(set_block(h, "temp-03", true));
	assert_false(is_recalled(h));
}

/* Roles are not what lets a device in; who comes again gets the new ones. */
static void
roles_are_the_new_ones(void **state)
{
	struct house *h = *state;
	const struct trust_verdict *verdict;
	struct trust_admission *admission;

	let_in(h);
	put_line(h, "{'kind':'device','id':'temp-03','roles':['reader'],"
		    "'auth':{'type':'ca','group':'plant'}}");
	admission = trust_gate_recall(h->gate, h->device.certificate, NOW);
	assert_non_null(admission);
	verdict = trust_admission_get0_verdict(admission);
	assert_false(verdict->default_role);
	assert_int_equal(verdict->n_roles, 1);
	assert_string_equal(verdict->roles[0], "reader");
	trust_admission_free(admission);
}

/* ---- What does not ---- */

/* Each of these leaves the verdict and its chain as they are. */
static void
others_leave_it_alone(void **state)
{
	static const char *const lines[] = {
	    "{'kind':'device','id':'temp-09','auth':{'type':'ca',"
	    "'group':'plant'}}",
	    "{'kind':'role','id':'reader','rules':[]}",
	    "{'kind':'role','id':'default','rules':[]}",
	    "{'kind':'group','id':'none','anchors':['nothing']}",
	    "{'kind':'group','id':'plant','anchors':['root'],"
	    "'match':['temp-*'],'comment':'another'}",
	    "{'kind':'group','id':'plant','anchors':['root'],"
	    "'max_validity':'30d'}",
	    "{'kind':'group','id':'plant','anchors':['root','nothing']}",
	};
	struct house *h = *state;
	uint64_t built;

	let_in(h);
	built = status(h).chains_built;
	assert_int_equal(built, 1);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		put_line(h, lines[i]);
		assert_true(is_recalled(h));
		assert_int_equal(status(h).chains_built, built);
	}
	put_anchor(h, "other", h->pinned.certificate);
	put(h, other_group);
	put_crl(h, "other", &h->pinned, h->device.certificate);
	assert_true(is_recalled(h));
	assert_int_equal(status(h).chains_built, built);
	assert_int_equal(status(h).n_cached, 1);
}

/* A chain is built again once when what it rests on moved, however it came
 * out, and then it stands. */
static void
chains_are_built_once(void **state)
{
	struct house *h = *state;

	let_in(h);
	put_crl(h, "edge", &h->edge, h->stranger.certificate);
	assert_true(is_recalled(h));
	assert_int_equal(status(h).chains_built, 2);
	assert_true(is_recalled(h));
	put_line(h, "{'kind':'role','id':'reader','rules':[]}");
	assert_true(is_recalled(h));
	assert_int_equal(status(h).chains_built, 2);
	put_line(h, "{'kind':'group','id':'plant','anchors':['root'],"
		    "'max_depth':3}");
	assert_true(is_recalled(h));
	assert_true(is_recalled(h));
	assert_int_equal(status(h).chains_built, 3);
	assert_int_equal(status(h).cache_misses, 1);
	put_crl(h, "edge", &h->edge, h->device.certificate);
	assert_false(is_recalled(h));
}

/* What moved while nobody asked counts as well, in any of the loads. */
static void
moves_add_up(void **state)
{
	struct house *h = *state;

	let_in(h);
	put_crl(h, "edge", &h->edge, h->device.certificate);
	(void)ask(h, &h->pinned, false, NOW, NULL);
	put_line(h, "{'kind':'role','id':'reader','rules':[]}");
	(void)ask(h, &h->pinned, false, NOW, NULL);
	assert_false(is_recalled(h));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(records_end_it),
	    TEST(anchors_end_it),
	    TEST(crls_end_it),
	    TEST(crls_without_dates_end_it),
	    TEST(intermediates_end_it),
	    TEST(blocks_end_it),
	    TEST(roles_are_the_new_ones),
	    TEST(others_leave_it_alone),
	    TEST(chains_are_built_once),
	    TEST(moves_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
