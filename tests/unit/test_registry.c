/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry: what goes in comes out, together or not at all, and what is
 * no registry stays as it is.
 */
#include <stdbool.h>

#include "registry_scratch.h"

#include <malloc.h>
#include <sys/wait.h>

#include "registry_internal.h"

/* Where the header of a SQLite file has them. */
#define USER_VERSION_AT   63
#define APPLICATION_ID_AT 68

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

#define DEVICE(id, digest)                                 \
	"{\"kind\":\"device\",\"id\":\"" id "\",\"auth\":" \
	"{\"type\":\"thumbprint\",\"primary\":\"" digest "\"}}"
#define DEVICE_2(id, primary, secondary)                   \
	"{\"kind\":\"device\",\"id\":\"" id "\",\"auth\":" \
	"{\"type\":\"thumbprint\",\"primary\":\"" primary  \
	"\",\"secondary\":\"" secondary "\"}}"
#define DEVICE_KEY(id, pins)                               \
	"{\"kind\":\"device\",\"id\":\"" id "\",\"auth\":" \
	"{\"type\":\"key\",\"pins\":[" pins "]}}"
#define ROLE(id) "{\"kind\":\"role\",\"id\":\"" id "\",\"rules\":[]}"

#define CHANGE(s, ...)                                        \
	scratch_change(s, (const char *const[]){__VA_ARGS__}, \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#define PSK(id, identity)                                  \
	"{\"kind\":\"device\",\"id\":\"" id "\",\"auth\":" \
	"{\"type\":\"psk\",\"identity\":\"" identity "\",\"key\":\"AAAA\"}}"

/* The id of the device that claims the digest, "" for none. */
static const char *
owner(struct trust_registry *registry, bool pin, const char *digest)
{
	static char id[TRUST_ID_MAX + 1];
	struct trust_record *record = NULL;
	struct trust_thumbprint key;
	enum trust_err r;

	id[0] = '\0';
	assert_int_equal(trust_thumbprint_parse(digest, &key), TRUST_OK);
	if (pin)
		r = trust_registry_find_pin(registry, &key, &record, NULL);
	else
		r = trust_registry_find_thumbprint(
		    registry, &key, &record, NULL);
	if (r == TRUST_OK)
		snprintf(id, sizeof(id), "%s", record->id);
	else
		assert_int_equal(r, TRUST_ERR_NOT_FOUND);
	trust_record_free(record);
	return id;
}

static void
assert_owner(struct scratch *s, const char *digest, const char *id)
{
	struct trust_registry *registry = scratch_open(s, TRUST_REGISTRY_READ);

	assert_string_equal(owner(registry, false, digest), id);
	trust_registry_close(registry);
}

static enum trust_err
look_up(struct trust_registry *registry, const char *id)
{
	struct trust_record *record = NULL;
	enum trust_err r =
	    trust_registry_find(registry, TRUST_KIND_DEVICE, id, &record, NULL);

	if (r == TRUST_OK)
		assert_string_equal(record->id, id);
	else
		assert_null(record);
	trust_record_free(record);
	return r;
}

static struct trust_registry_info
info(struct scratch *s)
{
	struct trust_registry *registry = scratch_open(s, TRUST_REGISTRY_READ);
	struct trust_registry_info info;

	assert_int_equal(
	    trust_registry_get_info(registry, &info, &s->msg), TRUST_OK);
	trust_registry_close(registry);
	return info;
}

/* Put n devices, dev-0 … with thumbprints 0 …, into the change, each with a
 * comment of `pad` digits. */
static void
put_padded(struct trust_registry *registry, int n, int pad)
{
	struct trust_message msg;
	char line[2048];

	for (int i = 0; i < n; i++) {
		snprintf(line, sizeof(line),
		    "{\"kind\":\"device\",\"id\":\"dev-%d\",\"auth\":"
		    "{\"type\":\"thumbprint\",\"primary\":\"%064x\"},"
		    "\"comment\":\"%0*d\"}",
		    i, i, pad, i);
		assert_int_equal(
		    scratch_put(registry, line, i + 1, &msg), TRUST_OK);
	}
}

static void
put_many(struct trust_registry *registry, int n)
{
	put_padded(registry, n, 1);
}

static void
fill(struct scratch *s, int n)
{
	struct trust_registry *registry;

	scratch_create(s);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	put_many(registry, n);
	assert_int_equal(trust_registry_commit(registry, &s->msg), TRUST_OK);
	trust_registry_close(registry);
}

/* ---- Making ---- */

static void
create_makes_an_empty_one(void **state)
{
	struct scratch *s = *state;
	struct trust_registry_info got;
	struct stat st;

	scratch_create(s);
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(scratch_count(s, false), 1);
	got = info(s);
	assert_int_equal(got.role, TRUST_REGISTRY_ORIGIN);
	assert_int_equal(got.generation, 0);
	for (int kind = 0; kind <= TRUST_KIND_LAST; kind++)
		assert_int_equal(got.n_records[kind], 0);
}

static void
create_overwrites_nothing(void **state)
{
	struct scratch *s = *state;
	char *text;
	size_t len;

	scratch_write(s->path, "mine", 4);
	assert_int_equal(
	    trust_registry_create(s->path, TRUST_REGISTRY_ORIGIN, &s->msg),
	    TRUST_ERR_CONFLICT);
	assert_non_null(strstr(s->msg.text, s->path));
	text = (char *)scratch_read(s->path, &len);
	assert_int_equal(len, 4);
	assert_memory_equal(text, "mine", 4);
	free(text);
	assert_int_equal(scratch_count(s, false), 1);
}

static void
create_refuses_an_orphaned_wal(void **state)
{
	struct scratch *s = *state;
	char wal[96];

	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	scratch_write(wal, "old", 3);
	assert_int_equal(
	    trust_registry_create(s->path, TRUST_REGISTRY_ORIGIN, &s->msg),
	    TRUST_ERR_CONFLICT);
	assert_non_null(strstr(s->msg.text, wal));
	assert_int_equal(scratch_count(s, false), 1);
}

static void
create_needs_a_directory(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(trust_registry_create("/nowhere/devices.db",
			     TRUST_REGISTRY_ORIGIN, &s->msg),
	    TRUST_ERR_IO);
	assert_non_null(strstr(s->msg.text, "/nowhere/devices.db"));
}

/* ---- Opening what is none ---- */

/* Both modes refuse, and leave every octet and the directory as they were. */
static void
assert_refused(struct scratch *s, enum trust_err want, const char *text)
{
	enum trust_registry_mode modes[] = {
	    TRUST_REGISTRY_READ, TRUST_REGISTRY_WRITE};
	struct trust_registry *registry;
	uint8_t *before, *after;
	size_t n_before, n_after;
	int entries = scratch_count(s, false);

	before = scratch_read(s->path, &n_before);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    trust_registry_open(s->path, modes[i], &registry, &s->msg),
		    want);
		assert_null(registry);
		assert_non_null(strstr(s->msg.text, s->path));
		if (strstr(s->msg.text, text) == NULL)
			fail_msg("\"%s\" has no \"%s\"", s->msg.text, text);
	}
	after = scratch_read(s->path, &n_after);
	assert_int_equal(n_before, n_after);
	assert_memory_equal(before, after, n_before);
	assert_int_equal(scratch_count(s, false), entries);
	free(before);
	free(after);
}

