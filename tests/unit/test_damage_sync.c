/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An origin and a replica whose files are damaged while they use them, table
 * by table and column by column: no crash, and what a replica holds in the end
 * it holds with the state that was signed, or it says that it does not.
 */
#include "replica_gateway.h"
#include "wound.h"

#include "publication_upkeep.h"

/* ---- The replica ---- */

/* What comes on its way, whether or not it can be taken. */
static void
deliver(struct gateway *g)
{
	struct trust_buf der = origin_publish(g->origin);
	struct trust_message msg = {0};

	(void)!trust_replica_notify(
	    g->replica, trust_buf_get0(&der), g->now, &msg);
	trust_buf_free(&der);
	for (int i = 0; i < 20; i++) {
		struct trust_request request = g->request;
		size_t n = g->has_request ? request.n_want : 0;

		g->has_request = false;
		g->n_pending = 0;
		for (size_t k = 0; k < n; k++)
			(void)!trust_replica_receive(g->replica,
			    origin_get_part(g->origin, &request.want[k]),
			    g->now, &msg);
		g->now += 30;
		(void)!trust_replica_tick(g->replica, g->now, &msg);
	}
}

static void
open_again(struct gateway *g)
{
	if (g->replica != NULL)
		close_gateway(g);
	g->n_pending = 0;
	if (try_open(g) != TRUST_OK)
		assert_null(g->replica);
}

/* To the newest state, by deltas, and then by the snapshot. */
static void
go_on(struct gateway *g)
{
	struct trust_message msg = {0};

	if (g->replica == NULL)
		return;
	deliver(g);
	g->n_applied = 0;
	if (trust_replica_resync(g->replica, g->now, &msg) != TRUST_OK)
		return;
	deliver(g);
	if (g->n_applied > 0)
		assert_holds(g, 3);
}

/* Serial 1 is held, parts of the way to 3 are there or wanted. */
static void
begin(struct gateway *g)
{
	begin_with(g, 4);
	origin_put_devices(g->origin, 4, 6, 0);
	origin_commit(g->origin);
	origin_put_devices(g->origin, 1, 3, 7);
	origin_remove_devices(g->origin, 0, 1);
	origin_commit(g->origin);
	publish(g);
	assert_true(g->has_request);
	send_part(g, &g->request.want[0]);
	close_gateway(g);
}

static void
hurt_each(struct gateway *g, const char *suffix, bool while_open)
{
	static const char *const suffixes[] = {"", ".local", ".staging"};
	struct whole files[3];
	char path[sizeof(files[0].path)];
	bool more = true;

	begin(g);
	for (size_t i = 0; i < 3; i++)
		whole_keep(&files[i], g->scratch->path, suffixes[i]);
	(void)snprintf(path, sizeof(path), "%s%s", g->scratch->path, suffix);
	for (int i = 0; more; i++) {
		for (size_t k = 0; k < 3; k++)
			whole_restore(&files[k]);
		g->now = NOW;
		if (while_open)
			open_again(g);
		more = wound(path, i);
		if (!while_open)
			open_again(g);
		go_on(g);
		if (g->replica != NULL)
			close_gateway(g);
	}
	for (size_t i = 0; i < 3; i++)
		free(files[i].p);
}

static void
a_replica_in_use(void **state)
{
	hurt_each(*state, "", true);
}

static void
a_replica_at_start(void **state)
{
	hurt_each(*state, "", false);
}

static void
a_memory_in_use(void **state)
{
	hurt_each(*state, ".local", true);
}

static void
staging_in_use(void **state)
{
	hurt_each(*state, ".staging", true);
}

static void
staging_at_start(void **state)
{
	hurt_each(*state, ".staging", false);
}

/* ---- The origin ---- */

static enum trust_err
count_line(void *arg, const char *id, struct trust_span line)
{
	(void)id;
	(void)line;
	(*(int *)arg)++;
	return TRUST_OK;
}

