/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next notification of a scope, made and signed.
 */
#include "signing.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "../certs/key_source.h"
#include "certfile.h"
#include "records.h"

/* Less, and each signature would be due as soon as it is made. */
#define LIFETIME_MIN_S 2

/* ---- Signers ---- */

static enum trust_err
load_signer(struct trust_signing *signing, const char *certificate,
    const char *key, struct trust_message *msg)
{
	struct trust_statement_signer *signer =
	    &signing->signers[signing->n_signers];
	struct trust_key_prompt prompt =
	    trust_prompt_for_signers(&signing->prompt);
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *stack = NULL;

	r = trust_certfile_load(certificate, &stack, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_key_source_load(key, &prompt, &signer->key, msg);
	if (r != TRUST_OK)
		goto out;
	signer->certificate = sk_X509_shift(stack);
	signing->n_signers++;
	if (X509_check_private_key(signer->certificate, signer->key) != 1)
		r = trust_err_set(msg, TRUST_ERR_INPUT,
		    "%s: want the private key of %s, got another", key,
		    certificate);
out:
	ERR_clear_error();
	sk_X509_pop_free(stack, X509_free);
	return r;
}

static enum trust_err
load_signers(struct trust_signing *signing, struct trust_message *msg)
{
	size_t n = signing->certificates.n;
	enum trust_err r = TRUST_OK;

	if (n != signing->keys.n || n > TRUST_STATEMENT_SIGNERS_MAX)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "want a --key for each --signer and at most %d of them, "
		    "got %zu and %zu",
		    TRUST_STATEMENT_SIGNERS_MAX, signing->keys.n, n);
	for (size_t i = 0; r == TRUST_OK && i < n; i++)
		r = load_signer(signing, signing->certificates.v[i],
		    signing->keys.v[i], msg);
	return r;
}

/* By the gateways' rule, as far as their anchors are known. */
static enum trust_err
check_signer(const struct trust_signing *signing, size_t i, int64_t this_update,
    bool *qualifies, struct trust_message *msg)
{
	X509 *signer = signing->signers[i].certificate;
	int64_t now = trust_options_now();

	if (sk_X509_num(signing->anchors) == 0)
		return trust_signer_check_unanchored(
		    signer, now, this_update, qualifies, msg);
	return trust_signer_check(
	    signer, signing->anchors, now, this_update, qualifies, msg);
}

/* At first every one of them: whoever is named is meant to count. */
static enum trust_err
check_signers(const struct trust_signing *signing, struct trust_message *msg)
{
	enum trust_err r = TRUST_OK;
	bool qualifies;

	for (size_t i = 0; i < signing->n_signers; i++) {
		r = check_signer(
		    signing, i, trust_options_now(), &qualifies, msg);
		if (r == TRUST_OK && !qualifies)
			r = TRUST_ERR_INPUT;
		if (r != TRUST_OK)
			return trust_err_prefix(
			    msg, r, "%s", signing->certificates.v[i]);
	}
	return TRUST_OK;
}

/* Then one at least: who has come to his end among several does not count, and
 * the others may be enough. */
static enum trust_err
check_some_signer(const struct trust_signing *signing, int64_t this_update,
    struct trust_message *msg)
{
	bool qualifies = false;
	enum trust_err r = TRUST_OK;

	for (size_t i = 0; i < signing->n_signers && !qualifies; i++) {
		r = check_signer(signing, i, this_update, &qualifies, msg);
		if (r == TRUST_OK && !qualifies)
			r = trust_err_prefix(
			    msg, r, "%s", signing->certificates.v[i]);
		if (r != TRUST_OK)
			return r;
	}
	return qualifies ? TRUST_OK : TRUST_ERR_INPUT;
}

static enum trust_err
note_signers(struct trust_signing *signing, struct trust_message *msg)
{
	X509 *v[TRUST_STATEMENT_SIGNERS_MAX];

	for (size_t i = 0; i < signing->n_signers; i++)
		v[i] = signing->signers[i].certificate;
	return trust_registry_note_signers(
	    signing->registry, signing->scope, v, signing->n_signers, msg);
}

enum trust_err
trust_signing_open(struct trust_signing *signing, struct trust_message *msg)
{
	struct trust_span scope = trust_span_of(signing->scope);
	enum trust_err r = TRUST_ERR_INTERNAL;

	if (!trust_id_check(scope.p, scope.len))
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "--scope: want an id, got \"%s\"", signing->scope);
	if (signing->lifetime_s < LIFETIME_MIN_S)
		return trust_err_set(msg, TRUST_ERR_INPUT,
		    "--next-update: want 2s or more, got less");
	signing->anchors = sk_X509_new_null();
	if (signing->anchors == NULL)
		return TRUST_ERR_NOMEM;
	r = trust_certfile_add(signing->anchor_paths.v, signing->anchor_paths.n,
	    signing->anchors, msg);
	if (r != TRUST_OK)
		return r;
	r = load_signers(signing, msg);
	if (r == TRUST_OK)
		r = check_signers(signing, msg);
	if (r != TRUST_OK)
		return r;
	r = trust_records_open(signing->registry_path, TRUST_REGISTRY_WRITE,
	    &signing->registry, msg);
	if (r == TRUST_OK)
		r = note_signers(signing, msg);
	if (r == TRUST_OK)
		trust_prompt_note(&signing->prompt);
	return r;
}

