/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notification.c: what is a notification, and which may follow which.
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
#include "notification.h"

#define SESSION "0b0e5d8c-6a39-4d3e-9c1f-2f6f4f1d7a10"
#define OTHER   "11111111-2222-4333-8444-555555555555"
#define HEX_A   "00000000000000000000000000000000000000000000000000000000000000aa"
#define HEX_B   "00000000000000000000000000000000000000000000000000000000000000bb"
#define HEX_C   "00000000000000000000000000000000000000000000000000000000000000cc"
#define NOON    INT64_C(1795176000) /* 2026-11-20T12:00:00Z */
#define DAY     INT64_C(86400)

/* A good one in pieces, so that a case can put another in one's place. */
static const char *const good[][2] = {
    {"type", "\"trust-notification\""},
    {"version", "1"},
    {"scope", "\"gw1\""},
    {"session", "\"" SESSION "\""},
    {"serial", "42"},
    {"this_update", "\"2026-11-20T12:00:00Z\""},
    {"next_update", "\"2026-11-21T12:00:00Z\""},
    {"records", "1000000"},
    {"state", "\"" HEX_C "\""},
    {"format", "1"},
    {"mass_removal", "false"},
    {"snapshot",
	"{\"serial\":40,\"parts\":[{\"sha256\":\"" HEX_A
	"\",\"bytes\":262144},{\"sha256\":\"" HEX_B "\",\"bytes\":1}]}"},
    {"deltas", "[{\"serial\":41,\"parts\":[{\"sha256\":\"" HEX_B
	       "\",\"bytes\":7}]},{\"serial\":42,\"parts\":[]}]"},
};
#define N_GOOD (sizeof(good) / sizeof(good[0]))

/* The good one with a field changed, left out (NULL) or added. */
static struct trust_buf
make(const char *name, const char *value)
{
	struct trust_buf text = {0};
	bool known = false;

	for (size_t i = 0; i < N_GOOD; i++) {
		const char *v = good[i][1];

		if (name != NULL && strcmp(good[i][0], name) == 0) {
			known = true;
			v = value;
		}
		if (v != NULL)
			assert_int_equal(
			    trust_buf_printf(&text, "%s\"%s\":%s",
				text.len > 0 ? ",\n" : "{", good[i][0], v),
			    TRUST_OK);
	}
	if (name != NULL && !known)
		assert_int_equal(
		    trust_buf_printf(&text, ",\"%s\":%s", name, value),
		    TRUST_OK);
	assert_int_equal(trust_buf_printf(&text, "}\n"), TRUST_OK);
	return text;
}

static enum trust_sync_reason
parse(struct trust_span text, struct trust_notification **out,
    struct trust_message *msg)
{
	enum trust_sync_reason reason;

	*msg = (struct trust_message){0};
	assert_int_equal(
	    trust_notification_parse(text, out, &reason, msg), TRUST_OK);
	assert_int_equal(*out != NULL, reason == TRUST_SYNC_ACCEPTED);
	assert_int_equal(msg->text[0] != '\0', reason != TRUST_SYNC_ACCEPTED);
	return reason;
}

static struct trust_notification *
parse_good(const char *name, const char *value)
{
	struct trust_buf text = make(name, value);
	struct trust_notification *n;
	struct trust_message msg;

	if (parse(trust_buf_get0(&text), &n, &msg) != TRUST_SYNC_ACCEPTED)
		fail_msg("%s: %s", (char *)text.p, msg.text);
	trust_buf_free(&text);
	return n;
}

/* ---- Read ---- */

