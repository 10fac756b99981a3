/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c: every kind of record, strictly. Each refusal has to name the
 * field and what was wanted there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"
#include "record_pem.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define A32  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B32  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define A64  A32 A32
#define B64  B32 B32
#define A128 A64 A64

/* The beginnings of records that lack only what a case adds. */
#define DEVICE(auth, more) \
	"{\"kind\":\"device\",\"id\":\"d\",\"auth\":" auth more "}"
#define CA         "{\"type\":\"ca\",\"group\":\"g\"}"
#define CA_WITH(m) DEVICE(CA, "," m)
#define ANCHOR(m)  "{\"kind\":\"anchor\",\"id\":\"a\"," m "}"
#define GROUP(m)   "{\"kind\":\"group\",\"id\":\"g\",\"anchors\":[\"a\"]" m "}"
#define CRL(m)     "{\"kind\":\"crl\",\"id\":\"c\"," m "}"
#define ROLE(m)    "{\"kind\":\"role\",\"id\":\"r\",\"rules\":" m "}"
#define RULE(m)                                                  \
	ROLE("[{\"effect\":\"allow\",\"actions\":[\"publish\"]," \
	     "\"topics\":[\"t\"]" m "}]")
#define TOPICS(m)                                                \
	ROLE("[{\"effect\":\"allow\",\"actions\":[\"publish\"]," \
	     "\"topics\":" m "}]")
#define SECRET     "\"secret_sha256\":\"" A64 "\""
#define TOKEN(m)   "{\"kind\":\"token\",\"id\":\"t\"," m "}"
#define PAPERS     "\"device\":\"d\",\"gateway\":\"gw\""
#define EXPIRES    "\"expires\":\"2026-12-01T00:00:00Z\""
#define GATEWAY(m) "{\"kind\":\"gateway\",\"id\":\"gw\"," m "}"
#define PSK(identity, key)                                  \
	DEVICE("{\"type\":\"psk\",\"identity\":\"" identity \
	       "\",\"key\":\"" key "\"}", )

static struct trust_record *
parse(const char *line)
{
	struct trust_record *record;
	struct trust_message msg = {""};

	if (trust_record_parse(trust_span_of(line), &record, &msg) != TRUST_OK)
		fail_msg("%s: %s", line, msg.text);
	return record;
}

/* ---- What is taken ---- */

static void
device_by_thumbprint(void **state)
{
	struct trust_record *record =
	    parse("{\"kind\":\"device\","
		  "\"id\":\"temp-01\",\"auth\":{\"type\":\"thumbprint\","
		  "\"primary\":\"" A64 "\",\"secondary\":\"" B64 "\"},"
		  "\"roles\":[\"sensor\",\"x\"],\"client_id\":\"prefix\","
		  "\"ignore_validity\":true}");
	const struct trust_device *device = &record->u.device;

	(void)state;
	assert_int_equal(record->kind, TRUST_KIND_DEVICE);
	assert_string_equal(record->id, "temp-01");
	assert_true(record->enabled);
	assert_int_equal(device->auth, TRUST_AUTH_THUMBPRINT);
	assert_int_equal(device->n_thumbprints, 2);
	assert_int_equal(device->thumbprints[0].b[0], 0xaa);
	assert_int_equal(device->thumbprints[1].b[31], 0xbb);
	assert_int_equal(device->n_pins, 0);
	assert_null(device->group);
	assert_true(device->has_roles);
	assert_int_equal(device->roles.n, 2);
	assert_string_equal(device->roles.v[0], "sensor");
	assert_string_equal(device->roles.v[1], "x");
	assert_int_equal(device->client_id, TRUST_CLIENT_ID_PREFIX);
	assert_true(device->ignore_validity);
	trust_record_free(record);
}

static void
device_by_key(void **state)
{
	struct trust_record *record = parse(
	    DEVICE("{\"type\":\"key\",\"pins\":[\"" A64 "\",\"" B64 "\"]}",
		",\"roles\":[],\"status\":\"disabled\""));
	const struct trust_device *device = &record->u.device;

	(void)state;
	assert_false(record->enabled);
	assert_int_equal(device->auth, TRUST_AUTH_KEY);
	assert_int_equal(device->n_thumbprints, 0);
	assert_int_equal(device->n_pins, 2);
	assert_int_equal(device->pins[1].b[0], 0xbb);
	/* An explicit empty list is not the same as none. */
	assert_true(device->has_roles);
	assert_int_equal(device->roles.n, 0);
	assert_int_equal(device->client_id, TRUST_CLIENT_ID_UNSET);
	assert_false(device->ignore_validity);
	trust_record_free(record);
}

static void
device_by_chain(void **state)
{
	struct trust_record *record =
	    parse(CA_WITH("\"comment\":\"line 1\\nline 2\",\"scopes\":[\"gw1\","
			  "\"gw2\"],\"attributes\":{\"site\":\"B\",\"n\":-1,"
			  "\"ok\":true,\"l\":[1,\"x\",[]],\"o\":{\"p\":{}}}"));

	(void)state;
	assert_int_equal(record->u.device.auth, TRUST_AUTH_CA);
	assert_string_equal(record->u.device.group, "g");
	assert_false(record->u.device.has_roles);
	trust_record_free(record);
}

static void
device_by_psk(void **state)
{
	static const char *const cases[] = {PSK("meter 04", "AAAA"),
	    PSK(A128, "AA=="), PSK("m", "AAA="), PSK("m", "+/+/aQ==")};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trust_record *record = parse(cases[i]);

		assert_int_equal(record->u.device.auth, TRUST_AUTH_PSK);
		assert_non_null(record->u.device.identity);
		trust_record_free(record);
	}
}

