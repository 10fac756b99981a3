/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate while calls fail under it: who comes in.
 */
#include "scenario.h"

#include "../unit/crl_scratch.h"

#include "explain.h"

/* ---- Asking ---- */

struct trust_gate *
open_gate(struct run *run, enum trust_revocation revocation)
{
	struct trust_gate_config config = {
	    .gateway = "gw1",
	    .registry_path = run->site->house.scratch->path,
	    .revocation = revocation,
	    .remember = true,
	    .gateway_key = run->site->own.key,
	};
	struct trust_message msg = {0};
	struct trust_gate *gate = NULL;

	answer_done(run, "open", trust_gate_open(&config, &gate, &msg), &msg);
	return gate;
}

void
answer_verdict(
    struct run *run, const char *name, const struct trust_verdict *verdict)
{
	char roles[120] = "";
	size_t len = 0;

	if (verdict->outcome != TRUST_ALLOW) {
		give_answer(
		    run, name, false, "%s", trust_reason_name(verdict->reason));
		if (verdict->reason == TRUST_REASON_INTERNAL_ERROR &&
		    verdict->detail[0] == '\0')
			tell_wrong("%s: internal_error without a detail", name);
		return;
	}
	for (size_t i = 0; i < verdict->n_roles && len < sizeof(roles); i++)
		len += (size_t)snprintf(
		    roles + len, sizeof(roles) - len, " %s", verdict->roles[i]);
	give_answer(run, name, true, "%s: %s of %s, %d %d %d%s%s until %lld",
	    trust_reason_name(verdict->reason), verdict->device, verdict->group,
	    (int)verdict->client_id, verdict->registered, verdict->pin_first,
	    verdict->default_role ? " default" : "", roles,
	    (long long)verdict->valid_until);
}

struct trust_admission *
ask_gate(struct run *run, struct trust_gate *gate, const char *name,
    const struct trust_pair *who)
{
	struct trust_admission *admission;
	struct trust_verdict verdict;

	trust_gate_decide(gate, who->certificate, run->site->sent, NOW,
	    &verdict, &admission, NULL);
	answer_verdict(run, name, &verdict);
	if ((admission != NULL) != (verdict.outcome == TRUST_ALLOW))
		tell_wrong("%s: an admission does not go with a denial", name);
	trust_verdict_clear(&verdict);
	return admission;
}

static void
ignore_device(void *arg, const char *device)
{
}

static void
ignore_ground(void *arg, uint64_t ground)
{
}

/* Who follows the registry and need not know what changed. */
static const struct trust_gate_visitor deaf = {
    .device = ignore_device, .ground = ignore_ground};

/* Somebody who comes. */
struct guest {
	const char *name, *again;
	struct trust_pair pair;
};

/* They come while calls fail, and again when none does. */
static void
ask_guests(
    struct run *run, struct trust_gate *gate, const struct guest *v, size_t n)
{

	for (size_t i = 0; gate != NULL && i < n; i++)
		trust_admission_free(
		    ask_gate(run, gate, v[i].name, &v[i].pair));
	fault_pause();
	run->sure = true;
	if (gate != NULL)
		(void)trust_gate_follow(gate, &deaf);
	for (size_t i = 0; gate != NULL && i < n; i++)
		trust_admission_free(
		    ask_gate(run, gate, v[i].again, &v[i].pair));
	run->sure = false;
	fault_resume();
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
opens(struct run *run)
{
	trust_gate_close(open_gate(run, TRUST_REVOCATION_IF_PRESENT));
}

static void
decides_by_pins(struct run *run)
{
	const struct guest guests[] = {
	    {"thumbprint", "thumbprint again", run->site->house.pinned},
	    {"key", "key again", run->site->keyed},
	    {"unknown", "unknown again", run->site->self},
	    {"impostor", "impostor again", run->site->impostor},
	};
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);

	ask_guests(run, gate, guests, COUNT(guests));
	trust_gate_close(gate);
}

static void
decides_by_chain(struct run *run)
{
	const struct guest guests[] = {
	    {"chain", "chain again", run->site->house.device},
	    {"unregistered", "unregistered again", run->site->house.stranger},
	    {"disabled", "disabled again", run->site->disabled},
	    {"revoked", "revoked again", run->site->revoked},
	};
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);

	ask_guests(run, gate, guests, COUNT(guests));
	trust_gate_close(gate);
}