static void
change(struct trust_registry *registry)
{
	struct trust_record *record = NULL;
	enum trust_err r;

	assert_int_equal(
	    trust_record_parse(
		trust_span_of("{\"kind\":\"device\",\"id\":\"new\",\"auth\":"
			      "{\"type\":\"ca\",\"group\":\"plant\"}}"),
		&record, NULL),
	    TRUST_OK);
	if (trust_registry_begin(registry, NULL) == TRUST_OK) {
		r = trust_registry_put(registry, record, 1, NULL);
		if (r == TRUST_OK)
			r = trust_registry_remove(
			    registry, TRUST_KIND_DEVICE, "dev-2", NULL);
		if (r != TRUST_OK ||
		    trust_registry_commit(registry, NULL) != TRUST_OK)
			trust_registry_rollback(registry);
	}
	trust_record_free(record);
}

static void
sign(struct trust_registry *registry, X509 *signer, int64_t now)
{
	const struct trust_publication_input in = {
	    .scope = "gw1",
	    .session = SESSION_1,
	    .this_update = now,
	    .next_update = now + DAY_S,
	};
	struct trust_notification *n = NULL;
	struct trust_buf part = {0};

	(void)!trust_registry_note_signers(registry, "gw1", &signer, 1, NULL);
	(void)!trust_publication_upkeep_run(registry, "gw1", NULL);
	if (trust_publication_update(registry, &in, &n, NULL) != TRUST_OK ||
	    n == NULL)
		return;
	/* What is named can be had, or is known to be lost. */
	for (size_t i = 0; i < n->snapshot.n; i++) {
		if (trust_publication_part(registry, "gw1",
			&n->snapshot.v[i].sha256, &part, NULL) == TRUST_OK)
			trust_buf_free(&part);
	}
	trust_notification_free(n);
}

static void
work(struct trust_registry *registry, X509 *signer, int64_t now)
{
	struct trust_registry_info info;
	int64_t generation;
	int n = 0;

	change(registry);
	sign(registry, signer, now);
	(void)!trust_registry_get_info(registry, &info, NULL);
	(void)!trust_registry_get_generation(registry, &generation, NULL);
	for (int kind = TRUST_KIND_FIRST; kind <= TRUST_KIND_LAST; kind++)
		(void)!trust_registry_list(
		    registry, (enum trust_kind)kind, count_line, &n, NULL);
	trust_registry_checkpoint(registry);
}

static void
an_origin_in_use(void **state)
{
	struct gateway *g = *state;
	X509 *signer = g->origin->signers[0].certificate;
	struct trust_registry *registry;
	struct whole file;
	bool more = true;

	close_gateway(g);
	scratch_count(g->scratch, true);
	scratch_create(g->scratch);
	registry = scratch_open(g->scratch, TRUST_REGISTRY_WRITE);
	for (int i = 0; i < 4; i++) {
		char line[256];

		(void)snprintf(line, sizeof(line),
		    "{\"kind\":\"device\",\"id\":\"dev-%d\",\"auth\":"
		    "{\"type\":\"key\",\"pins\":[\"%064x\"]}}",
		    i, i + 1);
		assert_int_equal(
		    trust_registry_begin(registry, NULL), TRUST_OK);
		assert_int_equal(
		    scratch_put(registry, line, 1, &g->scratch->msg), TRUST_OK);
		assert_int_equal(
		    trust_registry_commit(registry, NULL), TRUST_OK);
		sign(registry, signer, NOW + i);
	}
	trust_registry_close(registry);
	whole_keep(&file, g->scratch->path, "");
	for (int i = 0; more; i++) {
		whole_restore(&file);
		registry = scratch_open(g->scratch, TRUST_REGISTRY_WRITE);
		more = wound(g->scratch->path, i);
		work(registry, signer, NOW + 60);
		trust_registry_close(registry);
		/* And by who comes later. */
		if (trust_registry_open(g->scratch->path, TRUST_REGISTRY_WRITE,
			&registry, NULL) != TRUST_OK)
			continue;
		work(registry, signer, NOW + 120);
		trust_registry_close(registry);
	}
	free(file.p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_replica_in_use),
	    TEST(a_replica_at_start),
	    TEST(a_memory_in_use),
	    TEST(staging_in_use),
	    TEST(staging_at_start),
	    TEST(an_origin_in_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
