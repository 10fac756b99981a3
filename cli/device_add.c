/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl device add: a new device without JSON.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <unistd.h>

#include "certfile.h"
#include "commands.h"
#include "options.h"
#include "psk_key.h"
#include "records.h"
#include "references.h"
#include "sealing.h"

/* What the command line says about a new device. */
struct new_device {
	const char *registry;
	const char *id;
	const char *thumbprint; /* one of these four, or psk */
	const char *certificate;
	const char *key_pin;
	const char *group;
	bool psk;
	const char *identity; /* of psk; NULL: the id */
	const char *key_file; /* likewise; NULL: the key is shown */
	const char *secondary;
	struct trust_texts roles;
	/* Of psk: the key, whether its file was made here, and as its record
	 * has it, for how many gateways. */
	struct trust_secret key;
	bool made_file;
	struct trust_buf sealed;
	size_t n_gateways;
	/* The thumbprint in `certificate`, as text, and what else it says. */
	char read_thumbprint[TRUST_THUMBPRINT_TEXT];
	struct trust_certificate *facts;     /* owned; NULL without a file */
	struct trust_references *references; /* owned */
	struct trust_record *record;         /* owned */
};

/* The one certificate in the file, and its thumbprint. */
static enum trust_err
read_certificate(struct new_device *device, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;

	if (device->certificate == NULL)
		return TRUST_OK;
	r = trust_certfile_load(device->certificate, &stack, msg);
	if (r != TRUST_OK)
		goto out;
	if (sk_X509_num(stack) != 1) {
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want the device's own certificate alone, got %d",
		    device->certificate, sk_X509_num(stack));
		goto out;
	}
	r = trust_certificate_new(sk_X509_value(stack, 0), &device->facts, msg);
	if (r != TRUST_OK) {
		r = trust_err_prefix(msg, r, "%s", device->certificate);
		goto out;
	}
	trust_thumbprint_format(
	    &device->facts->thumbprint, device->read_thumbprint);
	device->thumbprint = device->read_thumbprint;
	r = TRUST_OK;
out:
	sk_X509_pop_free(stack, X509_free);
	return r;
}

/* The "auth" of a new device; NULL without memory. */
static json_t *
make_auth(const struct new_device *device)
{
	if (device->psk)
		return json_pack("{s:s, s:s, s:s}", "type", "psk", "identity",
		    device->identity != NULL ? device->identity : device->id,
		    "key", (const char *)device->sealed.p);
	if (device->group != NULL)
		return json_pack(
		    "{s:s, s:s}", "type", "ca", "group", device->group);
	if (device->key_pin != NULL)
		return json_pack(
		    "{s:s, s:[s]}", "type", "key", "pins", device->key_pin);
	return json_pack("{s:s, s:s, s:s*}", "type", "thumbprint", "primary",
	    device->thumbprint, "secondary", device->secondary);
}

