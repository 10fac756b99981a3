/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry of a replica: from one state to another as a whole, what it
 * keeps of sync, and the parts that wait on disk.
 */
#include "registry_scratch.h"

#include <sqlite3.h>

#include "content.h"
#include "local.h"
#include "registry_replica.h"
#include "registry_staging.h"
#include "version.h"

#define SESSION "6e2d3a9c-0d3f-4b5e-9a35-3c9d8f0f4a11"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

#define D "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define E "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

#define DEVICE(id, digest)                 \
	"{\"auth\":{\"primary\":\"" digest \
	"\",\"type\":\"thumbprint\"},\"id\":\"" id "\",\"kind\":\"device\"}"
#define DEVICE_2(id, primary, secondary)                                    \
	"{\"auth\":{\"primary\":\"" primary "\",\"secondary\":\"" secondary \
	"\",\"type\":\"thumbprint\"},\"id\":\"" id "\",\"kind\":\"device\"}"
#define ROLE(id) "{\"id\":\"" id "\",\"kind\":\"role\",\"rules\":[]}"

struct fixture {
	struct scratch *scratch;
	struct trust_registry_replica *replica;
	struct trust_message msg;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *scratch = NULL;

	if (f == NULL || scratch_setup(&scratch) != 0)
		return -1;
	f->scratch = scratch;
	*state = f;
	return trust_registry_replica_open(
		   f->scratch->path, &f->replica, &f->msg) == TRUST_OK
		   ? 0
		   : -1;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	void *scratch = f->scratch;

	trust_registry_replica_close(f->replica);
	free(f);
	return scratch_teardown(&scratch);
}

/* What is sent is digested as it is, then read. */
static enum trust_err
put(struct fixture *f, const char *line)
{
	struct trust_record *record = NULL;
	struct trust_thumbprint sent;
	enum trust_err r;

	assert_int_equal(
	    trust_thumbprint_of(trust_span_of(line), &sent), TRUST_OK);
	assert_int_equal(
	    trust_record_parse(trust_span_of(line), &record, NULL), TRUST_OK);
	r = trust_registry_replica_put(f->replica, record, &sent, &f->msg);
	trust_record_free(record);
	return r;
}

static void
load(struct fixture *f, struct trust_registry_replica_state *out)
{
	bool changed;

	trust_registry_replica_unload(f->replica);
	if (trust_registry_replica_load(f->replica, out, &changed, &f->msg) !=
	    TRUST_OK)
		fail_msg("%s", f->msg.text);
	assert_true(changed);
}

static void
begin(struct fixture *f, enum trust_registry_replica_by by)
{
	struct trust_registry_replica_state state;

	load(f, &state);
	if (trust_registry_replica_begin(f->replica, by, &f->msg) != TRUST_OK)
		fail_msg("%s", f->msg.text);
}

/* The state digest of these lines. */
static struct trust_thumbprint
digest_of(const char *const *lines, size_t n)
{
	struct trust_thumbprint sum = {0}, one;

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(
		    trust_thumbprint_of(trust_span_of(lines[i]), &one),
		    TRUST_OK);
		trust_content_state_add(&sum, &one);
	}
	return sum;
}

#define LINES(...)                          \
	(const char *const[]){__VA_ARGS__}, \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

/* The change has come to these lines. */
static void
assert_sum(struct fixture *f, const char *const *lines, size_t n)
{
	struct trust_thumbprint want = digest_of(lines, n), is;
	int64_t n_records;

	assert_int_equal(trust_registry_replica_get_sum(
			     f->replica, &is, &n_records, &f->msg),
	    TRUST_OK);
	assert_int_equal(n_records, n);
	assert_memory_equal(&is, &want, sizeof(is));
}

/* Accept a notification of what the change has come to, and commit. */
static void
commit(struct fixture *f, int64_t serial)
{
	struct trust_notification_mark mark = {
	    .session = SESSION,
	    .serial = serial,
	    .this_update = 1000 * serial,
	    .next_update = 1000 * serial + 500,
	};

	assert_int_equal(trust_registry_replica_get_sum(
			     f->replica, &mark.state, &mark.n_records, &f->msg),
	    TRUST_OK);
	assert_int_equal(trust_registry_replica_accept(f->replica, &mark,
			     TRUST_REGISTRY_REPLICA_DELTAS,
			     trust_span_of("signed"), &f->msg),
	    TRUST_OK);
	if (trust_registry_replica_commit(f->replica, 7, &f->msg) != TRUST_OK)
		fail_msg("%s", f->msg.text);
}

