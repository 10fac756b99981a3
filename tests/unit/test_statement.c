/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c: what is opened, what is not, and who may sign; with real keys,
 * real certificates and OpenSSL's own command.
 */
#include "signer_scratch.h"

#include <openssl/cms.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#include "notification.h"
#include "statement.h"

#define CONTENT "{\"type\":\"trust-notification\"}\n"

/* A root of signers with three of them, and what others have. */
struct fixture {
	struct trust_pair root;
	struct trust_pair signers[3];
	STACK_OF(X509) *anchors; /* the root */
	struct trust_message msg;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->root = signer_make(TRUST_PROFILE_SIGNER_ROOT, "registry root", NULL);
	for (size_t i = 0; i < 3; i++)
		f->signers[i] =
		    signer_make(TRUST_PROFILE_SIGNER, "signer", &f->root);
	f->anchors = signer_anchors(f->root.certificate, NULL);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	sk_X509_free(f->anchors);
	for (size_t i = 0; i < 3; i++)
		trust_pair_clear(&f->signers[i]);
	trust_pair_clear(&f->root);
	free(f);
	return 0;
}

/* ---- Statements as the library makes them ---- */

static struct trust_buf
sign(const struct trust_pair *pairs, size_t n)
{
	struct trust_statement_signer signers[TRUST_STATEMENT_SIGNERS_MAX];
	struct trust_message msg = {0};
	struct trust_buf der;

	for (size_t i = 0; i < n; i++)
		signers[i] = (struct trust_statement_signer){
		    pairs[i].certificate, pairs[i].key};
	if (trust_statement_sign(
		trust_span_of(CONTENT), signers, n, &der, &msg) != TRUST_OK)
		fail_msg("%s", msg.text);
	return der;
}

static enum trust_sync_reason
open_span(struct trust_span der, struct trust_statement **out)
{
	struct trust_message msg = {0};
	enum trust_sync_reason reason;

	assert_int_equal(
	    trust_statement_open(der, out, &reason, &msg), TRUST_OK);
	assert_int_equal(*out != NULL, reason == TRUST_SYNC_ACCEPTED);
	assert_int_equal(msg.text[0] != '\0', reason != TRUST_SYNC_ACCEPTED);
	return reason;
}

/* Why these octets are not opened. */
static void
assert_refused(struct trust_span der, enum trust_sync_reason want)
{
	struct trust_statement *statement;
	enum trust_sync_reason got = open_span(der, &statement);

	trust_statement_free(statement);
	assert_string_equal(
	    trust_sync_reason_name(got), trust_sync_reason_name(want));
}

static enum trust_sync_reason
check_times(struct trust_span der, STACK_OF(X509) *anchors, size_t n_wanted,
    int64_t now, int64_t this_update)
{
	struct trust_statement *statement;
	struct trust_message msg = {0};
	enum trust_sync_reason reason;

	assert_int_equal(open_span(der, &statement), TRUST_SYNC_ACCEPTED);
	assert_int_equal(trust_statement_check_signers(statement, anchors,
			     n_wanted, now, this_update, &reason, &msg),
	    TRUST_OK);
	assert_true(reason == TRUST_SYNC_ACCEPTED || msg.text[0] != '\0');
	trust_statement_free(statement);
	return reason;
}

static enum trust_sync_reason
check(struct trust_span der, STACK_OF(X509) *anchors, size_t n_wanted,
    int64_t when)
{
	return check_times(der, anchors, n_wanted, when, when);
}

/* What comes of a statement that these sign, at a time. */
static void
assert_checked(const struct trust_pair *pairs, size_t n,
    STACK_OF(X509) *anchors, size_t n_wanted, int64_t when,
    enum trust_sync_reason want)
{
	struct trust_buf der = sign(pairs, n);
	enum trust_sync_reason got =
	    check(trust_buf_get0(&der), anchors, n_wanted, when);

	trust_buf_free(&der);
	assert_string_equal(
	    trust_sync_reason_name(got), trust_sync_reason_name(want));
}

/* ---- Accepted ---- */

static void
opens_what_it_signs(void **state)
{
	struct fixture *f = *state;
	struct trust_buf der = sign(f->signers, 3);
	struct trust_statement *statement;
	struct trust_span content;

	assert_int_equal(
	    open_span(trust_buf_get0(&der), &statement), TRUST_SYNC_ACCEPTED);
	content = trust_statement_get0_content(statement);
	assert_int_equal(content.len, strlen(CONTENT));
	assert_memory_equal(content.p, CONTENT, content.len);
	for (size_t i = 0; i < 3; i++)
		assert_non_null(trust_statement_get0_signer(statement, i));
	assert_null(trust_statement_get0_signer(statement, 3));
	trust_statement_free(statement);
	trust_buf_free(&der);
}

