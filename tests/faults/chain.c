/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths, CRLs, anchors and envelopes while calls fail under them, with more
 * in the certificates than sensors mostly have: RSA, names of every kind,
 * constraints, several CRLs of one CA.
 */
#include "scenario.h"

#include <openssl/x509v3.h>

#include "chain_anchor.h"

#define N_CRLS 3

/* Made once, for all runs. */
static struct {
	struct trust_pair root, edge, good, old, fresh, weak, rsa;
	STACK_OF(X509) *anchors, *untrusted;
	STACK_OF(X509_CRL) *crls, *counting;
	struct trust_buf sealed; /* for `rsa` */
} made;

/* ---- What is made ---- */

static void
make_rich(struct trust_pair *out, const char *cn, enum trust_key type,
    const struct trust_pair *issuer)
{
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_DEVICE,
	    .cn = cn,
	    .serial_number = "SN-1",
	    .dns = "sensor.plant.example",
	    .uri = "urn:dev:sensor",
	    .email = "sensor@plant.example",
	    .not_before = NOW - DAY_S,
	    .not_after = NOW + DAY_S,
	};

	assert_int_equal(
	    trust_pair_make(type, &issue, issuer, out, NULL), TRUST_OK);
}

/* One more extension, and the signature again. */
static void
extend(struct trust_pair *pair, const struct trust_pair *issuer, int nid,
    const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;

	X509V3_set_ctx(
	    &ctx, issuer->certificate, pair->certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(pair->certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
	assert_true(
	    X509_sign(pair->certificate, issuer->key, EVP_sha256()) > 0);
}

static void
add_number(X509_CRL *crl, int nid, long number, int critical)
{
	ASN1_INTEGER *integer = ASN1_INTEGER_new();

	assert_int_equal(ASN1_INTEGER_set(integer, number), 1);
	assert_int_equal(
	    X509_CRL_add1_ext_i2d(crl, nid, integer, critical, 0), 1);
	ASN1_INTEGER_free(integer);
}

static void
add_text(X509_CRL *crl, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_CRL_add_ext(crl, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* A CRL that began `age` seconds ago; with a base it is a delta, and with a
 * scope it is not for all certificates. */
static void
add_crl(const struct trust_pair *issuer, X509 *revoked, long number, int age,
    long base, const char *scope)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *start = ASN1_TIME_set(NULL, (time_t)(NOW - age));
	ASN1_TIME *end = ASN1_TIME_set(NULL, (time_t)(NOW + DAY_S));
	X509V3_CTX ctx;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(
	    crl, X509_get_subject_name(issuer->certificate));
	X509_CRL_set1_lastUpdate(crl, start);
	X509_CRL_set1_nextUpdate(crl, end);
	X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked));
	X509_REVOKED_set_revocationDate(entry, start);
	X509_CRL_add0_revoked(crl, entry);
	add_number(crl, NID_crl_number, number, 0);
	X509V3_set_ctx(&ctx, issuer->certificate, NULL, NULL, crl, 0);
	add_text(crl, &ctx, NID_authority_key_identifier, "keyid:always");
	if (base != 0)
		add_number(crl, NID_delta_crl, base, 1);
	if (scope != NULL)
		add_text(crl, &ctx, NID_issuing_distribution_point, scope);
	assert_true(X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
	assert_true(sk_X509_CRL_push(made.crls, crl) > 0);
	ASN1_TIME_free(start);
	ASN1_TIME_free(end);
}

static void
make_crls(void)
{
	static struct trust_pair other; /* of the same name, another key */

	made.crls = sk_X509_CRL_new_null();
	make(&other, TRUST_PROFILE_INTERMEDIATE, "rich edge", &made.root);
	add_crl(&made.root, made.weak.certificate, 1, 100, 0, NULL);
	add_crl(&made.edge, made.weak.certificate, 1, 9000, 0, NULL);
	add_crl(&made.edge, made.old.certificate, 2, 5000, 0, NULL);
	add_crl(&other, made.good.certificate, 9, 10, 0, NULL);
	/* No registry takes these. */
	add_crl(&made.edge, made.fresh.certificate, 3, 100, 2, NULL);
	add_crl(&made.edge, made.weak.certificate, 5, 40, 0,
	    "critical,indirectCRL:TRUE");
	trust_pair_clear(&other);
	made.counting = sk_X509_CRL_new_null();
	for (int i = 0; i < N_CRLS; i++)
		assert_true(sk_X509_CRL_push(made.counting,
				sk_X509_CRL_value(made.crls, i)) > 0);
}

static void
make_all(struct run *run)
{
	STACK_OF(X509) *recipients;
	const struct trust_secret secret = {.b = "0123456789abcdef", .len = 16};

	if (made.anchors != NULL)
		return;
	make(&made.root, TRUST_PROFILE_ROOT, "rich root", NULL);
	make(&made.edge, TRUST_PROFILE_INTERMEDIATE, "rich edge", &made.root);
	extend(&made.edge, &made.root, NID_name_constraints,
	    "critical,permitted;DNS:plant.example,permitted;email:"
	    "plant.example");
	make_rich(&made.good, "good", TRUST_KEY_RSA2048, &made.edge);
	make_rich(&made.old, "old", TRUST_KEY_P256, &made.edge);
	make_rich(&made.fresh, "fresh", TRUST_KEY_P256, &made.edge);
	make_rich(&made.weak, "another", TRUST_KEY_ED25519, &made.edge);
	make_rich(&made.rsa, "gw1", TRUST_KEY_RSA2048, NULL);
	extend(&made.good, &made.edge, NID_crl_distribution_points,
	    "URI:http://plant.example/crl");
	made.anchors = sk_X509_new_null();
	made.untrusted = sk_X509_new_null();
	recipients = sk_X509_new_null();
	assert_true(sk_X509_push(made.anchors, made.root.certificate) > 0);
	assert_true(sk_X509_push(made.untrusted, made.edge.certificate) > 0);
	/* Another that bears its issuer's name. */
	assert_true(sk_X509_push(
			made.untrusted, run->site->house.edge.certificate) > 0);
	make_crls();
	assert_true(sk_X509_push(recipients, made.rsa.certificate) > 0);
	assert_int_equal(
	    trust_envelope_seal(&secret, recipients, &made.sealed, NULL),
	    TRUST_OK);
	sk_X509_free(recipients);
}

/* ---- Paths ---- */

static void
verify(struct run *run, const char *name, X509 *leaf, int min_rsa_bits,
    const char *policy)
{
	const struct trust_chain_input in = {
	    .leaf = leaf,
	    .untrusted = made.untrusted,
	    .anchors = made.anchors,
	    .crls = made.counting,
	    .now = NOW,
	    .purpose = TRUST_PURPOSE_CLIENT,
	    .revocation = TRUST_REVOCATION_IF_PRESENT,
	    .max_depth = 4,
	    .min_rsa_bits = min_rsa_bits,
	    .policies = &policy,
	    .n_policies = policy != NULL,
	    .require_policy = policy != NULL,
	};
	struct trust_chain chain;
	struct trust_message msg = {0};
	enum trust_err r = trust_chain_verify(&in, &chain, &msg);

	if (r != TRUST_OK)
		answer_done(run, name, r, &msg);
	else
		give_answer(run, name, chain.valid, "%s until %lld",
		    chain.valid ? "valid" : trust_reason_name(chain.reason),
		    chain.valid ? (long long)chain.valid_until : 0);
}

static void
validates(struct run *run)
{
	fault_pause();
	make_all(run);
	fault_resume();
	verify(run, "good", made.good.certificate, 2048, NULL);
	verify(run, "revoked", made.old.certificate, 0, NULL);
	verify(run, "another", made.fresh.certificate, 0, NULL);
	verify(run, "short key", made.good.certificate, 3072, NULL);
	verify(run, "policy", made.good.certificate, 0, "1.2.3.4");
}

static void
checks_anchors(struct run *run)
{
	char detail[TRUST_DETAIL_MAX];
	enum trust_reason reason;
	bool ok;

	fault_pause();
	make_all(run);
	fault_resume();
	ok = trust_chain_anchor_check(made.root.certificate, &reason, detail);
	give_answer(run, "a CA", ok, "%s",
	    ok ? "an anchor" : trust_reason_name(reason));
	ok = trust_chain_anchor_check(made.rsa.certificate, &reason, detail);
	give_answer(run, "an RSA key", ok, "%s",
	    ok ? "an anchor" : trust_reason_name(reason));
}

/* ---- Certificates ---- */

/* A name that is lost must not leave the others alone: who has two is refused,
 * and so is who has one that is malformed. */
static void
answer_names(
    struct run *run, const char *name, const struct trust_certificate *c)
{
	char text[120] = "";
	bool malformed = false;
	size_t len = 0;

	for (int i = 0; i < TRUST_N_IDENTITIES; i++) {
		malformed |= c->names[i].malformed;
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%zu ", c->names[i].n);
	}
	give_answer(run, name, !malformed && c->not_before < c->not_after,
	    "%suntil %lld", text, (long long)c->not_after);
}

static void
reads_certificates(struct run *run)
{
	const struct trust_pair *pairs[] = {&made.good, &made.old, &made.weak};
	char name[20];

	fault_pause();
	make_all(run);
	fault_resume();
	for (size_t i = 0; i < 3; i++) {
		struct trust_certificate *c = NULL;
		struct trust_message msg = {0};
		enum trust_err r =
		    trust_certificate_new(pairs[i]->certificate, &c, &msg);

		snprintf(name, sizeof(name), "read %zu", i);
		if (r == TRUST_OK)
			answer_names(run, name, c);
		else
			answer_done(run, name, r, &msg);
		trust_certificate_free(c);
	}
}

/* Those that say who is revoked are taken; those that need others are not. */
static void
reads_crls(struct run *run)
{
	char name[20];

	fault_pause();
	make_all(run);
	fault_resume();
	for (int i = 0; i < sk_X509_CRL_num(made.crls); i++) {
		struct trust_message msg = {0};
		X509_CRL *crl = NULL;
		enum trust_err r;
		BIO *bio;
		char *text;
		long len;

		fault_pause();
		bio = BIO_new(BIO_s_mem());
		assert_int_equal(PEM_write_bio_X509_CRL(
				     bio, sk_X509_CRL_value(made.crls, i)),
		    1);
		len = BIO_get_mem_data(bio, &text);
		fault_resume();
		r = trust_certificate_parse_crl(
		    (struct trust_span){(uint8_t *)text, (size_t)len}, &crl,
		    &msg);
		snprintf(name, sizeof(name), "crl %d", i);
		answer_done(run, name, r, &msg);
		X509_CRL_free(crl);
		BIO_free(bio);
	}
}

/* ---- Envelopes ---- */

static void
seals(struct run *run)
{
	const struct trust_secret secret = {.b = "0123456789abcdef", .len = 16};
	struct trust_buf out = {0};
	struct trust_secret opened = {0};
	struct trust_message msg = {0};
	STACK_OF(X509) *recipients;
	enum trust_err r;

	fault_pause();
	make_all(run);
	recipients = sk_X509_new_null();
	assert_true(sk_X509_push(recipients, made.rsa.certificate) > 0);
	assert_true(sk_X509_push(recipients, run->site->own.certificate) > 0);
	fault_resume();
	r = trust_envelope_seal(&secret, recipients, &out, &msg);
	answer_done(run, "seal", r, &msg);
	if (r == TRUST_OK && (out.len == 0 || memmem(out.p, out.len, secret.b,
						  secret.len) != NULL))
		tell_wrong("it is not sealed");
	msg.text[0] = '\0';
	r = trust_envelope_open((const char *)made.sealed.p,
	    made.rsa.certificate, made.rsa.key, &opened, &msg);
	answer_done(run, "open", r, &msg);
	if (r == TRUST_OK && (opened.len != secret.len ||
				 memcmp(opened.b, secret.b, secret.len) != 0))
		tell_wrong("another secret");
	msg.text[0] = '\0';
	answer_done(run, "find",
	    trust_envelope_find(
		(const char *)made.sealed.p, made.rsa.certificate, &msg),
	    &msg);
	trust_secret_clear(&opened);
	trust_buf_free(&out);
	fault_pause();
	sk_X509_free(recipients);
	fault_resume();
}

const struct scenario chain_scenarios[] = {
    {"validates", validates, NULL},
    {"checks_anchors", checks_anchors, NULL},
    {"reads_certificates", reads_certificates, NULL},
    {"reads_crls", reads_crls, NULL},
    {"seals", seals, NULL},
    {NULL, NULL, NULL},
};
