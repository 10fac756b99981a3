/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following the registry: a change is told to those whom it concerns. Who is
 * not told keeps what it has, so above all: nothing that may turn an allowance
 * into a denial goes untold.
 */
#include <sqlite3.h>

#include "gate_house.h"

#include "crl_scratch.h"

/* Who is told, on behalf of one admission. */
struct witness {
	struct house *h;
	const struct trust_admission *admission;
	bool concerned;
	int n_devices, n_grounds;
	uint64_t awaited; /* a ground that concerns it as well; 0: none */
};

static void
on_device(void *arg, const char *device)
{
	struct witness *w = arg;

	w->n_devices++;
	if (w->admission != NULL &&
	    strcmp(w->admission->verdict.device, device) == 0)
		w->concerned = true;
}

static void
on_ground(void *arg, uint64_t ground)
{
	struct witness *w = arg;
	const struct trust_grounds *grounds;

	w->n_grounds++;
	w->concerned |= w->awaited == ground;
	if (w->admission == NULL)
		return;
	grounds = trust_admission_get0_grounds(w->admission);
	for (size_t i = 0; i < grounds->n; i++) {
		if (grounds->v[i] == ground)
			w->concerned = true;
	}
}

static enum trust_gate_news
follow(struct witness *w)
{
	const struct trust_gate_visitor visitor = {
	    .device = on_device, .ground = on_ground, .arg = w};

	return trust_gate_follow(w->h->gate, &visitor);
}

/* Whether what changed since the last time concerns the admission. */
static bool
concerns(struct house *h, const struct trust_admission *admission)
{
	struct witness w = {.h = h, .admission = admission};

	assert_int_not_equal(follow(&w), TRUST_GATE_EVERYTHING);
	return w.concerned;
}

/* A device's certificate that bears a DNS name besides its CN. */
static void
make_named(struct trust_pair *out, const char *cn, const char *dns,
    const struct trust_pair *issuer)
{
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_DEVICE,
	    .cn = cn,
	    .hosts = &dns,
	    .n_hosts = 1,
	    .not_before = NOW - DAY_S,
	    .not_after = NOW + DAY_S,
	};

	assert_int_equal(
	    trust_pair_make(TRUST_KEY_P256, &issue, issuer, out, NULL),
	    TRUST_OK);
}

/* A certificate as a JSON string, for the caller to free. */
static char *
escaped_pem(X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	json_t *string;
	char *pem, *out;
	long len;

	assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
	len = BIO_get_mem_data(bio, &pem);
	string = json_stringn(pem, (size_t)len);
	out = json_dumps(string, JSON_ENCODE_ANY);
	json_decref(string);
	BIO_free(bio);
	return out;
}

/* ---- The registry's file ---- */

static void
registry_goes_and_comes(void **state)
{
	struct house *h = *state;
	struct witness w = {.h = h};

	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
	assert_int_equal(scratch_count(h->scratch, true) > 0, 1);
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
	assert_false(trust_gate_is_ready(h->gate));
	assert_int_equal(ask(h, &h->pinned, false, NOW, NULL),
	    TRUST_REASON_REGISTRY_MISSING);
	assert_int_equal(trust_registry_create(
			     h->scratch->path, TRUST_REGISTRY_ORIGIN, NULL),
	    TRUST_OK);
	assert_int_equal(follow(&w), TRUST_GATE_EVERYTHING);
	assert_int_equal(ask(h, &h->pinned, false, NOW, NULL),
	    TRUST_REASON_UNKNOWN_CERTIFICATE);
	assert_int_equal(w.n_devices, 0);
}

/* ---- Devices ---- */

static void
devices_are_named(void **state)
{
	struct house *h = *state;
	struct witness w = {.h = h};

	put_pinned(h, "disabled");
	assert_int_equal(follow(&w), TRUST_GATE_NEWS);
	assert_int_equal(w.n_devices, 1);
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
}