static void
accepts_enough_signers(void **state)
{
	struct fixture *f = *state;
	struct trust_pair stranger =
	    signer_make(TRUST_PROFILE_SIGNER_ROOT, "registry root", NULL);
	struct trust_pair mixed[] = {f->signers[0], stranger};

	assert_checked(
	    f->signers, 1, f->anchors, 1, SIGNER_NOW, TRUST_SYNC_ACCEPTED);
	assert_checked(
	    f->signers, 3, f->anchors, 3, SIGNER_NOW, TRUST_SYNC_ACCEPTED);
	assert_checked(
	    f->signers, 3, f->anchors, 2, SIGNER_NOW, TRUST_SYNC_ACCEPTED);
	/* Who does not qualify does not count, and does no harm. */
	assert_checked(
	    mixed, 2, f->anchors, 1, SIGNER_NOW, TRUST_SYNC_ACCEPTED);
	/* Both ends belong to the validity. */
	assert_checked(
	    f->signers, 1, f->anchors, 1, SIGNER_BEGIN, TRUST_SYNC_ACCEPTED);
	assert_checked(
	    f->signers, 1, f->anchors, 1, SIGNER_END, TRUST_SYNC_ACCEPTED);
	trust_pair_clear(&stranger);
}

/* An anchor of the same name beside it, before or behind, changes nothing. */
static void
accepts_among_anchors_of_one_name(void **state)
{
	struct fixture *f = *state;
	struct trust_pair twin =
	    signer_make(TRUST_PROFILE_SIGNER_ROOT, "registry root", NULL);
	STACK_OF(X509) *before =
	    signer_anchors(twin.certificate, f->root.certificate);
	STACK_OF(X509) *behind =
	    signer_anchors(f->root.certificate, twin.certificate);

	assert_checked(
	    f->signers, 1, before, 1, SIGNER_NOW, TRUST_SYNC_ACCEPTED);
	assert_checked(
	    f->signers, 1, behind, 1, SIGNER_NOW, TRUST_SYNC_ACCEPTED);
	sk_X509_free(before);
	sk_X509_free(behind);
	trust_pair_clear(&twin);
}

/* ---- Statements as only OpenSSL makes them ---- */

/* Flags, content type and digest of a statement made by hand. */
struct shape {
	unsigned flags;
	int type;          /* NID of the content; 0: id-data */
	const EVP_MD *md;  /* NULL: SHA-256 */
	bool retyped;      /* called id-data after it was signed */
	bool indefinite;   /* BER */
	unsigned n_copies; /* of the signer; 0: one */
};

static struct trust_buf
encode(CMS_ContentInfo *cms, BIO *content, const struct shape *shape)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct trust_buf out = {0};
	char *p;
	long len;

	if (shape->indefinite)
		assert_int_equal(
		    i2d_CMS_bio_stream(bio, cms, content, (int)shape->flags),
		    1);
	else
		assert_int_equal(i2d_CMS_bio(bio, cms), 1);
	len = BIO_get_mem_data(bio, &p);
	assert_true(len > 0);
	assert_int_equal(trust_buf_add(&out, p, (size_t)len), TRUST_OK);
	BIO_free(bio);
	return out;
}

static struct trust_buf
shape(const struct trust_pair *signer, const struct shape *shape)
{
	unsigned flags = CMS_BINARY | CMS_PARTIAL | shape->flags;
	const EVP_MD *md = shape->md != NULL ? shape->md : EVP_sha256();
	BIO *content = BIO_new_mem_buf(CONTENT, -1);
	CMS_ContentInfo *cms =
	    CMS_sign(NULL, NULL, NULL, NULL, CMS_BINARY | flags);
	struct trust_buf out;

	assert_non_null(cms);
	if (shape->type != 0)
		assert_int_equal(
		    CMS_set1_eContentType(cms, OBJ_nid2obj(shape->type)), 1);
	for (unsigned i = 0; i == 0 || i < shape->n_copies; i++) {
		/* One certificate is enough. */
		assert_non_null(CMS_add1_signer(cms, signer->certificate,
		    signer->key, md, flags | (i > 0 ? CMS_NOCERTS : 0)));
	}
	if (!shape->indefinite)
		assert_int_equal(CMS_final(cms, content, NULL, flags), 1);
	if (shape->retyped)
		assert_int_equal(
		    CMS_set1_eContentType(cms, OBJ_nid2obj(NID_pkcs7_data)), 1);
	out = encode(cms, content, shape);
	CMS_ContentInfo_free(cms);
	BIO_free(content);
	return out;
}