static void
open_finds_nothing(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	assert_int_equal(trust_registry_open(
			     s->path, TRUST_REGISTRY_WRITE, &registry, &s->msg),
	    TRUST_ERR_NOT_FOUND);
	assert_int_equal(scratch_count(s, false), 0);
}

static void
open_refuses_a_directory(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	assert_int_equal(mkdir(s->path, 0700), 0);
	assert_int_equal(trust_registry_open(
			     s->path, TRUST_REGISTRY_READ, &registry, &s->msg),
	    TRUST_ERR_FOREIGN);
	assert_non_null(strstr(s->msg.text, "a directory"));
}

static void
open_refuses_a_fifo(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	assert_int_equal(mkfifo(s->path, 0600), 0);
	assert_int_equal(trust_registry_open(
			     s->path, TRUST_REGISTRY_READ, &registry, &s->msg),
	    TRUST_ERR_FOREIGN);
}

static void
open_refuses_text(void **state)
{
	struct scratch *s = *state;
	char text[4096];

	memset(text, 'x', sizeof(text));
	scratch_write(s->path, text, sizeof(text));
	assert_refused(s, TRUST_ERR_FOREIGN, "trustctl init");
	scratch_write(s->path, text, 10);
	assert_refused(s, TRUST_ERR_FOREIGN, "less than");
	scratch_write(s->path, text, 0);
	assert_refused(s, TRUST_ERR_FOREIGN, "less than");
}

/* Change one octet of a registry. */
static void
patch(struct scratch *s, long at, uint8_t octet)
{
	FILE *file = fopen(s->path, "r+b");

	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_int_equal(fputc(octet, file), octet);
	assert_int_equal(fclose(file), 0);
}