static void
many_devices_are_told_in_turns(void **state)
{
	struct house *h = *state;
	struct witness w = {.h = h};
	char line[200];
	int n = 2 * TRUST_GATE_TELL_MAX + 1;

	for (int i = 0; i < n; i++) {
		(void)snprintf(line, sizeof(line),
		    "{\"kind\":\"device\",\"id\":\"d-%d\",\"auth\":{\"type\":"
		    "\"ca\",\"group\":\"plant\"}}",
		    i);
		put(h, line);
	}
	assert_int_equal(follow(&w), TRUST_GATE_MORE_NEWS);
	assert_int_equal(w.n_devices, TRUST_GATE_TELL_MAX);
	put_pinned(h, "disabled"); /* meanwhile */
	assert_int_equal(follow(&w), TRUST_GATE_MORE_NEWS);
	assert_int_equal(follow(&w), TRUST_GATE_NEWS);
	assert_int_equal(w.n_devices, n);
	assert_int_equal(follow(&w), TRUST_GATE_NEWS);
	assert_int_equal(w.n_devices, n + 1);
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
}

/* Whose turn it is in the order of the changes. */
static void
expect_next(void *arg, const char *device)
{
	int *n = arg;
	char expected[16];

	(void)snprintf(expected, sizeof(expected), "d-%d", (*n)++);
	assert_string_equal(device, expected);
}

static void
ignore(void *arg, uint64_t ground)
{
	(void)arg;
	(void)ground;
}

static void
devices_are_told_in_their_order(void **state)
{
	struct house *h = *state;
	int n = 0, all = TRUST_GATE_TELL_MAX + 2;
	const struct trust_gate_visitor visitor = {
	    .device = expect_next, .ground = ignore, .arg = &n};
	char line[200];

	for (int i = 0; i < all; i++) {
		(void)snprintf(line, sizeof(line),
		    "{\"kind\":\"device\",\"id\":\"d-%d\",\"auth\":{\"type\":"
		    "\"ca\",\"group\":\"plant\"}}",
		    i);
		put(h, line);
	}
	assert_int_equal(
	    trust_gate_follow(h->gate, &visitor), TRUST_GATE_MORE_NEWS);
	assert_int_equal(n, TRUST_GATE_TELL_MAX);
	assert_int_equal(trust_gate_follow(h->gate, &visitor), TRUST_GATE_NEWS);
	assert_int_equal(n, all);
}

/* Who is told of a device may ask the gate about it. */
static void
ask_again(void *arg, const char *device)
{
	struct house *h = arg;

	assert_string_equal(device, "pinned");
	assert_int_equal(
	    ask(h, &h->pinned, false, NOW, NULL), TRUST_REASON_DEVICE_DISABLED);
}

static void
visitors_may_ask(void **state)
{
	struct house *h = *state;
	const struct trust_gate_visitor visitor = {
	    .device = ask_again, .ground = ignore, .arg = h};

	(void)ask(h, &h->pinned, false, NOW, NULL);
	put_pinned(h, "disabled");
	assert_int_equal(trust_gate_follow(h->gate, &visitor), TRUST_GATE_NEWS);
}

static void
put_thumbprint(struct house *h, const char *id, X509 *certificate)
{
	struct trust_thumbprint thumbprint;
	char hex[TRUST_THUMBPRINT_TEXT], line[512];

	assert_int_equal(
	    trust_certificate_thumbprint(certificate, &thumbprint), TRUST_OK);
	(void)snprintf(line, sizeof(line),
	    "{\"kind\":\"device\",\"id\":\"%s\",\"auth\":{\"type\":"
	    "\"thumbprint\",\"primary\":\"%s\"}}",
	    id, trust_thumbprint_format(&thumbprint, hex));
	put(h, line);
}

static void
put_pin(struct house *h, const char *id, X509 *x509)
{
	struct trust_certificate *certificate;
	char hex[TRUST_THUMBPRINT_TEXT], line[512];

	assert_int_equal(
	    trust_certificate_new(x509, &certificate, NULL), TRUST_OK);
	(void)snprintf(line, sizeof(line),
	    "{\"kind\":\"device\",\"id\":\"%s\",\"auth\":{\"type\":"
	    "\"key\",\"pins\":[\"%s\"]}}",
	    id, trust_thumbprint_format(&certificate->pin, hex));
	put(h, line);
	trust_certificate_free(certificate);
}