static void
accepts_other_shapes(void **state)
{
	static const struct shape shapes[] = {
	    {.flags = CMS_NOATTR},
	    {.flags = CMS_USE_KEYID},
	    {.flags = CMS_NOSMIMECAP},
	    {.n_copies = TRUST_STATEMENT_SIGNERS_MAX},
	};
	struct fixture *f = *state;
	struct trust_buf der;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		der = shape(&f->signers[0], &shapes[i]);
		assert_int_equal(
		    check(trust_buf_get0(&der), f->anchors, 1, SIGNER_NOW),
		    TRUST_SYNC_ACCEPTED);
		trust_buf_free(&der);
	}
}

static void
refuses_other_shapes(void **state)
{
	static const struct {
		struct shape shape;
		enum trust_sync_reason reason;
	} cases[] = {
	    {{.flags = CMS_DETACHED}, TRUST_SYNC_MALFORMED},
	    {{.flags = CMS_NOCERTS}, TRUST_SYNC_MALFORMED},
	    {{.flags = CMS_STREAM, .indefinite = true}, TRUST_SYNC_MALFORMED},
	    {{.type = NID_id_smime_ct_TSTInfo}, TRUST_SYNC_MALFORMED},
	    {{.n_copies = TRUST_STATEMENT_SIGNERS_MAX + 1},
		TRUST_SYNC_MALFORMED},
	    /* Signed as something else, and said to be data. */
	    {{.type = NID_id_smime_ct_TSTInfo, .retyped = true},
		TRUST_SYNC_SIGNATURE_INVALID},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_buf der = shape(&f->signers[0], &cases[i].shape);

		assert_refused(trust_buf_get0(&der), cases[i].reason);
		trust_buf_free(&der);
	}
}

/* RFC 5652 allows it, for certificates alone; here nobody vouches. */
static void
refuses_without_signer(void **state)
{
	static const uint8_t der[] = {0x30, 0x29, 0x06, 0x09, 0x2a, 0x86, 0x48,
	    0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, 0xa0, 0x1c, 0x30, 0x1a, 0x02,
	    0x01, 0x01, 0x31, 0x00, 0x30, 0x11, 0x06, 0x09, 0x2a, 0x86, 0x48,
	    0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01, 0xa0, 0x04, 0x04, 0x02, '{',
	    '}', 0x31, 0x00};

	(void)state;
	assert_refused(
	    (struct trust_span){der, sizeof(der)}, TRUST_SYNC_MALFORMED);
}

static void
refuses_other_cms(void **state)
{
	const struct shape plain = {0};
	BIO *content = BIO_new_mem_buf(CONTENT, -1);
	CMS_ContentInfo *cms = CMS_data_create(content, CMS_BINARY);
	struct trust_buf der;

	(void)state;
	der = encode(cms, NULL, &plain);
	assert_refused(trust_buf_get0(&der), TRUST_SYNC_MALFORMED);
	trust_buf_free(&der);
	CMS_ContentInfo_free(cms);
	BIO_free(content);
}

/* ---- Octets that are not a statement ---- */

static void
refuses_other_octets(void **state)
{
	static const char *const texts[] = {"", "0", "{}", CONTENT, "\x30\x80",
	    "-----BEGIN CMS-----\n", "\x30\x84\xff\xff\xff\xff"};
	struct fixture *f = *state;
	struct trust_buf der = sign(f->signers, 1);
	struct trust_span span = trust_buf_get0(&der);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_refused(trust_span_of(texts[i]), TRUST_SYNC_MALFORMED);
	assert_refused((struct trust_span){0}, TRUST_SYNC_MALFORMED);
	/* The NUL behind it is one octet too many. */
	span.len++;
	assert_refused(span, TRUST_SYNC_MALFORMED);
	for (span.len = 0; span.len < der.len; span.len++)
		assert_refused(span, TRUST_SYNC_MALFORMED);
	trust_buf_free(&der);
}

/* BER with the same meaning: a length of more octets than it needs. */
static void
refuses_long_lengths(void **state)
{
	struct fixture *f = *state;
	struct trust_buf der = sign(f->signers, 1);
	struct trust_buf ber = {0};

	assert_memory_equal(der.p, "\x30\x82", 2);
	assert_int_equal(trust_buf_add(&ber, "\x30\x83", 3), TRUST_OK);
	assert_int_equal(trust_buf_add(&ber, der.p + 2, der.len - 2), TRUST_OK);
	assert_refused(trust_buf_get0(&ber), TRUST_SYNC_MALFORMED);
	trust_buf_free(&ber);
	trust_buf_free(&der);
}

