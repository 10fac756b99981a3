/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An EST server as the command line describes it.
 */
#include "est_link.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../certs/est_answer.h"
#include "../certs/key_source.h"
#include "../certs/secretfile.h"
#include "certfile.h"
#include "est_files.h"

/* ---- What is loaded ---- */

enum trust_err
trust_est_link_load_anchors(
    struct trust_est_link *link, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *saved = NULL;

	r = trust_est_files_load(
	    link->dir, TRUST_EST_FILES_ANCHORS, &saved, msg);
	if (r != TRUST_OK || link->cafile == NULL) {
		link->anchors = saved;
		return r;
	}
	if (saved == NULL && (saved = sk_X509_new_null()) == NULL)
		return TRUST_ERR_NOMEM;
	link->anchors = saved;
	return trust_certfile_add(&link->cafile, 1, link->anchors, msg);
}

static enum trust_err
load_certificate(struct trust_est_link *link, struct trust_message *msg)
{
	struct trust_key_prompt prompt = trust_prompt_for_keys(&link->prompt);
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (link->cert == NULL || link->key == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want --cert and --key together, got one of them");
	r = trust_certfile_load(link->cert, &link->certificates, msg);
	if (r == TRUST_OK)
		r = trust_key_source_load(
		    link->key, &prompt, &link->own_key, msg);
	if (r == TRUST_OK &&
	    X509_check_private_key(
		sk_X509_value(link->certificates, 0), link->own_key) != 1)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want the private key of %s, got another", link->key,
		    link->cert);
	ERR_clear_error();
	return r;
}

static enum trust_err
load_password(struct trust_est_link *link, struct trust_message *msg)
{
	char what[TRUST_SHOWN_MAX];

	if (link->password_file != NULL)
		return trust_secretfile_read_line(link->password_file,
		    link->password, sizeof(link->password), msg);
	snprintf(what, sizeof(what), "the password of %s", link->username);
	return trust_prompt_ask(
	    what, link->password, sizeof(link->password), msg);
}

enum trust_err
trust_est_link_load_credentials(
    struct trust_est_link *link, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;

	if (link->cert == NULL && link->key == NULL && link->username == NULL)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want --cert and --key, or --username, by which the server "
		    "knows us");
	if (link->cert != NULL || link->key != NULL)
		r = load_certificate(link, msg);
	if (r == TRUST_OK && link->username != NULL)
		r = load_password(link, msg);
	return r;
}

enum trust_err
trust_est_link_open(struct trust_est_link *link, struct trust_message *msg)
{
	link->peer = (struct trust_est_peer){
	    .server = link->server,
	    .label = link->label,
	    .anchors = link->anchors,
	};
	if (link->anchors != NULL) {
		link->peer.certificates = link->certificates;
		link->peer.key = link->own_key;
		link->peer.username = link->username;
		link->peer.password = link->password;
	}
	return trust_est_http_open(&link->peer, &link->http, msg);
}

void
trust_est_link_close(struct trust_est_link *link)
{
	trust_est_http_close(link->http);
	link->http = NULL;
	sk_X509_pop_free(link->anchors, X509_free);
	sk_X509_pop_free(link->certificates, X509_free);
	link->anchors = NULL;
	link->certificates = NULL;
	EVP_PKEY_free(link->own_key);
	link->own_key = NULL;
	OPENSSL_cleanse(link->password, sizeof(link->password));
}

/* ---- Answers ---- */

/* What the server says about it, where that is meant for people (RFC 7030
 * section 4.2.3). */
static const char *
show_text(const struct trust_est_reply *reply, char *out, size_t size)
{
	struct trust_span text = trust_buf_get0(&reply->body);

	out[0] = '\0';
	if (strcmp(reply->type, "text/plain") != 0)
		return out;
	while (text.len > 0 && text.p[text.len - 1] <= ' ')
		text.len--;
	if (text.len == 0)
		return out;
	snprintf(out, size, ", and says: ");
	(void)trust_span_show(text, out + strlen(out), size - strlen(out));
	return out;
}

/* In words, what is none of the answers that are wanted. */
static const char *
describe(long status)
{
	switch (status) {
	case 401:
		return "does not know us: other --username, --cert";
	case 403:
		return "does not let us have that";
	case 204:
	case 404:
	case 405:
		return "has no such thing: other --server, --label";
	case 202:
		return "has not decided yet: ask again later, or with --wait";
	case 413:
	case 429:
	case 503:
		return "is too busy: ask again later";
	default:
		return status >= 500 ? "has failed" : "refuses";
	}
}

static enum trust_err
refused(const struct trust_est_link *link, const char *operation,
    const struct trust_est_reply *reply, struct trust_message *msg)
{
	char text[TRUST_SHOWN_MAX];

	return trust_err_set(msg, TRUST_ERR_CONFLICT,
	    "%s: %s: the server %s (HTTP %ld)%s", link->server, operation,
	    describe(reply->status), reply->status,
	    show_text(reply, text, sizeof(text)));
}

static enum trust_err
read_reply(const struct trust_est_link *link, const char *operation,
    const struct trust_est_reply *reply, STACK_OF(X509) **out,
    struct trust_message *msg)
{
	char shown[TRUST_SHOWN_MAX];
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (reply->status != 200)
		return refused(link, operation, reply, msg);
	if (strcasecmp(reply->type, "application/pkcs7-mime") != 0)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: %s: want application/pkcs7-mime, got \"%s\": is that "
		    "an EST server?",
		    link->server, operation,
		    trust_span_show(
			trust_span_of(reply->type), shown, sizeof(shown)));
	r = trust_est_answer_parse(trust_buf_get0(&reply->body), out, msg);
	return r == TRUST_OK ? r
			     : trust_err_prefix(
				   msg, r, "%s: %s", link->server, operation);
}

/* Seconds to wait before the same is asked again; 0: no more. RFC 7030 section
 * 4.2.3: 202 comes with Retry-After; who leaves it out is asked at intervals of
 * our own. */
static int64_t
next_wait_s(const struct trust_est_reply *reply, int64_t left_s)
{
	const int64_t usual_s = 10;
	int64_t wait_s = reply->retry_after_s;

	if (reply->status != 202 && reply->status != 503)
		return 0;
	if (wait_s <= 0) {
		if (reply->status == 503)
			return 0;
		wait_s = usual_s;
	}
	return wait_s <= left_s ? wait_s : 0;
}

enum trust_err
trust_est_link_ask(struct trust_est_link *link, const char *operation,
    struct trust_span body, STACK_OF(X509) **out, struct trust_message *msg)
{
	struct trust_est_reply reply = {0};
	int64_t left_s = link->wait_s, wait_s = 0;
	enum trust_err r = TRUST_ERR_INTERNAL;
	char shown[TRUST_CLOCK_TEXT];

	*out = NULL;
	do {
		r = trust_est_http_ask(
		    link->http, operation, body, &reply, msg);
		if (r != TRUST_OK)
			break;
		wait_s = next_wait_s(&reply, left_s);
		if (wait_s > 0) {
			trust_output_note(
			    "%s: has not decided yet, asking again in %s",
			    link->server, trust_duration_format(wait_s, shown));
			(void)sleep((unsigned)wait_s);
			left_s -= wait_s;
		}
	} while (wait_s > 0);
	if (r == TRUST_OK)
		r = read_reply(link, operation, &reply, out, msg);
	trust_est_reply_clear(&reply);
	return r;
}