/* The certificate stands for another device from now on. */
static void
another_device_claims_the_certificate(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;

	(void)ask(h, &h->device, true, NOW, &admission);
	put_thumbprint(h, "other", h->stranger.certificate);
	assert_false(concerns(h, admission));
	put_pin(h, "other", h->device.certificate);
	assert_true(concerns(h, admission));
	assert_int_equal(review(h, admission, NOW), TRUST_REASON_KEY_MATCH);
	put_thumbprint(h, "other", h->device.certificate);
	assert_true(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_THUMBPRINT_MATCH);
	trust_admission_free(admission);
}

/* A device of type thumbprint gets a name that the certificate bears, and not
 * for its device. */
static void
another_device_gets_a_name(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;
	struct trust_pair twice = {0};

	make_named(&twice, "temp-03", "by-the-gate", &h->edge);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"identity\":\"cn\",\"match\":[\"temp-*\"]}");
	put(h, "{\"kind\":\"group\",\"id\":\"gates\",\"anchors\":[\"root\"],"
	       "\"identity\":\"san_dns\",\"match\":[\"none\"]}");
	assert_int_equal(ask(h, &twice, true, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	(void)concerns(h, admission);
	put_thumbprint(h, "temp-77", h->edge.certificate);
	assert_false(concerns(h, admission));
	put_thumbprint(h, "by-the-gate", h->stranger.certificate);
	assert_true(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_THUMBPRINT_MISMATCH);
	trust_admission_free(admission);
	trust_pair_clear(&twice);
}

/* ---- Roles ---- */

static void
roles_concern_who_has_them(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;

	(void)ask(h, &h->pinned, false, NOW, &admission);
	put(h, "{\"kind\":\"role\",\"id\":\"sensor\",\"rules\":[]}");
	assert_false(concerns(h, admission));
	put(h, "{\"kind\":\"role\",\"id\":\"default\",\"rules\":[]}");
	assert_true(concerns(h, admission));
	put(h, "{\"kind\":\"role\",\"id\":\"default\",\"rules\":[]}");
	assert_false(concerns(h, admission));
	put(h, "{\"kind\":\"role\",\"id\":\"default\",\"rules\":[],"
	       "\"status\":\"disabled\"}");
	assert_true(concerns(h, admission));
	trust_admission_free(admission);
}

/* What a review leads to, for the caller to free. */
static struct trust_admission *
renewed(struct house *h, struct trust_admission *admission)
{
	struct trust_admission *fresh;
	struct trust_verdict verdict;

	trust_gate_review(h->gate, admission, NOW, true, &fresh, &verdict);
	assert_int_equal(verdict.reason, TRUST_REASON_CHAIN_REGISTERED);
	trust_verdict_clear(&verdict);
	return fresh;
}

/* A certificate is judged once for all sessions that it has. */
static void
sessions_of_one_certificate_share_a_review(void **state)
{
	struct house *h = *state;
	struct trust_admission *first, *second, *anew, *same;

	(void)ask(h, &h->device, true, NOW, &first);
	put(h, "{\"kind\":\"device\",\"id\":\"temp-03\",\"roles\":[],"
	       "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	(void)ask(h, &h->device, true, NOW, &second);
	assert_ptr_not_equal(first, second);
	put(h, "{\"kind\":\"device\",\"id\":\"temp-03\",\"roles\":[\"a\"],"
	       "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	anew = renewed(h, first);
	same = renewed(h, second);
	assert_ptr_equal(anew, same);
	assert_ptr_not_equal(anew, first);
	assert_ptr_not_equal(anew, second);
	/* And not when something has changed since. */
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[]}");
	assert_int_equal(review(h, second, NOW), TRUST_REASON_CHAIN_UNTRUSTED);
	trust_admission_free(first);
	trust_admission_free(second);
	trust_admission_free(anew);
	trust_admission_free(same);
}

static bool
may_publish(struct house *h, struct trust_admission *admission)
{
	struct trust_access *access;
	bool may;

	assert_int_equal(
	    trust_gate_access(h->gate, admission, "temp-03", &access, NULL),
	    TRUST_OK);
	may = trust_access_check_publish(access, "devices/temp-03/t", 0, false);
	trust_access_free(access);
	return may;
}

/* All who hold it then hold the new one, which has the rules of now. */
static void
what_comes_to_the_same_stays_one_admission(void **state)
{
	static const char *const lines[] = {
	    "{\"kind\":\"role\",\"id\":\"default\",\"rules\":[]}",
	    "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"]}",
	    ("{\"kind\":\"device\",\"id\":\"temp-03\",\"comment\":\"a\","
	     "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}"),
	};
	struct house *h = *state;
	struct trust_admission *admission, *same;

	(void)ask(h, &h->device, true, NOW, &admission);
	assert_true(may_publish(h, admission));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		put(h, lines[i]);
		same = renewed(h, admission);
		assert_ptr_equal(same, admission);
		trust_admission_free(same);
		assert_false(may_publish(h, admission));
	}
	put_anchor(h, "pinned", h->pinned.certificate);
	put(h, "{\"kind\":\"group\",\"id\":\"more\",\"anchors\":[\"root\"],"
	       "\"match\":[\"none\"]}");
	same = renewed(h, admission);
	assert_ptr_not_equal(same, admission); /* it rests on that, too */
	trust_admission_free(same);
	trust_admission_free(admission);
}

