/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trustctl est enroll and reenroll: the gateway's own certificate.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../certs/est_request.h"
#include "../certs/est_trust.h"
#include "../certs/key_source.h"
#include "certfile.h"
#include "commands.h"
#include "est_files.h"
#include "est_link.h"

#define OPTION_KEY_KIND(to)                                                  \
	{                                                                    \
		.name = "key-kind", .argument = "p256|p384|rsa2048|ed25519", \
		.help = "the kind of a new key; else p256", .choice = (to),  \
		.choices = trust_key_names                                   \
	}

/* One run of either. */
struct enrollment {
	struct trust_est_link link;
	struct trust_texts hosts;
	const char *cn;
	int key_kind; /* enum trust_key */
	bool with_new_key;
	int64_t expiring_s; /* 0: whenever it ends */

	/* The certificate to be renewed with its CAs; NULL: a first one. */
	STACK_OF(X509) *renewed; /* owned */
	EVP_PKEY *key;           /* owned; that the certificate is to be for */
};

static void
close_enrollment(struct enrollment *e)
{
	trust_est_link_close(&e->link);
	sk_X509_pop_free(e->renewed, X509_free);
	EVP_PKEY_free(e->key);
}

/* ---- What was given ---- */

static X509 *
find_own(const struct enrollment *e, STACK_OF(X509) *answer)
{
	for (int i = 0; i < sk_X509_num(answer); i++) {
		X509 *x509 = sk_X509_value(answer, i);

		if (X509_check_private_key(x509, e->key) == 1)
			return x509;
	}
	return NULL;
}

static enum trust_err
check_name(X509 *x509, const char *host, struct trust_message *msg)
{
	/* Also where the name is a pattern, which is for others to match. */
	if (X509_check_ip_asc(x509, host, 0) == 1 ||
	    X509_check_host(x509, host, strlen(host),
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1)
		return TRUST_OK;
	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "want a certificate for %s, by which sensors call the gateway, got "
	    "one without that name",
	    host);
}

static bool
is_name_among(GENERAL_NAME *name, const GENERAL_NAMES *names)
{
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
		if (GENERAL_NAME_cmp(name, sk_GENERAL_NAME_value(names, i)) ==
		    0)
			return true;
	return false;
}

/* Whether a certificate has each name of the one that it renews. */
static bool
has_names_of(const X509 *x509, const X509 *renewed)
{
	GENERAL_NAMES *theirs =
	    X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	GENERAL_NAMES *ours =
	    X509_get_ext_d2i(renewed, NID_subject_alt_name, NULL, NULL);
	bool yes = true;

	for (int i = 0; yes && i < sk_GENERAL_NAME_num(ours); i++)
		yes = is_name_among(sk_GENERAL_NAME_value(ours, i), theirs);
	GENERAL_NAMES_free(theirs);
	GENERAL_NAMES_free(ours);
	return yes;
}

/* Sensors call the gateway by a name, and go away where its certificate has
 * another: such a one is no use, however good it is. */
static enum trust_err
check_own(const struct enrollment *e, X509 *x509, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; r == TRUST_OK && i < e->hosts.n; i++)
		r = check_name(x509, e->hosts.v[i], msg);
	if (r != TRUST_OK)
		return r;
	if (e->renewed != NULL &&
	    !has_names_of(x509, sk_X509_value(e->renewed, 0)))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a certificate with the names of the one that it "
		    "renews, got others");
	if (X509_check_ca(x509) != 0)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want an end entity's certificate, got a CA's");
	if (e->hosts.n > 0 &&
	    X509_check_purpose(x509, X509_PURPOSE_SSL_SERVER, 0) != 1)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a certificate for a TLS server, got one for other "
		    "purposes");
	return TRUST_OK;
}