static void
fill(struct fixture *f, const char *const *lines, size_t n)
{
	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(put(f, lines[i]), TRUST_OK);
	commit(f, 1);
}

static int64_t
count(struct fixture *f, enum trust_kind kind)
{
	struct trust_registry *registry =
	    scratch_open(f->scratch, TRUST_REGISTRY_READ);
	struct trust_registry_info info;

	assert_int_equal(
	    trust_registry_get_info(registry, &info, &f->msg), TRUST_OK);
	trust_registry_close(registry);
	return info.n_records[kind];
}

static void
assert_owner(struct fixture *f, const char *digest, const char *id)
{
	struct trust_registry *registry =
	    scratch_open(f->scratch, TRUST_REGISTRY_READ);
	struct trust_record *record = NULL;
	struct trust_thumbprint key;
	enum trust_err r;

	assert_int_equal(trust_thumbprint_parse(digest, &key), TRUST_OK);
	r = trust_registry_find_thumbprint(registry, &key, &record, &f->msg);
	assert_int_equal(r, id == NULL ? TRUST_ERR_NOT_FOUND : TRUST_OK);
	if (id != NULL)
		assert_string_equal(record->id, id);
	trust_record_free(record);
	trust_registry_close(registry);
}

/* ---- What it keeps ---- */

static void
it_begins_with_nothing(void **state)
{
	struct trust_registry_replica_state is, none = {0};
	struct fixture *f = *state;
	struct trust_buf newest = {0};

	load(f, &is);
	assert_memory_equal(&is, &none, sizeof(is));
	assert_int_equal(
	    trust_registry_replica_get_newest(f->replica, &newest, &f->msg),
	    TRUST_ERR_NOT_FOUND);
}

/* Member by member: what is between them is nobody's. */
static void
assert_same_mark(const struct trust_notification_mark *got,
    const struct trust_notification_mark *want)
{
	assert_string_equal(got->session, want->session);
	assert_int_equal(got->serial, want->serial);
	assert_int_equal(got->this_update, want->this_update);
	assert_int_equal(got->next_update, want->next_update);
	assert_int_equal(got->n_records, want->n_records);
	assert_true(trust_thumbprint_equal(&got->state, &want->state));
	assert_true(trust_thumbprint_equal(&got->parts, &want->parts));
}

static void
what_is_accepted_survives(void **state)
{
	struct trust_notification_mark mark = {.session = SESSION,
	    .serial = 42,
	    .this_update = 5,
	    .next_update = 6,
	    .n_records = 7,
	    .state = {{1}},
	    .parts = {{2}}};
	struct trust_registry_replica_state is;
	struct fixture *f = *state;
	struct trust_buf big = {0}, newest = {0};

	/* As large as there may be one. */
	big.len = TRUST_NOTIFICATION_MAX;
	big.p = calloc(1, big.len);
	assert_non_null(big.p);
	assert_int_equal(
	    trust_registry_replica_accept(f->replica, &mark,
		TRUST_REGISTRY_REPLICA_SNAPSHOT, trust_buf_get0(&big), &f->msg),
	    TRUST_OK);
	trust_registry_replica_close(f->replica);
	assert_int_equal(
	    trust_registry_replica_open(f->scratch->path, &f->replica, &f->msg),
	    TRUST_OK);
	load(f, &is);
	assert_same_mark(&is.newest, &mark);
	assert_string_equal(is.held.session, "");
	assert_int_equal(is.way, TRUST_REGISTRY_REPLICA_SNAPSHOT);
	assert_int_equal(
	    trust_registry_replica_get_newest(f->replica, &newest, &f->msg),
	    TRUST_OK);
	assert_int_equal(newest.len, big.len);
	assert_int_equal(trust_registry_replica_set_way(
			     f->replica, TRUST_REGISTRY_REPLICA_WAIT, &f->msg),
	    TRUST_OK);
	load(f, &is);
	assert_int_equal(is.way, TRUST_REGISTRY_REPLICA_WAIT);
	trust_buf_free(&big);
	trust_buf_free(&newest);
}

static void
refusals_add_up(void **state)
{
	uint64_t n[TRUST_N_SYNC_REASONS] = {0};
	struct trust_registry_replica_state is;
	struct fixture *f = *state;

	n[TRUST_SYNC_EXPIRED] = 3;
	n[TRUST_SYNC_TOO_LARGE] = 1;
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    trust_registry_replica_add_refused(f->replica, n, &f->msg),
		    TRUST_OK);
	load(f, &is);
	assert_int_equal(is.refused[TRUST_SYNC_EXPIRED], 6);
	assert_int_equal(is.refused[TRUST_SYNC_TOO_LARGE], 2);
	assert_int_equal(is.refused[TRUST_SYNC_MALFORMED], 0);
}

