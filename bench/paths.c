/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the certificates of a newcomer cost in the library: paths ROUNDS. Makes
 * the worst sets that are known, as large as a client may send them, and
 * prints a line for each and round: NAME MICROSECONDS SIGNATURES PATHS REASON.
 */
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "certificate.h"
#include "chain.h"

#define NOW    INT64_C(1893456000)
#define DAY    86400
#define CLIQUE 4
/* Octets of certificates that OpenSSL takes from a client are 102400: with
 * sixteen others there is room for so many names of two. */
#define MANY_NAMES 44000
#define CN_MAX     8

struct made {
	X509 *x509;
	EVP_PKEY *key;
};

/* A set of certificates that a client sends, and the anchor. */
struct set {
	struct made sent[TRUST_CHAIN_SENT_MAX + 2]; /* leaf first */
	int n;
	struct made anchor;
};

static void
want(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "paths: %s failed\n", what);
	exit(2);
}

static EVP_PKEY *
make_key(const char *kind)
{
	if (strncmp(kind, "RSA-", 4) == 0)
		return EVP_RSA_gen((unsigned)strtoul(kind + 4, NULL, 10));
	return EVP_EC_gen(kind);
}

static void
add_extension(X509 *x509, int nid, const char *value)
{
	X509_EXTENSION *extension =
	    X509V3_EXT_nconf_nid(NULL, NULL, nid, value);

	want(
	    extension != NULL && X509_add_ext(x509, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
}

/* The same for every key: only a signature tells whose it was. */
static void
add_key_ids(X509 *x509)
{
	X509_EXTENSION *authority = X509V3_EXT_nconf(
	    NULL, NULL, "authorityKeyIdentifier", "DER:3006800473616D65");

	add_extension(x509, NID_subject_key_identifier, "73616D65");
	want(authority != NULL && X509_add_ext(x509, authority, -1) == 1,
	    "authorityKeyIdentifier");
	X509_EXTENSION_free(authority);
}

static void
add_names(X509 *x509, int n)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();

	for (int i = 0; i < n; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();

		GENERAL_NAME_set0_value(name, GEN_DNS, ASN1_IA5STRING_new());
		sk_GENERAL_NAME_push(names, name);
	}
	want(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, 0) == 1,
	    "names");
	GENERAL_NAMES_free(names);
}

/* Not yet signed. */
static X509 *
begin(const char *subject, const char *issuer, EVP_PKEY *key, bool ca)
{
	static long serial;
	X509 *x509 = X509_new();

	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial);
	ASN1_TIME_set(X509_getm_notBefore(x509), NOW - DAY);
	ASN1_TIME_set(X509_getm_notAfter(x509), NOW + DAY);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN",
	    MBSTRING_UTF8, (const unsigned char *)subject, -1, -1, 0);
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(x509), "CN",
	    MBSTRING_UTF8, (const unsigned char *)issuer, -1, -1, 0);
	X509_set_pubkey(x509, key);
	add_extension(x509, NID_basic_constraints,
	    ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_extension(x509, NID_key_usage,
	    ca ? "critical,keyCertSign" : "critical,digitalSignature");
	add_key_ids(x509);
	return x509;
}

static void
sign(X509 *x509, EVP_PKEY *signer)
{
	want(X509_sign(x509, signer, EVP_sha256()) > 0, "X509_sign");
}

static struct made
make(const char *subject, const char *issuer, EVP_PKEY *key, EVP_PKEY *signer,
    bool ca)
{
	struct made made = {begin(subject, issuer, key, ca), key};

	sign(made.x509, signer);
	return made;
}

static void
add(struct set *set, struct made made)
{
	set->sent[set->n++] = made;
}

/* What honest sensors send. */
static void
make_plain(struct set *set, const char *kind, int n_names)
{
	EVP_PKEY *root = make_key(kind), *upper = make_key(kind);
	EVP_PKEY *lower = make_key(kind);

	set->anchor = make("root", "root", root, root, true);
	add(set, make("leaf", "lower", make_key("P-256"), lower, false));
	add(set, make("lower", "upper", lower, upper, true));
	add(set, make("upper", "root", upper, root, true));
}

/* CAs that nobody vouches for, under the anchor's name, each the issuer of
 * the next; by name each could be that of any other. */
static void
make_forged(struct set *set, const char *kind, int n_names)
{
	EVP_PKEY *root = make_key(kind), *key = NULL, *before;
	struct made leaf = {NULL, make_key("P-256")};

	set->anchor = make("mesh", "mesh", root, root, true);
	set->n = 1;
	for (int i = 0; i < TRUST_CHAIN_SENT_MAX; i++) {
		before = key;
		key = make_key("P-256");
		add(set,
		    make("mesh", "mesh", key, i == 0 ? key : before, true));
	}
	leaf.x509 = begin("leaf", "mesh", leaf.key, false);
	if (n_names > 0)
		add_names(leaf.x509, n_names);
	sign(leaf.x509, key);
	set->sent[0] = leaf;
}