static void
decides_by_crls(struct run *run)
{
	const struct guest guests[] = {
	    {"revoked", "revoked again", run->site->revoked},
	    {"not revoked", "not revoked again", run->site->house.device},
	    {"no crl", "no crl again", run->site->yard},
	};
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_REQUIRE);

	ask_guests(run, gate, guests, COUNT(guests));
	trust_gate_close(gate);
}

static void
decides_by_group(struct run *run)
{
	const struct guest guests[] = {
	    {"automatic", "automatic again", run->site->yard},
	    {"automatic cached", "automatic cached again", run->site->yard},
	};
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);

	ask_guests(run, gate, guests, COUNT(guests));
	trust_gate_close(gate);
}

/* ---- Who is in already ---- */

static void
ask_review(struct run *run, struct trust_gate *gate, const char *name,
    struct trust_admission *admission)
{
	struct trust_admission *fresh;
	struct trust_verdict verdict;

	trust_gate_review(gate, admission, NOW, true, &fresh, &verdict);
	answer_verdict(run, name, &verdict);
	if ((fresh != NULL) != (verdict.outcome == TRUST_ALLOW))
		tell_wrong("%s: an admission does not go with a denial", name);
	trust_verdict_clear(&verdict);
	trust_admission_free(fresh);
}

/* Whether somebody who is in was told of. */
struct ear {
	const struct trust_admission *admission;
	bool told;
};

static void
on_device(void *arg, const char *device)
{
	struct ear *ear = arg;

	ear->told |= strcmp(device, ear->admission->verdict.device) == 0;
}

static void
on_ground(void *arg, uint64_t ground)
{
	struct ear *ear = arg;
	const struct trust_grounds *grounds =
	    trust_admission_get0_grounds(ear->admission);

	for (size_t i = 0; i < grounds->n; i++)
		ear->told |= grounds->v[i] == ground;
}

static void
follow_until_told(struct trust_gate *gate, struct ear *ear)
{
	const struct trust_gate_visitor visitor = {
	    .device = on_device, .ground = on_ground, .arg = ear};

	/* Some of it may have to wait for its turn. */
	for (int i = 0; i < 10 && !ear->told; i++)
		ear->told = trust_gate_follow(gate, &visitor) ==
				TRUST_GATE_EVERYTHING ||
			    ear->told;
	if (!ear->told)
		tell_wrong("nobody was told of the change");
}

/* Something changes so that temp-03 may not stay: whoever fails to hear of it
 * at once hears of it when nothing fails. */
static void
follow_change(struct run *run, void (*change)(struct site *site))
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct ear ear = {0};
	const struct trust_gate_visitor visitor = {
	    .device = on_device, .ground = on_ground, .arg = &ear};
	struct trust_admission *admission = NULL;

	fault_pause();
	if (gate != NULL) {
		admission =
		    ask_gate(run, gate, "before", &run->site->house.device);
		change(run->site);
	}
	fault_resume();
	if (admission == NULL) {
		trust_gate_close(gate);
		return;
	}
	ear.admission = admission;
	ear.told = trust_gate_follow(gate, &visitor) == TRUST_GATE_EVERYTHING ||
		   ear.told;
	ask_review(run, gate, "while calls fail", admission);
	trust_admission_free(
	    ask_gate(run, gate, "anew", &run->site->house.device));
	fault_pause();
	run->sure = true;
	follow_until_told(gate, &ear);
	ask_review(run, gate, "review", admission);
	run->sure = false;
	trust_admission_free(admission);
	fault_resume();
	trust_gate_close(gate);
}

