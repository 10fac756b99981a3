/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who signs an origin's scopes. Who may sign a registry and who may be a
 * device in it are kept apart: a device CA that could make signers could
 * write the registry.
 */
#include <openssl/err.h>
#include <string.h>

#include "certificate.h"
#include "registry_internal.h"

/* Their first parameter is the scope, but for the first. */
enum statement {
	LIST,
	FIND, /* sha256 */
	COUNT,
	CLEAR,
	ADD, /* sha256, certificate */
	N_STATEMENTS,
};

static const char *const sql[N_STATEMENTS] = {
    [LIST] = "SELECT scope, certificate FROM publication_signer"
	     " ORDER BY scope, sha256",
    [FIND] = "SELECT 1 FROM publication_signer"
	     " WHERE scope = ?1 AND sha256 = ?2",
    [COUNT] = "SELECT count(*) FROM publication_signer WHERE scope = ?1",
    [CLEAR] = "DELETE FROM publication_signer WHERE scope = ?1",
    [ADD] = "INSERT OR IGNORE INTO publication_signer VALUES(?1, ?2, ?3)",
};

struct signers {
	struct trust_registry *registry;
	const char *scope;
	X509 *const *v;
	size_t n;
	sqlite3_stmt *statements[N_STATEMENTS];
	struct trust_message *msg;
};

static enum trust_err
prepare(struct signers *signers)
{
	return trust_registry_file_prepare(&signers->registry->file, sql,
	    N_STATEMENTS, signers->statements, signers->msg);
}

static void
finalize(struct signers *signers)
{
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(signers->statements[i]);
}

/* ---- An anchor and a signer ---- */

/* Whether the one is named as the issuer of the other, where no key could tell:
 * not for lack of an algorithm, which the signer's issuer has here. */
static bool
is_named(const X509 *anchor, X509 *signer, const EVP_PKEY *key)
{
	int type = NID_undef;

	if (key != NULL &&
	    X509_get_signature_info(signer, NULL, &type, NULL, NULL) == 1 &&
	    EVP_PKEY_get_base_id(key) != type)
		return false;
	return X509_NAME_cmp(X509_get_subject_name(anchor),
		   X509_get_issuer_name(signer)) == 0;
}

/* The key that counts, whatever certificate it is in. In doubt, which is when
 * memory is short, the name does. */
static bool
stands_for(const X509 *anchor, X509 *signer)
{
	EVP_PKEY *key = X509_get0_pubkey(anchor);
	EVP_PKEY *own = X509_get0_pubkey(signer);
	bool found = false;
	int issued = -1;

	if (key != NULL && own != NULL)
		found = EVP_PKEY_eq(key, own) == 1;
	if (key != NULL && !found)
		issued = X509_verify(signer, key);
	found = found || issued == 1 ||
		(issued < 0 && is_named(anchor, signer, key));
	ERR_clear_error();
	return found;
}

static enum trust_err
refuse(const char *anchor, const char *scope, X509 *signer,
    struct trust_message *msg)
{
	char name[TRUST_SHOWN_MAX];

	return trust_err_set(msg, TRUST_ERR_INPUT,
	    "anchor %s: want another key than one that stands for signers of "
	    "the registry, got that of %s, who signs scope %s, or its issuer's",
	    anchor,
	    trust_certificate_show_name(X509_get_subject_name(signer), name),
	    scope);
}

static enum trust_err
check_anchor(const struct trust_record *record, const char *scope,
    X509 *const *signers, size_t n, struct trust_message *msg)
{
	enum trust_err r = TRUST_ERR_INTERNAL;
	STACK_OF(X509) *anchors = NULL;

	r = trust_certificate_parse_pem(
	    trust_span_of(record->u.anchor.pem), &anchors, msg);
	for (int i = 0; r == TRUST_OK && i < sk_X509_num(anchors); i++) {
		for (size_t j = 0; r == TRUST_OK && j < n; j++) {
			if (stands_for(sk_X509_value(anchors, i), signers[j]))
				r = refuse(record->id, scope, signers[j], msg);
		}
	}
	sk_X509_pop_free(anchors, X509_free);
	return r;
}

/* ---- Of an anchor that is put ---- */

/* The signer of the row that the list is at. */
static enum trust_err
check_row(struct signers *signers, const struct trust_record *record)
{
	sqlite3_stmt *list = signers->statements[LIST];
	const char *scope = (const char *)sqlite3_column_text(list, 0);
	enum trust_err r = TRUST_ERR_INTERNAL;
	X509 *signer = NULL;

	if (scope == NULL)
		return trust_registry_file_fail(
		    &signers->registry->file, signers->msg);
	r = trust_certificate_parse_der(
	    trust_registry_file_get0_bytes(list, 1), &signer, signers->msg);
	if (r == TRUST_ERR_INPUT)
		return trust_registry_file_damaged(
		    &signers->registry->file, signers->msg, "signer");
	if (r == TRUST_OK)
		r = check_anchor(record, scope, &signer, 1, signers->msg);
	X509_free(signer);
	return r;
}

enum trust_err
trust_registry_check_anchor(struct trust_registry *registry,
    const struct trust_record *record, struct trust_message *msg)
{
	struct signers signers = {.registry = registry, .msg = msg};
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row = true;

	r = prepare(&signers);
	while (r == TRUST_OK) {
		r = trust_registry_file_step(
		    &registry->file, signers.statements[LIST], &row, msg);
		if (r != TRUST_OK || !row)
			break;
		r = check_row(&signers, record);
	}
	finalize(&signers);
	return r;
}

