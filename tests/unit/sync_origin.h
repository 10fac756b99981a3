/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An origin in memory: records, their history by serial, notifications that
 * are really signed, and the parts that these name.
 */
#ifndef TESTS_SYNC_ORIGIN_H
#define TESTS_SYNC_ORIGIN_H

#include "registry_scratch.h"

#include "../../certs/pair.h"
#include "content.h"
#include "statement.h"

#define DAY_S INT64_C(86400)
/* 2027-01-15: later than the build's date, which bounds every clock. */
#define NOW INT64_C(1800000000)

#define SESSION_1 "6e2d3a9c-0d3f-4b5e-9a35-3c9d8f0f4a11"
#define SESSION_2 "0b8f1d5e-7c55-4f0e-8b0e-2f8f3e1c9d22"

#define ORIGIN_SERIALS_MAX 256

struct origin_record {
	enum trust_kind kind;
	char id[TRUST_ID_MAX + 1];
	char *line; /* canonical */
};

/* Records in the order of kind and id. */
struct origin_records {
	struct origin_record *v;
	size_t n;
};

struct origin_part {
	struct trust_thumbprint sha256;
	struct trust_buf bytes;
};

struct origin {
	struct trust_pair root; /* of registry signers */
	struct trust_pair signers[2];
	STACK_OF(X509) *anchors;
	const char *session;
	int64_t serial;
	int64_t this_update;
	int64_t snapshot;    /* its serial */
	int64_t first_delta; /* the first that is named */
	size_t part_len;     /* octets of a part, about */
	bool mass_removal;
	struct origin_records records;
	struct trust_buf delta; /* of the serial to come */
	/* By serial. */
	struct origin_records states[ORIGIN_SERIALS_MAX];
	struct trust_buf deltas[ORIGIN_SERIALS_MAX];
	/* Every part that was ever named. */
	struct origin_part *parts;
	size_t n_parts;
};

/* ---- Certificates ---- */

static inline void
origin_pair(struct trust_pair *out, enum trust_profile profile, const char *cn,
    const struct trust_pair *issuer)
{
	struct trust_issue issue = {
	    .profile = profile,
	    .cn = cn,
	    .not_before = NOW - 365 * DAY_S,
	    .not_after = NOW + 365 * DAY_S,
	};

	assert_int_equal(
	    trust_pair_make(TRUST_KEY_P256, &issue, issuer, out, NULL),
	    TRUST_OK);
}

/* Another certificate for the same key. */
static inline void
origin_certify(const struct trust_pair *issuer, const struct trust_pair *pair,
    struct trust_pair *out)
{
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_SIGNER,
	    .cn = "another",
	    .key = pair->key,
	    .issuer = issuer->certificate,
	    .issuer_key = issuer->key,
	    .not_before = NOW - DAY_S,
	    .not_after = NOW + DAY_S,
	};

	assert_int_equal(
	    trust_issue_certificate(&issue, &out->certificate, NULL), TRUST_OK);
	assert_int_equal(EVP_PKEY_up_ref(pair->key), 1);
	out->key = pair->key;
}

static inline struct origin *
origin_new(void)
{
	struct origin *o = calloc(1, sizeof(*o));

	assert_non_null(o);
	origin_pair(&o->root, TRUST_PROFILE_SIGNER_ROOT, "signers", NULL);
	origin_pair(&o->signers[0], TRUST_PROFILE_SIGNER, "first", &o->root);
	origin_pair(&o->signers[1], TRUST_PROFILE_SIGNER, "second", &o->root);
	o->anchors = sk_X509_new_null();
	assert_non_null(o->anchors);
	assert_true(sk_X509_push(o->anchors, o->root.certificate) > 0);
	o->session = SESSION_1;
	o->this_update = NOW;
	o->first_delta = 1;
	o->part_len = 600;
	return o;
}

static inline void
origin_records_free(struct origin_records *records)
{
	for (size_t i = 0; i < records->n; i++)
		free(records->v[i].line);
	free(records->v);
	*records = (struct origin_records){0};
}

static inline void
origin_free(struct origin *o)
{
	for (size_t i = 0; i < ORIGIN_SERIALS_MAX; i++) {
		origin_records_free(&o->states[i]);
		trust_buf_free(&o->deltas[i]);
	}
	for (size_t i = 0; i < o->n_parts; i++)
		trust_buf_free(&o->parts[i].bytes);
	free(o->parts);
	origin_records_free(&o->records);
	trust_buf_free(&o->delta);
	sk_X509_free(o->anchors);
	trust_pair_clear(&o->root);
	trust_pair_clear(&o->signers[0]);
	trust_pair_clear(&o->signers[1]);
	free(o);
}

