/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a gateway remembers by itself, while calls fail under it: blocks, first
 * keys, uses of tokens, who was here. What was said to be done is done.
 */
#include "scenario.h"

#include "enroll_response.h"
#include "gate_enroll.h"

#define SECRET "correct-horse-battery-staple-of-256-bits-xx"

static bool
was_yes(const struct run *run, const char *name)
{
	const struct answer *answer = find_answer(run, name);

	return answer != NULL && answer->yes;
}

/* Nothing fails any more, and the gateway was started anew. */
static struct trust_gate *
open_again(struct run *run)
{
	struct trust_gate_config config = {.gateway = "gw1",
	    .registry_path = run->site->house.scratch->path,
	    .remember = true};
	struct trust_message msg = {0};
	struct trust_gate *gate = NULL;

	check_untouched(run);
	if (trust_gate_open(&config, &gate, &msg) != TRUST_OK)
		tell_wrong("%s", msg.text);
	return gate;
}

static enum trust_reason
ask_again(
    struct run *run, struct trust_gate *gate, const struct trust_pair *who)
{
	struct trust_admission *admission;
	struct trust_verdict verdict;
	enum trust_reason reason;

	trust_gate_decide(gate, who->certificate, run->site->sent, NOW,
	    &verdict, &admission, NULL);
	reason = verdict.reason;
	trust_verdict_clear(&verdict);
	trust_admission_free(admission);
	return reason;
}

/* Of two answers of a gate one is right. */
static void
want_reason(enum trust_reason is, enum trust_reason one, enum trust_reason two)
{
	if (is != one && is != two)
		tell_wrong("afterwards: %s; want %s or %s",
		    trust_reason_name(is), trust_reason_name(one),
		    trust_reason_name(two));
}

/* ---- Blocks ---- */

static void
blocks(struct run *run)
{
	struct trust_block_change changes[] = {
	    {.device = "temp-03", .block = true},
	    {.device = "pinned", .block = true},
	};
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct trust_message msg = {0};

	if (gate == NULL)
		return;
	answer_done(run, "block",
	    trust_gate_change_blocks(gate, changes, 2, &msg), &msg);
	/* Who is blocked stays out, however little is left. */
	if (was_yes(run, "block"))
		trust_admission_free(
		    ask_gate(run, gate, "pinned", &run->site->house.pinned));
	trust_gate_close(gate);
}

static void
check_blocks(struct run *run)
{
	struct trust_gate *gate = open_again(run);
	enum trust_reason pinned, device;

	if (gate == NULL)
		return;
	pinned = ask_again(run, gate, &run->site->house.pinned);
	device = ask_again(run, gate, &run->site->house.device);
	want_reason(pinned, TRUST_REASON_BLOCKED_LOCALLY,
	    was_yes(run, "block") ? TRUST_REASON_BLOCKED_LOCALLY
				  : TRUST_REASON_THUMBPRINT_MATCH);
	if ((pinned == TRUST_REASON_BLOCKED_LOCALLY) !=
	    (device == TRUST_REASON_BLOCKED_LOCALLY))
		tell_wrong("one of two is blocked");
	trust_gate_close(gate);
}

/* ---- First keys ---- */

static void
pins(struct run *run)
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct trust_admission *admission;
	struct trust_message msg = {0};
	bool news;

	if (gate == NULL)
		return;
	fault_pause();
	admission = ask_gate(run, gate, "before", &run->site->yard);
	fault_resume();
	if (admission != NULL) {
		answer_done(run, "pin",
		    trust_gate_pin(gate, admission, &news, &msg), &msg);
		trust_gate_note_seen(gate, admission, "10.0.0.5", NOW);
		(void)trust_gate_remember_device(gate, admission);
		trust_gate_store_seen(gate, NOW + DAY_S);
	}
	trust_admission_free(admission);
	trust_gate_close(gate);
}

/* Another key of that name is let in only while none is remembered. */
static void
check_pins(struct run *run)
{
	static struct trust_pair other;
	struct trust_gate *gate = open_again(run);

	if (gate == NULL)
		return;
	if (other.certificate == NULL)
		make(&other, TRUST_PROFILE_DEVICE, "yard-1",
		    &run->site->yard_root);
	want_reason(ask_again(run, gate, &other),
	    TRUST_REASON_THUMBPRINT_MISMATCH,
	    was_yes(run, "pin") ? TRUST_REASON_THUMBPRINT_MISMATCH
				: TRUST_REASON_CHAIN_ENROLLED);
	want_reason(ask_again(run, gate, &run->site->yard),
	    TRUST_REASON_CHAIN_ENROLLED, TRUST_REASON_CHAIN_ENROLLED);
	trust_gate_close(gate);
}

/* ---- Enrollment ---- */

static void
answer_newcomer(
    struct run *run, const char *name, struct trust_verdict *verdict)
{
	give_answer(run, name, verdict->outcome == TRUST_ALLOW, "%s",
	    verdict->outcome == TRUST_ALLOW
		? "welcome"
		: trust_reason_name(verdict->reason));
	if (verdict->outcome != TRUST_ALLOW && verdict->detail[0] == '\0')
		tell_wrong("%s: a denial without a detail", name);
	trust_verdict_clear(verdict);
}

static void
ask_newcomer(struct run *run, struct trust_gate *gate, const char *name,
    const char *secret, struct trust_newcomer *newcomer)
{
	struct trust_verdict verdict;

	trust_gate_decide_newcomer(
	    gate, "token:t-1", secret, NOW, newcomer, &verdict);
	answer_newcomer(run, name, &verdict);
}

