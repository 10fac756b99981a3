/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sync thread, driven as a broker drives it: notifications and parts in
 * any order and with losses, a gate on the same registry beside it, and an end
 * in the middle of anything. ThreadSanitizer watches the same program.
 */
#include "replica_gateway.h"

#include <time.h>

#include "gate.h"

#include "../../plugin/plugin.h"

/* How many serials the origin has, and devices in the first. */
#define N_SERIALS 12
#define N_DEVICES 1000
/* Lives of the thread in the random test, and what happens in each at most. */
#define N_LIVES 60
#define N_STEPS 80
/* How long anything may take that has to come about, in milliseconds. */
#define PATIENCE_MS 120000

/* The broker's side. */
struct house {
	struct gateway *g; /* its replica is the thread's */
	struct trust_sync *sync;
	struct trust_gate *gate;
	/* Notifications by serial. */
	struct trust_buf signed_at[N_SERIALS + 1];
	uint64_t random;
	unsigned n_published;
	unsigned lost;  /* percent of the parts asked for */
	int64_t serial; /* that was reported last */
};

/* When the program began, in seconds. */
static time_t began;

/* A minute each second: who has to ask again does not make us wait. */
int64_t
trust_plugin_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return NOW + (t.tv_sec - began) * 60 + t.tv_nsec * 60 / 1000000000;
}

/* xorshift64: the same at every run, as far as threads allow. */
static unsigned
at_random(struct house *h, unsigned n)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return (unsigned)(h->random % n);
}

static void
wait_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

static int64_t
clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- What comes out of the thread ---- */

static void
answer_request(void *arg, struct trust_span json)
{
	struct house *h = arg;
	struct trust_request request;

	assert_int_equal(trust_request_parse(json, &request, NULL), TRUST_OK);
	for (size_t i = 0; i < request.n_want; i++) {
		if (at_random(h, 100) >= h->lost)
			(void)trust_sync_receive(h->sync,
			    origin_get_part(h->g->origin, &request.want[i]));
	}
}

static void
read_report(void *arg, struct trust_span json)
{
	struct house *h = arg;
	struct trust_report report;

	assert_int_equal(trust_report_parse(json, &report, NULL), TRUST_OK);
	assert_true(report.serial >= h->serial);
	h->serial = report.serial;
}

static void
read_applied(void *arg, const char *text)
{
	(void)arg;
	assert_true(text[0] != '\0');
}

static void
read_refused(void *arg, enum trust_sync_reason reason, const char *text)
{
	(void)arg;
	assert_in_range(reason, 1, TRUST_N_SYNC_REASONS - 1);
	assert_true(text[0] != '\0');
}

/* Refusals are to be expected, errors are not: not even while somebody else
 * reads, or when a life ends. */
static void
read_log(void *arg, enum trust_log_level level, const char *line)
{
	(void)arg;
	if (level == TRUST_LOG_ERROR)
		fail_msg("%s", line);
}

static void
drain(struct house *h)
{
	struct trust_sync_visitor visitor = {
	    .request = answer_request,
	    .report = read_report,
	    .applied = read_applied,
	    .refused = read_refused,
	    .log = read_log,
	    .arg = h,
	};

	trust_sync_drain(h->sync, &visitor);
}

/* ---- Set-up ---- */

static void
sign_serials(struct house *h)
{
	struct origin *o = h->g->origin;

	o->part_len = 4096;
	origin_put_devices(o, 0, N_DEVICES, 0);
	while (o->serial < N_SERIALS) {
		int i = (int)o->serial;

		origin_put_devices(o, N_DEVICES + i, N_DEVICES + i + 1, 0);
		origin_put_devices(o, i, i + 10, (unsigned)i);
		origin_commit(o);
		o->this_update++;
		h->signed_at[o->serial] = origin_publish(o);
	}
}

static int
house_setup(void **state)
{
	struct house *h = calloc(1, sizeof(*h));
	struct trust_gate_config config = {.gateway = "gw1", .remember = true};
	void *gateway = NULL;

	if (h == NULL || gateway_setup(&gateway) != 0)
		return -1;
	h->g = gateway;
	h->random = 88172645463325252U;
	close_gateway(h->g);
	sign_serials(h);
	config.registry_path = h->g->scratch->path;
	if (trust_gate_open(&config, &h->gate, NULL) != TRUST_OK)
		return -1;
	*state = h;
	return 0;
}

static int
house_teardown(void **state)
{
	struct house *h = *state;
	void *gateway = h->g;

	trust_sync_stop(h->sync);
	trust_gate_close(h->gate);
	for (int i = 0; i <= N_SERIALS; i++)
		trust_buf_free(&h->signed_at[i]);
	free(h);
	return gateway_teardown(&gateway);
}

static void
begin(struct house *h)
{
	struct trust_message *msg = &h->g->scratch->msg;

	if (trust_sync_start(&h->g->config, &h->sync, msg) != TRUST_OK)
		fail_msg("%s", msg->text);
	h->serial = 0;
}

static void
end(struct house *h)
{
	trust_sync_stop(h->sync);
	h->sync = NULL;
}

static void
tell(struct house *h, size_t serial)
{
	assert_true(
	    trust_sync_notify(h->sync, trust_buf_get0(&h->signed_at[serial])));
}

/* Answer what is asked for until a serial is reported. */
static void
wait_serial(struct house *h, int64_t serial)
{
	int64_t deadline = clock_ms() + PATIENCE_MS;

	while (h->serial < serial) {
		if (clock_ms() > deadline)
			fail_msg("serial %lld does not come, it is %lld",
			    (long long)serial, (long long)h->serial);
		drain(h);
		wait_ms(1);
	}
}

