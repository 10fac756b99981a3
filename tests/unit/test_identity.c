/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.c: names out of certificates, and client ids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <string.h>

#include "identity.h"

static void
client_ids(void **state)
{
	static const struct {
		const char *device, *client_id;
		bool exact, prefix;
	} cases[] = {
	    {"temp-01", "temp-01", true, true},
	    {"temp-01", "temp-01/mod", false, true},
	    {"temp-01", "temp-01/", false, false},
	    {"temp-01", "temp-01/a/b", false, false},
	    {"temp-01", "temp-01/a+b", false, false},
	    {"temp-01", "temp-01/a#", false, false},
	    {"temp-01", "temp-010", false, false},
	    {"temp-01", "temp-0", false, false},
	    {"temp-01", "temp-01mod", false, false},
	    {"temp-01", "TEMP-01", false, false},
	    {"temp-01", "", false, false},
	    {"temp-01", "/temp-01", false, false},
	    {"", "", false, false},
	    {"", "/a", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(trust_identity_check_client_id(cases[i].device,
				     TRUST_CLIENT_ID_EXACT, cases[i].client_id),
		    cases[i].exact);
		assert_int_equal(
		    trust_identity_check_client_id(cases[i].device,
			TRUST_CLIENT_ID_PREFIX, cases[i].client_id),
		    cases[i].prefix);
	}
	assert_false(trust_identity_check_client_id(
	    "temp-01", TRUST_CLIENT_ID_PREFIX, NULL));
}

static void
devices_of_client_ids(void **state)
{
	static const struct {
		const char *client_id, *device; /* NULL: none */
	} cases[] = {
	    {"temp-01", "temp-01"},
	    {"temp-01/mod", "temp-01"},
	    {"temp-01/", NULL},
	    {"temp-01/a/b", NULL},
	    {"/mod", NULL},
	    {"", NULL},
	    {"temp 01", NULL},
	    {"temp+01", NULL},
	    {"$SYS", NULL},
	};
	char device[TRUST_ID_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found =
		    trust_identity_client_device(cases[i].client_id, device);

		assert_int_equal(found, cases[i].device != NULL);
		assert_string_equal(device, found ? cases[i].device : "");
	}
}

/* What a certificate with these CNs gives; `reason` 0 is an identity. */
static void
identities(void **state)
{
	static const struct {
		const char *values[2];
		size_t len; /* octets of the first; 0: all of it */
		bool malformed;
		enum trust_reason reason;
	} cases[] = {
	    {{"temp-01", NULL}, 0, false, 0},
	    {{NULL, NULL}, 0, false, TRUST_REASON_IDENTITY_MISSING},
	    {{"a", "b"}, 0, false, TRUST_REASON_IDENTITY_AMBIGUOUS},
	    {{"a", "a"}, 0, false, TRUST_REASON_IDENTITY_AMBIGUOUS},
	    {{"a", NULL}, 0, true, TRUST_REASON_IDENTITY_AMBIGUOUS},
	    {{NULL, NULL}, 0, true, TRUST_REASON_IDENTITY_MALFORMED},
	    {{"", NULL}, 0, false, TRUST_REASON_IDENTITY_MALFORMED},
	    {{"a\0b", NULL}, 3, false, TRUST_REASON_IDENTITY_MALFORMED},
	    {{"a/b", NULL}, 0, false, TRUST_REASON_IDENTITY_MALFORMED},
	    {{"a+b", NULL}, 0, false, TRUST_REASON_IDENTITY_MALFORMED},
	    {{"a#", NULL}, 0, false, TRUST_REASON_IDENTITY_MALFORMED},
	    {{"t\303\251mp", NULL}, 0, false, TRUST_REASON_IDENTITY_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_certificate c = {0};
		struct trust_values *cn = &c.names[TRUST_IDENTITY_CN];
		char out[TRUST_ID_MAX + 1];
		enum trust_reason reason = 0;
		uint8_t copies[2][16];

		for (; cn->n < 2 && cases[i].values[cn->n] != NULL; cn->n++) {
			const char *value = cases[i].values[cn->n];
			size_t len =
			    cases[i].len > 0 ? cases[i].len : strlen(value);

			memcpy(copies[cn->n], value, len);
			cn->v[cn->n] = (struct trust_value){copies[cn->n], len};
		}
		cn->malformed = cases[i].malformed;
		assert_int_equal(
		    trust_identity_read(&c, TRUST_IDENTITY_CN, out, &reason),
		    cases[i].reason == 0);
		assert_int_equal(reason, cases[i].reason);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(client_ids),
	    cmocka_unit_test(devices_of_client_ids),
	    cmocka_unit_test(identities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
