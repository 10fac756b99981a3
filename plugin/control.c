/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between the bridge and the sync thread. Nothing is looked at here: the
 * signature is what counts, whoever brought it.
 */
#include "control.h"

#include "command.h"

#define NOTIFICATION "$CONTROL/trust/v1/notification"
#define CONTENT      "$CONTROL/trust/v1/content"
#define REQUEST      "trust/v1/request"
#define REPORT       "trust/v1/report"

/* At most once in so many seconds: whoever is above can send any number. */
#define LOST_TOLD_S 60

/* The bridge has acknowledged it, and it will not come by itself. */
static void
tell_lost(struct trust_plugin *plugin)
{
	int64_t now = trust_plugin_now();

	plugin->n_lost++;
	/* A clock that was set back is no reason to be silent, either. */
	if (plugin->n_lost_told > 0 && now >= plugin->lost_told_at &&
	    now < plugin->lost_told_at + LOST_TOLD_S)
		return;
	mosquitto_log_printf(MOSQ_LOG_WARNING,
	    "mosquitto_trust: sync has no room for what arrives, "
	    "notifications lost: %llu; the next one that is signed makes up "
	    "for them",
	    (unsigned long long)(plugin->n_lost - plugin->n_lost_told));
	plugin->n_lost_told = plugin->n_lost;
	plugin->lost_told_at = now;
}

/* A bridge has no address; whoever else brought it may come and go. */
static void
note_upstream(struct trust_plugin *plugin, const struct mosquitto *client)
{
	bool bridge = mosquitto_client_address(client) == NULL;

	trust_upstream_hear(&plugin->upstream,
	    bridge ? mosquitto_client_id(client) : NULL, trust_plugin_now_ms());
}

static int
on_notification(int event, void *data, void *userdata)
{
	const struct mosquitto_evt_control *control = data;
	struct trust_plugin *plugin = userdata;

	(void)event;
	if (plugin->sync == NULL)
		return MOSQ_ERR_SUCCESS;
	note_upstream(plugin, control->client);
	if (!trust_sync_notify(plugin->sync,
		(struct trust_span){control->payload, control->payloadlen}))
		tell_lost(plugin);
	return MOSQ_ERR_SUCCESS;
}

static int
on_content(int event, void *data, void *userdata)
{
	const struct mosquitto_evt_control *control = data;
	struct trust_plugin *plugin = userdata;

	(void)event;
	if (plugin->sync == NULL)
		return MOSQ_ERR_SUCCESS;
	note_upstream(plugin, control->client);
	/* One that is lost is asked for again. */
	(void)trust_sync_receive(plugin->sync,
	    (struct trust_span){control->payload, control->payloadlen});
	return MOSQ_ERR_SUCCESS;
}

static const struct {
	const char *topic;
	MOSQ_FUNC_generic_callback callback;
} topics[] = {
    {NOTIFICATION, on_notification},
    {CONTENT, on_content},
    {TRUST_COMMAND_TOPIC, trust_command_on_control},
};
#define N_TOPICS (sizeof(topics) / sizeof(topics[0]))

enum trust_err
trust_control_register(struct trust_plugin *plugin, struct trust_message *msg)
{
	for (size_t i = 0; i < N_TOPICS; i++) {
		int rc =
		    mosquitto_callback_register(plugin->id, MOSQ_EVT_CONTROL,
			topics[i].callback, topics[i].topic, plugin);

		if (rc != MOSQ_ERR_SUCCESS)
			return trust_err_set(msg, TRUST_ERR_CONFLICT,
			    "%s: another plugin has this topic (error %d)",
			    topics[i].topic, rc);
	}
	return TRUST_OK;
}

void
trust_control_unregister(struct trust_plugin *plugin)
{
	for (size_t i = 0; i < N_TOPICS; i++)
		(void)mosquitto_callback_unregister(plugin->id,
		    MOSQ_EVT_CONTROL, topics[i].callback, topics[i].topic);
}

static void
publish(const char *topic, struct trust_span payload)
{
	int rc = mosquitto_broker_publish_copy(
	    NULL, topic, (int)payload.len, payload.p, 1, false, NULL);

	if (rc != MOSQ_ERR_SUCCESS)
		mosquitto_log_printf(MOSQ_LOG_ERR,
		    "mosquitto_trust: %s could not be published (error %d)",
		    topic, rc);
}

static void
on_request(void *arg, struct trust_span json)
{
	(void)arg;
	publish(REQUEST, json);
}

static void
on_report(void *arg, struct trust_span json)
{
	(void)arg;
	publish(REPORT, json);
}

static void
on_log(void *arg, enum trust_log_level level, const char *line)
{
	trust_plugin_log(arg, level, line);
}

void
trust_control_drain(struct trust_plugin *plugin)
{
	const struct trust_sync_visitor visitor = {
	    .request = on_request,
	    .report = on_report,
	    .applied = trust_sync_event_applied,
	    .refused = trust_sync_event_refused,
	    .log = on_log,
	    .arg = plugin,
	};

	trust_sync_drain(plugin->sync, &visitor);
}
