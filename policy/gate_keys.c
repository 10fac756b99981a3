/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and pre-shared keys: opened with the gateway's own key, and held
 * in memory alone, for as long as their records and the gateway's stay.
 */
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate_internal.h"

/* A device's key. uthash keeps the order of insertion; one that is used goes
 * to the end, so the first is the one to go. */
struct trust_gate_opened {
	char device[TRUST_ID_MAX + 1];
	struct trust_thumbprint sealed; /* of what it was opened from */
	struct trust_secret key;
	UT_hash_handle hh;
};

/* ---- What was opened ---- */

static void
drop(struct trust_gate_keys *keys, struct trust_gate_opened *opened)
{
	HASH_DEL(keys->opened, opened);
	trust_secret_clear(&opened->key);
	free(opened);
}

static void
drop_all(struct trust_gate_keys *keys)
{
	struct trust_gate_opened *opened, *next;

	HASH_ITER(hh, keys->opened, opened, next)
	drop(keys, opened);
}

void
trust_gate_forget_keys(struct trust_gate *gate)
{
	drop_all(&gate->keys);
	X509_free(gate->keys.certificate);
	gate->keys.certificate = NULL;
	gate->keys.epoch = 0;
}

/* Without memory it is not held, and opened again next time. */
static void
hold(struct trust_gate_keys *keys, const char *device,
    const struct trust_thumbprint *sealed, const struct trust_secret *key)
{
	struct trust_gate_opened *opened;

	if (HASH_COUNT(keys->opened) >= TRUST_GATE_KEYS_MAX)
		drop(keys, keys->opened);
	opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return;
	(void)snprintf(opened->device, sizeof(opened->device), "%s", device);
	opened->sealed = *sealed;
	opened->key = *key;
	HASH_ADD_STR(keys->opened, device, opened);
	if (opened->hh.tbl != NULL)
		return;
	trust_secret_clear(&opened->key);
	free(opened);
}

/* The key, if it is held and the record still has it sealed like that. */
static bool
recall(struct trust_gate_keys *keys, const char *device,
    const struct trust_thumbprint *sealed, struct trust_secret *key)
{
	struct trust_gate_opened *opened;
	bool same;

	HASH_FIND_STR(keys->opened, device, opened);
	if (opened == NULL)
		return false;
	same = trust_thumbprint_equal(&opened->sealed, sealed);
	*key = same ? opened->key : (struct trust_secret){0};
	drop(keys, opened);
	if (same)
		hold(keys, device, sealed, key); /* at the end */
	return same;
}

/* ---- The gateway's record ---- */

static enum trust_err
check_pair(
    const struct trust_gate *gate, X509 *certificate, struct trust_message *msg)
{
	bool fits =
	    X509_check_private_key(certificate, gate->config.gateway_key) == 1;

	ERR_clear_error();
	if (fits)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_CONFLICT,
	    "plugin_opt_gateway_key: want the private key of the certificate "
	    "in the record of gateway %s, got another one; no device with a "
	    "pre-shared key can come in",
	    gate->config.gateway);
}

/* The one certificate of the gateway's own record. */
static enum trust_err
load_certificate(struct trust_gate *gate, X509 **out, struct trust_message *msg)
{
	STACK_OF(X509) *stack = NULL;
	struct trust_record *record = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	r = trust_registry_find(gate->registry, TRUST_KIND_GATEWAY,
	    gate->config.gateway, &record, msg);
	if (r == TRUST_ERR_NOT_FOUND || (r == TRUST_OK && !record->enabled)) {
		r = trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "plugin_opt_gateway_key: want a record of gateway %s in "
		    "the registry, enabled, with the certificate of that key, "
		    "got none; trustctl gateway add makes one",
		    gate->config.gateway);
		goto out;
	}
	if (r == TRUST_OK)
		r = trust_certificate_parse_pem(
		    trust_span_of(record->u.gateway.pem), &stack, msg);
	if (r == TRUST_OK)
		r = check_pair(gate, sk_X509_value(stack, 0), msg);
	if (r == TRUST_OK)
		*out = sk_X509_shift(stack);
out:
	sk_X509_pop_free(stack, X509_free);
	trust_record_free(record);
	return r;
}

/* Once for each new one. */
static void
tell_trouble(struct trust_gate *gate)
{
	struct trust_gate_keys *keys = &gate->keys;

	if (strcmp(keys->told.text, keys->trouble.text) == 0)
		return;
	keys->told = keys->trouble;
	if (keys->told.text[0] != '\0')
		trust_log_printf(
		    &gate->config.log, TRUST_LOG_ERROR, "%s", keys->told.text);
}

/* Within a read: as this state of the registry has it. What was opened for
 * another certificate is not worth anything for this one. */
static void
refresh(struct trust_gate *gate)
{
	struct trust_gate_keys *keys = &gate->keys;
	X509 *fresh = NULL;
	enum trust_err r;

	if (keys->epoch == gate->epoch && keys->generation == gate->generation)
		return;
	keys->trouble.text[0] = '\0';
	r = load_certificate(gate, &fresh, &keys->trouble);
	if (r != TRUST_OK && keys->trouble.text[0] == '\0')
		(void)trust_err_set(&keys->trouble, r, "%s", trust_err_text(r));
	if (r != TRUST_OK || keys->certificate == NULL ||
	    X509_cmp(keys->certificate, fresh) != 0)
		drop_all(keys);
	X509_free(keys->certificate);
	keys->certificate = fresh;
	/* What may have been a lack of memory is tried again, for as long as
	 * it takes: the records need not change for it to go. */
	if (r == TRUST_OK || r == TRUST_ERR_NOT_FOUND) {
		keys->epoch = gate->epoch;
		keys->generation = gate->generation;
	}
	tell_trouble(gate);
}

void
trust_gate_follow_keys(struct trust_gate *gate)
{
	const struct trust_gate_keys *keys = &gate->keys;

	if (gate->config.gateway_key == NULL || gate->registry == NULL ||
	    (keys->epoch == gate->epoch &&
		keys->generation == gate->generation) ||
	    trust_gate_begin_read(gate, NULL) != TRUST_OK)
		return;
	refresh(gate);
	trust_registry_end_read(gate->registry);
}

/* ---- Opening ---- */

enum trust_err
trust_gate_open_key(struct trust_gate *gate, const struct trust_record *device,
    struct trust_secret *key, struct trust_message *msg)
{
	struct trust_gate_keys *keys = &gate->keys;
	const char *text = device->u.device.key;
	struct trust_thumbprint sealed;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*key = (struct trust_secret){0};
	if (gate->config.gateway_key == NULL)
		return trust_err_set(msg, TRUST_ERR_NOT_FOUND,
		    "device %s has a pre-shared key: want "
		    "plugin_opt_gateway_key, to open it with",
		    device->id);
	refresh(gate);
	if (keys->certificate == NULL)
		return trust_err_set(
		    msg, TRUST_ERR_CONFLICT, "%s", keys->trouble.text);
	r = trust_thumbprint_of(trust_span_of(text), &sealed);
	if (r != TRUST_OK || recall(keys, device->id, &sealed, key))
		return r;
	r = trust_envelope_open(
	    text, keys->certificate, gate->config.gateway_key, key, msg);
	if (r != TRUST_OK)
		return trust_err_prefix(
		    msg, r, "device %s: auth.key", device->id);
	hold(keys, device->id, &sealed, key);
	return TRUST_OK;
}