/* Others may have made the sets load before anybody followed. */
static void
what_others_loaded_is_told(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;

	(void)ask(h, &h->pinned, false, NOW, &admission);
	put(h, "{\"kind\":\"role\",\"id\":\"default\",\"rules\":[]}");
	(void)ask(h, &h->device, true, NOW, NULL);
	put(h, "{\"kind\":\"role\",\"id\":\"sensor\",\"rules\":[]}");
	(void)ask(h, &h->device, true, NOW, NULL);
	assert_true(concerns(h, admission));
	assert_false(concerns(h, admission));
	trust_admission_free(admission);
}

static void
tokens_concern_their_newcomers(void **state)
{
	struct house *h = *state;
	struct witness w = {.h = h};

	put(h, "{\"kind\":\"token\",\"id\":\"t\",\"secret_sha256\":\"0123456789"
	       "abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
	       "\"device\":\"d\",\"gateway\":\"g\",\"uses\":1,"
	       "\"expires\":\"2030-01-01T00:00:00Z\"}");
	w.awaited = trust_ground(TRUST_GROUND_TOKEN, "t", 1);
	assert_int_equal(follow(&w), TRUST_GATE_NEWS);
	assert_true(w.concerned);
	assert_int_equal(w.n_grounds, 1);
	assert_int_equal(w.n_devices, 0);
}

/* ---- Sets that cannot be loaded ---- */

static void
run_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Behind the registry's back, so that its generation stays. */
static void
rewrite(struct house *h, const char *sql)
{
	run_sql(h->scratch->path, sql);
}

static void
rewrite_local(struct house *h, const char *sql)
{
	char path[96];

	(void)snprintf(path, sizeof(path), "%s.local", h->scratch->path);
	run_sql(path, sql);
}

#define OFF "{\"kind\":\"role\",\"id\":\"off\",\"rules\":[]}"

/* A first key that is none. Who is asked about then has two names, and what is
 * known of both is let go (make asan). */
static void
a_first_key_that_cannot_be_read(void **state)
{
	struct house *h = *state;
	struct trust_pair twice = {0};

	make_named(&twice, "temp-03", "temp-04", &h->edge);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"pin\":\"first\"}");
	put(h, "{\"kind\":\"group\",\"id\":\"gates\",\"anchors\":[\"root\"],"
	       "\"identity\":\"san_dns\",\"match\":[\"none\"]}");
	put(h, "{\"kind\":\"device\",\"id\":\"temp-04\","
	       "\"auth\":{\"type\":\"ca\",\"group\":\"gates\"}}");
	assert_int_equal(
	    ask(h, &twice, true, NOW, NULL), TRUST_REASON_CHAIN_REGISTERED);
	rewrite_local(h, "INSERT INTO pin(device, key) "
			 "VALUES('temp-03', x'00')");
	put(h, OFF); /* what is cached does not count */
	assert_int_equal(
	    ask(h, &twice, true, NOW, NULL), TRUST_REASON_INTERNAL_ERROR);
	trust_pair_clear(&twice);
}