/* The path that Mosquitto is to send, from what the server has answered. */
static enum trust_err
judge(const struct enrollment *e, STACK_OF(X509) *answer,
    STACK_OF(X509) *cacerts, STACK_OF(X509) **path, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *others = NULL;
	X509 *own = find_own(e, answer);

	*path = NULL;
	if (own == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a certificate for our key, got one for another");
	r = check_own(e, own, msg);
	if (r != TRUST_OK)
		return r;
	others = X509_chain_up_ref(answer);
	if (others == NULL ||
	    !X509_add_certs(others, cacerts, X509_ADD_FLAG_UP_REF))
		r = TRUST_ERR_NOMEM;
	else
		r = trust_est_trust_find_path(own, others, e->link.anchors,
		    trust_options_now(), path, msg);
	sk_X509_pop_free(others, X509_free);
	return r;
}

/* ---- Asking ---- */

static enum trust_err
make_request(const struct enrollment *e, struct trust_buf *out,
    struct trust_message *msg)
{
	const struct trust_est_subject subject = {
	    .renewed = sk_X509_value(e->renewed, 0),
	    .cn = e->cn,
	    .hosts = e->hosts.v,
	    .n_hosts = e->hosts.n,
	};

	return trust_est_request_make(&subject, e->key, out, msg);
}

static enum trust_err
ask(struct enrollment *e, STACK_OF(X509) **path, struct trust_message *msg)
{
	const char *operation =
	    e->renewed != NULL ? "simplereenroll" : "simpleenroll";
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *cacerts = NULL, *answer = NULL;
	struct trust_buf request = {0};

	*path = NULL;
	r = make_request(e, &request, msg);
	if (r == TRUST_OK)
		r = trust_est_link_open(&e->link, msg);
	if (r == TRUST_OK)
		r = trust_est_link_ask(
		    &e->link, "cacerts", (struct trust_span){0}, &cacerts, msg);
	if (r == TRUST_OK)
		r = trust_est_link_ask(&e->link, operation,
		    trust_buf_get0(&request), &answer, msg);
	if (r == TRUST_OK) {
		r = judge(e, answer, cacerts, path, msg);
		if (r != TRUST_OK)
			(void)trust_err_prefix(
			    msg, r, "%s: %s", e->link.server, operation);
	}
	ERR_clear_error();
	sk_X509_pop_free(cacerts, X509_free);
	sk_X509_pop_free(answer, X509_free);
	trust_buf_free(&request);
	return r;
}

static void
tell(const struct enrollment *e, X509 *x509)
{
	char subject[TRUST_SHOWN_MAX], issuer[TRUST_SHOWN_MAX];
	char until[TRUST_CLOCK_TEXT];
	const char *dir = e->link.dir;

	printf("%s/" TRUST_EST_FILES_CERTIFICATE ": %s, issued by %s, valid "
	       "until %s\n",
	    dir,
	    trust_certificate_show_name(X509_get_subject_name(x509), subject),
	    trust_certificate_show_name(X509_get_issuer_name(x509), issuer),
	    trust_certfile_show_time(X509_get0_notAfter(x509), until));
	if (e->with_new_key)
		printf(
		    "%s/" TRUST_EST_FILES_KEY ": its private key, new\n", dir);
	printf("next:  systemctl reload mosquitto\n");
}

/* The key that is kept, which need not be the one that the server knows us
 * by. */
static enum trust_err
load_kept_key(struct enrollment *e, struct trust_message *msg)
{
	struct trust_key_prompt prompt = trust_prompt_for_keys(&e->link.prompt);
	X509 *renewed = sk_X509_value(e->renewed, 0);
	enum trust_err r = TRUST_ERR_INTERNAL;
	char path[PATH_MAX];

	if (X509_check_private_key(renewed, e->link.own_key) == 1) {
		if (EVP_PKEY_up_ref(e->link.own_key) != 1)
			return TRUST_ERR_INTERNAL;
		e->key = e->link.own_key;
		return TRUST_OK;
	}
	ERR_clear_error();
	r = trust_est_files_path(path, e->link.dir, TRUST_EST_FILES_KEY, msg);
	if (r == TRUST_OK)
		r = trust_key_source_load(path, &prompt, &e->key, msg);
	if (r == TRUST_OK && X509_check_private_key(renewed, e->key) != 1)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want the key of the certificate to be renewed, got "
		    "another; --new-key makes one",
		    path);
	return r;
}

static enum trust_err
find_key(struct enrollment *e, struct trust_message *msg)
{
	if (!e->with_new_key)
		return load_kept_key(e, msg);
	return trust_est_files_new_key(
	    e->link.dir, (enum trust_key)e->key_kind, &e->key, msg);
}

static enum trust_err
run(struct enrollment *e, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *path = NULL;

	r = find_key(e, msg);
	if (r == TRUST_OK)
		r = ask(e, &path, msg);
	if (r == TRUST_OK)
		r = trust_est_files_install(
		    e->link.dir, path, e->with_new_key, msg);
	if (r == TRUST_OK)
		tell(e, sk_X509_value(path, 0));
	sk_X509_pop_free(path, X509_free);
	return r;
}

/* What both do before: what an earlier run has left, and whom we trust. */
static enum trust_err
prepare(struct enrollment *e, struct trust_message *msg)
{
	enum trust_err r = trust_est_files_recover(e->link.dir, msg);

	if (r == TRUST_OK)
		r = trust_est_link_load_anchors(&e->link, msg);
	if (r == TRUST_OK && e->link.anchors == NULL)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "want --cafile, or first trustctl est cacerts, to know the "
		    "server by");
	if (r == TRUST_OK)
		r = trust_est_files_load(
		    e->link.dir, TRUST_EST_FILES_CERTIFICATE, &e->renewed, msg);
	return r;
}

/* The server's no is an answer. */
static int
finish(struct enrollment *e, enum trust_err err, struct trust_message *msg)
{
	close_enrollment(e);
	if (err == TRUST_OK)
		return TRUST_EXIT_YES;
	(void)trust_output_failure(err, msg);
	return err == TRUST_ERR_CONFLICT ? TRUST_EXIT_NO : TRUST_EXIT_ERROR;
}

/* ---- enroll ---- */