static void
anchor(void **state)
{
	struct trust_record *record =
	    parse(ANCHOR("\"pem\":\"" PEM_ONE "\",\"purposes\":[\"bundle\""
			 ",\"device\"]"));

	(void)state;
	assert_int_equal(record->kind, TRUST_KIND_ANCHOR);
	assert_int_equal(record->u.anchor.purposes,
	    TRUST_PURPOSE_BIT_BUNDLE | TRUST_PURPOSE_BIT_DEVICE);
	assert_memory_equal(record->u.anchor.pem, "-----BEGIN", 10);
	trust_record_free(record);
}

static void
group_defaults(void **state)
{
	struct trust_record *record = parse(GROUP());
	const struct trust_group *group = &record->u.group;

	(void)state;
	assert_int_equal(record->kind, TRUST_KIND_GROUP);
	assert_int_equal(group->anchors.n, 1);
	assert_string_equal(group->anchors.v[0], "a");
	assert_int_equal(group->intermediates.n, 0);
	assert_int_equal(group->identity, TRUST_IDENTITY_CN);
	assert_false(group->has_match);
	assert_false(group->automatic);
	assert_false(group->has_roles);
	assert_int_equal(group->max_depth, 4);
	assert_int_equal(group->min_rsa_bits, 2048);
	assert_false(group->require_client_auth_eku);
	assert_int_equal(group->max_validity_s, 0);
	assert_int_equal(group->client_id, TRUST_CLIENT_ID_EXACT);
	assert_false(group->pin_first);
	trust_record_free(record);
}

static void
group_in_full(void **state)
{
	struct trust_record *record = parse(GROUP(
	    ",\"intermediates\":["
	    "\"" PEM_ONE "\",\"" PEM_TWO "\"],\"identity\":\"san_uri_last\","
	    "\"match\":[\"plant-7-*\",\"?\"],\"enroll\":\"automatic\","
	    "\"roles\":[\"sensor\"],\"max_depth\":0,\"min_rsa_bits\":3072,"
	    "\"require_client_auth_eku\":true,\"max_validity\":\"825d\","
	    "\"client_id\":\"prefix\",\"pin\":\"first\""));
	const struct trust_group *group = &record->u.group;

	(void)state;
	assert_int_equal(group->intermediates.n, 2);
	assert_int_equal(group->identity, TRUST_IDENTITY_SAN_URI_LAST);
	assert_true(group->has_match);
	assert_int_equal(group->match.n, 2);
	assert_string_equal(group->match.v[0], "plant-7-*");
	assert_true(group->automatic);
	assert_true(group->has_roles);
	assert_int_equal(group->roles.n, 1);
	assert_int_equal(group->max_depth, 0);
	assert_int_equal(group->min_rsa_bits, 3072);
	assert_true(group->require_client_auth_eku);
	assert_int_equal(group->max_validity_s, 825 * 86400);
	assert_int_equal(group->client_id, TRUST_CLIENT_ID_PREFIX);
	assert_true(group->pin_first);
	trust_record_free(record);
}

static void
group_with_empty_lists(void **state)
{
	struct trust_record *record =
	    parse("{\"kind\":\"group\",\"id\":\"g\",\"anchors\":[],"
		  "\"match\":[],\"roles\":[],\"intermediates\":[]}");

	(void)state;
	assert_int_equal(record->u.group.anchors.n, 0);
	assert_true(record->u.group.has_match);
	assert_int_equal(record->u.group.match.n, 0);
	assert_true(record->u.group.has_roles);
	assert_int_equal(record->u.group.roles.n, 0);
	trust_record_free(record);
}

static void
group_identities(void **state)
{
	(void)state;
	for (int i = 0; i < TRUST_N_IDENTITIES; i++) {
		struct trust_record *record;
		char line[200];

		snprintf(line, sizeof(line), GROUP(",\"identity\":\"%s\""),
		    trust_identity_name((enum trust_identity)i));
		record = parse(line);
		assert_int_equal(record->u.group.identity, i);
		trust_record_free(record);
	}
}

static void
crl_and_gateway(void **state)
{
	struct trust_record *crl = parse(CRL("\"pem\":\"" PEM_CRL "\""));
	struct trust_record *gateway =
	    parse(GATEWAY("\"pem\":\"" PEM_TWO "\""));

	(void)state;
	assert_int_equal(crl->kind, TRUST_KIND_CRL);
	assert_memory_equal(crl->u.crl.pem, "-----BEGIN X509 CRL", 19);
	assert_int_equal(gateway->kind, TRUST_KIND_GATEWAY);
	assert_memory_equal(gateway->u.gateway.pem, "-----BEGIN CERT", 15);
	trust_record_free(crl);
	trust_record_free(gateway);
}

static void
role(void **state)
{
	struct trust_record *record = parse(ROLE(
	    "["
	    "{\"effect\":\"allow\",\"actions\":[\"subscribe\",\"publish\"],"
	    "\"topics\":[\"devices/{device}/#\",\"+/{client}\"],"
	    "\"max_qos\":1,\"retain\":false},"
	    "{\"effect\":\"deny\",\"actions\":[\"publish\"],"
	    "\"topics\":[\"#\"]}]"));
	const struct trust_rule *rules = record->u.role.rules;

	(void)state;
	assert_int_equal(record->u.role.n_rules, 2);
	assert_true(rules[0].allow);
	assert_int_equal(
	    rules[0].actions, TRUST_ACTION_PUBLISH | TRUST_ACTION_SUBSCRIBE);
	assert_int_equal(rules[0].topics.n, 2);
	assert_string_equal(rules[0].topics.v[1], "+/{client}");
	assert_int_equal(rules[0].max_qos, 1);
	assert_false(rules[0].retain);
	assert_false(rules[1].allow);
	assert_int_equal(rules[1].actions, TRUST_ACTION_PUBLISH);
	assert_int_equal(rules[1].max_qos, 2);
	assert_true(rules[1].retain);
	trust_record_free(record);

	record = parse(ROLE("[]"));
	assert_int_equal(record->u.role.n_rules, 0);
	trust_record_free(record);
}