/* ---- Records ---- */

static inline int
origin_compare(const void *a, const void *b)
{
	const struct origin_record *p = a, *q = b;

	return p->kind != q->kind ? (int)p->kind - (int)q->kind
				  : strcmp(p->id, q->id);
}

/* Takes the line over; NULL removes. */
static inline void
origin_set(struct origin_records *records, enum trust_kind kind, const char *id,
    char *line)
{
	struct origin_record key = {.kind = kind}, *at;

	snprintf(key.id, sizeof(key.id), "%s", id);
	at = records->n == 0 ? NULL
			     : bsearch(&key, records->v, records->n,
				   sizeof(key), origin_compare);
	if (at != NULL) {
		free(at->line);
		at->line = line;
		if (line == NULL)
			*at = records->v[--records->n];
	} else if (line != NULL) {
		records->v = reallocarray(
		    records->v, records->n + 1, sizeof(*records->v));
		assert_non_null(records->v);
		key.line = line;
		records->v[records->n++] = key;
	}
	if (records->n > 0)
		qsort(records->v, records->n, sizeof(key), origin_compare);
}

static inline void
origin_put(struct origin *o, const char *text)
{
	struct trust_record *record = NULL;
	struct trust_message msg = {0};
	struct trust_buf line = {0};

	if (trust_record_parse(trust_span_of(text), &record, &msg) != TRUST_OK)
		fail_msg("%s: %s", text, msg.text);
	assert_int_equal(trust_content_encode_record(record, &line), TRUST_OK);
	assert_int_equal(
	    trust_content_encode_put(trust_buf_get0(&line), &o->delta),
	    TRUST_OK);
	origin_set(&o->records, record->kind, record->id, (char *)line.p);
	trust_record_free(record);
}

static inline void
origin_remove(struct origin *o, enum trust_kind kind, const char *id)
{
	assert_int_equal(
	    trust_content_encode_remove(kind, id, &o->delta), TRUST_OK);
	origin_set(&o->records, kind, id, NULL);
}

/* Devices dev-FROM to dev-TO - 1, `salt` in their thumbprints. */
static inline void
origin_put_devices(struct origin *o, int from, int to, unsigned salt)
{
	char line[256];

	for (int i = from; i < to; i++) {
		snprintf(line, sizeof(line),
		    "{\"kind\":\"device\",\"id\":\"dev-%d\",\"auth\":{"
		    "\"type\":\"thumbprint\",\"primary\":\"%08x%056x\"}}",
		    i, salt, i);
		origin_put(o, line);
	}
}

static inline void
origin_remove_devices(struct origin *o, int from, int to)
{
	char id[32];

	for (int i = from; i < to; i++) {
		snprintf(id, sizeof(id), "dev-%d", i);
		origin_remove(o, TRUST_KIND_DEVICE, id);
	}
}

/* What was put and removed so far becomes a serial. */
static inline int64_t
origin_commit(struct origin *o)
{
	struct origin_records *state = &o->states[++o->serial];

	assert_true(o->serial < ORIGIN_SERIALS_MAX);
	state->n = o->records.n;
	state->v = calloc(state->n + 1, sizeof(*state->v));
	assert_non_null(state->v);
	for (size_t i = 0; i < state->n; i++) {
		state->v[i] = o->records.v[i];
		state->v[i].line = strdup(o->records.v[i].line);
		assert_non_null(state->v[i].line);
	}
	o->deltas[o->serial] = o->delta;
	o->delta = (struct trust_buf){0};
	return o->serial;
}

/* The lines of a state, each with its newline. */
static inline void
origin_dump(const struct origin *o, int64_t serial, struct trust_buf *out)
{
	const struct origin_records *state = &o->states[serial];

	for (size_t i = 0; i < state->n; i++)
		assert_int_equal(
		    trust_buf_printf(out, "%s\n", state->v[i].line), TRUST_OK);
}

static inline struct trust_thumbprint
origin_digest(const struct origin *o, int64_t serial)
{
	const struct origin_records *state = &o->states[serial];
	struct trust_thumbprint sum = {0}, one;

	for (size_t i = 0; i < state->n; i++) {
		assert_int_equal(
		    trust_thumbprint_of(trust_span_of(state->v[i].line), &one),
		    TRUST_OK);
		trust_content_state_add(&sum, &one);
	}
	return sum;
}

/* ---- Parts ---- */

static inline const struct origin_part *
origin_find_part(const struct origin *o, const struct trust_thumbprint *sha256)
{
	for (size_t i = 0; i < o->n_parts; i++) {
		if (trust_thumbprint_equal(&o->parts[i].sha256, sha256))
			return &o->parts[i];
	}
	return NULL;
}