static void
ask_request(struct run *run, struct trust_gate *gate, const char *name,
    const struct trust_enroll_asker *asker, struct trust_span bytes)
{
	struct trust_enrollment enrollment;
	struct trust_verdict verdict;

	trust_gate_decide_request(
	    gate, asker, bytes, NOW, &enrollment, &verdict);
	if (verdict.outcome == TRUST_ALLOW &&
	    (strcmp(enrollment.device, "temp-03") != 0 ||
		enrollment.request.pem.len == 0))
		tell_wrong("%s: another enrollment", name);
	answer_newcomer(run, name, &verdict);
	trust_enrollment_clear(&enrollment);
}

static void
enrolls(struct run *run)
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct trust_newcomer newcomer = {0}, other = {0};
	const struct trust_enroll_asker asker = {.newcomer = &newcomer};
	struct trust_access *access = NULL;

	if (gate == NULL)
		return;
	ask_newcomer(run, gate, "wrong token", "guess", &other);
	ask_newcomer(run, gate, "token", SECRET, &newcomer);
	if (was_yes(run, "token")) {
		answer_done(run, "rules",
		    trust_gate_newcomer_access(gate, &newcomer, &access), NULL);
		ask_request(run, gate, "no request", &asker,
		    trust_span_of("-----BEGIN NONSENSE-----"));
		ask_request(run, gate, "request", &asker,
		    trust_buf_get0(&run->site->request));
	}
	trust_access_free(access);
	trust_gate_close(gate);
}

/* The token's one use is spent on this key or not at all. */
static void
check_enrollment(struct run *run)
{
	struct trust_gate *gate = open_again(run);
	struct trust_newcomer newcomer = {0};
	const struct trust_enroll_asker asker = {.newcomer = &newcomer};
	struct run again = {.site = run->site};

	if (gate == NULL)
		return;
	ask_newcomer(&again, gate, "token", SECRET, &newcomer);
	ask_request(&again, gate, "request", &asker,
	    trust_buf_get0(&run->site->request));
	if (!was_yes(&again, "token") || !was_yes(&again, "request"))
		tell_wrong("the same request is refused later");
	trust_gate_close(gate);
}

static void
finishes_enrollment(struct run *run)
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	struct trust_newcomer newcomer = {0};
	const struct trust_enroll_asker asker = {.newcomer = &newcomer};
	struct trust_enroll_response response = {0};
	struct trust_admission *admission;
	struct trust_message msg = {0};
	bool any = false;

	if (gate == NULL)
		return;
	fault_pause();
	ask_newcomer(run, gate, "token", SECRET, &newcomer);
	ask_request(
	    run, gate, "request", &asker, trust_buf_get0(&run->site->request));
	admission = ask_gate(run, gate, "before", &run->site->house.device);
	fault_resume();
	answer_done(run, "response",
	    trust_enroll_response_read(
		trust_buf_get0(&run->site->response), &response, &msg),
	    &msg);
	msg.text[0] = '\0';
	if (admission != NULL)
		answer_done(run, "finish",
		    trust_gate_finish_enrollment(gate, admission, &any, &msg),
		    &msg);
	trust_admission_free(admission);
	trust_gate_close(gate);
}

/* What is finished is not open again. */
static void
check_finished(struct run *run)
{
	struct trust_gate *gate = open_again(run);
	struct trust_newcomer newcomer = {0};
	struct run again = {.site = run->site};

	if (gate == NULL)
		return;
	ask_newcomer(&again, gate, "token", SECRET, &newcomer);
	if (was_yes(run, "finish") && was_yes(&again, "token"))
		tell_wrong("a token that was finished is good once more");
	trust_gate_close(gate);
}

/* ---- Who was here ---- */

static void
lists_devices(struct run *run)
{
	struct trust_gate *gate = open_gate(run, TRUST_REVOCATION_IF_PRESENT);
	static struct trust_gate_device v[8];
	struct trust_message msg = {0};
	enum trust_err r;
	size_t n = 0;

	if (gate == NULL)
		return;
	r = trust_gate_list_devices(gate, "", v, 8, &n, &msg);
	if (r == TRUST_OK)
		give_answer(run, "list", true, "%zu", n);
	r = trust_gate_list_ending(gate, NOW + 2 * DAY_S, 0, v, 8, &n, &msg);
	if (r == TRUST_OK)
		give_answer(run, "ending", true, "%zu", n);
	r = trust_gate_list_anchor(gate, "root", "", v, 8, &n, &msg);
	if (r == TRUST_OK)
		give_answer(run, "anchor", true, "%zu", n);
	r = trust_gate_find_device(gate, "temp-06", &v[0], &msg);
	if (r == TRUST_OK)
		give_answer(
		    run, "find", true, "%d %d", v[0].registered, v[0].enabled);
	r = trust_gate_check_device(gate, "temp-03", &msg);
	answer_done(run, "check", r, &msg);
	/* Errors count as yes: others do not get a device's client id. */
	if (!trust_gate_is_device(gate, "temp-03"))
		tell_wrong("a device is taken for none");
	trust_gate_close(gate);
}

const struct scenario local_scenarios[] = {
    {"blocks", blocks, check_blocks},
    {"pins", pins, check_pins},
    {"enrolls", enrolls, check_enrollment},
    {"finishes_enrollment", finishes_enrollment, check_finished},
    {"lists_devices", lists_devices, check_untouched},
    {NULL, NULL, NULL},
};
