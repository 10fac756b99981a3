/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gate for tests: a real registry, real certificates.
 */
#ifndef TEST_GATE_HOUSE_H
#define TEST_GATE_HOUSE_H

#include "registry_scratch.h"

#include "../../certs/pair.h"
#include "gate.h"
#include "json.h"

#include <openssl/pem.h>

#define NOW   INT64_C(1800000000)
#define DAY_S INT64_C(86400)

/* A registry with an anchor, a group and a device of each type, and a gate
 * in front of it. */
struct house {
	struct scratch *scratch;
	struct trust_gate *gate;
	struct trust_pair root, edge, device, stranger, pinned;
};

static inline void
make(struct trust_pair *out, enum trust_profile profile, const char *cn,
    const struct trust_pair *issuer)
{
	struct trust_issue issue = {
	    .profile = profile,
	    .cn = cn,
	    .not_before = NOW - DAY_S,
	    .not_after = NOW + DAY_S,
	};

	assert_int_equal(
	    trust_pair_make(TRUST_KEY_P256, &issue, issuer, out, NULL),
	    TRUST_OK);
}

/* One change of one line, or of a removal. */
static inline void
put(struct house *h, const char *line)
{
	struct trust_registry *registry;
	struct trust_record *record;

	assert_int_equal(trust_registry_open(h->scratch->path,
			     TRUST_REGISTRY_WRITE, &registry, NULL),
	    TRUST_OK);
	assert_int_equal(trust_registry_begin(registry, NULL), TRUST_OK);
	assert_int_equal(
	    trust_record_parse(trust_span_of(line), &record, NULL), TRUST_OK);
	assert_int_equal(
	    trust_registry_put(registry, record, 0, NULL), TRUST_OK);
	assert_int_equal(trust_registry_commit(registry, NULL), TRUST_OK);
	trust_record_free(record);
	trust_registry_close(registry);
}

static inline void
put_pem(struct house *h, const char *id, BIO *pem, bool is_crl)
{
	struct trust_buf line = {0};
	json_t *record;
	char *text;
	long len = BIO_get_mem_data(pem, &text);

	record = json_pack("{s:s, s:s, s:s%}", "kind",
	    is_crl ? "crl" : "anchor", "id", id, "pem", text, (size_t)len);
	if (!is_crl)
		json_object_set_new(
		    record, "purposes", json_pack("[s]", "device"));
	assert_int_equal(trust_json_encode(record, &line), TRUST_OK);
	put(h, (const char *)line.p);
	json_decref(record);
	trust_buf_free(&line);
	BIO_free(pem);
}

static inline void
put_anchor(struct house *h, const char *id, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
	put_pem(h, id, bio, false);
}

static inline void
put_pinned(struct house *h, const char *status)
{
	struct trust_thumbprint thumbprint;
	char hex[TRUST_THUMBPRINT_TEXT], line[512];

	assert_int_equal(
	    trust_certificate_thumbprint(h->pinned.certificate, &thumbprint),
	    TRUST_OK);
	(void)snprintf(line, sizeof(line),
	    "{\"kind\":\"device\",\"id\":\"pinned\",\"status\":\"%s\","
	    "\"auth\":{\"type\":\"thumbprint\",\"primary\":\"%s\"}}",
	    status, trust_thumbprint_format(&thumbprint, hex));
	put(h, line);
}

static inline int
house_setup(void **state)
{
	struct house *h = calloc(1, sizeof(*h));
	struct trust_gate_config config = {.gateway = "gw1", .remember = true};
	void *scratch = NULL;

	if (h == NULL || scratch_setup(&scratch) != 0)
		return -1;
	h->scratch = scratch;
	make(&h->root, TRUST_PROFILE_ROOT, "root", NULL);
	make(&h->edge, TRUST_PROFILE_INTERMEDIATE, "edge", &h->root);
	make(&h->device, TRUST_PROFILE_DEVICE, "temp-03", &h->edge);
	make(&h->stranger, TRUST_PROFILE_DEVICE, "temp-04", &h->edge);
	make(&h->pinned, TRUST_PROFILE_DEVICE, "pinned", NULL);
	assert_int_equal(trust_registry_create(
			     h->scratch->path, TRUST_REGISTRY_ORIGIN, NULL),
	    TRUST_OK);
	put_anchor(h, "root", h->root.certificate);
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"match\":[\"temp-*\"]}");
	put(h, "{\"kind\":\"device\",\"id\":\"temp-03\","
	       "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	put_pinned(h, "enabled");
	config.registry_path = h->scratch->path;
	assert_int_equal(trust_gate_open(&config, &h->gate, NULL), TRUST_OK);
	*state = h;
	return 0;
}

static inline int
house_teardown(void **state)
{
	struct house *h = *state;
	void *scratch = h->scratch;

	trust_gate_close(h->gate);
	trust_pair_clear(&h->root);
	trust_pair_clear(&h->edge);
	trust_pair_clear(&h->device);
	trust_pair_clear(&h->stranger);
	trust_pair_clear(&h->pinned);
	free(h);
	return scratch_teardown(&scratch);
}

/* Decide about a device that sends its chain, or only its leaf. */
static inline enum trust_reason
ask(struct house *h, const struct trust_pair *who, bool with_chain, int64_t now,
    struct trust_admission **out)
{
	struct trust_admission *admission;
	struct trust_verdict verdict;
	enum trust_reason reason;
	STACK_OF(X509) *sent = sk_X509_new_null();

	assert_true(sk_X509_push(sent, who->certificate) > 0);
	if (with_chain)
		assert_true(sk_X509_push(sent, h->edge.certificate) > 0);
	trust_gate_decide(
	    h->gate, who->certificate, sent, now, &verdict, &admission, NULL);
	reason = verdict.reason;
	assert_int_equal(admission != NULL, verdict.outcome == TRUST_ALLOW);
	trust_verdict_clear(&verdict);
	sk_X509_free(sent);
	if (out != NULL)
		*out = admission;
	else
		trust_admission_free(admission);
	return reason;
}

/* Whether the device was blocked before. */
static inline bool
set_block(struct house *h, const char *device, bool block)
{
	struct trust_block_change change = {.device = device, .block = block};

	assert_int_equal(
	    trust_gate_change_blocks(h->gate, &change, 1, NULL), TRUST_OK);
	return change.was_blocked;
}

/* What a review of an admission says. */
static inline enum trust_reason
review(struct house *h, struct trust_admission *admission, int64_t now)
{
	struct trust_admission *fresh;
	struct trust_verdict verdict;
	enum trust_reason reason;

	trust_gate_review(h->gate, admission, now, true, &fresh, &verdict);
	reason = verdict.reason;
	assert_int_equal(fresh != NULL, verdict.outcome == TRUST_ALLOW);
	trust_verdict_clear(&verdict);
	trust_admission_free(fresh);
	return reason;
}

#endif
