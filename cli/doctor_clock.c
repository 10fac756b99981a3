/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor compares the gateway's clock with this machine's, where it can be
 * seen. TLS does not tell it, and MQTT neither: a gateway tells who may ask
 * for its status.
 */
#include <string.h>

#include "doctor.h"
#include "options.h"
#include "remote.h"

#define STEP "clock"

/* The gateway's clock_skew, by default. */
#define SKEW_S 300

/* Whether it is worth asking: without the registry nobody knows. */
static bool
may_ask(const struct trust_doctor *doctor)
{
	return doctor->own_fits && doctor->probe.asked &&
	       trust_findings_count(
		   &doctor->findings, "mqtt 3.1.1", TRUST_RESULT_OK) > 0 &&
	       trust_findings_count(
		   &doctor->findings, "mqtt 3.1.1", TRUST_RESULT_FAIL) == 0;
}

/* The gateway's word; false: it does not tell. */
static bool
ask(const struct trust_doctor *doctor, int64_t *then)
{
	const struct trust_mqtt_options gateway = {
	    .host = doctor->host,
	    .port = doctor->port,
	    .cafile = doctor->anchor,
	    .cert = doctor->cert,
	    .tls_key = doctor->key,
	    .id = trust_doctor_client_id(doctor),
	};
	struct trust_remote *remote = NULL;
	struct trust_dial_limit limit;
	struct trust_message msg;
	json_t *data = NULL;
	const char *text;
	bool told = false;

	trust_dial_limit_begin(&limit, doctor->timeout_s);
	if (trust_remote_open(&gateway, &remote, &msg) == TRUST_OK &&
	    trust_remote_ask(remote, json_pack("{s:s}", "command", "getStatus"),
		&data, &msg) == TRUST_OK) {
		text = json_string_value(json_object_get(data, "time"));
		told =
		    text != NULL && trust_clock_parse(text, then) == TRUST_OK;
	}
	json_decref(data);
	trust_remote_close(remote);
	trust_dial_limit_end(&limit);
	return told;
}

static void
compare(struct trust_doctor *doctor, int64_t then)
{
	int64_t ahead = then - trust_options_now();
	int64_t apart = ahead < 0 ? -ahead : ahead;
	char when[TRUST_CLOCK_TEXT], span[TRUST_CLOCK_TEXT];

	trust_clock_format(then, when);
	if (apart <= SKEW_S) {
		trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_OK,
		    "the gateway's clock says %s, as this machine's", when);
		return;
	}
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_WARN,
	    "the gateway's clock says %s, %s %s this machine's", when,
	    trust_duration_format(apart, span),
	    ahead > 0 ? "ahead of" : "behind");
	trust_findings_mend(
	    &doctor->findings, "timedatectl   # on both: which one is wrong?");
}

void
trust_doctor_ask_clock(struct trust_doctor *doctor)
{
	int64_t then;

	if (doctor->probe.sent == NULL)
		return;
	if (may_ask(doctor) && ask(doctor, &then)) {
		compare(doctor, then);
		return;
	}
	trust_findings_add(&doctor->findings, STEP, TRUST_RESULT_NOTE,
	    "the gateway's clock cannot be seen from here: TLS does not tell "
	    "it, and the gateway tells it to operators alone (trustctl "
	    "status); on the gateway: date -u");
}