static int64_t
stored_serial(struct house *h)
{
	struct trust_registry_held held = {0};
	struct trust_registry *registry =
	    scratch_open(h->g->scratch, TRUST_REGISTRY_READ);

	assert_int_equal(
	    trust_registry_get_held(registry, &held, NULL), TRUST_OK);
	trust_registry_close(registry);
	return held.serial;
}

/* Whatever happened: what is on disk is one whole serial, and none before the
 * one that was there. */
static int64_t
assert_whole(struct house *h, int64_t before)
{
	int64_t serial = stored_serial(h);

	assert_true(serial >= before);
	assert_records(h->g, serial);
	return serial;
}

/* ---- The tests ---- */

static void
it_follows(void **state)
{
	struct house *h = *state;

	begin(h);
	for (size_t serial = 1; serial <= N_SERIALS; serial++) {
		tell(h, serial);
		wait_serial(h, (int64_t)serial);
	}
	end(h);
	assert_int_equal(assert_whole(h, 0), N_SERIALS);
}

static void
it_does_not_start_on_an_origin(void **state)
{
	struct house *h = *state;

	(void)scratch_count(h->g->scratch, true);
	scratch_create(h->g->scratch);
	assert_int_equal(trust_sync_start(&h->g->config, &h->sync, NULL),
	    TRUST_ERR_CONFLICT);
	assert_null(h->sync);
}

/* A life of so many microseconds, about. */
static void
live(struct house *h, int64_t us)
{
	const struct timespec moment = {0, 50000};

	begin(h);
	tell(h, N_SERIALS);
	for (int64_t t = 0; t < us; t += moment.tv_nsec / 1000) {
		(void)nanosleep(&moment, NULL);
		drain(h);
	}
	end(h);
}

/* Each life is a little longer than the one before, so that some end within
 * the check of the signature, the staging, the transaction, and so on. */
static void
stopped_at_any_moment(void **state)
{
	struct house *h = *state;
	int64_t held = 0;

	for (int64_t us = 50; held < N_SERIALS; us += 50 + us / 10) {
		assert_true(us < PATIENCE_MS * INT64_C(1000));
		live(h, us);
		held = assert_whole(h, held);
	}
}

/* The plugin asks its gate in the broker's thread, at every tick and for every
 * client. */
static void
ignore(void *arg, const char *device)
{
	(void)arg;
	(void)device;
}

static void
ignore_ground(void *arg, uint64_t ground)
{
	(void)arg;
	(void)ground;
}

static void
use_gate(struct house *h)
{
	const struct trust_gate_visitor nobody = {
	    .device = ignore, .ground = ignore_ground};
	struct trust_gate_status status;
	struct trust_verdict verdict;
	struct trust_admission *admission;
	X509 *leaf = h->g->origin->signers[0].certificate;

	(void)trust_gate_follow(h->gate, &nobody);
	trust_gate_get_status(h->gate, trust_plugin_now(), &status);
	assert_true(trust_gate_is_ready(h->gate));
	trust_gate_decide(h->gate, leaf, NULL, trust_plugin_now(), &verdict,
	    &admission, NULL);
	assert_null(admission);
	assert_int_not_equal(verdict.reason, TRUST_REASON_INTERNAL_ERROR);
	trust_verdict_clear(&verdict);
}

/* A part as a line in between may leave it: another octet, or cut off. */
static void
send_bad(struct house *h)
{
	const struct origin *o = h->g->origin;
	struct trust_span part =
	    trust_buf_get0(&o->parts[at_random(h, (unsigned)o->n_parts)].bytes);
	struct trust_buf bad = {0};

	assert_int_equal(
	    trust_buf_add(&bad, part.p, 1 + at_random(h, (unsigned)part.len)),
	    TRUST_OK);
	bad.p[at_random(h, (unsigned)bad.len)] ^= 1;
	if (at_random(h, 2) == 0)
		(void)trust_sync_receive(h->sync, trust_buf_get0(&bad));
	else
		(void)trust_sync_notify(h->sync, trust_buf_get0(&bad));
	trust_buf_free(&bad);
}

static void
step(struct house *h)
{
	const struct origin *o = h->g->origin;
	unsigned any = at_random(h, (unsigned)o->n_parts);

	switch (at_random(h, 8)) {
	case 0:
		tell(h, 1 + at_random(h, h->n_published));
		break;
	case 1:
		(void)trust_sync_receive(
		    h->sync, trust_buf_get0(&o->parts[any].bytes));
		break;
	case 2:
		send_bad(h);
		break;
	case 3:
		if (at_random(h, 10) == 0)
			(void)trust_sync_resync(h->sync);
		break;
	case 4:
		use_gate(h);
		break;
	case 5:
		wait_ms(at_random(h, 4));
		break;
	default:
		drain(h);
	}
}

static void
anything_in_any_order(void **state)
{
	struct house *h = *state;
	int64_t held = 0;

	h->lost = 30;
	for (int life = 0; life < N_LIVES; life++) {
		unsigned n = at_random(h, N_STEPS);

		h->n_published = 1 + (unsigned)life * N_SERIALS / N_LIVES;
		begin(h);
		while (n-- > 0)
			step(h);
		end(h);
		held = assert_whole(h, held);
	}
	h->lost = 0;
	begin(h);
	tell(h, N_SERIALS);
	wait_serial(h, N_SERIALS);
	use_gate(h);
	end(h);
	assert_int_equal(assert_whole(h, held), N_SERIALS);
}

#define HOUSE(name) \
	cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    HOUSE(it_follows),
	    HOUSE(it_does_not_start_on_an_origin),
	    HOUSE(stopped_at_any_moment),
	    HOUSE(anything_in_any_order),
	};

	began = (time_t)(clock_ms() / 1000);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
