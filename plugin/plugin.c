/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The broker's entry points: set up, register, take down.
 */
#include "plugin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control.h"
#include "gateway_key.h"

#define EXPORT __attribute__((visibility("default")))

/* Events that Mosquitto 2.1 added. Their data begin as that of DISCONNECT
 * does; an older broker refuses to register them, which is fine. */
#define EVENT_CONNECT        11
#define EVENT_CLIENT_OFFLINE 28

static const struct event {
	int event;
	MOSQ_FUNC_generic_callback callback;
	bool required;
} events[] = {
    {MOSQ_EVT_RELOAD, trust_tick_on_reload, true},
    {MOSQ_EVT_ACL_CHECK, trust_access_on_acl_check, true},
    {MOSQ_EVT_BASIC_AUTH, trust_connect_on_basic_auth, true},
    {MOSQ_EVT_EXT_AUTH_START, trust_connect_on_ext_auth, true},
    {MOSQ_EVT_PSK_KEY, trust_psk_on_key, true},
    {MOSQ_EVT_MESSAGE, trust_access_on_message, true},
    {MOSQ_EVT_TICK, trust_tick_on_tick, true},
    {MOSQ_EVT_DISCONNECT, trust_connect_on_disconnect, true},
    {EVENT_CONNECT, trust_connect_on_connect, false},
    {EVENT_CLIENT_OFFLINE, trust_connect_on_disconnect, false},
};
#define N_EVENTS (sizeof(events) / sizeof(events[0]))

/* The hook in OpenSSL is one for the process, and so is the plugin. */
static bool loaded;

int64_t
trust_plugin_now(void)
{
	return (int64_t)time(NULL);
}

int64_t
trust_plugin_now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
trust_plugin_now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void
trust_plugin_log(void *arg, enum trust_log_level level, const char *line)
{
	static const int levels[] = {
	    [TRUST_LOG_ERROR] = MOSQ_LOG_ERR,
	    [TRUST_LOG_WARNING] = MOSQ_LOG_WARNING,
	    [TRUST_LOG_NOTICE] = MOSQ_LOG_NOTICE,
	    [TRUST_LOG_DEBUG] = MOSQ_LOG_DEBUG,
	};

	(void)arg;
	mosquitto_log_printf(levels[level], "mosquitto_trust: %s", line);
}

static enum trust_err
open_events(struct trust_plugin *plugin, struct trust_message *msg)
{
	enum trust_err r;

	r = trust_events_open(plugin->options.audit_log, &plugin->events, msg);
	if (r != TRUST_OK)
		return r;
	return trust_refusals_new(plugin->events, &plugin->refusals);
}

static enum trust_err
start_counting(struct trust_plugin *plugin)
{
	const struct trust_counters_source source = {
	    .gate = plugin->gate,
	    .refusals = plugin->refusals,
	    .sessions = plugin->sessions,
	    .n_allowed = &plugin->n_allowed,
	    .n_requests = &plugin->n_requests,
	    .n_enrolled = &plugin->n_enrolled,
	};

	return trust_counters_new(&source, &plugin->counters);
}

static enum trust_err
load_gateway_key(struct trust_plugin *plugin, struct trust_message *msg)
{
	if (plugin->options.gateway_key == NULL)
		return TRUST_OK;
	return trust_gateway_key_load(
	    plugin->options.gateway_key, &plugin->gateway_key, msg);
}

static enum trust_err
open_gate(struct trust_plugin *plugin, struct trust_message *msg)
{
	struct trust_gate_config config = {
	    .gateway = plugin->options.gateway,
	    .registry_path = plugin->options.registry,
	    .revocation = plugin->options.revocation,
	    .crl_grace_s = plugin->options.crl_grace_s,
	    .remember = true,
	    .max_offline_s = plugin->options.max_offline_s,
	    .on_stale = plugin->options.on_stale,
	    .gateway_key = plugin->gateway_key,
	    .ahead = plugin->ahead,
	    .log = {.write = trust_plugin_log},
	};
	enum trust_err r;

	r = trust_gate_open(&config, &plugin->gate, msg);
	return r == TRUST_OK ? r
			     : trust_err_prefix(msg, r, "plugin_opt_registry");
}

/* A PEM file of anchors, whole and sound. */
static enum trust_err
load_anchors(const char *path, STACK_OF(X509) **out, struct trust_message *msg)
{
	struct trust_buf pem = {0};
	char piece[4096], user[TRUST_USER_TEXT];
	enum trust_err r = TRUST_OK;
	size_t n;
	FILE *file = fopen(path, "re");

	if (file == NULL) {
		int error = errno;

		return trust_err_set(msg, TRUST_ERR_IO,
		    "plugin_opt_registry_anchor: want a PEM file that %s, as "
		    "whom the broker runs, can read, got \"%s\": %s",
		    trust_user_show(user), path, strerror(error));
	}
	while (r == TRUST_OK && pem.len <= TRUST_CERTIFICATE_MAX &&
	       (n = fread(piece, 1, sizeof(piece), file)) > 0)
		r = trust_buf_add(&pem, piece, n);
	(void)fclose(file);
	if (r == TRUST_OK)
		r = trust_certificate_parse_pem(trust_buf_get0(&pem), out, msg);
	trust_buf_free(&pem);
	if (r != TRUST_OK)
		return trust_err_prefix(
		    msg, r, "plugin_opt_registry_anchor: %s", path);
	return TRUST_OK;
}