void
trust_signing_close(struct trust_signing *signing)
{
	for (size_t i = 0; i < signing->n_signers; i++) {
		X509_free(signing->signers[i].certificate);
		EVP_PKEY_free(signing->signers[i].key);
	}
	signing->n_signers = 0;
	sk_X509_pop_free(signing->anchors, X509_free);
	signing->anchors = NULL;
	trust_registry_close(signing->registry);
	signing->registry = NULL;
}

/* ---- What is published ---- */

/* The content of a statement that holds. */
static enum trust_err
read_content(const struct trust_signing *signing, struct trust_span content,
    struct trust_notification **out, struct trust_message *msg)
{
	struct trust_notification *notification = NULL;
	enum trust_sync_reason reason;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_notification_parse(content, &notification, &reason, msg);
	if (r != TRUST_OK || notification == NULL) {
		if (r == TRUST_OK && reason == TRUST_SYNC_FORMAT_UNSUPPORTED)
			r = TRUST_ERR_CONFLICT;
		return r;
	}
	if (strcmp(notification->scope, signing->scope) != 0) {
		r = trust_err_set(msg, TRUST_OK, "want scope %s, got scope %s",
		    signing->scope, notification->scope);
		goto out;
	}
	*out = notification;
	notification = NULL; /* transferred */
out:
	trust_notification_free(notification);
	return r;
}

enum trust_err
trust_signing_read(const struct trust_signing *signing, struct trust_span der,
    struct trust_notification **out, struct trust_message *msg)
{
	struct trust_statement *statement = NULL;
	int64_t now = trust_options_now();
	enum trust_sync_reason reason;
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	r = trust_statement_open(der, &statement, &reason, msg);
	if (r == TRUST_OK && statement != NULL &&
	    sk_X509_num(signing->anchors) > 0)
		r = trust_statement_check_signers(
		    statement, signing->anchors, 1, now, now, &reason, msg);
	if (r == TRUST_OK && reason == TRUST_SYNC_ACCEPTED)
		r = read_content(
		    signing, trust_statement_get0_content(statement), out, msg);
	trust_statement_free(statement);
	return r;
}

/* ---- The next one ---- */

/* RFC 4122 section 4.4. */
static enum trust_err
make_session(char out[TRUST_SESSION_LEN + 1])
{
	uint8_t b[16];

	if (RAND_bytes(b, sizeof(b)) != 1)
		return TRUST_ERR_INTERNAL;
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, TRUST_SESSION_LEN + 1,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
	    "%02x%02x%02x%02x%02x%02x",
	    b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
	    b[11], b[12], b[13], b[14], b[15]);
	return TRUST_OK;
}

enum trust_err
trust_signing_update(struct trust_signing *signing,
    const struct trust_notification *published, struct trust_notification **out,
    struct trust_message *msg)
{
	char session[TRUST_SESSION_LEN + 1];
	int64_t now = trust_options_now();
	const struct trust_publication_input in = {
	    .scope = signing->scope,
	    .session = session,
	    .new_session = signing->new_session,
	    .mass_removal = signing->mass_removal,
	    .this_update = now,
	    .next_update = now + signing->lifetime_s,
	    .published = published,
	};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*out = NULL;
	r = make_session(session);
	if (r == TRUST_OK)
		r = trust_publication_update(signing->registry, &in, out, msg);
	if (r == TRUST_OK) {
		signing->new_session = false;
		signing->mass_removal = false;
	}
	return r;
}

static enum trust_err
encode(const struct trust_signing *signing,
    const struct trust_notification *notification, struct trust_buf *content,
    struct trust_message *msg)
{
	enum trust_err r = trust_notification_encode(notification, content);

	if (r != TRUST_ERR_INPUT)
		return r;
	return trust_err_set(msg, r,
	    "scope %s: too large for one notification, want fewer "
	    "records or more scopes",
	    signing->scope);
}

enum trust_err
trust_signing_sign(const struct trust_signing *signing,
    const struct trust_notification *notification, struct trust_buf *der,
    struct trust_message *msg)
{
	struct trust_buf content = {0};
	enum trust_err r = TRUST_ERR_INTERNAL;

	*der = (struct trust_buf){0};
	r = check_some_signer(signing, notification->this_update, msg);
	if (r == TRUST_OK)
		r = encode(signing, notification, &content, msg);
	if (r == TRUST_OK)
		r = trust_statement_sign(trust_buf_get0(&content),
		    signing->signers, signing->n_signers, der, msg);
	trust_buf_free(&content);
	return r;
}
