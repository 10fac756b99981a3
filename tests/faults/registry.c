/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry's file while calls fail under it: read in full or not at all,
 * and whole afterwards, as it was or as it was to be.
 */
#include "scenario.h"

#include "content.h"

/* ---- Reading ---- */

static enum trust_err
count_line(void *arg, const char *id, struct trust_span line)
{
	size_t *len = arg;

	*len += strlen(id) + line.len;
	return TRUST_OK;
}

static void
count_change(void *arg, enum trust_kind kind, const char *id)
{
	size_t *n = arg;

	(*n)++;
}

static void
list_records(struct run *run, struct trust_registry *registry)
{
	struct trust_message msg = {0};
	char name[20];

	for (int kind = TRUST_KIND_FIRST; kind <= TRUST_KIND_LAST; kind++) {
		size_t len = 0;
		enum trust_err r = trust_registry_list(
		    registry, (enum trust_kind)kind, count_line, &len, &msg);

		snprintf(name, sizeof(name), "list %d", kind);
		if (r == TRUST_OK)
			give_answer(run, name, true, "%zu octets", len);
		else
			answer_done(run, name, r, &msg);
	}
}

static void
find_records(struct run *run, struct trust_registry *registry)
{
	struct trust_thumbprint thumbprint;
	struct trust_record *record = NULL;
	struct trust_message msg = {0};

	fault_pause();
	assert_int_equal(trust_certificate_thumbprint(
			     run->site->house.pinned.certificate, &thumbprint),
	    TRUST_OK);
	fault_resume();
	answer_done(run, "find",
	    trust_registry_find(
		registry, TRUST_KIND_DEVICE, "temp-03", &record, &msg),
	    &msg);
	trust_record_free(record);
	record = NULL;
	answer_done(run, "find thumbprint",
	    trust_registry_find_thumbprint(
		registry, &thumbprint, &record, &msg),
	    &msg);
	trust_record_free(record);
	record = NULL;
	answer_done(run, "find identity",
	    trust_registry_find_identity(registry, "one", &record, &msg), &msg);
	trust_record_free(record);
}

static void
reads(struct run *run)
{
	struct trust_registry *registry = NULL;
	struct trust_registry_info info;
	struct trust_message msg = {0};
	int64_t generation = 0;
	size_t n = 0;

	answer_done(run, "open",
	    trust_registry_open(run->site->house.scratch->path,
		TRUST_REGISTRY_READ, &registry, &msg),
	    &msg);
	if (registry == NULL)
		return;
	if (trust_registry_get_info(registry, &info, &msg) == TRUST_OK)
		give_answer(run, "info", true, "%lld devices",
		    (long long)info.n_records[TRUST_KIND_DEVICE]);
	if (trust_registry_get_generation(registry, &generation, &msg) ==
	    TRUST_OK)
		give_answer(
		    run, "generation", true, "%lld", (long long)generation);
	if (trust_registry_changes(registry, 2, count_change, &n, &msg) ==
	    TRUST_OK)
		give_answer(run, "changes", true, "%zu", n);
	if (trust_registry_begin_read(registry, &msg) == TRUST_OK) {
		list_records(run, registry);
		find_records(run, registry);
		trust_registry_end_read(registry);
	}
	trust_registry_close(registry);
}

/* ---- Writing ---- */

static const char *const changed[] = {
    "{\"kind\":\"device\",\"id\":\"new\",\"auth\":{\"type\":\"thumbprint\","
    "\"primary\":\"00000000000000000000000000000000"
    "00000000000000000000000000000001\"}}",
    "{\"kind\":\"role\",\"id\":\"sensor\",\"rules\":[]}",
    "{\"kind\":\"device\",\"id\":\"temp-06\",\"auth\":{\"type\":\"ca\","
    "\"group\":\"plant\"}}",
};

static void
change_records(struct run *run, struct trust_registry *registry)
{
	struct trust_message msg = {0};
	enum trust_err r = trust_registry_begin(registry, &msg);

	for (size_t i = 0; r == TRUST_OK && i < 3; i++) {
		struct trust_record *record = NULL;

		r = trust_record_parse(
		    trust_span_of(changed[i]), &record, &msg);
		if (r == TRUST_OK)
			r = trust_registry_put(registry, record, 0, &msg);
		trust_record_free(record);
	}
	if (r == TRUST_OK)
		r = trust_registry_remove(
		    registry, TRUST_KIND_DEVICE, "keyed", &msg);
	if (r == TRUST_OK)
		r = trust_registry_commit(registry, &msg);
	else
		trust_registry_rollback(registry);
	answer_done(run, "change", r, &msg);
}

