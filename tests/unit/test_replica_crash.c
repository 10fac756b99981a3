/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The replica on a full disk, and killed at any instant: what is there is one
 * state that was published, whole, and it catches up.
 */
#include "replica_gateway.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

/* ---- A full disk ---- */

/* No file grows beyond this; SIZE_MAX: all may. */
static void
limit_files(rlim_t octets)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = octets;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Whatever can be done is done; errors are the machinery's. */
static int
follow_as_far_as_possible(struct gateway *g, const struct trust_buf *der)
{
	int n_errors = 0;

	n_errors += trust_replica_notify(g->replica, trust_buf_get0(der),
			g->now, NULL) != TRUST_OK;
	for (int i = 0; i < 20; i++) {
		struct trust_request request = g->request;

		for (size_t k = 0; g->has_request && k < request.n_want; k++)
			n_errors +=
			    trust_replica_receive(g->replica,
				origin_get_part(g->origin, &request.want[k]),
				g->now, NULL) != TRUST_OK;
		g->has_request = false;
		g->now += 10;
		n_errors +=
		    trust_replica_tick(g->replica, g->now, NULL) != TRUST_OK;
	}
	return n_errors;
}

static void
a_full_disk_changes_nothing(void **state)
{
	struct gateway *g = *state;
	struct trust_buf der;
	rlim_t limits[] = {16, 40, 64, 96, 128, 192, 256, 384};
	int n_errors = 0;

	(void)signal(SIGXFSZ, SIG_IGN);
	begin_with(g, 300);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		origin_put_devices(g->origin, 0, 300, 1u + (unsigned)i);
		origin_commit(g->origin);
		der = origin_publish(g->origin);
		limit_files(limits[i] * 1024);
		n_errors += follow_as_far_as_possible(g, &der);
		limit_files(RLIM_INFINITY);
		assert_holds(g, held_serial(g));
		trust_buf_free(&der);
	}
	assert_true(n_errors > 0);
	/* There is room again: it goes on by itself. */
	follow(g);
	tick(g, 600);
	assert_holds(g, g->origin->serial);
	(void)signal(SIGXFSZ, SIG_DFL);
}

/* ---- Crashes ---- */

#define CRASHES      100
#define CRASH_SERIES 3 /* serials that come between two crashes */

/* In another process, which does not come to its end: take what is new. */
static void
run_until_killed(struct gateway *g)
{
	open_gateway(g);
	follow(g);
	for (;;)
		tick(g, 1);
}

static void
let_live(long microseconds, pid_t pid)
{
	struct timespec wait = {.tv_nsec = microseconds * 1000};
	int status;

	(void)nanosleep(&wait, NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void
change_at_random(struct origin *o, unsigned *seed)
{
	for (int i = 0; i < CRASH_SERIES; i++) {
		int at = rand_r(seed) % 250;

		origin_put_devices(o, at, at + 50, (unsigned)rand_r(seed) | 1);
		at = rand_r(seed) % (int)o->records.n;
		origin_remove(o, o->records.v[at].kind, o->records.v[at].id);
		if (o->serial + 2 < ORIGIN_SERIALS_MAX)
			origin_commit(o);
	}
	/* Every other time by snapshot. */
	if (rand_r(seed) % 2 == 0)
		o->first_delta = o->serial + 1;
	else if (o->first_delta > o->snapshot + 1)
		o->first_delta = o->snapshot + 1;
	if (o->first_delta == o->serial + 1)
		o->snapshot = o->serial;
}

static void
killed_at_any_instant_it_is_one_whole_state(void **state)
{
	struct gateway *g = *state;
	int n_old = 0, n_new = 0;
	unsigned seed = 20261120;
	int range = 40000; /* microseconds; it finds this machine's */

	begin_with(g, 300);
	g->origin->mass_removal = true;
	close_gateway(g);
	for (int i = 0; i < CRASHES; i++) {
		long wait = rand_r(&seed) % range;
		pid_t pid;

		if (i % 2 == 0)
			change_at_random(g->origin, &seed);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			run_until_killed(g);
		let_live(wait, pid);
		open_gateway(g);
		assert_holds(g, held_serial(g));
		if (held_serial(g) == g->origin->serial) {
			n_new++;
			range = range * 7 / 8 + 100;
		} else {
			n_old++;
			range = range * 9 / 8;
		}
		if (i % 10 == 9) {
			follow(g);
			tick(g, 1);
			answer_all(g);
			assert_holds(g, g->origin->serial);
		}
		close_gateway(g);
	}
	/* The instants were before and after. */
	assert_true(n_old > CRASHES / 10 && n_new > CRASHES / 10);
	open_gateway(g);
	assert_int_equal(g->n_refused, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_full_disk_changes_nothing),
	    TEST(killed_at_any_instant_it_is_one_whole_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
