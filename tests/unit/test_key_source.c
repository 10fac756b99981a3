/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_source.c, key_uri.c, secretfile.c: who may read a key's file, what opens
 * it, and how a URI is read. Tokens are in tests/system.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above. */
#include <cmocka.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../certs/key.h"
#include "../../certs/key_source.h"
#include "../../certs/key_uri.h"
#include "../../certs/secretfile.h"

/* A directory with a key's file in it. */
struct scratch {
	char dir[64];
	char path[80];
	EVP_PKEY *key;
	struct trust_message msg;
};

static int
setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -1;
	snprintf(s->dir, sizeof(s->dir), "/tmp/test-key.XXXXXX");
	if (mkdtemp(s->dir) == NULL ||
	    trust_key_new(TRUST_KEY_P256, &s->key) != TRUST_OK)
		return -1;
	snprintf(s->path, sizeof(s->path), "%s/a.key", s->dir);
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	struct scratch *s = *state;

	unlink(s->path);
	rmdir(s->dir);
	EVP_PKEY_free(s->key);
	free(s);
	return 0;
}

static void
write_text(const struct scratch *s, const char *text)
{
	FILE *out = fopen(s->path, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(s->path, 0600), 0);
}

/* Encrypted, where there is a password. */
static void
write_key(const struct scratch *s, const char *password)
{
	FILE *out = fopen(s->path, "w");

	assert_non_null(out);
	assert_int_equal(
	    PEM_write_PKCS8PrivateKey(out, s->key,
		password != NULL ? EVP_aes_256_cbc() : NULL, password,
		password != NULL ? (int)strlen(password) : 0, NULL, NULL),
	    1);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(s->path, 0600), 0);
}

/* ---- A front end ---- */

struct person {
	const char *answer; /* NULL: none */
	char asked[256];
	char noted[TRUST_MESSAGE_MAX];
	int n_asked;
};

static enum trust_err
ask(void *arg, const char *what, char *out, size_t size,
    struct trust_message *msg)
{
	struct person *person = arg;

	person->n_asked++;
	snprintf(person->asked, sizeof(person->asked), "%s", what);
	if (person->answer == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT, "said nothing");
	snprintf(out, size, "%s", person->answer);
	return TRUST_OK;
}

static void
note(void *arg, const char *line)
{
	struct person *person = arg;

	snprintf(person->noted, sizeof(person->noted), "%s", line);
}

static void
loads(struct scratch *s, const struct trust_key_prompt *prompt)
{
	EVP_PKEY *key;

	assert_int_equal(
	    trust_key_source_load(s->path, prompt, &key, &s->msg), TRUST_OK);
	assert_int_equal(EVP_PKEY_eq(key, s->key), 1);
	EVP_PKEY_free(key);
}

static void
refuses(struct scratch *s, const char *source,
    const struct trust_key_prompt *prompt, enum trust_err want,
    const char *words)
{
	EVP_PKEY *key;

	s->msg.text[0] = '\0';
	assert_int_equal(
	    trust_key_source_load(source, prompt, &key, &s->msg), want);
	assert_null(key);
	if (strstr(s->msg.text, words) == NULL)
		fail_msg("want \"%s\", got \"%s\"", words, s->msg.text);
}

/* ---- Files ---- */

static void
modes(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} cases[] = {
	    {0600, true},
	    {0400, true},
	    {0640, false},
	    {0604, false},
	    {0602, false},
	    {0610, false},
	    {0644, false},
	    {0700, false},
	};
	struct scratch *s = *state;

	write_key(s, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(chmod(s->path, cases[i].mode), 0);
		if (cases[i].good)
			loads(s, NULL);
		else
			refuses(s, s->path, NULL, TRUST_ERR_INPUT, "chmod 600");
	}
}

static void
modes_behind_a_link(void **state)
{
	struct scratch *s = *state;
	char link[80];

	write_key(s, NULL);
	assert_int_equal(chmod(s->path, 0644), 0);
	snprintf(link, sizeof(link), "%s/link", s->dir);
	assert_int_equal(symlink(s->path, link), 0);
	refuses(s, link, NULL, TRUST_ERR_INPUT, "got 0644");
	unlink(link);
}

static void
foreign_owner(void **state)
{
	struct scratch *s = *state;

	if (geteuid() != 0)
		skip();
	write_key(s, NULL);
	assert_int_equal(chown(s->path, 65534, (gid_t)-1), 0);
	refuses(s, s->path, NULL, TRUST_ERR_INPUT,
	    "want a file of user 0 or of root, got one of user 65534: chown 0");
	/* Root's is everybody's, where they can read it at all. */
	assert_int_equal(chown(s->path, 0, (gid_t)-1), 0);
	loads(s, NULL);
}