/* Who is disabled has to go, whatever is wrong with the time floor. */
static void
a_time_floor_that_cannot_be_read(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;

	(void)ask(h, &h->pinned, false, NOW, &admission);
	rewrite_local(h, "DROP TABLE floor");
	put_pinned(h, "disabled");
	assert_true(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_DEVICE_DISABLED);
	assert_false(concerns(h, admission));
	trust_admission_free(admission);
}

/* A changed role that does not parse. */
static void
spoil(struct house *h)
{
	put(h, OFF);
	rewrite(h, "UPDATE record SET line = CAST(substr(line, 2) AS BLOB)"
		   " WHERE id = 'off'");
}

static void
mend(struct house *h)
{
	rewrite(h, "UPDATE record SET line = CAST('{' || line AS BLOB)"
		   " WHERE id = 'off'");
}

/* Everybody was refused, so everybody is looked at again: not only who has
 * the role that changed. */
static void
sets_that_load_again_concern_everybody(void **state)
{
	struct house *h = *state;
	struct witness w = {.h = h};
	struct trust_admission *admission;

	(void)ask(h, &h->pinned, false, NOW, &admission);
	spoil(h);
	assert_int_equal(follow(&w), TRUST_GATE_EVERYTHING);
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_INTERNAL_ERROR);
	/* Once: to be told again changes nothing. */
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
	put(h, "{\"kind\":\"role\",\"id\":\"on\",\"rules\":[]}");
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
	put(h, OFF);
	assert_int_equal(follow(&w), TRUST_GATE_EVERYTHING);
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_THUMBPRINT_MATCH);
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
	trust_admission_free(admission);
}

/* Whoever makes them load: somebody who comes. */
static void
others_may_load_them_again(void **state)
{
	struct house *h = *state;
	struct witness w = {.h = h};

	(void)ask(h, &h->pinned, false, NOW, NULL);
	spoil(h);
	assert_int_equal(follow(&w), TRUST_GATE_EVERYTHING);
	mend(h);
	assert_int_equal(ask(h, &h->pinned, false, NOW, NULL),
	    TRUST_REASON_THUMBPRINT_MATCH);
	assert_int_equal(follow(&w), TRUST_GATE_EVERYTHING);
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
}

/* Who was refused before anybody followed, and the trouble has passed. */
static void
a_failure_that_nobody_was_told_of(void **state)
{
	struct house *h = *state;
	struct witness w = {.h = h};

	(void)ask(h, &h->pinned, false, NOW, NULL);
	spoil(h);
	assert_int_equal(
	    ask(h, &h->device, true, NOW, NULL), TRUST_REASON_INTERNAL_ERROR);
	mend(h);
	assert_int_equal(follow(&w), TRUST_GATE_EVERYTHING);
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
}

/* Not for what a record says: the file cannot be read, and nothing changes
 * when it can. */
static void
a_read_that_fails_is_tried_again(void **state)
{
	struct house *h = *state;
	struct witness w = {.h = h};

	(void)ask(h, &h->pinned, false, NOW, NULL);
	put(h, OFF);
	rewrite(h, "ALTER TABLE record RENAME TO elsewhere");
	assert_int_equal(follow(&w), TRUST_GATE_EVERYTHING);
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
	rewrite(h, "ALTER TABLE elsewhere RENAME TO record");
	assert_int_equal(follow(&w), TRUST_GATE_EVERYTHING);
	assert_int_equal(follow(&w), TRUST_GATE_NO_NEWS);
}

/* ---- Groups and anchors ---- */

static void
note_ids(void *arg, uint64_t ground)
{
	if (ground == trust_ground(TRUST_GROUND_CLIENT_IDS, NULL, 0))
		(*(int *)arg)++;
}

static void
pass_over(void *arg, const char *device)
{
	(void)arg;
	(void)device;
}

