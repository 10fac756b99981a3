/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor shakes hands, and where that is not what the other side does,
 * finds out what it is.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "alert.h"
#include "doctor.h"
#include "progress.h"

/* Octets of what a server says to a question of HTTP. */
#define REPLY_MAX 64

struct trust_probe_want
trust_doctor_want(const struct trust_doctor *doctor)
{
	return (struct trust_probe_want){
	    .to = doctor->reached,
	    /* RFC 6066 section 3: no addresses. */
	    .name = trust_dial_is_address(doctor->host) ? NULL : doctor->host,
	    .certificates = doctor->own_fits ? doctor->own : NULL,
	    .key = doctor->own_fits ? doctor->own_key : NULL,
	    .anchors = doctor->anchors,
	    .waits = true,
	    .timeout_ms = doctor->timeout_s * 1000,
	};
}

/* ---- What is no TLS ---- */

/* What comes first; at once, or after a question. */
static size_t
hear(const struct trust_doctor *doctor, const char *question, char *reply,
    size_t size)
{
	int64_t deadline =
	    trust_progress_now_ms() + (int64_t)doctor->timeout_s * 1000;
	struct pollfd wait = {.events = POLLIN};
	ssize_t n = -1;
	int64_t left;

	wait.fd = trust_dial_connect(doctor->reached, doctor->timeout_s * 1000);
	if (wait.fd < 0)
		return 0;
	if (write(wait.fd, question, strlen(question)) >= 0) {
		left = deadline - trust_progress_now_ms();
		if (poll(&wait, 1, left > 0 ? (int)left : 0) > 0)
			n = read(wait.fd, reply, size);
	}
	(void)close(wait.fd);
	return n > 0 ? (size_t)n : 0;
}

/* RFC 9112 section 4. */
static bool
hears_http(const struct trust_doctor *doctor)
{
	char reply[REPLY_MAX];
	size_t n = hear(doctor, "GET / HTTP/1.0\r\n\r\n", reply, sizeof(reply));

	return n >= 5 && memcmp(reply, "HTTP/", 5) == 0;
}

static void
tell_plain_mqtt(struct trust_doctor *doctor)
{
	trust_findings_add(&doctor->findings, "tls", TRUST_RESULT_FAIL,
	    "port %d is MQTT without TLS: the sensor speaks TLS to a listener "
	    "that does not",
	    doctor->port);
	trust_findings_mend(&doctor->findings,
	    "trustctl doctor --host %s --port 8883 --anchor %s   # the port of "
	    "TLS, mostly",
	    doctor->words.host, doctor->words.anchor);
	trust_findings_mend(&doctor->findings,
	    "certfile /etc/mosquitto/certs/server.pem   # or in "
	    "mosquitto.conf, with the next, under listener %d",
	    doctor->port);
	trust_findings_mend(
	    &doctor->findings, "keyfile /etc/mosquitto/certs/server.key");
}

static void
tell_http(struct trust_doctor *doctor)
{
	trust_findings_add(&doctor->findings, "tls", TRUST_RESULT_FAIL,
	    "port %d is a web server (HTTP) and no MQTT listener with TLS",
	    doctor->port);
	trust_findings_mend(&doctor->findings,
	    "ss -tlnp   # on the gateway: which port is Mosquitto's?");
}

static void
tell_silence(struct trust_doctor *doctor)
{
	trust_findings_add(&doctor->findings, "tls", TRUST_RESULT_FAIL,
	    "port %d takes the connection, and nothing answers within %d s: "
	    "the program there hangs, or it is a proxy with nothing behind it",
	    doctor->port, doctor->timeout_s);
	trust_findings_mend(&doctor->findings,
	    "ss -tlnp 'sport = :%d'   # on the gateway: whose is it? Then its "
	    "log",
	    doctor->port);
}

static void
tell_alert(struct trust_doctor *doctor)
{
	const struct trust_alert *alert = trust_alert_get0(doctor->probe.alert);

	trust_findings_add(&doctor->findings, "tls", TRUST_RESULT_FAIL,
	    "the server refuses before it shows a certificate: TLS alert %d, "
	    "%s: %s",
	    doctor->probe.alert, alert->name,
	    "it has no version and cipher in common with any client, or no "
	    "certificate (a listener with psk_hint, or without certfile)");
	trust_findings_mend(&doctor->findings,
	    "grep -n 'certfile\\|psk\\|ciphers\\|tls_version' "
	    "/etc/mosquitto/mosquitto.conf   # on the gateway");
}

static void
tell_other(struct trust_doctor *doctor)
{
	if (trust_doctor_hears_mqtt(doctor)) {
		tell_plain_mqtt(doctor);
		return;
	}
	if (hears_http(doctor)) {
		tell_http(doctor);
		return;
	}
	trust_findings_add(&doctor->findings, "tls", TRUST_RESULT_FAIL,
	    "port %d is no TLS: %s", doctor->port,
	    doctor->probe.end == TRUST_PROBE_CLOSED
		? "it hangs up on a handshake"
		: doctor->probe.error);
	trust_findings_mend(&doctor->findings,
	    "ss -tlnp 'sport = :%d'   # on the gateway: whose is it?",
	    doctor->port);
}

enum trust_err
trust_doctor_shake(struct trust_doctor *doctor, struct trust_message *msg)
{
	struct trust_probe *probe = &doctor->probe;
	struct trust_probe_want want = trust_doctor_want(doctor);
	enum trust_err r;

	probe->alert = -1;
	if (doctor->reached == NULL)
		return TRUST_OK;
	r = trust_probe_run(&want, probe, msg);
	if (r != TRUST_OK)
		return r;
	if (probe->sent != NULL)
		trust_findings_add(&doctor->findings, "tls", TRUST_RESULT_OK,
		    "%s, %s", probe->version, probe->cipher);
	else if (probe->end == TRUST_PROBE_ALERT)
		tell_alert(doctor);
	else if (probe->end == TRUST_PROBE_SILENT)
		tell_silence(doctor);
	else
		tell_other(doctor);
	return TRUST_OK;
}