static void
open_refuses_another_program(void **state)
{
	struct scratch *s = *state;
	char journal[96];

	scratch_create(s);
	patch(s, APPLICATION_ID_AT, 0);
	assert_refused(s, TRUST_ERR_FOREIGN, "another program");
	/* Its own affairs are its own: no journal is rolled back. */
	snprintf(journal, sizeof(journal), "%s-journal", s->path);
	scratch_write(journal, "\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8);
	snprintf(journal, sizeof(journal), "%s-wal", s->path);
	scratch_write(journal, "\x37\x7f\x06\x82", 4);
	assert_refused(s, TRUST_ERR_FOREIGN, "another program");
}

static void
open_refuses_a_newer_one(void **state)
{
	struct scratch *s = *state;

	scratch_create(s);
	patch(s, USER_VERSION_AT, 99);
	assert_refused(s, TRUST_ERR_FOREIGN, "got 99");
}

static bool
is_development(struct scratch *s, enum trust_registry_mode mode)
{
	struct trust_registry *registry = scratch_open(s, mode);
	bool development;

	assert_int_equal(
	    trust_registry_is_development(registry, &development, &s->msg),
	    TRUST_OK);
	trust_registry_close(registry);
	return development;
}

static void
one_for_development_says_so(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(
	    trust_registry_create_development(s->path, &s->msg), TRUST_OK);
	assert_true(is_development(s, TRUST_REGISTRY_READ));
	assert_true(is_development(s, TRUST_REGISTRY_WRITE));
	assert_int_equal(info(s).role, TRUST_REGISTRY_ORIGIN);
	assert_int_equal(trust_registry_create_development(s->path, &s->msg),
	    TRUST_ERR_CONFLICT);
	assert_int_equal(unlink(s->path), 0);
	scratch_create(s);
	assert_false(is_development(s, TRUST_REGISTRY_WRITE));
	assert_int_equal(trust_registry_create_development(s->path, &s->msg),
	    TRUST_ERR_CONFLICT);
	assert_false(is_development(s, TRUST_REGISTRY_READ));
}

static void
open_refuses_one_without_schema(void **state)
{
	struct scratch *s = *state;

	scratch_create(s);
	patch(s, USER_VERSION_AT, 0);
	assert_refused(s, TRUST_ERR_DAMAGED, "no schema");
}

/* ---- Damage ---- */

/* Open and look everything up; the error that this meets first. */
static enum trust_err
use(struct scratch *s, int n)
{
	struct trust_registry *registry = NULL;
	struct trust_record *record;
	enum trust_err r;
	char id[32];

	r = trust_registry_open(
	    s->path, TRUST_REGISTRY_READ, &registry, &s->msg);
	for (int i = 0; r == TRUST_OK && i < n; i++) {
		snprintf(id, sizeof(id), "dev-%d", i);
		r = trust_registry_find(
		    registry, TRUST_KIND_DEVICE, id, &record, &s->msg);
		trust_record_free(record);
	}
	trust_registry_close(registry);
	return r;
}

static void
a_truncated_one_is_damaged(void **state)
{
	struct scratch *s = *state;
	struct stat st;

	fill(s, 2000);
	assert_int_equal(use(s, 2000), TRUST_OK);
	assert_int_equal(stat(s->path, &st), 0);
	assert_int_equal(truncate(s->path, st.st_size / 2), 0);
	assert_int_equal(use(s, 2000), TRUST_ERR_DAMAGED);
	assert_non_null(strstr(s->msg.text, s->path));
	assert_non_null(strstr(s->msg.text, "backup"));
}

static void
garbage_in_the_middle_is_damage(void **state)
{
	struct scratch *s = *state;
	uint8_t *p;
	size_t len;

	fill(s, 2000);
	p = scratch_read(s->path, &len);
	memset(p + len / 3, 0xa5, len / 3);
	scratch_write(s->path, p, len);
	free(p);
	assert_int_equal(use(s, 2000), TRUST_ERR_DAMAGED);
	assert_non_null(strstr(s->msg.text, "damaged registry ("));
}

/* A page that is sound to SQLite, with a record that is none. */
static void
a_broken_line_is_damage(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;
	uint8_t *p, *at;
	size_t len;

	fill(s, 10);
	p = scratch_read(s->path, &len);
	at = memmem(p, len, "\"id\":\"dev-7\"", 12);
	assert_non_null(at);
	at[10] = '8';
	scratch_write(s->path, p, len);
	assert_int_equal(use(s, 10), TRUST_ERR_DAMAGED);
	assert_non_null(strstr(s->msg.text, "dev-7"));
	at[0] = '!';
	scratch_write(s->path, p, len);
	assert_int_equal(use(s, 10), TRUST_ERR_DAMAGED);
	free(p);
	/* It cannot be written over, either: its claims are not known. */
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	assert_int_equal(scratch_put(registry, DEVICE("dev-7", A), 1, &s->msg),
	    TRUST_ERR_DAMAGED);
	assert_int_equal(
	    trust_registry_commit(registry, &s->msg), TRUST_ERR_DAMAGED);
	trust_registry_close(registry);
}

/* An index that leads to a device which does not claim the thumbprint. */
static void
a_lying_index_is_damage(void **state)
{
	struct scratch *s = *state;
	struct trust_thumbprint key, other;
	struct trust_registry *registry;
	struct trust_record *record;
	uint8_t *p, *at;
	size_t len;

	scratch_create(s);
	assert_int_equal(CHANGE(s, DEVICE("dev-1", A)), TRUST_OK);
	assert_int_equal(trust_thumbprint_parse(A, &key), TRUST_OK);
	assert_int_equal(trust_thumbprint_parse(B, &other), TRUST_OK);
	p = scratch_read(s->path, &len);
	at = memmem(p, len, key.b, sizeof(key.b));
	assert_non_null(at);
	memcpy(at, other.b, sizeof(other.b));
	scratch_write(s->path, p, len);
	free(p);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_int_equal(
	    trust_registry_find_thumbprint(registry, &other, &record, &s->msg),
	    TRUST_ERR_DAMAGED);
	assert_null(record);
	trust_registry_close(registry);
}

/* ---- Records ---- */

static void
put_replace_and_remove(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	scratch_create(s);
	assert_int_equal(
	    CHANGE(s, DEVICE_2("temp-01", A, B), ROLE("sensor")), TRUST_OK);
	assert_owner(s, A, "temp-01");
	assert_owner(s, B, "temp-01");
	assert_int_equal(CHANGE(s, DEVICE("temp-01", C)), TRUST_OK);
	assert_owner(s, A, "");
	assert_owner(s, B, "");
	assert_owner(s, C, "temp-01");
	assert_int_equal(info(s).n_records[TRUST_KIND_DEVICE], 1);
	assert_int_equal(info(s).n_records[TRUST_KIND_ROLE], 1);
	assert_int_equal(info(s).generation, 2);

	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	assert_int_equal(trust_registry_remove(
			     registry, TRUST_KIND_DEVICE, "temp-02", &s->msg),
	    TRUST_ERR_NOT_FOUND);
	assert_int_equal(trust_registry_remove(
			     registry, TRUST_KIND_DEVICE, "temp-01", &s->msg),
	    TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, &s->msg), TRUST_OK);
	assert_int_equal(look_up(registry, "temp-01"), TRUST_ERR_NOT_FOUND);
	trust_registry_close(registry);
	assert_owner(s, C, "");
	assert_int_equal(info(s).n_records[TRUST_KIND_DEVICE], 0);
}