/* The octets of a part that was named. */
static inline struct trust_span
origin_get_part(const struct origin *o, const struct trust_thumbprint *sha256)
{
	const struct origin_part *part = origin_find_part(o, sha256);

	assert_non_null(part);
	return part == NULL ? (struct trust_span){0}
			    : trust_buf_get0(&part->bytes);
}

static inline void
origin_add_part(
    struct origin *o, struct trust_parts *parts, struct trust_span bytes)
{
	struct origin_part part = {0};
	struct trust_part *named;

	assert_int_equal(trust_thumbprint_of(bytes, &part.sha256), TRUST_OK);
	parts->v = reallocarray(parts->v, parts->n + 1, sizeof(*parts->v));
	assert_non_null(parts->v);
	named = &parts->v[parts->n++];
	*named = (struct trust_part){part.sha256, (uint32_t)bytes.len};
	if (origin_find_part(o, &part.sha256) != NULL)
		return;
	assert_int_equal(
	    trust_buf_add(&part.bytes, bytes.p, bytes.len), TRUST_OK);
	o->parts = reallocarray(o->parts, o->n_parts + 1, sizeof(*o->parts));
	assert_non_null(o->parts);
	o->parts[o->n_parts++] = part;
}

/* Cut lines into parts. */
static inline void
origin_cut(struct origin *o, struct trust_parts *parts, struct trust_span lines)
{
	while (lines.len > 0) {
		size_t len = lines.len;

		if (len > o->part_len) {
			const uint8_t *end = memchr(lines.p + o->part_len, '\n',
			    lines.len - o->part_len);

			assert_non_null(end);
			len = (size_t)(end - lines.p) + 1;
		}
		origin_add_part(o, parts, (struct trust_span){lines.p, len});
		lines.p += len;
		lines.len -= len;
	}
}

static inline void
origin_cut_snapshot(struct origin *o, struct trust_parts *parts)
{
	const struct origin_records *state = &o->states[parts->serial];
	struct trust_buf lines = {0};

	for (size_t i = 0; i < state->n; i++)
		assert_int_equal(trust_content_encode_put(
				     trust_span_of(state->v[i].line), &lines),
		    TRUST_OK);
	origin_cut(o, parts, trust_buf_get0(&lines));
	trust_buf_free(&lines);
}

/* ---- Notifications ---- */

/* What it would say now; the caller may change that, and frees. */
static inline struct trust_notification *
origin_describe(struct origin *o)
{
	struct trust_notification *n = calloc(1, sizeof(*n));
	int64_t first = o->first_delta;

	assert_non_null(n);
	snprintf(n->scope, sizeof(n->scope), "gw1");
	snprintf(n->session, sizeof(n->session), "%s", o->session);
	n->serial = o->serial;
	n->this_update = o->this_update;
	n->next_update = o->this_update + DAY_S;
	n->n_records = (int64_t)o->states[o->serial].n;
	n->state = origin_digest(o, o->serial);
	n->format = TRUST_FORMAT;
	n->mass_removal = o->mass_removal;
	n->snapshot.serial = o->snapshot > 0 ? o->snapshot : 1;
	origin_cut_snapshot(o, &n->snapshot);
	n->n_deltas = (size_t)(o->serial - first + 1);
	n->deltas = calloc(n->n_deltas + 1, sizeof(*n->deltas));
	assert_non_null(n->deltas);
	for (size_t i = 0; i < n->n_deltas; i++) {
		n->deltas[i].serial = first + (int64_t)i;
		origin_cut(o, &n->deltas[i],
		    trust_buf_get0(&o->deltas[n->deltas[i].serial]));
	}
	return n;
}

/* Sign it by some of these pairs; the caller frees `out`. */
static inline void
origin_sign(const struct trust_notification *n, const struct trust_pair *pairs,
    size_t n_pairs, struct trust_buf *out)
{
	struct trust_statement_signer signers[4];
	struct trust_message msg = {0};
	struct trust_buf content = {0};

	assert_true(n_pairs <= 4);
	for (size_t i = 0; i < n_pairs; i++)
		signers[i] = (struct trust_statement_signer){
		    pairs[i].certificate, pairs[i].key};
	assert_int_equal(trust_notification_encode(n, &content), TRUST_OK);
	if (trust_statement_sign(trust_buf_get0(&content), signers, n_pairs,
		out, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	trust_buf_free(&content);
}

/* The notification of the present serial, signed by the first. */
static inline struct trust_buf
origin_publish(struct origin *o)
{
	struct trust_notification *n = origin_describe(o);
	struct trust_buf der = {0};

	origin_sign(n, o->signers, 1, &der);
	trust_notification_free(n);
	return der;
}

#endif