static enum trust_err
enroll(struct enrollment *e, struct trust_message *msg)
{
	enum trust_err r = prepare(e, msg);

	if (r == TRUST_OK && e->renewed != NULL)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s/" TRUST_EST_FILES_CERTIFICATE ": is there already, "
		    "trustctl est reenroll renews it",
		    e->link.dir);
	if (r == TRUST_OK)
		r = trust_est_link_load_credentials(&e->link, msg);
	return r == TRUST_OK ? run(e, msg) : r;
}

int
trust_est_enroll_run(int argc, char **argv)
{
	struct enrollment e = {
	    .link = TRUST_EST_LINK_DEFAULTS, .with_new_key = true};
	const struct trust_option options[] = {
	    TRUST_EST_LINK_OPTIONS(e.link),
	    TRUST_EST_LINK_CREDENTIALS(e.link),
	    {.name = "hostname",
		.argument = "NAME",
		.help = "by which sensors call the gateway, or IP address",
		.texts = &e.hosts},
	    {.name = "cn",
		.argument = "TEXT",
		.help = "the common name; else the first hostname",
		.text = &e.cn},
	    OPTION_KEY_KIND(&e.key_kind),
	};
	const struct trust_usage usage = {
	    .command = "est enroll",
	    .arguments = "",
	    .text = "Get a first certificate from an EST server, for a key "
		    "that is made here:\nserver.key and server.pem in DIR, for "
		    "Mosquitto's keyfile and certfile. A run\nthat fails is "
		    "repeated with the same key. Exit status 1: the server "
		    "said no, or\nnot yet.\n",
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_message msg = {0};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	if (e.cn == NULL && e.hosts.n > 0)
		e.cn = e.hosts.v[0];
	if (e.cn == NULL)
		return trust_options_wrong(&usage, "want --hostname or --cn");
	return finish(&e, enroll(&e, &msg), &msg);
}

/* ---- reenroll ---- */

/* Renewed is what is in the folder, or else what --cert says. */
static enum trust_err
find_renewed(struct enrollment *e, char cert[PATH_MAX], char key[PATH_MAX],
    struct trust_message *msg)
{
	struct trust_est_link *link = &e->link;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_est_files_path(
	    cert, link->dir, TRUST_EST_FILES_CERTIFICATE, msg);
	if (r == TRUST_OK)
		r = trust_est_files_path(
		    key, link->dir, TRUST_EST_FILES_KEY, msg);
	if (r != TRUST_OK)
		return r;
	if (link->cert == NULL)
		link->cert = cert;
	if (link->key == NULL)
		link->key = key;
	if (e->renewed == NULL)
		r = trust_certfile_load(link->cert, &e->renewed, msg);
	return r;
}

/* Whether it is time. */
static bool
is_due(const struct enrollment *e)
{
	const ASN1_TIME *end = X509_get0_notAfter(sk_X509_value(e->renewed, 0));
	time_t at = (time_t)(trust_options_now() + e->expiring_s);

	return e->expiring_s == 0 || X509_cmp_time(end, &at) <= 0;
}

static enum trust_err
reenroll(struct enrollment *e, struct trust_message *msg)
{
	char cert[PATH_MAX], key[PATH_MAX], until[TRUST_CLOCK_TEXT];
	enum trust_err r = prepare(e, msg);

	if (r == TRUST_OK)
		r = find_renewed(e, cert, key, msg);
	if (r != TRUST_OK)
		return r;
	if (!is_due(e)) {
		printf("%s: valid until %s, not renewed\n", e->link.cert,
		    trust_certfile_show_time(
			X509_get0_notAfter(sk_X509_value(e->renewed, 0)),
			until));
		return TRUST_OK;
	}
	r = trust_est_link_load_credentials(&e->link, msg);
	return r == TRUST_OK ? run(e, msg) : r;
}

int
trust_est_reenroll_run(int argc, char **argv)
{
	struct enrollment e = {.link = TRUST_EST_LINK_DEFAULTS};
	const struct trust_option options[] = {
	    TRUST_EST_LINK_OPTIONS(e.link),
	    TRUST_EST_LINK_CREDENTIALS(e.link),
	    {.name = "expiring",
		.argument = "DURATION",
		.help = "only if it ends within it",
		.duration = &e.expiring_s},
	    {.name = "new-key",
		.help = "for a new key, which is made here",
		.flag = &e.with_new_key},
	    OPTION_KEY_KIND(&e.key_kind),
	};
	const struct trust_usage usage = {
	    .command = "est reenroll",
	    .arguments = "",
	    .text =
		"Renew DIR/server.pem at an EST server, which knows us by it "
		"unless --cert and\n--key say otherwise: the same names, the "
		"same key unless --new-key. The files\nare replaced once the "
		"new ones are found good. Exit status 1: the server said\nno, "
		"or not yet.\n",
	    TRUST_USAGE_OPTIONS(options),
	};
	struct trust_message msg = {0};
	struct trust_args args;

	if (!trust_options_parse(&usage, argc, argv, &args))
		return args.status;
	return finish(&e, reenroll(&e, &msg), &msg);
}
