/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl pki: certificates and keys for development.
 */
#include <stdio.h>
#include <string.h>

#include "../certs/pki.h"
#include "commands.h"
#include "options.h"
#include "pki_records.h"

#define SERVER_DAYS 825
#define DEVICE_DAYS 365
#define DAYS_MAX    3650

#define OPTION_KEY(to)                                                  \
	{                                                               \
		.name = "key", .argument = "p256|p384|rsa2048|ed25519", \
		.help = "the kind of keys; else p256", .choice = (to),  \
		.choices = trust_key_names                              \
	}
#define OPTION_DAYS(to, text)                                    \
	{                                                        \
		.name = "days", .argument = "N", .help = (text), \
		.number = (to), .min = 1, .max = DAYS_MAX        \
	}

/* The line for a failure, with what to do about it where that is clear. */
static int
failure(enum trust_err err, struct trust_message *msg, const char *dir)
{
	if (err == TRUST_ERR_NOT_FOUND)
		trust_err_set(msg, err,
		    "%s; trustctl pki init %s --hostname NAME makes a PKI",
		    msg->text, dir);
	return trust_output_failure(err, msg);
}

/* ---- init ---- */

static void
tell_init(const char *dir, const struct trust_texts *hosts)
{
	size_t i;

	printf("%s: a PKI for development. Not for production: the CAs' keys "
	       "lie here in the open.\n\n",
	    dir);
	printf(
	    "  %s/server.pem, server.key  the gateway's certificate, for", dir);
	for (i = 0; i < hosts->n; i++)
		printf(" %s", hosts->v[i]);
	printf(" and loopback\n"
	       "  %s/root.pem                what sensors trust the gateway "
	       "by\n"
	       "  %s/" TRUST_PKI_RECORDS_FILE
	       "           its anchor and the group " TRUST_PKI_RECORDS_GROUP
	       ", for a registry\n\n",
	    dir, dir);
	printf("next:  trustctl init --development -r REGISTRY\n"
	       "       trustctl put -r REGISTRY %s/" TRUST_PKI_RECORDS_FILE "\n"
	       "       trustctl pki device %s ID\n",
	    dir, dir);
}

/* What nobody should copy from here. */
static const char *const differences[][TRUST_TABLE_COLUMNS_MAX] = {
    {"CA keys", "files, not encrypted",
	"the root's offline, the others' in PKCS#11 tokens"},
    {"device keys", "made here, carried to the device",
	"made in the device, which they never leave"},
    {"registry signer", "beside the CAs", "a machine of its own, other people"},
    {"gateway's root", "the devices' too",
	"another one; the trust bundle tells devices"},
    {"names in certificates", "any", "bound by the CAs' name constraints"},
    {"lifetimes", "CAs 10 years, devices 1",
	"devices days or weeks, renewed by themselves"},
    {"revocation", "no CRL", "a CRL of each CA, revocation require"},
};
#define N_DIFFERENCES (sizeof(differences) / sizeof(differences[0]))

static void
tell_production(void)
{
	struct trust_table table = {.headers = {"", "HERE", "IN PRODUCTION"}};

	printf("\n");
	for (size_t i = 0; i < N_DIFFERENCES; i++)
		trust_table_row(&table, differences[i]);
	trust_table_print(&table);
	for (size_t i = 0; i < N_DIFFERENCES; i++)
		trust_table_row(&table, differences[i]);
}

static const char about_init[] =
    "Make a PKI for development in DIR: root, intermediate, Edge CA, the\n"
    "gateway's server certificate, registry root and signer. Never\n"
    "overwrites anything.\n";

static int
run_init(int argc, char **argv)
{
	struct trust_pki pki = {.now = trust_options_now()};
	struct trust_texts hosts = {0};
	int key = TRUST_KEY_P256;
	const struct trust_option options[] = {
	    {.name = "hostname",
		.argument = "NAME",
		.help = "of the gateway, or IP address",
		.required = true,
		.texts = &hosts},
	    OPTION_KEY(&key),
	    TRUST_OPTION_AT(&pki.now),
	};
	const struct trust_usage usage = {
	    .command = "pki init",
	    .arguments = "DIR",
	    .text = about_init,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 1,
	    .max_args = 1,
	};
	struct trust_message msg = {0};
	struct trust_args args;
	enum trust_err r;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	pki.dir = args.v[0];
	pki.key = (enum trust_key)key;
	r = trust_pki_init(&pki, hosts.v, hosts.n, &msg);
	if (r == TRUST_OK)
		r = trust_pki_records_write(pki.dir, &msg);
	if (r != TRUST_OK)
		return failure(r, &msg, pki.dir);
	tell_init(pki.dir, &hosts);
	tell_production();
	return TRUST_EXIT_YES;
}

