/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl edge-ca: certificates for devices, and for their gateway.
 */
#include "commands.h"
#include "interrupt.h"
#include "registrar.h"
#include "remote.h"

#define DAY_S 86400
/* How long certificates are valid where nobody says: a sensor that is off for
 * a weekend is still let in, a stolen one not for long. */
#define VALIDITY_S        (7 * DAY_S)
#define SERVER_VALIDITY_S (30 * DAY_S)

static const char about_serve[] =
    "Issue certificates to the devices of a gateway, as its MQTT client, and "
    "to the\n"
    "gateway's own server, until SIGINT or SIGTERM. What is issued is bounded "
    "by what\n"
    "these options say, and stands in the audit file first.\n";

/* Options of the CA. */
#define CA_OPTIONS(to)                                                        \
	{.name = "ca",                                                        \
	    .argument = "FILE",                                               \
	    .help = "the CA's certificate, and those above it",               \
	    .required = true,                                                 \
	    .text = &(to).issuer.certificate},                                \
	    {.name = "ca-key",                                                \
		.argument = "KEY",                                            \
		.help = "its private key: a file, or a pkcs11: URI",          \
		.required = true,                                             \
		.text = &(to).issuer.key},                                    \
	    {.name = "chain",                                                 \
		.argument = "FILE",                                           \
		.help = "more certificates above it",                         \
		.texts = &(to).issuer.chain},                                 \
	    {.name = "match",                                                 \
		.argument = "PATTERN",                                        \
		.help = "devices to issue to; else all",                      \
		.texts = &(to).issuer.match},                                 \
	    {.name = "validity",                                              \
		.argument = "DURATION",                                       \
		.help = "of devices' certificates; else 7d",                  \
		.duration = &(to).issuer.validity_s},                         \
	{                                                                     \
		.name = "audit", .argument = "FILE",                          \
		.help = "what is issued, a JSON line each", .required = true, \
		.text = &(to).audit                                           \
	}

/* Options of the gateway's server certificate. */
#define SERVER_OPTIONS(to)                                                \
	{.name = "server-name",                                           \
	    .argument = "NAME",                                           \
	    .help = "of the gateway, as sensors call it",                 \
	    .texts = &(to).server.names},                                 \
	    {.name = "server-cert",                                       \
		.argument = "FILE",                                       \
		.help = "where its certificate is to be",                 \
		.text = &(to).server.certificate},                        \
	    {.name = "server-key",                                        \
		.argument = "FILE",                                       \
		.help = "where its key is, or is to be",                  \
		.text = &(to).server.key},                                \
	    {.name = "server-validity",                                   \
		.argument = "DURATION",                                   \
		.help = "of its certificate; else 30d",                   \
		.duration = &(to).issuer.server_validity_s},              \
	{                                                                 \
		.name = "broker-pid", .argument = "FILE",                 \
		.help = "Mosquitto's pid_file: who is told of a new one", \
		.text = &(to).server.broker_pid                           \
	}

/* How long a certificate may be valid. */
static bool
is_within(int64_t validity_s)
{
	return validity_s >= TRUST_ISSUER_VALIDITY_MIN &&
	       validity_s <= TRUST_ISSUER_VALIDITY_MAX;
}

static int
run_serve(int argc, char **argv)
{
	struct trust_registrar_options o = {.gateway = TRUST_REMOTE_DEFAULTS,
	    .issuer = {.validity_s = VALIDITY_S,
		.server_validity_s = SERVER_VALIDITY_S}};
	const struct trust_option options[] = {
	    CA_OPTIONS(o),
	    SERVER_OPTIONS(o),
	    TRUST_PROMPT_OPTIONS(o.issuer.prompt),
	    TRUST_REMOTE_OPTIONS(o.gateway, "the gateway; else localhost"),
	};
	const struct trust_usage usage = {
	    .command = "edge-ca serve",
	    .arguments = "",
	    .text = about_serve,
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (!is_within(o.issuer.validity_s) ||
	    !is_within(o.issuer.server_validity_s))
		return trust_options_wrong(&usage,
		    "want certificates valid for %ds to %dd, got others",
		    TRUST_ISSUER_VALIDITY_MIN,
		    TRUST_ISSUER_VALIDITY_MAX / DAY_S);
	o.server.audit = o.audit;
	return trust_registrar_run(&o, trust_interrupt_catch());
}

int
trust_edge_ca_run(int argc, char **argv)
{
	static const struct trust_command commands[] = {
	    {"serve", run_serve, "answer devices that ask for a certificate"},
	};

	return trust_commands_run("edge-ca",
	    "Certificates for devices, and for their gateway.\n", commands,
	    sizeof(commands) / sizeof(commands[0]), argc, argv);
}
