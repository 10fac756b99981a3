/* SPDX-License-Identifier: Apache-2.0 */
/* Another plugin of the broker, as trusting as can be: it lets in whoever knows
 * a password, or comes with enhanced authentication, and logs every reload. */

#include <stddef.h>
#include <string.h>

#include "../../plugin/broker.h"

static mosquitto_plugin_id_t *self;

static int
on_basic_auth(int event, void *data, void *userdata)
{
	const struct mosquitto_evt_basic_auth *auth = data;

	(void)event;
	(void)userdata;
	if (auth->password != NULL && strcmp(auth->password, "secret") == 0)
		return MOSQ_ERR_SUCCESS;
	return MOSQ_ERR_PLUGIN_DEFER;
}

static int
on_ext_auth(int event, void *data, void *userdata)
{
	(void)event;
	(void)data;
	(void)userdata;
	return MOSQ_ERR_SUCCESS;
}

static int
on_reload(int event, void *data, void *userdata)
{
	(void)event;
	(void)data;
	(void)userdata;
	mosquitto_log_printf(MOSQ_LOG_NOTICE, "other_plugin: reload");
	return MOSQ_ERR_SUCCESS;
}

int
mosquitto_plugin_version(int count, const int *versions)
{
	(void)count;
	(void)versions;
	return 5;
}

int
mosquitto_plugin_init(mosquitto_plugin_id_t *id, void **userdata,
    struct mosquitto_opt *options, int count)
{
	int rc;

	(void)userdata;
	(void)options;
	(void)count;
	self = id;
	rc = mosquitto_callback_register(
	    id, MOSQ_EVT_BASIC_AUTH, on_basic_auth, NULL, NULL);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_callback_register(
		    id, MOSQ_EVT_EXT_AUTH_START, on_ext_auth, NULL, NULL);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_callback_register(
		    id, MOSQ_EVT_RELOAD, on_reload, NULL, NULL);
	return rc;
}

int
mosquitto_plugin_cleanup(
    void *userdata, struct mosquitto_opt *options, int count)
{
	(void)userdata;
	(void)options;
	(void)count;
	mosquitto_callback_unregister(
	    self, MOSQ_EVT_BASIC_AUTH, on_basic_auth, NULL);
	mosquitto_callback_unregister(
	    self, MOSQ_EVT_EXT_AUTH_START, on_ext_auth, NULL);
	mosquitto_callback_unregister(self, MOSQ_EVT_RELOAD, on_reload, NULL);
	return MOSQ_ERR_SUCCESS;
}