/* ---- device ---- */

static void
tell_device(const char *dir, const char *id, bool self_signed)
{
	printf("made for development:\n"
	       "  %s/devices/%s.key        the key of %s\n"
	       "  %s/devices/%s.pem        its certificate%s\n",
	    dir, id, id, dir, id, self_signed ? ", self-signed" : "");
	if (!self_signed)
		printf("  %s/devices/%s-chain.pem  the same with the CAs, for "
		       "the sensor to send\n",
		    dir, id);
	if (self_signed)
		printf("\nnext:  trustctl device add -r REGISTRY %s "
		       "--certificate %s/devices/%s.pem\n",
		    id, dir, id);
	else
		printf("\nnext:  trustctl device add -r REGISTRY %s --group "
		       "" TRUST_PKI_RECORDS_GROUP "\n",
		    id);
}

static const char about_device[] =
    "Make a device's key and certificate for development, under the Edge CA\n"
    "in DIR.\n";

static int
run_device(int argc, char **argv)
{
	struct trust_pki pki = {.now = trust_options_now()};
	int key = TRUST_KEY_P256, days = DEVICE_DAYS;
	bool self_signed = false;
	const struct trust_option options[] = {
	    {.name = "self-signed",
		.help = "known by its thumbprint, without a CA",
		.flag = &self_signed},
	    OPTION_KEY(&key),
	    OPTION_DAYS(&days, "how long it is valid; else 365"),
	    TRUST_OPTION_AT(&pki.now),
	};
	const struct trust_usage usage = {
	    .command = "pki device",
	    .arguments = "DIR ID",
	    .text = about_device,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 2,
	    .max_args = 2,
	};
	struct trust_message msg = {0};
	struct trust_args args;
	const char *id;
	enum trust_err r;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	id = args.v[1];
	if (!trust_id_check((const uint8_t *)id, strlen(id)))
		return trust_options_wrong(&usage,
		    "want an id of 1 to %d letters, digits and "
		    "-._%%*?!(),:=@', "
		    "got \"%s\"",
		    TRUST_ID_MAX, id);
	pki.dir = args.v[0];
	pki.key = (enum trust_key)key;
	r = trust_pki_device(&pki, id, days, self_signed, &msg);
	if (r != TRUST_OK)
		return failure(r, &msg, pki.dir);
	tell_device(pki.dir, id, self_signed);
	return TRUST_EXIT_YES;
}

/* ---- server ---- */

static const char about_server[] =
    "Make another server's key and certificate for development, for these\n"
    "DNS names or IP addresses and loopback.\n";

static int
run_server(int argc, char **argv)
{
	struct trust_pki pki = {.now = trust_options_now()};
	int key = TRUST_KEY_P256, days = SERVER_DAYS;
	const struct trust_option options[] = {
	    OPTION_KEY(&key),
	    OPTION_DAYS(&days, "how long it is valid; else 825"),
	    TRUST_OPTION_AT(&pki.now),
	};
	const struct trust_usage usage = {
	    .command = "pki server",
	    .arguments = "DIR NAME...",
	    .text = about_server,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 2,
	    .max_args = -1,
	};
	struct trust_message msg = {0};
	struct trust_args args;
	const char *const *names;
	enum trust_err r;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	pki.dir = args.v[0];
	pki.key = (enum trust_key)key;
	names = (const char *const *)args.v + 1;
	r = trust_pki_server(&pki, names, (size_t)args.n - 1, days, &msg);
	if (r != TRUST_OK)
		return failure(r, &msg, pki.dir);
	printf("made for development:\n"
	       "  %s/servers/%s.key  the key\n"
	       "  %s/servers/%s.pem  the certificate and its CA\n"
	       "\nnext:  mosquitto.conf takes them as keyfile and certfile\n",
	    pki.dir, names[0], pki.dir, names[0]);
	return TRUST_EXIT_YES;
}

int
trust_pki_run(int argc, char **argv)
{
	static const struct trust_command commands[] = {
	    {"init", run_init, "make a PKI in a directory"},
	    {"device", run_device, "make a device's certificate"},
	    {"server", run_server, "make another server's certificate"},
	};

	return trust_commands_run("pki",
	    "Certificates and keys for development and tests, not for "
	    "production.\n",
	    commands, sizeof(commands) / sizeof(commands[0]), argc, argv);
}
