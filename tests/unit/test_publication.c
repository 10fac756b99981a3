/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publications: whichever way a gateway takes through snapshots and deltas,
 * it comes to the state that the notification names.
 */
#include "registry_scratch.h"

#include <sqlite3.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "content.h"
#include "publication_upkeep.h"

#define SESSION_1 "11111111-1111-4111-8111-111111111111"
#define SESSION_2 "22222222-2222-4222-8222-222222222222"
#define SESSION_3 "33333333-3333-4333-8333-333333333333"
#define NOW       INT64_C(1800000000)
#define DAY       86400

/* ---- A gateway that believes everything ---- */

struct held {
	char key[TRUST_ID_MAX + 16]; /* "device/temp-01" */
	struct trust_thumbprint digest;
	UT_hash_handle hh;
};

struct gateway {
	char session[TRUST_SESSION_LEN + 1];
	int64_t serial;
	struct trust_thumbprint state;
	struct held *records;
	size_t n_snapshots; /* that it has fetched */
};

static void
drop(struct gateway *g, struct held *held)
{
	trust_content_state_subtract(&g->state, &held->digest);
	HASH_DEL(g->records, held);
	free(held);
}

static void
drop_all(struct gateway *g)
{
	struct held *held, *next;

	HASH_ITER(hh, g->records, held, next)
	{
		drop(g, held);
	}
}

static void
take_put(
    struct gateway *g, const char *key, const struct trust_thumbprint *digest)
{
	struct held *held;

	HASH_FIND_STR(g->records, key, held);
	if (held != NULL)
		drop(g, held);
	held = calloc(1, sizeof(*held));
	assert_non_null(held);
	snprintf(held->key, sizeof(held->key), "%s", key);
	held->digest = *digest;
	trust_content_state_add(&g->state, digest);
	HASH_ADD_STR(g->records, key, held);
}