static void
reads_every_field(void **state)
{
	struct trust_notification *n = parse_good(NULL, NULL);

	(void)state;
	assert_string_equal(n->scope, "gw1");
	assert_string_equal(n->session, SESSION);
	assert_int_equal(n->serial, 42);
	assert_int_equal(n->this_update, NOON);
	assert_int_equal(n->next_update, NOON + DAY);
	assert_int_equal(n->n_records, 1000000);
	assert_int_equal(n->state.b[31], 0xcc);
	assert_int_equal(n->format, 1);
	assert_false(n->mass_removal);
	assert_int_equal(n->snapshot.serial, 40);
	assert_int_equal(n->snapshot.n, 2);
	assert_int_equal(n->snapshot.v[0].len, 262144);
	assert_int_equal(n->snapshot.v[1].sha256.b[31], 0xbb);
	assert_int_equal(n->n_deltas, 2);
	assert_int_equal(n->deltas[0].serial, 41);
	assert_int_equal(n->deltas[0].n, 1);
	assert_int_equal(n->deltas[0].v[0].len, 7);
	assert_int_equal(n->deltas[1].n, 0);
	trust_notification_free(n);
}

static void
accepts(void **state)
{
	static const char *const cases[][2] = {
	    {"format", NULL},
	    {"mass_removal", NULL},
	    {"mass_removal", "true"},
	    {"session", "\"0B0E5D8C-6A39-4D3E-9C1F-2F6F4F1D7A10\""},
	    {"this_update", "\"2026-11-20T13:00:00+01:00\""},
	    {"this_update", "\"2026-11-20T12:00:00.25Z\""},
	    {"records", "0"},
	    {"records", "10000000"},
	    {"snapshot", "{\"serial\":42,\"parts\":[]}"},
	    {"snapshot", "{\"serial\":41,\"parts\":[]}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_notification *n =
		    parse_good(cases[i][0], cases[i][1]);

		assert_string_equal(n->session, SESSION);
		assert_int_equal(n->this_update, NOON);
		assert_int_equal(n->format, 1);
		trust_notification_free(n);
	}
}

/* The ends of what serials can be. */
static void
accepts_serials(void **state)
{
	static const char *const texts[] = {
	    "{\"serial\":1,\"snapshot\":{\"serial\":1,\"parts\":[]},"
	    "\"deltas\":[]",
	    "{\"serial\":1,\"snapshot\":{\"serial\":1,\"parts\":[]},"
	    "\"deltas\":[{\"serial\":1,\"parts\":[]}]",
	    "{\"serial\":9007199254740991,"
	    "\"snapshot\":{\"serial\":9007199254740990,\"parts\":[]},"
	    "\"deltas\":[{\"serial\":9007199254740991,\"parts\":[]}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct trust_buf text = {0};
		struct trust_notification *n;
		struct trust_message msg;

		assert_int_equal(trust_buf_printf(&text,
				     "%s,\"type\":\"trust-notification\","
				     "\"version\":1,\"scope\":\"gw1\","
				     "\"session\":\"" SESSION "\","
				     "\"this_update\":\"2026-11-20T12:00:00Z\","
				     "\"next_update\":\"2026-11-20T12:00:00Z\","
				     "\"records\":0,\"state\":\"" HEX_A "\"}",
				     texts[i]),
		    TRUST_OK);
		if (parse(trust_buf_get0(&text), &n, &msg) !=
		    TRUST_SYNC_ACCEPTED)
			fail_msg("%s", msg.text);
		trust_notification_free(n);
		trust_buf_free(&text);
	}
}

static void
accepts_the_documents_example(void **state)
{
	struct trust_buf text = document_example("trust-notification");
	struct trust_notification *n;
	struct trust_message msg;

	(void)state;
	if (parse(trust_buf_get0(&text), &n, &msg) != TRUST_SYNC_ACCEPTED)
		fail_msg("%s", msg.text);
	trust_notification_free(n);
	trust_buf_free(&text);
}

/* ---- Refused ---- */

static void
assert_malformed(struct trust_span text, const char *what)
{
	struct trust_notification *n;
	struct trust_message msg;
	enum trust_sync_reason reason = parse(text, &n, &msg);

	if (reason != TRUST_SYNC_MALFORMED)
		fail_msg("%s: %s", what, trust_sync_reason_name(reason));
	trust_notification_free(n);
}

static void
refuses_fields(void **state)
{
	static const char *const cases[][2] = {
	    {"type", "\"trust-request\""},
	    {"type", "1"},
	    {"version", "2"},
	    {"version", "0"},
	    {"version", "\"1\""},
	    {"version", "1.0"},
	    {"scope", "\"\""},
	    {"scope", "\"a/b\""},
	    {"scope", "\"a#\""},
	    {"scope", "null"},
	    {"scope", "[\"gw1\"]"},
	    {"session", "\"\""},
	    {"session", "null"},
	    {"session", "\"0b0e5d8c6a394d3e9c1f2f6f4f1d7a10\""},
	    {"session", "\"0b0e5d8c-6a39-1d3e-9c1f-2f6f4f1d7a10\""},
	    {"session", "\"0b0e5d8c-6a39-4d3e-cc1f-2f6f4f1d7a10\""},
	    {"session", "\"0b0e5d8c-6a39-4d3e-9c1f-2f6f4f1d7a1\""},
	    {"session", "\"0b0e5d8c-6a39-4d3e-9c1f-2f6f4f1d7a100\""},
	    {"session", "\"0b0e5d8c-6a39-4d3e-9c1f-2f6f4f1d7a1g\""},
	    {"session", "\"{0b0e5d8c-6a39-4d3e-9c1f-2f6f4f1d7a10}\""},
	    {"serial", "0"},
	    {"serial", "-1"},
	    {"serial", "\"42\""},
	    {"serial", "42.0"},
	    {"serial", "4.2e1"},
	    {"serial", "true"},
	    {"serial", "9007199254740992"},
	    {"serial", "99999999999999999999"},
	    {"this_update", "1795176000"},
	    {"this_update", "\"1795176000\""},
	    {"this_update", "\"2026-11-20\""},
	    {"this_update", "\"2026-11-20T12:00:00\""},
	    {"this_update", "\"2026-13-20T12:00:00Z\""},
	    {"this_update", "\"2026-11-20T12:00:00Z \""},
	    {"this_update", "\"1969-12-31T23:59:59Z\""},
	    {"this_update", "\"1970-01-01T00:59:59+01:00\""},
	    {"next_update", "\"9999-12-31T23:59:59-00:01\""},
	    {"next_update", "\"\""},
	    {"next_update", "null"},
	    {"next_update", "\"never\""},
	    {"records", "-1"},
	    {"records", "10000001"},
	    {"records", "\"1\""},
	    {"records", "null"},
	    {"state", "\"\""},
	    {"state", "\"aa\""},
	    {"state", "\"" HEX_A "0\""},
	    {"state", "\"00000000000000000000000000000000"
		      "000000000000000000000000000000AA\""},
	    {"state", "\"00:0000000000000000000000000000000"
		      "00000000000000000000000000000aa\""},
	    {"format", "0"},
	    {"format", "-1"},
	    {"format", "\"1\""},
	    {"format", "null"},
	    {"mass_removal", "1"},
	    {"mass_removal", "\"true\""},
	    {"mass_removal", "null"},
	    {"extra", "1"},
	    {"Serial", "42"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_buf text = make(cases[i][0], cases[i][1]);

		assert_malformed(trust_buf_get0(&text), (char *)text.p);
		trust_buf_free(&text);
	}
}

static void
refuses_missing_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		struct trust_buf text = make(good[i][0], NULL);

		if (strcmp(good[i][0], "format") != 0 &&
		    strcmp(good[i][0], "mass_removal") != 0)
			assert_malformed(trust_buf_get0(&text), good[i][0]);
		trust_buf_free(&text);
	}
}

