/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl enroll: a device asks for its certificate.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "../certs/csr.h"
#include "../certs/pemfile.h"
#include "../certs/secretfile.h"
#include "certfile.h"
#include "commands.h"
#include "credentials.h"
#include "enrolled.h"
#include "enroller.h"
#include "issuer.h"
#include "prompt.h"
#include "remote.h"
#include "shell.h"

/* How long to wait where nobody says. */
#define TIMEOUT_S 60
/* Octets of a token's id and secret, with their NULs. */
#define SECRET_MAX 1024
#define BUNDLE     "bundle.pem"

/* The command line, and what comes of it. */
struct enroll {
	struct trust_mqtt_options gateway;
	const char *token_file;
	const char *token;
	const char *device; /* NULL: whom the certificate names */
	const char *dir;
	bool new_key;
	int key_type;
	int64_t timeout_s;
	int64_t now;
	bool json;
	/* Of a token. */
	char token_id[TRUST_ID_MAX + 1];
	char secret[SECRET_MAX];
	char username[sizeof(TRUST_ENROLL_TOKEN) + TRUST_ID_MAX];
	/* Of a certificate. */
	char id[TRUST_ID_MAX + 1];
	struct trust_credentials credentials;
	/* The answer, as it is to be stored. */
	struct trust_enrolled enrolled;
	struct trust_buf leaf, chain, bundle;
};

/* ---- Who we are ---- */

/* "token:ID SECRET", in one line or two; the secret alone where the option has
 * the id. */
static enum trust_err
read_token_file(struct enroll *e, struct trust_message *msg)
{
	char first[SECRET_MAX] = "", second[SECRET_MAX] = "";
	struct trust_message open_to = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;
	const char *id = first;
	FILE *in = NULL;
	int n;

	r = trust_secretfile_open_lenient(e->token_file, &in, &open_to, msg);
	if (r != TRUST_OK)
		return r;
	if (open_to.text[0] != '\0')
		trust_output_note("%s", open_to.text);
	n = fscanf(in, "%1023s %1023s", first, second);
	(void)fclose(in);
	if (strncmp(id, TRUST_ENROLL_TOKEN, strlen(TRUST_ENROLL_TOKEN)) == 0)
		id += strlen(TRUST_ENROLL_TOKEN);
	r = TRUST_OK;
	if (n == 1 && e->token != NULL)
		memcpy(e->secret, first, sizeof(e->secret));
	else if (n != 2 || strlen(id) > TRUST_ID_MAX ||
		 (e->token != NULL && strcmp(id, e->token) != 0))
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a token's id and its secret%s%s, got something "
		    "else",
		    e->token_file, e->token != NULL ? ", of " : "",
		    e->token != NULL ? e->token : "");
	else {
		memcpy(e->token_id, id, strlen(id) + 1);
		memcpy(e->secret, second, sizeof(e->secret));
		e->token = e->token_id;
	}
	OPENSSL_cleanse(first, sizeof(first));
	OPENSSL_cleanse(second, sizeof(second));
	return r;
}

static enum trust_err
check_id(const char *what, const char *id, struct trust_message *msg)
{
	if (trust_id_check((const uint8_t *)id, strlen(id)))
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "want the id of a %s, of 1 to %d letters, digits and "
	    "-._%%*?!(),:=@', got \"%s\"",
	    what, TRUST_ID_MAX, id);
}

static enum trust_err
take_token(struct enroll *e, struct trust_message *msg)
{
	char what[TRUST_ID_MAX + 32];
	enum trust_err r = TRUST_OK;

	if (e->token_file != NULL)
		r = read_token_file(e, msg);
	if (r == TRUST_OK)
		r = check_id("token", e->token, msg);
	if (r != TRUST_OK)
		return r;
	if (e->secret[0] == '\0') {
		(void)snprintf(
		    what, sizeof(what), "the secret of the token %s", e->token);
		r = trust_prompt_ask(what, e->secret, sizeof(e->secret), msg);
	}
	(void)snprintf(e->username, sizeof(e->username),
	    TRUST_ENROLL_TOKEN "%s", e->token);
	e->gateway.username = e->username;
	e->gateway.password = e->secret;
	e->credentials.name = e->device != NULL ? e->device : e->token;
	return r;
}

/* A client id is the device's, or that and a module's name. */
static bool
find_device(struct enroll *e)
{
	size_t len;

	if (e->gateway.id == NULL)
		return trust_certfile_read_id(e->gateway.cert, e->id);
	len = strcspn(e->gateway.id, "/");
	if (len == 0 || len >= sizeof(e->id))
		return false;
	(void)snprintf(e->id, sizeof(e->id), "%.*s", (int)len, e->gateway.id);
	return true;
}

