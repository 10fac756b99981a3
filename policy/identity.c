/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: what a certificate calls its device, and how a client may be called.
 */
#include "identity.h"

#include <string.h>

bool
trust_identity_read(const struct trust_certificate *certificate,
    enum trust_identity identity, char out[TRUST_ID_MAX + 1],
    enum trust_reason *reason)
{
	const struct trust_values *values = &certificate->names[identity];
	const struct trust_value *v = &values->v[0];

	out[0] = '\0';
	if (values->n == 0 && !values->malformed) {
		*reason = TRUST_REASON_IDENTITY_MISSING;
		return false;
	}
	if (values->n + (values->malformed ? 1 : 0) > 1) {
		*reason = TRUST_REASON_IDENTITY_AMBIGUOUS;
		return false;
	}
	if (values->malformed || !trust_id_check(v->p, v->len)) {
		*reason = TRUST_REASON_IDENTITY_MALFORMED;
		return false;
	}
	memcpy(out, v->p, v->len);
	out[v->len] = '\0';
	return true;
}

/* Where the module name begins in "DEVICE/MODULE", or NULL. */
static const char *
module_of(const char *client_id)
{
	const char *slash = strchr(client_id, '/');

	if (slash == NULL ||
	    !trust_id_check((const uint8_t *)slash + 1, strlen(slash + 1)))
		return NULL;
	return slash + 1;
}

bool
trust_identity_check_client_id(
    const char *device, enum trust_client_id rule, const char *client_id)
{
	size_t len = strlen(device);

	if (len == 0 || client_id == NULL)
		return false;
	if (strcmp(device, client_id) == 0)
		return true;
	return rule == TRUST_CLIENT_ID_PREFIX &&
	       strncmp(device, client_id, len) == 0 && client_id[len] == '/' &&
	       module_of(client_id) == client_id + len + 1;
}

bool
trust_identity_client_device(const char *client_id, char out[TRUST_ID_MAX + 1])
{
	const char *slash = strchr(client_id, '/');
	size_t len =
	    slash == NULL ? strlen(client_id) : (size_t)(slash - client_id);

	out[0] = '\0';
	if (!trust_id_check((const uint8_t *)client_id, len) ||
	    (slash != NULL && module_of(client_id) == NULL))
		return false;
	memcpy(out, client_id, len);
	out[len] = '\0';
	return true;
}