static void
pins_are_found(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	scratch_create(s);
	/* A thumbprint and a pin are different things, even when equal. */
	assert_int_equal(CHANGE(s, DEVICE_KEY("temp-01", "\"" A "\",\"" B "\""),
			     DEVICE("temp-02", A)),
	    TRUST_OK);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_string_equal(owner(registry, true, A), "temp-01");
	assert_string_equal(owner(registry, true, B), "temp-01");
	assert_string_equal(owner(registry, true, C), "");
	assert_string_equal(owner(registry, false, A), "temp-02");
	assert_string_equal(owner(registry, false, B), "");
	trust_registry_close(registry);
	/* Another type of authentication gives them up. */
	assert_int_equal(CHANGE(s, DEVICE("temp-01", B)), TRUST_OK);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_string_equal(owner(registry, true, A), "");
	assert_string_equal(owner(registry, false, B), "temp-01");
	trust_registry_close(registry);
}

/* Ids in the order that they come, with blanks; ends at "stop". */
static enum trust_err
note_id(void *arg, const char *id, struct trust_span line)
{
	struct trust_buf *ids = arg;

	assert_non_null(memmem(line.p, line.len, id, strlen(id)));
	if (strcmp(id, "stop") == 0)
		return TRUST_ERR_INPUT;
	return trust_buf_printf(ids, "%s ", id);
}

static void
list_is_in_order(void **state)
{
	struct scratch *s = *state;
	struct trust_buf ids = {0};
	struct trust_registry *registry;

	scratch_create(s);
	assert_int_equal(CHANGE(s, DEVICE("b", B), DEVICE("C", C),
			     DEVICE("a", A), ROLE("z"), ROLE("stop")),
	    TRUST_OK);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_int_equal(trust_registry_list(registry, TRUST_KIND_DEVICE,
			     note_id, &ids, &s->msg),
	    TRUST_OK);
	assert_string_equal((char *)ids.p, "C a b ");
	assert_int_equal(trust_registry_list(
			     registry, TRUST_KIND_ROLE, note_id, &ids, &s->msg),
	    TRUST_ERR_INPUT);
	assert_string_equal((char *)ids.p, "C a b ");
	assert_int_equal(trust_registry_list(
			     registry, TRUST_KIND_CRL, note_id, &ids, &s->msg),
	    TRUST_OK);
	trust_buf_free(&ids);
	trust_registry_close(registry);
}

/* ---- Claims ---- */

static void
two_devices_cannot_claim_one_thumbprint(void **state)
{
	struct scratch *s = *state;

	scratch_create(s);
	assert_int_equal(CHANGE(s, DEVICE("temp-01", A), ROLE("sensor"),
			     DEVICE_2("temp-02", B, A)),
	    TRUST_ERR_CONFLICT);
	assert_string_equal(s->msg.text,
	    "line 3: device temp-02: thumbprint " A
	    " is claimed by device temp-01 already");
	assert_int_equal(info(s).generation, 0);
	assert_int_equal(CHANGE(s, DEVICE("temp-01", A)), TRUST_OK);
	assert_int_equal(CHANGE(s, DEVICE("temp-02", A)), TRUST_ERR_CONFLICT);
	assert_owner(s, A, "temp-01");
	assert_int_equal(info(s).generation, 1);
}

static void
two_devices_cannot_claim_one_key(void **state)
{
	struct scratch *s = *state;

	scratch_create(s);
	assert_int_equal(CHANGE(s, DEVICE_KEY("temp-01", "\"" A "\""),
			     DEVICE_KEY("temp-02", "\"" A "\"")),
	    TRUST_ERR_CONFLICT);
	assert_string_equal(s->msg.text,
	    "line 2: device temp-02: key " A
	    " is claimed by device temp-01 already");
}

/* The id of the device with this PSK identity, "" for none. */
static void
assert_identity(struct scratch *s, const char *identity, const char *id)
{
	struct trust_registry *registry = scratch_open(s, TRUST_REGISTRY_READ);
	struct trust_record *record = NULL;
	enum trust_err r =
	    trust_registry_find_identity(registry, identity, &record, &s->msg);

	assert_int_equal(r, *id != '\0' ? TRUST_OK : TRUST_ERR_NOT_FOUND);
	if (r == TRUST_OK)
		assert_string_equal(record->id, id);
	trust_record_free(record);
	trust_registry_close(registry);
}

static void
two_devices_cannot_claim_one_identity(void **state)
{
	struct scratch *s = *state;

	scratch_create(s);
	assert_int_equal(CHANGE(s, PSK("meter-04", "one"), ROLE("sensor"),
			     PSK("meter-05", "one")),
	    TRUST_ERR_CONFLICT);
	assert_string_equal(s->msg.text,
	    "line 3: device meter-05: PSK identity one is claimed by device "
	    "meter-04 already");
	assert_int_equal(CHANGE(s, PSK("meter-04", "one")), TRUST_OK);
	assert_int_equal(CHANGE(s, PSK("meter-05", "one")), TRUST_ERR_CONFLICT);
	assert_string_equal(s->msg.text,
	    "line 1: device meter-05: PSK identity one is claimed by device "
	    "meter-04 already");
	assert_identity(s, "one", "meter-04");
	assert_identity(s, "One", "");
	assert_identity(s, "on", "");
	assert_identity(s, "", "");
}