/* ---- Of a scope that is signed ---- */

static enum trust_err
visit_anchor(void *arg, const char *id, struct trust_span line)
{
	struct signers *signers = arg;
	struct trust_record *record = NULL;
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_registry_parse(signers->registry, TRUST_KIND_ANCHOR, id, line,
	    &record, signers->msg);
	if (r == TRUST_OK)
		r = check_anchor(record, signers->scope, signers->v, signers->n,
		    signers->msg);
	trust_record_free(record);
	return r;
}

/* Bind the scope, and the thumbprint of signer i. */
static enum trust_err
bind_signer(struct signers *signers, enum statement which, size_t i,
    struct trust_thumbprint *sha256)
{
	sqlite3_stmt *statement = signers->statements[which];
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = trust_certificate_thumbprint(signers->v[i], sha256);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_text(
		statement, 1, signers->scope, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_bind_blob(statement, 2, sha256->b, sizeof(sha256->b),
		SQLITE_STATIC) != SQLITE_OK)
		return trust_registry_file_fail(
		    &signers->registry->file, signers->msg);
	return TRUST_OK;
}

/* Whether these and no others are noted. */
static enum trust_err
are_noted(struct signers *signers, bool *out)
{
	const struct trust_registry_file *file = &signers->registry->file;
	sqlite3_stmt *count = signers->statements[COUNT];
	struct trust_thumbprint sha256;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool row = true;

	*out = false;
	if (sqlite3_bind_text(count, 1, signers->scope, -1, SQLITE_STATIC) !=
	    SQLITE_OK)
		return trust_registry_file_fail(file, signers->msg);
	r = trust_registry_file_step(file, count, &row, signers->msg);
	row = r == TRUST_OK && row &&
	      sqlite3_column_int64(count, 0) == (int64_t)signers->n;
	trust_registry_file_reset(count);
	for (size_t i = 0; r == TRUST_OK && row && i < signers->n; i++) {
		r = bind_signer(signers, FIND, i, &sha256);
		if (r == TRUST_OK)
			r = trust_registry_file_step(file,
			    signers->statements[FIND], &row, signers->msg);
		trust_registry_file_reset(signers->statements[FIND]);
	}
	*out = r == TRUST_OK && row;
	return r;
}

static enum trust_err
add_signer(struct signers *signers, size_t i)
{
	const struct trust_registry_file *file = &signers->registry->file;
	sqlite3_stmt *add = signers->statements[ADD];
	struct trust_thumbprint sha256;
	enum trust_err r = TRUST_ERR_INTERNAL;
	uint8_t *der = NULL;
	int len = i2d_X509(signers->v[i], &der);

	if (len < 0)
		return TRUST_ERR_NOMEM;
	r = bind_signer(signers, ADD, i, &sha256);
	if (r == TRUST_OK &&
	    sqlite3_bind_blob(add, 3, der, len, SQLITE_STATIC) != SQLITE_OK)
		r = trust_registry_file_fail(file, signers->msg);
	if (r == TRUST_OK)
		r = trust_registry_file_exec(file, add, signers->msg);
	OPENSSL_free(der);
	return r;
}

static enum trust_err
replace_signers(struct signers *signers)
{
	const struct trust_registry_file *file = &signers->registry->file;
	sqlite3_stmt *clear = signers->statements[CLEAR];
	enum trust_err r = TRUST_ERR_INTERNAL;

	/* Again, as one may have been put meanwhile. */
	r = trust_registry_list(signers->registry, TRUST_KIND_ANCHOR,
	    visit_anchor, signers, signers->msg);
	if (r != TRUST_OK)
		return r;
	if (sqlite3_bind_text(clear, 1, signers->scope, -1, SQLITE_STATIC) !=
	    SQLITE_OK)
		return trust_registry_file_fail(file, signers->msg);
	r = trust_registry_file_exec(file, clear, signers->msg);
	for (size_t i = 0; r == TRUST_OK && i < signers->n; i++)
		r = add_signer(signers, i);
	return r;
}

static enum trust_err
note(struct signers *signers)
{
	struct trust_registry *registry = signers->registry;
	enum trust_err r = TRUST_ERR_INTERNAL;
	bool noted = false;

	r = trust_registry_list(
	    registry, TRUST_KIND_ANCHOR, visit_anchor, signers, signers->msg);
	if (r == TRUST_OK)
		r = are_noted(signers, &noted);
	if (r != TRUST_OK || noted)
		return r;
	r = trust_registry_begin(registry, signers->msg);
	if (r != TRUST_OK)
		return r;
	r = replace_signers(signers);
	if (r == TRUST_OK)
		return trust_registry_commit(registry, signers->msg);
	trust_registry_rollback(registry);
	return r;
}

enum trust_err
trust_registry_note_signers(struct trust_registry *registry, const char *scope,
    X509 *const *v, size_t n, struct trust_message *msg)
{
	struct signers signers = {
	    .registry = registry, .scope = scope, .v = v, .n = n, .msg = msg};
	enum trust_err r = TRUST_ERR_INTERNAL;

	r = prepare(&signers);
	if (r == TRUST_OK)
		r = note(&signers);
	finalize(&signers);
	return r;
}