/* CAs of an operator that all certify each other, and paths that all fail,
 * each for the whole of it: a name constraint at the top. */
static void
make_clique(struct set *set, const char *kind, int n_names)
{
	EVP_PKEY *root = make_key(kind), *keys[CLIQUE];
	struct made leaf = {NULL, make_key("P-256")};
	char subject[CN_MAX], issuer[CN_MAX];
	X509 *top;

	for (int i = 0; i < CLIQUE; i++)
		keys[i] = make_key(kind);
	set->anchor = make("root", "root", root, root, true);
	leaf.x509 = begin("leaf", "ca-3", leaf.key, false);
	add_extension(leaf.x509, NID_subject_alt_name, "DNS:a.example");
	sign(leaf.x509, keys[CLIQUE - 1]);
	add(set, leaf);
	top = begin("ca-0", "root", keys[0], true);
	add_extension(
	    top, NID_name_constraints, "critical,permitted;DNS:b.example");
	sign(top, root);
	add(set, (struct made){top, keys[0]});
	for (int i = 0; i < CLIQUE * CLIQUE; i++) {
		int of = i / CLIQUE, by = i % CLIQUE;

		(void)snprintf(subject, sizeof(subject), "ca-%d", of);
		(void)snprintf(issuer, sizeof(issuer), "ca-%d", by);
		if (of != by)
			add(set,
			    make(subject, issuer, keys[of], keys[by], true));
	}
}

/* ---- Measuring ---- */

/* As the handshake has it: nothing is known of it yet. */
static X509 *
fresh(X509 *x509)
{
	unsigned char *der = NULL;
	const unsigned char *p;
	int len = i2d_X509(x509, &der);
	X509 *copy;

	p = der;
	copy = d2i_X509(NULL, &p, len);
	want(copy != NULL, "d2i_X509");
	OPENSSL_free(der);
	return copy;
}

static int64_t
cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
measure(const char *name, const struct set *set)
{
	STACK_OF(X509) *sent = sk_X509_new_null();
	STACK_OF(X509) *anchors = sk_X509_new_null();
	struct trust_certificate *facts = NULL;
	struct trust_chain chain;
	struct trust_chain_input in = {.untrusted = sent,
	    .anchors = anchors,
	    .now = NOW,
	    .purpose = TRUST_PURPOSE_CLIENT,
	    .max_depth = -1};
	int64_t ns;

	for (int i = 0; i < set->n; i++)
		sk_X509_push(sent, fresh(set->sent[i].x509));
	sk_X509_push(anchors, set->anchor.x509);
	in.leaf = sk_X509_value(sent, 0);
	ns = cpu_ns();
	want(trust_certificate_new(in.leaf, &facts, NULL) == TRUST_OK,
	    "trust_certificate_new");
	want(trust_chain_verify(&in, &chain, NULL) == TRUST_OK,
	    "trust_chain_verify");
	ns = cpu_ns() - ns;
	printf("%s %.1f %u %u %s\n", name, (double)ns / 1e3, chain.signatures,
	    chain.paths, chain.valid ? "-" : trust_reason_name(chain.reason));
	trust_certificate_free(facts);
	sk_X509_free(anchors);
	sk_X509_pop_free(sent, X509_free);
}

/* The sets are made once and end with the program. */
int
main(int argc, char **argv)
{
	static const struct {
		const char *name, *kind;
		void (*make)(struct set *set, const char *kind, int n_names);
		int n_names;
	} kinds[] = {
	    {"plain-p256", "P-256", make_plain, 0},
	    {"plain-p384", "P-384", make_plain, 0},
	    {"clique-p256", "P-256", make_clique, 0},
	    {"clique-p384", "P-384", make_clique, 0},
	    {"forged-p256", "P-256", make_forged, 0},
	    {"forged-p384", "P-384", make_forged, 0},
	    {"forged-brainpool512", "brainpoolP512r1", make_forged, 0},
	    {"forged-p384-names", "P-384", make_forged, MANY_NAMES},
	};
	static struct set sets[sizeof(kinds) / sizeof(kinds[0])];
	long rounds = argc == 2 ? strtol(argv[1], NULL, 10) : 1;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		kinds[i].make(&sets[i], kinds[i].kind, kinds[i].n_names);
	for (long round = 0; round < rounds; round++) {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
			measure(kinds[i].name, &sets[i]);
	}
	return 0;
}
