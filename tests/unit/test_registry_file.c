/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schemas come and go: older files are brought forward, newer ones refused.
 */
#include "registry_scratch.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