static void
identities_may_move_within_a_change(void **state)
{
	struct scratch *s = *state;

	scratch_create(s);
	assert_int_equal(
	    CHANGE(s, PSK("meter-04", "one"), PSK("meter-05", "two")),
	    TRUST_OK);
	assert_int_equal(
	    CHANGE(s, PSK("meter-04", "two"), PSK("meter-05", "one")),
	    TRUST_OK);
	assert_identity(s, "one", "meter-05");
	assert_identity(s, "two", "meter-04");
	/* A device of another type has none any more. */
	assert_int_equal(CHANGE(s, DEVICE("meter-04", A)), TRUST_OK);
	assert_identity(s, "two", "");
	assert_owner(s, A, "meter-04");
}

static void
a_conflict_without_a_line(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	scratch_create(s);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	assert_int_equal(
	    scratch_put(registry, DEVICE("temp-01", A), 0, &s->msg), TRUST_OK);
	assert_int_equal(
	    scratch_put(registry, DEVICE("temp-02", A), 0, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_registry_commit(registry, &s->msg), TRUST_ERR_CONFLICT);
	assert_string_equal(s->msg.text,
	    "device temp-02: thumbprint " A
	    " is claimed by device temp-01 already");
	trust_registry_close(registry);
}

static void
thumbprints_may_move_within_a_change(void **state)
{
	struct scratch *s = *state;

	scratch_create(s);
	assert_int_equal(
	    CHANGE(s, DEVICE("temp-01", A), DEVICE("temp-02", B)), TRUST_OK);
	assert_int_equal(
	    CHANGE(s, DEVICE("temp-01", B), DEVICE("temp-02", A)), TRUST_OK);
	assert_owner(s, A, "temp-02");
	assert_owner(s, B, "temp-01");
	/* Through several hands. */
	assert_int_equal(
	    CHANGE(s, DEVICE("temp-03", A), DEVICE("temp-04", A),
		DEVICE("temp-03", C), DEVICE_KEY("temp-02", "\"" C "\"")),
	    TRUST_OK);
	assert_owner(s, A, "temp-04");
	assert_owner(s, C, "temp-03");
}

static void
a_removed_device_gives_up_its_thumbprint(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	scratch_create(s);
	assert_int_equal(CHANGE(s, DEVICE("temp-01", A)), TRUST_OK);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	assert_int_equal(
	    scratch_put(registry, DEVICE("temp-02", A), 1, &s->msg), TRUST_OK);
	assert_int_equal(trust_registry_remove(
			     registry, TRUST_KIND_DEVICE, "temp-01", &s->msg),
	    TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, &s->msg), TRUST_OK);
	trust_registry_close(registry);
	assert_owner(s, A, "temp-02");
}

/* ---- Changes ---- */

static void
rollback_leaves_nothing(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	scratch_create(s);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	assert_int_equal(
	    scratch_put(registry, DEVICE("temp-01", A), 1, &s->msg), TRUST_OK);
	assert_int_equal(
	    scratch_put(registry, DEVICE("temp-02", A), 2, &s->msg), TRUST_OK);
	trust_registry_rollback(registry);
	trust_registry_rollback(registry);
	assert_int_equal(look_up(registry, "temp-01"), TRUST_ERR_NOT_FOUND);
	/* Nor does what was suspected then harm the next change. */
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	assert_int_equal(
	    scratch_put(registry, DEVICE("temp-02", A), 1, &s->msg), TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, &s->msg), TRUST_OK);
	trust_registry_close(registry);
	assert_owner(s, A, "temp-02");
	assert_int_equal(info(s).n_records[TRUST_KIND_DEVICE], 1);
}

static void
what_is_not_committed_is_lost(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	scratch_create(s);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	put_many(registry, 10);
	trust_registry_close(registry);
	assert_int_equal(info(s).n_records[TRUST_KIND_DEVICE], 0);
}

static void
writing_needs_a_change(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	scratch_create(s);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(
	    scratch_put(registry, DEVICE("temp-01", A), 1, &s->msg),
	    TRUST_ERR_INTERNAL);
	assert_int_equal(trust_registry_remove(
			     registry, TRUST_KIND_DEVICE, "temp-01", &s->msg),
	    TRUST_ERR_INTERNAL);
	assert_int_equal(
	    trust_registry_commit(registry, &s->msg), TRUST_ERR_INTERNAL);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_registry_begin(registry, &s->msg), TRUST_ERR_INTERNAL);
	trust_registry_close(registry);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_int_equal(
	    trust_registry_begin(registry, &s->msg), TRUST_ERR_INTERNAL);
	trust_registry_close(registry);
}

static void
a_replica_is_not_edited(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	assert_int_equal(
	    trust_registry_create(s->path, TRUST_REGISTRY_REPLICA, &s->msg),
	    TRUST_OK);
	assert_int_equal(info(s).role, TRUST_REGISTRY_REPLICA);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(
	    trust_registry_begin(registry, &s->msg), TRUST_ERR_REPLICA);
	assert_non_null(strstr(s->msg.text, "edit the origin"));
	trust_registry_close(registry);
}

