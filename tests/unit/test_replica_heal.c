/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica and damage to what it holds: rows that rotted, went, or came,
 * in each of its tables.
 */
#include "replica_gateway.h"

#include <sqlite3.h>

#define DEVICES 60

/* What befell the file. */
struct damage {
	const char *sql;
	/* It stays until somebody asks for a resync: a snapshot that comes for
	 * another reason does not look there. */
	bool is_quiet;
};

#define LINE(text) "UPDATE record SET line = CAST(" text " AS BLOB)"
#define LINE_3     " WHERE id = 'dev-3'"
#define TEXT       "CAST(line AS TEXT)"

static const struct damage damages[] = {
    /* Records that went, and that nobody sent. */
    {"DELETE FROM record WHERE id = 'dev-3'", false},
    {"DELETE FROM record WHERE id = 'plain'", false},
    {"DELETE FROM record WHERE kind = 1", false},
    {"DELETE FROM record", false},
    {"INSERT INTO record SELECT 1, 'intruder', CAST(replace(" TEXT
     ", 'dev-3', 'intruder') AS BLOB), sent FROM record" LINE_3,
	false},
    {"INSERT INTO record SELECT kind, id || 'x', line, sent FROM record",
	false},
    /* Lines beside a digest that is right. */
    {LINE("replace(" TEXT ", '00000000', 'ffffffff')") LINE_3, false},
    {LINE("replace(" TEXT ", '00000000', 'ffffffff')"), false},
    {LINE("replace(" TEXT ", '}}', '},\"status\":\"disabled\"}')") LINE_3,
	false},
    {LINE("replace(" TEXT ", '\"publish\"', '\"subscribe\"')"), false},
    {LINE("(SELECT line FROM record WHERE id = 'dev-4')") LINE_3, false},
    {"UPDATE record SET line = x'00ff'" LINE_3, false},
    {"UPDATE record SET line = x''", false},
    {"UPDATE record SET line = zeroblob(1000) WHERE kind <> 1", false},
    /* Digests beside a line that is right. */
    {"UPDATE record SET sent = zeroblob(32)" LINE_3, false},
    {"UPDATE record SET sent = (SELECT sent FROM record"
     " WHERE id = 'dev-4')" LINE_3,
	false},
    {"UPDATE record SET sent = x'00'", false},
    {"UPDATE record SET sent = NULL", false},
    /* Kinds and ids. */
    {"UPDATE record SET kind = 2" LINE_3, false},
    {"UPDATE record SET kind = 0" LINE_3, false},
    {"UPDATE record SET kind = 99" LINE_3, false},
    {"UPDATE record SET kind = -5" LINE_3, false},
    {"UPDATE record SET kind = 1 << 40" LINE_3, false},
    {"UPDATE record SET id = ''" LINE_3, false},
    {"UPDATE record SET id = 'dev 3'" LINE_3, false},
    {"UPDATE record SET id = 'dév-3'" LINE_3, false},
    {"UPDATE record SET id = 'dev-3' || char(0) || 'x'" LINE_3, false},
    {"UPDATE record SET id = hex(zeroblob(100))" LINE_3, false},
    /* Claims. */
    {"DELETE FROM claim WHERE device = 'dev-3'", true},
    {"DELETE FROM claim WHERE claim = 2", true},
    {"DELETE FROM claim", true},
    {"UPDATE claim SET device = 'dev-4' WHERE device = 'dev-3'", true},
    {"UPDATE claim SET digest = zeroblob(32) WHERE device = 'dev-3'", true},
    {"UPDATE claim SET digest = x'00' WHERE device = 'dev-3'", true},
    {"UPDATE claim SET claim = 9 WHERE device = 'dev-3'", true},
    {"INSERT INTO claim SELECT claim, digest, 'dev-4' FROM claim"
     " WHERE device = 'dev-3'",
	true},
    {"INSERT INTO claim VALUES(1, zeroblob(32), 'intruder')", true},
    /* Counts. */
    {"UPDATE count SET n = n + 1 WHERE kind = 1", false},
    {"UPDATE count SET n = 0", false},
    {"UPDATE count SET n = -1", false},
    {"DELETE FROM count", false},
    {"INSERT INTO count VALUES(99, 1)", false},
    /* What changed last. */
    {"INSERT INTO change(generation, kind, id) VALUES(1 << 40, 99, 'x y')",
	true},
    {"DELETE FROM meta WHERE key = 'changes_after'", true},
    {"UPDATE meta SET value = 1 << 40 WHERE key = 'changes_after'", true},
    /* What is said to be held, and to be the newest. */
    {"UPDATE replica SET state = zeroblob(32) WHERE which = 1", false},
    {"UPDATE replica SET serial = 7, records = 7 WHERE which = 1", false},
    {"UPDATE replica SET this_update = 0, next_update = 0 WHERE which = 1",
	false},
    {"DELETE FROM replica WHERE which = 1", false},
    {"UPDATE replica SET state = zeroblob(32), parts = zeroblob(32)"
     " WHERE which = 2",
	false},
    {"UPDATE replica SET serial = 7, this_update = 1 << 40 WHERE which = 2",
	false},
    /* Much of it. */
    {"DELETE FROM claim; DELETE FROM count; DELETE FROM change;"
     "UPDATE record SET line = x'00', sent = NULL",
	false},
};

