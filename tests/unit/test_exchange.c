/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange.c: requests and reports, there and back, and what is neither.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "document.h"
#include "exchange.h"

/* Structs that are compared whole are static: so their padding is zero. */

#define SESSION "0b0e5d8c-6a39-4d3e-9c1f-2f6f4f1d7a10"
#define HEX_A   "00000000000000000000000000000000000000000000000000000000000000aa"
#define HEX_B   "00000000000000000000000000000000000000000000000000000000000000bb"
#define ZEROS   "0000000000000000000000000000000000000000000000000000000000000000"

#define REQUEST_OPEN                                                        \
	"{\"gateway\":\"gw1\",\"have\":41,\"scope\":\"plant\",\"session\":" \
	"\"" SESSION "\",\"type\":\"trust-request\""
#define REQUEST(want) REQUEST_OPEN ",\"want\":" want "}"

static void
requests_there_and_back(void **state)
{
	static const char want[] =
	    "{\"gateway\":\"gw1\",\"have\":41,\"scope\":\"plant\","
	    "\"session\":\"" SESSION "\",\"type\":\"trust-request\","
	    "\"want\":[\"" HEX_A "\",\"" HEX_B "\"]}";
	static struct trust_request in = {
	    .gateway = "gw1",
	    .scope = "plant",
	    .session = SESSION,
	    .have = 41,
	    .n_want = 2,
	};
	struct trust_request out;
	struct trust_buf text = {0};
	struct trust_message msg;

	(void)state;
	in.want[0].b[31] = 0xaa;
	in.want[1].b[31] = 0xbb;
	assert_int_equal(trust_request_encode(&in, &text), TRUST_OK);
	assert_string_equal((char *)text.p, want);
	assert_int_equal(
	    trust_request_parse(trust_buf_get0(&text), &out, &msg), TRUST_OK);
	assert_memory_equal(&out, &in, sizeof(in));
	trust_buf_free(&text);
}

static void
requests_of_newcomers(void **state)
{
	static struct trust_request in = {.gateway = "gw1", .scope = "gw1"};
	struct trust_request out;
	struct trust_buf text = {0};
	struct trust_message msg;

	(void)state;
	assert_int_equal(trust_request_encode(&in, &text), TRUST_OK);
	assert_string_equal((char *)text.p,
	    "{\"gateway\":\"gw1\",\"have\":0,\"scope\":\"gw1\","
	    "\"session\":null,\"type\":\"trust-request\",\"want\":[]}");
	assert_int_equal(
	    trust_request_parse(trust_buf_get0(&text), &out, &msg), TRUST_OK);
	assert_memory_equal(&out, &in, sizeof(in));
	trust_buf_free(&text);
}

/* As many as may be wanted fit into a message; one more is refused. */
static void
requests_are_bounded(void **state)
{
	static struct trust_request in = {
	    .gateway = "gw1",
	    .scope = "gw1",
	    .n_want = TRUST_REQUEST_WANT_MAX,
	};
	struct trust_request out;
	struct trust_buf text = {0};
	struct trust_message msg;

	(void)state;
	assert_int_equal(trust_request_encode(&in, &text), TRUST_OK);
	assert_true(text.len < TRUST_EXCHANGE_MAX);
	assert_int_equal(
	    trust_request_parse(trust_buf_get0(&text), &out, &msg), TRUST_OK);
	assert_int_equal(out.n_want, TRUST_REQUEST_WANT_MAX);
	text.len -= 2; /* what ends it */
	assert_int_equal(trust_buf_printf(&text, ",\"" ZEROS "\"]}"), TRUST_OK);
	assert_int_equal(trust_request_parse(trust_buf_get0(&text), &out, &msg),
	    TRUST_ERR_INPUT);
	assert_int_equal(out.n_want, 0);
	trust_buf_free(&text);
}

static void
assert_no_request(const char *text)
{
	struct trust_request out = {.have = 7};
	static const struct trust_request zero = {0};
	struct trust_message msg = {0};

	if (trust_request_parse(trust_span_of(text), &out, &msg) !=
	    TRUST_ERR_INPUT)
		fail_msg("taken: %s", text);
	assert_memory_equal(&out, &zero, sizeof(out));
	assert_true(msg.text[0] != '\0');
}

