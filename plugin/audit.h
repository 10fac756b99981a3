/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log: a file of lines, appended to. It may be copied and cut short
 * by a log rotation ("copytruncate"), or moved away and made anew. A full
 * disk costs lines, and nothing else.
 */
#ifndef TRUST_AUDIT_H
#define TRUST_AUDIT_H

#include "trust.h"

struct trust_audit;

/* Append to the file, and make it (0640) if need be. TRUST_ERR_IO with the
 * file and the system's reason. */
enum trust_err trust_audit_open(const char *path, struct trust_audit **out,
    struct trust_message *msg) TRUST_MUST_CHECK;
/* NULL is safe. */
void trust_audit_close(struct trust_audit *audit);

/* Write a line; `text` has no newline. What cannot be written is counted, and
 * the broker's log says so once, and once more when it goes on. */
void trust_audit_write(struct trust_audit *audit, const char *text);

/* Go on in the file that has the name now. */
void trust_audit_reopen(struct trust_audit *audit);

#endif