static void
a_load_is_only_of_news(void **state)
{
	uint64_t n[TRUST_N_SYNC_REASONS] = {0};
	struct trust_registry_replica *other;
	struct trust_registry_replica_state is;
	struct fixture *f = *state;
	bool changed;

	load(f, &is);
	n[TRUST_SYNC_EXPIRED] = 1;
	assert_int_equal(
	    trust_registry_replica_add_refused(f->replica, n, &f->msg),
	    TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_load(f->replica, &is, &changed, &f->msg),
	    TRUST_OK);
	assert_false(changed);
	assert_int_equal(
	    trust_registry_replica_open(f->scratch->path, &other, &f->msg),
	    TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_add_refused(other, n, &f->msg), TRUST_OK);
	/* What was loaded is no ground to begin from any more. */
	assert_int_equal(trust_registry_replica_begin(f->replica,
			     TRUST_REGISTRY_REPLICA_BY_DELTAS, &f->msg),
	    TRUST_ERR_CONFLICT);
	assert_int_equal(
	    trust_registry_replica_load(f->replica, &is, &changed, &f->msg),
	    TRUST_OK);
	assert_true(changed);
	assert_int_equal(is.refused[TRUST_SYNC_EXPIRED], 2);
	assert_int_equal(trust_registry_replica_begin(f->replica,
			     TRUST_REGISTRY_REPLICA_BY_DELTAS, &f->msg),
	    TRUST_OK);
	trust_registry_replica_rollback(f->replica);
	trust_registry_replica_close(other);
}

/* ---- From state to state ---- */

static void
a_commit_is_held(void **state)
{
	struct trust_registry_replica_state is;
	struct fixture *f = *state;

	fill(f, LINES(DEVICE("a", A), DEVICE("b", B), ROLE("r")));
	load(f, &is);
	assert_memory_equal(&is.held, &is.newest, sizeof(is.held));
	assert_int_equal(is.held.n_records, 3);
	assert_int_equal(is.held.serial, 1);
	assert_int_equal(is.applied_at, 7);
	assert_int_equal(count(f, TRUST_KIND_DEVICE), 2);
	assert_int_equal(count(f, TRUST_KIND_ROLE), 1);
	assert_owner(f, A, "a");
	assert_owner(f, B, "b");
}

static void
the_state_digest_follows_every_step(void **state)
{
	struct fixture *f = *state;

	fill(f, LINES(DEVICE("a", A), ROLE("r")));
	begin(f, TRUST_REGISTRY_REPLICA_BY_DELTAS);
	assert_int_equal(put(f, DEVICE("a", B)), TRUST_OK);
	assert_sum(f, LINES(DEVICE("a", B), ROLE("r")));
	assert_int_equal(put(f, DEVICE("b", A)), TRUST_OK);
	assert_sum(f, LINES(DEVICE("a", B), DEVICE("b", A), ROLE("r")));
	assert_int_equal(trust_registry_replica_remove(
			     f->replica, TRUST_KIND_ROLE, "r", &f->msg),
	    TRUST_OK);
	/* What is not there is not missed. */
	assert_int_equal(trust_registry_replica_remove(
			     f->replica, TRUST_KIND_ROLE, "r", &f->msg),
	    TRUST_OK);
	assert_int_equal(put(f, DEVICE("b", A)), TRUST_OK);
	assert_sum(f, LINES(DEVICE("a", B), DEVICE("b", A)));
	commit(f, 2);
	assert_owner(f, A, "b");
	assert_owner(f, B, "a");
}

/* The same record in another form: only its digest is new. */
static void
what_was_sent_is_what_counts(void **state)
{
	static const char lower[] = DEVICE("a", A);
	char upper[sizeof(lower)];
	struct fixture *f = *state;
	char *at;

	memcpy(upper, lower, sizeof(lower));
	at = strstr(upper, A);
	assert_non_null(at);
	memset(at, 'A', 64);
	fill(f, LINES(lower));
	begin(f, TRUST_REGISTRY_REPLICA_BY_DELTAS);
	assert_int_equal(put(f, upper), TRUST_OK);
	assert_sum(f, LINES(upper));
	commit(f, 2);
	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	assert_int_equal(put(f, lower), TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_sweep(f->replica, &f->msg), TRUST_OK);
	assert_sum(f, LINES(lower));
	commit(f, 3);
	assert_owner(f, A, "a");
}