static enum trust_err
take_line(void *arg, struct trust_span line)
{
	struct gateway *g = arg;
	struct trust_content_line parsed;
	struct trust_message msg = {0};
	char key[TRUST_ID_MAX + 16];
	struct held *held;

	if (trust_content_parse(line, &parsed, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	if (parsed.put != NULL) {
		snprintf(key, sizeof(key), "%s/%s",
		    trust_kind_name(parsed.put->kind), parsed.put->id);
		take_put(g, key, &parsed.digest);
		trust_record_free(parsed.put);
		return TRUST_OK;
	}
	snprintf(
	    key, sizeof(key), "%s/%s", trust_kind_name(parsed.kind), parsed.id);
	HASH_FIND_STR(g->records, key, held);
	assert_non_null(held);
	drop(g, held);
	return TRUST_OK;
}

static void
take_parts(struct gateway *g, struct trust_registry *registry,
    const char *scope, const struct trust_parts *parts)
{
	struct trust_thumbprint sha256;
	struct trust_buf part;

	for (size_t i = 0; i < parts->n; i++) {
		assert_int_equal(trust_publication_part(registry, scope,
				     &parts->v[i].sha256, &part, NULL),
		    TRUST_OK);
		assert_int_equal(part.len, parts->v[i].len);
		assert_int_equal(
		    trust_thumbprint_of(trust_buf_get0(&part), &sha256),
		    TRUST_OK);
		assert_true(
		    trust_thumbprint_equal(&sha256, &parts->v[i].sha256));
		assert_int_equal(trust_content_walk(
				     trust_buf_get0(&part), take_line, g, NULL),
		    TRUST_OK);
		trust_buf_free(&part);
	}
}

/* By the rules of sync.md, "Content"; it has to come out at the state. */
static void
catch_up(struct gateway *g, struct trust_registry *registry,
    const struct trust_notification *n)
{
	int64_t first = n->serial - (int64_t)n->n_deltas + 1;

	if (strcmp(g->session, n->session) != 0 || g->serial < first - 1) {
		drop_all(g);
		take_parts(g, registry, n->scope, &n->snapshot);
		memcpy(g->session, n->session, sizeof(g->session));
		g->serial = n->snapshot.serial;
		g->n_snapshots++;
	}
	for (size_t i = 0; i < n->n_deltas; i++) {
		if (n->deltas[i].serial > g->serial)
			take_parts(g, registry, n->scope, &n->deltas[i]);
	}
	g->serial = n->serial;
	assert_true(trust_thumbprint_equal(&g->state, &n->state));
	assert_int_equal(HASH_COUNT(g->records), n->n_records);
}

static bool
holds(const struct gateway *g, const char *key)
{
	struct held *held;

	HASH_FIND_STR(g->records, key, held);
	return held != NULL;
}

/* ---- An origin ---- */

static struct trust_registry *
new_origin(struct scratch *s)
{
	scratch_create(s);
	return scratch_open(s, TRUST_REGISTRY_WRITE);
}

static void
put_one(struct trust_registry *registry, const char *line)
{
	struct trust_message msg = {0};

	assert_int_equal(trust_registry_begin(registry, &msg), TRUST_OK);
	if (scratch_put(registry, line, 0, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	assert_int_equal(trust_registry_commit(registry, &msg), TRUST_OK);
}

static void
remove_one(struct trust_registry *registry, const char *id)
{
	struct trust_message msg = {0};

	assert_int_equal(trust_registry_begin(registry, &msg), TRUST_OK);
	assert_int_equal(
	    trust_registry_remove(registry, TRUST_KIND_DEVICE, id, &msg),
	    TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, &msg), TRUST_OK);
}

/* Device number i; `more` is JSON for its record. */
static const char *
device(int i, const char *more)
{
	static char line[512];

	snprintf(line, sizeof(line),
	    "{\"kind\":\"device\",\"id\":\"dev-%d\",%s\"auth\":"
	    "{\"type\":\"thumbprint\",\"primary\":\"%064x\"}}",
	    i, more, i);
	return line;
}

/* Devices first to last, in one change. */
static void
put_range(struct trust_registry *registry, int first, int last)
{
	struct trust_message msg = {0};

	assert_int_equal(trust_registry_begin(registry, &msg), TRUST_OK);
	for (int i = first; i <= last; i++)
		assert_int_equal(
		    scratch_put(registry, device(i, ""), 0, &msg), TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, &msg), TRUST_OK);
}

static struct trust_publication_input
input(void)
{
	return (struct trust_publication_input){
	    .scope = "gw1",
	    .session = SESSION_1,
	    .this_update = NOW,
	    .next_update = NOW + DAY,
	};
}

/* An update alone: NULL where the first snapshot is not there yet. */
static struct trust_notification *
update_only(
    struct trust_registry *registry, const struct trust_publication_input *in)
{
	struct trust_notification *n = NULL;
	struct trust_message msg = {0};

	if (trust_publication_update(registry, in, &n, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	return n;
}

static void
keep_up(
    struct trust_registry *registry, const struct trust_publication_input *in)
{
	struct trust_message msg = {0};

	if (trust_publication_upkeep_run(registry, in->scope, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
}

/* Update, and look whether a gateway would take what comes of it. */
static struct trust_notification *
update(
    struct trust_registry *registry, const struct trust_publication_input *in)
{
	struct trust_notification *n = update_only(registry, in);
	struct trust_publication_input again = *in;
	struct trust_buf text = {0};

	keep_up(registry, in);
	again.new_session = false;
	if (n == NULL)
		n = update_only(registry, &again);
	assert_non_null(n);
	assert_int_equal(trust_notification_encode(n, &text), TRUST_OK);
	trust_buf_free(&text);
	return n;
}

static struct trust_notification *
update_gw1(struct trust_registry *registry)
{
	const struct trust_publication_input in = input();

	return update(registry, &in);
}

static enum trust_err
refusal(struct trust_registry *registry,
    const struct trust_publication_input *in, struct trust_message *msg)
{
	struct trust_notification *n = NULL;
	enum trust_err r = trust_publication_update(registry, in, &n, msg);

	assert_null(n);
	return r;
}

static void
assert_same_parts(const struct trust_notification *a,
    const struct trust_notification *b, bool same)
{
	struct trust_notification_mark x, y;

	assert_int_equal(trust_notification_mark(a, &x), TRUST_OK);
	assert_int_equal(trust_notification_mark(b, &y), TRUST_OK);
	assert_int_equal(trust_thumbprint_equal(&x.parts, &y.parts), same);
}

/* ---- Tests ---- */

static void
the_first_serial_is_a_snapshot(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct gateway g = {0};
	struct trust_notification *n;

	put_range(registry, 1, 3);
	n = update_gw1(registry);
	assert_string_equal(n->session, SESSION_1);
	assert_int_equal(n->serial, 1);
	assert_int_equal(n->snapshot.serial, 1);
	assert_int_equal(n->n_deltas, 0);
	assert_int_equal(n->n_records, 3);
	assert_int_equal(n->this_update, NOW);
	assert_int_equal(n->next_update, NOW + DAY);
	catch_up(&g, registry, n);
	drop_all(&g);
	trust_notification_free(n);
	trust_registry_close(registry);
}

static void
an_empty_registry_has_an_empty_snapshot(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct gateway g = {0};
	struct trust_notification *n = update_gw1(registry);

	assert_int_equal(n->serial, 1);
	assert_int_equal(n->n_records, 0);
	assert_int_equal(n->snapshot.n, 0);
	catch_up(&g, registry, n);
	trust_notification_free(n);
	put_range(registry, 1, 1);
	n = update_gw1(registry);
	assert_int_equal(n->serial, 2);
	catch_up(&g, registry, n);
	trust_notification_free(n);
	remove_one(registry, "dev-1");
	n = update_gw1(registry);
	assert_int_equal(n->serial, 3);
	assert_int_equal(n->n_records, 0);
	catch_up(&g, registry, n);
	trust_notification_free(n);
	trust_registry_close(registry);
}

static void
a_change_is_a_delta(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct gateway g = {0}, fresh = {0};
	struct trust_notification *n;

	put_range(registry, 1, 50);
	n = update_gw1(registry);
	catch_up(&g, registry, n);
	trust_notification_free(n);
	put_one(registry, device(7, "\"status\":\"disabled\","));
	remove_one(registry, "dev-8");
	n = update_gw1(registry);
	assert_int_equal(n->serial, 2);
	assert_int_equal(n->snapshot.serial, 1);
	assert_int_equal(n->n_deltas, 1);
	assert_int_equal(n->n_records, 49);
	catch_up(&g, registry, n);
	catch_up(&fresh, registry, n);
	assert_int_equal(g.n_snapshots, 1);
	assert_false(holds(&g, "device/dev-8"));
	drop_all(&g);
	drop_all(&fresh);
	trust_notification_free(n);
	trust_registry_close(registry);
}

/* A record that came back to what it was is no change either. */
static void
without_a_change_a_serial_stays(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_publication_input in = input();
	struct trust_notification *n, *again;

	put_range(registry, 1, 5);
	n = update(registry, &in);
	put_range(registry, 6, 6);
	remove_one(registry, "dev-6");
	put_one(registry, device(9, "\"scopes\":[\"gw2\"],"));
	in.this_update += 10;
	in.next_update += 10;
	again = update(registry, &in);
	assert_int_equal(again->serial, n->serial);
	assert_int_equal(again->this_update, NOW + 10);
	assert_same_parts(n, again, true);
	assert_true(trust_thumbprint_equal(&n->state, &again->state));
	trust_notification_free(n);
	trust_notification_free(again);
	trust_registry_close(registry);
}

static void
a_record_goes_to_its_scopes_alone(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_publication_input gw1 = input(), gw2 = input();
	struct trust_notification *n;
	struct gateway g1 = {0}, g2 = {0};

	gw2.scope = "gw2";
	put_one(registry, device(1, ""));
	put_one(registry, device(2, "\"scopes\":[\"gw1\"],"));
	put_one(registry, device(3, "\"scopes\":[\"gw2\",\"gw1\"],"));
	put_one(registry, device(4, "\"scopes\":[],"));
	put_one(registry, device(5, "\"attributes\":{\"scopes\":\"gw9\"},"));
	n = update(registry, &gw1);
	catch_up(&g1, registry, n);
	assert_int_equal(n->n_records, 4);
	trust_notification_free(n);
	n = update(registry, &gw2);
	catch_up(&g2, registry, n);
	assert_int_equal(n->n_records, 3);
	assert_false(holds(&g2, "device/dev-2"));
	trust_notification_free(n);

	/* One leaves gw1 and enters gw2. */
	put_one(registry, device(2, "\"scopes\":[\"gw2\"],"));
	n = update(registry, &gw1);
	assert_int_equal(n->serial, 2);
	catch_up(&g1, registry, n);
	assert_false(holds(&g1, "device/dev-2"));
	trust_notification_free(n);
	n = update(registry, &gw2);
	assert_int_equal(n->serial, 2);
	catch_up(&g2, registry, n);
	assert_true(holds(&g2, "device/dev-2"));
	trust_notification_free(n);

	/* What only changes its scopes is the same to the one that stays. */
	put_one(registry, device(3, "\"scopes\":[\"gw1\"],"));
	n = update(registry, &gw1);
	assert_int_equal(n->serial, 2);
	trust_notification_free(n);
	drop_all(&g1);
	drop_all(&g2);
	trust_registry_close(registry);
}

/* More changes than the registry lists, with records gone among them. */
/* More changes than are listed: every record is read. */
static void
a_record_among_many_goes_to_its_scopes_alone(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_notification *n;
	struct gateway g = {0};

	put_one(registry, device(1, "\"scopes\":[\"gw1\"],"));
	put_one(registry, device(2, "\"scopes\":[\"gw2\",\"gw1\"],"));
	put_one(registry, device(3, "\"scopes\":[],"));
	put_one(registry, device(4, "\"scopes\":[\"gw10\",\"agw1\"],"));
	put_one(
	    registry, device(5, "\"comment\":\"gw1\",\"scopes\":[\"gw2\"],"));
	put_one(registry, device(6, "\"attributes\":{\"scopes\":\"gw9\"},"));
	put_one(registry, device(7, "\"attributes\":{\"scopes\":[\"gw9\"]},"));
	put_range(registry, 1001, 1001 + TRUST_REGISTRY_CHANGES_MAX);
	n = update_gw1(registry);
	catch_up(&g, registry, n);
	assert_int_equal(n->n_records, TRUST_REGISTRY_CHANGES_MAX + 1 + 4);
	assert_true(holds(&g, "device/dev-1"));
	assert_true(holds(&g, "device/dev-2"));
	assert_true(holds(&g, "device/dev-6"));
	assert_true(holds(&g, "device/dev-7"));
	trust_notification_free(n);

	/* One leaves and one enters, among as many again. */
	put_one(registry, device(2, "\"scopes\":[\"gw2\"],"));
	put_one(registry, device(5, "\"comment\":\"gw1\","));
	put_range(registry, 20001, 20001 + TRUST_REGISTRY_CHANGES_MAX);
	n = update_gw1(registry);
	assert_int_equal(n->serial, 2);
	catch_up(&g, registry, n);
	assert_int_equal(n->n_records, 2 * TRUST_REGISTRY_CHANGES_MAX + 2 + 4);
	assert_false(holds(&g, "device/dev-2"));
	assert_true(holds(&g, "device/dev-5"));
	trust_notification_free(n);
	drop_all(&g);
	trust_registry_close(registry);
}

static void
an_overflowed_list_of_changes_is_made_up_for(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_publication_input in = input();
	struct trust_notification *n;
	struct gateway g = {0}, fresh = {0};
	struct trust_message msg = {0};
	char id[32];

	put_range(registry, 1, 20000);
	n = update(registry, &in);
	assert_true(n->snapshot.n > 10);
	catch_up(&g, registry, n);
	trust_notification_free(n);

	assert_int_equal(trust_registry_begin(registry, &msg), TRUST_OK);
	for (int i = 1; i <= TRUST_REGISTRY_CHANGES_MAX; i++) {
		snprintf(id, sizeof(id), "dev-%d", i);
		if (i % 7 == 0)
			assert_int_equal(trust_registry_remove(registry,
					     TRUST_KIND_DEVICE, id, &msg),
			    TRUST_OK);
		else if (i % 4 == 0)
			assert_int_equal(
			    scratch_put(registry,
				device(i, "\"status\":\"disabled\","), 0, &msg),
			    TRUST_OK);
	}
	assert_int_equal(trust_registry_commit(registry, &msg), TRUST_OK);
	put_range(registry, 20001, 30001 + TRUST_REGISTRY_CHANGES_MAX / 100);
	n = update(registry, &in);
	assert_int_equal(n->serial, 2);
	catch_up(&g, registry, n);
	catch_up(&fresh, registry, n);
	assert_false(holds(&g, "device/dev-7"));
	assert_true(holds(&g, "device/dev-20001"));
	trust_notification_free(n);
	drop_all(&g);
	drop_all(&fresh);
	trust_registry_close(registry);
}

static void
a_new_session_begins_anew(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_publication_input in = input();
	struct trust_notification *first, *n;
	struct gateway g = {0};

	put_range(registry, 1, 20);
	trust_notification_free(update(registry, &in));
	put_range(registry, 21, 22);
	first = update(registry, &in);
	catch_up(&g, registry, first);

	in.session = SESSION_2;
	in.new_session = true;
	n = update(registry, &in);
	assert_string_equal(n->session, SESSION_2);
	assert_int_equal(n->serial, 1);
	assert_int_equal(n->n_deltas, 0);
	assert_true(n->this_update > first->this_update);
	catch_up(&g, registry, n);
	assert_int_equal(g.n_snapshots, 2);
	trust_notification_free(n);

	/* The last of the former session may be out still: publishing it was
	 * cut short. */
	in.new_session = false;
	in.published = first;
	n = update(registry, &in);
	assert_string_equal(n->session, SESSION_2);
	trust_notification_free(n);
	trust_notification_free(first);
	drop_all(&g);
	trust_registry_close(registry);
}

static void
deltas_that_outgrow_the_snapshot_make_another(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct gateway g = {0}, fresh = {0};
	struct trust_thumbprint old;
	struct trust_notification *n;
	struct trust_buf part;

	put_range(registry, 1, 20);
	n = update_gw1(registry);
	old = n->snapshot.v[0].sha256;
	catch_up(&g, registry, n);
	while (n->snapshot.serial == 1) {
		trust_notification_free(n);
		put_range(registry, 100 + (int)g.serial, 100 + (int)g.serial);
		n = update_gw1(registry);
		catch_up(&g, registry, n);
	}
	/* Half of 20 devices are ten. */
	assert_in_range(n->serial, 10, 13);
	assert_int_equal(n->snapshot.serial, n->serial - 1);
	assert_int_equal(g.n_snapshots, 1);
	assert_int_equal(
	    trust_publication_part(registry, "gw1", &old, &part, NULL),
	    TRUST_ERR_NOT_FOUND);
	assert_null(part.p);
	/* Who is a little behind still gets on by deltas. */
	assert_true(n->n_deltas > 5);
	catch_up(&fresh, registry, n);
	trust_notification_free(n);
	drop_all(&g);
	drop_all(&fresh);
	trust_registry_close(registry);
}

static void
a_notification_lists_no_more_than_so_many_deltas(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct gateway g = {0}, away = {0}, fresh = {0};
	struct trust_notification *n;

	put_range(registry, 1, 5000);
	n = update_gw1(registry);
	catch_up(&g, registry, n);
	catch_up(&away, registry, n);
	for (int i = 0; i < TRUST_PUBLICATION_DELTAS_MAX; i++) {
		trust_notification_free(n);
		put_range(registry, 6000 + i, 6000 + i);
		n = update_gw1(registry);
		catch_up(&g, registry, n);
	}
	assert_int_equal(n->snapshot.serial, 1);
	assert_int_equal(n->n_deltas, TRUST_PUBLICATION_DELTAS_MAX);
	catch_up(&away, registry, n);
	assert_int_equal(away.n_snapshots, 1);
	trust_notification_free(n);
	put_range(registry, 7000, 7000);
	n = update_gw1(registry);
	assert_int_equal(n->snapshot.serial, n->serial - 1);
	assert_int_equal(n->n_deltas, TRUST_PUBLICATION_DELTAS_MAX);
	catch_up(&g, registry, n);
	catch_up(&fresh, registry, n);
	assert_int_equal(g.n_snapshots, 1);
	trust_notification_free(n);
	drop_all(&g);
	drop_all(&away);
	drop_all(&fresh);
	trust_registry_close(registry);
}

/* 300 serials of anything, and gateways that come when they like. */
static void
every_way_leads_to_the_same_state(void **state)
{
	static const char *const more[] = {"", "\"status\":\"disabled\",",
	    "\"scopes\":[\"gw1\"],", "\"scopes\":[\"gw2\"],",
	    "\"scopes\":[\"gw1\",\"gw2\"],\"comment\":\"x\","};
	struct trust_registry *registry = new_origin(*state);
	struct gateway g[3] = {0};
	struct trust_notification *n;
	unsigned seed = 7;

	put_range(registry, 0, 30);
	for (int round = 0; round < 300; round++) {
		int i = rand_r(&seed) % 40;
		char key[32], id[16];

		snprintf(id, sizeof(id), "dev-%d", i);
		snprintf(key, sizeof(key), "device/%s", id);
		put_one(registry, device(i, more[rand_r(&seed) % 5]));
		if (rand_r(&seed) % 3 == 0)
			remove_one(registry, id);
		n = update_gw1(registry);
		catch_up(&g[0], registry, n);
		if (rand_r(&seed) % 20 == 0)
			catch_up(&g[1], registry, n);
		drop_all(&g[2]);
		g[2] = (struct gateway){0};
		catch_up(&g[2], registry, n);
		assert_int_equal(holds(&g[0], key), holds(&g[2], key));
		trust_notification_free(n);
	}
	for (size_t i = 0; i < 3; i++)
		drop_all(&g[i]);
	trust_registry_close(registry);
}

/* ---- Snapshots, step by step ---- */

/* Devices whose snapshot takes several steps, and changes after it that are
 * more than half of it; the present notification comes back. */
static struct trust_notification *
outgrow(struct trust_registry *registry, struct gateway *g)
{
	const struct trust_publication_input in = input();
	struct trust_notification *n;

	put_range(registry, 1, 30000);
	n = update_gw1(registry);
	catch_up(g, registry, n);
	trust_notification_free(n);
	put_range(registry, 30001, 46000);
	n = update_only(registry, &in);
	assert_int_equal(n->snapshot.serial, 1);
	catch_up(g, registry, n);
	return n;
}

static struct trust_publication_upkeep *
begin_upkeep(struct trust_registry *registry)
{
	struct trust_publication_upkeep *upkeep = NULL;

	assert_int_equal(
	    trust_publication_upkeep_open(registry, "gw1", &upkeep, NULL),
	    TRUST_OK);
	return upkeep;
}

static bool
take_step(struct trust_publication_upkeep *upkeep)
{
	struct trust_message msg = {0};
	bool done;

	if (trust_publication_upkeep_step(upkeep, &done, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	return done;
}

/* How many parts the file has, of whatever. */
static int
count_all_parts(const struct scratch *s)
{
	sqlite3_stmt *count = NULL;
	sqlite3 *db = NULL;
	int n;

	assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(
		db, "SELECT count(*) FROM publication_part", -1, &count, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(count), SQLITE_ROW);
	n = sqlite3_column_int(count, 0);
	sqlite3_finalize(count);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return n;
}

static int
count_listed(const struct trust_notification *n)
{
	size_t parts = n->snapshot.n;

	for (size_t i = 0; i < n->n_deltas; i++)
		parts += n->deltas[i].n;
	return (int)parts;
}

/* Others write, and serials go out, while a snapshot of an earlier one is
 * built; none of it shows before it is complete and a serial lists it. */
static void
a_snapshot_is_built_beside_other_changes(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry = new_origin(s);
	struct trust_registry *other = scratch_open(s, TRUST_REGISTRY_WRITE);
	struct gateway g = {0}, fresh = {0};
	struct trust_notification *n = outgrow(registry, &g);
	struct trust_publication_upkeep *upkeep = begin_upkeep(registry);
	const struct trust_publication_input in = input();
	int steps = 0;

	while (!take_step(upkeep)) {
		put_range(other, 50000 + steps, 50000 + steps);
		put_one(other, device(steps + 1, "\"status\":\"disabled\","));
		remove_one(other, "dev-45000");
		put_range(other, 45000, 45000);
		steps++;
		if (steps == 2)
			continue;
		trust_notification_free(n);
		n = update_only(registry, &in);
		assert_int_equal(n->snapshot.serial, 1);
		catch_up(&g, registry, n);
	}
	trust_publication_upkeep_close(upkeep);
	assert_true(steps > 3);
	trust_notification_free(n);
	put_range(other, 60000, 60000);
	n = update(registry, &in);
	assert_true(n->snapshot.serial > 1);
	assert_true(n->snapshot.serial < n->serial - 1);
	catch_up(&g, registry, n);
	catch_up(&fresh, registry, n);
	assert_int_equal(g.n_snapshots, 1);
	assert_int_equal(count_all_parts(s), count_listed(n));
	trust_notification_free(n);
	drop_all(&g);
	drop_all(&fresh);
	trust_registry_close(other);
	trust_registry_close(registry);
}

/* Each step is committed, so this is what kill -9 leaves as well. */
static void
a_snapshot_that_was_cut_short_is_swept_up(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry = new_origin(s);
	struct gateway g = {0}, fresh = {0};
	struct trust_notification *n = outgrow(registry, &g);
	struct trust_publication_upkeep *upkeep = begin_upkeep(registry);
	const struct trust_publication_input in = input();
	int before = count_all_parts(s);

	while (count_all_parts(s) == before)
		assert_false(take_step(upkeep));
	trust_publication_upkeep_close(upkeep);
	trust_registry_close(registry);

	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	trust_notification_free(n);
	put_range(registry, 50000, 50000);
	n = update_only(registry, &in);
	assert_int_equal(n->snapshot.serial, 1);
	catch_up(&fresh, registry, n);
	catch_up(&g, registry, n);
	keep_up(registry, &in);
	trust_notification_free(n);
	put_range(registry, 50001, 50001);
	n = update(registry, &in);
	assert_int_equal(n->snapshot.serial, n->serial - 1);
	drop_all(&fresh);
	fresh = (struct gateway){0};
	catch_up(&fresh, registry, n);
	catch_up(&g, registry, n);
	assert_int_equal(count_all_parts(s), count_listed(n));
	trust_notification_free(n);
	drop_all(&g);
	drop_all(&fresh);
	trust_registry_close(registry);
}

/* Two processes publish: in whatever order they take their steps, what is
 * listed in the end is whole. */
static void
two_build_one_snapshot(void **state)
{
	const struct trust_publication_input in = input();
	struct scratch *s = *state;

	for (unsigned seed = 1; seed < 4; seed++) {
		struct trust_registry *registry = new_origin(s);
		struct trust_registry *other =
		    scratch_open(s, TRUST_REGISTRY_WRITE);
		struct gateway g = {0}, fresh = {0};
		struct trust_notification *n = outgrow(registry, &g);
		struct trust_publication_upkeep *u[2] = {
		    begin_upkeep(registry), begin_upkeep(other)};
		bool done[2] = {false, false};
		unsigned random = seed;

		for (int steps = 0; !done[0] || !done[1]; steps++) {
			int i = rand_r(&random) % 2;

			if (!done[i])
				done[i] = take_step(u[i]);
			if (steps != 3)
				continue;
			put_range(other, 50000, 50000);
			trust_notification_free(n);
			n = update_only(other, &in);
		}
		trust_publication_upkeep_close(u[0]);
		trust_publication_upkeep_close(u[1]);
		keep_up(other, &in);
		trust_notification_free(n);
		put_range(registry, 50001, 50001);
		n = update(registry, &in);
		assert_true(n->snapshot.serial > 1);
		catch_up(&fresh, registry, n);
		catch_up(&g, registry, n);
		trust_notification_free(n);
		drop_all(&g);
		drop_all(&fresh);
		trust_registry_close(other);
		trust_registry_close(registry);
		(void)scratch_count(s, true);
	}
}

/* A serial says the same as long as it is the present one: equivocation, else.
 */
static void
a_snapshot_waits_for_the_next_serial(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	const struct trust_publication_input in = input();
	struct gateway g = {0};
	struct trust_notification *n = outgrow(registry, &g);
	struct trust_notification *again;

	keep_up(registry, &in);
	again = update(registry, &in);
	assert_int_equal(again->serial, n->serial);
	assert_same_parts(n, again, true);
	trust_notification_free(n);
	trust_notification_free(again);
	drop_all(&g);
	trust_registry_close(registry);
}

/* ---- What is not signed ---- */

static void
assert_ahead(struct trust_registry *registry,
    const struct trust_notification *published, const char *why)
{
	struct trust_publication_input in = input();
	struct trust_message msg = {0};

	in.published = published;
	assert_int_equal(refusal(registry, &in, &msg), TRUST_ERR_CONFLICT);
	if (strstr(msg.text, why) == NULL)
		fail_msg("want \"%s\" in: %s", why, msg.text);
}

static void
a_restored_origin_is_refused(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_publication_input in = input();
	struct trust_notification *published, *n;

	put_range(registry, 1, 20);
	published = update(registry, &in);
	in.published = published;
	trust_notification_free(update(registry, &in));

	published->serial++;
	assert_ahead(registry, published, "a later serial");
	/* Restored, then edited: the same serial would say two things. */
	published->serial--;
	published->state.b[0] ^= 1;
	put_range(registry, 21, 21);
	assert_ahead(registry, published, "another state");
	published->state.b[0] ^= 1;
	memcpy(published->session, SESSION_2, sizeof(SESSION_2));
	assert_ahead(registry, published, "another and later session");

	/* An older session is replayed: that is none to stand back for.
	 * Refusing changed nothing. */
	in.published = published;
	published->this_update = NOW - 1;
	n = update(registry, &in);
	assert_int_equal(n->serial, 2);
	trust_notification_free(n);

	in.session = SESSION_3;
	in.new_session = true;
	in.published = published;
	published->this_update = NOW + 20;
	n = update(registry, &in);
	assert_int_equal(n->this_update, NOW + 21);
	assert_int_equal(n->next_update, NOW + 21 + DAY);
	trust_notification_free(n);
	trust_notification_free(published);
	trust_registry_close(registry);
}

static void
this_update_never_goes_back(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_publication_input in = input();
	struct trust_message msg = {0};
	struct trust_notification *n;

	put_range(registry, 1, 2);
	trust_notification_free(update(registry, &in));
	in.this_update -= 100;
	in.next_update -= 100;
	n = update(registry, &in);
	assert_int_equal(n->this_update, NOW);
	assert_int_equal(n->next_update, NOW + DAY);
	trust_notification_free(n);
	in.this_update -= TRUST_PUBLICATION_CLOCK_SKEW;
	assert_int_equal(refusal(registry, &in, &msg), TRUST_ERR_CONFLICT);
	assert_non_null(strstr(msg.text, "clock"));
	trust_registry_close(registry);
}

static void
a_mass_removal_is_of_its_serial(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_publication_input in = input();
	struct trust_notification *n;

	put_range(registry, 1, 20);
	n = update(registry, &in);
	assert_false(n->mass_removal);
	trust_notification_free(n);
	in.mass_removal = true;
	n = update(registry, &in);
	assert_true(n->mass_removal);
	assert_int_equal(n->serial, 1);
	trust_notification_free(n);
	in.mass_removal = false;
	n = update(registry, &in);
	assert_true(n->mass_removal);
	trust_notification_free(n);
	in.session = SESSION_2;
	in.new_session = true;
	n = update(registry, &in);
	assert_false(n->mass_removal);
	trust_notification_free(n);
	trust_registry_close(registry);
}

/* A gateway that was away goes through it later, by deltas or the snapshot;
 * when neither reaches back to it, the guard is back. */
static void
a_mass_removal_is_told_as_long_as_it_is_listed(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_publication_input in = input();
	struct trust_notification *n;
	int64_t oldest;

	put_range(registry, 1, 40);
	n = update(registry, &in);
	trust_notification_free(n);
	remove_one(registry, "dev-1");
	in.mass_removal = true;
	n = update(registry, &in);
	assert_int_equal(n->serial, 2);
	in.mass_removal = false;
	for (int i = 0; i < 100 && n->mass_removal; i++) {
		trust_notification_free(n);
		put_range(registry, 100 + i, 100 + i);
		n = update(registry, &in);
		oldest = n->deltas[0].serial < n->snapshot.serial
			     ? n->deltas[0].serial
			     : n->snapshot.serial;
		assert_int_equal(n->mass_removal, oldest <= 2);
	}
	assert_false(n->mass_removal);
	assert_true(n->snapshot.serial > 2);
	trust_notification_free(n);
	trust_registry_close(registry);
}

/* Its own delta may be too large to be listed: all take the snapshot. */
static void
a_mass_removal_is_told_with_its_snapshot(void **state)
{
	struct trust_registry *registry = new_origin(*state);
	struct trust_publication_input in = input();
	struct trust_notification *n;

	put_range(registry, 1, 40);
	trust_notification_free(update(registry, &in));
	for (int i = 1; i <= 40; i++)
		put_one(registry, device(i, "\"status\":\"disabled\","));
	in.mass_removal = true;
	n = update(registry, &in);
	assert_int_equal(n->serial, 2);
	assert_true(n->mass_removal);
	trust_notification_free(n);
	in.mass_removal = false;
	put_range(registry, 41, 41);
	n = update(registry, &in);
	assert_int_equal(n->serial, 3);
	assert_int_equal(n->snapshot.serial, 2);
	assert_true(n->mass_removal);
	trust_notification_free(n);
	trust_registry_close(registry);
}

/* Of a time when the mark was one of the present serial alone. */
static void
an_older_publication_is_migrated(void **state)
{
	static const char schema_3[] =
	    "DROP TABLE publication_signer;"
	    "ALTER TABLE publication DROP COLUMN deltas;"
	    "ALTER TABLE publication DROP COLUMN ready;"
	    "ALTER TABLE publication RENAME COLUMN marked TO mass_removal;"
	    "UPDATE publication SET mass_removal = 1;"
	    "PRAGMA user_version = 3";
	struct scratch *s = *state;
	struct trust_registry *registry = new_origin(s);
	struct trust_publication_input in = input();
	struct trust_notification *n, *again;
	sqlite3 *db = NULL;

	put_range(registry, 1, 20);
	trust_notification_free(update(registry, &in));
	put_range(registry, 21, 22);
	in.mass_removal = true;
	n = update(registry, &in);
	trust_registry_close(registry);
	assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, schema_3, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);

	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	in.mass_removal = false;
	again = update(registry, &in);
	assert_same_parts(n, again, true);
	assert_int_equal(again->n_deltas, 1);
	assert_true(again->mass_removal);
	trust_notification_free(again);
	put_range(registry, 23, 23);
	again = update(registry, &in);
	assert_int_equal(again->n_deltas, 2);
	assert_true(again->mass_removal);
	trust_notification_free(again);
	trust_notification_free(n);
	trust_registry_close(registry);
}

static void
a_replica_publishes_nothing(void **state)
{
	struct scratch *s = *state;
	struct trust_publication_input in = input();
	struct trust_registry *registry;
	struct trust_message msg = {0};

	assert_int_equal(
	    trust_registry_create(s->path, TRUST_REGISTRY_REPLICA, &msg),
	    TRUST_OK);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(refusal(registry, &in, &msg), TRUST_ERR_REPLICA);
	trust_registry_close(registry);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_first_serial_is_a_snapshot),
	    TEST(an_empty_registry_has_an_empty_snapshot),
	    TEST(a_change_is_a_delta),
	    TEST(without_a_change_a_serial_stays),
	    TEST(a_record_goes_to_its_scopes_alone),
	    TEST(a_record_among_many_goes_to_its_scopes_alone),
	    TEST(an_overflowed_list_of_changes_is_made_up_for),
	    TEST(a_new_session_begins_anew),
	    TEST(deltas_that_outgrow_the_snapshot_make_another),
	    TEST(a_notification_lists_no_more_than_so_many_deltas),
	    TEST(every_way_leads_to_the_same_state),
	    TEST(a_snapshot_is_built_beside_other_changes),
	    TEST(a_snapshot_that_was_cut_short_is_swept_up),
	    TEST(two_build_one_snapshot),
	    TEST(a_snapshot_waits_for_the_next_serial),
	    TEST(a_restored_origin_is_refused),
	    TEST(this_update_never_goes_back),
	    TEST(a_mass_removal_is_of_its_serial),
	    TEST(a_mass_removal_is_told_as_long_as_it_is_listed),
	    TEST(a_mass_removal_is_told_with_its_snapshot),
	    TEST(an_older_publication_is_migrated),
	    TEST(a_replica_publishes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
