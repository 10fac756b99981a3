/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The doctor looks for the gateway: its name, its addresses, its port.
 */
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"

/* ---- The name ---- */

static void
tell_unknown(struct trust_doctor *doctor, int error)
{
	const char *host = doctor->words.host;

	if (error == EAI_INPROGRESS || error == EAI_AGAIN) {
		trust_findings_add(&doctor->findings, "resolve",
		    TRUST_RESULT_FAIL, "no name server told where %s is%s",
		    doctor->host, error == EAI_INPROGRESS ? " in time" : "");
		trust_findings_mend(&doctor->findings, "cat /etc/resolv.conf");
	} else
		trust_findings_add(&doctor->findings, "resolve",
		    TRUST_RESULT_FAIL, "%s cannot be found: %s", doctor->host,
		    gai_strerror(error));
	trust_findings_mend(&doctor->findings, "getent ahosts %s", host);
	trust_findings_mend(&doctor->findings,
	    "echo 'ADDRESS %s' | sudo tee -a /etc/hosts   # or put it into "
	    "DNS; an address in its place must be in the certificate",
	    host);
}

static bool
resolve(struct trust_doctor *doctor)
{
	char list[TRUST_MESSAGE_MAX] = "";
	size_t i, len;
	int error = trust_dial_resolve(doctor->host, doctor->port,
	    doctor->timeout_s * 1000, &doctor->addresses);

	if (error != 0) {
		tell_unknown(doctor, error);
		return false;
	}
	if (trust_dial_is_address(doctor->host))
		return true;
	for (i = 0; i < doctor->addresses.n; i++) {
		len = strlen(list);
		snprintf(list + len, sizeof(list) - len, "%s%s",
		    i > 0 ? ", " : "", doctor->addresses.v[i].text);
	}
	trust_findings_add(&doctor->findings, "resolve", TRUST_RESULT_OK,
	    "%s is %s", doctor->host, list);
	return true;
}

/* ---- The port ---- */

static void
mend_refused(struct trust_doctor *doctor)
{
	trust_findings_mend(&doctor->findings,
	    "systemctl status mosquitto; ss -tln   # on the gateway: does it "
	    "run, is there a listener on port %d, and not on 127.0.0.1 alone?",
	    doctor->port);
	trust_findings_mend(&doctor->findings,
	    "listener %d   # in mosquitto.conf", doctor->port);
}

static void
mend_unreachable(struct trust_doctor *doctor, const char *address)
{
	trust_findings_mend(&doctor->findings, "ip route get %s", address);
	trust_findings_mend(&doctor->findings,
	    "sudo nft list ruleset   # on the gateway and between: is TCP "
	    "port %d let through?",
	    doctor->port);
}

/* One address that does not answer. What others do decides what it is worth:
 * a client goes on to the next, at once where it is refused. */
static void
tell_failure(struct trust_doctor *doctor,
    const struct trust_dial_address *address, int error, bool others)
{
	enum trust_result result = !others              ? TRUST_RESULT_FAIL
				   : error == ETIMEDOUT ? TRUST_RESULT_WARN
							: TRUST_RESULT_NOTE;

	switch (error) {
	case ECONNREFUSED:
		trust_findings_add(&doctor->findings, "connect", result,
		    "%s, port %d: refused; the machine is there, and nothing "
		    "listens on that port",
		    address->text, doctor->port);
		if (!others)
			mend_refused(doctor);
		return;
	case ETIMEDOUT:
		trust_findings_add(&doctor->findings, "connect", result,
		    "%s, port %d: no answer within %d s; a firewall drops it, "
		    "or no such machine is on",
		    address->text, doctor->port, doctor->timeout_s);
		break;
	case ENETUNREACH:
	case EHOSTUNREACH:
		trust_findings_add(&doctor->findings, "connect", result,
		    "%s, port %d: no way leads there from here (%s)",
		    address->text, doctor->port, strerror(error));
		break;
	default:
		trust_findings_add(&doctor->findings, "connect", result,
		    "%s, port %d: %s", address->text, doctor->port,
		    strerror(error));
		break;
	}
	if (result != TRUST_RESULT_NOTE)
		mend_unreachable(doctor, address->text);
}

void
trust_doctor_reach(struct trust_doctor *doctor)
{
	const struct trust_dial_addresses *addresses = &doctor->addresses;
	int errors[TRUST_DIAL_MAX] = {0};
	size_t i;
	int fd;

	if (!resolve(doctor))
		return;
	for (i = 0; i < addresses->n; i++) {
		fd = trust_dial_connect(
		    &addresses->v[i], doctor->timeout_s * 1000);
		errors[i] = fd < 0 ? errno : 0;
		if (fd >= 0)
			(void)close(fd);
		if (fd >= 0 && doctor->reached == NULL)
			doctor->reached = &addresses->v[i];
	}
	for (i = 0; i < addresses->n; i++) {
		if (errors[i] != 0)
			tell_failure(doctor, &addresses->v[i], errors[i],
			    doctor->reached != NULL);
		else
			trust_findings_add(&doctor->findings, "connect",
			    TRUST_RESULT_OK, "%s, port %d: takes connections",
			    addresses->v[i].text, doctor->port);
	}
}
