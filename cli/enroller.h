/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request for a certificate at a gateway: sent, and answered.
 */
#ifndef TRUST_ENROLLER_H
#define TRUST_ENROLLER_H

#include "mqtt.h"

/* All borrowed. */
struct trust_enroller {
	const struct trust_mqtt_options *gateway;
	const char *client;        /* {client} of the topics */
	struct trust_span request; /* PKCS #10 */
	int64_t timeout_s;
};

/*
 * Ask, and wait for the answer: appended to `out`. TRUST_ERR_CONFLICT: the
 * gateway, or the Edge CA, says no. TRUST_ERR_IO: the gateway cannot be
 * reached, or nothing came in time.
 */
enum trust_err trust_enroller_ask(const struct trust_enroller *enroller,
    struct trust_buf *out, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
