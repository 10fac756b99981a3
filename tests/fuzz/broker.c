/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See broker.h. Nothing here answers better than the real broker would.
 */
#include "broker.h"

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../certs/pair.h"
#include "certificate.h"
#include "registry.h"

#define DEVICE "temp-01"
#define DAY_S  86400

#define DIR_TEMPLATE "/tmp/fuzz-broker.XXXXXX"

/* What the plugin exports for a broker. */
int mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **userdata,
    struct mosquitto_opt *options, int n_options);
int mosquitto_plugin_cleanup(
    void *userdata, struct mosquitto_opt *options, int n_options);

struct mosquitto {
	bool connected;
	bool kicked;
	X509 *certificate;
	char *username;
};

static struct mosquitto client;
static char dir[sizeof(DIR_TEMPLATE)];
static char *answer;
static void *plugin;

static struct callback {
	int event;
	const char *topic;
	MOSQ_FUNC_generic_callback function;
	void *userdata;
} callbacks[32];
static size_t n_callbacks;

static void
check(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "broker: %s\n", what);
	abort();
}

/* ---- What the plugin calls ---- */

int
mosquitto_callback_register(mosquitto_plugin_id_t *id, int event,
    MOSQ_FUNC_generic_callback function, const void *data, void *userdata)
{
	check(n_callbacks < sizeof(callbacks) / sizeof(callbacks[0]),
	    "too many callbacks");
	callbacks[n_callbacks++] =
	    (struct callback){event, data, function, userdata};
	return MOSQ_ERR_SUCCESS;
}

int
mosquitto_callback_unregister(mosquitto_plugin_id_t *id, int event,
    MOSQ_FUNC_generic_callback function, const void *data)
{
	return MOSQ_ERR_SUCCESS;
}

const char *
mosquitto_client_id(const struct mosquitto *of)
{
	return DEVICE;
}

const char *
mosquitto_client_username(const struct mosquitto *of)
{
	return of->username;
}

const char *
mosquitto_client_address(const struct mosquitto *of)
{
	return "127.0.0.1";
}

void *
mosquitto_client_certificate(const struct mosquitto *of)
{
	(void)X509_up_ref(of->certificate);
	return of->certificate;
}

bool
mosquitto_client_clean_session(const struct mosquitto *of)
{
	return true;
}

int
mosquitto_client_protocol(const struct mosquitto *of)
{
	return mp_mqtt;
}

int
mosquitto_client_sub_count(const struct mosquitto *of)
{
	return 0;
}

int
mosquitto_client_protocol_version(const struct mosquitto *of)
{
	return 4;
}

int
mosquitto_set_username(struct mosquitto *of, const char *username)
{
	free(of->username);
	of->username = strdup(username);
	return of->username != NULL ? MOSQ_ERR_SUCCESS : MOSQ_ERR_NOMEM;
}

/* As the broker does it: the client is gone when the callback is over. */
int
mosquitto_kick_client_by_clientid(const char *client_id, bool with_will)
{
	client.kicked = strcmp(client_id, DEVICE) == 0;
	return MOSQ_ERR_SUCCESS;
}

int
mosquitto_broker_publish_copy(const char *client_id, const char *topic, int len,
    const void *payload, int qos, bool retain, mosquitto_property *properties)
{
	if (client_id == NULL)
		return MOSQ_ERR_SUCCESS;
	check(answer == NULL, "two answers");
	answer = strndup(payload, (size_t)len);
	return MOSQ_ERR_SUCCESS;
}

/* The log is written out, and read by nobody. */
void mosquitto_log_printf(int level, const char *format, ...)
    TRUST_PRINTF(2, 3);