static void
token(void **state)
{
	struct trust_record *record =
	    parse(TOKEN(SECRET "," PAPERS "," EXPIRES ",\"uses\":3"));
	const struct trust_token *t = &record->u.token;

	(void)state;
	assert_int_equal(t->secret_sha256.b[5], 0xaa);
	assert_string_equal(t->device, "d");
	assert_string_equal(t->gateway, "gw");
	assert_int_equal(t->expires, 1796083200);
	assert_int_equal(t->uses, 3);
	trust_record_free(record);
}

static void
canonical_lines(void **state)
{
	static const struct {
		const char *line, *canonical;
	} cases[] = {
	    {"  " DEVICE(CA, ",\"comment\":\"\\u00e4\"") "\n",
		"{\"auth\":{\"group\":\"g\",\"type\":\"ca\"},"
		"\"comment\":\"\xc3\xa4\",\"id\":\"d\",\"kind\":\"device\"}"},
	    {CA_WITH("\"scopes\":[\"b\",\"a\"],\"status\":\"enabled\""),
		"{\"auth\":{\"group\":\"g\",\"type\":\"ca\"},\"id\":\"d\","
		"\"kind\":\"device\",\"scopes\":[\"b\",\"a\"],"
		"\"status\":\"enabled\"}"},
	    /* One thumbprint has one spelling. */
	    {DEVICE("{\"type\":\"key\",\"pins\":[\"AA:AAaaAAaaaaaaaaaaaaaaaaa"
		    "aaaaaaa" A32 "\"]}", ),
		"{\"auth\":{\"pins\":[\"" A64 "\"],\"type\":\"key\"},"
		"\"id\":\"d\",\"kind\":\"device\"}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trust_record *record = parse(cases[i].line);
		struct trust_buf buf = {0};

		assert_int_equal(trust_record_encode(record, &buf), TRUST_OK);
		assert_string_equal((char *)buf.p, cases[i].canonical);
		trust_buf_free(&buf);
		trust_record_free(record);
	}
}

/* ---- What is refused ---- */

/* A line, and all of its message. */
struct refusal {
	const char *line;
	const char *message;
};

static void
check_refusals(const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct trust_record *record = (struct trust_record *)8;
		struct trust_message msg = {""};

		if (trust_record_parse(trust_span_of(cases[i].line), &record,
			&msg) != TRUST_ERR_INPUT)
			fail_msg("%s is taken", cases[i].line);
		assert_null(record);
		assert_string_equal(msg.text, cases[i].message);
	}
}

#define WANT_ID "want an id (1 to 128 letters, digits and -._%*?!(),:=@'), got "
#define WANT_DEVICE                                                           \
	"record: want no field but kind, id, status, scopes, comment, auth, " \
	"roles, client_id, ignore_validity, attributes, got "

static void
refuses_what_every_record_has(void **state)
{
	static const struct refusal cases[] = {
	    {"[]", "record: want one JSON object of text and whole numbers, at "
		   "most 8 levels deep, got an array"},
	    {"{}", "kind: want device, anchor, group, crl, role, token or "
		   "gateway, got nothing"},
	    {"{\"kind\":\"Device\",\"id\":\"d\"}",
		"kind: want device, anchor, group, crl, role, token or "
		"gateway, got \"Device\""},
	    {"{\"kind\":1}", "kind: want device, anchor, group, crl, role, "
			     "token or gateway, got 1"},
	    {"{\"kind\":\"\"}", "kind: want device, anchor, group, crl, role, "
				"token or gateway, got \"\""},
	    {"{\"kind\":\"device\",\"auth\":" CA "}", "id: " WANT_ID "nothing"},
	    {"{\"kind\":\"device\",\"id\":\"\",\"auth\":" CA "}",
		"id: " WANT_ID "\"\""},
	    {"{\"kind\":\"device\",\"id\":7,\"auth\":" CA "}",
		"id: " WANT_ID "7"},
	    {"{\"kind\":\"device\",\"id\":\"a/b\",\"auth\":" CA "}",
		"id: " WANT_ID "\"a/b\""},
	    {"{\"kind\":\"device\",\"id\":\"\\u00e4\",\"auth\":" CA "}",
		"id: " WANT_ID "\"\\xc3\\xa4\""},
	    {"{\"kind\":\"device\",\"id\":\"" A128 "a\",\"auth\":" CA "}",
		"id: " WANT_ID "\"" A32 A32 "aa...\""},
	    {CA_WITH("\"status\":\"on\""),
		"status: want enabled or disabled, got \"on\""},
	    {CA_WITH("\"status\":true"),
		"status: want enabled or disabled, got true"},
	    {CA_WITH("\"scopes\":\"gw1\""), "scopes: want a list, got \"gw1\""},
	    {CA_WITH("\"scopes\":[\"a\",\"b#\"]"),
		"scopes[1]: " WANT_ID "\"b#\""},
	    {CA_WITH("\"scopes\":[\"a\",\"a\"]"),
		"scopes[1]: want no entry twice, got \"a\""},
	    {CA_WITH("\"comment\":7"),
		"comment: want text of at most 1024 octets, got 7"},
	    {CA_WITH("\"comment\":null"),
		"comment: want text of at most 1024 octets, got null"},
	    {CA_WITH("\"comment\":\"a\\tb\""),
		"record: want one JSON object of text and whole numbers, at "
		"most 8 levels deep, got a control character in a string"},
	    {CA_WITH("\"Comment\":\"x\""), WANT_DEVICE "\"Comment\""},
	    {CA_WITH("\"pem\":\"x\""), WANT_DEVICE "\"pem\""},
	    {CA_WITH("\"a\\nb\\u00e4\":1"),
		WANT_DEVICE "\"a\\x0ab\\xc3\\xa4\""},
	    {CA_WITH("\"\":1"), WANT_DEVICE "\"\""},
	};

	(void)state;
	check_refusals(cases, COUNT(cases));
}

