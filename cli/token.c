/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl token: what a device gets its first certificate with.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../certs/pemfile.h"
#include "commands.h"
#include "files.h"
#include "options.h"
#include "records.h"
#include "references.h"
#include "token_gateway.h"

/* Octets of a secret: nobody guesses 256 bits, so that a plain digest of it is
 * enough. */
#define SECRET_LEN 32
/* The same as base64url (RFC 4648 section 5) without padding, and a NUL. What
 * OpenSSL encodes has padding. */
#define SECRET_TEXT 44
#define BASE64_TEXT (SECRET_TEXT + 1)

#define EXPIRES_DEFAULT_S (7 * 86400)
#define USES_MAX          1000000

struct new_token {
	const char *registry;
	const char *device;
	const char *gateway; /* NULL: where the device is */
	const char *id;      /* NULL: one is made up */
	const char *out;     /* a file, or NULL */
	int64_t now, expires_s;
	int uses;
	bool json;
	char made_id[16];
	struct trust_token_gateway found; /* where none was given */
	char secret[BASE64_TEXT];
	struct trust_record *record;         /* owned */
	struct trust_references *references; /* owned */
	bool is_of_type_ca;
	bool has_device;
	bool stored; /* in the file `out` */
};

/* ---- The secret ---- */

static enum trust_err
make_secret(struct new_token *token)
{
	uint8_t octets[SECRET_LEN];

	if (RAND_priv_bytes(octets, sizeof(octets)) != 1)
		return TRUST_ERR_INTERNAL;
	(void)EVP_EncodeBlock(
	    (unsigned char *)token->secret, octets, sizeof(octets));
	OPENSSL_cleanse(octets, sizeof(octets));
	for (char *p = token->secret; *p != '\0'; p++) {
		if (*p == '+')
			*p = '-';
		else if (*p == '/')
			*p = '_';
	}
	token->secret[SECRET_TEXT - 1] = '\0';
	return TRUST_OK;
}

static enum trust_err
make_id(struct new_token *token)
{
	uint8_t octets[4];

	if (token->id != NULL)
		return TRUST_OK;
	if (RAND_bytes(octets, sizeof(octets)) != 1)
		return TRUST_ERR_INTERNAL;
	(void)snprintf(token->made_id, sizeof(token->made_id),
	    "t-%02x%02x%02x%02x", octets[0], octets[1], octets[2], octets[3]);
	token->id = token->made_id;
	return TRUST_OK;
}

/* ---- The gateway ---- */

static enum trust_err
find_gateway(struct new_token *token, struct trust_registry *registry,
    const struct trust_record *device, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	if (token->gateway != NULL)
		return TRUST_OK;
	r = trust_token_gateway_find(
	    registry, token->registry, device, &token->found, msg);
	token->gateway = token->found.id;
	return r;
}

/* ---- The record ---- */

/* It goes where its device goes. */
static enum trust_err
make_record(struct new_token *token, const struct trust_record *device,
    struct trust_message *msg)
{
	struct trust_thumbprint digest;
	char hex[TRUST_THUMBPRINT_TEXT], when[TRUST_CLOCK_TEXT];
	enum trust_err r;
	json_t *json;

	r = trust_thumbprint_of(trust_span_of(token->secret), &digest);
	if (r != TRUST_OK)
		return r;
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:O*}", "kind",
	    "token", "id", token->id, "secret_sha256",
	    trust_thumbprint_format(&digest, hex), "device", token->device,
	    "gateway", token->gateway, "expires",
	    trust_clock_format(token->now + token->expires_s, when), "uses",
	    token->uses, "scopes",
	    device != NULL ? json_object_get(device->json, "scopes") : NULL);
	if (json == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: not UTF-8, or out of memory", token->device);
	r = trust_records_from_json(json, &token->record, msg);
	json_decref(json);
	return r;
}

static enum trust_err
check_absent(const struct new_token *token, struct trust_registry *registry,
    struct trust_message *msg)
{
	struct trust_record *record = NULL;
	enum trust_err r = trust_registry_find(
	    registry, TRUST_KIND_TOKEN, token->id, &record, msg);

	trust_record_free(record);
	if (r == TRUST_ERR_NOT_FOUND)
		return TRUST_OK;
	if (r == TRUST_OK)
		return trust_err_set(msg, TRUST_ERR_CONFLICT,
		    "token %s is there already; trustctl remove token %s makes "
		    "room",
		    token->id, token->id);
	return r;
}

/* The same as a user of the token will write it. Where that cannot be kept,
 * there is no token. */
static enum trust_err
store(struct new_token *token, struct trust_message *msg)
{
	struct trust_buf text = {0};
	enum trust_err r;

	if (token->out == NULL)
		return TRUST_OK;
	r = trust_buf_printf(&text, "token:%s %s\n", token->id, token->secret);
	if (r == TRUST_OK)
		r = trust_pemfile_create(
		    token->out, 0600, trust_buf_get0(&text), msg);
	token->stored = r == TRUST_OK;
	trust_files_wipe(&text);
	return r;
}

