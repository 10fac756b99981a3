/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a gateway remembers beside its registry.
 */
#include "registry_scratch.h"

#include <sqlite3.h>
#include <sys/wait.h>

#include "block.h"
#include "seen.h"
#include "token.h"

/* The user that owns nothing. */
#define NOBODY 65534

static struct trust_local *
open_local(struct scratch *s)
{
	struct trust_local *local = NULL;

	if (trust_local_open(s->path, TRUST_LOCAL_MAKE, &local, &s->msg) !=
	    TRUST_OK)
		fail_msg("%s", s->msg.text);
	return local;
}

/* The group that is remembered, "" for none. */
static const char *
group_of(struct scratch *s, struct trust_local *local, const char *device)
{
	static char group[TRUST_ID_MAX + 1];
	enum trust_err r =
	    trust_local_find_device(local, device, group, &s->msg);

	if (r != TRUST_OK)
		assert_int_equal(r, TRUST_ERR_NOT_FOUND);
	return group;
}

static void
remember(struct scratch *s, struct trust_local *local, const char *device,
    const char *group)
{
	bool news;

	assert_int_equal(
	    trust_local_remember_device(local, device, group, &news, &s->msg),
	    TRUST_OK);
	assert_true(news);
	assert_int_equal(
	    trust_local_remember_device(local, device, group, &news, &s->msg),
	    TRUST_OK);
	assert_false(news);
}

static void
devices_are_remembered(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);

	assert_string_equal(group_of(s, local, "temp-01"), "");
	remember(s, local, "temp-01", "plant-7");
	remember(s, local, "temp-02", "plant-7");
	assert_string_equal(group_of(s, local, "temp-01"), "plant-7");
	remember(s, local, "temp-01", "plant-8");
	trust_local_close(local);
	local = open_local(s);
	assert_string_equal(group_of(s, local, "temp-01"), "plant-8");
	assert_string_equal(group_of(s, local, "temp-02"), "plant-7");
	assert_string_equal(group_of(s, local, "TEMP-01"), "");
	trust_local_close(local);
}

static void
bridges_are_remembered(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);

	assert_int_equal(trust_local_find_bridge(local, "gw1.up", &s->msg),
	    TRUST_ERR_NOT_FOUND);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
		    trust_local_remember_bridge(local, "gw1.up", &s->msg),
		    TRUST_OK);
	trust_local_close(local);
	local = open_local(s);
	assert_int_equal(
	    trust_local_find_bridge(local, "gw1.up", &s->msg), TRUST_OK);
	assert_int_equal(trust_local_find_bridge(local, "gw1.down", &s->msg),
	    TRUST_ERR_NOT_FOUND);
	trust_local_close(local);
}