/* Guests rest on what is no device's. */
static void
groups_move_client_ids(void **state)
{
	struct house *h = *state;
	int n = 0;
	const struct trust_gate_visitor visitor = {
	    .device = pass_over, .ground = note_ids, .arg = &n};

	(void)ask(h, &h->pinned, false, NOW, NULL);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[]}");
	assert_int_equal(trust_gate_follow(h->gate, &visitor), TRUST_GATE_NEWS);
	assert_int_equal(n, 0);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[],"
	       "\"client_id\":\"prefix\"}");
	assert_int_equal(trust_gate_follow(h->gate, &visitor), TRUST_GATE_NEWS);
	assert_int_equal(n, 1);
}

static void
groups_concern_whom_they_vouch_for(void **state)
{
	struct house *h = *state;
	struct trust_admission *chained, *pinned;

	(void)ask(h, &h->device, true, NOW, &chained);
	(void)ask(h, &h->pinned, false, NOW, &pinned);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"match\":[\"temp-*\"],\"max_depth\":0}");
	assert_true(concerns(h, chained));
	assert_int_equal(review(h, chained, NOW), TRUST_REASON_CHAIN_TOO_DEEP);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[]}");
	assert_false(concerns(h, pinned));
	trust_admission_free(chained);
	trust_admission_free(pinned);
}