/* With a certificate, its own or the manufacturer's. */
static enum trust_err
take_certificate(struct enroll *e, struct trust_message *msg)
{
	if (e->device == NULL && !find_device(e))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want a certificate with a device as its common name, "
		    "or the device after the options, got neither",
		    e->gateway.cert);
	if (e->device == NULL)
		e->device = e->id;
	if (e->gateway.id == NULL)
		e->gateway.id = e->device;
	e->credentials.name = e->device;
	return TRUST_OK;
}

static enum trust_err
take_identity(struct enroll *e, struct trust_message *msg)
{
	bool by_token = e->token != NULL || e->token_file != NULL;
	enum trust_err r = TRUST_OK;

	if (e->gateway.cafile == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "enroll: want --cafile, the anchors of the gateway's "
		    "certificate, got none: who asks has to know whom");
	if (by_token == (e->gateway.cert != NULL || e->gateway.tls_key != NULL))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "enroll: want a token or --cert and --key, got %s",
		    by_token ? "both" : "neither");
	if (e->device != NULL)
		r = check_id("device", e->device, msg);
	if (r != TRUST_OK)
		return r;
	e->gateway.v5 = true;
	e->credentials.dir = e->dir;
	return by_token ? take_token(e, msg) : take_certificate(e, msg);
}

/* ---- The key ---- */

/* A renewal is for the key of the connection, wherever that is. */
static enum trust_err
have_key(struct enroll *e, struct trust_message *msg)
{
	if (e->gateway.tls_key != NULL && !e->new_key)
		return trust_credentials_keep(
		    &e->credentials, e->gateway.tls_key, msg);
	return trust_credentials_open(
	    &e->credentials, (enum trust_key)e->key_type, e->new_key, msg);
}

/* ---- Asking ---- */

static enum trust_err
ask(struct enroll *e, struct trust_buf *answer, struct trust_message *msg)
{
	struct trust_enroller enroller = {
	    .gateway = &e->gateway,
	    .client = e->username[0] != '\0' ? e->username : e->gateway.id,
	    .timeout_s = e->timeout_s,
	};
	struct trust_buf request = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_csr_write(e->credentials.key, e->credentials.name, &request);
	enroller.request = trust_buf_get0(&request);
	if (r == TRUST_OK)
		r = trust_enroller_ask(&enroller, answer, msg);
	trust_buf_free(&request);
	return r;
}

static enum trust_err
judge(
    struct enroll *e, const struct trust_buf *answer, struct trust_message *msg)
{
	struct trust_enrolled_wanted wanted = {
	    .key = e->credentials.key, .device = e->device, .now = e->now};
	enum trust_err r =
	    trust_certfile_load(e->gateway.cafile, &wanted.anchors, msg);

	if (r == TRUST_OK)
		r = trust_enrolled_read(
		    trust_buf_get0(answer), &wanted, &e->enrolled, msg);
	sk_X509_pop_free(wanted.anchors, X509_free);
	return r;
}

/* ---- Storing ---- */

static enum trust_err
add_pem(const STACK_OF(X509) *certificates, struct trust_buf *out)
{
	enum trust_err r = TRUST_OK;

	for (int i = 0; r == TRUST_OK && i < sk_X509_num(certificates); i++)
		r = trust_pemfile_encode(sk_X509_value(certificates, i), out);
	return r;
}

static enum trust_err
store(struct enroll *e, struct trust_message *msg)
{
	const struct trust_enrolled *got = &e->enrolled;
	enum trust_err r = TRUST_ERR_INTERNAL;
	char path[PATH_MAX];

	if ((r = trust_pemfile_encode(got->leaf, &e->leaf)) != TRUST_OK ||
	    (r = trust_pemfile_encode(got->leaf, &e->chain)) != TRUST_OK ||
	    (r = add_pem(got->chain, &e->chain)) != TRUST_OK ||
	    (r = add_pem(got->bundle, &e->bundle)) != TRUST_OK)
		return r;
	r = trust_credentials_store(&e->credentials, got->device,
	    trust_buf_get0(&e->leaf), trust_buf_get0(&e->chain), msg);
	if (r != TRUST_OK || e->bundle.len == 0)
		return r;
	r = trust_pemfile_path(path, e->dir, BUNDLE, "", msg);
	if (r == TRUST_OK)
		r = trust_pemfile_replace(
		    path, 0644, trust_buf_get0(&e->bundle), msg);
	return r;
}

/* ---- Telling ---- */

static void
print_word(const char *before, const char *word)
{
	printf("%s", before);
	trust_shell_print(word);
}