static void
a_note_instead(void **state)
{
	struct scratch *s = *state;
	struct person person = {0};
	const struct trust_key_prompt prompt = {ask, note, &person};

	write_key(s, NULL);
	loads(s, &prompt);
	assert_string_equal(person.noted, "");
	assert_int_equal(chmod(s->path, 0644), 0);
	loads(s, &prompt);
	assert_non_null(strstr(person.noted, "chmod 600"));
}

static void
no_key(void **state)
{
	struct scratch *s = *state;

	refuses(s, s->path, NULL, TRUST_ERR_NOT_FOUND, "No such file");
	write_text(s, "nothing of the kind\n");
	refuses(s, s->path, NULL, TRUST_ERR_INPUT, "want a private key in PEM");
	write_text(s, "");
	refuses(s, s->path, NULL, TRUST_ERR_INPUT, "want a private key in PEM");
}

/* ---- Passwords ---- */

static void
passwords(void **state)
{
	struct scratch *s = *state;
	struct person person = {.answer = "right"};
	const struct trust_key_prompt prompt = {.ask = ask, .arg = &person};

	write_key(s, "right");
	loads(s, &prompt);
	assert_int_equal(person.n_asked, 1);
	assert_non_null(strstr(person.asked, "the password of /tmp/"));

	person = (struct person){.answer = "wrong"};
	refuses(s, s->path, &prompt, TRUST_ERR_INPUT,
	    "want its password, got another");
	assert_int_equal(person.n_asked, 1);
	assert_null(strstr(s->msg.text, "wrong"));

	person = (struct person){0};
	refuses(s, s->path, &prompt, TRUST_ERR_INPUT, "said nothing");
	assert_int_equal(person.n_asked, 1);

	refuses(s, s->path, NULL, TRUST_ERR_INPUT, "nobody to ask");
}

static void
nobody_is_asked_in_vain(void **state)
{
	struct scratch *s = *state;
	struct person person = {.answer = "right"};
	const struct trust_key_prompt prompt = {.ask = ask, .arg = &person};

	write_key(s, NULL);
	loads(s, &prompt);
	/* Nor for a file that would not be taken. */
	write_key(s, "right");
	assert_int_equal(chmod(s->path, 0644), 0);
	refuses(s, s->path, &prompt, TRUST_ERR_INPUT, "chmod 600");
	assert_int_equal(person.n_asked, 0);
}

static void
password_files(void **state)
{
	static const struct {
		const char *text;
		const char *password; /* NULL: refused */
	} cases[] = {
	    {"secret\n", "secret"},
	    {"secret", "secret"},
	    {"secret\r\n", "secret"},
	    {" two words \nanother\n", " two words "},
	    {"fifteen.letters\n", "fifteen.letters"},
	    {"sixteen..letters\n", NULL},
	    {"", NULL},
	    {"\n", NULL},
	    {"\nsecret\n", NULL},
	};
	struct scratch *s = *state;
	char password[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum trust_err want =
		    cases[i].password != NULL ? TRUST_OK : TRUST_ERR_INPUT;

		write_text(s, cases[i].text);
		assert_int_equal(trust_secretfile_read_line(s->path, password,
				     sizeof(password), &s->msg),
		    want);
		if (want != TRUST_OK)
			assert_string_equal(password, "");
		else if (strcmp(password, cases[i].password) != 0)
			fail_msg("case %zu", i);
	}
	assert_int_equal(chmod(s->path, 0640), 0);
	assert_int_equal(trust_secretfile_read_line(
			     s->path, password, sizeof(password), &s->msg),
	    TRUST_ERR_INPUT);
	assert_non_null(strstr(s->msg.text, "chmod 600"));
}

/* ---- URIs ---- */