static json_t *
make_roles(const struct trust_texts *roles)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < roles->n; i++) {
		if (json_array_append_new(array, json_string(roles->v[i]))) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *
make_json(const struct new_device *device)
{
	json_t *json = json_pack("{s:s, s:s, s:o}", "kind", "device", "id",
	    device->id, "auth", make_auth(device));

	if (json == NULL || device->roles.n == 0)
		return json;
	if (json_object_set_new(json, "roles", make_roles(&device->roles))) {
		json_decref(json);
		return NULL;
	}
	return json;
}

static enum trust_err
make_record(const struct new_device *device, struct trust_record **out,
    struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	json_t *json = make_json(device);

	if (json == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: not UTF-8, or out of memory", device->id);
	r = trust_records_from_json(json, out, msg);
	json_decref(json);
	return r;
}

static enum trust_err
check_absent(
    struct trust_registry *registry, const char *id, struct trust_message *msg)
{
	struct trust_record *record = NULL;
	enum trust_err r =
	    trust_registry_find(registry, TRUST_KIND_DEVICE, id, &record, msg);

	trust_record_free(record);
	if (r == TRUST_ERR_NOT_FOUND)
		return TRUST_OK;
	if (r == TRUST_OK)
		return trust_err_set(msg, TRUST_ERR_CONFLICT,
		    "device %s is registered already; trustctl show device %s "
		    "shows it, trustctl put replaces it",
		    id, id);
	return r;
}

/* For the gateways that the registry has now. */
static enum trust_err
seal(struct new_device *device, struct trust_registry *registry,
    struct trust_message *msg)
{
	struct trust_sealing *sealing = NULL;
	enum trust_err r;

	if (!device->psk)
		return TRUST_OK;
	r = trust_sealing_load(registry, &sealing, msg);
	if (r == TRUST_OK)
		r = trust_sealing_seal(sealing, NULL, &device->key,
		    &device->sealed, &device->n_gateways, msg);
	trust_sealing_free(sealing);
	/* That would be the device. */
	return r == TRUST_ERR_NOT_FOUND ? TRUST_ERR_INPUT : r;
}

/* The edit that adds a record. */
static enum trust_err
add_record(
    struct trust_registry *registry, void *arg, struct trust_message *msg)
{
	struct new_device *device = arg;
	enum trust_err r = check_absent(registry, device->id, msg);

	if (r == TRUST_OK)
		r = seal(device, registry, msg);
	if (r == TRUST_OK)
		r = make_record(device, &device->record, msg);
	if (r == TRUST_OK)
		r = trust_registry_put(registry, device->record, 0, msg);
	if (r != TRUST_OK)
		return r;
	trust_references_add(device->references, device->record);
	return trust_references_resolve(device->references, registry, msg);
}

/* What the gateway will say about the certificate, as far as that is plain
 * already. */
static void
tell_certificate(const struct new_device *device)
{
	const struct trust_certificate *facts = device->facts;
	char when[TRUST_CLOCK_TEXT];
	int64_t now = trust_options_now();

	if (facts == NULL)
		return;
	if (now > facts->not_after)
		trust_output_note(
		    "%s: the certificate ended at %s; the gateway refuses it",
		    device->certificate,
		    trust_clock_format(facts->not_after, when));
	if (now < facts->not_before)
		trust_output_note("%s: the certificate begins at %s; the "
				  "gateway refuses it until then",
		    device->certificate,
		    trust_clock_format(facts->not_before, when));
	if (facts->key_strength < TRUST_STRENGTH_MIN)
		trust_output_note("%s: want a key of RSA 2048, P-256, Ed25519 "
				  "and up, got %s; the gateway refuses it",
		    device->certificate, facts->key_type);
}

/* The key of the file, or a new one, in a new file where one is named: before
 * the record that is of no use without it. */
static enum trust_err
find_key(struct new_device *device, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_NOT_FOUND;

	if (!device->psk)
		return TRUST_OK;
	if (device->key_file != NULL)
		r = trust_psk_key_load(device->key_file, &device->key, msg);
	if (r != TRUST_ERR_NOT_FOUND)
		return r;
	r = trust_psk_key_new(&device->key, msg);
	if (r != TRUST_OK || device->key_file == NULL)
		return r;
	r = trust_psk_key_store(device->key_file, &device->key, msg);
	device->made_file = r == TRUST_OK;
	return r;
}

static enum trust_err
add(struct new_device *device, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;

	if ((r = trust_references_new(&device->references)) != TRUST_OK)
		return r;
	if ((r = read_certificate(device, msg)) != TRUST_OK)
		return r;
	if ((r = find_key(device, msg)) != TRUST_OK)
		return r;
	r = trust_records_change(device->registry, add_record, device, msg);
	if (r != TRUST_OK && device->made_file)
		(void)unlink(device->key_file);
	return r;
}

/* Where no file has the key, this is the only time that it is seen. */
static void
tell_key(const struct new_device *device)
{
	char text[TRUST_PSK_KEY_TEXT];

	if (!device->psk)
		return;
	printf("its key is sealed for %zu gateway%s\n", device->n_gateways,
	    device->n_gateways == 1 ? "" : "s");
	if (device->key_file != NULL) {
		printf("it is in %s, for the device\n", device->key_file);
		return;
	}
	trust_psk_key_format(&device->key, text);
	printf("for the device, and shown this once: %s\n", text);
	OPENSSL_cleanse(text, sizeof(text));
}

static int
run(struct new_device *device)
{
	struct trust_message msg = {0};
	enum trust_err r = add(device, &msg);
	int status = TRUST_EXIT_YES;

	if (r == TRUST_OK) {
		tell_certificate(device);
		trust_references_tell(device->references);
		printf("device %s added\n", device->id);
		tell_key(device);
	} else {
		trust_output_failure(r, &msg);
		status =
		    r == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO : TRUST_EXIT_ERROR;
	}
	trust_secret_clear(&device->key);
	trust_buf_free(&device->sealed);
	trust_record_free(device->record);
	trust_references_free(device->references);
	trust_certificate_free(device->facts);
	return status;
}

static bool
is_one_way(const struct new_device *device)
{
	int n = (device->thumbprint != NULL) + (device->certificate != NULL) +
		(device->key_pin != NULL) + (device->group != NULL) +
		device->psk;

	return n == 1;
}

static const char about[] =
    "Register a device that is not registered yet. One of --thumbprint,\n"
    "--certificate, --key-pin, --group and --psk says how it is known.\n";

int
trust_device_add_run(int argc, char **argv)
{
	struct new_device device = {0};
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&device.registry),
	    {.name = "thumbprint",
		.argument = "HEX",
		.help = "SHA-256 of its certificate",
		.text = &device.thumbprint},
	    {.name = "certificate",
		.argument = "FILE",
		.help = "its certificate, known by its thumbprint",
		.text = &device.certificate},
	    {.name = "key-pin",
		.argument = "HEX",
		.help = "SHA-256 of its public key (SubjectPublicKeyInfo)",
		.text = &device.key_pin},
	    {.name = "group",
		.argument = "GROUP",
		.help = "the group whose anchors vouch for it",
		.text = &device.group},
	    {.name = "psk",
		.help = "a pre-shared key, sealed for the gateways",
		.flag = &device.psk},
	    {.name = "psk-identity",
		.argument = "NAME",
		.help = "as which it comes with that key; else its ID",
		.text = &device.identity},
	    {.name = "psk-key-file",
		.argument = "FILE",
		.help = "its key in hex; made if it is not there",
		.text = &device.key_file},
	    {.name = "secondary",
		.argument = "HEX",
		.help = "a second thumbprint, for changing certificates",
		.text = &device.secondary},
	    {.name = "role",
		.argument = "ROLE",
		.help = "a role; else its group's, else default",
		.texts = &device.roles},
	};
	const struct trust_usage usage = {
	    .command = "device add",
	    .arguments = "ID",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (!is_one_way(&device))
		return trust_options_wrong(&usage,
		    "want one of --thumbprint, --certificate, --key-pin, "
		    "--group and --psk");
	if (!device.psk && (device.identity != NULL || device.key_file != NULL))
		return trust_options_wrong(
		    &usage, "--psk-identity and --psk-key-file go with --psk");
	if (device.secondary != NULL && device.thumbprint == NULL &&
	    device.certificate == NULL)
		return trust_options_wrong(&usage,
		    "--secondary goes with --thumbprint or --certificate");
	device.id = args.v[0];
	return run(&device);
}
