/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl topic: what the gateway would allow a device to do with a topic,
 * and by which rule.
 */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "reasoning.h"
#include "records.h"

/* The command line, and what came of it. */
struct question {
	const char *registry;
	const char *device;
	const char *client_id;
	const char *gateway;
	struct trust_access_request request;
	bool json;
	struct trust_verdict verdict;
	struct trust_access_ruling ruling;
	struct trust_steps steps;
};

/* ---- The decision ---- */

static enum trust_err
ask(struct question *question, struct trust_message *msg)
{
	const struct trust_gate_config config = {
	    .gateway = question->gateway,
	    .registry_path = question->registry,
	    .log = {.write = trust_reasoning_log},
	};
	struct trust_registry *registry = NULL;
	struct trust_gate *gate = NULL;
	enum trust_err r;

	/* To a gate a registry that is not there is one to wait for. */
	r = trust_records_open(
	    question->registry, TRUST_REGISTRY_READ, &registry, msg);
	trust_registry_close(registry);
	if (r == TRUST_OK)
		r = trust_gate_open(&config, &gate, msg);
	if (r == TRUST_OK)
		r = trust_gate_explain_topic(gate, question->device,
		    question->client_id, &question->request, &question->verdict,
		    &question->ruling, &question->steps, msg);
	trust_gate_close(gate);
	return r;
}

/* What it is denied for, unless it is allowed. */
static enum trust_reason
reason_of(const struct question *question)
{
	if (question->verdict.outcome != TRUST_ALLOW)
		return question->verdict.reason;
	return TRUST_REASON_TOPIC_NOT_ALLOWED;
}

static const char *
action_of(const struct question *question)
{
	return question->request.publish ? "publish" : "subscribe";
}

/* ---- For people and for programs ---- */

static void
print_text(const struct question *question)
{
	const struct trust_access_request *request = &question->request;

	trust_reasoning_print_steps(&question->steps);
	if (question->ruling.allowed)
		printf("allow: ");
	else
		printf("deny: %s: ", trust_reason_name(reason_of(question)));
	printf("%s, %s", question->device, action_of(question));
	if (request->publish)
		printf(" with QoS %d%s", request->qos,
		    request->retain ? ", retained" : "");
	printf(": %s\n", request->topic);
}

static json_t *
rule_json(const struct trust_access_ruling *ruling)
{
	if (ruling->rule == 0)
		return json_null();
	return json_pack("{s:o, s:I, s:s, s:s, s:s}", "role",
	    trust_json_text(ruling->role), "rule", (json_int_t)ruling->rule,
	    "effect", ruling->effect ? "allow" : "deny", "topic", ruling->topic,
	    "filter", ruling->filter);
}

static json_t *
answer_json(const struct question *question)
{
	const struct trust_verdict *verdict = &question->verdict;
	const struct trust_access_request *request = &question->request;
	const char *reason = question->ruling.allowed
				 ? NULL
				 : trust_reason_name(reason_of(question));

	return json_pack(
	    "{s:s, s:o, s:s, s:s, s:o, s:o, s:s, s:s, s:i, s:b, s:o, s:o}",
	    "decision", question->ruling.allowed ? "allow" : "deny", "reason",
	    trust_json_text(reason), "device", question->device, "client",
	    question->client_id, "group", trust_json_text(verdict->group),
	    "roles", trust_explain_roles_json(verdict), "action",
	    action_of(question), "topic", request->topic, "qos", request->qos,
	    "retain", request->retain, "rule", rule_json(&question->ruling),
	    "steps", trust_explain_steps_json(&question->steps));
}

static int
run(struct question *question)
{
	struct trust_message msg = {0};
	enum trust_err r = ask(question, &msg);
	int status = TRUST_EXIT_NO;

	if (r == TRUST_OK && question->json)
		r = trust_output_json(answer_json(question), &msg);
	else if (r == TRUST_OK)
		print_text(question);
	if (r != TRUST_OK)
		status = trust_output_failure(r, &msg);
	else if (question->ruling.allowed)
		status = TRUST_EXIT_YES;
	trust_verdict_clear(&question->verdict);
	trust_access_ruling_clear(&question->ruling);
	trust_steps_free(&question->steps);
	return status;
}

/* ---- The command line ---- */

static bool
read_arguments(const struct trust_usage *usage, char **v,
    struct question *question, int *status)
{
	struct trust_access_request *request = &question->request;

	question->device = v[0];
	if (question->client_id == NULL)
		question->client_id = question->device;
	request->publish = strcmp(v[1], "publish") == 0;
	request->topic = v[2];
	if (!request->publish && strcmp(v[1], "subscribe") != 0)
		*status = trust_options_wrong(
		    usage, "want publish or subscribe, got \"%s\"", v[1]);
	else if (!request->publish && request->retain)
		*status = trust_options_wrong(
		    usage, "--retain: want it with publish alone");
	else
		return true;
	return false;
}

static const char about[] =
    "Tell what the gateway would allow a device to do with a topic, and by\n"
    "which rule of which role. To subscribe, TOPIC may be any topic filter.\n"
    "Rules are numbered from 1, as they stand in their role.\n";

int
trust_topic_run(int argc, char **argv)
{
	struct question question = {.gateway = TRUST_REASONING_GATEWAY};
	const struct trust_option options[] = {
	    TRUST_OPTION_REGISTRY(&question.registry),
	    {.name = "client-id",
		.argument = "ID",
		.help = "the MQTT client id; else the device's id",
		.text = &question.client_id},
	    {.name = "gateway",
		.argument = "ID",
		.help = "the gateway's id, its option gateway",
		.text = &question.gateway},
	    {.name = "qos",
		.argument = "0|1|2",
		.help = "the QoS of what is published; else 0",
		.number = &question.request.qos,
		.min = 0,
		.max = 2},
	    {.name = "retain",
		.help = "publish a retained message",
		.flag = &question.request.retain},
	    TRUST_OPTION_JSON(&question.json),
	};
	const struct trust_usage usage = {
	    .command = "topic",
	    .arguments = "DEVICE publish|subscribe TOPIC",
	    .text = about,
	    TRUST_USAGE_OPTIONS(options),
	    .min_args = 3,
	    .max_args = 3,
	};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args) ||
	    !read_arguments(&usage, args.v, &question, &args.status))
		return args.status;
	return run(&question);
}