static void
refuses_requests(void **state)
{
	static const char *const texts[] = {
	    "",
	    "{}",
	    "[]",
	    "null",
	    REQUEST_OPEN "}",
	    REQUEST("null"),
	    REQUEST("{}"),
	    REQUEST("\"" HEX_A "\""),
	    REQUEST("[null]"),
	    REQUEST("[\"aa\"]"),
	    REQUEST("[\"" HEX_A "0\"]"),
	    REQUEST("[],\"more\":1"),
	    REQUEST("[],\"want\":[]"),
	    REQUEST("[]") "x",
	    "{\"gateway\":\"gw1\",\"have\":0,\"scope\":\"gw1\","
	    "\"session\":null,\"type\":\"trust-report\",\"want\":[]}",
	    "{\"gateway\":\"gw1\",\"have\":0,\"scope\":\"gw1\","
	    "\"type\":\"trust-request\",\"want\":[]}",
	    "{\"gateway\":\"gw1\",\"have\":0,\"scope\":\"gw1\","
	    "\"session\":\"\",\"type\":\"trust-request\",\"want\":[]}",
	    "{\"gateway\":\"gw1\",\"have\":-1,\"scope\":\"gw1\","
	    "\"session\":null,\"type\":\"trust-request\",\"want\":[]}",
	    "{\"gateway\":\"gw1\",\"have\":\"0\",\"scope\":\"gw1\","
	    "\"session\":null,\"type\":\"trust-request\",\"want\":[]}",
	    "{\"gateway\":\"gw1\",\"have\":9007199254740992,\"scope\":\"gw1\","
	    "\"session\":null,\"type\":\"trust-request\",\"want\":[]}",
	    "{\"gateway\":\"\",\"have\":0,\"scope\":\"gw1\","
	    "\"session\":null,\"type\":\"trust-request\",\"want\":[]}",
	    "{\"gateway\":\"a/b\",\"have\":0,\"scope\":\"gw1\","
	    "\"session\":null,\"type\":\"trust-request\",\"want\":[]}",
	    "{\"gateway\":\"gw1\",\"have\":0,\"scope\":\"+\","
	    "\"session\":null,\"type\":\"trust-request\",\"want\":[]}",
	    "{\"gateway\":\"gw1\",\"have\":0,\"scope\":1,"
	    "\"session\":null,\"type\":\"trust-request\",\"want\":[]}",
	};
	uint8_t *large = malloc(TRUST_EXCHANGE_MAX + 2);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_no_request(texts[i]);
	/* A good one, and blanks behind it past the bound. */
	assert_non_null(large);
	memset(large, ' ', TRUST_EXCHANGE_MAX + 1);
	memcpy(large, REQUEST("[]"), strlen(REQUEST("[]")));
	large[TRUST_EXCHANGE_MAX + 1] = '\0';
	assert_no_request((char *)large);
	free(large);
}

/* ---- Reports ---- */

static void
reports_there_and_back(void **state)
{
	static const char want[] =
	    "{\"applied_at\":\"2026-11-20T12:00:00Z\",\"format\":1,"
	    "\"gateway\":\"gw1\",\"records\":1000000,"
	    "\"refused\":{\"expired\":1,\"unsolicited\":9007199254740991},"
	    "\"scope\":\"plant\",\"serial\":42,\"session\":\"" SESSION "\","
	    "\"stale\":true,\"state\":\"" HEX_A "\",\"type\":\"trust-report\","
	    "\"version\":\"0.1.0\"}";
	static struct trust_report in = {
	    .gateway = "gw1",
	    .scope = "plant",
	    .session = SESSION,
	    .serial = 42,
	    .n_records = 1000000,
	    .applied_at = INT64_C(1795176000),
	    .stale = true,
	    .refused = {[TRUST_SYNC_EXPIRED] = 1,
		[TRUST_SYNC_UNSOLICITED] = UINT64_C(9007199254740991)},
	    .version = "0.1.0",
	    .format = 1,
	};
	struct trust_report out;
	struct trust_buf text = {0};
	struct trust_message msg;

	(void)state;
	in.state.b[31] = 0xaa;
	assert_int_equal(trust_report_encode(&in, &text), TRUST_OK);
	assert_string_equal((char *)text.p, want);
	assert_int_equal(
	    trust_report_parse(trust_buf_get0(&text), &out, &msg), TRUST_OK);
	assert_memory_equal(&out, &in, sizeof(in));
	trust_buf_free(&text);
}

/* Every reason can be reported at once. */
static void
reports_hold_every_reason(void **state)
{
	static struct trust_report in = {
	    .gateway = "gw1", .scope = "gw1", .version = "0", .format = 1};
	struct trust_report out;
	struct trust_buf text = {0};
	struct trust_message msg;

	(void)state;
	memset(in.gateway, 'g', TRUST_ID_MAX);
	memset(in.scope, 's', TRUST_ID_MAX);
	for (int i = 1; i < TRUST_N_SYNC_REASONS; i++)
		in.refused[i] = UINT64_C(9007199254740991);
	assert_int_equal(trust_report_encode(&in, &text), TRUST_OK);
	assert_true(text.len < TRUST_EXCHANGE_MAX);
	assert_int_equal(
	    trust_report_parse(trust_buf_get0(&text), &out, &msg), TRUST_OK);
	assert_memory_equal(&out, &in, sizeof(in));
	trust_buf_free(&text);
}

