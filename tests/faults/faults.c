/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What policy/ calls fails, one call after another:
 *
 *     faults           the names of the scenarios, one a line
 *     faults SCENARIO  run it: first with nothing failing, then for each place
 *                      in policy/ that calls something with one of its calls
 *                      failing, and with that one and all after it
 *
 * TRUST_FAULTS=N is for N calls of each place instead of one or two;
 * TRUST_FAULTS=all for every single one.
 *
 * A fault may turn a yes into a no with a reason, never a no into a yes, nor a
 * yes into another one. Afterwards nothing is held that was not before, and
 * the registry is whole.
 */
#include "scenario.h"

#include <signal.h>

static const struct scenario *const tables[] = {gate_scenarios, local_scenarios,
    registry_scenarios, sync_scenarios, chain_scenarios};

/* What is being done, for whoever reads of a crash. */
static struct {
	const struct scenario *scenario;
	enum fault_mode mode;
	size_t at;
	unsigned seed;
} trial;

static void
tell_trial(void)
{
	char text[200];
	const char *failed = fault_get0_failed();
	int len = snprintf(text, sizeof(text), "%s: call %zu%s (%s), seed %u\n",
	    trial.scenario->name, trial.at,
	    trial.mode == FAULT_FROM ? " and all after it" : "",
	    failed == NULL ? "none failed" : failed, trial.seed);

	(void)!write(STDERR_FILENO, text, (size_t)len);
}

#ifndef __SANITIZE_ADDRESS__
static void
on_crash(int number)
{
	(void)signal(number, SIG_DFL);
	tell_trial();
	(void)raise(number);
}
#endif

static unsigned n_wrong;

void
tell_wrong(const char *format, ...)
{
	va_list args;

	tell_trial();
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fputc('\n', stderr);
	n_wrong++;
}

/* ---- Answers ---- */

void
give_answer(
    struct run *run, const char *name, bool yes, const char *format, ...)
{
	struct answer *answer = &run->v[run->n++];
	va_list args;

	if (run->n > ANSWERS_MAX)
		abort();
	snprintf(answer->name, sizeof(answer->name), "%s", name);
	answer->yes = yes;
	answer->sure = run->sure;
	va_start(args, format);
	(void)vsnprintf(answer->text, sizeof(answer->text), format, args);
	va_end(args);
}

void
answer_done(struct run *run, const char *name, enum trust_err r,
    const struct trust_message *msg)
{
	give_answer(run, name, r == TRUST_OK, "%s",
	    r == TRUST_OK             ? ""
	    : msg == NULL             ? "error"
	    : msg->text[0] != '\0'    ? msg->text
	    : r == TRUST_ERR_NOMEM    ? "out of memory"
	    : r == TRUST_ERR_INTERNAL ? "internal"
	    : r == TRUST_ERR_NOT_FOUND || r == TRUST_ERR_CONFLICT
		? "without a message"
		: "");
}

const struct answer *
find_answer(const struct run *run, const char *name)
{
	for (size_t i = 0; i < run->n; i++) {
		if (strcmp(run->v[i].name, name) == 0)
			return &run->v[i];
	}
	return NULL;
}

/* ---- One run ---- */

static void
do_run(struct site *site, struct run *run)
{
	*run = (struct run){.site = site};
	site_restore(site);
	fault_begin(trial.mode, trial.at, trial.seed);
	trial.scenario->act(run);
	fault_end();
	if (trial.scenario->check != NULL)
		trial.scenario->check(run);
}

static void
compare(const struct run *honest, const struct run *run)
{
	for (size_t i = 0; i < run->n; i++) {
		const struct answer *is = &run->v[i];
		const struct answer *was = find_answer(honest, is->name);
		bool same = was != NULL && is->yes == was->yes &&
			    strcmp(is->text, was->text) == 0;

		if (!is->yes && is->text[0] == '\0')
			tell_wrong("%s: no, without a reason", is->name);
		if ((is->yes || is->sure) && !same)
			tell_wrong("%s: %s, %s; want %s, %s", is->name,
			    is->yes ? "yes" : "no", is->text,
			    was != NULL && was->yes ? "yes" : "no",
			    was != NULL ? was->text : "");
	}
}