static void
pins_are_remembered(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	const struct trust_thumbprint a = {.b = {1}}, b = {.b = {2}};
	struct trust_local_pin found;

	assert_int_equal(trust_local_find_pin(local, "temp-01", &found, NULL),
	    TRUST_ERR_NOT_FOUND);
	assert_int_equal(
	    trust_local_unpin(local, "temp-01", &s->msg), TRUST_ERR_NOT_FOUND);
	assert_int_equal(
	    trust_local_pin(local, "temp-01", &a, &s->msg), TRUST_OK);
	/* Never replaced. */
	assert_int_not_equal(
	    trust_local_pin(local, "temp-01", &b, NULL), TRUST_OK);
	trust_local_close(local);
	local = open_local(s);
	assert_int_equal(
	    trust_local_find_pin(local, "temp-01", &found, &s->msg), TRUST_OK);
	assert_true(trust_thumbprint_equal(&found.key, &a));
	assert_false(found.renewed);
	assert_int_equal(trust_local_find_pin(local, "temp-02", &found, NULL),
	    TRUST_ERR_NOT_FOUND);
	assert_int_equal(
	    trust_local_unpin(local, "temp-01", &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_local_pin(local, "temp-01", &b, &s->msg), TRUST_OK);
	trust_local_close(local);
}

/* The key of a device, and the one that will follow. */
static struct trust_local_pin
pin_of(struct scratch *s, struct trust_local *local, const char *device)
{
	struct trust_local_pin pin;

	assert_int_equal(
	    trust_local_find_pin(local, device, &pin, &s->msg), TRUST_OK);
	return pin;
}

static void
pins_are_renewed(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	const struct trust_thumbprint a = {.b = {1}}, b = {.b = {2}},
				      c = {.b = {3}};
	struct trust_local_pin pin;

	assert_int_equal(
	    trust_local_renew_pin(local, "a", &b, &s->msg), TRUST_OK);
	assert_int_equal(trust_local_find_pin(local, "a", &pin, &s->msg),
	    TRUST_ERR_NOT_FOUND);
	assert_int_equal(trust_local_pin(local, "a", &a, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_local_renew_pin(local, "a", &a, &s->msg), TRUST_OK);
	assert_false(pin_of(s, local, "a").renewed);
	assert_int_equal(
	    trust_local_renew_pin(local, "a", &b, &s->msg), TRUST_OK);
	trust_local_close(local);
	local = open_local(s);
	pin = pin_of(s, local, "a");
	assert_true(pin.renewed && trust_thumbprint_equal(&pin.key, &a) &&
		    trust_thumbprint_equal(&pin.next, &b));
	/* The later of two counts. */
	assert_int_equal(
	    trust_local_renew_pin(local, "a", &c, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_local_take_pin(local, "a", &b, &s->msg), TRUST_OK);
	assert_true(pin_of(s, local, "a").renewed);
	assert_int_equal(
	    trust_local_take_pin(local, "a", &c, &s->msg), TRUST_OK);
	pin = pin_of(s, local, "a");
	assert_true(!pin.renewed && trust_thumbprint_equal(&pin.key, &c));
	trust_local_close(local);
}

/* ---- Uses of tokens ---- */

static const struct trust_thumbprint secret = {.b = {7}};
static const struct trust_token_id token = {"t-1", &secret};

static enum trust_err
spend(struct trust_local *local, int64_t uses, uint8_t key)
{
	const struct trust_thumbprint k = {.b = {key}};

	return trust_token_spend(local, &token, uses, "temp-01", &k, NULL);
}

static struct trust_token_uses
count(struct scratch *s, struct trust_local *local, uint8_t key)
{
	const struct trust_thumbprint k = {.b = {key}};
	struct trust_token_uses uses;

	assert_int_equal(
	    trust_token_count(local, &token, &k, &uses, &s->msg), TRUST_OK);
	return uses;
}

static bool
finish(struct scratch *s, struct trust_local *local, const char *device,
    uint8_t key)
{
	const struct trust_thumbprint k = {.b = {key}};
	bool any;

	assert_int_equal(
	    trust_token_finish(local, device, &k, &any, &s->msg), TRUST_OK);
	return any;
}

static void
uses_are_spent_once(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	struct trust_token_uses uses = count(s, local, 1);

	assert_false(uses.is_spent || uses.is_finished);
	assert_int_equal(uses.n_spent, 0);
	assert_int_equal(spend(local, 2, 1), TRUST_OK);
	assert_int_equal(spend(local, 2, 1), TRUST_OK);
	assert_int_equal(spend(local, 2, 2), TRUST_OK);
	assert_int_equal(spend(local, 2, 3), TRUST_ERR_CONFLICT);
	trust_local_close(local);
	local = open_local(s);
	/* What was spent on a key stays so, also where fewer are allowed. */
	assert_int_equal(spend(local, 1, 2), TRUST_OK);
	assert_int_equal(spend(local, 2, 3), TRUST_ERR_CONFLICT);
	assert_int_equal(spend(local, 3, 3), TRUST_OK);
	assert_int_equal(count(s, local, 1).n_spent, 3);
	assert_int_equal(count(s, local, 1).n_finished, 0);
	trust_local_close(local);
}

static void
uses_are_finished(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);

	assert_false(finish(s, local, "temp-01", 1));
	assert_int_equal(spend(local, 2, 1), TRUST_OK);
	assert_int_equal(spend(local, 2, 2), TRUST_OK);
	assert_false(finish(s, local, "temp-02", 1));
	assert_false(finish(s, local, "temp-01", 3));
	trust_local_close(local);
	local = open_local(s); /* knows that some are open */
	assert_true(finish(s, local, "temp-01", 1));
	assert_false(finish(s, local, "temp-01", 1));
	assert_true(count(s, local, 1).is_finished);
	assert_false(count(s, local, 2).is_finished);
	assert_int_equal(count(s, local, 2).n_finished, 1);
	assert_true(finish(s, local, "temp-01", 2));
	assert_int_equal(count(s, local, 2).n_finished, 2);
	trust_local_close(local);
}

/* A record that got another secret is another token. */
static void
another_secret_is_another_token(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	const struct trust_thumbprint other = {.b = {8}}, key = {.b = {2}};
	const struct trust_token_id renewed = {"t-1", &other};
	struct trust_token_uses uses;

	assert_int_equal(spend(local, 1, 1), TRUST_OK);
	assert_int_equal(
	    trust_token_count(local, &renewed, NULL, &uses, &s->msg), TRUST_OK);
	assert_int_equal(uses.n_spent, 0);
	assert_int_equal(
	    trust_token_spend(local, &renewed, 1, "temp-01", &key, &s->msg),
	    TRUST_OK);
	assert_int_equal(spend(local, 1, 2), TRUST_ERR_CONFLICT);
	trust_local_close(local);
}

static void
the_first_remembered_go(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	char name[32];

	for (int i = 0; i < TRUST_LOCAL_BRIDGES_MAX + 5; i++) {
		snprintf(name, sizeof(name), "bridge-%d", i);
		assert_int_equal(
		    trust_local_remember_bridge(local, name, &s->msg),
		    TRUST_OK);
	}
	assert_int_equal(trust_local_find_bridge(local, "bridge-4", &s->msg),
	    TRUST_ERR_NOT_FOUND);
	assert_int_equal(
	    trust_local_find_bridge(local, "bridge-5", &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_local_find_bridge(local, name, &s->msg), TRUST_OK);
	trust_local_close(local);
}

/* What is still shown stays remembered, however many others there were. */
static void
servers_that_are_shown_stay(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	const struct trust_thumbprint stays = {{0xff}}, goes = {{0xfe}};
	struct trust_thumbprint other = {{0}};
	bool any, news;

	assert_int_equal(
	    trust_local_has_server(local, &any, &s->msg), TRUST_OK);
	assert_false(any);
	assert_int_equal(
	    trust_local_remember_server(local, &goes, &news, &s->msg),
	    TRUST_OK);
	assert_true(news);
	for (int i = 0; i < TRUST_LOCAL_SERVERS_MAX; i++) {
		other.b[1] = (uint8_t)i;
		assert_int_equal(
		    trust_local_remember_server(local, &other, &news, &s->msg),
		    TRUST_OK);
		assert_true(news);
		assert_int_equal(
		    trust_local_remember_server(local, &stays, &news, &s->msg),
		    TRUST_OK);
		assert_int_equal(news, i == 0);
	}
	trust_local_close(local);
	local = open_local(s);
	assert_int_equal(
	    trust_local_has_server(local, &any, &s->msg), TRUST_OK);
	assert_true(any);
	assert_int_equal(
	    trust_local_remember_server(local, &stays, &news, &s->msg),
	    TRUST_OK);
	assert_false(news);
	assert_int_equal(
	    trust_local_remember_server(local, &goes, &news, &s->msg),
	    TRUST_OK);
	assert_true(news);
	trust_local_close(local);
}

/* One that changes its group again and again does not drive the others out. */
static void
a_device_that_changes_keeps_its_place(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	char name[32];

	remember(s, local, "first", "a");
	for (int i = 1; i < TRUST_LOCAL_DEVICES_MAX; i++) {
		snprintf(name, sizeof(name), "temp-%d", i);
		remember(s, local, name, "a");
	}
	for (int i = 0; i < 100; i++)
		remember(s, local, "temp-1", i % 2 == 0 ? "b" : "a");
	assert_string_equal(group_of(s, local, "first"), "a");
	remember(s, local, "last", "a");
	assert_string_equal(group_of(s, local, "first"), "");
	assert_string_equal(group_of(s, local, "temp-1"), "a");
	assert_string_equal(group_of(s, local, "last"), "a");
	trust_local_close(local);
}

static void
what_is_no_memory_is_refused(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local;
	char path[96];
	uint8_t *p;
	size_t len;

	snprintf(path, sizeof(path), "%s.local", s->path);
	scratch_write(path, "mine", 4);
	assert_int_equal(
	    trust_local_open(s->path, TRUST_LOCAL_MAKE, &local, &s->msg),
	    TRUST_ERR_FOREIGN);
	assert_null(local);
	assert_non_null(strstr(s->msg.text, path));
	assert_int_equal(unlink(path), 0);
	/* Nor is a registry. */
	scratch_create(s);
	p = scratch_read(s->path, &len);
	scratch_write(path, p, len);
	free(p);
	assert_int_equal(
	    trust_local_open(s->path, TRUST_LOCAL_MAKE, &local, &s->msg),
	    TRUST_ERR_FOREIGN);
}

static void
a_damaged_memory_is_named(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	char path[96];
	uint8_t *p;
	size_t len;

	remember(s, local, "temp-01", "plant-7");
	trust_local_close(local);
	snprintf(path, sizeof(path), "%s.local", s->path);
	p = scratch_read(path, &len);
	memset(p + 100, 0xa5, len - 100);
	scratch_write(path, p, len);
	free(p);
	assert_int_equal(
	    trust_local_open(s->path, TRUST_LOCAL_MAKE, &local, &s->msg),
	    TRUST_ERR_DAMAGED);
	assert_non_null(strstr(s->msg.text, path));
	assert_non_null(strstr(s->msg.text, "move it away"));
}

static void
it_needs_a_directory(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local;

	assert_int_equal(trust_local_open("/nowhere/devices.db",
			     TRUST_LOCAL_MAKE, &local, &s->msg),
	    TRUST_ERR_NOT_FOUND);
	assert_null(local);
	assert_non_null(strstr(s->msg.text, "cannot be made"));
}

/* What it comes to to open it without any rights, in a process of its own. */
static int
open_as_nobody(struct scratch *s)
{
	struct trust_local *local = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() != 0 || setuid(NOBODY) == 0)
			r = trust_local_open(
			    s->path, TRUST_LOCAL_READ, &local, &s->msg);
		_exit(strstr(s->msg.text, "for user ") != NULL ? (int)r : 99);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* It is there: nobody may take it for one that is empty. */
static void
what_may_not_be_read_is_no_answer(void **state)
{
	struct scratch *s = *state;
	char path[96];

	trust_local_close(open_local(s));
	snprintf(path, sizeof(path), "%s.local", s->path);
	assert_int_equal(chmod(s->dir, 0755), 0);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(open_as_nobody(s), TRUST_ERR_IO);
	assert_int_equal(chmod(path, 0600), 0);
}

static void
reading_makes_nothing(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local;
	char path[96];

	assert_int_equal(
	    trust_local_open(s->path, TRUST_LOCAL_READ, &local, &s->msg),
	    TRUST_ERR_NOT_FOUND);
	assert_null(local);
	snprintf(path, sizeof(path), "%s.local", s->path);
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- Who is blocked ---- */

static void
change(struct scratch *s, struct trust_local *local,
    struct trust_block_change *v, size_t n)
{
	assert_int_equal(trust_block_change(local, v, n, &s->msg), TRUST_OK);
}

static void
blocks_last(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	struct trust_block_change v[] = {{.device = "c", .block = true},
	    {.device = "a", .block = true}, {.device = "b", .block = true},
	    {.device = "a"}, {.device = "d"}, {.device = "c", .block = true}};
	const bool was[] = {false, false, false, true, false, true};
	char ids[3][TRUST_ID_MAX + 1];
	int64_t count;
	size_t n;

	change(s, local, v, 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(v[i].was_blocked, was[i]);
	trust_local_close(local);
	local = open_local(s);
	assert_int_equal(trust_block_find(local, "b", &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_block_find(local, "a", &s->msg), TRUST_ERR_NOT_FOUND);
	assert_int_equal(trust_block_count(local, &count, &s->msg), TRUST_OK);
	assert_int_equal(count, 2);
	assert_int_equal(
	    trust_block_list(local, "", ids, 3, &n, &s->msg), TRUST_OK);
	assert_int_equal(n, 2);
	assert_string_equal(ids[0], "b");
	assert_string_equal(ids[1], "c");
	assert_int_equal(
	    trust_block_list(local, "b", ids, 1, &n, &s->msg), TRUST_OK);
	assert_string_equal(ids[0], "c");
	trust_local_close(local);
}

/* What the next start will not find is not done. */
static void
blocks_are_not_written_into_thin_air(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	struct trust_block_change first = {.device = "a", .block = true};
	struct trust_block_change second = {.device = "b", .block = true};
	char path[96], away[96];

	change(s, local, &first, 1);
	snprintf(path, sizeof(path), "%s.local", s->path);
	snprintf(away, sizeof(away), "%s.away", s->path);
	assert_int_equal(rename(path, away), 0);
	assert_int_equal(
	    trust_block_change(local, &second, 1, &s->msg), TRUST_ERR_IO);
	assert_non_null(strstr(s->msg.text, path));
	assert_int_equal(trust_block_find(local, "a", &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_block_find(local, "b", &s->msg), TRUST_ERR_NOT_FOUND);
	assert_int_equal(rename(away, path), 0);
	change(s, local, &second, 1);
	assert_int_equal(trust_block_find(local, "b", &s->msg), TRUST_OK);
	trust_local_close(local);
}

/* A search in such a table misses who is there. */
static void
a_table_out_of_order_is_damaged(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	struct trust_block_change v[] = {{.device = "first-01", .block = true},
	    {.device = "later-01", .block = true}};
	char path[96];
	uint8_t *p;
	size_t len;

	change(s, local, v, 2);
	trust_local_close(local);
	snprintf(path, sizeof(path), "%s.local", s->path);
	p = scratch_read(path, &len);
	memcpy(memmem(p, len, "first-01", 8), "xirst", 5);
	scratch_write(path, p, len);
	free(p);
	assert_int_equal(
	    trust_local_open(s->path, TRUST_LOCAL_MAKE, &local, &s->msg),
	    TRUST_ERR_DAMAGED);
	assert_non_null(strstr(s->msg.text, path));
}

/* ---- Who was here ---- */

static struct trust_seen
seen(const char *device, int64_t at, int64_t not_after)
{
	struct trust_seen one = {
	    .at = at,
	    .address = "192.0.2.7",
	    .reason = TRUST_REASON_KEY_MATCH,
	    .thumbprint = {.b = {(uint8_t)at}},
	    .not_after = not_after,
	};

	(void)snprintf(one.device, sizeof(one.device), "%s", device);
	return one;
}

static void
store(struct scratch *s, struct trust_local *local, const char *device,
    int64_t at, int64_t not_after)
{
	struct trust_seen one = seen(device, at, not_after);

	assert_int_equal(trust_seen_store(local, &one, 1, &s->msg), TRUST_OK);
}

static void
the_last_time_counts(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	struct trust_seen found;

	assert_int_equal(trust_seen_find(local, "temp-01", &found, &s->msg),
	    TRUST_ERR_NOT_FOUND);
	store(s, local, "temp-01", 5, 100);
	store(s, local, "temp-01", 7, 200);
	trust_local_close(local);
	local = open_local(s);
	assert_int_equal(
	    trust_seen_find(local, "temp-01", &found, &s->msg), TRUST_OK);
	assert_string_equal(found.device, "temp-01");
	assert_string_equal(found.address, "192.0.2.7");
	assert_int_equal(found.at, 7);
	assert_int_equal(found.not_after, 200);
	assert_int_equal(found.reason, TRUST_REASON_KEY_MATCH);
	assert_int_equal(found.thumbprint.b[0], 7);
	trust_local_close(local);
}

static void
assert_ids(const struct trust_seen *v, size_t n, const char *ids)
{
	struct trust_buf got = {0};

	for (size_t i = 0; i < n; i++)
		assert_int_equal(
		    trust_buf_printf(&got, "%s ", v[i].device), TRUST_OK);
	assert_string_equal(got.p == NULL ? "" : (char *)got.p, ids);
	trust_buf_free(&got);
}

static void
who_was_here_is_listed_in_pages(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	struct trust_seen v[2];
	size_t n;

	store(s, local, "c", 1, 30);
	store(s, local, "a", 2, 50);
	store(s, local, "b", 3, 40);
	assert_int_equal(
	    trust_seen_list(local, "", v, 2, &n, &s->msg), TRUST_OK);
	assert_ids(v, n, "a b ");
	assert_int_equal(
	    trust_seen_list(local, "b", v, 2, &n, &s->msg), TRUST_OK);
	assert_ids(v, n, "c ");
	assert_int_equal(
	    trust_seen_list(local, "c", v, 2, &n, &s->msg), TRUST_OK);
	assert_ids(v, n, "");
	assert_int_equal(
	    trust_seen_list_ending(local, 40, 0, v, 2, &n, &s->msg), TRUST_OK);
	assert_ids(v, n, "c b ");
	assert_int_equal(
	    trust_seen_list_ending(local, 99, 2, v, 2, &n, &s->msg), TRUST_OK);
	assert_ids(v, n, "a ");
	assert_int_equal(
	    trust_seen_list_ending(local, 29, 0, v, 2, &n, &s->msg), TRUST_OK);
	assert_ids(v, n, "");
	trust_local_close(local);
}

static void
what_is_stored_others_see(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	struct trust_local *other = open_local(s);
	struct trust_seen v[] = {seen("a", 1, 2), seen("b", 1, 2)};
	struct trust_seen found;

	assert_int_equal(trust_seen_store(local, v, 2, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_seen_find(other, "b", &found, &s->msg), TRUST_OK);
	trust_local_close(other);
	trust_local_close(local);
}

/* An anchor's devices are told apart from others', and from those of before
 * this was remembered. */
static void
who_came_by_an_anchor_is_listed(void **state)
{
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	struct trust_seen v[] = {
	    seen("a", 1, 2), seen("b", 1, 2), seen("c", 1, 2), seen("d", 1, 2)};
	struct trust_seen found[2];
	size_t n;

	memcpy(v[0].anchor, "old", 4);
	memcpy(v[1].anchor, "new", 4);
	memcpy(v[2].anchor, "old", 4);
	assert_int_equal(trust_seen_store(local, v, 4, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_seen_list_anchor(local, "old", "", found, 2, &n, &s->msg),
	    TRUST_OK);
	assert_ids(found, n, "a c ");
	assert_string_equal(found[0].anchor, "old");
	assert_int_equal(
	    trust_seen_list_anchor(local, "old", "a", found, 2, &n, &s->msg),
	    TRUST_OK);
	assert_ids(found, n, "c ");
	memcpy(v[0].anchor, "new", 4);
	assert_int_equal(trust_seen_store(local, v, 1, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_seen_list_anchor(local, "new", "", found, 2, &n, &s->msg),
	    TRUST_OK);
	assert_ids(found, n, "a b ");
	for (size_t i = 0; i < 3; i++) {
		static const char *const nobodys[] = {"", "ol", "OLD"};

		assert_int_equal(trust_seen_list_anchor(local, nobodys[i], "",
				     found, 2, &n, &s->msg),
		    TRUST_OK);
		assert_int_equal(n, 0);
	}
	trust_local_close(local);
}

/* As a gateway of before left it. */
static void
what_was_seen_before_anchors_stays(void **state)
{
	static const char back[] =
	    "INSERT INTO seen(device, at, address, reason, thumbprint,"
	    " not_after) VALUES('temp-01', 5, '192.0.2.7', 'chain_registered',"
	    " zeroblob(32), 100);"
	    "DROP INDEX seen_by_anchor;"
	    "ALTER TABLE seen DROP COLUMN anchor;"
	    "ALTER TABLE pin DROP COLUMN next;"
	    "DROP TABLE token_use;"
	    "DROP TABLE server;"
	    "DROP TABLE gateway;"
	    "PRAGMA user_version = 4";
	struct scratch *s = *state;
	struct trust_local *local = open_local(s);
	struct trust_seen found;
	char path[96];
	sqlite3 *db;

	trust_local_close(local);
	snprintf(path, sizeof(path), "%s.local", s->path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, back, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	local = open_local(s);
	assert_int_equal(
	    trust_seen_find(local, "temp-01", &found, &s->msg), TRUST_OK);
	assert_string_equal(found.address, "192.0.2.7");
	assert_int_equal(found.not_after, 100);
	assert_string_equal(found.anchor, "");
	trust_local_close(local);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(devices_are_remembered),
	    TEST(bridges_are_remembered),
	    TEST(pins_are_remembered),
	    TEST(pins_are_renewed),
	    TEST(uses_are_spent_once),
	    TEST(uses_are_finished),
	    TEST(another_secret_is_another_token),
	    TEST(the_first_remembered_go),
	    TEST(servers_that_are_shown_stay),
	    TEST(a_device_that_changes_keeps_its_place),
	    TEST(what_is_no_memory_is_refused),
	    TEST(a_damaged_memory_is_named),
	    TEST(it_needs_a_directory),
	    TEST(what_may_not_be_read_is_no_answer),
	    TEST(reading_makes_nothing),
	    TEST(blocks_last),
	    TEST(blocks_are_not_written_into_thin_air),
	    TEST(a_table_out_of_order_is_damaged),
	    TEST(the_last_time_counts),
	    TEST(who_was_here_is_listed_in_pages),
	    TEST(what_is_stored_others_see),
	    TEST(who_came_by_an_anchor_is_listed),
	    TEST(what_was_seen_before_anchors_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
