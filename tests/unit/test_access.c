/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin/access.c: what a check asks for. The plugin's own files are linked,
 * and their allocations and questions to SQLite go through here (-Wl,--wrap in
 * the Makefile), to be counted.
 */
#include "registry_scratch.h"

#include <sqlite3.h>

#include "gate.h"

#include "../../plugin/plugin.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define N_RULES  1000
#define N_CHECKS 100
#define NOW      1780000000

static const char granted[] = "plant/line-999/temp-01/state";
static const char elsewhere[] = "plant/line-1000/temp-01/state";

static unsigned n_allocations;
static unsigned n_questions;

/* ---- What is counted ---- */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
int __real_sqlite3_step(sqlite3_stmt *stmt);
int __wrap_sqlite3_step(sqlite3_stmt *stmt);
int __real_sqlite3_file_control(sqlite3 *db, const char *name, int op, void *p);
int __wrap_sqlite3_file_control(sqlite3 *db, const char *name, int op, void *p);

void *
__wrap_malloc(size_t size)
{
	n_allocations++;
	return __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	n_allocations++;
	return __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	n_allocations++;
	return __real_realloc(p, size);
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	n_allocations++;
	return __real_reallocarray(p, n, size);
}

char *
__wrap_strdup(const char *text)
{
	n_allocations++;
	return __real_strdup(text);
}

int
__wrap_sqlite3_step(sqlite3_stmt *stmt)
{
	n_questions++;
	return __real_sqlite3_step(stmt);
}

int
__wrap_sqlite3_file_control(sqlite3 *db, const char *name, int op, void *p)
{
	n_questions++;
	return __real_sqlite3_file_control(db, name, op, p);
}

/* ---- The broker's part ---- */

struct mosquitto {
	const char *id;
	const char *username;
	const char *address;
};

const char *
mosquitto_client_id(const struct mosquitto *client)
{
	return client->id;
}

const char *
mosquitto_client_username(const struct mosquitto *client)
{
	return client->username;
}

const char *
mosquitto_client_address(const struct mosquitto *client)
{
	return client->address;
}

void *
mosquitto_client_certificate(const struct mosquitto *client)
{
	return NULL;
}

void
mosquitto_log_printf(int level, const char *fmt, ...)
{
}

int
mosquitto_broker_publish_copy(const char *client_id, const char *topic, int len,
    const void *payload, int qos, bool retain, mosquitto_property *properties)
{
	return MOSQ_ERR_SUCCESS;
}

int
mosquitto_kick_client_by_clientid(const char *client_id, bool with_will)
{
	return MOSQ_ERR_SUCCESS;
}

int
mosquitto_client_protocol_version(const struct mosquitto *client)
{
	return 5;
}

void *
mosquitto_malloc(size_t size)
{
	return malloc(size);
}

void
mosquitto_free(void *p)
{
	free(p);
}

int64_t
trust_plugin_now(void)
{
	return NOW;
}

/* ---- The house ---- */

static struct mosquitto device = {"temp-01", "temp-01", "127.0.0.1"};
static struct mosquitto guest = {"guest-01", NULL, "127.0.0.1"};
static struct mosquitto away = {"temp-02", "temp-02", NULL};

struct house {
	struct scratch *scratch;
	struct trust_plugin plugin;
};

/* A device whose last rule of many grants. */
static struct trust_access *
compile(void)
{
	static char texts[N_RULES][64];
	static const char *topics[N_RULES];
	static struct trust_rule rules[N_RULES];
	static const struct trust_role role = {rules, N_RULES};
	static const struct trust_role *const roles[] = {&role};
	static const struct trust_role_values values = {
	    "temp-01", "", "gw1", "temp-01", false};
	struct trust_access *access;

	for (int i = 0; i < N_RULES; i++) {
		snprintf(
		    texts[i], sizeof(texts[i]), "plant/line-%d/{device}/#", i);
		topics[i] = texts[i];
		rules[i] = (struct trust_rule){
		    .allow = true,
		    .actions = TRUST_ACTION_PUBLISH | TRUST_ACTION_SUBSCRIBE,
		    .topics = {1, &topics[i]},
		    .max_qos = 2,
		    .retain = true,
		};
	}
	assert_int_equal(
	    trust_access_new(&values, roles, 1, &access), TRUST_OK);
	return access;
}

static void
open_session(struct house *h, const struct mosquitto *client,
    enum trust_session_kind kind, struct trust_access *access)
{
	assert_int_equal(trust_session_open(h->plugin.sessions, client,
			     client->id, kind, NULL, access),
	    TRUST_OK);
}

static void
put_device_away(struct house *h)
{
	static const char line[] =
	    "{\"kind\":\"device\",\"id\":\"temp-02\",\"auth\":{\"type\":"
	    "\"thumbprint\",\"primary\":\"00000000000000000000000000000000"
	    "00000000000000000000000000000000\"}}";
	struct trust_registry *registry;
	struct trust_record *record;

	scratch_create(h->scratch);
	assert_int_equal(trust_registry_open(h->scratch->path,
			     TRUST_REGISTRY_WRITE, &registry, NULL),
	    TRUST_OK);
	assert_int_equal(
	    trust_record_parse(trust_span_of(line), &record, NULL), TRUST_OK);
	assert_int_equal(trust_registry_begin(registry, NULL), TRUST_OK);
	assert_int_equal(
	    trust_registry_put(registry, record, 0, NULL), TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, NULL), TRUST_OK);
	trust_record_free(record);
	trust_registry_close(registry);
}