static void
disable(struct site *site)
{
	put(&site->house,
	    "{\"kind\":\"device\",\"id\":\"temp-03\",\"status\":\"disabled\","
	    "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
}

static void
revoke_device(struct site *site)
{
	put_pem(&site->house, "edge-2",
	    crl_make(&site->house.edge, site->house.device.certificate,
		NOW - 100, NOW + DAY_S),
	    true);
	put(&site->house, "{\"kind\":\"role\",\"id\":\"more\",\"rules\":[]}");
}

static void
ungroup(struct site *site)
{
	put(&site->house, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":["
			  "\"yard-root\"],\"match\":[\"temp-*\"]}");
}

static void
follows(struct run *run)
{
	follow_change(run, disable);
}

static void
follows_crls(struct run *run)
{
	follow_change(run, revoke_device);
}

static void
follows_groups(struct run *run)
{
	follow_change(run, ungroup);
}

static void
recalls(struct run *run)
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct trust_admission *admission;
	X509 *leaf = run->site->house.device.certificate;

	if (gate == NULL)
		return;
	fault_pause();
	trust_admission_free(
	    ask_gate(run, gate, "before", &run->site->house.device));
	put(&run->site->house,
	    "{\"kind\":\"device\",\"id\":\"temp-03\",\"status\":"
	    "\"disabled\",\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	fault_resume();
	admission = trust_gate_recall(gate, leaf, NOW);
	give_answer(run, "recall", admission != NULL, "it is disabled");
	trust_admission_free(admission);
	(void)trust_gate_follow(gate, &deaf);
	admission = trust_gate_recall(gate, leaf, NOW);
	give_answer(run, "recall later", admission != NULL, "it is disabled");
	trust_admission_free(admission);
	trust_gate_close(gate);
}

/* ---- Topics ---- */

static void
ask_topics(struct run *run, const char *name, struct trust_access *access)
{
	static const char *const topics[] = {"devices/temp-03/state",
	    "devices/temp-03/secret", "devices/temp-04/state", "plant/1/state",
	    "trust/v1/enroll/temp-03/request", "$SYS/broker/uptime"};
	char what[80];

	for (size_t i = 0; i < COUNT(topics); i++) {
		(void)snprintf(what, sizeof(what), "%.8s publish %zu", name, i);
		give_answer(run, what,
		    trust_access_check_publish(access, topics[i], 1, false),
		    "%s", topics[i]);
		(void)snprintf(
		    what, sizeof(what), "%.8s subscribe %zu", name, i);
		give_answer(run, what,
		    trust_access_check_subscribe(access, topics[i], 1), "%s",
		    topics[i]);
		(void)snprintf(what, sizeof(what), "%.8s receive %zu", name, i);
		give_answer(run, what,
		    trust_access_check_receive(access, topics[i]), "%s",
		    topics[i]);
	}
}

static void
compiles_topics(struct run *run)
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct trust_admission *admission;
	struct trust_access *access = NULL;
	struct trust_message msg = {0};

	if (gate == NULL)
		return;
	fault_pause();
	admission = ask_gate(run, gate, "before", &run->site->house.device);
	fault_resume();
	answer_done(run, "compile",
	    trust_gate_access(gate, admission, "temp-03", &access, &msg), &msg);
	if (access != NULL)
		ask_topics(run, "one", access);
	trust_access_free(access);
	access = NULL;
	answer_done(run, "by name",
	    trust_gate_access_by_name(
		gate, "temp-03", "temp-03", &access, &msg),
	    &msg);
	if (access != NULL)
		ask_topics(run, "two", access);
	trust_access_free(access);
	fault_pause();
	trust_admission_free(admission);
	fault_resume();
	trust_gate_close(gate);
}

static void
explains_topics(struct run *run)
{
	const struct trust_access_request request = {
	    .publish = true, .topic = "devices/temp-03/state", .qos = 1};
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct trust_access_ruling ruling;
	struct trust_verdict verdict;
	struct trust_steps steps = {0};
	struct trust_message msg = {0};
	enum trust_err r;

	if (gate == NULL)
		return;
	r = trust_gate_explain_topic(gate, "temp-03", "temp-03", &request,
	    &verdict, &ruling, &steps, &msg);
	answer_done(run, "explain", r, &msg);
	if (r == TRUST_OK)
		give_answer(run, "topic", ruling.allowed, "%s %s by %s",
		    trust_reason_name(verdict.reason), verdict.device,
		    ruling.topic == NULL ? "none" : ruling.topic);
	trust_verdict_clear(&verdict);
	trust_access_ruling_clear(&ruling);
	trust_steps_free(&steps);
	trust_gate_close(gate);
}

/* ---- Explained ---- */

static void
answer_json(struct run *run, const char *name, json_t *json)
{
	give_answer(run, name, json != NULL, "%s",
	    json == NULL ? "out of memory"
			 : json_string_value(json_object_get(json, "reason")));
	json_decref(json);
}

static void
explains(struct run *run)
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct trust_admission *admission;
	struct trust_verdict verdict;
	struct trust_steps steps = {0};

	if (gate == NULL)
		return;
	trust_gate_decide(gate, run->site->house.device.certificate,
	    run->site->sent, NOW, &verdict, &admission, &steps);
	answer_verdict(run, "check", &verdict);
	if (verdict.outcome == TRUST_ALLOW)
		answer_json(run, "json",
		    trust_explain_json(&verdict,
			trust_admission_get0_certificate(admission), &steps));
	trust_verdict_clear(&verdict);
	trust_admission_free(admission);
	trust_gate_explain_device(gate, "temp-06", NOW, &verdict, &steps);
	answer_verdict(run, "device", &verdict);
	trust_verdict_clear(&verdict);
	trust_steps_free(&steps);
	trust_gate_close(gate);
}