static void
refuses_duplicate_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_GOOD; i++) {
		struct trust_buf text = make(NULL, NULL);

		text.len -= 2; /* the brace and the newline */
		assert_int_equal(trust_buf_printf(&text, ",\"%s\":%s}",
				     good[i][0], good[i][1]),
		    TRUST_OK);
		assert_malformed(trust_buf_get0(&text), good[i][0]);
		trust_buf_free(&text);
	}
}

#define PART(sha256, bytes) "{\"sha256\":" sha256 ",\"bytes\":" bytes "}"
#define SNAPSHOT(parts)     "{\"serial\":40,\"parts\":" parts "}"
#define QUOTED_A            "\"" HEX_A "\""

static void
refuses_snapshots_and_parts(void **state)
{
	static const char *const snapshots[] = {
	    "null",
	    "[]",
	    "{}",
	    "{\"serial\":40}",
	    "{\"parts\":[]}",
	    "{\"serial\":39,\"parts\":[]}",
	    "{\"serial\":43,\"parts\":[]}",
	    "{\"serial\":0,\"parts\":[]}",
	    "{\"serial\":\"40\",\"parts\":[]}",
	    "{\"serial\":40,\"parts\":[],\"more\":1}",
	    SNAPSHOT("{}"),
	    SNAPSHOT("null"),
	    SNAPSHOT("[null]"),
	    SNAPSHOT("[" QUOTED_A "]"),
	    SNAPSHOT("[" PART(QUOTED_A, "0") "]"),
	    SNAPSHOT("[" PART(QUOTED_A, "-1") "]"),
	    SNAPSHOT("[" PART(QUOTED_A, "262145") "]"),
	    SNAPSHOT("[" PART(QUOTED_A, "4294967297") "]"),
	    SNAPSHOT("[" PART(QUOTED_A, "\"1\"") "]"),
	    SNAPSHOT("[" PART("\"aa\"", "1") "]"),
	    SNAPSHOT("[" PART("1", "1") "]"),
	    SNAPSHOT("[{\"sha256\":" QUOTED_A "}]"),
	    SNAPSHOT("[{\"bytes\":1}]"),
	    SNAPSHOT("[{\"bytes\":1,\"sha256\":" QUOTED_A ",\"x\":1}]"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(snapshots) / sizeof(snapshots[0]); i++) {
		struct trust_buf text = make("snapshot", snapshots[i]);

		assert_malformed(trust_buf_get0(&text), snapshots[i]);
		trust_buf_free(&text);
	}
}

/* Serial 42, snapshot at 40. */
static void
refuses_deltas_that_do_not_fit(void **state)
{
	static const char *const deltas[] = {
	    "null",
	    "{}",
	    "[]",
	    "[{}]",
	    "[42]",
	    "[{\"serial\":42,\"parts\":[]}]",
	    "[{\"serial\":41,\"parts\":[]}]",
	    "[{\"serial\":40,\"parts\":[]},{\"serial\":42,\"parts\":[]}]",
	    "[{\"serial\":42,\"parts\":[]},{\"serial\":41,\"parts\":[]}]",
	    "[{\"serial\":41,\"parts\":[]},{\"serial\":41,\"parts\":[]}]",
	    "[{\"serial\":42,\"parts\":[]},{\"serial\":42,\"parts\":[]}]",
	    "[{\"serial\":41,\"parts\":[]},{\"serial\":43,\"parts\":[]}]",
	    "[{\"serial\":41,\"parts\":[]},{\"serial\":42,\"parts\":[]},"
	    "{\"serial\":43,\"parts\":[]}]",
	    "[{\"serial\":41,\"parts\":[]},{\"serial\":42,\"parts\":null}]",
	    "[{\"serial\":41,\"parts\":[{\"bytes\":1,\"sha256\":\"" HEX_A
	    "\"},{}]},{\"serial\":42,\"parts\":[]}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(deltas) / sizeof(deltas[0]); i++) {
		struct trust_buf text = make("deltas", deltas[i]);

		assert_malformed(trust_buf_get0(&text), deltas[i]);
		trust_buf_free(&text);
	}
}

static void
refuses_other_texts(void **state)
{
	static const char *const texts[] = {"", " ", "null", "[]", "{}", "{",
	    "\"trust-notification\"", "{}{}", "\xef\xbb\xbf{}",
	    "{\"a\":\"\xff\"}", "{\"type\":\"trust-notification\"}"};
	struct trust_buf text = make(NULL, NULL);
	struct trust_span span = trust_buf_get0(&text);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_malformed(trust_span_of(texts[i]), texts[i]);
	/* Cut anywhere, down to the newline at its end. */
	for (span.len = 0; span.len < text.len - 1; span.len++)
		assert_malformed(span, "cut");
	span.len = text.len + 1;
	assert_malformed(span, "a NUL behind it");
	trust_buf_free(&text);
}

static void
refuses_formats(void **state)
{
	static const char *const formats[] = {"2", "9007199254740991"};

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct trust_buf text = make("format", formats[i]);
		struct trust_notification *n;
		struct trust_message msg;

		assert_int_equal(parse(trust_buf_get0(&text), &n, &msg),
		    TRUST_SYNC_FORMAT_UNSUPPORTED);
		trust_buf_free(&text);
	}
}

