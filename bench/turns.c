/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a broker: how long the turns of its main loop take, by the
 * CPU time of its thread from the end of one epoll_wait(2) to the next, so
 * that neighbours on the machine count for nothing. A tick of a plugin is part
 * of a turn, and so is whatever else the broker has to do in it.
 *
 * The file that BENCH_TURNS names holds one counter of 64 bits for each 50 us,
 * the last for all that take longer; whoever wants to know maps it, too. It
 * does so six times. Every five seconds Mosquitto looks at the keep alive of
 * all clients, in the first turn that begins within a second of its clock: the
 * first turn of a second counts by that second modulo 5, and in the sixth part
 * are the others.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define STEP_NS  50000
#define COUNTERS 2001
#define PERIOD_S 5

typedef int wait_function(int, struct epoll_event *, int, int);

static wait_function *real;
static uint64_t *counters;      /* NULL: nobody wants to know */
static int64_t woken_ns;        /* 0: not yet */
static int64_t second;          /* of the present turn */
static int64_t part = PERIOD_S; /* that it counts in */

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
set_up(void)
{
	const size_t len = (PERIOD_S + 1) * COUNTERS * sizeof(*counters);
	const char *path = getenv("BENCH_TURNS");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map = MAP_FAILED;

	/* POSIX has it that a function's address fits. */
	*(void **)&real = dlsym(RTLD_NEXT, "epoll_wait");
	if (fd >= 0 && ftruncate(fd, (off_t)len) == 0)
		map =
		    mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		counters = map;
	if (fd >= 0)
		(void)close(fd);
}

static void
count(int64_t took_ns)
{
	int64_t i = took_ns / STEP_NS;

	counters[part * COUNTERS + (i < COUNTERS ? i : COUNTERS - 1)]++;
}

/* By the clock that Mosquitto looks at next. */
static void
begin(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	part = t.tv_sec != second ? t.tv_sec % PERIOD_S : PERIOD_S;
	second = t.tv_sec;
	woken_ns = now_ns();
}

__attribute__((visibility("default"))) int
epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	int n;

	if (real == NULL)
		set_up();
	if (counters != NULL && woken_ns != 0)
		count(now_ns() - woken_ns);
	n = real(fd, events, max, timeout);
	begin();
	return n;
}