static void
no_difference_is_no_change(void **state)
{
	struct scratch *s = *state;

	scratch_create(s);
	assert_int_equal(CHANGE(s, DEVICE("temp-01", A)), TRUST_OK);
	assert_int_equal(CHANGE(s, DEVICE("temp-01", A)), TRUST_OK);
	assert_int_equal(CHANGE(s, " " DEVICE("temp-01", A) " "), TRUST_OK);
	assert_int_equal(info(s).generation, 1);
}

/* Kinds and ids in the order that they come. */
static void
note_change(void *arg, enum trust_kind kind, const char *id)
{
	struct trust_buf *ids = arg;

	assert_int_equal(
	    trust_buf_printf(ids, "%s:%s ", trust_kind_name(kind), id),
	    TRUST_OK);
}

static void
assert_changes(struct trust_registry *registry, int64_t since, const char *want)
{
	struct trust_message msg;
	struct trust_buf ids = {0};

	assert_int_equal(
	    trust_registry_changes(registry, since, note_change, &ids, &msg),
	    want == NULL ? TRUST_ERR_NOT_FOUND : TRUST_OK);
	assert_string_equal(
	    ids.p == NULL ? "" : (char *)ids.p, want == NULL ? "" : want);
	trust_buf_free(&ids);
}

static void
changes_are_listed(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	scratch_create(s);
	assert_int_equal(
	    CHANGE(s, DEVICE("temp-01", A), ROLE("sensor")), TRUST_OK);
	assert_int_equal(
	    CHANGE(s, ROLE("sensor"), DEVICE("temp-02", B)), TRUST_OK);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_changes(
	    registry, 0, "device:temp-02 role:sensor device:temp-01 ");
	assert_changes(registry, 1, "device:temp-02 ");
	assert_changes(registry, 2, "");
	/* A generation that has not been: another registry's. */
	assert_changes(registry, 3, NULL);
	assert_changes(registry, -1, NULL);
	trust_registry_close(registry);
}

static void
too_many_changes_are_not_listed(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	fill(s, TRUST_REGISTRY_CHANGES_MAX + 1);
	assert_int_equal(CHANGE(s, ROLE("sensor")), TRUST_OK);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_changes(registry, 0, NULL);
	assert_changes(registry, 1, "role:sensor ");
	trust_registry_close(registry);
}

static void
the_oldest_changes_are_dropped(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;

	scratch_create(s);
	assert_int_equal(CHANGE(s, ROLE("first")), TRUST_OK);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	put_many(registry, TRUST_REGISTRY_CHANGES_MAX - 1);
	assert_int_equal(trust_registry_commit(registry, &s->msg), TRUST_OK);
	trust_registry_close(registry);
	assert_int_equal(CHANGE(s, ROLE("second")), TRUST_OK);
	assert_int_equal(CHANGE(s, ROLE("third")), TRUST_OK);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_changes(registry, 0, NULL);
	assert_changes(registry, 1, NULL);
	assert_changes(registry, 2, "role:third role:second ");
	trust_registry_close(registry);
}

static void
the_generation_follows_others(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *reader, *writer;
	int64_t generation;

	scratch_create(s);
	reader = scratch_open(s, TRUST_REGISTRY_READ);
	writer = scratch_open(s, TRUST_REGISTRY_WRITE);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    trust_registry_get_generation(reader, &generation, &s->msg),
		    TRUST_OK);
		assert_int_equal(generation, i);
		assert_int_equal(
		    trust_registry_get_generation(writer, &generation, &s->msg),
		    TRUST_OK);
		assert_int_equal(generation, i);
		assert_int_equal(
		    trust_registry_begin(writer, &s->msg), TRUST_OK);
		assert_int_equal(scratch_put(writer,
				     i == 0 ? DEVICE("temp-01", A)
					    : (i == 1 ? DEVICE("temp-01", B)
						      : DEVICE("temp-01", C)),
				     1, &s->msg),
		    TRUST_OK);
		assert_int_equal(
		    trust_registry_commit(writer, &s->msg), TRUST_OK);
	}
	trust_registry_close(writer);
	trust_registry_close(reader);
}

/* Here, in another connection, and while nothing is committed. */
static void
a_commit_moves_the_mark(void **state)
{
	struct trust_registry_mark mark, none = {0};
	struct scratch *s = *state;
	struct trust_registry *reader, *writer;
	int64_t generation;

	scratch_create(s);
	reader = scratch_open(s, TRUST_REGISTRY_READ);
	writer = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(
	    trust_registry_get_generation(reader, &generation, NULL), TRUST_OK);
	trust_registry_file_mark(&reader->file, &mark);
	assert_true(mark.whole);
	assert_true(trust_registry_file_is_at(&reader->file, &mark));
	assert_true(trust_registry_file_is_at(&writer->file, &mark));
	assert_false(trust_registry_file_is_at(&reader->file, &none));
	assert_int_equal(trust_registry_begin(writer, &s->msg), TRUST_OK);
	assert_true(trust_registry_file_is_at(&reader->file, &mark));
	trust_registry_rollback(writer);
	assert_true(trust_registry_file_is_at(&reader->file, &mark));
	assert_int_equal(CHANGE(s, ROLE("first")), TRUST_OK);
	assert_false(trust_registry_file_is_at(&reader->file, &mark));
	assert_false(trust_registry_file_is_at(&writer->file, &mark));
	trust_registry_file_mark(&reader->file, &mark);
	assert_true(trust_registry_file_is_at(&writer->file, &mark));
	/* Half written: the second copy of the header comes before the first.
	 */
	mark.headers[0] ^= 1;
	assert_false(trust_registry_file_is_at(&reader->file, &mark));
	trust_registry_close(writer);
	trust_registry_close(reader);
}