static int
house_setup(void **state)
{
	struct house *h = calloc(1, sizeof(*h));
	struct trust_gate_config config = {.gateway = "gw1"};
	void *scratch = NULL;

	if (h == NULL || scratch_setup(&scratch) != 0)
		return -1;
	h->scratch = scratch;
	put_device_away(h);
	config.registry_path = h->scratch->path;
	assert_int_equal(
	    trust_gate_open(&config, &h->plugin.gate, NULL), TRUST_OK);
	assert_int_equal(trust_sessions_new(&h->plugin.sessions), TRUST_OK);
	assert_int_equal(
	    trust_refusals_new(NULL, &h->plugin.refusals), TRUST_OK);
	open_session(h, &device, TRUST_SESSION_DEVICE, compile());
	open_session(h, &guest, TRUST_SESSION_GUEST, NULL);
	*state = h;
	return 0;
}

static int
house_teardown(void **state)
{
	struct house *h = *state;
	void *scratch = h->scratch;

	trust_refusals_free(h->plugin.refusals);
	trust_sessions_free(h->plugin.sessions);
	trust_gate_close(h->plugin.gate);
	free(h);
	return scratch_teardown(&scratch);
}

static int
check(struct house *h, struct mosquitto *client, int access, const char *topic)
{
	struct mosquitto_evt_acl_check acl = {
	    .client = client, .topic = topic, .access = access};

	n_allocations = n_questions = 0;
	return trust_access_on_acl_check(MOSQ_EVT_ACL_CHECK, &acl, &h->plugin);
}

/* ---- Tests ---- */

static void
asks_for_nothing(void **state)
{
	static const struct {
		struct mosquitto *client;
		int access;
		const char *topic;
		int answer;
	} checks[] = {
	    {&device, MOSQ_ACL_WRITE, granted, MOSQ_ERR_SUCCESS},
	    {&device, MOSQ_ACL_READ, granted, MOSQ_ERR_SUCCESS},
	    {&device, MOSQ_ACL_SUBSCRIBE, granted, MOSQ_ERR_SUCCESS},
	    {&device, MOSQ_ACL_UNSUBSCRIBE, granted, MOSQ_ERR_SUCCESS},
	    {&device, MOSQ_ACL_WRITE, elsewhere, MOSQ_ERR_ACL_DENIED},
	    {&device, MOSQ_ACL_READ, elsewhere, MOSQ_ERR_ACL_DENIED},
	    {&device, MOSQ_ACL_SUBSCRIBE, elsewhere, MOSQ_ERR_ACL_DENIED},
	    {&guest, MOSQ_ACL_WRITE, granted, MOSQ_ERR_PLUGIN_DEFER},
	    {&guest, MOSQ_ACL_READ, "trust/v1/bundle", MOSQ_ERR_ACL_DENIED},
	};
	struct house *h = *state;

	/* Once a second a refusal is written to the log: not in this one. */
	trust_session_find_client(h->plugin.sessions, &device)->refused_at =
	    NOW;
	for (size_t i = 0; i < N_CHECKS * COUNT(checks); i++) {
		size_t j = i % COUNT(checks);

		assert_int_equal(check(h, checks[j].client, checks[j].access,
				     checks[j].topic),
		    checks[j].answer);
		if (n_allocations != 0 || n_questions != 0)
			fail_msg("check %zu: %u allocations, %u questions", j,
			    n_allocations, n_questions);
	}
}

static void
message_asks_for_nothing(void **state)
{
	struct house *h = *state;
	static char topic[] = "devices/temp-01/t";
	struct mosquitto_evt_message message = {
	    .client = &device, .topic = topic};

	assert_int_equal(check(h, &device, MOSQ_ACL_WRITE, granted), 0);
	assert_int_equal(
	    trust_access_on_message(MOSQ_EVT_MESSAGE, &message, &h->plugin), 0);
	assert_int_equal(n_allocations, 0);
	assert_int_equal(n_questions, 0);
}

/* Who has no session is looked up: what is counted does count. */
static void
absent_device_is_looked_up(void **state)
{
	struct house *h = *state;

	assert_int_equal(check(h, &away, MOSQ_ACL_READ, "devices/temp-02/x"),
	    MOSQ_ERR_SUCCESS);
	assert_int_not_equal(n_allocations, 0);
	assert_int_not_equal(n_questions, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		asks_for_nothing, house_setup, house_teardown),
	    cmocka_unit_test_setup_teardown(
		message_asks_for_nothing, house_setup, house_teardown),
	    cmocka_unit_test_setup_teardown(
		absent_device_is_looked_up, house_setup, house_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