#define N_DAMAGES (sizeof(damages) / sizeof(damages[0]))

static void
befall(struct gateway *g, const char *sql)
{
	char *text = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(g->scratch->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s", sql, text);
	assert_true(sqlite3_total_changes(db) > 0);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Every row that means something, of every table. */
static void
dump_tables(const char *path, struct trust_buf *out)
{
	static const char *const sql[] = {
	    "SELECT kind, id, hex(line), hex(sent) FROM record ORDER BY 1, 2",
	    "SELECT claim, hex(digest), device FROM claim ORDER BY 1, 2, 3",
	    "SELECT kind, n FROM count ORDER BY 1",
	    "SELECT which, session, serial, this_update, next_update, records,"
	    " hex(state), hex(parts), way FROM replica"
	    " ORDER BY 1",
	    "SELECT key FROM meta ORDER BY 1",
	};
	sqlite3_stmt *row = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		assert_int_equal(
		    sqlite3_prepare_v2(db, sql[i], -1, &row, NULL), SQLITE_OK);
		while (sqlite3_step(row) == SQLITE_ROW) {
			for (int k = 0; k < sqlite3_column_count(row); k++)
				assert_int_equal(
				    trust_buf_printf(out, "%s ",
					(const char *)sqlite3_column_text(
					    row, k)),
				    TRUST_OK);
			assert_int_equal(trust_buf_printf(out, "\n"), TRUST_OK);
		}
		assert_int_equal(sqlite3_finalize(row), SQLITE_OK);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Another gateway of the scope, which holds nothing yet. */
static void
begin_fresh(const struct gateway *g, struct gateway *fresh)
{
	void *scratch = NULL;

	*fresh = *g;
	assert_int_equal(scratch_setup(&scratch), 0);
	fresh->scratch = scratch;
	fresh->config.registry_path = fresh->scratch->path;
	fresh->has_request = false;
	open_gateway(fresh);
	follow(fresh);
}

static void
end_fresh(struct gateway *fresh)
{
	void *scratch = fresh->scratch;

	close_gateway(fresh);
	(void)scratch_teardown(&scratch);
}

/* It holds what a gateway does that never held anything before. */
static void
assert_healed(struct gateway *g, const char *sql)
{
	struct trust_buf is = {0}, want = {0};
	struct gateway fresh;

	begin_fresh(g, &fresh);
	dump_tables(fresh.scratch->path, &want);
	dump_tables(g->scratch->path, &is);
	if (is.len != want.len || memcmp(is.p, want.p, is.len) != 0)
		fail_msg("%s: not healed", sql);
	trust_buf_free(&is);
	trust_buf_free(&want);
	end_fresh(&fresh);
}

/* A gateway that holds devices of two kinds, what they rest on, and a change
 * that came by a delta. */
static void
begin_mixed(struct gateway *g)
{
	origin_put_devices(g->origin, 0, DEVICES, 0);
	origin_put(g->origin,
	    "{\"kind\":\"device\",\"id\":\"pinned\",\"auth\":{\"type\":\"key\","
	    "\"pins\":[\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
	    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\"]}}");
	origin_put(g->origin,
	    "{\"kind\":\"role\",\"id\":\"plain\",\"rules\":[{\"effect\":"
	    "\"allow\",\"actions\":[\"publish\"],\"topics\":[\"x\"]}]}");
	origin_commit(g->origin);
	follow(g);
	origin_put_devices(g->origin, 5, 7, 1);
	origin_commit(g->origin);
	follow(g);
	assert_holds(g, 2);
	assert_int_equal(g->n_refused, 0);
}

static void
begin_new_session(struct gateway *g)
{
	g->origin->session =
	    strcmp(g->origin->session, SESSION_1) == 0 ? SESSION_2 : SESSION_1;
	g->origin->this_update++;
}

/* ---- Healed ---- */

/* What dev-3 will have by salt 2. */
#define DIGEST_3 "CAST(x'00000002' || zeroblob(27) || x'03' AS BLOB)"

static void
resync_heals(void **state)
{
	struct gateway *g = *state;

	begin_mixed(g);
	for (size_t i = 0; i < N_DAMAGES; i++) {
		befall(g, damages[i].sql);
		assert_int_equal(
		    trust_replica_resync(g->replica, g->now, NULL), TRUST_OK);
		answer_all(g);
		assert_int_equal(g->n_refused, 0);
		assert_healed(g, damages[i].sql);
		assert_holds(g, 2);
	}
}

/* A device that rotted has to come in again, and what was counted wrong must
 * not stop it: the snapshot is what there is. */
static void
a_snapshot_heals(void **state)
{
	struct gateway *g = *state;

	begin_mixed(g);
	for (size_t i = 0; i < N_DAMAGES; i++) {
		if (damages[i].is_quiet)
			continue;
		befall(g, damages[i].sql);
		begin_new_session(g);
		follow(g);
		assert_int_equal(g->n_refused, 0);
		assert_healed(g, damages[i].sql);
		assert_holds(g, 2);
	}
}

/* Claims of a device that the snapshot changes are in the way of nothing. */
static void
a_snapshot_heals_claims_in_its_way(void **state)
{
	static const char *const sql[] = {
	    "INSERT INTO claim SELECT 1, " DIGEST_3 ", 'dev-3'",
	    "INSERT INTO claim SELECT 1, " DIGEST_3 ", 'intruder'",
	};
	struct gateway *g = *state;

	begin_mixed(g);
	for (size_t i = 0; i < 2; i++) {
		origin_put_devices(g->origin, 3, 4, 0);
		origin_commit(g->origin);
		follow(g);
		befall(g, sql[i]);
		origin_put_devices(g->origin, 3, 4, 2);
		origin_commit(g->origin);
		g->origin->snapshot = g->origin->serial;
		begin_new_session(g);
		follow(g);
		assert_int_equal(g->n_refused, 0);
		assert_healed(g, sql[i]);
	}
}

/* Deltas lead astray, which is seen at once; the snapshot follows. */
static void
deltas_notice(void **state)
{
	static const struct {
		const char *sql;
		enum trust_sync_reason reason;
	} v[] = {
	    {"DELETE FROM record WHERE id = 'dev-3'",
		TRUST_SYNC_STATE_MISMATCH},
	    {"UPDATE record SET sent = zeroblob(32) WHERE id = 'dev-3'",
		TRUST_SYNC_STATE_MISMATCH},
	    {"UPDATE record SET line = x'00' WHERE id = 'dev-3'",
		TRUST_SYNC_STATE_MISMATCH},
	    {"UPDATE count SET n = n + 1 WHERE kind = 1",
		TRUST_SYNC_STATE_MISMATCH},
	    {"UPDATE replica SET state = zeroblob(32) WHERE which = 1",
		TRUST_SYNC_STATE_MISMATCH},
	    {"UPDATE claim SET device = 'intruder', digest = " DIGEST_3
	     " WHERE device = 'dev-3'",
		TRUST_SYNC_DUPLICATE_CLAIM},
	};
	struct gateway *g = *state;

	begin_mixed(g);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		origin_put_devices(g->origin, 3, 4, 0);
		origin_commit(g->origin);
		follow(g);
		befall(g, v[i].sql);
		g->n_refused = 0;
		origin_put_devices(g->origin, 3, 4, 2);
		origin_commit(g->origin);
		follow(g);
		if (g->n_refused != 1 || g->reason != v[i].reason)
			fail_msg("%s: %d refusals, %s", v[i].sql, g->n_refused,
			    g->detail);
		assert_healed(g, v[i].sql);
		assert_holds(g, g->origin->serial);
	}
}

/* ---- With it ---- */

/* Whoever has read what was damaged reads it again. */
static void
what_was_read_is_read_again(void **state)
{
	struct gateway *g = *state;
	struct trust_registry *registry;
	int64_t before, after;

	begin_mixed(g);
	registry = scratch_open(g->scratch, TRUST_REGISTRY_READ);
	assert_int_equal(
	    trust_registry_get_generation(registry, &before, NULL), TRUST_OK);
	befall(g, "DELETE FROM claim");
	assert_int_equal(
	    trust_replica_resync(g->replica, g->now, NULL), TRUST_OK);
	answer_all(g);
	assert_int_equal(
	    trust_registry_get_generation(registry, &after, NULL), TRUST_OK);
	assert_true(after > before);
	assert_int_equal(
	    trust_registry_changes(registry, before, NULL, NULL, NULL),
	    TRUST_ERR_NOT_FOUND);
	trust_registry_close(registry);
}

static void
the_guard_counts_for_itself(void **state)
{
	struct gateway *g = *state;

	begin_mixed(g);
	befall(g, "UPDATE count SET n = 0");
	origin_remove_devices(g->origin, 0, DEVICES / 2);
	origin_commit(g->origin);
	g->origin->snapshot = g->origin->serial;
	g->origin->first_delta = g->origin->serial + 1;
	begin_new_session(g);
	follow(g);
	assert_refused(g, TRUST_SYNC_MASS_REMOVAL_HELD, 1);
	assert_records(g, 2);
	/* Nor does a resync let it pass. */
	assert_int_equal(
	    trust_replica_resync(g->replica, g->now, NULL), TRUST_OK);
	answer_all(g);
	assert_refused(g, TRUST_SYNC_MASS_REMOVAL_HELD, 2);
	assert_records(g, 2);
}

/* A gateway that lost all by itself loses none by being told so. */
static void
the_guard_does_not_keep_damage(void **state)
{
	struct gateway *g = *state;

	begin_mixed(g);
	origin_remove_devices(g->origin, 0, 3);
	origin_commit(g->origin);
	befall(g, "UPDATE record SET line = x'00'");
	follow(g);
	assert_refused(g, TRUST_SYNC_STATE_MISMATCH, 1);
	assert_holds(g, 3);
}

static void
nothing_is_fetched_for_a_good_state(void **state)
{
	struct gateway *g = *state;

	begin_mixed(g);
	g->n_requests = 0;
	g->origin->this_update++;
	publish(g);
	assert_int_equal(g->n_requests, 0);
	assert_healed(g, "nothing");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(resync_heals),
	    TEST(a_snapshot_heals),
	    TEST(a_snapshot_heals_claims_in_its_way),
	    TEST(deltas_notice),
	    TEST(what_was_read_is_read_again),
	    TEST(the_guard_counts_for_itself),
	    TEST(the_guard_does_not_keep_damage),
	    TEST(nothing_is_fetched_for_a_good_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