#define THUMBPRINT(m) DEVICE("{\"type\":\"thumbprint\"" m "}", )
#define KEY(m)        DEVICE("{\"type\":\"key\"" m "}", )
#define WANT_CMS      "auth.key: want base64 of a CMS EnvelopedData, got "

static void
refuses_devices(void **state)
{
	static const struct refusal cases[] = {
	    {"{\"kind\":\"device\",\"id\":\"d\"}",
		"auth: want an object, got nothing"},
	    {DEVICE("\"ca\"", ), "auth: want an object, got \"ca\""},
	    {DEVICE("[]", ), "auth: want an object, got a list"},
	    {DEVICE("{}", ),
		"auth.type: want thumbprint, key, ca or psk, got nothing"},
	    {DEVICE("{\"type\":\"CA\"}", ),
		"auth.type: want thumbprint, key, ca or psk, got \"CA\""},
	    {THUMBPRINT(), "auth.primary: want 64 hex digits, got nothing"},
	    {THUMBPRINT(",\"primary\":\"abc\""),
		"auth.primary: want 64 hex digits, got \"abc\""},
	    {THUMBPRINT(",\"primary\":\"" A64 "a\""),
		"auth.primary: want 64 hex digits, got \"" A64 "a\""},
	    {THUMBPRINT(",\"primary\":[\"" A64 "\"]"),
		"auth.primary: want 64 hex digits, got a list"},
	    {THUMBPRINT(",\"secondary\":\"" A64 "\""),
		"auth.primary: want 64 hex digits, got nothing"},
	    {THUMBPRINT(",\"primary\":\"" A64 "\",\"secondary\":null"),
		"auth.secondary: want 64 hex digits, got null"},
	    {THUMBPRINT(",\"primary\":\"" A64 "\",\"secondary\":\"\""),
		"auth.secondary: want 64 hex digits, got \"\""},
	    {THUMBPRINT(",\"primary\":\"" A64 "\",\"secondary\":\"AA:" A32
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""),
		"auth.secondary: want another than primary, got \"" A64 "\""},
	    {THUMBPRINT(",\"primary\":\"" A64 "\",\"pins\":[]"),
		"auth: want no field but type, primary, secondary, got "
		"\"pins\""},
	    {KEY(), "auth.pins: want a list, got nothing"},
	    {KEY(",\"pins\":[]"), "auth.pins: want 1 to 1000 entries, got 0"},
	    {KEY(",\"pins\":\"" A64 "\""),
		"auth.pins: want a list, got \"" A64 "\""},
	    {KEY(",\"pins\":[\"" A64 "\",1]"),
		"auth.pins[1]: want 64 hex digits, got 1"},
	    {KEY(",\"pins\":[\"" A64 "\",\"" B64 "\",\"" A64 "\"]"),
		"auth.pins[2]: want no pin twice, got \"" A64 "\""},
	    {KEY(",\"pins\":[\"" A64 "\"],\"group\":\"g\""),
		"auth: want no field but type, pins, got \"group\""},
	    {DEVICE("{\"type\":\"ca\"}", ), "auth.group: " WANT_ID "nothing"},
	    {DEVICE("{\"type\":\"ca\",\"group\":[\"g\"]}", ),
		"auth.group: " WANT_ID "a list"},
	    {PSK("", "AAAA"),
		"auth.identity: want one line of 1 to 128 octets, got \"\""},
	    {PSK(A128 "a", "AAAA"),
		"auth.identity: want one line of 1 to 128 octets, got \"" A64
		"aa...\""},
	    {PSK("a\\nb", "AAAA"),
		"auth.identity: want one line of 1 to 128 octets, got "
		"\"a\\x0ab\""},
	    {DEVICE("{\"type\":\"psk\",\"identity\":\"x\"}", ),
		WANT_CMS "nothing"},
	    /* What stands there may be the key: it is never shown. */
	    {PSK("x", ""), WANT_CMS "something else"},
	    {PSK("x", "A"), WANT_CMS "something else"},
	    {PSK("x", "AA"), WANT_CMS "something else"},
	    {PSK("x", "AAA"), WANT_CMS "something else"},
	    {PSK("x", "AAAAA"), WANT_CMS "something else"},
	    {PSK("x", "===="), WANT_CMS "something else"},
	    {PSK("x", "A==="), WANT_CMS "something else"},
	    {PSK("x", "AA=A"), WANT_CMS "something else"},
	    {PSK("x", "AA==AAAA"), WANT_CMS "something else"},
	    {PSK("x", "AB=="), WANT_CMS "something else"},
	    {PSK("x", "AAB="), WANT_CMS "something else"},
	    {PSK("x", "AA-_"), WANT_CMS "something else"},
	    {PSK("x", "AAAA\\nAAAA"), WANT_CMS "something else"},
	    {PSK("x", " AAA"), WANT_CMS "something else"},
	    {CA_WITH("\"roles\":\"sensor\""),
		"roles: want a list, got \"sensor\""},
	    {CA_WITH("\"roles\":null"), "roles: want a list, got null"},
	    {CA_WITH("\"roles\":[\"a\",\"b\",\"a\"]"),
		"roles[2]: want no entry twice, got \"a\""},
	    {CA_WITH("\"roles\":[[\"a\"]]"), "roles[0]: " WANT_ID "a list"},
	    {CA_WITH("\"client_id\":\"any\""),
		"client_id: want exact or prefix, got \"any\""},
	    {CA_WITH("\"ignore_validity\":\"true\""),
		"ignore_validity: want true or false, got \"true\""},
	    {CA_WITH("\"ignore_validity\":1"),
		"ignore_validity: want true or false, got 1"},
	    {CA_WITH("\"attributes\":[]"),
		"attributes: want an object, got a list"},
	    {CA_WITH("\"attributes\":{\"a\":null}"),
		"attributes.a: want text, true or false, whole numbers, lists "
		"or objects, got null"},
	    {CA_WITH("\"attributes\":{\"a\":[1,{\"b\":null}]}"),
		"attributes.a[1].b: want text, true or false, whole numbers, "
		"lists or objects, got null"},
	    {CA_WITH("\"attributes\":{\"\":1}"),
		"attributes: want names of 1 to 128 octets, got an object"},
	    {CA_WITH("\"attributes\":{\"" A128 "a\":1}"),
		"attributes: want names of 1 to 128 octets, got an object"},
	    {CA_WITH("\"attributes\":{\"a\":1.5}"),
		"record: want one JSON object of text and whole numbers, at "
		"most 8 levels deep, got a number with a fraction or an "
		"exponent"},
	};

	(void)state;
	check_refusals(cases, COUNT(cases));
}

