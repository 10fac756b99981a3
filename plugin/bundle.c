/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trust bundle as a retained message: for devices that come to know by it
 * whom to trust, and when that changes.
 */
#include <string.h>

#include "plugin.h"

#define TOPIC "trust/v1/bundle"

static bool
is_same(const struct trust_buf *a, const struct trust_buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

/* The first time always: what the broker kept from before may be another. */
static void
take(struct trust_plugin *plugin)
{
	struct trust_bundle *bundle = &plugin->bundle;
	struct trust_buf fresh = {0};

	if (!trust_gate_take_bundle(plugin->gate, &fresh))
		return;
	if (!bundle->known || !is_same(&bundle->pem, &fresh))
		bundle->due = true;
	bundle->known = true;
	trust_buf_free(&bundle->pem);
	bundle->pem = fresh; /* transferred */
}

static void
tell(struct trust_bundle *bundle)
{
	bool empty = bundle->pem.len == 0;

	/* That there is none at the start is no news. */
	if (!empty || bundle->told)
		mosquitto_log_printf(MOSQ_LOG_NOTICE,
		    "mosquitto_trust: the trust bundle %s",
		    empty ? "is empty now; " TOPIC " is retained no more"
			  : "is retained on " TOPIC);
	bundle->told = true;
}

void
trust_bundle_publish(struct trust_plugin *plugin)
{
	struct trust_bundle *bundle = &plugin->bundle;
	int rc;

	take(plugin);
	if (!bundle->due)
		return;
	/* An empty one takes away what is retained (MQTT 3.1.1 section
	 * 3.3.1.3). */
	rc = mosquitto_broker_publish_copy(
	    NULL, TOPIC, (int)bundle->pem.len, bundle->pem.p, 1, true, NULL);
	if (rc == MOSQ_ERR_SUCCESS) {
		bundle->due = false;
		bundle->failed = false;
		tell(bundle);
		return;
	}
	if (!bundle->failed)
		mosquitto_log_printf(MOSQ_LOG_ERR,
		    "mosquitto_trust: " TOPIC " is not what the registry says "
		    "(error %d); trying again",
		    rc);
	bundle->failed = true;
}

void
trust_bundle_clear(struct trust_plugin *plugin)
{
	trust_buf_free(&plugin->bundle.pem);
}