/* The line that publishes, as the device that we are now. */
static void
print_command(const struct enroll *e, const char *key, const char *chain)
{
	const char *device = e->enrolled.device;
	char text[TRUST_ID_MAX + 32];

	print_word("\ntry:  mosquitto_pub -h ", e->gateway.host);
	printf(" -p %d", e->gateway.port != 0 ? e->gateway.port : 8883);
	print_word(" --cafile ", e->gateway.cafile);
	print_word(" \\\n          --cert ", chain);
	print_word(" --key ", key);
	print_word(" \\\n          -i ", device);
	(void)snprintf(text, sizeof(text), "devices/%s/hello", device);
	print_word(" -t ", text);
	printf(" -m hello\n");
}

static void
print_text(const struct enroll *e, const struct trust_issued *issued,
    const char *key, const char *chain)
{
	const char *device = e->enrolled.device;

	printf("%s: certificate %s, until %s\n", device, issued->thumbprint,
	    issued->not_after);
	printf("  %s  the key\n", key);
	printf("  %s/%s.pem  the certificate\n", e->dir, device);
	printf("  %s  the same with the CAs, to send\n", chain);
	if (e->bundle.len > 0)
		printf("  %s/" BUNDLE "  the gateway's trust bundle\n", e->dir);
	print_command(e, key, chain);
}

static enum trust_err
tell(const struct enroll *e, struct trust_message *msg)
{
	const char *device = e->enrolled.device;
	char key[PATH_MAX], chain[PATH_MAX];
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_issued issued;

	r = trust_issuer_describe(e->enrolled.leaf, &issued);
	if (r == TRUST_OK)
		r = trust_credentials_find_key(
		    &e->credentials, device, key, msg);
	if (r == TRUST_OK)
		r = trust_pemfile_path(
		    chain, e->dir, device, "-chain.pem", msg);
	if (r != TRUST_OK)
		return r;
	if (!e->json) {
		print_text(e, &issued, key, chain);
		return TRUST_OK;
	}
	return trust_output_json(
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "device", device,
		"thumbprint", issued.thumbprint, "serial_number",
		issued.serial_number, "not_after", issued.not_after, "key", key,
		"chain", chain),
	    msg);
}

/* ---- The command ---- */

static enum trust_err
enroll(struct enroll *e, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	struct trust_buf answer = {0};

	if ((r = take_identity(e, msg)) != TRUST_OK ||
	    (r = have_key(e, msg)) != TRUST_OK ||
	    (r = ask(e, &answer, msg)) != TRUST_OK ||
	    (r = judge(e, &answer, msg)) != TRUST_OK ||
	    (r = store(e, msg)) != TRUST_OK)
		goto out;
	r = tell(e, msg);
out:
	trust_buf_free(&answer);
	trust_buf_free(&e->leaf);
	trust_buf_free(&e->chain);
	trust_buf_free(&e->bundle);
	trust_enrolled_clear(&e->enrolled);
	trust_credentials_clear(&e->credentials);
	OPENSSL_cleanse(e->secret, sizeof(e->secret));
	return r;
}

static const char about[] =
    "Ask a gateway for this device's certificate: with a token, which the "
    "first one\n"
    "costs, or with a certificate, to renew it. The key is made here and "
    "stays. Exit\n"
    "status 1: the gateway refuses.\n";

int
trust_enroll_run(int argc, char **argv)
{
	struct enroll e = {
	    .gateway = TRUST_REMOTE_DEFAULTS,
	    .dir = ".",
	    .timeout_s = TIMEOUT_S,
	    .now = trust_options_now(),
	};
	const struct trust_option options[] = {
	    {.name = "token",
		.argument = "ID",
		.help = "a token; its secret is asked for",
		.text = &e.token},
	    {.name = "token-file",
		.argument = "FILE",
		.help = "a token's id and secret",
		.text = &e.token_file},
	    {.name = "new-key",
		.help = "for a new key, not the one there is",
		.flag = &e.new_key},
	    {.name = "key-type",
		.argument = "KIND",
		.help = "p256, p384, rsa2048 or ed25519; else p256",
		.choice = &e.key_type,
		.choices = trust_key_names},
	    {.name = "out",
		.letter = 'o',
		.argument = "DIR",
		.help = "where files go; else here",
		.text = &e.dir},
	    {.name = "timeout",
		.argument = "DURATION",
		.help = "how long to wait; else 60s",
		.duration = &e.timeout_s},
	    TRUST_REMOTE_OPTIONS(e.gateway, "the gateway; else localhost"),
	    TRUST_OPTION_AT(&e.now),
	    TRUST_OPTION_JSON(&e.json),
	};
	const struct trust_usage usage = {
	    .command = "enroll",
	    .arguments = "[DEVICE]",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .max_args = 1,
	};
	struct trust_message msg = {0};
	struct trust_args args;
	enum trust_err r;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (args.n == 1)
		e.device = args.v[0];
	r = enroll(&e, &msg);
	if (r == TRUST_OK)
		return TRUST_EXIT_YES;
	(void)trust_output_failure(r, &msg);
	return r == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO : TRUST_EXIT_ERROR;
}
