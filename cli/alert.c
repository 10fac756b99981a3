/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS alerts in words. What the gateway's reasons become is in
 * plugin/handshake.c; the rest is OpenSSL's.
 */
#include "alert.h"

#include <stddef.h>

#define LOG                                                                   \
	"grep 'mosquitto_trust: refused' /var/log/mosquitto/mosquitto.log | " \
	"tail   # on the gateway: the reason"
#define OPENSSL_LOG                                                       \
	"tail /var/log/mosquitto/mosquitto.log   # on the gateway: what " \
	"OpenSSL says there"

static const struct trust_alert alerts[] = {
    {40, "handshake_failure",
	"no certificate came although one is wanted (TLS 1.2), or no cipher "
	"is common to both",
	OPENSSL_LOG},
    {42, "bad_certificate",
	"the certificate is one that the gateway may not take: its path "
	"breaks a rule, a key or a signature on it is too weak, or it is "
	"made for too long",
	LOG},
    {43, "unsupported_certificate",
	"the certificate is not for a TLS client: its key usage, its extended "
	"key usage, or it is a CA's",
	LOG},
    {44, "certificate_revoked",
	"a CRL at the gateway revokes the certificate, or a CA above it", LOG},
    {45, "certificate_expired",
	"by the gateway's clock the certificate, or a CA above it, has ended "
	"or has not begun",
	"date -u   # on the gateway, and here"},
    {46, "certificate_unknown",
	"the gateway knows the certificate well enough and does not want it: "
	"nobody registered it, the device is disabled or blocked, or its name "
	"is another's",
	LOG},
    {47, "illegal_parameter", "the two do not agree on TLS", OPENSSL_LOG},
    {48, "unknown_ca",
	"no path leads from the certificate to an anchor of the gateway: its "
	"CA is not known there, or the client does not send its intermediates",
	LOG},
    {49, "access_denied", "the gateway does not let it in", LOG},
    {50, "decode_error", "the two do not agree on TLS", OPENSSL_LOG},
    {51, "decrypt_error",
	"the key that the client signs with is not that of its certificate",
	OPENSSL_LOG},
    {70, "protocol_version", "no TLS version is common to both",
	"grep -n tls_version /etc/mosquitto/mosquitto.conf   # on the gateway"},
    {71, "insufficient_security", "the gateway wants stronger ciphers",
	"grep -n ciphers /etc/mosquitto/mosquitto.conf   # on the gateway"},
    {80, "internal_error",
	"the gateway lets nobody in for now: its registry is missing or stale, "
	"or it could not decide",
	LOG},
    {109, "missing_extension", "the two do not agree on TLS", OPENSSL_LOG},
    {112, "unrecognized_name",
	"no server of that name is there (server_name); a proxy before the "
	"gateway, mostly",
	OPENSSL_LOG},
    {115, "unknown_psk_identity",
	"the listener wants a pre-shared key, and does not know this identity",
	OPENSSL_LOG},
    {116, "certificate_required", "a certificate is wanted, and none came",
	OPENSSL_LOG},
    {120, "no_application_protocol",
	"another protocol than MQTT is spoken there (ALPN)", OPENSSL_LOG},
};

static const struct trust_alert unknown = {
    0, "unknown", "an alert that is not in RFC 8446", OPENSSL_LOG};

const struct trust_alert *
trust_alert_get0(int number)
{
	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
		if (alerts[i].number == number)
			return &alerts[i];
	}
	return &unknown;
}
