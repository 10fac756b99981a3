/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas come and go: older files are brought forward, newer ones refused.
 */
#include "registry_scratch.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>

#include "registry_draft.h"

#define FIRST                                                                  \
	"PRAGMA application_id = 7; CREATE TABLE a(x); PRAGMA user_version = " \
	"1"
#define SECOND \
	"CREATE TABLE b(y); INSERT INTO b VALUES(1); PRAGMA user_version = 2"
#define BROKEN                                              \
	"CREATE TABLE c(z); INSERT INTO nothing VALUES(1);" \
	"PRAGMA user_version = 3"

static const char *const migrations[] = {FIRST, SECOND, BROKEN};

static struct trust_registry_format
format_of(uint32_t schema)
{
	return (struct trust_registry_format){
	    .name = "trial",
	    .if_foreign = "want a trial",
	    .if_damaged = "try again",
	    .application_id = 7,
	    .pragmas = "",
	    .migrations = migrations,
	    .schema = schema,
	};
}

static enum trust_err
open_as(struct scratch *s, uint32_t schema, enum trust_registry_mode mode,
    const char *sql)
{
	struct trust_registry_format format = format_of(schema);
	struct trust_registry_file file;
	sqlite3_stmt *statement = NULL;
	enum trust_err r;

	r = trust_registry_file_open(s->path, &format, mode, &file, &s->msg);
	if (r != TRUST_OK)
		return r;
	r = trust_registry_file_prepare(&file, &sql, 1, &statement, &s->msg);
	if (r == TRUST_OK)
		r = trust_registry_file_exec(&file, statement, &s->msg);
	trust_registry_file_close(&file);
	return r;
}

static void
make(struct scratch *s, uint32_t schema)
{
	struct trust_registry_format format = format_of(schema);

	assert_int_equal(trust_registry_draft_create(s->path, &format,
			     "INSERT INTO a VALUES(1)", &s->msg),
	    TRUST_OK);
}

static void
an_older_one_is_brought_forward(void **state)
{
	struct scratch *s = *state;

	make(s, 1);
	assert_int_equal(
	    open_as(s, 2, TRUST_REGISTRY_READ, "SELECT x FROM a"), TRUST_OK);
	assert_int_equal(open_as(s, 2, TRUST_REGISTRY_READ, "SELECT y FROM b"),
	    TRUST_ERR_FOREIGN);
	assert_non_null(strstr(s->msg.text, "want schema 2, got 1"));
	assert_int_equal(
	    open_as(s, 2, TRUST_REGISTRY_WRITE, "SELECT y FROM b"), TRUST_OK);
	assert_int_equal(
	    open_as(s, 2, TRUST_REGISTRY_READ, "SELECT y FROM b"), TRUST_OK);
	assert_int_equal(open_as(s, 1, TRUST_REGISTRY_READ, "SELECT x FROM a"),
	    TRUST_ERR_FOREIGN);
	assert_non_null(strstr(s->msg.text, "update this program"));
}

static void
a_newer_one_in_the_wal_is_refused(void **state)
{
	struct scratch *s = *state;
	struct trust_registry_format format = format_of(2);
	struct trust_registry_file file;

	/* While this is open, schema 2 stands in the WAL alone. */
	make(s, 1);
	assert_int_equal(trust_registry_file_open(s->path, &format,
			     TRUST_REGISTRY_WRITE, &file, &s->msg),
	    TRUST_OK);
	assert_int_equal(open_as(s, 1, TRUST_REGISTRY_READ, "SELECT x FROM a"),
	    TRUST_ERR_FOREIGN);
	trust_registry_file_close(&file);
}

static void
a_migration_is_whole_or_not_at_all(void **state)
{
	struct scratch *s = *state;

	make(s, 1);
	assert_int_equal(open_as(s, 3, TRUST_REGISTRY_WRITE, "SELECT x FROM a"),
	    TRUST_ERR_INTERNAL);
	/* The one before it stands. */
	assert_int_equal(
	    open_as(s, 2, TRUST_REGISTRY_READ, "SELECT y FROM b"), TRUST_OK);
	assert_int_equal(open_as(s, 2, TRUST_REGISTRY_READ, "SELECT z FROM c"),
	    TRUST_ERR_INTERNAL);
}

