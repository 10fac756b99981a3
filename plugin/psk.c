/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of devices with pre-shared ones, for the broker's handshakes.
 */
#include <openssl/crypto.h>

#include "plugin.h"

static bool
give_key(struct mosquitto_evt_psk_key *asked, const struct trust_secret *key)
{
	return asked->max_key_len > 0 &&
	       OPENSSL_buf2hexstr_ex(asked->key, (size_t)asked->max_key_len,
		   NULL, key->b, key->len, '\0') == 1;
}

/* Others may know who is unknown here (psk_file, other plugins); without them
 * the broker refuses it. */
static int
refuse(struct trust_plugin *plugin, const struct mosquitto_evt_psk_key *asked,
    const struct trust_verdict *verdict)
{
	bool unknown = verdict->reason == TRUST_REASON_DEVICE_UNKNOWN;

	if (!unknown ||
	    !trust_broker_config_has_psk_file(plugin->broker_config))
		trust_refusal_tell_psk(plugin->refusals, verdict, NULL,
		    asked->identity, mosquitto_client_address(asked->client));
	return unknown ? MOSQ_ERR_PLUGIN_DEFER : MOSQ_ERR_AUTH;
}

static void
deny(struct trust_verdict *verdict, const char *why)
{
	(void)trust_verdict_deny(verdict, NULL, TRUST_REASON_INTERNAL_ERROR,
	    "device %s: %s", verdict->device, why);
}

/* Told once for each ClientHello. Nobody else is asked either. */
static int
refuse_more(struct trust_plugin *plugin,
    const struct mosquitto_evt_psk_key *asked, size_t n)
{
	struct trust_verdict verdict = {
	    .reason = TRUST_REASON_IDENTITY_AMBIGUOUS,
	};

	(void)snprintf(verdict.detail, sizeof(verdict.detail),
	    "it claims more than %d PSK identities, want one",
	    TRUST_HANDSHAKE_PSK_MAX);
	if (n == TRUST_HANDSHAKE_PSK_MAX + 1)
		trust_refusal_tell_psk(plugin->refusals, &verdict, NULL,
		    asked->identity, mosquitto_client_address(asked->client));
	return MOSQ_ERR_AUTH;
}

static int
decide(struct trust_plugin *plugin, struct mosquitto_evt_psk_key *asked)
{
	struct trust_admission *admission;
	struct trust_verdict verdict;
	struct trust_secret key;
	int rc;

	trust_gate_decide_psk(plugin->gate, asked->identity, trust_plugin_now(),
	    &verdict, &admission, &key);
	if (!trust_handshake_psk_claim(plugin->psk, asked->client, admission))
		deny(&verdict, "its handshake was not seen, or no memory");
	else if (verdict.outcome == TRUST_ALLOW && !give_key(asked, &key))
		deny(&verdict, "the broker takes no key as long as this");
	rc = verdict.outcome == TRUST_ALLOW ? MOSQ_ERR_SUCCESS
					    : refuse(plugin, asked, &verdict);
	trust_secret_clear(&key);
	trust_verdict_clear(&verdict);
	return rc;
}

int
trust_psk_on_key(int event, void *data, void *userdata)
{
	struct trust_plugin *plugin = userdata;
	size_t n = trust_handshake_psk_count(plugin->psk);

	(void)event;
	return n > TRUST_HANDSHAKE_PSK_MAX ? refuse_more(plugin, data, n)
					   : decide(plugin, data);
}
