/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device's key and certificate as files: whenever the power goes, they
 * belong together. The file of trustctl is taken in whole, as it has no
 * library; what it does to the folder is counted, and ends at any step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../certs/key.h"
#include "../../certs/pemfile.h"

/* Steps until the power goes; -1: it stays. */
static int steps_left = -1;

static void
step(void)
{
	if (steps_left >= 0 && steps_left-- == 0)
		_exit(77);
}

#define STEP(call)                      (step(), (call))
#define rename(a, b)                    STEP(rename(a, b))
#define symlink(a, b)                   STEP(symlink(a, b))
#define link(a, b)                      STEP(link(a, b))
#define unlink(a)                       STEP(unlink(a))
#define rmdir(a)                        STEP(rmdir(a))
#define trust_pemfile_make_folder(a, b) STEP(trust_pemfile_make_folder(a, b))
#define trust_pemfile_replace(a, b, c, d) \
	STEP(trust_pemfile_replace(a, b, c, d))
#define trust_key_store(a, b, c) STEP(trust_key_store(a, b, c))

#include "../../cli/credentials.c"
#include "../../cli/files.c"

#undef rename
#undef unlink
#undef rmdir

#define ID "temp-09"

static char folder[PATH_MAX];

static int
remove_one(
    const char *path, const struct stat *found, int type, struct FTW *walk)
{
	return remove(path);
}

static int
make_folder_of_test(void **state)
{
	(void)snprintf(folder, sizeof(folder), "/tmp/credentials.XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int
remove_folder_of_test(void **state)
{
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* What stands for a certificate: the public key. */
static struct trust_buf
certificate_of(EVP_PKEY *key)
{
	struct trust_buf out = {0};
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	assert_true(len > 0);
	assert_int_equal(trust_buf_add(&out, der, (size_t)len), TRUST_OK);
	OPENSSL_free(der);
	return out;
}

/* An enrollment, from the beginning. */
static void
enroll(bool wants_new)
{
	struct trust_credentials c = {.dir = folder, .name = ID};
	struct trust_message msg = {0};
	struct trust_buf certificate;

	if (trust_credentials_open(&c, TRUST_KEY_P256, wants_new, &msg) !=
	    TRUST_OK)
		fail_msg("%s", msg.text);
	certificate = certificate_of(c.key);
	if (trust_credentials_store(&c, ID, trust_buf_get0(&certificate),
		trust_buf_get0(&certificate), &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	trust_buf_free(&certificate);
	trust_credentials_clear(&c);
}

/* Whether there is a certificate; if so, all belong together. */
static bool
check(struct trust_buf *found)
{
	struct trust_buf expected, got = {0};
	EVP_PKEY *key = NULL;
	char path[PATH_MAX];
	int i;

	assert_int_equal(
	    trust_pemfile_path(path, folder, ID, ".pem", NULL), TRUST_OK);
	if (access(path, F_OK) != 0)
		return false;
	assert_int_equal(
	    trust_pemfile_path(path, folder, ID, ".key", NULL), TRUST_OK);
	assert_int_equal(trust_key_load(path, &key, NULL), TRUST_OK);
	expected = certificate_of(key);
	EVP_PKEY_free(key);
	for (i = CERTIFICATE; i < N_FILES; i++) {
		assert_int_equal(
		    trust_pemfile_path(path, folder, ID, files[i].ending, NULL),
		    TRUST_OK);
		if (i == CHAIN && access(path, F_OK) != 0)
			continue; /* the first time, between the two */
		got.len = 0;
		assert_int_equal(
		    trust_files_read(path, FILE_MAX, &got, NULL), TRUST_OK);
		assert_int_equal(got.len, expected.len);
		assert_memory_equal(got.p, expected.p, got.len);
	}
	trust_buf_free(&got);
	trust_buf_free(found);
	*found = expected;
	return true;
}

/* Whether it came to its end before the power went. */
static bool
enroll_for_steps(bool wants_new, int n)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		steps_left = n;
		enroll(wants_new);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
	return WEXITSTATUS(status) == 0;
}

static void
test_the_first_time(void **state)
{
	struct trust_buf found = {0};
	int n = 0;

	while (!enroll_for_steps(false, n++))
		(void)check(&found);
	assert_true(n > 3);
	assert_true(check(&found));
	trust_buf_free(&found);
}

/* The power goes one step later each time; all that time there is a key with
 * its certificate, and in the end another. */
static void
renew_and_end_anywhere(void)
{
	struct trust_buf was = {0}, is = {0};
	int n = 0;

	assert_true(check(&was));
	while (!enroll_for_steps(true, n++))
		assert_true(check(&is));
	assert_true(n > 5);
	assert_true(check(&is));
	assert_true(was.len != is.len || memcmp(was.p, is.p, is.len) != 0);
	trust_buf_free(&was);
	trust_buf_free(&is);
}

static void
test_a_new_key(void **state)
{
	enroll(false);
	renew_and_end_anywhere(); /* from files to links */
	renew_and_end_anywhere(); /* from links to links */
	renew_and_end_anywhere();
}

/* Each step from the same beginning, and nobody tries again before the next. */
static void
test_a_new_key_from_each_step(void **state)
{
	struct trust_buf found = {0};
	bool done = false;
	int n;

	for (n = 0; !done; n++) {
		assert_int_equal(remove_folder_of_test(state), 0);
		assert_int_equal(mkdir(folder, 0700), 0);
		enroll(false);
		done = enroll_for_steps(true, n);
		assert_true(check(&found));
		enroll(false); /* a renewal for the key that is there */
		assert_true(check(&found));
		enroll(true);
		assert_true(check(&found));
	}
	trust_buf_free(&found);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_the_first_time,
		make_folder_of_test, remove_folder_of_test),
	    cmocka_unit_test_setup_teardown(
		test_a_new_key, make_folder_of_test, remove_folder_of_test),
	    cmocka_unit_test_setup_teardown(test_a_new_key_from_each_step,
		make_folder_of_test, remove_folder_of_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
