/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of JSON lines that says what was done, before it takes effect. A line
 * is on the disk when the call returns, and the file is opened for each: it
 * may be moved away at any time.
 */
#ifndef TRUST_LEDGER_H
#define TRUST_LEDGER_H

#include <jansson.h>

#include "trust.h"

/* Make the file (0640) where there is none, and see that it can be written. */
enum trust_err trust_ledger_open(
    const char *path, struct trust_message *msg) TRUST_MUST_CHECK;

/*
 * Append a line. Takes the reference; NULL counts as out of memory, so that
 * json_pack can be passed as it comes. After an error the line may be there in
 * part; the next one is kept apart from it.
 */
enum trust_err trust_ledger_write(
    const char *path, json_t *line, struct trust_message *msg) TRUST_MUST_CHECK;

#endif