/* Whether it is the anchors that do not fit, and no file that is unusable. */
static bool
is_about_anchors(enum trust_err r)
{
	return r == TRUST_ERR_INPUT || r == TRUST_ERR_CONFLICT;
}

/* Where anchors of signers are given, the registry is a replica, and sync
 * makes it if need be. */
static enum trust_err
start_sync(struct trust_plugin *plugin, struct trust_message *msg)
{
	struct trust_replica_config config = {
	    .registry_path = plugin->options.registry,
	    .gateway = plugin->options.gateway,
	    .scope = plugin->options.scope,
	    .n_signatures = (size_t)plugin->options.registry_signatures,
	    .clock_skew_s = plugin->options.clock_skew_s,
	    .max_removals = plugin->options.max_removals,
	    .jitter_seed = (uint64_t)trust_plugin_now(),
	    .ahead = plugin->ahead,
	};
	enum trust_err r;

	if (plugin->options.registry_anchor == NULL)
		return TRUST_OK;
	r = load_anchors(
	    plugin->options.registry_anchor, &plugin->registry_anchors, msg);
	if (r != TRUST_OK)
		return r;
	config.anchors = plugin->registry_anchors;
	r = trust_sync_start(&config, &plugin->sync, msg);
	if (r == TRUST_ERR_IO)
		return trust_err_prefix(msg, r, "plugin_opt_registry");
	if (is_about_anchors(r))
		return trust_err_prefix(msg, r,
		    "plugin_opt_registry_anchor: %s",
		    plugin->options.registry_anchor);
	if (r != TRUST_OK)
		return r;
	plugin->upstream.tell = trust_plugin_log;
	trust_upstream_begin(&plugin->upstream, trust_plugin_now_ms());
	return TRUST_OK;
}

static enum trust_err
install_handshake(struct trust_plugin *plugin, struct trust_message *msg)
{
	const struct trust_handshake_config config = {
	    .gate = plugin->gate,
	    .refusals = plugin->refusals,
	    .judges_upstream = plugin->options.registry_upstream,
	    .asks_all = plugin->options.optional_certificates,
	    .reads = plugin->reads,
	};

	return trust_handshake_install(&config, &plugin->handshake, msg);
}

static enum trust_err
start_stamping(struct trust_plugin *plugin, struct trust_message *msg)
{
	enum trust_err r;

	r = trust_properties_new(plugin->is_2_1, &plugin->properties, msg);
	/* Requests for certificates that have properties are refused then. */
	if (r == TRUST_ERR_NOT_FOUND && !plugin->options.provenance)
		return TRUST_OK;
	if (r != TRUST_OK)
		return trust_err_prefix(msg, r, "plugin_opt_provenance");
	if (!plugin->options.provenance)
		return TRUST_OK;
	return trust_provenance_new(plugin->options.gateway, plugin->is_2_1,
	    plugin->properties, &plugin->provenance);
}

/* Without anchors of signers nobody would keep a replica fresh, or say that
 * it is not. */
static enum trust_err
check_role(const struct trust_plugin *plugin, struct trust_message *msg)
{
	struct trust_gate_status status;

	trust_gate_get_status(plugin->gate, trust_plugin_now(), &status);
	if (!status.is_replica || plugin->sync != NULL)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_CONFLICT,
	    "plugin_opt_registry_anchor: want a PEM file, got nothing: %s is "
	    "a replica",
	    plugin->options.registry);
}

static enum trust_err
register_events(struct trust_plugin *plugin, struct trust_message *msg)
{
	for (size_t i = 0; i < N_EVENTS; i++) {
		int rc = mosquitto_callback_register(plugin->id,
		    events[i].event, events[i].callback, NULL, plugin);

		if (rc != MOSQ_ERR_SUCCESS && events[i].required)
			return trust_err_set(msg, TRUST_ERR_INTERNAL,
			    "the broker does not offer event %d (error %d)",
			    events[i].event, rc);
		if (rc == MOSQ_ERR_SUCCESS && events[i].event == EVENT_CONNECT)
			plugin->is_2_1 = true;
	}
	return TRUST_OK;
}

static void
unregister_events(struct trust_plugin *plugin)
{
	for (size_t i = 0; i < N_EVENTS; i++)
		(void)mosquitto_callback_unregister(
		    plugin->id, events[i].event, events[i].callback, NULL);
	trust_control_unregister(plugin);
}