void
mosquitto_log_printf(int level, const char *format, ...)
{
	char line[8192];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	check(strchr(line, '\n') == NULL, "a log line of several lines");
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

/* ---- What the broker does ---- */

static int
fire(int event, const char *topic, void *data)
{
	for (size_t i = 0; i < n_callbacks; i++) {
		const struct callback *c = &callbacks[i];

		if (c->event == event &&
		    (topic == NULL || strcmp(c->topic, topic) == 0))
			return c->function(event, data, c->userdata);
	}
	check(false, "no callback for an event");
	return MOSQ_ERR_UNKNOWN;
}

static void
disconnect_kicked(void)
{
	struct mosquitto_evt_disconnect gone = {.client = &client};
	struct mosquitto_evt_tick tick = {0};

	if (client.kicked)
		(void)fire(MOSQ_EVT_DISCONNECT, NULL, &gone);
	client.connected &= !client.kicked;
	client.kicked = false;
	(void)fire(MOSQ_EVT_TICK, NULL, &tick);
}

static void
come(void)
{
	struct mosquitto_evt_basic_auth auth = {.client = &client};

	client.connected =
	    fire(MOSQ_EVT_BASIC_AUTH, NULL, &auth) == MOSQ_ERR_SUCCESS;
}

const char *
broker_control(const char *topic, struct trust_span payload)
{
	/* Octets to read beyond are none of the payload's. */
	uint8_t *copy = malloc(payload.len > 0 ? payload.len : 1);
	struct mosquitto_evt_control control = {.client = &client,
	    .topic = topic,
	    .payload = copy,
	    .payloadlen = (uint32_t)payload.len};

	check(copy != NULL, "out of memory");
	memcpy(copy, payload.p, payload.len);
	free(answer);
	answer = NULL;
	(void)fire(MOSQ_EVT_CONTROL, topic, &control);
	free(copy);
	disconnect_kicked();
	return answer;
}

/* ---- The registry ---- */

static void
make_certificate(void)
{
	const int64_t now = time(NULL);
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_DEVICE,
	    .cn = DEVICE,
	    .not_before = now - DAY_S,
	    .not_after = now + 365 * DAY_S,
	};
	struct trust_message msg = {0};
	struct trust_pair pair;

	check(trust_pair_make(TRUST_KEY_P256, &issue, NULL, &pair, &msg) ==
		  TRUST_OK,
	    msg.text);
	client.certificate = pair.certificate;
	(void)X509_up_ref(pair.certificate);
	trust_pair_clear(&pair);
}

static void
write_record(const char *path, const char *line)
{
	struct trust_registry *registry = NULL;
	struct trust_message msg = {0};
	struct trust_record *record = NULL;

	check(trust_registry_create(path, TRUST_REGISTRY_ORIGIN, &msg) ==
		      TRUST_OK &&
		  trust_registry_open(path, TRUST_REGISTRY_WRITE, &registry,
		      &msg) == TRUST_OK &&
		  trust_registry_begin(registry, &msg) == TRUST_OK &&
		  trust_record_parse(trust_span_of(line), &record, &msg) ==
		      TRUST_OK &&
		  trust_registry_put(registry, record, 0, &msg) == TRUST_OK &&
		  trust_registry_commit(registry, &msg) == TRUST_OK,
	    msg.text);
	trust_record_free(record);
	trust_registry_close(registry);
}

static void
fill(const char *path)
{
	char line[512], hex[TRUST_THUMBPRINT_TEXT];
	struct trust_thumbprint thumbprint;

	check(trust_certificate_thumbprint(client.certificate, &thumbprint) ==
		  TRUST_OK,
	    "no thumbprint");
	(void)snprintf(line, sizeof(line),
	    "{\"kind\":\"device\",\"id\":\"" DEVICE "\",\"auth\":{\"type\":"
	    "\"thumbprint\",\"primary\":\"%s\"}}",
	    trust_thumbprint_format(&thumbprint, hex));
	write_record(path, line);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return remove(path);
}

static void
stop(void)
{
	(void)mosquitto_plugin_cleanup(plugin, NULL, 0);
	(void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	X509_free(client.certificate);
	free(client.username);
	free(answer);
	client = (struct mosquitto){0};
	answer = NULL;
	n_callbacks = 0;
}

static void
start(void)
{
	static char gateway[] = "gateway", id[] = "gw1";
	static char registry[] = "registry";
	char path[sizeof(dir) + 16];
	struct mosquitto_opt options[] = {{gateway, id}, {registry, path}};

	memcpy(dir, DIR_TEMPLATE, sizeof(dir));
	check(mkdtemp(dir) != NULL, "no temporary folder");
	(void)snprintf(path, sizeof(path), "%s/devices.db", dir);
	make_certificate();
	fill(path);
	check(mosquitto_plugin_init(NULL, &plugin, options, 2) ==
		  MOSQ_ERR_SUCCESS,
	    "the plugin does not start");
	come();
	check(client.connected, "the client is refused");
}

void
broker_start(void)
{
	start();
	(void)atexit(stop);
}

void
broker_go_on(void)
{
	if (!client.connected)
		come();
	if (client.connected)
		return;
	stop();
	start();
}