/* A group that did not vouch for it so far lets it in as somebody else. */
static void
a_new_group_makes_a_name_ambiguous(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;
	struct trust_pair twice = {0};

	make_named(&twice, "temp-03", "by-the-gate", &h->edge);
	assert_int_equal(ask(h, &twice, true, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	put_anchor(h, "other", h->pinned.certificate);
	put(h, "{\"kind\":\"group\",\"id\":\"gates\",\"anchors\":[\"other\"],"
	       "\"match\":[\"none\"]}");
	assert_false(concerns(h, admission));
	put_anchor(h, "other", h->edge.certificate);
	assert_true(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_CHAIN_REGISTERED);
	put(h, "{\"kind\":\"group\",\"id\":\"gates\",\"anchors\":[\"root\"],"
	       "\"identity\":\"san_dns\",\"enroll\":\"automatic\"}");
	assert_true(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_IDENTITY_AMBIGUOUS);
	trust_admission_free(admission);
	trust_pair_clear(&twice);
}

/* Through a chain of its own: what the device sent does not lead there. */
static void
a_new_group_brings_intermediates(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;
	struct trust_pair twice = {0};
	char line[4096];
	char *pem = escaped_pem(h->edge.certificate);

	put_anchor(h, "edge", h->edge.certificate);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"edge\"],"
	       "\"match\":[\"temp-*\"]}");
	make_named(&twice, "temp-03", "by-the-gate", &h->edge);
	assert_int_equal(ask(h, &twice, false, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	(void)concerns(h, admission);
	(void)snprintf(line, sizeof(line),
	    "{\"kind\":\"group\",\"id\":\"gates\",\"anchors\":[\"root\"],"
	    "\"intermediates\":[%s],\"identity\":\"san_dns\","
	    "\"enroll\":\"automatic\"}",
	    pem);
	free(pem);
	put(h, line);
	assert_true(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_IDENTITY_AMBIGUOUS);
	trust_admission_free(admission);
	trust_pair_clear(&twice);
}

/* A group that has nothing to do with it makes everybody's DNS names names of
 * devices, and one of them is another device's. */
static void
a_new_group_looks_at_other_names(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission, *plain;
	struct trust_pair twice = {0};

	make_named(&twice, "temp-03", "by-the-gate", &h->edge);
	put_thumbprint(h, "by-the-gate", h->stranger.certificate);
	assert_int_equal(ask(h, &twice, true, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	(void)ask(h, &h->device, true, NOW, &plain);
	(void)concerns(h, admission);
	put(h, "{\"kind\":\"group\",\"id\":\"far\",\"anchors\":[],"
	       "\"identity\":\"san_dns\"}");
	assert_true(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_THUMBPRINT_MISMATCH);
	put(h, "{\"kind\":\"group\",\"id\":\"far\",\"anchors\":[],"
	       "\"identity\":\"san_uri\"}");
	assert_false(concerns(h, plain));
	trust_admission_free(admission);
	trust_admission_free(plain);
	trust_pair_clear(&twice);
}

static void
anchors_concern_whom_they_vouch_for(void **state)
{
	struct house *h = *state;
	struct trust_admission *chained, *pinned;

	(void)ask(h, &h->device, true, NOW, &chained);
	(void)ask(h, &h->pinned, false, NOW, &pinned);
	put_anchor(h, "root", h->root.certificate);
	assert_false(concerns(h, chained));
	put_anchor(h, "root", h->pinned.certificate);
	assert_true(concerns(h, chained));
	assert_int_equal(review(h, chained, NOW), TRUST_REASON_CHAIN_UNTRUSTED);
	put_anchor(h, "root", h->root.certificate);
	assert_false(concerns(h, pinned));
	trust_admission_free(chained);
	trust_admission_free(pinned);
}

/* ---- CRLs ---- */

/* A CRL of `issuer` with `revoked` on it. */
static void
put_crl_from(struct house *h, const char *id, const struct trust_pair *issuer,
    X509 *revoked, int64_t start)
{
	put_pem(
	    h, id, crl_make(issuer, revoked, start, start + 2 * DAY_S), true);
}

static void
put_crl(struct house *h, const char *id, const struct trust_pair *issuer,
    X509 *revoked)
{
	put_crl_from(h, id, issuer, revoked, NOW - DAY_S);
}

/* To decode the leaf takes longer than most answers: it is not touched for
 * those that do without, and its absence is no allowance for the others. */
static void
cheap_denials_need_no_leaf(void **state)
{
	static const struct {
		const char *line;
		enum trust_reason reason;
	} rows[] = {
	    {"{\"kind\":\"device\",\"id\":\"temp-03\",\"status\":\"disabled\","
	     "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}",
		TRUST_REASON_DEVICE_DISABLED},
	    {"{\"kind\":\"device\",\"id\":\"temp-03\","
	     "\"auth\":{\"type\":\"ca\",\"group\":\"other\"}}",
		TRUST_REASON_IDENTITY_NOT_IN_GROUP},
	    {"{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	     "\"match\":[\"x-*\"]}",
		TRUST_REASON_IDENTITY_NOT_IN_GROUP},
	    {"{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	     "\"status\":\"disabled\"}",
		TRUST_REASON_CHAIN_UNTRUSTED},
	    {"{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[]}",
		TRUST_REASON_CHAIN_UNTRUSTED},
	};
	struct house *h = *state;
	struct trust_admission *admission;

	(void)ask(h, &h->device, true, NOW, &admission);
	admission->leaf.p[0] ^= 0xff;
	assert_false(set_block(h, "temp-03", true));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_BLOCKED_LOCALLY);
	assert_true(set_block(h, "temp-03", false));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put(h, rows[i].line);
		assert_int_equal(review(h, admission, NOW), rows[i].reason);
		assert_int_equal(
		    ask(h, &h->device, true, NOW, NULL), rows[i].reason);
		put(h, "{\"kind\":\"group\",\"id\":\"plant\","
		       "\"anchors\":[\"root\"]}");
		put(h, "{\"kind\":\"device\",\"id\":\"temp-03\","
		       "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	}
	put_crl(h, "edge", &h->edge, h->stranger.certificate);
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_INTERNAL_ERROR);
	trust_admission_free(admission);
}

/* Nothing changes on the day that it counts from, and nobody asks. */
static void
a_crl_to_come_ends_what_it_will_end(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;
	int64_t day = NOW + DAY_S / 2;

	put_crl(h, "edge", &h->edge, h->stranger.certificate);
	put_crl_from(h, "next", &h->edge, h->device.certificate, day);
	assert_int_equal(ask(h, &h->device, true, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	assert_int_equal(admission->verdict.valid_until, day - 1);
	assert_int_equal(admission->valid_from, NOW - DAY_S);
	assert_int_equal(
	    review(h, admission, day - 1), TRUST_REASON_CHAIN_REGISTERED);
	assert_int_equal(
	    review(h, admission, day), TRUST_REASON_CERTIFICATE_REVOKED);
	assert_int_equal(ask(h, &h->device, true, day, NULL),
	    TRUST_REASON_CERTIFICATE_REVOKED);
	trust_admission_free(admission);
}

static void
crls_concern_their_issuers_paths(void **state)
{
	struct house *h = *state;
	struct trust_admission *chained, *pinned;

	(void)ask(h, &h->device, true, NOW, &chained);
	(void)ask(h, &h->pinned, false, NOW, &pinned);
	put_crl(h, "far", &h->pinned, h->device.certificate);
	assert_false(concerns(h, chained));
	put_crl(h, "root", &h->root, h->stranger.certificate);
	assert_true(concerns(h, chained));
	put_crl(h, "edge", &h->edge, h->device.certificate);
	assert_true(concerns(h, chained));
	assert_int_equal(
	    review(h, chained, NOW), TRUST_REASON_CERTIFICATE_REVOKED);
	put_crl(h, "root", &h->root, h->edge.certificate);
	assert_false(concerns(h, pinned));
	trust_admission_free(chained);
	trust_admission_free(pinned);
}

/* The anchor's CRL may list an intermediate that the group brought. */
static void
crls_concern_a_groups_intermediates(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;
	char line[4096];
	char *pem = escaped_pem(h->edge.certificate);

	(void)snprintf(line, sizeof(line),
	    "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	    "\"intermediates\":[%s]}",
	    pem);
	free(pem);
	put(h, line);
	assert_int_equal(ask(h, &h->device, false, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	(void)concerns(h, admission);
	put_crl(h, "root", &h->root, h->edge.certificate);
	assert_true(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_CERTIFICATE_REVOKED);
	trust_admission_free(admission);
}

/* Of an anchor that somebody issued, and of that somebody, who has no say. */
static void
crls_of_anchors_and_above(void **state)
{
	struct house *h = *state;
	struct trust_admission *admission;

	put_anchor(h, "edge", h->edge.certificate);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"edge\"],"
	       "\"match\":[\"temp-*\"]}");
	assert_int_equal(ask(h, &h->device, false, NOW, &admission),
	    TRUST_REASON_CHAIN_REGISTERED);
	(void)concerns(h, admission);
	put_crl(h, "root", &h->root, h->edge.certificate);
	assert_false(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_CHAIN_REGISTERED);
	put_crl(h, "edge", &h->edge, h->device.certificate);
	assert_true(concerns(h, admission));
	assert_int_equal(
	    review(h, admission, NOW), TRUST_REASON_CERTIFICATE_REVOKED);
	trust_admission_free(admission);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_setup, house_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(registry_goes_and_comes),
	    TEST(devices_are_named),
	    TEST(many_devices_are_told_in_turns),
	    TEST(devices_are_told_in_their_order),
	    TEST(visitors_may_ask),
	    TEST(another_device_claims_the_certificate),
	    TEST(another_device_gets_a_name),
	    TEST(roles_concern_who_has_them),
	    TEST(sessions_of_one_certificate_share_a_review),
	    TEST(what_comes_to_the_same_stays_one_admission),
	    TEST(cheap_denials_need_no_leaf),
	    TEST(what_others_loaded_is_told),
	    TEST(tokens_concern_their_newcomers),
	    TEST(a_first_key_that_cannot_be_read),
	    TEST(a_time_floor_that_cannot_be_read),
	    TEST(sets_that_load_again_concern_everybody),
	    TEST(others_may_load_them_again),
	    TEST(a_failure_that_nobody_was_told_of),
	    TEST(a_read_that_fails_is_tried_again),
	    TEST(groups_move_client_ids),
	    TEST(groups_concern_whom_they_vouch_for),
	    TEST(a_new_group_makes_a_name_ambiguous),
	    TEST(a_new_group_brings_intermediates),
	    TEST(a_new_group_looks_at_other_names),
	    TEST(anchors_concern_whom_they_vouch_for),
	    TEST(a_crl_to_come_ends_what_it_will_end),
	    TEST(crls_concern_their_issuers_paths),
	    TEST(crls_concern_a_groups_intermediates),
	    TEST(crls_of_anchors_and_above),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