static void
a_snapshot_is_all_that_there_is(void **state)
{
	struct fixture *f = *state;

	fill(f, LINES(DEVICE("a", A), DEVICE("b", B), ROLE("r"), ROLE("s")));
	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	assert_int_equal(put(f, DEVICE("b", B)), TRUST_OK);
	assert_int_equal(put(f, DEVICE("c", A)), TRUST_OK);
	assert_int_equal(put(f, ROLE("s")), TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_sweep(f->replica, &f->msg), TRUST_OK);
	assert_sum(f, LINES(DEVICE("b", B), DEVICE("c", A), ROLE("s")));
	assert_int_equal(
	    trust_registry_replica_check_claims(f->replica, &f->msg), TRUST_OK);
	/* What comes after it is no part of it. */
	assert_int_equal(put(f, ROLE("t")), TRUST_OK);
	assert_sum(
	    f, LINES(DEVICE("b", B), DEVICE("c", A), ROLE("s"), ROLE("t")));
	commit(f, 2);
	assert_owner(f, A, "c");
}

static bool
keep(struct fixture *f, const char *line)
{
	bool kept;

	assert_int_equal(trust_registry_replica_keep(
			     f->replica, trust_span_of(line), &kept, &f->msg),
	    TRUST_OK);
	return kept;
}

/* As a part of a snapshot is read. */
static void
name(struct fixture *f, const char *line)
{
	if (!keep(f, line))
		assert_int_equal(put(f, line), TRUST_OK);
}

static void
only_the_next_device_is_kept(void **state)
{
	struct fixture *f = *state;

	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	assert_false(keep(f, DEVICE("a", A)));
	trust_registry_replica_rollback(f->replica);
	fill(f, LINES(DEVICE("a", A), DEVICE("b", B), ROLE("r")));
	begin(f, TRUST_REGISTRY_REPLICA_BY_DELTAS);
	assert_false(keep(f, DEVICE("a", A)));
	trust_registry_replica_rollback(f->replica);
	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	assert_false(keep(f, ""));
	assert_false(keep(f, DEVICE("b", B)));
	assert_false(keep(f, DEVICE("a", C)));
	assert_false(keep(f, " " DEVICE("a", A)));
	assert_true(keep(f, DEVICE("a", A)));
	assert_false(keep(f, DEVICE("a", A)));
	assert_true(keep(f, DEVICE("b", B)));
	assert_false(keep(f, ROLE("r")));
	assert_int_equal(put(f, ROLE("r")), TRUST_OK);
	assert_false(keep(f, ROLE("r")));
	assert_int_equal(
	    trust_registry_replica_sweep(f->replica, &f->msg), TRUST_OK);
	assert_false(keep(f, DEVICE("a", A)));
	assert_sum(f, LINES(DEVICE("a", A), DEVICE("b", B), ROLE("r")));
	trust_registry_replica_rollback(f->replica);
}

/* Held: a, b, d, e and two roles. Gone, the same, new, moved. */
static const char *const in_order[] = {
    DEVICE("b", B), DEVICE("c", A), DEVICE("d", D), DEVICE("f", E), ROLE("s")};
#define N_IN_ORDER (sizeof(in_order) / sizeof(in_order[0]))

/* The snapshot by one of the orders that its lines can have; the first is
 * theirs. */
static void
apply_in_order(struct fixture *f, size_t order)
{
	const char *lines[N_IN_ORDER];

	memcpy(lines, in_order, sizeof(lines));
	for (size_t left = N_IN_ORDER; left > 0; left--) {
		size_t i = order % left;

		order /= left;
		name(f, lines[i]);
		memmove(&lines[i], &lines[i + 1],
		    (left - i - 1) * sizeof(lines[0]));
	}
}

static void
a_snapshot_comes_in_any_order(void **state)
{
	static const char *const held[] = {DEVICE("a", A), DEVICE("b", B),
	    DEVICE("d", C), DEVICE("e", E), ROLE("r"), ROLE("s")};
	struct fixture *f = *state;
	size_t n_orders = 1;

	for (size_t i = 2; i <= N_IN_ORDER; i++)
		n_orders *= i;
	fill(f, held, sizeof(held) / sizeof(held[0]));
	for (size_t order = 0; order < n_orders; order++) {
		begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
		apply_in_order(f, order);
		assert_int_equal(
		    trust_registry_replica_sweep(f->replica, &f->msg),
		    TRUST_OK);
		assert_sum(f, in_order, N_IN_ORDER);
		assert_int_equal(
		    trust_registry_replica_check_claims(f->replica, &f->msg),
		    TRUST_OK);
		trust_registry_replica_rollback(f->replica);
	}
	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	apply_in_order(f, n_orders - 1);
	assert_int_equal(
	    trust_registry_replica_sweep(f->replica, &f->msg), TRUST_OK);
	commit(f, 2);
	assert_owner(f, A, "c");
	assert_owner(f, B, "b");
	assert_owner(f, C, NULL);
	assert_owner(f, D, "d");
	assert_owner(f, E, "f");
	assert_int_equal(count(f, TRUST_KIND_DEVICE), 4);
	assert_int_equal(count(f, TRUST_KIND_ROLE), 1);
}