/* The edit that adds it. */
static enum trust_err
add(struct trust_registry *registry, void *arg, struct trust_message *msg)
{
	struct new_token *token = arg;
	struct trust_record *device = NULL;
	enum trust_err r;

	r = trust_registry_find(
	    registry, TRUST_KIND_DEVICE, token->device, &device, msg);
	token->has_device = r == TRUST_OK;
	token->is_of_type_ca =
	    r == TRUST_OK && device->u.device.auth == TRUST_AUTH_CA;
	if (r == TRUST_ERR_NOT_FOUND)
		r = TRUST_OK;
	if (r == TRUST_OK)
		r = check_absent(token, registry, msg);
	if (r == TRUST_OK)
		r = find_gateway(token, registry, device, msg);
	if (r == TRUST_OK)
		r = make_record(token, device, msg);
	if (r == TRUST_OK)
		r = trust_registry_put(registry, token->record, 0, msg);
	if (r == TRUST_OK) {
		trust_references_add(token->references, token->record);
		r = trust_references_resolve(token->references, registry, msg);
	}
	if (r == TRUST_OK)
		r = store(token, msg);
	trust_record_free(device);
	return r;
}

static enum trust_err
create(struct new_token *token, struct trust_message *msg)
{
	enum trust_err r = trust_references_new(&token->references);

	if (r == TRUST_OK)
		r = make_id(token);
	if (r == TRUST_OK)
		r = make_secret(token);
	if (r != TRUST_OK)
		return r;
	r = trust_records_change(token->registry, add, token, msg);
	if (r != TRUST_OK && token->stored)
		(void)unlink(token->out);
	return r;
}

/* ---- Telling ---- */

/* All that a program wants is on one line. */
static void
print_secret(const struct new_token *token, const char *username)
{
	printf("%s %s\n", username, token->secret);
	if (token->found.because != NULL)
		trust_output_note("the token counts at gateway %s, for %s; "
				  "another one: --gateway",
		    token->gateway, token->found.because);
}

static enum trust_err
tell(const struct new_token *token, struct trust_message *msg)
{
	char when[TRUST_CLOCK_TEXT], username[TRUST_ID_MAX + 8];

	trust_references_tell(token->references);
	if (token->has_device && !token->is_of_type_ca)
		trust_output_note("device %s is not of type ca, which comes "
				  "with certificates; the gateway refuses the "
				  "token until it is",
		    token->device);
	(void)snprintf(username, sizeof(username), "token:%s", token->id);
	(void)trust_clock_format(token->record->u.token.expires, when);
	if (token->json)
		return trust_output_json(
		    json_pack("{s:s, s:s, s:s*, s:s, s:s, s:s, s:i}", "id",
			token->id, "username", username, "secret",
			token->out == NULL ? token->secret : NULL, "device",
			token->device, "gateway", token->gateway, "expires",
			when, "uses", token->uses),
		    msg);
	if (token->out != NULL)
		printf("%s, for device %s at gateway %s until %s: %s\n",
		    username, token->device, token->gateway, when, token->out);
	else
		print_secret(token, username);
	return TRUST_OK;
}

static int
run(struct new_token *token)
{
	struct trust_message msg = {0};
	enum trust_err r = create(token, &msg);
	int status = TRUST_EXIT_YES;

	if (r == TRUST_OK)
		r = tell(token, &msg);
	if (r != TRUST_OK) {
		trust_output_failure(r, &msg);
		status =
		    r == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO : TRUST_EXIT_ERROR;
	}
	OPENSSL_cleanse(token->secret, sizeof(token->secret));
	trust_record_free(token->record);
	trust_references_free(token->references);
	return status;
}

static const char about_create[] =
    "Make a token with which DEVICE gets its first certificate over a\n"
    "gateway, and print its username and its secret, which nobody can print\n"
    "again: the registry has its digest alone. Without --gateway it counts at\n"
    "the gateway that the device's only scope is named after, else at the one\n"
    "that uses this registry, else at the only one that it is published for,\n"
    "else at the only one with a record; a note says at which.\n";

static int
run_create(int argc, char **argv)
{
	struct new_token token = {
	    .now = trust_options_now(),
	    .expires_s = EXPIRES_DEFAULT_S,
	    .uses = 1,
	};
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&token.registry),
	    {.name = "gateway",
		.argument = "ID",
		.help = "where it counts; else what is known of it",
		.text = &token.gateway},
	    {.name = "expires",
		.argument = "DURATION",
		.help = "how long it is good for; 7d unless given",
		.duration = &token.expires_s},
	    {.name = "uses",
		.argument = "N",
		.help = "for how many keys; 1 unless given",
		.number = &token.uses,
		.min = 1,
		.max = USES_MAX},
	    {.name = "id",
		.argument = "ID",
		.help = "its id; else one is made up",
		.text = &token.id},
	    {.name = "output",
		.letter = 'o',
		.argument = "FILE",
		.help = "write it to a new file (0600) and print none",
		.text = &token.out},
	    TRUST_OPTION_AT(&token.now),
	    TRUST_OPTION_JSON(&token.json),
	};
	const struct trust_usage usage = {
	    .command = "token create",
	    .arguments = "DEVICE",
	    .text = about_create,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	token.device = args.v[0];
	return run(&token);
}

int
trust_token_run(int argc, char **argv)
{
	static const struct trust_command commands[] = {
	    {"create", run_create, "make one for a device"},
	};

	return trust_commands_run("token",
	    "Tokens with which devices get their first certificates; trustctl\n"
	    "list token shows them, trustctl remove token takes one away.\n",
	    commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