/* ---- Endless data ---- */

/* `n` deltas of `n_parts` parts each, up to serial n. */
static struct trust_notification *
large(size_t n, size_t n_parts)
{
	struct trust_notification *out = parse_good(NULL, NULL);

	free(out->deltas[0].v);
	free(out->deltas[1].v);
	free(out->deltas);
	out->deltas = calloc(n, sizeof(*out->deltas));
	assert_non_null(out->deltas);
	out->n_deltas = n;
	out->serial = (int64_t)n;
	out->snapshot.serial = (int64_t)n;
	out->snapshot.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct trust_parts *delta = &out->deltas[i];

		delta->serial = (int64_t)i + 1;
		delta->v = calloc(n_parts + 1, sizeof(*delta->v));
		assert_non_null(delta->v);
		for (delta->n = 0; delta->n < n_parts; delta->n++)
			delta->v[delta->n].len = 1;
	}
	return out;
}

static enum trust_err
encode_large(size_t n, size_t n_parts)
{
	struct trust_notification *notification = large(n, n_parts);
	struct trust_buf text = {0};
	enum trust_err r = trust_notification_encode(notification, &text);

	trust_buf_free(&text);
	trust_notification_free(notification);
	return r;
}

static void
refuses_endless_lists(void **state)
{
	(void)state;
	assert_int_equal(encode_large(2, TRUST_PARTS_MAX / 2), TRUST_OK);
	assert_int_equal(
	    encode_large(2, TRUST_PARTS_MAX / 2 + 1), TRUST_ERR_INPUT);
	assert_int_equal(encode_large(1, TRUST_PARTS_MAX + 1), TRUST_ERR_INPUT);
	assert_int_equal(encode_large(TRUST_DELTAS_MAX, 0), TRUST_OK);
	assert_int_equal(
	    encode_large(TRUST_DELTAS_MAX + 1, 0), TRUST_ERR_INPUT);
}