/* A good one of a gateway that holds nothing, in pieces. */
static const char *const good[][2] = {
    {"type", "\"trust-report\""},
    {"gateway", "\"gw1\""},
    {"scope", "\"gw1\""},
    {"session", "null"},
    {"serial", "0"},
    {"state", "\"" ZEROS "\""},
    {"records", "0"},
    {"applied_at", "null"},
    {"stale", "true"},
    {"refused", "{}"},
    {"version", "\"0.1.0\""},
    {"format", "1"},
};
#define N_GOOD (sizeof(good) / sizeof(good[0]))

/* The good one with a field changed, left out (NULL) or added. */
static enum trust_err
parse_report(const char *name, const char *value, struct trust_report *out)
{
	struct trust_buf text = {0};
	struct trust_message msg = {0};
	bool known = false;
	enum trust_err r;

	for (size_t i = 0; i < N_GOOD; i++) {
		bool is_it = name != NULL && strcmp(good[i][0], name) == 0;
		const char *v = is_it ? value : good[i][1];

		known = known || is_it;
		if (v != NULL)
			assert_int_equal(
			    trust_buf_printf(&text, "%s\"%s\":%s",
				text.len > 0 ? "," : "{", good[i][0], v),
			    TRUST_OK);
	}
	if (name != NULL && !known)
		assert_int_equal(
		    trust_buf_printf(&text, ",\"%s\":%s", name, value),
		    TRUST_OK);
	assert_int_equal(trust_buf_printf(&text, "}"), TRUST_OK);
	r = trust_report_parse(trust_buf_get0(&text), out, &msg);
	assert_int_equal(r != TRUST_OK, msg.text[0] != '\0');
	trust_buf_free(&text);
	return r;
}

static void
refuses_reports(void **state)
{
	static const char *const cases[][2] = {
	    {"type", "\"trust-request\""},
	    {"gateway", "\"\""},
	    {"gateway", "\"g w\""},
	    {"scope", "null"},
	    {"session", "\"\""},
	    {"session", "0"},
	    {"serial", "-1"},
	    {"serial", "null"},
	    {"serial", "9007199254740992"},
	    {"state", "\"\""},
	    {"state", "null"},
	    {"records", "-1"},
	    {"records", "10000001"},
	    {"applied_at", "0"},
	    {"applied_at", "\"0\""},
	    {"applied_at", "\"yesterday\""},
	    {"stale", "0"},
	    {"stale", "null"},
	    {"refused", "null"},
	    {"refused", "[]"},
	    {"refused", "{\"expired\":-1}"},
	    {"refused", "{\"expired\":\"1\"}"},
	    {"refused", "{\"expired\":1,\"expired\":1}"},
	    {"refused", "{\"accepted\":1}"},
	    {"refused", "{\"of_another_world\":1}"},
	    {"version", "\"\""},
	    {"version", "1"},
	    {"version", "\"0.1\\n0\""},
	    {"version", "\"0123456789012345678901234567890x\""},
	    {"format", "0"},
	    {"format", "null"},
	    {"more", "1"},
	};
	static const struct trust_report zero = {0};
	struct trust_report out;

	(void)state;
	assert_int_equal(parse_report(NULL, NULL, &out), TRUST_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (parse_report(cases[i][0], cases[i][1], &out) !=
		    TRUST_ERR_INPUT)
			fail_msg("taken: %s %s", cases[i][0], cases[i][1]);
		assert_memory_equal(&out, &zero, sizeof(out));
	}
	for (size_t i = 0; i < N_GOOD; i++) {
		if (parse_report(good[i][0], NULL, &out) != TRUST_ERR_INPUT)
			fail_msg("taken without %s", good[i][0]);
	}
}

static void
reads_the_documents_examples(void **state)
{
	struct trust_buf text = document_example("trust-request");
	struct trust_request request;
	struct trust_report report;
	struct trust_message msg = {0};

	(void)state;
	if (trust_request_parse(trust_buf_get0(&text), &request, &msg) !=
	    TRUST_OK)
		fail_msg("%s", msg.text);
	trust_buf_free(&text);
	text = document_example("trust-report");
	if (trust_report_parse(trust_buf_get0(&text), &report, &msg) !=
	    TRUST_OK)
		fail_msg("%s", msg.text);
	trust_buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_there_and_back),
	    cmocka_unit_test(requests_of_newcomers),
	    cmocka_unit_test(requests_are_bounded),
	    cmocka_unit_test(refuses_requests),
	    cmocka_unit_test(reports_there_and_back),
	    cmocka_unit_test(reports_hold_every_reason),
	    cmocka_unit_test(refuses_reports),
	    cmocka_unit_test(reads_the_documents_examples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