/* Somebody has made another file of it; ours all have a WAL. */
static void
without_a_wal_sqlite_is_asked(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;
	struct trust_registry_mark mark;
	int64_t generation;
	char path[128];

	scratch_create(s);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_file_run(&registry->file,
			     "PRAGMA journal_mode = DELETE", &s->msg),
	    TRUST_OK);
	trust_registry_close(registry);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(trust_registry_get_generation(
				     registry, &generation, &s->msg),
		    TRUST_OK);
		assert_int_equal(generation, i);
		trust_registry_file_mark(&registry->file, &mark);
		assert_false(mark.whole);
		assert_int_equal(CHANGE(s, ROLE("first")), TRUST_OK);
	}
	trust_registry_close(registry);
	(void)snprintf(path, sizeof(path), "%s-shm", s->path);
	assert_int_equal(access(path, F_OK), -1);
}

/* Whoever makes it, and however the log is written back. */
static void
no_commit_goes_unnoticed(void **state)
{
	char line[] = ROLE("r0"), *digit = strchr(line, '0');
	const char *lines[] = {line};
	struct scratch *s = *state;
	struct trust_registry *reader, *writer;
	int64_t generation;

	scratch_create(s);
	reader = scratch_open(s, TRUST_REGISTRY_READ);
	writer = scratch_open(s, TRUST_REGISTRY_WRITE);
	for (int i = 1; i < 10; i++) {
		*digit = (char)('0' + i);
		assert_int_equal(scratch_change(s, lines, 1), TRUST_OK);
		if (i % 3 == 0)
			assert_int_equal(
			    trust_registry_file_run(&writer->file,
				"PRAGMA wal_checkpoint(TRUNCATE)", &s->msg),
			    TRUST_OK);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(trust_registry_get_generation(
					     reader, &generation, &s->msg),
			    TRUST_OK);
			assert_int_equal(generation, i);
		}
	}
	trust_registry_close(writer);
	trust_registry_close(reader);
}

/* ---- Several at a time ---- */

static void
a_reader_is_not_blocked(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *reader, *writer;

	scratch_create(s);
	assert_int_equal(CHANGE(s, DEVICE("old", A)), TRUST_OK);
	reader = scratch_open(s, TRUST_REGISTRY_READ);
	writer = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(writer, &s->msg), TRUST_OK);
	assert_int_equal(
	    scratch_put(writer, DEVICE("new", A), 1, &s->msg), TRUST_OK);
	assert_int_equal(
	    trust_registry_remove(writer, TRUST_KIND_DEVICE, "old", &s->msg),
	    TRUST_OK);
	assert_string_equal(owner(reader, false, A), "old");
	assert_int_equal(trust_registry_begin_read(reader, &s->msg), TRUST_OK);
	assert_int_equal(trust_registry_commit(writer, &s->msg), TRUST_OK);
	/* One state from begin to end. */
	assert_string_equal(owner(reader, false, A), "old");
	assert_int_equal(look_up(reader, "new"), TRUST_ERR_NOT_FOUND);
	trust_registry_end_read(reader);
	assert_string_equal(owner(reader, false, A), "new");
	trust_registry_close(writer);
	trust_registry_close(reader);
}

/* Run `work` in a process of its own; it tells by a byte that it is there. */
static pid_t
in_child(struct scratch *s, void (*work)(struct scratch *s, int tell))
{
	int tell[2];
	pid_t child;
	char byte;

	assert_int_equal(pipe(tell), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		work(s, tell[1]);
		_exit(0);
	}
	close(tell[1]);
	assert_int_equal(read(tell[0], &byte, 1), 1);
	close(tell[0]);
	return child;
}