static void
plugin_free(struct trust_plugin *plugin)
{
	trust_wake_free(plugin->wake);
	trust_sync_stop(plugin->sync);
	trust_upstream_clear(&plugin->upstream);
	sk_X509_pop_free(plugin->registry_anchors, X509_free);
	trust_handshake_remove(plugin->handshake);
	trust_handshake_psk_free(plugin->psk);
	trust_handshake_reads_free(plugin->reads);
	trust_handshake_server_free(plugin->shown);
	trust_sessions_free(plugin->sessions);
	trust_provenance_free(plugin->provenance);
	trust_properties_free(plugin->properties);
	trust_pendings_clear(&plugin->pendings);
	trust_gate_close(plugin->gate);
	trust_crl_ahead_free(plugin->crl_ahead);
	trust_ahead_free(plugin->ahead);
	EVP_PKEY_free(plugin->gateway_key);
	trust_counters_free(plugin->counters);
	trust_refusals_free(plugin->refusals);
	trust_events_close(plugin->events);
	trust_options_clear(&plugin->options);
	trust_broker_config_free(plugin->broker_config);
	trust_intruder_forget_all(plugin);
	trust_bundle_clear(plugin);
	free(plugin);
}

static enum trust_err
set_up(struct trust_plugin *plugin, const struct mosquitto_opt *options,
    int n_options, struct trust_message *msg)
{
	enum trust_err r;

	r = trust_options_parse(options, n_options, &plugin->options, msg);
	if (r == TRUST_OK)
		r = trust_broker_config_load(
		    plugin->options.optional_certificates,
		    &plugin->broker_config, msg);
	if (r == TRUST_OK)
		r = open_events(plugin, msg);
	if (r == TRUST_OK)
		r = trust_ahead_new(TRUST_AHEAD_MAX, &plugin->ahead);
	if (r == TRUST_OK)
		r = trust_crl_ahead_new(plugin->options.registry, plugin->ahead,
		    &plugin->crl_ahead);
	if (r == TRUST_OK)
		r = start_sync(plugin, msg);
	if (r == TRUST_OK)
		r = load_gateway_key(plugin, msg);
	if (r == TRUST_OK)
		r = open_gate(plugin, msg);
	if (r == TRUST_OK)
		r = check_role(plugin, msg);
	if (r == TRUST_OK)
		r = trust_sessions_new(&plugin->sessions);
	if (r == TRUST_OK)
		r = trust_wake_new(&plugin->wake);
	if (r == TRUST_OK)
		r = start_counting(plugin);
	if (r == TRUST_OK)
		r = trust_handshake_psk_new(
		    plugin->refusals, &plugin->psk, msg);
	if (r == TRUST_OK)
		r = trust_handshake_reads_new(&plugin->reads, msg);
	if (r == TRUST_OK)
		r = trust_handshake_server_new(&plugin->shown, msg);
	if (r == TRUST_OK)
		r = install_handshake(plugin, msg);
	if (r == TRUST_OK)
		r = register_events(plugin, msg);
	if (r == TRUST_OK)
		r = start_stamping(plugin, msg);
	if (r == TRUST_OK)
		r = trust_control_register(plugin, msg);
	return r;
}

EXPORT int
mosquitto_plugin_version(int n_versions, const int *versions)
{
	for (int i = 0; i < n_versions; i++) {
		if (versions[i] == MOSQ_PLUGIN_VERSION)
			return MOSQ_PLUGIN_VERSION;
	}
	return -1;
}

EXPORT int
mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **userdata,
    struct mosquitto_opt *options, int n_options)
{
	struct trust_message msg = {0};
	struct trust_plugin *plugin;
	enum trust_err r;

	if (loaded) {
		mosquitto_log_printf(MOSQ_LOG_ERR,
		    "mosquitto_trust: want one plugin line for all listeners, "
		    "got a second one");
		return MOSQ_ERR_INVAL;
	}
	plugin = calloc(1, sizeof(*plugin));
	if (plugin == NULL)
		return MOSQ_ERR_NOMEM;
	plugin->id = id;
	r = set_up(plugin, options, n_options, &msg);
	if (r != TRUST_OK) {
		mosquitto_log_printf(MOSQ_LOG_ERR, "mosquitto_trust: %s",
		    msg.text[0] != '\0' ? msg.text : trust_err_text(r));
		unregister_events(plugin);
		plugin_free(plugin);
		return MOSQ_ERR_INVAL;
	}
	mosquitto_log_printf(MOSQ_LOG_NOTICE,
	    "mosquitto_trust: %s guards gateway %s with registry %s",
	    TRUST_VERSION, plugin->options.gateway, plugin->options.registry);
	loaded = true;
	*userdata = plugin;
	return MOSQ_ERR_SUCCESS;
}

EXPORT int
mosquitto_plugin_cleanup(
    void *userdata, struct mosquitto_opt *options, int n_options)
{
	struct trust_plugin *plugin = userdata;

	(void)options;
	(void)n_options;
	if (plugin == NULL)
		return MOSQ_ERR_SUCCESS;
	unregister_events(plugin);
	plugin_free(plugin);
	loaded = false;
	return MOSQ_ERR_SUCCESS;
}