/* ---- Written ---- */

static void
writes_canonically(void **state)
{
	static const char want[] =
	    "{\"deltas\":[{\"parts\":[{\"bytes\":7,\"sha256\":\"" HEX_B
	    "\"}],\"serial\":41},{\"parts\":[],\"serial\":42}],\"format\":1,"
	    "\"mass_removal\":false,\"next_update\":\"2026-11-21T12:00:00Z\","
	    "\"records\":1000000,\"scope\":\"gw1\",\"serial\":42,"
	    "\"session\":\"" SESSION "\",\"snapshot\":{\"parts\":["
	    "{\"bytes\":262144,\"sha256\":\"" HEX_A "\"},"
	    "{\"bytes\":1,\"sha256\":\"" HEX_B "\"}],\"serial\":40},"
	    "\"state\":\"" HEX_C "\",\"this_update\":\"2026-11-20T12:00:00Z\","
	    "\"type\":\"trust-notification\",\"version\":1}";
	struct trust_notification *n = parse_good(NULL, NULL);
	struct trust_buf text = {0};

	(void)state;
	assert_int_equal(trust_notification_encode(n, &text), TRUST_OK);
	assert_string_equal((char *)text.p, want);
	trust_buf_free(&text);
	trust_notification_free(n);
}

static void
writes_nothing_malformed(void **state)
{
	struct trust_notification *n = parse_good(NULL, NULL);
	struct trust_buf text = {0};

	(void)state;
	n->deltas[1].serial = 43;
	assert_int_equal(trust_notification_encode(n, &text), TRUST_ERR_INPUT);
	n->deltas[1].serial = 42;
	n->snapshot.v[0].len = TRUST_PART_MAX + 1;
	assert_int_equal(trust_notification_encode(n, &text), TRUST_ERR_INPUT);
	n->snapshot.v[0].len = 1;
	n->next_update = INT64_MAX;
	assert_int_equal(trust_notification_encode(n, &text), TRUST_ERR_INPUT);
	n->next_update = n->this_update;
	n->scope[0] = '#';
	assert_int_equal(trust_notification_encode(n, &text), TRUST_ERR_INPUT);
	n->scope[0] = 'g';
	n->format = TRUST_FORMAT + 1;
	assert_int_equal(trust_notification_encode(n, &text), TRUST_ERR_INPUT);
	assert_int_equal(text.len, 0);
	trust_notification_free(n);
}