/* What a snapshot names twice is there once, as it was named last. */
static void
a_snapshot_repeats_itself(void **state)
{
	struct fixture *f = *state;

	fill(f, LINES(DEVICE("a", A), DEVICE("b", B), DEVICE("c", C)));
	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	name(f, DEVICE("c", C));
	name(f, DEVICE("a", D));
	name(f, DEVICE("c", A));
	name(f, DEVICE("a", E));
	name(f, DEVICE("c", C));
	assert_int_equal(
	    trust_registry_replica_sweep(f->replica, &f->msg), TRUST_OK);
	assert_sum(f, LINES(DEVICE("a", E), DEVICE("c", C)));
	assert_int_equal(
	    trust_registry_replica_check_claims(f->replica, &f->msg), TRUST_OK);
	commit(f, 2);
	assert_owner(f, A, NULL);
	assert_owner(f, B, NULL);
	assert_owner(f, C, "c");
	assert_owner(f, D, NULL);
	assert_owner(f, E, "a");
}

static void
a_rollback_leaves_the_state_held(void **state)
{
	struct trust_registry_replica_state before, after;
	struct fixture *f = *state;

	fill(f, LINES(DEVICE("a", A), DEVICE("b", B)));
	load(f, &before);
	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	assert_int_equal(put(f, DEVICE("c", C)), TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_sweep(f->replica, &f->msg), TRUST_OK);
	trust_registry_replica_rollback(f->replica);
	load(f, &after);
	assert_memory_equal(&before, &after, sizeof(after));
	assert_owner(f, A, "a");
	assert_owner(f, C, NULL);
	/* And from there it goes on. */
	begin(f, TRUST_REGISTRY_REPLICA_BY_DELTAS);
	assert_sum(f, LINES(DEVICE("a", A), DEVICE("b", B)));
	trust_registry_replica_rollback(f->replica);
}

/* ---- Claims, which snapshots defer ---- */

static void
two_claim_one_in_a_snapshot(void **state)
{
	struct fixture *f = *state;

	fill(f, LINES(DEVICE("a", A), DEVICE("b", B)));
	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	name(f, DEVICE("a", A));
	name(f, DEVICE("b", C));
	name(f, DEVICE_2("c", B, A));
	assert_int_equal(
	    trust_registry_replica_sweep(f->replica, &f->msg), TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_check_claims(f->replica, &f->msg),
	    TRUST_ERR_CONFLICT);
	assert_non_null(strstr(f->msg.text, A));
	trust_registry_replica_rollback(f->replica);
	assert_owner(f, A, "a");
	assert_owner(f, B, "b");
	assert_owner(f, C, NULL);
}

static void
two_claim_one_in_the_first_state(void **state)
{
	struct fixture *f = *state;

	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	assert_int_equal(put(f, DEVICE("a", A)), TRUST_OK);
	assert_int_equal(put(f, DEVICE_2("b", B, A)), TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_check_claims(f->replica, &f->msg),
	    TRUST_ERR_CONFLICT);
	assert_non_null(strstr(f->msg.text, A));
	trust_registry_replica_rollback(f->replica);
	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	trust_registry_replica_rollback(f->replica);
	assert_owner(f, A, NULL);
}

static void
two_claim_one_later(void **state)
{
	struct fixture *f = *state;

	fill(f, LINES(DEVICE("a", A)));
	begin(f, TRUST_REGISTRY_REPLICA_BY_DELTAS);
	assert_int_equal(put(f, DEVICE("b", A)), TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_check_claims(f->replica, &f->msg),
	    TRUST_ERR_CONFLICT);
	trust_registry_replica_rollback(f->replica);
	assert_owner(f, A, "a");
}