#define DEVICE_ANCHOR "\"purposes\":[\"device\"]"
#define WANT_PURPOSE  "want device, upstream or bundle, got "

static void
refuses_certificates(void **state)
{
	static const struct refusal cases[] = {
	    {ANCHOR(DEVICE_ANCHOR),
		"pem: want a certificate in PEM, got nothing"},
	    {ANCHOR(DEVICE_ANCHOR ",\"pem\":7"),
		"pem: want a certificate in PEM, got 7"},
	    {ANCHOR(DEVICE_ANCHOR ",\"pem\":\"\""),
		"pem: PEM: want a certificate, found none"},
	    {ANCHOR(DEVICE_ANCHOR ",\"pem\":\"hello\""),
		"pem: PEM: want a certificate, found none"},
	    {ANCHOR(DEVICE_ANCHOR ",\"pem\":\"" PEM_CRL "\""),
		"pem: PEM: want a certificate, found none"},
	    {ANCHOR(DEVICE_ANCHOR ",\"pem\":\"" PEM_ONE PEM_TWO "\""),
		"pem: want one certificate, got 2"},
	    {ANCHOR(DEVICE_ANCHOR
		 ",\"pem\":\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n"
		 "-----END PRIVATE KEY-----\\n" PEM_ONE "\""),
		"pem: want a certificate alone, got a private key too"},
	    {ANCHOR(DEVICE_ANCHOR
		 ",\"pem\":\"-----BEGIN CERTIFICATE-----\\nAAAA\\n"
		 "-----END CERTIFICATE-----\\n\""),
		"pem: certificate: want X.509 in DER, got something else"},
	    {ANCHOR("\"pem\":\"" PEM_ONE "\""),
		"purposes: want a list, got nothing"},
	    {ANCHOR("\"pem\":\"" PEM_ONE "\",\"purposes\":[]"),
		"purposes: want 1 to 1000 entries, got 0"},
	    {ANCHOR("\"pem\":\"" PEM_ONE "\",\"purposes\":\"device\""),
		"purposes: want a list, got \"device\""},
	    {ANCHOR("\"pem\":\"" PEM_ONE "\",\"purposes\":[\"any\"]"),
		"purposes[0]: " WANT_PURPOSE "\"any\""},
	    {ANCHOR("\"pem\":\"" PEM_ONE
		    "\",\"purposes\":[\"device\",\"device\"]"),
		"purposes[1]: want no entry twice, got \"device\""},
	    {CRL("\"pem\":[]"), "pem: want a CRL in PEM, got a list"},
	    {CRL("\"comment\":\"x\""), "pem: want a CRL in PEM, got nothing"},
	    {CRL("\"pem\":\"\""), "pem: PEM: want an X509 CRL"},
	    {CRL("\"pem\":\"" PEM_ONE "\""), "pem: PEM: want an X509 CRL"},
	    {GATEWAY("\"pem\":\"" PEM_CRL "\""),
		"pem: PEM: want a certificate, found none"},
	    {GATEWAY("\"pem\":\"" PEM_ONE "\",\"purposes\":[]"),
		"record: want no field but kind, id, status, scopes, comment, "
		"pem, got \"purposes\""},
	};

	(void)state;
	check_refusals(cases, COUNT(cases));
}

/* It was decoded on its way into the registry; what is not PEM is read as
 * strictly as ever. */
static void
pem_of_a_registry_is_not_decoded(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} rows[] = {
	    {ANCHOR(DEVICE_ANCHOR ",\"pem\":\"hello\""), true},
	    {CRL("\"pem\":\"hello\""), true},
	    {GATEWAY("\"pem\":\"hello\""), true},
	    {ANCHOR(DEVICE_ANCHOR ",\"pem\":7"), false},
	    {ANCHOR(DEVICE_ANCHOR ",\"pem\":\"PRIVATE KEY\""), false},
	    {ANCHOR(DEVICE_ANCHOR), false},
	    {CRL("\"comment\":\"x\""), false},
	    {GATEWAY("\"pem\":\"hello\",\"purposes\":[]"), false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct trust_span line = trust_span_of(rows[i].line);
		struct trust_record *record;

		assert_int_equal(trust_record_parse_stored(line, &record, NULL),
		    rows[i].good ? TRUST_OK : TRUST_ERR_INPUT);
		trust_record_free(record);
		assert_int_equal(
		    trust_record_parse(line, &record, NULL), TRUST_ERR_INPUT);
	}
}

#define WANT_IDENTITY                                                          \
	"identity: want cn, serial_number, san_dns, san_uri, san_uri_last or " \
	"san_email, got "