/* Whether more is held than before; what OpenSSL and SQLite keep they make
 * once. */
static bool
has_grown(const struct fault_held *before)
{
	struct fault_held held = fault_get_held();

	if (held.own != before->own)
		tell_wrong("%lld allocations more than before",
		    (long long)(held.own - before->own));
	return held.openssl > before->openssl || held.sqlite > before->sqlite;
}

static void
try(struct site *site, const struct run *honest)
{
	struct fault_held before;
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	for (int i = 0; i < 4; i++) {
		before = fault_get_held();
		do_run(site, run);
		compare(honest, run);
		if (!has_grown(&before))
			break;
		if (i == 3)
			tell_wrong("OpenSSL and SQLite hold more every time");
	}
	free(run);
}

/* ---- All of them ---- */

/* How many of a site's n calls are to fail. */
static size_t
choose(size_t n)
{
	const char *text = getenv("TRUST_FAULTS");
	size_t chosen = 1;

	if (text != NULL && strcmp(text, "all") == 0)
		return n;
	if (text != NULL)
		chosen = strtoul(text, NULL, 10);
	else
		while (chosen < 2 && n >> (2 * chosen) != 0)
			chosen++;
	return chosen < n ? chosen : n;
}

static void
fail_site(struct site *site, const struct run *honest, const size_t *calls,
    size_t n_calls, size_t which)
{
	size_t n = 0, chosen, seen = 0;

	for (size_t i = 0; i < n_calls; i++)
		n += calls[i] == which;
	chosen = choose(n);
	for (size_t i = 0; i < n_calls && chosen > 0; i++) {
		if (calls[i] != which)
			continue;
		/* Each of those left is as likely. */
		trial.seed = trial.seed * 1103515245 + 12345;
		if ((trial.seed >> 8) % (n - seen++) >= chosen)
			continue;
		chosen--;
		trial.at = i;
		trial.mode = FAULT_ONCE;
		try(site, honest);
		trial.mode = FAULT_FROM;
		if (getenv("TRUST_FAULTS") != NULL || i % 2 == 0)
			try(site, honest);
	}
}

static void
run_scenario(struct site *site)
{
	static struct run honest;
	const size_t *seen;
	size_t *calls, n_calls;

	trial.mode = FAULT_NEVER;
	/* Twice: what is made once and kept is there then. */
	do_run(site, &honest);
	do_run(site, &honest);
	for (size_t i = 0; i < honest.n; i++)
		printf("%s: %s, %s\n", honest.v[i].name,
		    honest.v[i].yes ? "yes" : "no", honest.v[i].text);
	n_calls = fault_get_calls(&seen);
	calls = calloc(n_calls + 1, sizeof(*calls));
	assert_non_null(calls);
	memcpy(calls, seen, n_calls * sizeof(*calls));
	printf("%zu calls from %zu places\n", n_calls, fault_n_sites());
	for (size_t which = 0; which < fault_n_sites() && n_wrong < 20; which++)
		fail_site(site, &honest, calls, n_calls, which);
	free(calls);
}

static void
list_scenarios(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (size_t k = 0; tables[i][k].name != NULL; k++)
			puts(tables[i][k].name);
	}
}

static const struct scenario *
find_scenario(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (size_t k = 0; tables[i][k].name != NULL; k++) {
			if (strcmp(tables[i][k].name, name) == 0)
				return &tables[i][k];
		}
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	static struct site site;

	fault_setup();
	if (argc != 2) {
		list_scenarios();
		return 0;
	}
	trial.scenario = find_scenario(argv[1]);
	if (trial.scenario == NULL) {
		fprintf(stderr, "%s: want one of:\n", argv[1]);
		list_scenarios();
		return 2;
	}
#ifndef __SANITIZE_ADDRESS__ /* which tells more */
	(void)signal(SIGABRT, on_crash);
	(void)signal(SIGSEGV, on_crash);
#endif
	site_open(&site);
	run_scenario(&site);
	site_close(&site);
	return n_wrong == 0 ? 0 : 1;
}
