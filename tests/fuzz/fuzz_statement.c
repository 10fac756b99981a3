/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement.c: whatever is opened has content and signers, and without
 * anchors nobody is trusted.
 */
#include <stdlib.h>
#include <string.h>

#include "statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	trust_statement_free(statement);
	return 0;
}