static void
uris(void **state)
{
	static const struct {
		const char *text;
		const char *object; /* NULL: refused */
		const char *module_path, *pin, *pin_source;
	} cases[] = {
	    /* RFC 7512 section 3. */
	    {"pkcs11:object=my-pubkey;type=public",
		"pkcs11:object=my-pubkey;type=public", "", "", ""},
	    {"pkcs11:object=my-key;type=private?pin-source=file:/etc/token",
		"pkcs11:object=my-key;type=private", "", "", "/etc/token"},
	    {"pkcs11:object=my-sign-key;type=private"
	     "?module-path=/mnt/libmypkcs11.so.1",
		"pkcs11:object=my-sign-key;type=private",
		"/mnt/libmypkcs11.so.1", "", ""},
	    {"pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer="
	     "Snake%20Oil,%20Inc.?pin-value=the-pin",
		NULL, NULL, NULL, NULL},
	    {"pkcs11:token=my%20token;id=%01?module-name=mypkcs11",
		"pkcs11:token=my%20token;id=%01", "", "", ""},

	    {"PKCS11:id=%02", "pkcs11:id=%02", "", "", ""},
	    {"pkcs11:id=%02?pin-value=a%26b%3f&module-path=/a%20b",
		"pkcs11:id=%02", "/a b", "a&b?", ""},
	    {"pkcs11:id=%02?x-mine=1&pin-source=/run/pin&", "pkcs11:id=%02", "",
		"", "/run/pin"},
	    {"pkcs11:id=%02?pin-source=file:///run/pin", "pkcs11:id=%02", "",
		"", "/run/pin"},

	    {"pkcs11:", NULL, NULL, NULL, NULL},
	    {"pkcs11:token=my%20object=", NULL, NULL, NULL, NULL},
	    {"pkcs11:?object=x", NULL, NULL, NULL, NULL},
	    {"pkcs11:id=%02?pin-value=%0", NULL, NULL, NULL, NULL},
	    {"pkcs11:id=%02?pin-value=%zz", NULL, NULL, NULL, NULL},
	    {"pkcs11:id=%02?pin-value=a%00b", NULL, NULL, NULL, NULL},
	    {"pkcs11:id=%02?pin-source=|/bin/echo%20pin", NULL, NULL, NULL,
		NULL},
	    {"pkcs11:id=%02?pin-source=", NULL, NULL, NULL, NULL},
	};
	struct scratch *s = *state;
	struct trust_key_uri uri;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum trust_err r =
		    trust_key_uri_parse(cases[i].text, &uri, &s->msg);

		assert_true(trust_key_uri_is_one(cases[i].text));
		if ((r == TRUST_OK) != (cases[i].object != NULL))
			fail_msg("%s: got %s", cases[i].text,
			    r == TRUST_OK ? "in" : s->msg.text);
		if (r != TRUST_OK)
			continue;
		assert_string_equal(uri.object, cases[i].object);
		assert_string_equal(uri.module_path, cases[i].module_path);
		assert_string_equal(uri.pin, cases[i].pin);
		assert_string_equal(uri.pin_source, cases[i].pin_source);
	}
	assert_false(trust_key_uri_is_one("pkcs11.key"));
	assert_false(trust_key_uri_is_one("./pkcs11:object=x"));
}

static void
no_secret_is_told(void **state)
{
	struct scratch *s = *state;

	refuses(s, "pkcs11:token=x?pin-value=12345", NULL, TRUST_ERR_INPUT,
	    "object= or id=");
	assert_null(strstr(s->msg.text, "12345"));
	refuses(s, "pkcs11:id=x?pin-value=12345%", NULL, TRUST_ERR_INPUT,
	    "percent-encoded");
	assert_null(strstr(s->msg.text, "12345"));
}

static void
modules(void **state)
{
	struct scratch *s = *state;
	char uri[256];

	refuses(s, "pkcs11:id=x?module-path=/nowhere/module.so", NULL,
	    TRUST_ERR_INPUT, "/nowhere/module.so: want a PKCS #11 module, got");
	refuses(s, "pkcs11:id=x?module-path=libm.so.6", NULL, TRUST_ERR_INPUT,
	    "got another library");
	write_text(s, "1234\n");
	assert_int_equal(chmod(s->path, 0644), 0);
	snprintf(uri, sizeof(uri), "pkcs11:id=x?pin-source=%s", s->path);
	refuses(s, uri, NULL, TRUST_ERR_INPUT, "chmod 600");
}

int
main(void)
{
#define IN_A_SCRATCH(test) \
	cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    IN_A_SCRATCH(modes),
	    IN_A_SCRATCH(modes_behind_a_link),
	    IN_A_SCRATCH(foreign_owner),
	    IN_A_SCRATCH(a_note_instead),
	    IN_A_SCRATCH(no_key),
	    IN_A_SCRATCH(passwords),
	    IN_A_SCRATCH(nobody_is_asked_in_vain),
	    IN_A_SCRATCH(password_files),
	    IN_A_SCRATCH(uris),
	    IN_A_SCRATCH(no_secret_is_told),
	    IN_A_SCRATCH(modules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