/* ---- In sequence ---- */

static struct trust_notification_mark
mark_of(const struct trust_notification *n)
{
	struct trust_notification_mark mark;

	assert_int_equal(trust_notification_mark(n, &mark), TRUST_OK);
	return mark;
}

/* Parts are told apart by all that names them, and by nothing else. */
static void
marks_differ_by_parts(void **state)
{
	static const char *const cases[][2] = {
	    {"snapshot", "{\"serial\":42,\"parts\":[]}"},
	    {"snapshot", "{\"serial\":40,\"parts\":[{\"sha256\":\"" HEX_B
			 "\",\"bytes\":1},{\"sha256\":\"" HEX_A
			 "\",\"bytes\":262144}]}"},
	    {"deltas", "[{\"serial\":41,\"parts\":[{\"sha256\":\"" HEX_B
		       "\",\"bytes\":8}]},{\"serial\":42,\"parts\":[]}]"},
	    {"deltas",
		"[{\"serial\":41,\"parts\":[]},{\"serial\":42,\"parts\":["
		"{\"sha256\":\"" HEX_B "\",\"bytes\":7}]}]"},
	    {"deltas",
		"[{\"serial\":40,\"parts\":[]},{\"serial\":41,\"parts\":["
		"{\"sha256\":\"" HEX_B "\",\"bytes\":7}]},"
		"{\"serial\":42,\"parts\":[]}]"},
	};
	struct trust_notification *n = parse_good(NULL, NULL);
	struct trust_notification_mark mark = mark_of(n);
	struct trust_notification *other =
	    parse_good("this_update", "\"2026-11-20T13:00:00Z\"");
	struct trust_notification_mark again = mark_of(other);

	(void)state;
	assert_true(trust_thumbprint_equal(&mark.parts, &again.parts));
	trust_notification_free(other);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		other = parse_good(cases[i][0], cases[i][1]);
		again = mark_of(other);
		assert_false(trust_thumbprint_equal(&mark.parts, &again.parts));
		trust_notification_free(other);
	}
	trust_notification_free(n);
}

/* What is accepted and held before a notification of serial 42, made at NOON
 * and good for a day, comes at a time. 0 leaves a field as in that one. */
