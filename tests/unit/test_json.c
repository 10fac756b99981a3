/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c: what is taken, what is not, and the one form of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

#include "json.h"

#define MAX 1000 /* octets taken in these tests */

static void
canonical_form(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
	    {"{}", "{}"},
	    {" {\n\t\"a\" : [ 1 , true, false,null ] }\r\n",
		"{\"a\":[1,true,false,null]}"},
	    {"{\"b\":1,\"a\":2,\"aa\":3,\"\":4,\"B\":5}",
		"{\"\":4,\"B\":5,\"a\":2,\"aa\":3,\"b\":1}"},
	    {"{\"a\":-0}", "{\"a\":0}"},
	    {"{\"a\":9007199254740991,\"b\":-9007199254740991}",
		"{\"a\":9007199254740991,\"b\":-9007199254740991}"},
	    {"{\"a\":\"\\u0041\\/\\u00e4\\u20ac\\n\\\"\\\\\"}",
		"{\"a\":\"A/\xc3\xa4\xe2\x82\xac\\n\\\"\\\\\"}"},
	    {"{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\xf0\x9f\x98\x80\"}"},
	    {"{\"a\\nb\\\"\":0}", "{\"a\\nb\\\"\":0}"},
	    /* By UTF-16, not by UTF-8: U+1F600 is before U+FB33 (RFC 8785
	     * section 3.2.3, less its control character). */
	    {"{\"\\u20ac\":1,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,"
	     "\"\\u00f6\":7}",
		"{\"1\":4,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,"
		"\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}"},
	    {"{\"\\uffff\":1,\"\\ue000\":2,\"\\ud7ff\":3,"
	     "\"\\udbff\\udfff\":4,\"\\ud800\\udc00\":5}",
		"{\"\xed\x9f\xbf\":3,\"\xf0\x90\x80\x80\":5,"
		"\"\xf4\x8f\xbf\xbf\":4,\"\xee\x80\x80\":2,"
		"\"\xef\xbf\xbf\":1}"},
	    {"{\"a\":[[[[[[[]]]]]]]}", "{\"a\":[[[[[[[]]]]]]]}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_buf buf = {0};
		json_t *value;

		assert_int_equal(trust_json_parse(trust_span_of(cases[i].text),
				     MAX, &value, NULL),
		    TRUST_OK);
		assert_int_equal(trust_json_encode(value, &buf), TRUST_OK);
		assert_string_equal((char *)buf.p, cases[i].canonical);
		trust_buf_free(&buf);
		json_decref(value);
	}
}