static void
refuses_groups(void **state)
{
	static const struct refusal cases[] = {
	    {"{\"kind\":\"group\",\"id\":\"g\"}",
		"anchors: want a list, got nothing"},
	    {"{\"kind\":\"group\",\"id\":\"g\",\"anchors\":\"a\"}",
		"anchors: want a list, got \"a\""},
	    {"{\"kind\":\"group\",\"id\":\"g\",\"anchors\":[\"\"]}",
		"anchors[0]: " WANT_ID "\"\""},
	    {"{\"kind\":\"group\",\"id\":\"g\",\"anchors\":[\"a\",\"a\"]}",
		"anchors[1]: want no entry twice, got \"a\""},
	    {GROUP(",\"intermediates\":\"x\""),
		"intermediates: want a list, got \"x\""},
	    {GROUP(",\"intermediates\":[\"" PEM_ONE "\",\"x\"]"),
		"intermediates[1]: PEM: want a certificate, found none"},
	    {GROUP(",\"intermediates\":[\"" PEM_ONE PEM_TWO "\"]"),
		"intermediates[0]: want one certificate, got 2"},
	    {GROUP(",\"identity\":\"CN\""), WANT_IDENTITY "\"CN\""},
	    {GROUP(",\"identity\":[\"cn\"]"), WANT_IDENTITY "a list"},
	    {GROUP(",\"match\":\"*\""), "match: want a list, got \"*\""},
	    {GROUP(",\"match\":[\"\"]"), "match[0]: " WANT_ID "\"\""},
	    {GROUP(",\"match\":[\"[a-z]\"]"), "match[0]: " WANT_ID "\"[a-z]\""},
	    {GROUP(",\"enroll\":\"auto\""),
		"enroll: want registered or automatic, got \"auto\""},
	    {GROUP(",\"enroll\":true"),
		"enroll: want registered or automatic, got true"},
	    {GROUP(",\"max_depth\":-1"),
		"max_depth: want a whole number from 0 to 22, got -1"},
	    {GROUP(",\"max_depth\":23"),
		"max_depth: want a whole number from 0 to 22, got 23"},
	    {GROUP(",\"max_depth\":\"4\""),
		"max_depth: want a whole number from 0 to 22, got \"4\""},
	    {GROUP(",\"min_rsa_bits\":16385"),
		"min_rsa_bits: want a whole number from 0 to 16384, got "
		"16385"},
	    {GROUP(",\"min_rsa_bits\":4294967296"),
		"min_rsa_bits: want a whole number from 0 to 16384, got "
		"4294967296"},
	    {GROUP(",\"require_client_auth_eku\":0"),
		"require_client_auth_eku: want true or false, got 0"},
	    {GROUP(",\"max_validity\":825"),
		"max_validity: want a duration as 825d, up to 100 years, got "
		"825"},
	    {GROUP(",\"max_validity\":\"0d\""),
		"max_validity: want a duration as 825d, up to 100 years, got "
		"\"0d\""},
	    {GROUP(",\"max_validity\":\"2y\""),
		"max_validity: want a duration as 825d, up to 100 years, got "
		"\"2y\""},
	    {GROUP(",\"client_id\":null"),
		"client_id: want exact or prefix, got null"},
	    {GROUP(",\"pin\":\"last\""), "pin: want first, got \"last\""},
	    {GROUP(",\"pin\":true"), "pin: want first, got true"},
	    {GROUP(",\"ignore_validity\":true"),
		"record: want no field but kind, id, status, scopes, comment, "
		"anchors, intermediates, identity, match, enroll, roles, "
		"max_depth, min_rsa_bits, require_client_auth_eku, "
		"max_validity, client_id, pin, got \"ignore_validity\""},
	};

	(void)state;
	check_refusals(cases, COUNT(cases));
}

#define WANT_FILTER                                                   \
	"want a topic filter (MQTT 5.0 section 4.7), which may hold " \
	"{device}, {group}, {gateway}, {client}, got "

static void
refuses_roles(void **state)
{
	static const struct refusal cases[] = {
	    {"{\"kind\":\"role\",\"id\":\"r\"}",
		"rules: want a list, got nothing"},
	    {ROLE("{}"), "rules: want a list, got an object"},
	    {ROLE("[[]]"), "rules[0]: want an object, got a list"},
	    {ROLE("[{}]"), "rules[0].effect: want allow or deny, got nothing"},
	    {ROLE("[{\"effect\":\"permit\"}]"),
		"rules[0].effect: want allow or deny, got \"permit\""},
	    {ROLE("[{\"effect\":\"allow\"}]"),
		"rules[0].actions: want a list, got nothing"},
	    {ROLE("[{\"effect\":\"allow\",\"actions\":[]}]"),
		"rules[0].actions: want 1 to 1000 entries, got 0"},
	    {ROLE("[{\"effect\":\"allow\",\"actions\":[\"read\"]}]"),
		"rules[0].actions[0]: want publish or subscribe, got "
		"\"read\""},
	    {ROLE("[{\"effect\":\"allow\",\"actions\":[\"publish\","
		  "\"publish\"]}]"),
		"rules[0].actions[1]: want no entry twice, got \"publish\""},
	    {ROLE("[{\"effect\":\"allow\",\"actions\":[\"publish\"]}]"),
		"rules[0].topics: want a list, got nothing"},
	    {TOPICS("[]"), "rules[0].topics: want 1 to 1000 entries, got 0"},
	    {TOPICS("\"t\""), "rules[0].topics: want a list, got \"t\""},
	    {TOPICS("[\"a\",\"\"]"), "rules[0].topics[1]: " WANT_FILTER "\"\""},
	    {TOPICS("[\"a#\"]"), "rules[0].topics[0]: " WANT_FILTER "\"a#\""},
	    {TOPICS("[\"#/a\"]"), "rules[0].topics[0]: " WANT_FILTER "\"#/a\""},
	    {TOPICS("[\"a/{device}#\"]"),
		"rules[0].topics[0]: " WANT_FILTER "\"a/{device}#\""},
	    {TOPICS("[\"a/{devices}\"]"),
		"rules[0].topics[0]: " WANT_FILTER "\"a/{devices}\""},
	    {TOPICS("[\"a/{\"]"), "rules[0].topics[0]: " WANT_FILTER "\"a/{\""},
	    {TOPICS("[\"a\\nb\"]"),
		"rules[0].topics[0]: " WANT_FILTER "\"a\\x0ab\""},
	    {TOPICS("[\"$share/g/a\"]"),
		"rules[0].topics[0]: " WANT_FILTER "\"$share/g/a\""},
	    {TOPICS("[7]"), "rules[0].topics[0]: " WANT_FILTER "7"},
	    {TOPICS("[\"a\",\"a\"]"),
		"rules[0].topics[1]: want no entry twice, got \"a\""},
	    {RULE(",\"max_qos\":3"),
		"rules[0].max_qos: want a whole number from 0 to 2, got 3"},
	    {RULE(",\"max_qos\":-1"),
		"rules[0].max_qos: want a whole number from 0 to 2, got -1"},
	    {RULE(",\"max_qos\":true"),
		"rules[0].max_qos: want a whole number from 0 to 2, got true"},
	    {RULE(",\"retain\":0"),
		"rules[0].retain: want true or false, got 0"},
	    {RULE(",\"qos\":0"),
		"rules[0]: want no field but effect, actions, topics, max_qos, "
		"retain, got \"qos\""},
	};

	(void)state;
	check_refusals(cases, COUNT(cases));
}

