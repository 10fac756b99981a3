/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include "../unit/crl_scratch.h"

#define SECRET "correct-horse-battery-staple-of-256-bits-xx"

static const struct trust_secret psk = {.b = "0123456789abcdef", .len = 16};

static void
put_json(struct house *h, json_t *record)
{
	struct trust_buf line = {0};

	assert_non_null(record);
	assert_int_equal(trust_json_encode(record, &line), TRUST_OK);
	put(h, (const char *)line.p);
	json_decref(record);
	trust_buf_free(&line);
}

/* A record of a kind with a certificate in it, and its purposes, if any. */
static void
put_certificate(struct house *h, const char *kind, const char *id,
    X509 *certificate, json_t *purposes)
{
	BIO *bio = BIO_new(BIO_s_mem());
	json_t *record;
	char *text;
	long len;

	assert_int_equal(PEM_write_bio_X509(bio, certificate), 1);
	len = BIO_get_mem_data(bio, &text);
	record = json_pack("{s:s, s:s, s:s%}", "kind", kind, "id", id, "pem",
	    text, (size_t)len);
	if (purposes != NULL)
		json_object_set_new(record, "purposes", purposes);
	put_json(h, record);
	BIO_free(bio);
}

static void
put_keyed(struct site *site)
{
	struct trust_thumbprint pin;
	char hex[TRUST_THUMBPRINT_TEXT];
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(
	    X509_get_X509_PUBKEY(site->keyed.certificate), &der);

	assert_true(len > 0);
	assert_int_equal(
	    trust_thumbprint_of((struct trust_span){der, (size_t)len}, &pin),
	    TRUST_OK);
	OPENSSL_free(der);
	put_json(
	    &site->house, json_pack("{s:s, s:s, s:{s:s, s:[s]}}", "kind",
			      "device", "id", "keyed", "auth", "type", "key",
			      "pins", trust_thumbprint_format(&pin, hex)));
}

static void
put_meter(struct site *site)
{
	STACK_OF(X509) *recipients = sk_X509_new_null();
	struct trust_buf sealed = {0};

	assert_true(sk_X509_push(recipients, site->own.certificate) > 0);
	assert_int_equal(
	    trust_envelope_seal(&psk, recipients, &sealed, NULL), TRUST_OK);
	put_json(
	    &site->house, json_pack("{s:s, s:s, s:{s:s, s:s, s:s}}", "kind",
			      "device", "id", "meter-04", "auth", "type", "psk",
			      "identity", "one", "key", (char *)sealed.p));
	trust_buf_free(&sealed);
	sk_X509_free(recipients);
}

static void
put_token(struct house *h)
{
	struct trust_thumbprint digest;
	char hex[TRUST_THUMBPRINT_TEXT], when[TRUST_CLOCK_TEXT];

	assert_int_equal(
	    trust_thumbprint_of(trust_span_of(SECRET), &digest), TRUST_OK);
	put_json(h, json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "kind",
			"token", "id", "t-1", "secret_sha256",
			trust_thumbprint_format(&digest, hex), "device",
			"temp-03", "gateway", "gw1", "uses", 1, "expires",
			trust_clock_format(NOW + DAY_S, when)));
}

static void
make_pairs(struct site *site)
{
	struct house *h = &site->house;

	make(&h->root, TRUST_PROFILE_ROOT, "root", NULL);
	make(&h->edge, TRUST_PROFILE_INTERMEDIATE, "edge", &h->root);
	make(&h->device, TRUST_PROFILE_DEVICE, "temp-03", &h->edge);
	make(&h->stranger, TRUST_PROFILE_DEVICE, "temp-04", &h->edge);
	make(&h->pinned, TRUST_PROFILE_DEVICE, "pinned", NULL);
	make(&site->revoked, TRUST_PROFILE_DEVICE, "temp-05", &h->edge);
	make(&site->disabled, TRUST_PROFILE_DEVICE, "temp-06", &h->edge);
	make(&site->impostor, TRUST_PROFILE_DEVICE, "pinned", &h->edge);
	make(&site->keyed, TRUST_PROFILE_DEVICE, "keyed", NULL);
	make(&site->self, TRUST_PROFILE_DEVICE, "self", NULL);
	make(&site->yard_root, TRUST_PROFILE_ROOT, "yard", NULL);
	make(&site->yard, TRUST_PROFILE_DEVICE, "yard-1", &site->yard_root);
	make(&site->own, TRUST_PROFILE_DEVICE, "gw1", NULL);
	make(&site->server, TRUST_PROFILE_SERVER, "upstream", &h->root);
}