static void
write_for_ever(struct scratch *s, int tell)
{
	struct trust_registry *registry = scratch_open(s, TRUST_REGISTRY_WRITE);

	if (trust_registry_begin(registry, &s->msg) != TRUST_OK)
		_exit(1);
	/* Beyond the page cache: a part of it is on the disk already. */
	put_padded(registry, 100000, 1000);
	if (write(tell, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void
a_killed_writer_leaves_the_old_state(void **state)
{
	struct scratch *s = *state;
	char wal[96];
	struct stat st;
	pid_t child;
	int status;

	scratch_create(s);
	assert_int_equal(CHANGE(s, DEVICE("temp-01", A)), TRUST_OK);
	child = in_child(s, write_for_ever);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	snprintf(wal, sizeof(wal), "%s-wal", s->path);
	assert_int_equal(stat(wal, &st), 0);
	assert_true(st.st_size > 1000000);
	assert_owner(s, A, "temp-01");
	assert_int_equal(info(s).n_records[TRUST_KIND_DEVICE], 1);
	assert_int_equal(info(s).generation, 1);
	assert_int_equal(CHANGE(s, DEVICE("dev-1", B)), TRUST_OK);
	assert_owner(s, B, "dev-1");
}

static void
write_slowly(struct scratch *s, int tell)
{
	struct trust_registry *registry = scratch_open(s, TRUST_REGISTRY_WRITE);

	if (trust_registry_begin(registry, &s->msg) != TRUST_OK ||
	    scratch_put(registry, DEVICE("child", A), 1, &s->msg) != TRUST_OK ||
	    write(tell, "x", 1) != 1)
		_exit(1);
	usleep(300000);
	if (trust_registry_commit(registry, &s->msg) != TRUST_OK)
		_exit(1);
	trust_registry_close(registry);
}

static void
two_writers_wait_for_each_other(void **state)
{
	struct scratch *s = *state;
	pid_t child;
	int status;

	scratch_create(s);
	child = in_child(s, write_slowly);
	assert_int_equal(CHANGE(s, DEVICE("parent", B)), TRUST_OK);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_owner(s, A, "child");
	assert_owner(s, B, "parent");
	assert_int_equal(info(s).generation, 2);
}

/* ---- Rights ---- */

/* As somebody who may read and nothing else: the exit status is the error. */
static enum trust_err
open_unprivileged(struct scratch *s, enum trust_registry_mode mode)
{
	struct trust_registry *registry;
	enum trust_err r;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 &&
		    (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(99);
		r = trust_registry_open(s->path, mode, &registry, &s->msg);
		if (r == TRUST_OK)
			r = look_up(registry, "temp-01");
		else if (strstr(s->msg.text, "writable for user ") == NULL)
			r = TRUST_ERR_INTERNAL;
		_exit((int)r);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return (enum trust_err)WEXITSTATUS(status);
}

static void
a_reader_without_rights_is_told(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;
	char name[96];

	scratch_create(s);
	assert_int_equal(CHANGE(s, DEVICE("temp-01", A)), TRUST_OK);
	assert_int_equal(chmod(s->path, 0444), 0);
	assert_int_equal(chmod(s->dir, 0555), 0);
	assert_int_equal(
	    open_unprivileged(s, TRUST_REGISTRY_READ), TRUST_ERR_IO);
	assert_int_equal(
	    open_unprivileged(s, TRUST_REGISTRY_WRITE), TRUST_ERR_IO);
	/* While somebody has it open, reading works. */
	assert_int_equal(chmod(s->path, 0644), 0);
	assert_int_equal(chmod(s->dir, 0755), 0);
	registry = scratch_open(s, TRUST_REGISTRY_READ);
	assert_int_equal(look_up(registry, "temp-01"), TRUST_OK);
	snprintf(name, sizeof(name), "%s-shm", s->path);
	assert_int_equal(chmod(name, 0644), 0);
	assert_int_equal(chmod(s->path, 0444), 0);
	assert_int_equal(chmod(s->dir, 0555), 0);
	assert_int_equal(open_unprivileged(s, TRUST_REGISTRY_READ), TRUST_OK);
	assert_int_equal(chmod(s->dir, 0755), 0);
	trust_registry_close(registry);
}

/* ---- Size ---- */

/* Octets allocated now. (A sanitizer's allocator says 0.) */
static size_t
in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void
memory_does_not_grow_with_the_change(void **state)
{
	struct scratch *s = *state;
	struct trust_registry *registry;
	size_t before;

	scratch_create(s);
	registry = scratch_open(s, TRUST_REGISTRY_WRITE);
	assert_int_equal(trust_registry_begin(registry, &s->msg), TRUST_OK);
	before = in_use();
	/* More than 100 MB. */
	put_padded(registry, 100000, 1000);
	assert_true(in_use() < before + 80000000);
	assert_int_equal(trust_registry_commit(registry, &s->msg), TRUST_OK);
	assert_int_equal(look_up(registry, "dev-99999"), TRUST_OK);
	trust_registry_close(registry);
	assert_int_equal(info(s).n_records[TRUST_KIND_DEVICE], 100000);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(create_makes_an_empty_one),
	    TEST(create_overwrites_nothing),
	    TEST(create_refuses_an_orphaned_wal),
	    TEST(create_needs_a_directory),
	    TEST(open_finds_nothing),
	    TEST(open_refuses_a_directory),
	    TEST(open_refuses_a_fifo),
	    TEST(open_refuses_text),
	    TEST(open_refuses_another_program),
	    TEST(open_refuses_a_newer_one),
	    TEST(one_for_development_says_so),
	    TEST(open_refuses_one_without_schema),
	    TEST(a_truncated_one_is_damaged),
	    TEST(garbage_in_the_middle_is_damage),
	    TEST(a_broken_line_is_damage),
	    TEST(a_lying_index_is_damage),
	    TEST(put_replace_and_remove),
	    TEST(pins_are_found),
	    TEST(list_is_in_order),
	    TEST(two_devices_cannot_claim_one_thumbprint),
	    TEST(two_devices_cannot_claim_one_key),
	    TEST(two_devices_cannot_claim_one_identity),
	    TEST(identities_may_move_within_a_change),
	    TEST(a_conflict_without_a_line),
	    TEST(thumbprints_may_move_within_a_change),
	    TEST(a_removed_device_gives_up_its_thumbprint),
	    TEST(rollback_leaves_nothing),
	    TEST(what_is_not_committed_is_lost),
	    TEST(writing_needs_a_change),
	    TEST(a_replica_is_not_edited),
	    TEST(no_difference_is_no_change),
	    TEST(changes_are_listed),
	    TEST(too_many_changes_are_not_listed),
	    TEST(the_oldest_changes_are_dropped),
	    TEST(the_generation_follows_others),
	    TEST(a_commit_moves_the_mark),
	    TEST(without_a_wal_sqlite_is_asked),
	    TEST(no_commit_goes_unnoticed),
	    TEST(a_reader_is_not_blocked),
	    TEST(a_killed_writer_leaves_the_old_state),
	    TEST(two_writers_wait_for_each_other),
	    TEST(a_reader_without_rights_is_told),
	    TEST(memory_does_not_grow_with_the_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