static const struct sequence {
	const char *what;
	const char *scope;
	int64_t at;           /* after NOON */
	bool clock_low;       /* below the time floor */
	const char *session;  /* of the newest; NULL: none yet */
	int64_t serial;       /* of the newest */
	int64_t this_update;  /* of the newest, after NOON */
	int64_t held;         /* serial held; 0: nothing */
	uint8_t state, parts; /* octets by which the newest differs */
	int64_t n_records;    /* records that the newest has more */
	enum trust_sync_reason reason;
} sequences[] = {
    {.what = "the first"},
    {.what = "the first, at the end of its time", .at = DAY},
    {.what = "the first, late", .at = 30 * DAY},
    {.what = "the first, made ahead within the skew", .at = -300},
    {.what = "newer",
	.session = SESSION,
	.serial = 41,
	.this_update = -60,
	.held = 41},
    {.what = "newer, of one second",
	.session = SESSION,
	.serial = 41,
	.this_update = 0,
	.held = 41},
    {.what = "the same", .session = SESSION, .serial = 42, .held = 42},
    {.what = "the same, signed later",
	.session = SESSION,
	.serial = 42,
	.this_update = -60,
	.held = 42},
    {.what = "another session, later",
	.session = OTHER,
	.serial = 1000,
	.this_update = -1,
	.held = 1000},
    {.what = "newer and late",
	.session = SESSION,
	.serial = 41,
	.this_update = -60,
	.held = 41,
	.at = 30 * DAY},
    {.what = "accepted, late, its content still withheld",
	.session = SESSION,
	.serial = 42,
	.held = 41,
	.at = 30 * DAY},
    {.what = "another session, late",
	.session = OTHER,
	.serial = 1000,
	.this_update = -1,
	.held = 1000,
	.at = 30 * DAY},
    {.what = "from the future while the clock is wrong",
	.at = -30 * DAY,
	.clock_low = true},

    {.what = "another scope", .scope = "gw2", .reason = TRUST_SYNC_WRONG_SCOPE},
    {.what = "another case of the scope",
	.scope = "GW1",
	.reason = TRUST_SYNC_WRONG_SCOPE},
    {.what = "a scope before all else",
	.scope = "gw2",
	.at = -DAY,
	.session = SESSION,
	.serial = 50,
	.reason = TRUST_SYNC_WRONG_SCOPE},
    {.what = "from the future", .at = -301, .reason = TRUST_SYNC_FROM_FUTURE},
    {.what = "from the future before regressed",
	.at = -301,
	.session = SESSION,
	.serial = 50,
	.held = 50,
	.reason = TRUST_SYNC_FROM_FUTURE},
    {.what = "an older serial",
	.session = SESSION,
	.serial = 43,
	.this_update = -60,
	.held = 43,
	.reason = TRUST_SYNC_SERIAL_REGRESSED},
    {.what = "an older serial than one not held",
	.session = SESSION,
	.serial = 43,
	.this_update = -60,
	.held = 41,
	.reason = TRUST_SYNC_SERIAL_REGRESSED},
    {.what = "after a fast-forward",
	.session = SESSION,
	.serial = TRUST_SERIAL_MAX,
	.this_update = -60,
	.held = 41,
	.reason = TRUST_SYNC_SERIAL_REGRESSED},
    {.what = "an older serial of an older time",
	.session = SESSION,
	.serial = 43,
	.this_update = 60,
	.held = 43,
	.reason = TRUST_SYNC_SERIAL_REGRESSED},
    {.what = "a newer serial of an older time",
	.session = SESSION,
	.serial = 41,
	.this_update = 1,
	.held = 41,
	.reason = TRUST_SYNC_THIS_UPDATE_REGRESSED},
    {.what = "the same serial of an older time",
	.session = SESSION,
	.serial = 42,
	.this_update = 1,
	.held = 42,
	.state = 1,
	.reason = TRUST_SYNC_THIS_UPDATE_REGRESSED},
    {.what = "another state",
	.session = SESSION,
	.serial = 42,
	.held = 42,
	.state = 1,
	.reason = TRUST_SYNC_EQUIVOCATION},
    {.what = "other parts",
	.session = SESSION,
	.serial = 42,
	.held = 42,
	.this_update = -60,
	.parts = 1,
	.reason = TRUST_SYNC_EQUIVOCATION},
    {.what = "other records",
	.session = SESSION,
	.serial = 42,
	.held = 42,
	.n_records = 1,
	.reason = TRUST_SYNC_EQUIVOCATION},
    {.what = "other records of one not held, late",
	.session = SESSION,
	.serial = 42,
	.held = 41,
	.n_records = 1,
	.at = 30 * DAY,
	.reason = TRUST_SYNC_EQUIVOCATION},
    {.what = "another session of the same time",
	.session = OTHER,
	.serial = 1,
	.held = 1,
	.reason = TRUST_SYNC_SESSION_REPLACED_BY_OLDER},
    {.what = "another session of an older time",
	.session = OTHER,
	.serial = 1000,
	.this_update = 60,
	.held = 1000,
	.reason = TRUST_SYNC_SESSION_REPLACED_BY_OLDER},
    {.what = "another session, older and late",
	.session = OTHER,
	.serial = 1000,
	.this_update = 60,
	.held = 1000,
	.at = 30 * DAY,
	.reason = TRUST_SYNC_SESSION_REPLACED_BY_OLDER},
    {.what = "late and not newer",
	.session = SESSION,
	.serial = 42,
	.held = 42,
	.at = DAY + 1,
	.reason = TRUST_SYNC_EXPIRED},
    {.what = "late, signed later and not newer",
	.session = SESSION,
	.serial = 42,
	.held = 42,
	.this_update = -60,
	.at = DAY + 1,
	.reason = TRUST_SYNC_EXPIRED},
};

