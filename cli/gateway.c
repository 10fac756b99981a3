/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl gateway: the records of gateways, for whose certificates secrets
 * are sealed.
 */
#include <stdio.h>

#include "../certs/pemfile.h"
#include "certfile.h"
#include "commands.h"
#include "options.h"
#include "records.h"
#include "unsealed.h"

/* What the command line says. */
struct new_gateway {
	const char *id;
	bool replace;
	struct trust_record *record; /* owned */
};

/* Only these can be sealed for. */
static enum trust_err
check_key(const char *path, X509 *certificate, struct trust_message *msg)
{
	const EVP_PKEY *key = X509_get0_pubkey(certificate);

	if (key != NULL &&
	    (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC")))
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "%s: want a certificate of an RSA or EC key, got another", path);
}

static enum trust_err
make_record(
    struct new_gateway *gateway, X509 *certificate, struct trust_message *msg)
{
	struct trust_buf pem = {0};
	enum trust_err r = trust_pemfile_encode(certificate, &pem);
	json_t *json;

	if (r != TRUST_OK)
		return r;
	json = json_pack("{s:s, s:s, s:s}", "kind", "gateway", "id",
	    gateway->id, "pem", (const char *)pem.p);
	if (json == NULL)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: not UTF-8, or out of memory", gateway->id);
	else
		r = trust_records_from_json(json, &gateway->record, msg);
	json_decref(json);
	trust_buf_free(&pem);
	return r;
}

static enum trust_err
read_certificate(
    struct new_gateway *gateway, const char *path, struct trust_message *msg)
{
	STACK_OF(X509) *stack = NULL;
	enum trust_err r = trust_certfile_load(path, &stack, msg);

	if (r == TRUST_OK)
		r = check_key(path, sk_X509_value(stack, 0), msg);
	if (r == TRUST_OK)
		r = make_record(gateway, sk_X509_value(stack, 0), msg);
	sk_X509_pop_free(stack, X509_free);
	return r;
}

/* The old record with the certificate of the new one; what else it says
 * stays. */
static enum trust_err
keep_rest(const struct trust_record *old, struct new_gateway *gateway,
    struct trust_message *msg)
{
	json_t *json = json_deep_copy(old->json);
	struct trust_record *merged = NULL;
	enum trust_err r = TRUST_ERR_NOMEM;

	if (json != NULL &&
	    json_object_set_new(
		json, "pem", json_string(gateway->record->u.gateway.pem)) == 0)
		r = trust_records_from_json(json, &merged, msg);
	json_decref(json);
	if (r != TRUST_OK)
		return r;
	trust_record_free(gateway->record);
	gateway->record = merged;
	return TRUST_OK;
}

/* The edit that adds or replaces the record. */
static enum trust_err
put_record(
    struct trust_registry *registry, void *arg, struct trust_message *msg)
{
	struct new_gateway *gateway = arg;
	struct trust_record *old = NULL;
	enum trust_err r;

	r = trust_registry_find(
	    registry, TRUST_KIND_GATEWAY, gateway->id, &old, msg);
	if (r == TRUST_OK && gateway->replace)
		r = keep_rest(old, gateway, msg);
	else if (r == TRUST_OK)
		r = trust_err_set(msg, TRUST_ERR_CONFLICT,
		    "gateway %s is registered already; --replace gives it "
		    "this certificate",
		    gateway->id);
	trust_record_free(old);
	if (r != TRUST_OK && r != TRUST_ERR_NOT_FOUND)
		return r;
	return trust_registry_put(registry, gateway->record, 0, msg);
}

/* The record is in, whatever happens here. */
static void
tell_unsealed(const char *path, const struct new_gateway *gateway)
{
	struct trust_unsealed *unsealed = NULL;
	struct trust_registry *registry = NULL;

	if (trust_unsealed_new(&unsealed) == TRUST_OK &&
	    trust_records_open(path, TRUST_REGISTRY_READ, &registry, NULL) ==
		TRUST_OK) {
		trust_unsealed_add(unsealed, gateway->record);
		trust_unsealed_tell(unsealed, registry);
	}
	trust_registry_close(registry);
	trust_unsealed_free(unsealed);
}

static int
run(const char *registry, struct new_gateway *gateway, const char *path)
{
	struct trust_message msg = {0};
	enum trust_err r = read_certificate(gateway, path, &msg);
	int status = TRUST_EXIT_YES;

	if (r == TRUST_OK)
		r = trust_records_change(registry, put_record, gateway, &msg);
	if (r == TRUST_OK) {
		tell_unsealed(registry, gateway);
		printf("gateway %s added\n", gateway->id);
	} else {
		trust_output_failure(r, &msg);
		status =
		    r == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO : TRUST_EXIT_ERROR;
	}
	trust_record_free(gateway->record);
	return status;
}

static const char about_add[] =
    "Register a gateway with its certificate, for which pre-shared keys of\n"
    "devices are sealed; its private key is the gateway's option gateway_key.\n"
    "Keys that are in the registry already are not sealed for it: a note says\n"
    "which.\n";

static int
run_add(int argc, char **argv)
{
	struct new_gateway gateway = {0};
	const char *registry = NULL;
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&registry),
	    {.name = "replace",
		.help = "give one that is registered this certificate",
		.flag = &gateway.replace},
	};
	const struct trust_usage usage = {
	    .command = "gateway add",
	    .arguments = "ID CERTIFICATE",
	    .text = about_add,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 2,
	    .max_args = 2,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	gateway.id = args.v[0];
	return run(registry, &gateway, args.v[1]);
}

int
trust_gateway_run(int argc, char **argv)
{
	static const struct trust_command commands[] = {
	    {"add", run_add, "register a gateway with its certificate"},
	};

	return trust_commands_run("gateway",
	    "Gateways for whose certificates secrets are sealed.\n", commands,
	    sizeof(commands) / sizeof(commands[0]), argc, argv);
}
