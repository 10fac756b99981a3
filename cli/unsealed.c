/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See unsealed.h.
 */
#include "unsealed.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "sealing.h"

/* Devices that are remembered; of more the rest is not looked at. */
#define IDS_MAX 10000

struct trust_unsealed {
	json_t *devices; /* {"meter-04": true} */
	bool gateway;
};

/* While it is told. */
struct telling {
	const struct trust_registry *registry;
	struct trust_message *msg;
	const struct trust_sealing *sealing;
	size_t n;
};

enum trust_err
trust_unsealed_new(struct trust_unsealed **out)
{
	struct trust_unsealed *unsealed = calloc(1, sizeof(*unsealed));

	*out = NULL;
	if (unsealed == NULL)
		return TRUST_ERR_NOMEM;
	unsealed->devices = json_object();
	if (unsealed->devices == NULL) {
		free(unsealed);
		return TRUST_ERR_NOMEM;
	}
	*out = unsealed;
	return TRUST_OK;
}

void
trust_unsealed_free(struct trust_unsealed *unsealed)
{
	if (unsealed == NULL)
		return;
	json_decref(unsealed->devices);
	free(unsealed);
}

void
trust_unsealed_add(
    struct trust_unsealed *unsealed, const struct trust_record *record)
{
	if (record->kind == TRUST_KIND_GATEWAY)
		unsealed->gateway = true;
	if (record->kind == TRUST_KIND_DEVICE && record->u.device.key != NULL &&
	    json_object_size(unsealed->devices) < IDS_MAX)
		(void)json_object_set_new(
		    unsealed->devices, record->id, json_true());
}

static void
tell(struct telling *telling, const struct trust_record *device)
{
	const char *gateway =
	    trust_sealing_find_missing(telling->sealing, device);

	if (gateway == NULL || telling->n++ >= TRUST_OUTPUT_NAMED_MAX)
		return;
	trust_output_note("device %s: its key is not sealed for gateway %s, "
			  "where it cannot come in; whoever has the key seals "
			  "it anew with trustctl device seal %s",
	    device->id, gateway, device->id);
}

/* Most are no such devices, and in a canonical line that shows without
 * parsing it. */
static enum trust_err
tell_line(void *arg, const char *id, struct trust_span line)
{
	static const char type[] = "\"type\":\"psk\"";
	struct telling *telling = arg;
	struct trust_record *record = NULL;
	enum trust_err r;

	if (memmem(line.p, line.len, type, sizeof(type) - 1) == NULL)
		return TRUST_OK;
	r = trust_registry_parse(telling->registry, TRUST_KIND_DEVICE, id, line,
	    &record, telling->msg);
	if (r == TRUST_OK)
		tell(telling, record);
	trust_record_free(record);
	return r;
}

static enum trust_err
tell_written(const struct trust_unsealed *unsealed,
    struct trust_registry *registry, struct telling *telling,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	const char *id;
	json_t *value;

	json_object_foreach(unsealed->devices, id, value)
	{
		struct trust_record *record = NULL;

		r = trust_registry_find(
		    registry, TRUST_KIND_DEVICE, id, &record, msg);
		if (r == TRUST_OK)
			tell(telling, record);
		trust_record_free(record);
		if (r != TRUST_OK && r != TRUST_ERR_NOT_FOUND)
			return r;
	}
	return TRUST_OK;
}

void
trust_unsealed_tell(
    const struct trust_unsealed *unsealed, struct trust_registry *registry)
{
	struct trust_sealing *sealing = NULL;
	struct trust_message msg = {0};
	struct telling telling = {.registry = registry, .msg = &msg};
	enum trust_err r;

	if (!unsealed->gateway && json_object_size(unsealed->devices) == 0)
		return;
	r = trust_sealing_load(registry, &sealing, &msg);
	telling.sealing = sealing;
	if (r == TRUST_OK && unsealed->gateway)
		r = trust_registry_list(
		    registry, TRUST_KIND_DEVICE, tell_line, &telling, &msg);
	else if (r == TRUST_OK)
		r = tell_written(unsealed, registry, &telling, &msg);
	trust_sealing_free(sealing);
	trust_output_note_rest(telling.n, TRUST_OUTPUT_NAMED_MAX, "device");
	if (r != TRUST_OK)
		trust_output_note("for which gateways keys are sealed was not "
				  "looked at: %s",
		    msg.text[0] != '\0' ? msg.text : trust_err_text(r));
}
