/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate whose files are damaged while it uses them, table by table and column
 * by column: it answers or says why not, and lets no stranger in.
 */
#include "gate_house.h"
#include "wound.h"

#include "gate_enroll.h"

#define TOKEN                                                                 \
	"{\"kind\":\"token\",\"id\":\"t-1\",\"secret_sha256\":\""             \
	"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\"," \
	"\"device\":\"temp-03\",\"gateway\":\"gw1\",\"uses\":1,"              \
	"\"expires\":\"2030-01-01T00:00:00Z\"}"

static void
ignore_device(void *arg, const char *device)
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
ignore_crl(void *arg, const struct trust_gate_crl *crl)
{
	(void)arg;
	(void)crl;
}

/* Who comes in is remembered, has rules, and leaves. */
static void
come_and_go(struct house *h, struct trust_admission *admission)
{
	struct trust_access *access = NULL;
	bool any;

	if (admission == NULL)
		return;
	(void)!trust_gate_access(h->gate, admission, "temp-03", &access, NULL);
	trust_access_free(access);
	(void)!trust_gate_pin(h->gate, admission, &any, NULL);
	(void)!trust_gate_finish_enrollment(h->gate, admission, &any, NULL);
	(void)trust_gate_remember_device(h->gate, admission);
	trust_gate_note_seen(h->gate, admission, "127.0.0.1", NOW);
	(void)review(h, admission, NOW);
	trust_admission_free(admission);
}

static void
decide(struct house *h)
{
	struct trust_admission *admission = NULL;
	struct trust_newcomer newcomer;
	struct trust_verdict verdict;
	STACK_OF(X509) *anchors = NULL;

	(void)ask(h, &h->device, true, NOW, &admission);
	come_and_go(h, admission);
	admission = NULL;
	(void)ask(h, &h->pinned, false, NOW, &admission);
	come_and_go(h, admission);
	trust_gate_decide_newcomer(
	    h->gate, "token:t-1", "secret", NOW, &newcomer, &verdict);
	trust_verdict_clear(&verdict);
	trust_gate_decide_upstream(
	    h->gate, h->stranger.certificate, NULL, NOW, &verdict, &anchors);
	assert_int_not_equal(verdict.outcome, TRUST_ALLOW);
	trust_verdict_clear(&verdict);
	sk_X509_pop_free(anchors, X509_free);
}

static void
look(struct house *h)
{
	struct trust_gate_device v[4];
	struct trust_gate_status status;
	struct trust_access *access = NULL;
	struct trust_verdict verdict;
	size_t n;

	(void)!trust_gate_list_devices(h->gate, "", v, 4, &n, NULL);
	(void)!trust_gate_list_anchor(h->gate, "root", "", v, 4, &n, NULL);
	(void)!trust_gate_list_ending(
	    h->gate, NOW + 9 * DAY_S, 0, v, 4, &n, NULL);
	(void)!trust_gate_find_device(h->gate, "temp-03", v, NULL);
	trust_gate_explain_device(h->gate, "temp-03", NOW, &verdict, NULL);
	trust_verdict_clear(&verdict);
	if (trust_gate_access_by_name(
		h->gate, "temp-03", "temp-03", &access, NULL) == TRUST_OK)
		trust_access_free(access);
	(void)trust_gate_is_bridge(h->gate, "bridge");
	(void)trust_gate_is_device(h->gate, "temp-03");
	trust_gate_get_status(h->gate, NOW, &status);
	(void)trust_gate_check_age(h->gate, NOW);
}

static void
change(struct house *h)
{
	struct trust_block_change blocks[] = {
	    {.device = "temp-07", .block = true},
	    {.device = "temp-08", .block = false},
	};
	struct trust_thumbprint key = {{7}};

	(void)!trust_gate_change_blocks(h->gate, blocks, 2, NULL);
	(void)!trust_gate_renew_pin(h->gate, "temp-03", &key, NULL);
	(void)!trust_gate_unpin(h->gate, "temp-03", NULL);
	trust_gate_remember_bridge(h->gate, "bridge");
	trust_gate_store_seen(h->gate, NOW + DAY_S);
}

static void
follow(struct house *h)
{
	struct trust_gate_visitor visitor = {
	    .device = ignore_device, .ground = ignore_ground};
	struct trust_gate_crl_visitor crls = {.tell = ignore_crl};
	struct trust_buf bundle = {0};

	for (int i = 0; i < 3; i++)
		(void)trust_gate_follow(h->gate, &visitor);
	trust_gate_check_crls(h->gate, NOW, &crls);
	if (trust_gate_take_bundle(h->gate, &bundle))
		trust_buf_free(&bundle);
}

/* All that a gateway does with its gate. */
static void
use(struct house *h)
{
	struct trust_admission *admission;

	if (h->gate == NULL)
		return;
	follow(h);
	decide(h);
	look(h);
	change(h);
	/* The chain is good, and the group wants a record. */
	(void)ask(h, &h->stranger, true, NOW, &admission);
	assert_null(admission);
}

static void
reopen(struct house *h)
{
	struct trust_gate_config config = {
	    .gateway = "gw1",
	    .registry_path = h->scratch->path,
	    .remember = true,
	};

	trust_gate_close(h->gate);
	h->gate = NULL;
	if (trust_gate_open(&config, &h->gate, NULL) != TRUST_OK)
		assert_null(h->gate);
}

/* With `while_open` the gate has the files open already. */
static void
hurt_each(struct house *h, const char *suffix, bool while_open)
{
	struct whole registry, local;
	char path[sizeof(registry.path)];
	bool more = true;

	put(h, TOKEN);
	use(h);
	trust_gate_close(h->gate);
	h->gate = NULL;
	whole_keep(&registry, h->scratch->path, "");
	whole_keep(&local, h->scratch->path, ".local");
	(void)snprintf(path, sizeof(path), "%s%s", h->scratch->path, suffix);
	for (int i = 0; more; i++) {
		whole_restore(&registry);
		whole_restore(&local);
		if (while_open) {
			reopen(h);
			use(h);
		}
		more = wound(path, i);
		if (!while_open)
			reopen(h);
		use(h);
		trust_gate_close(h->gate);
		h->gate = NULL;
	}
	free(registry.p);
	free(local.p);
}

static void
a_registry_in_use(void **state)
{
	hurt_each(*state, "", true);
}

static void
a_registry_at_start(void **state)
{
	hurt_each(*state, "", false);
}

static void
a_memory_in_use(void **state)
{
	hurt_each(*state, ".local", true);
}

static void
a_memory_at_start(void **state)
{
	hurt_each(*state, ".local", false);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_registry_in_use),
	    TEST(a_registry_at_start),
	    TEST(a_memory_in_use),
	    TEST(a_memory_at_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
