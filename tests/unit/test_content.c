/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content.c: lines, parts, and the state digest; with the worked example of
 * docs/PROTOCOL.md.
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

#include "content.h"
#include "document.h"

#define HEX "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
#define HEX_UPPER \
	"A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5"

/* The example of docs/PROTOCOL.md: two records' canonical lines, the SHA-256
 * of each, and the state digest of both, as Python computes them. */
#define DEVICE                                                         \
	"{\"auth\":{\"primary\":\"" HEX "\",\"type\":\"thumbprint\"}," \
	"\"id\":\"temp-01\",\"kind\":\"device\",\"roles\":[\"sensor\"]}"
#define DEVICE_SHA256 \
	"73d1f912b1808ebf075f3eb488eee7464309e1ce7fe2d7af76e5fe83bae98b32"
#define ROLE                                                         \
	"{\"comment\":\"é \\n \\\"q\\\" / €\",\"id\":\"sensor\"," \
	"\"kind\":\"role\",\"rules\":[{\"actions\":[\"publish\"],"   \
	"\"effect\":\"allow\",\"max_qos\":1,\"retain\":false,"       \
	"\"topics\":[\"plant/{device}/#\"]}]}"
#define ROLE_SHA256 \
	"18cba6514382682aa962722d698b047dd775725d189c62fbe4d7723403f4a0cb"
#define STATE "8c9d9f63f502f6e9b0c1b0e1f279ebc41a7f542b987f3aab5bbd70b7bede2bfd"

static struct trust_content_line
parse(const char *text)
{
	struct trust_content_line line;
	struct trust_message msg = {0};

	if (trust_content_parse(trust_span_of(text), &line, &msg) != TRUST_OK)
		fail_msg("%s: %s", text, msg.text);
	return line;
}

static void
assert_hex(const struct trust_thumbprint *thumbprint, const char *want)
{
	char hex[TRUST_THUMBPRINT_TEXT];

	assert_string_equal(trust_thumbprint_format(thumbprint, hex), want);
}

/* ---- Lines ---- */

static void
reads_puts(void **state)
{
	struct trust_content_line line = parse("{\"put\":" DEVICE "}");

	(void)state;
	assert_non_null(line.put);
	assert_string_equal(line.put->id, "temp-01");
	assert_int_equal(line.put->kind, TRUST_KIND_DEVICE);
	assert_int_equal(line.id[0], '\0');
	assert_hex(&line.digest, DEVICE_SHA256);
	trust_record_free(line.put);
}

static void
reads_removals(void **state)
{
	struct trust_content_line line =
	    parse(" { \"remove\" : {\"kind\":\"role\",\"id\":\"x\"} } \r");
	const struct trust_thumbprint zero = {0};

	(void)state;
	assert_null(line.put);
	assert_int_equal(line.kind, TRUST_KIND_ROLE);
	assert_string_equal(line.id, "x");
	assert_true(trust_thumbprint_equal(&line.digest, &zero));
}

/* Its canonical line, as a registry stores it. */
static void
assert_stored(const struct trust_content_line *line, const char *want)
{
	struct trust_buf stored = {0};

	assert_int_equal(trust_record_encode(line->put, &stored), TRUST_OK);
	assert_string_equal((const char *)stored.p, want);
	trust_buf_free(&stored);
}

/* The order of keys, blanks and escapes do not matter; what was sent in upper
 * case counts in upper case, and is stored in lower case. */
static void
counts_what_was_sent(void **state)
{
	struct trust_content_line line;

	(void)state;
	line = parse("{ \"put\": {\"kind\":\"device\", \"roles\":[\"sensor\"],"
		     "\"id\":\"temp-\\u0030\\u0031\",\"auth\":"
		     "{\"type\":\"thumbprint\",\"primary\":\"" HEX "\"}}}");
	assert_hex(&line.digest, DEVICE_SHA256);
	assert_stored(&line, DEVICE);
	trust_record_free(line.put);
	line = parse("{\"put\":{\"id\":\"sensor\",\"kind\":\"role\",\"rules\":"
		     "[{\"max_qos\":1,\"effect\":\"allow\",\"retain\":false,"
		     "\"actions\":[\"publish\"],"
		     "\"topics\":[\"plant\\/{device}/#\"]}],"
		     "\"comment\":\"\\u00e9 \\u000a \\\"q\\\" \\/ \\u20AC\"}}");
	assert_hex(&line.digest, ROLE_SHA256);
	trust_record_free(line.put);
	line = parse("{\"put\":{\"id\":\"temp-01\",\"kind\":\"device\","
		     "\"roles\":[\"sensor\"],\"auth\":{\"type\":\"thumbprint\","
		     "\"primary\":\"" HEX_UPPER "\"}}}");
	assert_hex(&line.digest,
	    "26a47d0b11be393a2a31a9051efc8d8a1d5c657c64edbbd79c2317121cc23bd6");
	assert_stored(&line, DEVICE);
	trust_record_free(line.put);
}