/* The first state with deltas behind its snapshot: devices come again. */
static void
a_claim_moves_in_the_first_state(void **state)
{
	struct fixture *f = *state;

	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	assert_int_equal(put(f, DEVICE("a", A)), TRUST_OK);
	assert_int_equal(put(f, DEVICE("b", B)), TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_sweep(f->replica, &f->msg), TRUST_OK);
	assert_int_equal(put(f, DEVICE("a", B)), TRUST_OK);
	assert_int_equal(put(f, DEVICE("b", C)), TRUST_OK);
	assert_int_equal(put(f, DEVICE("c", A)), TRUST_OK);
	assert_int_equal(
	    trust_registry_replica_check_claims(f->replica, &f->msg), TRUST_OK);
	commit(f, 1);
	assert_owner(f, A, "c");
	assert_owner(f, B, "a");
	assert_owner(f, C, "b");
}

/* ---- What is taken away ---- */

static int64_t
lost(struct fixture *f, int percent, int64_t least)
{
	int64_t n_held, n_lost;

	if (trust_registry_replica_count_lost(f->replica, percent, least,
		&n_held, &n_lost, &f->msg) != TRUST_OK)
		fail_msg("%s", f->msg.text);
	return n_lost;
}

/* Devices p0 …, with `more` in each record. */
static void
put_devices(struct fixture *f, int n, const char *more)
{
	char line[256];

	for (int i = 0; i < n; i++) {
		snprintf(line, sizeof(line),
		    "{\"kind\":\"device\",\"id\":\"p%d\",\"auth\":{"
		    "\"type\":\"thumbprint\",\"primary\":\"%064x\"}%s}",
		    i, i, more);
		assert_int_equal(put(f, line), TRUST_OK);
	}
}

static void
what_is_lost_is_counted_once(void **state)
{
	struct fixture *f = *state;
	char id[32];

	begin(f, TRUST_REGISTRY_REPLICA_BY_SNAPSHOT);
	put_devices(f, 20, ",\"roles\":[\"r\"]");
	assert_int_equal(put(f, ROLE("r")), TRUST_OK);
	assert_int_equal(lost(f, 0, 0), 0);
	commit(f, 1);

	/* 4 gone, 3 of them to come again; 2 disabled; 1 without its role. */
	begin(f, TRUST_REGISTRY_REPLICA_BY_DELTAS);
	for (int i = 0; i < 4; i++) {
		snprintf(id, sizeof(id), "p%d", i);
		assert_int_equal(trust_registry_replica_remove(f->replica,
				     TRUST_KIND_DEVICE, id, &f->msg),
		    TRUST_OK);
	}
	put_devices(f, 3, "");
	assert_int_equal(lost(f, 0, 0), 1);
	put_devices(f, 2, ",\"status\":\"disabled\"");
	assert_int_equal(lost(f, 0, 0), 3);
	put_devices(f, 1, ",\"roles\":[\"none\"]");
	assert_int_equal(lost(f, 0, 0), 3);
	/* The role goes, and takes along those that had no other. */
	assert_int_equal(trust_registry_replica_remove(
			     f->replica, TRUST_KIND_ROLE, "r", &f->msg),
	    TRUST_OK);
	assert_int_equal(lost(f, 0, 0), 19);
	/* Below what may go, nobody counts. */
	assert_int_equal(lost(f, 100, 20), 0);
	trust_registry_replica_rollback(f->replica);
}

/* ---- Older files ---- */