#define WANT_TIME "expires: want a time as 2026-12-01T00:00:00Z, got "
#define WANT_USES "uses: want a whole number from 1 to 1000000, got "

static void
refuses_tokens(void **state)
{
	static const struct refusal cases[] = {
	    {TOKEN(PAPERS "," EXPIRES ",\"uses\":1"),
		"secret_sha256: want 64 hex digits, got nothing"},
	    /* Never shown, it may be the secret. */
	    {TOKEN("\"secret_sha256\":\"swordfish\"," PAPERS "," EXPIRES
		   ",\"uses\":1"),
		"secret_sha256: want 64 hex digits of the secret's SHA-256, "
		"got something else"},
	    {TOKEN(SECRET ",\"gateway\":\"gw\"," EXPIRES ",\"uses\":1"),
		"device: " WANT_ID "nothing"},
	    {TOKEN(SECRET ",\"device\":\"d\"," EXPIRES ",\"uses\":1"),
		"gateway: " WANT_ID "nothing"},
	    {TOKEN(SECRET "," PAPERS ",\"uses\":1"), WANT_TIME "nothing"},
	    {TOKEN(SECRET "," PAPERS ",\"expires\":1796083200,\"uses\":1"),
		WANT_TIME "1796083200"},
	    {TOKEN(SECRET "," PAPERS ",\"expires\":\"1796083200\",\"uses\":1"),
		WANT_TIME "\"1796083200\""},
	    {TOKEN(SECRET "," PAPERS ",\"expires\":\"2026-12-01\",\"uses\":1"),
		WANT_TIME "\"2026-12-01\""},
	    {TOKEN(SECRET "," PAPERS
			  ",\"expires\":\"2026-02-30T00:00:00Z\",\"uses\":1"),
		WANT_TIME "\"2026-02-30T00:00:00Z\""},
	    {TOKEN(SECRET "," PAPERS "," EXPIRES), WANT_USES "nothing"},
	    {TOKEN(SECRET "," PAPERS "," EXPIRES ",\"uses\":0"), WANT_USES "0"},
	    {TOKEN(SECRET "," PAPERS "," EXPIRES ",\"uses\":-1"),
		WANT_USES "-1"},
	    {TOKEN(SECRET "," PAPERS "," EXPIRES ",\"uses\":1000001"),
		WANT_USES "1000001"},
	    {TOKEN(SECRET "," PAPERS "," EXPIRES ",\"uses\":\"1\""),
		WANT_USES "\"1\""},
	    {TOKEN(SECRET "," PAPERS "," EXPIRES ",\"uses\":1,\"used\":0"),
		"record: want no field but kind, id, status, scopes, comment, "
		"secret_sha256, device, gateway, expires, uses, got \"used\""},
	};

	(void)state;
	check_refusals(cases, COUNT(cases));
}