static void
what_cannot_be_filled_is_not_made(void **state)
{
	struct scratch *s = *state;
	struct trust_registry_format format = format_of(3);

	assert_int_equal(
	    trust_registry_draft_create(s->path, &format, "", &s->msg),
	    TRUST_ERR_INTERNAL);
	assert_int_equal(scratch_count(s, false), 0);
	format = format_of(1);
	assert_int_equal(
	    trust_registry_draft_create(s->path, &format, "nonsense", &s->msg),
	    TRUST_ERR_INTERNAL);
	assert_int_equal(scratch_count(s, false), 0);
}

/* In another process: begins to make the registry, and never ends. */
static pid_t
make_without_end(struct scratch *s)
{
	struct trust_registry_format format = format_of(1);
	const struct timespec moment = {.tv_nsec = 1000000};
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)!trust_registry_draft_create(s->path, &format,
		    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL"
		    " SELECT x + 1 FROM c) SELECT count(*) FROM c",
		    NULL);
		_exit(1);
	}
	for (int i = 0; i < 60000 && scratch_count(s, false) == 0; i++)
		(void)nanosleep(&moment, NULL);
	return pid;
}

static bool
has_draft(const struct scratch *s)
{
	char pattern[128];
	glob_t found;
	bool has;

	snprintf(pattern, sizeof(pattern), "%s.unfinished.??????", s->path);
	has = glob(pattern, 0, NULL, &found) == 0;
	globfree(&found);
	return has;
}

static void
what_a_killed_process_left_is_removed(void **state)
{
	struct scratch *s = *state;
	pid_t pid = make_without_end(s);

	assert_true(has_draft(s));
	/* It is at work: nobody takes away what it makes. */
	trust_registry_draft_clean(s->path);
	assert_true(has_draft(s));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	scratch_create(s);
	assert_int_equal(scratch_count(s, false), 1);
}

static void
journals_go_with_it(void **state)
{
	static const char *const names[] = {"", "-wal", "-shm", "-journal"};
	struct scratch *s = *state;
	char name[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "%s.unfinished.a1B2c3%s", s->path,
		    names[i]);
		scratch_write(name, "", 0);
	}
	/* Only for the registry that it is of. */
	snprintf(name, sizeof(name), "%s/other.db", s->dir);
	trust_registry_draft_clean(name);
	assert_int_equal(scratch_count(s, false), 4);
	trust_registry_draft_clean(s->path);
	assert_int_equal(scratch_count(s, false), 0);
}

/* Killed when it was in place already, and its other name was not gone. */
static void
a_name_that_was_left_is_removed(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;
	char name[128];

	scratch_create(s);
	snprintf(name, sizeof(name), "%s.unfinished.a1B2c3", s->path);
	assert_int_equal(link(s->path, name), 0);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_int_equal(access(name, F_OK), 0);
	trust_registry_close(registry);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_not_equal(access(name, F_OK), 0);
	trust_registry_close(registry);
	assert_int_equal(scratch_count(s, false), 1);
}

static void
what_is_no_draft_stays(void **state)
{
	static const char *const names[] = {".unfinished", ".unfinished.a1B2c",
	    ".unfinished.a1B2c3d", ".unfinished.a1B2c-", ".backup",
	    ".unfinished.a1B2c3.bak", ".unfinished.a1B2c3-wal2",
	    ".local.unfinished.a1B2c3"};
	const int n = (int)(sizeof(names) / sizeof(names[0]));
	struct scratch *s = *state;
	char name[128];

	scratch_create(s);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s%s", s->path, names[i]);
		scratch_write(name, "", 0);
	}
	trust_registry_draft_clean(s->path);
	assert_int_equal(scratch_count(s, false), 1 + n);
}

/* Somebody who has the directory's lock for himself stops nobody. */
static void
a_lock_of_another_stops_nobody(void **state)
{
	struct scratch *s = *state;
	int fd = open(s->dir, O_RDONLY | O_DIRECTORY);

	assert_int_equal(flock(fd, LOCK_EX), 0);
	scratch_create(s);
	assert_int_equal(scratch_count(s, false), 1);
	assert_int_equal(close(fd), 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_older_one_is_brought_forward),
	    TEST(a_newer_one_in_the_wal_is_refused),
	    TEST(a_migration_is_whole_or_not_at_all),
	    TEST(what_cannot_be_filled_is_not_made),
	    TEST(what_a_killed_process_left_is_removed),
	    TEST(journals_go_with_it),
	    TEST(a_name_that_was_left_is_removed),
	    TEST(what_is_no_draft_stays),
	    TEST(a_lock_of_another_stops_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