static void
put_records(struct site *site)
{
	struct house *h = &site->house;

	put_certificate(h, "anchor", "root", h->root.certificate,
	    json_pack("[s, s, s]", "device", "upstream", "bundle"));
	put_certificate(h, "anchor", "yard-root", site->yard_root.certificate,
	    json_pack("[s]", "device"));
	put_certificate(h, "gateway", "gw1", site->own.certificate, NULL);
	put_pem(h, "edge",
	    crl_make(
		&h->edge, site->revoked.certificate, NOW - DAY_S, NOW + DAY_S),
	    true);
	put_pem(h, "root",
	    crl_make(
		&h->root, site->self.certificate, NOW - DAY_S, NOW + DAY_S),
	    true);
	put(h, "{\"kind\":\"role\",\"id\":\"sensor\",\"rules\":["
	       "{\"effect\":\"allow\",\"actions\":[\"publish\",\"subscribe\"],"
	       "\"topics\":[\"devices/{device}/#\",\"plant/+/state\"]},"
	       "{\"effect\":\"deny\",\"actions\":[\"publish\"],"
	       "\"topics\":[\"devices/{device}/secret\"]}]}");
	put(h, "{\"kind\":\"group\",\"id\":\"plant\",\"anchors\":[\"root\"],"
	       "\"match\":[\"temp-*\"],\"roles\":[\"sensor\"]}");
	put(h, "{\"kind\":\"group\",\"id\":\"yard\",\"anchors\":[\"yard-root\"]"
	       ",\"match\":[\"yard-*\"],\"enroll\":\"automatic\","
	       "\"pin\":\"first\"}");
	put(h, "{\"kind\":\"device\",\"id\":\"temp-03\","
	       "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	put(h, "{\"kind\":\"device\",\"id\":\"temp-05\","
	       "\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	put(h,
	    "{\"kind\":\"device\",\"id\":\"temp-06\",\"status\":\"disabled\","
	    "\"roles\":[],\"auth\":{\"type\":\"ca\",\"group\":\"plant\"}}");
	put_pinned(h, "enabled");
	put_keyed(site);
	put_meter(site);
	put_token(h);
}

static void
make_messages(struct site *site)
{
	X509_REQ *req = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	char *text;
	long len;

	assert_int_equal(X509_REQ_set_pubkey(req, site->house.device.key), 1);
	assert_true(
	    X509_REQ_sign(req, site->house.device.key, EVP_sha256()) > 0);
	len = i2d_X509_REQ(req, &der);
	assert_int_equal(
	    trust_buf_add(&site->request, der, (size_t)len), TRUST_OK);
	assert_int_equal(
	    PEM_write_bio_X509(bio, site->house.device.certificate), 1);
	len = BIO_get_mem_data(bio, &text);
	assert_int_equal(
	    trust_buf_add(&site->response, text, (size_t)len), TRUST_OK);
	OPENSSL_free(der);
	X509_REQ_free(req);
	BIO_free(bio);
}

#define PATH_LEN (sizeof(((struct scratch *)0)->path) + 8)

static const char *
local_path(const struct site *site, char path[PATH_LEN])
{
	(void)snprintf(path, PATH_LEN, "%s.local", site->house.scratch->path);
	return path;
}

/* A gateway was there before, and left what it remembers. */
static void
open_once(struct site *site)
{
	struct trust_gate_config config = {.gateway = "gw1",
	    .registry_path = site->house.scratch->path,
	    .remember = true};
	struct trust_gate *gate;

	assert_int_equal(trust_gate_open(&config, &gate, NULL), TRUST_OK);
	trust_gate_close(gate);
}

/* In memory, where there is such a place: each run writes all of it anew. */
static struct scratch *
make_scratch(void)
{
	void *state = NULL;
	struct scratch *scratch;
	char dir[] = "/dev/shm/test-faults.XXXXXX";

	assert_int_equal(scratch_setup(&state), 0);
	scratch = state;
	if (mkdtemp(dir) != NULL) {
		(void)rmdir(scratch->dir);
		snprintf(scratch->dir, sizeof(scratch->dir), "%s", dir);
		snprintf(
		    scratch->path, sizeof(scratch->path), "%s/devices.db", dir);
	}
	return scratch;
}

void
site_open(struct site *site)
{
	struct house *h = &site->house;
	char path[PATH_LEN];

	h->scratch = make_scratch();
	make_pairs(site);
	scratch_create(h->scratch);
	put_records(site);
	make_messages(site);
	site->sent = sk_X509_new_null();
	assert_true(sk_X509_push(site->sent, h->edge.certificate) > 0);
	open_once(site);
	site->sync = sync_new();
	site->file = scratch_read(h->scratch->path, &site->len);
	site->local = scratch_read(local_path(site, path), &site->local_len);
	site->dump = dump_registry(h->scratch->path);
}

void
site_close(struct site *site)
{
	struct house *h = &site->house;
	struct trust_pair *pairs[] = {&h->root, &h->edge, &h->device,
	    &h->stranger, &h->pinned, &site->revoked, &site->disabled,
	    &site->keyed, &site->yard_root, &site->yard, &site->self,
	    &site->impostor, &site->own, &site->server};
	void *scratch = h->scratch;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		trust_pair_clear(pairs[i]);
	sk_X509_free(site->sent);
	trust_buf_free(&site->request);
	trust_buf_free(&site->response);
	trust_buf_free(&site->dump);
	free(site->file);
	free(site->local);
	sync_free(site->sync);
	(void)scratch_teardown(&scratch);
}

void
site_restore(struct site *site)
{
	char path[PATH_LEN];

	(void)scratch_count(site->house.scratch, true);
	scratch_write(site->house.scratch->path, site->file, site->len);
	scratch_write(local_path(site, path), site->local, site->local_len);
}

/* ---- What is in it ---- */

static enum trust_err
dump_line(void *arg, const char *id, struct trust_span line)
{
	struct trust_buf *out = arg;

	assert_int_equal(trust_buf_add(out, line.p, line.len), TRUST_OK);
	return trust_buf_add(out, "\n", 1);
}

struct trust_buf
dump_registry(const char *path)
{
	struct trust_registry *registry;
	struct trust_message msg = {0};
	struct trust_buf out = {0};

	if (trust_registry_open(path, TRUST_REGISTRY_READ, &registry, &msg) !=
	    TRUST_OK) {
		tell_wrong("%s", msg.text);
		return out;
	}
	for (int kind = TRUST_KIND_FIRST; kind <= TRUST_KIND_LAST; kind++) {
		if (trust_registry_list(registry, (enum trust_kind)kind,
			dump_line, &out, &msg) != TRUST_OK)
			tell_wrong("%s", msg.text);
	}
	trust_registry_close(registry);
	return out;
}

void
check_untouched(struct run *run)
{
	struct trust_buf is = dump_registry(run->site->house.scratch->path);

	if (is.len != run->site->dump.len ||
	    memcmp(is.p, run->site->dump.p, is.len) != 0)
		tell_wrong("the registry is another");
	trust_buf_free(&is);
}