/* What jansson says of it is jansson's business. */
static void
refuses_what_is_no_json(void **state)
{
	static const struct {
		const char *line, *told;
	} cases[] = {
	    {"", "record: want one JSON object, got nothing"},
	    {CA_WITH("\"id\":\"e\""), "duplicate"},
	    {DEVICE(CA, ) "x", "record: want one JSON object, got at column "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trust_record *record;
		struct trust_message msg = {""};

		assert_int_equal(
		    trust_record_parse(
			trust_span_of(cases[i].line), &record, &msg),
		    TRUST_ERR_INPUT);
		assert_non_null(strstr(msg.text, cases[i].told));
	}
}

/* n times `before`, and where there is an `after`, a number and that. */
static char *
repeat(const char *head, const char *before, const char *after, size_t n,
    const char *tail)
{
	struct trust_buf buf = {0};
	enum trust_err r = trust_buf_printf(&buf, "%s", head);

	for (size_t i = 0; i < n && r == TRUST_OK; i++) {
		r = trust_buf_printf(&buf, "%s", before);
		if (r == TRUST_OK && after != NULL)
			r = trust_buf_printf(&buf, "%zu%s", i, after);
	}
	if (r == TRUST_OK)
		r = trust_buf_printf(&buf, "%s", tail);
	assert_int_equal(r, TRUST_OK);
	return (char *)buf.p;
}

static void
bounds(void **state)
{
	static const char device[] =
	    "{\"kind\":\"device\",\"id\":\"d\",\"auth\":" CA;
	static const struct {
		const char *field, *before, *after, *end;
		size_t n; /* the most */
		const char *message;
	} cases[] = {
	    {",\"comment\":\"", "x", NULL, "\"}", TRUST_TEXT_MAX,
		"comment: want text of at most 1024 octets"},
	    {",\"roles\":[\"x\"", ",\"r", "\"", "]}", TRUST_LIST_MAX - 1,
		"roles: want 0 to 1000 entries, got 1001"},
	    {",\"attributes\":{\"x\":[0", ",", "", "]}}", TRUST_LIST_MAX - 1,
		"attributes.x: want 0 to 1000 entries, got 1001"},
	    {",\"attributes\":{\"x\":0", ",\"a", "\":0", "}}",
		TRUST_LIST_MAX - 1, "attributes: want at most 1000 attributes"},
	    {",\"attributes\":{\"x\":\"", "x", NULL, "\"}}", TRUST_TEXT_MAX,
		"attributes.x: want text of at most 1024 octets"},
	    {"", " ", NULL, "}",
		TRUST_RECORD_MAX - sizeof(device), /* a NUL for a brace */
		"record: want at most 262128 octets, got 262129"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char head[200];
		struct trust_record *record;
		struct trust_message msg = {""};
		char *line;

		snprintf(head, sizeof(head), "%s%s", device, cases[i].field);
		line = repeat(head, cases[i].before, cases[i].after, cases[i].n,
		    cases[i].end);
		trust_record_free(parse(line));
		free(line);
		line = repeat(head, cases[i].before, cases[i].after,
		    cases[i].n + 1, cases[i].end);
		assert_int_equal(
		    trust_record_parse(trust_span_of(line), &record, &msg),
		    TRUST_ERR_INPUT);
		assert_memory_equal(
		    msg.text, cases[i].message, strlen(cases[i].message));
		free(line);
	}
}

/* ---- Kinds, ids, patterns ---- */

static void
kinds(void **state)
{
	static const char *const bad[] = {
	    "", "unknown", "Device", "devices", "device "};
	enum trust_kind kind;

	(void)state;
	for (int i = TRUST_KIND_FIRST; i <= TRUST_KIND_LAST; i++) {
		assert_true(trust_kind_parse(
		    trust_kind_name((enum trust_kind)i), &kind));
		assert_int_equal(kind, i);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(trust_kind_parse(bad[i], &kind));
	assert_string_equal(trust_kind_name((enum trust_kind)0), "unknown");
	assert_string_equal(trust_kind_name((enum trust_kind)8), "unknown");
}

static void
ids(void **state)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789"
				      "-._%*?!(),:=@'";
	uint8_t text[TRUST_ID_MAX + 1];

	(void)state;
	for (int c = 0; c < 256; c++) {
		const uint8_t id[3] = {'a', (uint8_t)c, 'z'};

		assert_int_equal(trust_id_check(id, 3),
		    c != 0 && strchr(allowed, c) != NULL);
	}
	memset(text, 'a', sizeof(text));
	assert_false(trust_id_check(text, 0));
	assert_true(trust_id_check(text, 1));
	assert_true(trust_id_check(text, TRUST_ID_MAX));
	assert_false(trust_id_check(text, TRUST_ID_MAX + 1));
}

static void
patterns(void **state)
{
	static const struct {
		const char *pattern, *id;
		bool match;
	} cases[] = {
	    {"a", "a", true},
	    {"*", "a", true},
	    {"*", "", true},
	    {"**", "abc", true},
	    {"?", "a", true},
	    {"plant-7-*", "plant-7-x", true},
	    {"plant-7-*", "plant-7-", true},
	    {"*-7", "a-7-7", true},
	    {"a*b*c", "axbybzc", true},
	    {"a*bc", "abcbc", true},
	    {"a?c", "abc", true},
	    {"*?", "ab", true},
	    {"?*?", "ab", true},
	    {"", "", true},
	    {"", "a", false},
	    {"a", "", false},
	    {"a", "A", false},
	    {"a", "ab", false},
	    {"ab", "a", false},
	    {"?", "", false},
	    {"?", "ab", false},
	    {"?*?", "a", false},
	    {"plant-7-*", "plant-7", false},
	    {"plant-7-*", "xplant-7-1", false},
	    {"plant-7-?", "plant-7-12", false},
	    {"*-7", "a-7b", false},
	    {"a*b*c", "acb", false},
	    {".", "a", false},
	    {"a.c", "abc", false},
	    {"%", "a", false},
	    {"*a*a*a*a*a*a*a*a*b",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (trust_id_match(cases[i].pattern, cases[i].id) !=
		    cases[i].match)
			fail_msg("%s %s", cases[i].pattern, cases[i].id);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(device_by_thumbprint),
	    cmocka_unit_test(device_by_key),
	    cmocka_unit_test(device_by_chain),
	    cmocka_unit_test(device_by_psk),
	    cmocka_unit_test(anchor),
	    cmocka_unit_test(group_defaults),
	    cmocka_unit_test(group_in_full),
	    cmocka_unit_test(group_with_empty_lists),
	    cmocka_unit_test(group_identities),
	    cmocka_unit_test(crl_and_gateway),
	    cmocka_unit_test(role),
	    cmocka_unit_test(token),
	    cmocka_unit_test(canonical_lines),
	    cmocka_unit_test(refuses_what_every_record_has),
	    cmocka_unit_test(refuses_devices),
	    cmocka_unit_test(refuses_certificates),
	    cmocka_unit_test(pem_of_a_registry_is_not_decoded),
	    cmocka_unit_test(refuses_groups),
	    cmocka_unit_test(refuses_roles),
	    cmocka_unit_test(refuses_tokens),
	    cmocka_unit_test(refuses_what_is_no_json),
	    cmocka_unit_test(bounds),
	    cmocka_unit_test(kinds),
	    cmocka_unit_test(ids),
	    cmocka_unit_test(patterns),
	};

	trust_record_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