static void
refuses_too_large(void **state)
{
	struct trust_span span = {
	    calloc(1, TRUST_NOTIFICATION_MAX + 1), TRUST_NOTIFICATION_MAX + 1};

	(void)state;
	assert_non_null(span.p);
	assert_refused(span, TRUST_SYNC_TOO_LARGE);
	span.len--;
	assert_refused(span, TRUST_SYNC_MALFORMED);
	free((void *)(uintptr_t)span.p);
}

static bool
is_taken(const struct fixture *f, struct trust_span der)
{
	struct trust_statement *statement;
	struct trust_message msg;
	enum trust_sync_reason reason;
	struct trust_span content;

	if (open_span(der, &statement) != TRUST_SYNC_ACCEPTED)
		return false;
	assert_int_equal(trust_statement_check_signers(statement, f->anchors, 1,
			     SIGNER_NOW, SIGNER_NOW, &reason, &msg),
	    TRUST_OK);
	content = trust_statement_get0_content(statement);
	if (reason == TRUST_SYNC_ACCEPTED)
		assert_memory_equal(content.p, CONTENT, strlen(CONTENT));
	trust_statement_free(statement);
	return reason == TRUST_SYNC_ACCEPTED;
}

/* Whichever octet is altered. Only the two CMSVersions are nobody's word;
 * nothing depends on them. */
static void
refuses_altered_octets(void **state)
{
	struct fixture *f = *state;
	struct trust_buf der = sign(f->signers, 1);
	size_t n_taken = 0;

	for (size_t i = 0; i < der.len; i++) {
		der.p[i] ^= 1;
		if (is_taken(f, trust_buf_get0(&der))) {
			n_taken++;
			assert_memory_equal(der.p + i - 2, "\x02\x01", 2);
		}
		der.p[i] ^= 1;
	}
	trust_buf_free(&der);
	assert_in_range(n_taken, 0, 2);
}

static void
refuses_altered_content(void **state)
{
	struct fixture *f = *state;
	struct trust_buf der = sign(f->signers, 3);
	uint8_t *type = memmem(der.p, der.len, "trust-not", 9);

	assert_non_null(type);
	*type = 'T';
	assert_refused(trust_buf_get0(&der), TRUST_SYNC_SIGNATURE_INVALID);
	trust_buf_free(&der);
}

/* The last octets are those of the last signer's signature: the others, good
 * as they are, do not save it. */
static void
refuses_one_bad_signature(void **state)
{
	struct fixture *f = *state;
	struct trust_buf der = sign(f->signers, 3);

	der.p[der.len - 1] ^= 1;
	assert_refused(trust_buf_get0(&der), TRUST_SYNC_SIGNATURE_INVALID);
	trust_buf_free(&der);
}

/* ---- Who may not sign ---- */

/* A signer of this profile below another issuer, and nobody else. */
static void
assert_untrusted(struct fixture *f, struct trust_pair signer, const char *what)
{
	struct trust_buf der = sign(&signer, 1);
	enum trust_sync_reason got =
	    check(trust_buf_get0(&der), f->anchors, 1, SIGNER_NOW);

	if (got != TRUST_SYNC_SIGNER_UNTRUSTED)
		fail_msg("%s: %s", what, trust_sync_reason_name(got));
	trust_buf_free(&der);
	trust_pair_clear(&signer);
}

static void
refuses_strangers(void **state)
{
	struct fixture *f = *state;
	struct trust_pair stranger =
	    signer_make(TRUST_PROFILE_SIGNER_ROOT, "registry root", NULL);
	struct trust_pair devices =
	    signer_make(TRUST_PROFILE_ROOT, "device root", NULL);
	struct trust_pair edge =
	    signer_make(TRUST_PROFILE_EDGE_CA, "edge", &devices);

	assert_untrusted(f,
	    signer_make(TRUST_PROFILE_SIGNER, "signer", &stranger),
	    "an anchor's name and another key");
	assert_untrusted(
	    f, signer_make(TRUST_PROFILE_DEVICE, "temp-01", &edge), "a device");
	assert_untrusted(f,
	    signer_make(TRUST_PROFILE_EDGE_CA, "edge", &devices), "an Edge CA");
	assert_untrusted(f, signer_make(TRUST_PROFILE_SIGNER, "signer", NULL),
	    "self-signed");
	trust_pair_clear(&edge);
	trust_pair_clear(&devices);
	trust_pair_clear(&stranger);
}