static void
refuses_lines(void **state)
{
	static const char *const lines[] = {
	    "",
	    " ",
	    "null",
	    "[]",
	    "{}",
	    "{",
	    DEVICE,
	    "{\"put\":" DEVICE "}}",
	    "{\"put\":" DEVICE "}{\"put\":" DEVICE "}",
	    "{\"put\":" DEVICE ",\"put\":" DEVICE "}",
	    "{\"put\":" DEVICE ",\"remove\":{\"kind\":\"role\",\"id\":\"x\"}}",
	    "{\"put\":" DEVICE ",\"more\":1}",
	    "{\"Put\":" DEVICE "}",
	    "{\"put\":null}",
	    "{\"put\":[]}",
	    "{\"put\":[" DEVICE "]}",
	    "{\"put\":{}}",
	    "{\"put\":{\"kind\":\"device\",\"id\":\"x\"}}",
	    "{\"put\":{\"kind\":\"gadget\",\"id\":\"x\"}}",
	    "{\"put\":{\"kind\":\"role\",\"id\":\"a/b\",\"rules\":[]}}",
	    "{\"put\":{\"kind\":\"role\",\"id\":\"x\",\"rules\":[],\"y\":1}}",
	    "{\"put\":{\"kind\":\"role\",\"id\":\"x\",\"id\":\"x\","
	    "\"rules\":[]}}",
	    "{\"put\":{\"kind\":\"role\",\"id\":\"x\",\"rules\":[],"
	    "\"scopes\":[]}}",
	    "{\"put\":{\"kind\":\"role\",\"id\":\"x\",\"rules\":[],"
	    "\"scopes\":[\"gw1\"]}}",
	    "{\"put\":{\"kind\":\"role\",\"id\":\"x\",\"rules\":[],"
	    "\"comment\":\"\\u0007\"}}",
	    "{\"put\":{\"kind\":\"role\",\"id\":\"x\",\"rules\":[],"
	    "\"comment\":\"\\u0000\"}}",
	    "{\"put\":{\"kind\":\"role\",\"id\":\"x\",\"rules\":[],"
	    "\"comment\":\"\xff\"}}",
	    "{\"remove\":null}",
	    "{\"remove\":\"x\"}",
	    "{\"remove\":{}}",
	    "{\"remove\":{\"id\":\"x\"}}",
	    "{\"remove\":{\"kind\":\"device\"}}",
	    "{\"remove\":{\"kind\":\"gadget\",\"id\":\"x\"}}",
	    "{\"remove\":{\"kind\":1,\"id\":\"x\"}}",
	    "{\"remove\":{\"kind\":\"device\",\"id\":\"\"}}",
	    "{\"remove\":{\"kind\":\"device\",\"id\":\"a#\"}}",
	    "{\"remove\":{\"kind\":\"device\",\"id\":7}}",
	    "{\"remove\":{\"kind\":\"device\",\"id\":\"x\",\"more\":1}}",
	    "{\"remove\":[{\"kind\":\"device\",\"id\":\"x\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct trust_content_line line;
		struct trust_message msg = {0};

		if (trust_content_parse(trust_span_of(lines[i]), &line, &msg) !=
		    TRUST_ERR_INPUT)
			fail_msg("taken: %s", lines[i]);
		assert_null(line.put);
		assert_int_equal(line.id[0], '\0');
		assert_true(msg.text[0] != '\0');
	}
}

/* ---- Records as deep and as large as they may be ---- */

/* A device with an attribute of nested lists. */
static struct trust_record *
deep_record(int levels)
{
	struct trust_buf text = {0};
	struct trust_record *record;
	struct trust_message msg;

	assert_int_equal(
	    trust_buf_printf(&text,
		"{\"kind\":\"device\",\"id\":\"x\",\"auth\":{\"type\":\"ca\","
		"\"group\":\"g\"},\"attributes\":{\"a\":%.*s%.*s}}",
		levels, "[[[[[[[[[[", levels, "]]]]]]]]]]"),
	    TRUST_OK);
	if (trust_record_parse(trust_buf_get0(&text), &record, &msg) !=
	    TRUST_OK)
		record = NULL;
	trust_buf_free(&text);
	return record;
}