static void
refuses(void **state)
{
	static const struct {
		const char *text;
		const char *told; /* part of the message */
	} cases[] = {
	    {"", "object"},
	    {" ", "object"},
	    {"[]", "an array"},
	    {"1", "object"},
	    {"\"a\"", "object"},
	    {"null", "object"},
	    {"{", "column"},
	    {"{} x", "end of file expected"},
	    {"{}{}", "end of file expected"},
	    {"{} //", "end of file expected"},
	    {"\xef\xbb\xbf{}", "column"},
	    {"{'a':1}", "column"},
	    {"{a:1}", "column"},
	    {"{\"a\":1,}", "column"},
	    {"{\"a\":[1,]}", "column"},
	    {"{\"a\":1,\"a\":1}", "duplicate"},
	    {"{\"a\":{\"b\":1,\"c\":2,\"b\":3}}", "duplicate"},
	    {"{\"a\":1,\"\\u0061\":2}", "duplicate"},
	    {"{\"a\":1.0}", "fraction"},
	    {"{\"a\":1e2}", "fraction"},
	    {"{\"a\":[{\"b\":0.5}]}", "fraction"},
	    {"{\"a\":1e999}", "overflow"},
	    {"{\"a\":9007199254740992}", "2^53"},
	    {"{\"a\":-9007199254740992}", "2^53"},
	    {"{\"a\":9223372036854775808}", "integer"},
	    {"{\"a\":01}", "column"},
	    {"{\"a\":+1}", "column"},
	    {"{\"a\":NaN}", "column"},
	    {"{\"a\":TRUE}", "column"},
	    {"{\"a\":\"x\ty\"}", "control character"},
	    {"{\"a\":\"x\ny\"}", "column"},
	    {"{\"a\":\"\\t\"}", "control character"},
	    {"{\"a\":\"\\r\\n\"}", "control character"},
	    {"{\"a\":\"\\u0000\"}", "column"},
	    {"{\"a\":\"\\u001b[31m\"}", "control character"},
	    {"{\"a\":\"\\u007f\"}", "control character"},
	    {"{\"a\":\"\\u0085\"}", "control character"},
	    {"{\"a\":\"\\u009f\"}", "control character"},
	    {"{\"a\\tb\":1}", "control character in a key"},
	    {"{\"a\":[\"\\u0001\"]}", "control character"},
	    {"{\"a\":\"\\ud800\"}", "column"},
	    {"{\"a\":\"\\udc00\"}", "column"},
	    {"{\"a\":\"\xff\"}", "column"},
	    {"{\"a\":\"\xc0\xaf\"}", "column"},
	    {"{\"a\":\"\xed\xa0\x80\"}", "column"},
	    {"{\"a\":\"\xf4\x90\x80\x80\"}", "column"},
	    {"{\"a\":\"\\x41\"}", "column"},
	    {"{\"a\":[[[[[[[[]]]]]]]]}", "levels"},
	    {"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}"
	     "}}}}}}}"
	     "}",
		"levels"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = (json_t *)8;
		struct trust_message msg = {""};

		if (trust_json_parse(trust_span_of(cases[i].text), MAX, &value,
			&msg) != TRUST_ERR_INPUT)
			fail_msg("%s is taken", cases[i].text);
		assert_null(value);
		if (strstr(msg.text, cases[i].told) == NULL)
			fail_msg("%s: %s", cases[i].text, msg.text);
		for (const char *p = msg.text; *p != '\0'; p++)
			assert_in_range(*p, ' ', '~');
	}
}

static void
bounds_the_size(void **state)
{
	struct trust_message msg;
	json_t *value;

	(void)state;
	assert_int_equal(
	    trust_json_parse(trust_span_of("{\"a\":1}"), 7, &value, &msg),
	    TRUST_OK);
	json_decref(value);
	assert_int_equal(
	    trust_json_parse(trust_span_of("{\"a\":1}"), 6, &value, &msg),
	    TRUST_ERR_INPUT);
	assert_string_equal(msg.text, "want at most 6 octets, got 7");
	/* A NUL is a byte as any other, and no JSON. */
	assert_int_equal(
	    trust_json_parse((struct trust_span){(const uint8_t *)"{}\0", 3},
		MAX, &value, &msg),
	    TRUST_ERR_INPUT);
	assert_int_equal(
	    trust_json_parse((struct trust_span){0}, MAX, &value, &msg),
	    TRUST_ERR_INPUT);
}

/* What no text can hold here, but a program can build. */
static void
refuses_to_encode(void **state)
{
	struct trust_buf buf = {0};
	json_t *deep = json_array();
	json_t *cases[] = {json_real(1.5), json_integer(INT64_C(1) << 53),
	    json_pack("{s:i,s:[f]}", "a", 1, "b", 0.5), deep};

	(void)state;
	for (int i = 0; i < 8; i++)
		deep = json_pack("[o]", deep);
	cases[3] = deep;
	assert_int_equal(trust_buf_add(&buf, "before", 6), TRUST_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    trust_json_encode(cases[i], &buf), TRUST_ERR_INPUT);
		assert_string_equal((char *)buf.p, "before");
		json_decref(cases[i]);
	}
	assert_int_equal(trust_json_encode(NULL, &buf), TRUST_ERR_INPUT);
	trust_buf_free(&buf);
}

static void
escapes(void **state)
{
	json_t *value = json_stringn("\b\t\n\f\r\x1f\0z", 8);
	struct trust_buf buf = {0};

	(void)state;
	assert_int_equal(trust_json_encode(value, &buf), TRUST_OK);
	assert_string_equal(
	    (char *)buf.p, "\"\\b\\t\\n\\f\\r\\u001f\\u0000z\"");
	trust_buf_free(&buf);
	json_decref(value);
}

static void
encodes_text(void **state)
{
	struct trust_buf out = {0};

	(void)state;
	assert_int_equal(
	    trust_json_encode_text("a\"b\\c\n\x01", &out), TRUST_OK);
	assert_string_equal((char *)out.p, "\"a\\\"b\\\\c\\n\\u0001\"");
	out.len = 0;
	assert_int_equal(
	    trust_json_encode_text("\xe2\x80\xa6/\"", &out), TRUST_OK);
	assert_string_equal((char *)out.p, "\"\xe2\x80\xa6/\\\"\"");
	out.len = 0;
	assert_int_equal(
	    trust_json_encode_text("cut \xe2\x80", &out), TRUST_ERR_INPUT);
	assert_int_equal(out.len, 0);
	trust_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(canonical_form),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(bounds_the_size),
	    cmocka_unit_test(refuses_to_encode),
	    cmocka_unit_test(escapes),
	    cmocka_unit_test(encodes_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
