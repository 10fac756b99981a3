/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl device seal: a device's pre-shared key for the gateways that the
 * registry has now, or another key.
 */
#include <stdio.h>

#include "commands.h"
#include "options.h"
#include "psk_key.h"
#include "records.h"
#include "sealing.h"

/* What is to be sealed, and for how many gateways it was. */
struct seal {
	const char *id;
	struct trust_secret key;
	size_t n_gateways;
};

/* The same record with the key sealed anew; every other field stays. */
static enum trust_err
with_key(const struct trust_record *record, const struct trust_buf *sealed,
    struct trust_record **out, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOMEM;
	json_t *json = json_deep_copy(record->json);

	if (json != NULL &&
	    json_object_set_new(json_object_get(json, "auth"), "key",
		json_string((const char *)sealed->p)) == 0)
		r = trust_records_from_json(json, out, msg);
	json_decref(json);
	return r;
}

static enum trust_err
seal_record(struct seal *seal, struct trust_registry *registry,
    const struct trust_record *old, struct trust_record **out,
    struct trust_message *msg)
{
	struct trust_sealing *sealing = NULL;
	struct trust_buf sealed = {0};
	enum trust_err r;

	if (old->u.device.auth != TRUST_AUTH_PSK)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "device %s: want one of type psk, got another", seal->id);
	r = trust_sealing_load(registry, &sealing, msg);
	if (r == TRUST_OK)
		r = trust_sealing_seal(sealing,
		    json_object_get(old->json, "scopes"), &seal->key, &sealed,
		    &seal->n_gateways, msg);
	if (r == TRUST_OK)
		r = with_key(old, &sealed, out, msg);
	trust_sealing_free(sealing);
	trust_buf_free(&sealed);
	/* That would be the device. */
	return r == TRUST_ERR_NOT_FOUND ? TRUST_ERR_INPUT : r;
}

/* The edit that finds the device and puts it. */
static enum trust_err
change(struct trust_registry *registry, void *arg, struct trust_message *msg)
{
	struct trust_record *old = NULL, *fresh = NULL;
	struct seal *seal = arg;
	enum trust_err r;

	r = trust_registry_find(
	    registry, TRUST_KIND_DEVICE, seal->id, &old, msg);
	if (r == TRUST_OK)
		r = seal_record(seal, registry, old, &fresh, msg);
	if (r == TRUST_OK)
		r = trust_registry_put(registry, fresh, 0, msg);
	trust_record_free(old);
	trust_record_free(fresh);
	return r;
}

static int
run(const char *registry, struct seal *seal, const char *key_file)
{
	struct trust_message msg = {0};
	enum trust_err r = trust_psk_key_load(key_file, &seal->key, &msg);

	if (r != TRUST_OK)
		return trust_output_failure(r, &msg);
	r = trust_records_change(registry, change, seal, &msg);
	trust_secret_clear(&seal->key);
	if (r == TRUST_ERR_NOT_FOUND)
		return trust_records_missing(
		    registry, TRUST_KIND_DEVICE, seal->id);
	if (r != TRUST_OK)
		return trust_output_failure(r, &msg);
	printf("device %s: its key is sealed for %zu gateway%s\n", seal->id,
	    seal->n_gateways, seal->n_gateways == 1 ? "" : "s");
	return TRUST_EXIT_YES;
}

static const char about[] =
    "Seal a device's pre-shared key for the gateways of its scopes that the\n"
    "registry has now. The registry does not have the key itself, so it comes\n"
    "from the file; another key than before is the device's from then on.\n";

int
trust_device_seal_run(int argc, char **argv)
{
	const char *registry = NULL, *key_file = NULL;
	struct seal seal = {0};
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&registry),
	    {.name = "psk-key-file",
		.argument = "FILE",
		.help = "the key in hex, mode 0600",
		.required = true,
		.text = &key_file},
	};
	const struct trust_usage usage = {
	    .command = "device seal",
	    .arguments = "ID",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	seal.id = args.v[0];
	return run(registry, &seal, key_file);
}