static void
refuses_below_intermediates(void **state)
{
	struct fixture *f = *state;
	struct trust_pair root =
	    signer_make(TRUST_PROFILE_ROOT, "deep root", NULL);
	struct trust_pair ca =
	    signer_make(TRUST_PROFILE_INTERMEDIATE, "ca", &root);
	struct trust_pair signer =
	    signer_make(TRUST_PROFILE_SIGNER, "signer", &ca);
	STACK_OF(X509) *top = signer_anchors(root.certificate, NULL);
	STACK_OF(X509) *both = signer_anchors(root.certificate, ca.certificate);
	/* The intermediate comes along as a signer's certificate. */
	struct trust_pair with_ca[] = {signer, ca};

	(void)f;
	assert_checked(
	    &signer, 1, top, 1, SIGNER_NOW, TRUST_SYNC_SIGNER_UNTRUSTED);
	assert_checked(
	    with_ca, 2, top, 1, SIGNER_NOW, TRUST_SYNC_SIGNER_UNTRUSTED);
	assert_checked(&signer, 1, both, 1, SIGNER_NOW, TRUST_SYNC_ACCEPTED);
	sk_X509_free(both);
	sk_X509_free(top);
	trust_pair_clear(&signer);
	trust_pair_clear(&ca);
	trust_pair_clear(&root);
}

static void
refuses_cas(void **state)
{
	struct fixture *f = *state;
	struct trust_pair root =
	    signer_make(TRUST_PROFILE_ROOT, "registry root", NULL);
	struct trust_pair ca = signer_make(TRUST_PROFILE_EDGE_CA, "ca", &root);
	STACK_OF(X509) *anchors = signer_anchors(root.certificate, NULL);

	(void)f;
	assert_checked(
	    &root, 1, anchors, 1, SIGNER_NOW, TRUST_SYNC_SIGNER_UNTRUSTED);
	assert_checked(
	    &ca, 1, anchors, 1, SIGNER_NOW, TRUST_SYNC_SIGNER_UNTRUSTED);
	sk_X509_free(anchors);
	trust_pair_clear(&ca);
	trust_pair_clear(&root);
}

static void
refuses_other_times(void **state)
{
	struct fixture *f = *state;

	assert_checked(f->signers, 1, f->anchors, 1, SIGNER_BEGIN - 1,
	    TRUST_SYNC_SIGNER_UNTRUSTED);
	assert_checked(f->signers, 1, f->anchors, 1, SIGNER_END + 1,
	    TRUST_SYNC_SIGNER_UNTRUSTED);
	assert_checked(
	    f->signers, 1, f->anchors, 1, 0, TRUST_SYNC_SIGNER_UNTRUSTED);
}

/* The signer is valid, and its anchor no longer. */
static void
refuses_expired_anchor(void **state)
{
	struct fixture *f = *state;

	assert_non_null(ASN1_TIME_set(
	    X509_getm_notAfter(f->root.certificate), SIGNER_NOW - 1));
	signer_resign(&f->root, &f->root, EVP_sha256());
	assert_checked(f->signers, 1, f->anchors, 1, SIGNER_NOW,
	    TRUST_SYNC_SIGNER_UNTRUSTED);
	assert_checked(
	    f->signers, 1, f->anchors, 1, SIGNER_NOW - 1, TRUST_SYNC_ACCEPTED);
}

/* keyUsage of the signer as OpenSSL writes it; NULL: none. */
static struct trust_pair
with_key_usage(const struct fixture *f, const char *value)
{
	struct trust_pair pair =
	    signer_make(TRUST_PROFILE_SIGNER, "signer", &f->root);
	X509 *x509 = pair.certificate;
	X509_EXTENSION *extension;

	X509_EXTENSION_free(X509_delete_ext(
	    x509, X509_get_ext_by_NID(x509, NID_key_usage, -1)));
	if (value != NULL) {
		extension =
		    X509V3_EXT_conf_nid(NULL, NULL, NID_key_usage, value);
		assert_int_equal(X509_add_ext(x509, extension, -1), 1);
		X509_EXTENSION_free(extension);
	}
	signer_resign(&pair, &f->root, EVP_sha256());
	return pair;
}

static void
refuses_other_usages(void **state)
{
	struct fixture *f = *state;

	assert_untrusted(f, with_key_usage(f, NULL), "no keyUsage");
	assert_untrusted(f, with_key_usage(f, "nonRepudiation"),
	    "keyUsage without digitalSignature");
	assert_untrusted(f, with_key_usage(f, "digitalSignature,keyCertSign"),
	    "keyCertSign as well");
}

static struct trust_pair
issued_with(const struct fixture *f, const EVP_MD *md)
{
	struct trust_pair pair =
	    signer_make(TRUST_PROFILE_SIGNER, "signer", &f->root);

	signer_resign(&pair, &f->root, md);
	return pair;
}

