/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS alerts in words: what each means where a gateway says it to a client.
 */
#ifndef TRUST_ALERT_H
#define TRUST_ALERT_H

/* All static. */
struct trust_alert {
	int number;          /* RFC 8446 section 6 */
	const char *name;    /* as it is called there */
	const char *meaning; /* of a gateway with mosquitto-trust, or without */
	const char *mend;    /* what to type on the gateway, or NULL */
};

/* "unknown" for a number that nobody knows. */
const struct trust_alert *trust_alert_get0(int number);

#endif
