/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signed statement: CMS SignedData (RFC 5652) in DER with the content
 * inside and one or more signers.
 */
#ifndef TRUST_STATEMENT_H
#define TRUST_STATEMENT_H

#include <openssl/x509.h>

#include "span.h"
#include "sync_reason.h"

/* SignerInfos and certificates of one statement: each costs work before
 * anybody is known to be trusted. */
#define TRUST_STATEMENT_SIGNERS_MAX 16

/* Who signs. Borrowed. */
struct trust_statement_signer {
	X509 *certificate;
	EVP_PKEY *key;
};

/* Sign content with SHA-256 or better. The caller frees `out`. */
enum trust_err trust_statement_sign(struct trust_span content,
    const struct trust_statement_signer *signers, size_t n_signers,
    struct trust_buf *out, struct trust_message *msg) TRUST_MUST_CHECK;

struct trust_statement;

/*
 * Read a statement and verify the signature of every SignerInfo in it by the
 * certificate that it names: sync.md, refusals 1 and 2. `reason` is too_large,
 * malformed (not DER, trailing bytes, no SignedData, no content, no signer,
 * a signer without its certificate) or signature_invalid, and then `out` is
 * NULL; it says nothing about who signed. An error is the machinery's.
 */
enum trust_err trust_statement_open(struct trust_span der,
    struct trust_statement **out, enum trust_sync_reason *reason,
    struct trust_message *msg) TRUST_MUST_CHECK;
void trust_statement_free(struct trust_statement *statement);

/*
 * Whether enough distinct signers qualify: end-entity certificates with
 * digitalSignature, issued directly by one of the anchors, valid at both
 * times, their signatures and digests SHA-256 or better and keys of 112 bits;
 * signers are distinct by key. signer_untrusted when none does,
 * too_few_signers when fewer than `n_wanted` do. To be asked for now alone,
 * both times the same, before anything inside is read, and again with the
 * content's this_update: who is valid at the one does not stand in for who is
 * valid at the other.
 */
enum trust_err trust_statement_check_signers(
    const struct trust_statement *statement, STACK_OF(X509) *anchors,
    size_t n_wanted, int64_t now, int64_t this_update,
    enum trust_sync_reason *reason, struct trust_message *msg) TRUST_MUST_CHECK;

/* What was signed. Borrowed. */
struct trust_span trust_statement_get0_content(
    const struct trust_statement *statement);
/* For a person: subject of signer i and whether it qualifies is the caller's
 * business; NULL past the last. Borrowed. */
X509 *trust_statement_get0_signer(
    const struct trust_statement *statement, size_t i);

#endif
