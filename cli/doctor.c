/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl doctor: why a sensor cannot connect, in the order in which a
 * person should look.
 */
#include "doctor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "files.h"
#include "options.h"
#include "reasoning.h"

#define PORT_TLS      8883
#define TIMEOUT_S     10
#define TIMEOUT_MAX_S 600

const char *
trust_doctor_client_id(const struct trust_doctor *doctor)
{
	if (doctor->client_id != NULL)
		return doctor->client_id;
	return doctor->own_name[0] != '\0' ? doctor->own_name : NULL;
}

static void
fill_words(struct trust_doctor *doctor)
{
	struct trust_doctor_words *words = &doctor->words;

	bool is_ipv6 = strchr(doctor->host, ':') != NULL;
	char address[TRUST_SHELL_MAX];

	snprintf(address, sizeof(address), "%s%s%s:%d", is_ipv6 ? "[" : "",
	    doctor->host, is_ipv6 ? "]" : "", doctor->port);
	trust_shell_quote(doctor->host, "HOST", words->host);
	trust_shell_quote(address, "HOST:PORT", words->address);
	trust_shell_quote(doctor->anchor, "ANCHOR.pem", words->anchor);
	trust_shell_quote(doctor->cert, "CLIENT.pem", words->cert);
	trust_shell_quote(doctor->key, "CLIENT.key", words->key);
	trust_shell_quote(doctor->registry, "REGISTRY", words->registry);
}

/* The order is that of the connection: what comes later does not matter while
 * something before it is wrong. */
static enum trust_err
diagnose(struct trust_doctor *doctor, struct trust_message *msg)
{
	enum trust_err r = trust_doctor_load(doctor, msg);

	if (r != TRUST_OK)
		return r;
	trust_doctor_reach(doctor);
	if ((r = trust_doctor_shake(doctor, msg)) != TRUST_OK)
		return r;
	trust_doctor_check_names(doctor);
	if ((r = trust_doctor_check_chain(doctor, msg)) != TRUST_OK)
		return r;
	if ((r = trust_doctor_check_trust(doctor, msg)) != TRUST_OK)
		return r;
	trust_doctor_check_times(doctor);
	if ((r = trust_doctor_check_protocol(doctor, msg)) != TRUST_OK)
		return r;
	if ((r = trust_doctor_check_own(doctor, msg)) != TRUST_OK)
		return r;
	trust_doctor_check_answer(doctor);
	if ((r = trust_doctor_ask_registry(doctor, msg)) != TRUST_OK)
		return r;
	if ((r = trust_doctor_try_mqtt(doctor, msg)) != TRUST_OK)
		return r;
	trust_doctor_ask_clock(doctor);
	return doctor->findings.incomplete ? TRUST_ERR_NOMEM : TRUST_OK;
}

static void
clear(struct trust_doctor *doctor)
{
	sk_X509_pop_free(doctor->anchors, X509_free);
	sk_X509_pop_free(doctor->own, X509_free);
	EVP_PKEY_free(doctor->own_key);
	trust_probe_clear(&doctor->probe);
	trust_findings_free(&doctor->findings);
}

static int
run(struct trust_doctor *doctor)
{
	/* A server may hang up while something is said to it. */
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct trust_message msg = {0};
	int status = TRUST_EXIT_YES;
	enum trust_err r;

	(void)sigaction(SIGPIPE, &ignore, NULL);
	fill_words(doctor);
	doctor->findings.silent = doctor->json;
	r = diagnose(doctor, &msg);
	if (r == TRUST_OK && doctor->json)
		r = trust_output_json(
		    trust_findings_json(&doctor->findings), &msg);
	if (r != TRUST_OK)
		status = trust_output_failure(r, &msg);
	else if (trust_findings_worst(&doctor->findings) >= TRUST_RESULT_WARN)
		status = TRUST_EXIT_NO;
	clear(doctor);
	return status;
}

static const char about[] =
    "Connect as a sensor would, and explain what is in its way, in the order\n"
    "in which to look: name and network, the server's names, its chain, trust\n"
    "in it, dates, TLS versions, the gateway's answer, the registry, MQTT.\n"
    "Exit status 1: something was found; each finding says what mends it.\n"
    "\n"
    "A sensor that is connected with the same client id is thrown out by it,\n"
    "and what is queued for it is lost; --no-connect ends before that.\n";

/* libmosquitto reads the files, too, and by their names. */
static bool
is_file(const char *path)
{
	return path == NULL || strcmp(path, TRUST_FILES_STDIN) != 0;
}

/* What the options cannot say by themselves. */
static int
start(struct trust_doctor *doctor, const struct trust_usage *usage)
{
	if ((doctor->cert == NULL) != (doctor->key == NULL))
		return trust_options_wrong(usage,
		    "want --cert together with --key, got %s alone",
		    doctor->cert != NULL ? "--cert" : "--key");
	if (!is_file(doctor->anchor) || !is_file(doctor->cert))
		return trust_options_wrong(
		    usage, "want files, got standard input");
	return run(doctor);
}

int
trust_doctor_run(int argc, char **argv)
{
	struct trust_doctor doctor = {
	    .port = PORT_TLS,
	    .gateway = TRUST_REASONING_GATEWAY,
	    .crl_grace_s = TRUST_CRL_GRACE_DEFAULT_S,
	    .now = trust_options_now(),
	    .timeout_s = TIMEOUT_S,
	};
	const struct trust_option options[] = {
	    {.name = "host",
		.letter = 'h',
		.argument = "HOST",
		.help = "the gateway, as the sensor calls it",
		.required = true,
		.text = &doctor.host},
	    {.name = "port",
		.letter = 'p',
		.argument = "PORT",
		.help = "its port; else 8883",
		.number = &doctor.port,
		.min = 1,
		.max = 65535},
	    {.name = "anchor",
		.argument = "FILE",
		.help = "whom the sensor trusts, its cafile",
		.required = true,
		.text = &doctor.anchor},
	    {.name = "cert",
		.argument = "FILE",
		.help = "the sensor's certificate and its CAs",
		.text = &doctor.cert},
	    {.name = "key",
		.argument = "FILE",
		.help = "its private key",
		.text = &doctor.key},
	    {.name = "client-id",
		.argument = "ID",
		.help = "the client id; else the CN",
		.text = &doctor.client_id},
	    {.name = "topic",
		.argument = "FILTER",
		.help = "to subscribe to; else devices/ID/#",
		.text = &doctor.topic},
	    {.name = "timeout",
		.argument = "SECONDS",
		.help = "patience for each answer; else 10",
		.number = &doctor.timeout_s,
		.min = 1,
		.max = TIMEOUT_MAX_S},
	    {.name = "no-connect",
		.help = "TLS alone, nothing in MQTT",
		.flag = &doctor.no_connect},
	    TRUST_OPTION_REGISTRY_IF(&doctor.registry, "the gateway\'s"),
	    TRUST_REASONING_OPTIONS(doctor),
	    TRUST_OPTION_AT(&doctor.now),
	    TRUST_OPTION_JSON(&doctor.json),
	};
	const struct trust_usage usage = {
	    .command = "doctor",
	    .arguments = "",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	return start(&doctor, &usage);
}