static enum trust_sync_reason
check(const struct trust_notification *n, const struct sequence *s)
{
	struct trust_notification_mark mark = mark_of(n);
	struct trust_notification_mark newest = {0};
	struct trust_notification_mark held = {0};

	if (s->session != NULL) {
		newest = mark;
		memcpy(newest.session, s->session, sizeof(newest.session));
		newest.serial = s->serial;
		newest.this_update = n->this_update + s->this_update;
		newest.n_records += s->n_records;
		newest.state.b[0] ^= s->state;
		newest.parts.b[0] ^= s->parts;
	}
	if (s->held > 0) {
		held = newest;
		held.serial = s->held;
	}
	return trust_notification_check(n, &mark,
	    s->scope != NULL ? s->scope : "gw1", &newest, &held, NOON + s->at,
	    300, !s->clock_low);
}

static void
follows_in_order(void **state)
{
	struct trust_notification *n = parse_good(NULL, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		enum trust_sync_reason got = check(n, &sequences[i]);

		if (got != sequences[i].reason)
			fail_msg("%s: want %s, got %s", sequences[i].what,
			    trust_sync_reason_name(sequences[i].reason),
			    trust_sync_reason_name(got));
	}
	trust_notification_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_every_field),
	    cmocka_unit_test(accepts),
	    cmocka_unit_test(accepts_serials),
	    cmocka_unit_test(accepts_the_documents_example),
	    cmocka_unit_test(refuses_fields),
	    cmocka_unit_test(refuses_missing_fields),
	    cmocka_unit_test(refuses_duplicate_fields),
	    cmocka_unit_test(refuses_snapshots_and_parts),
	    cmocka_unit_test(refuses_deltas_that_do_not_fit),
	    cmocka_unit_test(refuses_other_texts),
	    cmocka_unit_test(refuses_formats),
	    cmocka_unit_test(refuses_endless_lists),
	    cmocka_unit_test(writes_canonically),
	    cmocka_unit_test(writes_nothing_malformed),
	    cmocka_unit_test(marks_differ_by_parts),
	    cmocka_unit_test(follows_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