static void
an_older_registry_is_migrated(void **state)
{
	static const char schema_1[] =
	    "PRAGMA application_id = 0x54725267;"
	    "CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL)"
	    " STRICT, WITHOUT ROWID;"
	    "INSERT INTO meta VALUES('generation', 0), ('changes_after', 0),"
	    " ('role', 'origin');"
	    "CREATE TABLE record(kind INTEGER, id TEXT, line BLOB NOT NULL,"
	    " PRIMARY KEY(kind, id)) STRICT, WITHOUT ROWID;"
	    "INSERT INTO record VALUES(5, 'r', CAST('" ROLE(
		"r") "' AS BLOB));"
		     "CREATE TABLE claim(claim INTEGER, digest BLOB, device "
		     "TEXT,"
		     " PRIMARY KEY(claim, digest, device)) STRICT, WITHOUT "
		     "ROWID;"
		     "CREATE TABLE count(kind INTEGER PRIMARY KEY, n INTEGER "
		     "NOT NULL)"
		     " STRICT;"
		     "INSERT INTO count VALUES(1, 0), (2, 0), (3, 0), (4, 0), "
		     "(5, 1),"
		     " (6, 0), (7, 0);"
		     "CREATE TABLE change(seq INTEGER PRIMARY KEY,"
		     " generation INTEGER NOT NULL, kind INTEGER NOT NULL,"
		     " id TEXT NOT NULL) STRICT;"
		     "PRAGMA user_version = 1";
	struct fixture *f = *state;
	sqlite3 *db = NULL;

	trust_registry_replica_close(f->replica);
	f->replica = NULL;
	(void)scratch_count(f->scratch, true);
	assert_int_equal(sqlite3_open(f->scratch->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_exec(db, schema_1, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(
	    scratch_change(f->scratch, LINES(DEVICE("a", A), ROLE("r"))),
	    TRUST_OK);
	assert_int_equal(count(f, TRUST_KIND_ROLE), 1);
	assert_owner(f, A, "a");
}

/* ---- Parts on disk ---- */

static struct trust_thumbprint
sha256(const char *part)
{
	struct trust_thumbprint out;

	assert_int_equal(
	    trust_thumbprint_of(trust_span_of(part), &out), TRUST_OK);
	return out;
}

static struct trust_registry_staging *
open_staging(struct fixture *f)
{
	struct trust_registry_staging *staging = NULL;

	if (trust_registry_staging_open(f->scratch->path, &staging, &f->msg) !=
	    TRUST_OK)
		fail_msg("%s", f->msg.text);
	return staging;
}

static void
stage(struct trust_registry_staging *staging, const char *part)
{
	struct trust_thumbprint digest = sha256(part);

	assert_int_equal(trust_registry_staging_put(
			     staging, &digest, trust_span_of(part), NULL),
	    TRUST_OK);
}

static bool
is_staged(struct trust_registry_staging *staging, const char *part)
{
	struct trust_thumbprint digest = sha256(part);
	struct trust_buf out = {0};
	enum trust_err r;
	bool has;

	assert_int_equal(
	    trust_registry_staging_has(staging, &digest, &has, NULL), TRUST_OK);
	r = trust_registry_staging_get(staging, &digest, &out, NULL);
	assert_int_equal(r, has ? TRUST_OK : TRUST_ERR_NOT_FOUND);
	if (has) {
		assert_int_equal(out.len, strlen(part));
		assert_memory_equal(out.p, part, out.len);
	}
	trust_buf_free(&out);
	return has;
}

static void
parts_stay_until_they_are_dropped(void **state)
{
	struct fixture *f = *state;
	struct trust_registry_staging *staging = open_staging(f);
	struct trust_thumbprint keep = sha256("two\n");

	stage(staging, "one\n");
	stage(staging, "two\n");
	stage(staging, "two\n");
	trust_registry_staging_close(staging);
	staging = open_staging(f);
	assert_true(is_staged(staging, "one\n"));
	assert_true(is_staged(staging, "two\n"));
	assert_false(is_staged(staging, "three\n"));
	assert_int_equal(
	    trust_registry_staging_begin_keep(staging, NULL), TRUST_OK);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    trust_registry_staging_keep(staging, &keep, NULL),
		    TRUST_OK);
	assert_int_equal(
	    trust_registry_staging_end_keep(staging, NULL), TRUST_OK);
	assert_false(is_staged(staging, "one\n"));
	assert_true(is_staged(staging, "two\n"));
	assert_int_equal(trust_registry_staging_clear(staging, NULL), TRUST_OK);
	assert_false(is_staged(staging, "two\n"));
	trust_registry_staging_close(staging);
}

static void
the_room_is_given_back(void **state)
{
	struct fixture *f = *state;
	struct trust_registry_staging *staging = open_staging(f);
	char *part = malloc(TRUST_PART_MAX);
	char path[96];
	struct stat st;

	assert_non_null(part);
	memset(part, 'x', TRUST_PART_MAX);
	part[TRUST_PART_MAX - 1] = '\0';
	for (int i = 0; i < 64; i++) {
		part[0] = (char)('0' + i);
		stage(staging, part);
	}
	assert_int_equal(trust_registry_staging_clear(staging, NULL), TRUST_OK);
	snprintf(path, sizeof(path), "%s.staging", f->scratch->path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 256 * 1024);
	trust_registry_staging_close(staging);
	free(part);
}

/* A disk that forgets: the part is fetched again. */
static void
a_part_that_changed_is_dropped(void **state)
{
	static const char part[] = "{\"put\":\"something to be found\"}\n";
	struct fixture *f = *state;
	struct trust_registry_staging *staging = open_staging(f);
	struct trust_thumbprint digest = sha256(part);
	struct trust_buf out = {0};
	char path[96];
	uint8_t *p, *at;
	size_t len;
	bool has;

	stage(staging, part);
	trust_registry_staging_close(staging);
	snprintf(path, sizeof(path), "%s.staging", f->scratch->path);
	p = scratch_read(path, &len);
	at = memmem(p, len, part, strlen(part));
	assert_non_null(at);
	if (at != NULL)
		at[10] ^= 1;
	scratch_write(path, p, len);
	free(p);
	staging = open_staging(f);
	assert_int_equal(
	    trust_registry_staging_get(staging, &digest, &out, NULL),
	    TRUST_ERR_NOT_FOUND);
	assert_int_equal(out.len, 0);
	assert_int_equal(
	    trust_registry_staging_has(staging, &digest, &has, NULL), TRUST_OK);
	assert_false(has);
	trust_registry_staging_close(staging);
}

static void
a_damaged_staging_file_is_made_anew(void **state)
{
	struct fixture *f = *state;
	struct trust_registry_staging *staging = open_staging(f);
	char path[96];
	uint8_t *p;
	size_t len;

	stage(staging, "one\n");
	trust_registry_staging_close(staging);
	snprintf(path, sizeof(path), "%s.staging", f->scratch->path);
	p = scratch_read(path, &len);
	memset(p + 100, 0xa5, len - 100);
	scratch_write(path, p, len);
	free(p);
	staging = open_staging(f);
	assert_false(is_staged(staging, "one\n"));
	stage(staging, "one\n");
	assert_true(is_staged(staging, "one\n"));
	trust_registry_staging_close(staging);
}

/* Somebody else's file of that name is left alone. */
static void
a_foreign_staging_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct trust_registry_staging *staging;
	char path[96], text[256];
	uint8_t *p;
	size_t len;

	memset(text, 'x', sizeof(text));
	snprintf(path, sizeof(path), "%s.staging", f->scratch->path);
	scratch_write(path, text, sizeof(text));
	assert_int_equal(
	    trust_registry_staging_open(f->scratch->path, &staging, &f->msg),
	    TRUST_ERR_FOREIGN);
	assert_null(staging);
	p = scratch_read(path, &len);
	assert_int_equal(len, sizeof(text));
	assert_memory_equal(p, text, len);
	free(p);
}

/* ---- The time floor ---- */

static void
the_floor_only_rises(void **state)
{
	struct fixture *f = *state;
	struct trust_local *local = NULL;
	int64_t floor;

	assert_int_equal(trust_local_open(f->scratch->path, TRUST_LOCAL_MAKE,
			     &local, &f->msg),
	    TRUST_OK);
	assert_int_equal(
	    trust_local_get_floor(local, &floor, &f->msg), TRUST_OK);
	assert_int_equal(floor, TRUST_BUILD_DATE);
	assert_int_equal(
	    trust_local_raise_floor(local, TRUST_BUILD_DATE + 9, &f->msg),
	    TRUST_OK);
	assert_int_equal(
	    trust_local_raise_floor(local, TRUST_BUILD_DATE + 5, &f->msg),
	    TRUST_OK);
	trust_local_close(local);
	assert_int_equal(trust_local_open(f->scratch->path, TRUST_LOCAL_MAKE,
			     &local, &f->msg),
	    TRUST_OK);
	assert_int_equal(
	    trust_local_get_floor(local, &floor, &f->msg), TRUST_OK);
	assert_int_equal(floor, TRUST_BUILD_DATE + 9);
	trust_local_close(local);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_begins_with_nothing),
	    TEST(what_is_accepted_survives),
	    TEST(refusals_add_up),
	    TEST(a_load_is_only_of_news),
	    TEST(a_commit_is_held),
	    TEST(the_state_digest_follows_every_step),
	    TEST(what_was_sent_is_what_counts),
	    TEST(a_snapshot_is_all_that_there_is),
	    TEST(only_the_next_device_is_kept),
	    TEST(a_snapshot_comes_in_any_order),
	    TEST(a_snapshot_repeats_itself),
	    TEST(a_rollback_leaves_the_state_held),
	    TEST(two_claim_one_in_a_snapshot),
	    TEST(two_claim_one_in_the_first_state),
	    TEST(two_claim_one_later),
	    TEST(a_claim_moves_in_the_first_state),
	    TEST(what_is_lost_is_counted_once),
	    TEST(an_older_registry_is_migrated),
	    TEST(parts_stay_until_they_are_dropped),
	    TEST(the_room_is_given_back),
	    TEST(a_part_that_changed_is_dropped),
	    TEST(a_damaged_staging_file_is_made_anew),
	    TEST(a_foreign_staging_file_is_refused),
	    TEST(the_floor_only_rises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
