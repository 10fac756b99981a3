/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c: whatever is opened has content and signers, and without
 * anchors nobody is trusted. A signer vouches for nobody.
 */
#include <stdlib.h>
#include <string.h>

#include "statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Within the validity of the seeds: 2026-12-01. */
#define NOW INT64_C(1796083200)

/* The rules for signers, with the first of them as the anchor. */
static void
check_signers(const struct trust_statement *statement)
{
	STACK_OF(X509) *anchors = sk_X509_new_null();
	struct trust_message msg = {0};
	enum trust_sync_reason reason;

	if (sk_X509_push(anchors, trust_statement_get0_signer(statement, 0)) ==
		0 ||
	    trust_statement_check_signers(
		statement, anchors, 1, NOW, NOW, &reason, &msg) != TRUST_OK ||
	    reason != TRUST_SYNC_SIGNER_UNTRUSTED ||
	    strchr(msg.text, '\n') != NULL)
		abort();
	sk_X509_free(anchors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trust_statement *statement;
	enum trust_sync_reason reason;
	struct trust_message msg = {0};
	struct trust_span der = {data, size};

	if (trust_statement_open(der, &statement, &reason, &msg) != TRUST_OK ||
	    (statement != NULL) != (reason == TRUST_SYNC_ACCEPTED) ||
	    strchr(msg.text, '\n') != NULL)
		abort();
	if (statement == NULL)
		return 0;
	if (trust_statement_get0_content(statement).p == NULL ||
	    trust_statement_get0_signer(statement, 0) == NULL ||
	    trust_statement_check_signers(
		statement, NULL, 0, 0, 0, &reason, &msg) != TRUST_OK ||
	    reason != TRUST_SYNC_SIGNER_UNTRUSTED)
		abort();
	check_signers(statement);
	trust_statement_free(statement);
	return 0;
}