/* Whether a record comes out of the line that it goes into. */
static void
assert_travels(const struct trust_record *record)
{
	struct trust_buf canonical = {0}, text = {0}, again = {0};
	struct trust_content_line line;
	struct trust_message msg = {0};

	assert_int_equal(
	    trust_content_encode_record(record, &canonical), TRUST_OK);
	assert_int_equal(
	    trust_content_encode_put(trust_buf_get0(&canonical), &text),
	    TRUST_OK);
	assert_true(text.len <= TRUST_PART_MAX);
	text.len--; /* the newline */
	if (trust_content_parse(trust_buf_get0(&text), &line, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	assert_int_equal(
	    trust_content_encode_record(line.put, &again), TRUST_OK);
	assert_string_equal((char *)again.p, (char *)canonical.p);
	trust_record_free(line.put);
	trust_buf_free(&again);
	trust_buf_free(&text);
	trust_buf_free(&canonical);
}

/* Whatever an origin takes, it can send. */
static void
sends_what_is_deep(void **state)
{
	const int levels = TRUST_JSON_DEPTH_MAX - 2;
	struct trust_record *record = deep_record(levels);

	(void)state;
	assert_non_null(record);
	assert_travels(record);
	trust_record_free(record);
	assert_null(deep_record(levels + 1));
}

/* A record whose line has `len` octets: topics fill it. */
static struct trust_buf
long_record(size_t len)
{
	static const char head[] =
	    "{\"id\":\"x\",\"kind\":\"role\",\"rules\":[{\"actions\":["
	    "\"publish\"],\"effect\":\"allow\",\"topics\":[";
	struct trust_buf text = {0};
	char topic[1001];
	size_t n = 0;

	assert_int_equal(trust_buf_printf(&text, "%s", head), TRUST_OK);
	while (text.len < len - 4) {
		size_t rest = len - 4 - text.len; /* what ends the record */
		size_t n_topic = rest > 2000 ? 1000 : rest - 3;

		n_topic = n_topic > 1000 ? 1000 : n_topic;
		memset(topic, 'x', n_topic);
		snprintf(topic, 10, "%09zu", n++);
		topic[9] = 'x';
		assert_int_equal(trust_buf_printf(&text, "%s\"%.*s\"",
				     n > 1 ? "," : "", (int)n_topic, topic),
		    TRUST_OK);
	}
	assert_int_equal(trust_buf_printf(&text, "]}]}"), TRUST_OK);
	return text;
}

static void
sends_what_is_long(void **state)
{
	struct trust_buf text = long_record(TRUST_RECORD_MAX);
	struct trust_record *record;
	struct trust_message msg = {0};

	(void)state;
	assert_int_equal(text.len, TRUST_RECORD_MAX);
	if (trust_record_parse(trust_buf_get0(&text), &record, &msg) !=
	    TRUST_OK)
		fail_msg("%s", msg.text);
	assert_travels(record);
	trust_record_free(record);
	trust_buf_free(&text);
}

/* One octet more is no record here, as it is none anywhere else. */
static void
refuses_what_is_too_long(void **state)
{
	struct trust_buf text = long_record(TRUST_RECORD_MAX + 1);
	struct trust_buf put = {0};
	struct trust_content_line line;

	(void)state;
	assert_int_equal(text.len, TRUST_RECORD_MAX + 1);
	assert_int_equal(trust_content_encode_put(trust_buf_get0(&text), &put),
	    TRUST_ERR_INPUT);
	assert_int_equal(put.len, 0);
	assert_int_equal(
	    trust_buf_printf(&put, "{\"put\":%s}", (char *)text.p), TRUST_OK);
	assert_true(put.len <= TRUST_PART_MAX);
	assert_int_equal(trust_content_parse(trust_buf_get0(&put), &line, NULL),
	    TRUST_ERR_INPUT);
	trust_buf_free(&put);
	trust_buf_free(&text);
}

/* ---- Written ---- */

static void
writes_without_scopes(void **state)
{
	struct trust_record *record;
	struct trust_buf text = {0};
	struct trust_message msg;

	(void)state;
	assert_int_equal(
	    trust_record_parse(
		trust_span_of("{\"kind\":\"role\",\"id\":\"x\",\"rules\":"
			      "[],\"scopes\":[\"gw1\"]}"),
		&record, &msg),
	    TRUST_OK);
	assert_int_equal(trust_content_encode_record(record, &text), TRUST_OK);
	assert_string_equal(
	    (char *)text.p, "{\"id\":\"x\",\"kind\":\"role\",\"rules\":[]}");
	trust_buf_free(&text);
	/* The record itself keeps them. */
	assert_int_equal(trust_record_encode(record, &text), TRUST_OK);
	assert_non_null(strstr((char *)text.p, "scopes"));
	trust_buf_free(&text);
	trust_record_free(record);
}

static void
writes_lines(void **state)
{
	struct trust_buf text = {0};
	struct trust_content_line line;

	(void)state;
	assert_int_equal(
	    trust_content_encode_put(trust_span_of(DEVICE), &text), TRUST_OK);
	assert_int_equal(
	    trust_content_encode_remove(TRUST_KIND_DEVICE, "temp-01", &text),
	    TRUST_OK);
	assert_string_equal((char *)text.p,
	    "{\"put\":" DEVICE "}\n"
	    "{\"remove\":{\"id\":\"temp-01\",\"kind\":\"device\"}}\n");
	trust_buf_free(&text);
	for (int kind = TRUST_KIND_FIRST; kind <= TRUST_KIND_LAST; kind++) {
		assert_int_equal(trust_content_encode_remove(
				     (enum trust_kind)kind, "x", &text),
		    TRUST_OK);
		line = parse((char *)text.p);
		assert_int_equal(line.kind, kind);
		trust_buf_free(&text);
	}
}

/* ---- Parts ---- */

/* Lines that a walk came by, and after how many it shall stop. */
struct seen {
	struct trust_buf lines;
	size_t n;
	size_t stop;
};

static enum trust_err
see(void *arg, struct trust_span line)
{
	struct seen *seen = arg;

	if (++seen->n == seen->stop)
		return TRUST_ERR_CONFLICT;
	return trust_buf_printf(
	    &seen->lines, "<%.*s>", (int)line.len, (const char *)line.p);
}

static enum trust_err
walk(struct trust_span part, struct seen *seen)
{
	struct trust_message msg = {0};

	return trust_content_walk(part, see, seen, &msg);
}

static void
walks_every_line(void **state)
{
	struct seen seen = {0};

	(void)state;
	assert_int_equal(walk(trust_span_of("a\nbc\n\nd\n"), &seen), TRUST_OK);
	assert_string_equal((char *)seen.lines.p, "<a><bc><><d>");
	assert_int_equal(seen.n, 4);
	trust_buf_free(&seen.lines);
	seen = (struct seen){.stop = 2};
	assert_int_equal(
	    walk(trust_span_of("a\nb\nc\n"), &seen), TRUST_ERR_CONFLICT);
	assert_int_equal(seen.n, 2);
	trust_buf_free(&seen.lines);
}

static void
refuses_parts(void **state)
{
	uint8_t *large = malloc(TRUST_PART_MAX + 1);
	struct seen seen = {0};

	(void)state;
	assert_non_null(large);
	assert_int_equal(walk(trust_span_of(""), &seen), TRUST_ERR_INPUT);
	assert_int_equal(walk((struct trust_span){0}, &seen), TRUST_ERR_INPUT);
	assert_int_equal(walk(trust_span_of("a"), &seen), TRUST_ERR_INPUT);
	assert_int_equal(walk(trust_span_of("a\nb"), &seen), TRUST_ERR_INPUT);
	memset(large, '\n', TRUST_PART_MAX + 1);
	assert_int_equal(
	    walk((struct trust_span){large, TRUST_PART_MAX + 1}, &seen),
	    TRUST_ERR_INPUT);
	assert_int_equal(seen.n, 0);
	assert_int_equal(
	    walk((struct trust_span){large, TRUST_PART_MAX}, &seen), TRUST_OK);
	assert_int_equal(seen.n, TRUST_PART_MAX);
	trust_buf_free(&seen.lines);
	free(large);
}

/* ---- The state digest ---- */

static struct trust_thumbprint
digest_of(const char *text)
{
	struct trust_thumbprint digest;

	assert_int_equal(
	    trust_thumbprint_of(trust_span_of(text), &digest), TRUST_OK);
	return digest;
}

static void
adds_as_the_document_says(void **state)
{
	const struct trust_thumbprint device = digest_of(DEVICE);
	const struct trust_thumbprint role = digest_of(ROLE);
	struct trust_thumbprint sum = {0};

	(void)state;
	assert_hex(&device, DEVICE_SHA256);
	assert_hex(&role, ROLE_SHA256);
	trust_content_state_add(&sum, &role);
	trust_content_state_add(&sum, &device);
	assert_hex(&sum, STATE);
	trust_content_state_subtract(&sum, &role);
	assert_hex(&sum, DEVICE_SHA256);
}

/* Modulo 2^256: carries and borrows run through and over the end. */
static void
adds_modulo(void **state)
{
	struct trust_thumbprint one = {0};
	struct trust_thumbprint sum = {0};

	(void)state;
	one.b[31] = 1;
	trust_content_state_subtract(&sum, &one);
	assert_hex(&sum,
	    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
	trust_content_state_add(&sum, &sum);
	assert_hex(&sum,
	    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe");
	trust_content_state_add(&sum, &one);
	trust_content_state_add(&sum, &one);
	assert_hex(&sum,
	    "0000000000000000000000000000000000000000000000000000000000000000");
	sum.b[0] = 1;
	trust_content_state_subtract(&sum, &one);
	assert_hex(&sum,
	    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
	trust_content_state_subtract(&sum, &sum);
	assert_hex(&sum,
	    "0000000000000000000000000000000000000000000000000000000000000000");
}

static void
comes_back_in_any_order(void **state)
{
	struct trust_thumbprint sum = {0};
	const struct trust_thumbprint zero = {0};
	char text[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct trust_thumbprint digest;

		snprintf(text, sizeof(text), "%d", i);
		digest = digest_of(text);
		trust_content_state_add(&sum, &digest);
	}
	assert_false(trust_thumbprint_equal(&sum, &zero));
	for (int i = 0; i < 1000; i++) {
		struct trust_thumbprint digest;

		snprintf(text, sizeof(text), "%d", i * 7 % 1000);
		digest = digest_of(text);
		trust_content_state_subtract(&sum, &digest);
	}
	assert_true(trust_thumbprint_equal(&sum, &zero));
}

/* The document shows the octets that are tested here, and names them as
 * parts. */
static void
is_what_the_document_shows(void **state)
{
	static const char *const shown[] = {
	    DEVICE, DEVICE_SHA256, ROLE, ROLE_SHA256, STATE};
	static const char *const lines[] = {DEVICE, ROLE};
	struct trust_buf text = document_read();

	(void)state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		assert_non_null(strstr((char *)text.p, shown[i]));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct trust_buf part = {0}, named = {0};
		struct trust_thumbprint sha256;
		char hex[TRUST_THUMBPRINT_TEXT];

		assert_int_equal(
		    trust_content_encode_put(trust_span_of(lines[i]), &part),
		    TRUST_OK);
		assert_int_equal(
		    trust_thumbprint_of(trust_buf_get0(&part), &sha256),
		    TRUST_OK);
		assert_int_equal(
		    trust_buf_printf(&named,
			"{\"sha256\":\"%s\",\"bytes\":%zu}",
			trust_thumbprint_format(&sha256, hex), part.len),
		    TRUST_OK);
		assert_non_null(strstr((char *)text.p, (char *)named.p));
		trust_buf_free(&named);
		trust_buf_free(&part);
	}
	trust_buf_free(&text);
}

/* Every record that the document shows is one. */
static void
takes_the_documents_records(void **state)
{
	struct trust_buf text = document_read();
	char *line = (char *)text.p;
	size_t n = 0;

	(void)state;
	while ((line = strstr(line, "\n{\"kind\":")) != NULL) {
		size_t len = strcspn(++line, "\n");
		struct trust_buf put = {0};
		struct trust_content_line out;

		assert_int_equal(
		    trust_buf_printf(&put, "{\"put\":%.*s}", (int)len, line),
		    TRUST_OK);
		out = parse((char *)put.p);
		trust_record_free(out.put);
		trust_buf_free(&put);
		n++;
	}
	assert_in_range(n, 7, 100);
	trust_buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_puts),
	    cmocka_unit_test(reads_removals),
	    cmocka_unit_test(counts_what_was_sent),
	    cmocka_unit_test(refuses_lines),
	    cmocka_unit_test(sends_what_is_deep),
	    cmocka_unit_test(sends_what_is_long),
	    cmocka_unit_test(refuses_what_is_too_long),
	    cmocka_unit_test(writes_without_scopes),
	    cmocka_unit_test(writes_lines),
	    cmocka_unit_test(walks_every_line),
	    cmocka_unit_test(refuses_parts),
	    cmocka_unit_test(adds_as_the_document_says),
	    cmocka_unit_test(adds_modulo),
	    cmocka_unit_test(comes_back_in_any_order),
	    cmocka_unit_test(is_what_the_document_shows),
	    cmocka_unit_test(takes_the_documents_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