static struct trust_pair
with_rsa_key(const struct fixture *f, unsigned bits)
{
	struct trust_pair pair = {.key = EVP_RSA_gen(bits)};
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_SIGNER,
	    .cn = "signer",
	    .key = pair.key,
	    .issuer = f->root.certificate,
	    .issuer_key = f->root.key,
	    .not_before = SIGNER_BEGIN,
	    .not_after = SIGNER_END,
	};

	assert_int_equal(
	    trust_issue_certificate(&issue, &pair.certificate, NULL), TRUST_OK);
	return pair;
}

static void
refuses_weak_ones(void **state)
{
	struct fixture *f = *state;
	struct trust_pair strong = with_rsa_key(f, 2048);

	assert_untrusted(f, issued_with(f, EVP_sha1()), "issued with SHA-1");
	assert_untrusted(
	    f, issued_with(f, EVP_sha224()), "issued with SHA-224");
	assert_untrusted(f, with_rsa_key(f, 1024), "RSA 1024");
	assert_checked(
	    &strong, 1, f->anchors, 1, SIGNER_NOW, TRUST_SYNC_ACCEPTED);
	trust_pair_clear(&strong);
}

static void
refuses_weak_digests(void **state)
{
	struct fixture *f = *state;
	const struct {
		const EVP_MD *md;
		enum trust_sync_reason reason;
	} cases[] = {
	    {EVP_sha1(), TRUST_SYNC_SIGNER_UNTRUSTED},
	    {EVP_sha224(), TRUST_SYNC_SIGNER_UNTRUSTED},
	    {EVP_sha256(), TRUST_SYNC_ACCEPTED},
	    {EVP_sha384(), TRUST_SYNC_ACCEPTED},
	    {EVP_sha512(), TRUST_SYNC_ACCEPTED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct shape weak = {.md = cases[i].md};
		struct trust_buf der = shape(&f->signers[0], &weak);

		assert_int_equal(
		    check(trust_buf_get0(&der), f->anchors, 1, SIGNER_NOW),
		    cases[i].reason);
		trust_buf_free(&der);
	}
}

static void
refuses_no_anchors(void **state)
{
	struct fixture *f = *state;
	STACK_OF(X509) *none = signer_anchors(NULL, NULL);

	assert_checked(
	    f->signers, 1, none, 1, SIGNER_NOW, TRUST_SYNC_SIGNER_UNTRUSTED);
	assert_checked(
	    f->signers, 1, NULL, 1, SIGNER_NOW, TRUST_SYNC_SIGNER_UNTRUSTED);
	/* Nobody is never enough. */
	assert_checked(
	    f->signers, 1, none, 0, SIGNER_NOW, TRUST_SYNC_SIGNER_UNTRUSTED);
	sk_X509_free(none);
}

static void
refuses_too_few(void **state)
{
	struct fixture *f = *state;
	struct trust_pair stranger =
	    signer_make(TRUST_PROFILE_SIGNER, "signer", NULL);
	struct trust_pair mixed[] = {f->signers[0], stranger, f->signers[1]};

	assert_checked(f->signers, 1, f->anchors, 2, SIGNER_NOW,
	    TRUST_SYNC_TOO_FEW_SIGNERS);
	assert_checked(f->signers, 3, f->anchors, 4, SIGNER_NOW,
	    TRUST_SYNC_TOO_FEW_SIGNERS);
	assert_checked(
	    mixed, 2, f->anchors, 2, SIGNER_NOW, TRUST_SYNC_TOO_FEW_SIGNERS);
	assert_checked(
	    mixed, 3, f->anchors, 3, SIGNER_NOW, TRUST_SYNC_TOO_FEW_SIGNERS);
	assert_checked(
	    mixed, 3, f->anchors, 2, SIGNER_NOW, TRUST_SYNC_ACCEPTED);
	trust_pair_clear(&stranger);
}

/* A signer with these days of validity, from SIGNER_NOW on. */
static struct trust_pair
make_for_days(const struct fixture *f, int from, int until)
{
	struct trust_pair pair =
	    signer_make(TRUST_PROFILE_SIGNER, "signer", &f->root);

	assert_non_null(ASN1_TIME_set(X509_getm_notBefore(pair.certificate),
	    SIGNER_NOW + from * SIGNER_DAY));
	assert_non_null(ASN1_TIME_set(X509_getm_notAfter(pair.certificate),
	    SIGNER_NOW + until * SIGNER_DAY));
	signer_resign(&pair, &f->root, EVP_sha256());
	return pair;
}

/* this_update two days ago: neither who has come since nor who has gone since
 * signs, and not both together. */
static void
counts_who_is_valid_at_both_times(void **state)
{
	struct fixture *f = *state;
	const int64_t then = SIGNER_NOW - 2 * SIGNER_DAY;
	struct trust_pair pairs[] = {make_for_days(f, -1, 9),
	    make_for_days(f, -9, -1), f->signers[0], f->signers[1]};
	const struct {
		size_t first, n, n_wanted;
		enum trust_sync_reason now, then, both;
	} cases[] = {
	    {0, 1, 1, TRUST_SYNC_ACCEPTED, TRUST_SYNC_SIGNER_UNTRUSTED,
		TRUST_SYNC_SIGNER_UNTRUSTED},
	    {1, 1, 1, TRUST_SYNC_SIGNER_UNTRUSTED, TRUST_SYNC_ACCEPTED,
		TRUST_SYNC_SIGNER_UNTRUSTED},
	    {0, 2, 1, TRUST_SYNC_ACCEPTED, TRUST_SYNC_ACCEPTED,
		TRUST_SYNC_SIGNER_UNTRUSTED},
	    {0, 3, 2, TRUST_SYNC_ACCEPTED, TRUST_SYNC_ACCEPTED,
		TRUST_SYNC_TOO_FEW_SIGNERS},
	    {0, 3, 1, TRUST_SYNC_ACCEPTED, TRUST_SYNC_ACCEPTED,
		TRUST_SYNC_ACCEPTED},
	    {0, 4, 2, TRUST_SYNC_ACCEPTED, TRUST_SYNC_ACCEPTED,
		TRUST_SYNC_ACCEPTED},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trust_buf der = sign(&pairs[cases[i].first], cases[i].n);
		struct trust_span span = trust_buf_get0(&der);
		size_t n = cases[i].n_wanted;

		assert_int_equal(
		    check(span, f->anchors, n, SIGNER_NOW), cases[i].now);
		assert_int_equal(
		    check(span, f->anchors, n, then), cases[i].then);
		assert_int_equal(
		    check_times(span, f->anchors, n, SIGNER_NOW, then),
		    cases[i].both);
		trust_buf_free(&der);
	}
	trust_pair_clear(&pairs[0]);
	trust_pair_clear(&pairs[1]);
}

static void
counts_signers_once(void **state)
{
	const struct shape twice = {.n_copies = 2};
	struct fixture *f = *state;
	struct trust_buf der = shape(&f->signers[0], &twice);

	assert_int_equal(check(trust_buf_get0(&der), f->anchors, 2, SIGNER_NOW),
	    TRUST_SYNC_TOO_FEW_SIGNERS);
	trust_buf_free(&der);
}

/* A second certificate for the first signer's key makes no second signer. */
static void
counts_keys_once(void **state)
{
	struct fixture *f = *state;
	struct trust_pair again = {0};
	struct trust_issue issue = {
	    .profile = TRUST_PROFILE_SIGNER,
	    .cn = "another name",
	    .key = f->signers[0].key,
	    .issuer = f->root.certificate,
	    .issuer_key = f->root.key,
	    .not_before = SIGNER_BEGIN,
	    .not_after = SIGNER_END,
	};
	struct trust_pair both[2];

	assert_int_equal(
	    trust_issue_certificate(&issue, &again.certificate, NULL),
	    TRUST_OK);
	again.key = f->signers[0].key;
	both[0] = f->signers[0];
	both[1] = again;
	assert_checked(
	    both, 2, f->anchors, 2, SIGNER_NOW, TRUST_SYNC_TOO_FEW_SIGNERS);
	X509_free(again.certificate);
}

/* ---- Signing ---- */

static void
signs_only_what_can_be_opened(void **state)
{
	struct fixture *f = *state;
	const struct trust_statement_signer crossed = {
	    f->signers[0].certificate, f->signers[1].key};
	const struct trust_statement_signer good = {
	    f->signers[0].certificate, f->signers[0].key};
	uint8_t *large = calloc(1, TRUST_NOTIFICATION_MAX);
	struct trust_span span = {large, TRUST_NOTIFICATION_MAX};
	struct trust_buf out;

	assert_non_null(large);
	assert_int_equal(trust_statement_sign(trust_span_of(CONTENT), &crossed,
			     1, &out, &f->msg),
	    TRUST_ERR_INPUT);
	assert_int_equal(trust_statement_sign(
			     trust_span_of(CONTENT), &good, 0, &out, &f->msg),
	    TRUST_ERR_INPUT);
	assert_int_equal(
	    trust_statement_sign(trust_span_of(""), &good, 1, &out, &f->msg),
	    TRUST_ERR_INPUT);
	/* The content fits, and what signing adds does not. */
	assert_int_equal(trust_statement_sign(span, &good, 1, &out, &f->msg),
	    TRUST_ERR_INPUT);
	assert_int_equal(out.len, 0);
	free(large);
}

/* ---- OpenSSL's command ---- */

static void run(const char *fmt, ...) TRUST_PRINTF(1, 2);

static void
run(const char *fmt, ...)
{
	char command[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	if (system(command) != 0)
		fail_msg("%s", command);
}

static struct trust_buf
slurp(const char *dir, const char *name)
{
	struct trust_buf out = {0};
	char path[128];
	uint8_t chunk[4096];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		assert_int_equal(trust_buf_add(&out, chunk, n), TRUST_OK);
	fclose(file);
	return out;
}

/* One command's output, opened and checked for two signers. */
static void
assert_command(const struct fixture *f, const char *dir, const char *options,
    enum trust_sync_reason want)
{
	struct trust_statement *statement;
	struct trust_buf der;
	enum trust_sync_reason reason;

	run("cd %s && openssl cms -sign -binary -nodetach -in content "
	    "-signer a.pem -inkey a.key -signer b.pem -inkey b.key "
	    "-outform DER -out signed.der %s",
	    dir, options);
	der = slurp(dir, "signed.der");
	reason = open_span(trust_buf_get0(&der), &statement);
	assert_string_equal(
	    trust_sync_reason_name(reason), trust_sync_reason_name(want));
	trust_statement_free(statement);
	if (reason == TRUST_SYNC_ACCEPTED)
		assert_int_equal(
		    check(trust_buf_get0(&der), f->anchors, 2, SIGNER_NOW),
		    TRUST_SYNC_ACCEPTED);
	trust_buf_free(&der);
}

static void
reads_what_openssl_signs(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/test-statement.XXXXXX";

	assert_non_null(mkdtemp(dir));
	assert_int_equal(
	    trust_pair_store(&f->signers[0], NULL, dir, "a", &f->msg),
	    TRUST_OK);
	assert_int_equal(
	    trust_pair_store(&f->signers[1], NULL, dir, "b", &f->msg),
	    TRUST_OK);
	run("printf '{\"scope\":\"gw1\"}\\n' >%s/content", dir);
	assert_command(f, dir, "", TRUST_SYNC_ACCEPTED);
	assert_command(f, dir, "-md sha512 -nosmimecap", TRUST_SYNC_ACCEPTED);
	assert_command(f, dir, "-noattr", TRUST_SYNC_ACCEPTED);
	assert_command(f, dir, "-keyid", TRUST_SYNC_ACCEPTED);
	assert_command(f, dir, "-stream", TRUST_SYNC_MALFORMED);
	assert_command(f, dir, "-nocerts", TRUST_SYNC_MALFORMED);
	assert_command(f, dir, "-outform PEM", TRUST_SYNC_MALFORMED);
	run("head -c 1400000 /dev/zero | tr '\\0' x >%s/content", dir);
	assert_command(f, dir, "", TRUST_SYNC_ACCEPTED);
	run("head -c 1600000 /dev/zero | tr '\\0' x >%s/content", dir);
	assert_command(f, dir, "", TRUST_SYNC_TOO_LARGE);
	run("rm -r %s", dir);
}

/* ---- */

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(opens_what_it_signs),
	    TEST(accepts_enough_signers),
	    TEST(accepts_among_anchors_of_one_name),
	    TEST(accepts_other_shapes),
	    TEST(refuses_other_shapes),
	    TEST(refuses_without_signer),
	    TEST(refuses_other_cms),
	    TEST(refuses_other_octets),
	    TEST(refuses_long_lengths),
	    TEST(refuses_too_large),
	    TEST(refuses_altered_octets),
	    TEST(refuses_altered_content),
	    TEST(refuses_one_bad_signature),
	    TEST(refuses_strangers),
	    TEST(refuses_below_intermediates),
	    TEST(refuses_cas),
	    TEST(refuses_other_times),
	    TEST(refuses_expired_anchor),
	    TEST(refuses_other_usages),
	    TEST(refuses_weak_ones),
	    TEST(refuses_weak_digests),
	    TEST(refuses_no_anchors),
	    TEST(refuses_too_few),
	    TEST(counts_who_is_valid_at_both_times),
	    TEST(counts_signers_once),
	    TEST(counts_keys_once),
	    TEST(signs_only_what_can_be_opened),
	    TEST(reads_what_openssl_signs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