/* ---- Pre-shared keys, upstream, bundle ---- */

static void
ask_psk(struct run *run, struct trust_gate *gate, const char *name)
{
	struct trust_admission *admission;
	struct trust_verdict verdict;
	struct trust_secret key;

	trust_gate_decide_psk(gate, "one", NOW, &verdict, &admission, &key);
	answer_verdict(run, name, &verdict);
	if ((key.len > 0) != (verdict.outcome == TRUST_ALLOW))
		tell_wrong("%s: a key does not go with a denial", name);
	if (key.len > 0 && memcmp(key.b, "0123456789abcdef", 16) != 0)
		tell_wrong("%s: another key", name);
	trust_verdict_clear(&verdict);
	trust_admission_free(admission);
	trust_secret_clear(&key);
}

static void
opens_psk(struct run *run)
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);

	if (gate == NULL)
		return;
	ask_psk(run, gate, "psk");
	ask_psk(run, gate, "psk kept");
	fault_pause();
	run->sure = true;
	(void)trust_gate_follow(gate, &deaf);
	ask_psk(run, gate, "psk again");
	run->sure = false;
	fault_resume();
	trust_gate_close(gate);
}

static void
ask_upstream(struct run *run, struct trust_gate *gate, const char *name,
    const struct trust_pair *who)
{
	struct trust_verdict verdict;
	STACK_OF(X509) *anchors;

	trust_gate_decide_upstream(
	    gate, who->certificate, run->site->sent, NOW, &verdict, &anchors);
	give_answer(run, name, verdict.outcome == TRUST_ALLOW, "%s",
	    verdict.outcome == TRUST_ALLOW ? "it is trusted"
					   : trust_reason_name(verdict.reason));
	if ((anchors != NULL) != (verdict.outcome == TRUST_ALLOW))
		tell_wrong("%s: anchors do not go with a denial", name);
	sk_X509_pop_free(anchors, X509_free);
	trust_verdict_clear(&verdict);
}

static void
decides_upstream(struct run *run)
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);

	if (gate == NULL)
		return;
	ask_upstream(run, gate, "server", &run->site->server);
	ask_upstream(run, gate, "no server", &run->site->house.device);
	ask_upstream(run, gate, "stranger", &run->site->self);
	trust_gate_close(gate);
}

static void
tell_crl(void *arg, const struct trust_gate_crl *crl)
{
	struct run *run = arg;

	give_answer(run, crl->id, false, "state %d", (int)crl->state);
}

static void
takes_the_bundle(struct run *run)
{
	const struct trust_gate_crl_visitor visitor = {tell_crl, run};
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct trust_buf out = {0};
	bool taken;

	if (gate == NULL)
		return;
	taken = trust_gate_take_bundle(gate, &out);
	give_answer(run, "bundle", taken, "%zu octets", out.len);
	trust_buf_free(&out);
	trust_gate_check_crls(gate, NOW + 2 * DAY_S, &visitor);
	trust_gate_close(gate);
	if (taken)
		return;
	/* Which record was taken for a damaged one, the next start tells. */
	fault_pause();
	gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	if (gate != NULL)
		(void)trust_gate_follow(gate, &deaf);
	if (gate == NULL || !trust_gate_take_bundle(gate, &out))
		tell_wrong("the bundle is never taken");
	trust_buf_free(&out);
	trust_gate_close(gate);
	fault_resume();
}

const struct scenario gate_scenarios[] = {
    {"gate_opens", opens, check_untouched},
    {"decides_by_pins", decides_by_pins, check_untouched},
    {"decides_by_chain", decides_by_chain, check_untouched},
    {"decides_by_crls", decides_by_crls, check_untouched},
    {"decides_by_group", decides_by_group, check_untouched},
    {"follows", follows, NULL},
    {"follows_crls", follows_crls, NULL},
    {"follows_groups", follows_groups, NULL},
    {"recalls", recalls, NULL},
    {"compiles_topics", compiles_topics, check_untouched},
    {"explains_topics", explains_topics, check_untouched},
    {"explains", explains, check_untouched},
    {"opens_psk", opens_psk, check_untouched},
    {"decides_upstream", decides_upstream, check_untouched},
    {"takes_the_bundle", takes_the_bundle, check_untouched},
    {NULL, NULL, NULL},
};