static void
changes(struct run *run)
{
	struct trust_registry *registry = NULL;
	struct trust_message msg = {0};

	answer_done(run, "open",
	    trust_registry_open(run->site->house.scratch->path,
		TRUST_REGISTRY_WRITE, &registry, &msg),
	    &msg);
	if (registry == NULL)
		return;
	change_records(run, registry);
	trust_registry_checkpoint(registry);
	trust_registry_close(registry);
}

/* As it was, or as the first run, in which nothing failed, left it. */
static void
check_changed(struct run *run)
{
	static struct trust_buf after;
	const struct trust_buf *before = &run->site->dump;
	struct trust_buf is = dump_registry(run->site->house.scratch->path);
	const struct answer *answer = find_answer(run, "change");
	bool done = answer != NULL && answer->yes, old, new;

	if (after.p == NULL) {
		after = is;
		return;
	}
	old = is.len == before->len && memcmp(is.p, before->p, is.len) == 0;
	new = is.len == after.len &&memcmp(is.p, after.p, is.len) == 0;
	if (!new && (done || !old))
		tell_wrong("the registry is %s", old ? "as it was" : "another");
	trust_buf_free(&is);
}

static void
creates(struct run *run)
{
	struct trust_message msg = {0};

	fault_pause();
	(void)scratch_count(run->site->house.scratch, true);
	fault_resume();
	answer_done(run, "create",
	    trust_registry_create(
		run->site->house.scratch->path, TRUST_REGISTRY_ORIGIN, &msg),
	    &msg);
}

/* There is one, empty and good, or none. */
static void
check_created(struct run *run)
{
	const char *path = run->site->house.scratch->path;
	struct trust_buf is;

	if (access(path, F_OK) == 0) {
		is = dump_registry(path);
		if (is.len != 0)
			tell_wrong("a new registry has records");
		trust_buf_free(&is);
	} else if (find_answer(run, "create")->yes) {
		tell_wrong("there is no registry");
	}
}

/* ---- Signers ---- */

/* The registry without an anchor, which is given, and with a signer below it
 * noted instead. */
static struct trust_registry *
swap_anchor(struct run *run, struct trust_record **anchor)
{
	X509 *const signer = run->site->yard.certificate;
	struct trust_registry *registry =
	    scratch_open(run->site->house.scratch, TRUST_REGISTRY_WRITE);

	assert_int_equal(trust_registry_find(registry, TRUST_KIND_ANCHOR,
			     "yard-root", anchor, NULL),
	    TRUST_OK);
	assert_int_equal(trust_registry_begin(registry, NULL), TRUST_OK);
	assert_int_equal(trust_registry_remove(
			     registry, TRUST_KIND_ANCHOR, "yard-root", NULL),
	    TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, NULL), TRUST_OK);
	assert_int_equal(
	    trust_registry_note_signers(registry, "gw1", &signer, 1, NULL),
	    TRUST_OK);
	return registry;
}

/* An anchor that stands for a signer of this registry is never put, and no
 * signer is noted that an anchor stands for. */
static void
notes_signers(struct run *run)
{
	X509 *const bad = run->site->house.edge.certificate;
	X509 *const good = run->site->self.certificate;
	struct trust_record *anchor = NULL;
	struct trust_message msg = {0};
	struct trust_registry *registry;
	enum trust_err r;

	fault_pause();
	registry = swap_anchor(run, &anchor);
	fault_resume();
	answer_done(run, "note one below an anchor",
	    trust_registry_note_signers(registry, "gw2", &bad, 1, &msg), &msg);
	msg.text[0] = '\0';
	answer_done(run, "note",
	    trust_registry_note_signers(registry, "gw3", &good, 1, &msg), &msg);
	msg.text[0] = '\0';
	r = trust_registry_begin(registry, &msg);
	if (r == TRUST_OK)
		r = trust_registry_put(registry, anchor, 0, &msg);
	if (r == TRUST_OK)
		r = trust_registry_commit(registry, &msg);
	else
		trust_registry_rollback(registry);
	answer_done(run, "put an anchor above a signer", r, &msg);
	trust_registry_close(registry);
	trust_record_free(anchor);
}

const struct scenario registry_scenarios[] = {
    {"reads", reads, check_untouched},
    {"changes", changes, check_changed},
    {"creates", creates, check_created},
    {"notes_signers", notes_signers, NULL},
    {NULL, NULL, NULL},
};
